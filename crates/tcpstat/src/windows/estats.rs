//! The times of one connection: switches their collection on, and reads them. Windows collects
//! nothing of a connection before that, and an administrator must ask.

use super::functions::{FamilyFunctions, Functions, Subject, code};
use super::rows::Row;
use crate::{FunctionAnswer, NoTimes};

/// Path counts milliseconds, and says 0 for a round trip that took less than one: half of one is
/// nearest to all of those.
const LESS_THAN_A_MILLISECOND_US: u32 = 500;

/// One reading of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// 0 where nothing was timed yet.
    pub(crate) smoothed_us: u32,
    pub(crate) deviation_us: u32,
    /// Since collection was switched on; 0 where nothing was timed yet.
    pub(crate) min_us: u32,
    /// Bytes that the client acknowledged since collection was switched on.
    pub(crate) bytes_acked: u64,
    /// Segments with data that were sent since then.
    pub(crate) data_segments_out: u32,
}

/// Asks Windows to time this connection from now on. Says where its times will be found:
/// [`Subject::FineRtt`] where that is offered, else [`Subject::Path`].
///
/// # Errors
///
/// Why it is not timed.
pub(crate) fn switch_on(functions: &Functions, row: &Row) -> Result<Subject, NoTimes> {
    let names = row.family().function_names();
    let FamilyFunctions { switch_on, read, .. } = functions.of(row.family());
    let missing = |function| NoTimes::NotSupported { function, answer: FunctionAnswer::Missing };
    let switch_on = switch_on.as_ref().ok_or_else(|| missing(names.switch_on))?;
    // What can never be read need not be collected.
    read.as_ref().ok_or_else(|| missing(names.read))?;
    let ask = |subject| said(switch_on(row, subject), names.switch_on);
    ask(Subject::Data)?;
    if ask(Subject::FineRtt).is_ok() {
        return Ok(Subject::FineRtt);
    }
    ask(Subject::Path).map(|()| Subject::Path)
}

/// Reads what was collected of this connection; `times` is what [`switch_on`] said.
///
/// # Errors
///
/// [`NoTimes::NotYetEnabled`] where nothing is collected of it, and why it cannot be read.
pub(crate) fn read(functions: &Functions, row: &Row, times: Subject) -> Result<Reading, NoTimes> {
    let function = row.family().function_names().read;
    let missing = NoTimes::NotSupported { function, answer: FunctionAnswer::Missing };
    let read = functions.of(row.family()).read.as_ref().ok_or(missing)?;
    // The longest subject there is.
    let mut room = [0; Subject::Path.bytes() / 8];
    let mut get = |subject: Subject| {
        let mut is_collected = 0;
        room.fill(0);
        let part = room.get_mut(..subject.bytes() / 8).unwrap_or_default();
        said(read(row, subject, &mut is_collected, part), function)?;
        if is_collected == 0 {
            return Err(NoTimes::NotYetEnabled);
        }
        Ok(room)
    };
    let mut reading = match times {
        Subject::FineRtt => fine(&Words::of(&get(Subject::FineRtt)?)),
        _ => path(&Words::of(&get(Subject::Path)?)),
    };
    let data = get(Subject::Data)?;
    // TCP_ESTATS_DATA_ROD_v0: DataSegsOut is the second of its long words, ThruBytesAcked the tenth.
    let [_, segments, _, _, _, _, _, _, _, bytes_acked, ..] = data;
    reading.bytes_acked = bytes_acked;
    reading.data_segments_out = u32::try_from(segments).unwrap_or(u32::MAX);
    Ok(reading)
}

/// What a code of Windows says of a connection's times.
const fn said(code: u32, function: &'static str) -> Result<(), NoTimes> {
    let answer = FunctionAnswer::Code(code);
    match code {
        code::DONE => Ok(()),
        code::ACCESS_DENIED => Err(NoTimes::NotElevated),
        code::NOT_SUPPORTED | code::CALL_NOT_IMPLEMENTED => {
            Err(NoTimes::NotSupported { function, answer })
        }
        code::NOT_FOUND => Err(NoTimes::Gone),
        _ => Err(NoTimes::Failed { function, answer }),
    }
}

/// What Windows wrote, as the short words that most of it is made of.
struct Words([u32; 40]);

impl Words {
    fn of(long: &[u64; 20]) -> Self {
        let mut words = [0; 40];
        for (pair, long) in words.chunks_exact_mut(2).zip(long) {
            let [a, b, c, d, e, f, g, h] = long.to_ne_bytes();
            pair.copy_from_slice(&[[a, b, c, d], [e, f, g, h]].map(u32::from_ne_bytes));
        }
        Self(words)
    }
}

/// TCP_ESTATS_FINE_RTT_ROD_v0: RttVar, MaxRtt, MinRtt, SumRtt, in microseconds. The last one is the
/// smoothed time, whatever it is called.
const fn fine(words: &Words) -> Reading {
    let [deviation_us, _, min_us, smoothed_us, ..] = words.0;
    Reading { smoothed_us, deviation_us, min_us, bytes_acked: 0, data_segments_out: 0 }
}

/// TCP_ESTATS_PATH_ROD_v0, in milliseconds: SmoothedRtt at byte 108, RttVar behind it, MinRtt at 120;
/// CountRtt at 128 says how many round trips were timed.
fn path(words: &Words) -> Reading {
    let at = |byte: usize| words.0.get(byte / 4).copied().unwrap_or(0);
    if at(128) == 0 {
        return Reading::default();
    }
    let us = |ms: u32| ms.saturating_mul(1_000).max(LESS_THAN_A_MILLISECOND_US);
    Reading {
        smoothed_us: us(at(108)),
        deviation_us: at(112).saturating_mul(1_000),
        min_us: us(at(120)),
        ..Reading::default()
    }
}

#[cfg(test)]
mod tests;
