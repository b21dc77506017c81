//! Numbers in few significant bits: as they travel (`mesh`), and as the table keeps them.
//!
//! A code counts the values that can be told apart, in order: small values are their own code, and
//! above them each doubling has the same number of codes. Rounding twice changes nothing, so a
//! value that is passed on stays what it is. Knows no bytes and no rows.

use model::{Rtt, RttError};

/// Significant bits of a round-trip time: off by 0.2 % at most, a tenth of what makes a row worth
/// sending again.
const RTT_BITS: u32 = 9;

/// Significant bits of a deviation: off by 6 % at most. It is an estimate of a spread.
const DEVIATION_BITS: u32 = 4;

/// The code of a round-trip time, below 2^13.
#[must_use]
pub fn rtt_code(rtt: Rtt) -> u32 {
    let code = code_of(rtt.us(), RTT_BITS);
    // The longest times would be rounded up over the limit.
    if value_of(code, RTT_BITS) > u64::from(Rtt::MAX_US) { code - 1 } else { code }
}

/// The round-trip time of a code.
///
/// # Errors
///
/// Zero, and more than a round-trip time can be.
pub fn rtt_of_code(code: u32) -> Result<Rtt, RttError> {
    Rtt::from_us(value_of(code, RTT_BITS))
}

/// The code of a deviation, below 2^8; one over [`Rtt::MAX_US`] counts as that.
#[must_use]
pub fn deviation_code(deviation_us: u32) -> u32 {
    code_of(deviation_us.min(Rtt::MAX_US), DEVIATION_BITS)
}

/// The deviation of a code in microseconds; `None` over [`Rtt::MAX_US`].
#[must_use]
pub fn deviation_of_code(code: u32) -> Option<u32> {
    let value = u32::try_from(value_of(code, DEVIATION_BITS)).ok()?;
    (value <= Rtt::MAX_US).then_some(value)
}

/// The code of the nearest value with `bits` significant bits.
const fn code_of(value: u32, bits: u32) -> u32 {
    let shift = shift_of(value, bits);
    let half = if shift == 0 { 0 } else { 1_u64 << (shift - 1) };
    code_above(value, half, bits)
}

/// The code of a value with `bits` significant bits, rounded down or up by lot: up as often as the
/// value lies above the one below. So many of them together are what they were, and of one lot a
/// higher value never has the lower code.
pub(crate) const fn code_by_lot(value: u32, lot: u32, bits: u32) -> u32 {
    let below_one = (1_u64 << shift_of(value, bits)) - 1;
    code_above(value, lot as u64 & below_one, bits)
}

/// How many bits of a value do not count.
const fn shift_of(value: u32, bits: u32) -> u32 {
    (u32::BITS - value.leading_zeros()).saturating_sub(bits)
}

/// The code of what a value is with so much more, cut off.
const fn code_above(value: u32, more: u64, bits: u32) -> u32 {
    let shift = shift_of(value, bits);
    // Rounding up to the next power of two is the next doubling's first code.
    let rounded = (value as u64 + more) >> shift;
    #[expect(clippy::cast_possible_truncation, reason = "at most 2^bits")]
    let rounded = rounded as u32;
    (shift << (bits - 1)) + rounded
}

/// The value of a code; `u64::MAX` for one that no `u32` has.
pub(crate) const fn value_of(code: u32, bits: u32) -> u64 {
    let shift = (code >> (bits - 1)).saturating_sub(1);
    if shift > u32::BITS - bits {
        return if code == (u32::BITS - bits + 2) << (bits - 1) {
            1 << u32::BITS
        } else {
            u64::MAX
        };
    }
    ((code - (shift << (bits - 1))) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around_powers_of_two() -> impl Iterator<Item = u32> {
        (0..26).flat_map(|shift| {
            let power = 1_u32 << shift;
            [power - 1, power, power + 1, power + power / 3, power + power / 2]
        })
    }

    #[test]
    fn codes_keep_order_and_precision_and_settle_at_once() {
        let mut values: Vec<u32> = around_powers_of_two().chain([Rtt::MAX_US]).collect();
        values.sort_unstable();
        for bits in [RTT_BITS, DEVIATION_BITS] {
            let codes: Vec<u32> = values.iter().map(|value| code_of(*value, bits)).collect();
            assert!(codes.is_sorted());
            for (value, code) in values.iter().zip(codes) {
                let back = value_of(code, bits);
                let off = back.abs_diff(u64::from(*value));
                assert!(off << bits <= u64::from(*value), "{value} became {back}");
                assert_eq!(code_of(u32::try_from(back).unwrap(), bits), code);
            }
        }
    }

    #[test]
    fn every_time_has_a_code_and_not_every_code_a_time() {
        for us in around_powers_of_two().chain([Rtt::MAX_US]).filter(|us| *us > 0) {
            let rtt = Rtt::from_us(u64::from(us)).unwrap();
            let back = rtt_of_code(rtt_code(rtt)).unwrap();
            assert_eq!(rtt_code(back), rtt_code(rtt));
            assert!(rtt_code(rtt) < 1 << 13 && deviation_code(us) < 1 << 8);
        }
        assert_eq!(rtt_of_code(0), Err(RttError::Zero));
        assert!(rtt_of_code(5_000).is_err() && rtt_of_code(u32::MAX).is_err());
        assert_eq!(deviation_of_code(deviation_code(u32::MAX)), Some(58_720_256));
        assert_eq!(deviation_of_code(deviation_code(0)), Some(0));
        assert_eq!(deviation_of_code(255), None);
    }

    #[test]
    fn what_is_rounded_by_lot_is_right_on_the_whole_and_keeps_its_order() {
        let lots = || (0..1_000_u32).map(|number| number.wrapping_mul(0x9e37_79b1));
        for value in [31, 33, 100, 1_001, 65_535, 65_537, 3_000_000_000, u32::MAX] {
            let sum: u64 = lots().map(|lot| value_of(code_by_lot(value, lot, 5), 5)).sum();
            let off = (sum / 1_000).abs_diff(u64::from(value));
            assert!(off <= u64::from(value) / 500, "{value}: {off}");
            for lot in lots() {
                let code = code_by_lot(value, lot, 5);
                assert!(code_by_lot(value - 1, lot, 5) <= code, "{value} {lot}");
                let back = u32::try_from(value_of(code, 5)).unwrap_or(u32::MAX);
                assert!(back == u32::MAX || code_by_lot(back, !lot, 5) == code, "{value} {lot}");
            }
        }
    }
}
