//! A set of ports as ranges: what both filters are made of. Fewer ranges, shorter filters.

use std::collections::BTreeSet;

/// Neighbouring ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PortRange {
    pub(crate) first: u16,
    pub(crate) last: u16,
}

/// The ranges of a set, ascending, with at least one port left out between any two.
pub(crate) fn ranges(ports: &BTreeSet<u16>) -> Vec<PortRange> {
    let mut ranges: Vec<PortRange> = Vec::new();
    for &port in ports {
        match ranges.last_mut() {
            Some(range) if range.last.checked_add(1) == Some(port) => range.last = port,
            _ => ranges.push(PortRange { first: port, last: port }),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ports: &[u16], expected: &[(u16, u16)]) {
        let found: Vec<_> = ranges(&ports.iter().copied().collect())
            .iter()
            .map(|range| (range.first, range.last))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn neighbours_join() {
        check(&[], &[]);
        check(&[80], &[(80, 80)]);
        check(&[443, 80], &[(80, 80), (443, 443)]);
        check(&[80, 81, 82, 84], &[(80, 82), (84, 84)]);
        check(&[0, 1, 65_534, 65_535], &[(0, 1), (65_534, 65_535)]);
    }
}
