//! Weights as an order of turns: each item as often as its weight says, evenly spread, the same
//! whenever it is asked. Knows nothing of servers or regions.

/// The longest cycle that exact weights may need. Beyond it they are scaled down, which moves no
/// share by more than a thousandth of the whole; an item with any weight at all keeps one turn.
const CYCLE_MAX: u64 = 1024;

/// One cycle of turns, as indices into `weights`. An item of weight 0 has no turn.
///
/// With weight w the n-th turn of an item is due at (n + 1/2) / w of the cycle; the turns are in
/// the order they are due, ties in the order of the items. Equal weights alternate.
pub(crate) fn interleave(weights: &[u64]) -> Vec<u32> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let total: u128 = weights.iter().map(|weight| u128::from(weight / divisor)).sum();
    let scale = |weight: u64| -> u64 {
        if total <= u128::from(CYCLE_MAX) || weight == 0 {
            return weight / divisor;
        }
        let share = u128::from(weight / divisor) * u128::from(CYCLE_MAX) / total;
        u64::try_from(share).unwrap_or(CYCLE_MAX).max(1)
    };
    let mut due: Vec<(u64, u32)> = Vec::new();
    for (item, weight) in (0u32..).zip(weights.iter().map(|weight| scale(*weight))) {
        // A fraction of the cycle in units of 2^-32: weights are at most CYCLE_MAX by now.
        due.extend((0..weight).map(|nth| (((2 * nth + 1) << 32) / (2 * weight), item)));
    }
    due.sort_unstable();
    due.into_iter().map(|(_, item)| item).collect()
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(weights: &[u64], cycle: &[u32]) {
        assert_eq!(interleave(weights), cycle, "{weights:?}");
    }

    #[test]
    fn turns_are_spread_over_the_cycle() {
        check(&[], &[]);
        check(&[0, 0], &[]);
        check(&[7], &[0]);
        check(&[100, 100, 100], &[0, 1, 2]);
        check(&[200, 100], &[0, 1, 0]);
        check(&[3, 0, 1], &[0, 0, 2, 0]);
        check(&[4, 2, 1], &[0, 1, 0, 2, 0, 1, 0]);
    }

    #[test]
    fn any_weights_give_a_short_cycle_with_their_shares() {
        let weights = [u64::from(u32::MAX), 1_000_000_007, 1, 0, 3_999_999_979];
        let cycle = interleave(&weights);
        assert!(cycle.len() <= CYCLE_MAX as usize + weights.len());
        let total: u64 = weights.iter().sum();
        for (item, weight) in (0u32..).zip(weights) {
            let share = cycle.iter().filter(|turn| **turn == item).count() as f64;
            let off = share / cycle.len() as f64 - weight as f64 / total as f64;
            assert!(off.abs() < 0.002, "{item}: {off}");
            assert_eq!(share == 0.0, weight == 0);
        }
    }
}
