//! What changed a table, as bytes, and the same done again: a journal's content. Knows no file;
//! whoever keeps the bytes sees to it that damaged ones are noticed.
//!
//! A batch is the moment when it was taken, then steps: a byte that says which, and what it was
//! called with. Nothing is in it that the table refused. Done again to a table that is not what it was,
//! a step is refused as anything else that does not fit.

use latency::bytes::{BytesFault, Reader, put_name, put_number};
use latency::{Lane, Report, Table};
use mesh::{Frame, FrameDecoder, encode};
use model::{AgentId, Time};

/// Most bytes that wait for somebody who takes them: the rows of ten minutes at ten thousand a second.
/// Past it none are kept, and whoever takes them is told that there is a gap.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One thing that changed a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    Report { agent: &'a AgentId, epoch: u64, report: &'a Report, now: Time },
    Mend { agent: &'a AgentId, epoch: u64, report: &'a Report, now: Time },
    Repeat { agent: &'a AgentId, epoch: u64, report: &'a Report, now: Time },
    Ttl { agent: &'a AgentId, ttl_ms: u64 },
    Lane { agent: &'a AgentId, port: u16, lane: &'a Lane },
    NoLane { agent: &'a AgentId, port: u16 },
    Forget { agent: &'a AgentId },
    Hold { agent: &'a AgentId, since: Time },
    Accept { agent: &'a AgentId, now: Time },
    Expire { now: Time },
}

/// Steps that nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    bytes: Vec<u8>,
    /// Whether some are missing.
    has_gap: bool,
}

/// What was done again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Steps.
    pub steps: u64,
    /// Those of them that the table refused.
    pub refused: u64,
    /// When the last batch was taken; `None` where there was none.
    pub through: Option<Time>,
}

impl Steps {
    pub(crate) fn push(&mut self, step: &Step<'_>) {
        let before = self.bytes.len();
        if self.has_gap {
            return;
        }
        if put(&mut self.bytes, step).is_err() || self.bytes.len() > WAITING_BYTES_MAX {
            self.has_gap = true;
            self.bytes.truncate(before);
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A batch, empty where there is nothing; `None` where something is missing in it.
    pub(crate) fn take(&mut self, now: Time) -> Option<Vec<u8>> {
        let Self { bytes, has_gap } = std::mem::take(self);
        if has_gap {
            return None;
        }
        if bytes.is_empty() {
            return Some(bytes);
        }
        let mut batch = batch_of_none(now);
        batch.extend(bytes);
        Some(batch)
    }
}

/// A batch without steps: that the table says all up to a moment.
#[must_use]
pub fn batch_of_none(now: Time) -> Vec<u8> {
    now.unix_ms().to_le_bytes().to_vec()
}

/// Does the steps of a batch again.
///
/// # Errors
///
/// It is none. What comes before the fault was done.
pub fn replay(table: &mut Table, batch: &[u8], replayed: &mut Replayed) -> Result<(), BytesFault> {
    let mut reader = Reader::new(batch, "a step");
    let through = Time::from_unix_ms(reader.u64()?);
    while !reader.is_empty() {
        let is_taken = replay_one(table, &mut reader)?;
        replayed.steps += 1;
        replayed.refused += u64::from(!is_taken);
    }
    replayed.through = Some(through);
    Ok(())
}

/// A report that cannot travel cannot be kept either.
fn put(bytes: &mut Vec<u8>, step: &Step<'_>) -> Result<(), mesh::EncodeError> {
    match *step {
        Step::Report { agent, epoch, report, now } => {
            put_report(bytes, (1, agent), (epoch, report), now)?;
        }
        Step::Mend { agent, epoch, report, now } => {
            put_report(bytes, (2, agent), (epoch, report), now)?;
        }
        Step::Repeat { agent, epoch, report, now } => {
            put_report(bytes, (10, agent), (epoch, report), now)?;
        }
        Step::Ttl { agent, ttl_ms } => {
            begin(bytes, 3, agent);
            bytes.extend(ttl_ms.to_le_bytes());
        }
        Step::Lane { agent, port, lane } => {
            begin(bytes, 4, agent);
            bytes.extend(port.to_le_bytes());
            put_name(bytes, lane.region.as_str());
            put_number(bytes, lane.services.len() as u128);
            lane.services.iter().for_each(|service| put_name(bytes, service.as_str()));
        }
        Step::NoLane { agent, port } => {
            begin(bytes, 5, agent);
            bytes.extend(port.to_le_bytes());
        }
        Step::Forget { agent } => begin(bytes, 6, agent),
        Step::Hold { agent, since: time } => {
            begin(bytes, 7, agent);
            bytes.extend(time.unix_ms().to_le_bytes());
        }
        Step::Accept { agent, now: time } => {
            begin(bytes, 8, agent);
            bytes.extend(time.unix_ms().to_le_bytes());
        }
        Step::Expire { now } => {
            bytes.push(9);
            bytes.extend(now.unix_ms().to_le_bytes());
        }
    }
    Ok(())
}

fn begin(bytes: &mut Vec<u8>, kind: u8, agent: &AgentId) {
    bytes.push(kind);
    put_name(bytes, agent.as_str());
}

/// As the agent's own frame, which says its length.
fn put_report(
    bytes: &mut Vec<u8>,
    (kind, agent): (u8, &AgentId),
    (epoch, report): (u64, &Report),
    now: Time,
) -> Result<(), mesh::EncodeError> {
    begin(bytes, kind, agent);
    bytes.extend(now.unix_ms().to_le_bytes());
    encode(&Frame::Report { epoch, report: report.clone() }, bytes)
}

/// Does one step; says whether the table took it.
fn replay_one(table: &mut Table, reader: &mut Reader<'_>) -> Result<bool, BytesFault> {
    let kind = reader.u8()?;
    if kind == 9 {
        table.expire(Time::from_unix_ms(reader.u64()?));
        return Ok(true);
    }
    let agent = reader.agent()?;
    match kind {
        1 | 2 | 10 => {
            let now = Time::from_unix_ms(reader.u64()?);
            let (epoch, report) = read_report(reader)?;
            let taken = match kind {
                1 => table.apply(&agent, epoch, &report, now),
                10 => table.repeat(&agent, epoch, report, now),
                _ => table.mend(&agent, epoch, report, now),
            };
            return Ok(taken.is_ok());
        }
        3 => table.set_ttl(&agent, reader.u64()?),
        4 => {
            let (port, region) = (reader.u16()?, reader.name()?);
            let services = (0..reader.number()?).map(|_| reader.name());
            let services = services.collect::<Result<_, _>>()?;
            table.set_lane(&agent, port, Lane { services, region });
        }
        5 => table.remove_lane(&agent, reader.u16()?),
        6 => table.forget(&agent),
        7 => table.hold(&agent, Time::from_unix_ms(reader.u64()?)),
        8 => drop(table.accept(&agent, Time::from_unix_ms(reader.u64()?))),
        _ => return Err(reader.fault()),
    }
    Ok(true)
}

fn read_report(reader: &mut Reader<'_>) -> Result<(u64, Report), BytesFault> {
    let mut ahead = *reader;
    let length =
        ahead.take(4)?.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
    let frame = reader.take(4 + length)?;
    let mut decoder = FrameDecoder::new();
    decoder.prove();
    decoder.push(frame);
    match decoder.next_frame() {
        Ok(Some(Frame::Report { epoch, report })) => Ok((epoch, report)),
        _ => Err(reader.fault()),
    }
}

#[cfg(test)]
mod tests;
