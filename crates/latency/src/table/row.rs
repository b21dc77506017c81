//! What one agent said about one client network, and the 72 bits that it is kept in. Knows neither
//! the network nor where the bits lie.
//!
//! See `docs/decisions/0053-rows-in-nine-bytes.md`.

use model::{Rtt, Time};

use super::Position;
use super::level::Level;
use crate::quantise::{
    code_by_lot, deviation_code, deviation_of_code, rtt_code, rtt_of_code, value_of,
};

/// What one agent said about one client network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The average round-trip time.
    pub(crate) rtt: Rtt,
    /// The mean deviation from it, in microseconds.
    pub(crate) deviation_us: u32,
    /// Connections counted since the row began.
    pub(crate) samples: u32,
    /// When the last was counted; never in this table's future.
    pub(crate) observed_at: Time,
    /// What is usual.
    pub(crate) level: Level,
    /// The life of its agent and the number of the report that told it last; a later number where
    /// many were told since ([`super::rows::tellings`]).
    pub(crate) told: Position,
}

/// A row as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Everything but the time of observation.
    pub(super) bits: u64,
    /// The time of observation, in [`UNIT_MS`].
    pub(super) observed: u32,
}

/// Times of observation are kept to eight seconds: a hundredth of what the shortest time to live
/// is, and short beside the hour in which a row loses half its weight.
pub(super) const UNIT_MS: u64 = 8_000;

/// Known networks settle in so many eras, and are counted in them until then.
const ERAS: u64 = 5;

/// A fifth of the six hours that a level takes to settle, so that a row counts as settled after six
/// hours at least and an era more at most.
pub(super) const ERA_MS: u64 = 6 * 3_600_000 / ERAS;

/// The stage of a row that is long known.
const SETTLED: u32 = 0;
/// The stage of one that is known since this era or its beginning. One more for each era before.
const YOUNGEST: u32 = 1;
/// The last stage but settled.
const OLDEST: u32 = YOUNGEST + 5;
/// The stage of a settled row of which a deep fall was believed.
const FALLEN: u32 = 7;

/// Significant bits of a count of connections: 32 and less are exact. Above, each network has its own
/// lot, which never changes: so counts only grow, and many of them together are exact. Beside the
/// bits stand the exact ones of some rows ([`super::rows`]).
const SAMPLES_BITS: u32 = 5;
/// The highest count whose bits say all.
const EXACT_MAX: u32 = 1 << SAMPLES_BITS;
/// Significant bits of the usual time. Rounded by a new lot each time: it moves by far less than
/// can be told apart.
const USUAL_BITS: u32 = 6;

/// Some of the bits.
#[derive(Clone, Copy)]
struct Field {
    shift: u32,
    bits: u32,
}

const RTT: Field = Field { shift: 0, bits: 13 };
const DEVIATION: Field = Field { shift: 13, bits: 8 };
const SAMPLES: Field = Field { shift: 21, bits: 9 };
const USUAL: Field = Field { shift: 30, bits: 10 };
const STAGE: Field = Field { shift: 40, bits: 3 };
const TELLING: Field = Field { shift: 43, bits: 12 };

/// How many bits a row has beside its time of observation.
pub(super) const ROW_BITS: u32 = 55;
/// How many its time of observation has: 12 days of [`UNIT_MS`].
pub(super) const OBSERVED_BITS: u32 = 17;
/// What both take.
pub(super) const ROW_BYTES: usize = ((ROW_BITS + OBSERVED_BITS) / 8) as usize;
/// How many tellings can be told apart.
pub(super) const TELLINGS_MAX: usize = 1 << TELLING.bits;

impl Field {
    const fn mask(self) -> u64 {
        ((1 << self.bits) - 1) << self.shift
    }

    #[expect(clippy::cast_possible_truncation, reason = "no field has more than 13 bits")]
    const fn of(self, bits: u64) -> u32 {
        ((bits & self.mask()) >> self.shift) as u32
    }

    const fn with(self, bits: u64, value: u32) -> u64 {
        bits & !self.mask() | ((value as u64) << self.shift) & self.mask()
    }
}

/// A moment as it is kept.
pub(super) const fn kept_time(at: Time) -> Time {
    Time::from_unix_ms(at.unix_ms() / UNIT_MS * UNIT_MS)
}

/// The same in units, up to the year 3058.
pub(super) fn units_of(at: Time) -> u32 {
    u32::try_from(at.unix_ms() / UNIT_MS).unwrap_or(u32::MAX)
}

