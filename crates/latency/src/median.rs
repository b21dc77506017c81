//! The middle of weighted values: half of the weight lies on either side.

/// The weighted median of values with their weights; sorts them. The mean of the two middle ones
/// where the halves meet between them. `None` where there is no value. Weights are at least 1.
pub(crate) fn median(values: &mut [(u32, u32)]) -> Option<u32> {
    values.sort_unstable();
    let total: u64 = values.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let mut below = 0;
    let mut lower = None;
    for (value, weight) in values.iter() {
        if let Some(lower) = lower {
            return Some(u32::midpoint(lower, *value));
        }
        below += u64::from(*weight);
        if below * 2 > total {
            return Some(*value);
        }
        if below * 2 == total {
            lower = Some(*value);
        }
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[(u32, u32)], expect: Option<u32>) {
        let mut forward = values.to_vec();
        let mut backward: Vec<_> = values.iter().rev().copied().collect();
        assert_eq!(median(&mut forward), expect, "{values:?}");
        assert_eq!(median(&mut backward), expect, "{values:?} reversed");
    }

    #[test]
    fn the_middle_of_the_weight() {
        check(&[], None);
        check(&[(7, 1)], Some(7));
        check(&[(7, 9)], Some(7));
        check(&[(1, 1), (2, 1), (900, 1)], Some(2));
        check(&[(1, 1), (2, 1), (4, 1), (900, 1)], Some(3));
        check(&[(1, 1), (2, 1), (900, 4)], Some(900));
        check(&[(1, 2), (900, 2)], Some(450));
        check(&[(u32::MAX, 1), (u32::MAX, 1)], Some(u32::MAX));
    }
}