impl Kept {
    /// A row of a network that has this lot, in an era counted from 1970.
    pub(super) fn of(row: &Row, lot: u64, era: u64, telling: u16) -> Self {
        let observed = units_of(row.observed_at);
        let samples = match row.samples {
            // The very last one has no neighbour above.
            u32::MAX => code_by_lot(u32::MAX, u32::MAX, SAMPLES_BITS),
            samples => code_by_lot(samples, half(lot), SAMPLES_BITS),
        };
        let usual_lot = mix(lot, u64::from(observed) << 32 | u64::from(row.level.usual_us));
        let usual = code_by_lot(row.level.usual_us, half(usual_lot), USUAL_BITS);
        let fields = [
            (RTT, rtt_code(row.rtt)),
            (DEVIATION, deviation_code(row.deviation_us)),
            (SAMPLES, samples),
            (USUAL, usual),
            (STAGE, stage_of(&row.level, era)),
            (TELLING, u32::from(telling)),
        ];
        let bits = fields.into_iter().fold(0, |bits, (field, value)| field.with(bits, value));
        Self { bits, observed }
    }

    /// The row in an era, with its count as the bits say it; `None` for bits that no row has.
    pub(super) fn row(self, era: u64, told: Position) -> Option<Row> {
        let usual_us = value_of(USUAL.of(self.bits), USUAL_BITS);
        let usual_us = u32::try_from(usual_us).unwrap_or(u32::MAX);
        let stage = STAGE.of(self.bits);
        let since = if stage == SETTLED || stage == FALLEN {
            Time::EPOCH
        } else {
            let eras = (era + 1).saturating_sub(u64::from(stage - YOUNGEST));
            Time::from_unix_ms(eras.saturating_mul(ERA_MS))
        };
        Some(Row {
            rtt: rtt_of_code(RTT.of(self.bits)).ok()?,
            deviation_us: deviation_of_code(DEVIATION.of(self.bits))?,
            samples: self.samples(),
            observed_at: self.observed_at(),
            level: Level { usual_us, since, is_fallen: stage == FALLEN },
            told,
        })
    }

    pub(super) const fn observed_at(self) -> Time {
        Time::from_unix_ms(self.observed as u64 * UNIT_MS)
    }

    /// The average round-trip time in microseconds.
    pub(super) fn rtt_us(self) -> u64 {
        rtt_of_code(RTT.of(self.bits)).map_or(u64::MAX, |rtt| rtt.us().into())
    }

    /// Connections counted: no more, and no fewer.
    pub(super) fn samples_around(self) -> (u64, u64) {
        let code = SAMPLES.of(self.bits);
        let rounded = value_of(code, SAMPLES_BITS);
        if self.is_count_exact() {
            return (rounded, rounded);
        }
        // Rounded up from more than the one before, or down from less than the one behind.
        (value_of(code.saturating_sub(1), SAMPLES_BITS), value_of(code + 1, SAMPLES_BITS))
    }

    /// Connections counted, as far as the bits say.
    pub(super) fn samples(self) -> u32 {
        u32::try_from(value_of(SAMPLES.of(self.bits), SAMPLES_BITS)).unwrap_or(u32::MAX)
    }

    /// Whether the bits say it to the last connection.
    pub(super) fn is_count_exact(self) -> bool {
        self.samples() < EXACT_MAX
    }

    /// Which telling it is of.
    #[expect(clippy::cast_possible_truncation, reason = "12 bits")]
    pub(super) const fn telling(self) -> u16 {
        TELLING.of(self.bits) as u16
    }

    /// The same row of another telling.
    pub(super) fn of_telling(self, telling: u16) -> Self {
        Self { bits: TELLING.with(self.bits, u32::from(telling)), ..self }
    }

    /// Whether it is still to settle.
    pub(super) const fn is_young(self) -> bool {
        let stage = STAGE.of(self.bits);
        stage != SETTLED && stage != FALLEN
    }

    /// The same row so many eras later.
    pub(super) fn aged(self, eras: u64) -> Self {
        let stage = u64::from(STAGE.of(self.bits)) + eras;
        let stage = u32::try_from(stage).ok().filter(|stage| *stage <= OLDEST).unwrap_or(SETTLED);
        if self.is_young() { Self { bits: STAGE.with(self.bits, stage), ..self } } else { self }
    }

    /// What its agent said, in 64 bits: neither what this table makes of it nor when it was
    /// observed.
    pub(super) const fn said(self, lot: u64) -> u64 {
        mix(lot, self.bits & (RTT.mask() | DEVIATION.mask() | SAMPLES.mask()))
    }
}

/// In which stage a level is.
fn stage_of(level: &Level, era: u64) -> u32 {
    if level.is_fallen {
        return FALLEN;
    }
    let eras = (era + 1).saturating_mul(ERA_MS).saturating_sub(level.since.unix_ms()) / ERA_MS;
    let stage = u32::try_from(eras).map_or(OLDEST + 1, |eras| eras.saturating_add(YOUNGEST));
    if stage > OLDEST { SETTLED } else { stage }
}

/// Half of the bits.
const fn half(lot: u64) -> u32 {
    (lot >> 32) as u32
}

/// One more word: multiplied by an odd number (2^64 divided by the golden ratio), and its high bits
/// folded down. Against chance, not against a liar.
pub(super) const fn mix(hash: u64, word: u64) -> u64 {
    let product = (hash ^ word).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let folded = product ^ product >> 32;
    folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ folded >> 29
}
