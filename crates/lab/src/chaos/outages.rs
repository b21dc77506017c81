//! What was missing when. Knows neither clock nor lab, and judges nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Something that can be missing, by the addresses of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The process of a host that others need: an overwatch, a web server, etcd. An agent is none.
    Process(IpAddr),
    /// The way between two hosts; made by [`Part::way`].
    Way(IpAddr, IpAddr),
    /// It is there, and slow; made by [`Part::slow`].
    Slow(IpAddr, IpAddr),
}

impl Part {
    /// The same from either end.
    pub(super) fn way(one: IpAddr, other: IpAddr) -> Self {
        Self::Way(one.min(other), one.max(other))
    }

    /// Likewise.
    pub(super) fn slow(one: IpAddr, other: IpAddr) -> Self {
        Self::Slow(one.min(other), one.max(other))
    }
}

/// From when until when something was missing, in microseconds of the system's clock; `None`: it still is.
type Span = (u64, Option<u64>);

/// All that was missing. Some entries for each fault of a run.
#[derive(Debug, Default)]
pub(super) struct Outages(BTreeMap<Part, Vec<Span>>);

impl Outages {
    pub(super) fn began(&mut self, part: Part, at_us: u64) {
        self.0.entry(part).or_default().push((at_us, None));
    }

    pub(super) fn ended(&mut self, part: Part, at_us: u64) {
        if let Some((_, until)) = self.0.get_mut(&part).and_then(|all| all.last_mut()) {
            until.get_or_insert(at_us);
        }
    }

    /// Since when it has been missing at `at_us`.
    pub(super) fn since(&self, part: Part, at_us: u64) -> Option<u64> {
        self.within(part, (at_us, at_us)).map(|(from, _)| *from).min()
    }

    /// When it was last back, before `at_us`.
    pub(super) fn back_at(&self, part: Part, at_us: u64) -> Option<u64> {
        let all = self.0.get(&part)?;
        all.iter().filter_map(|(_, until)| *until).filter(|until| *until <= at_us).max()
    }

    /// Was it missing at any moment of that time?
    pub(super) fn touch(&self, part: Part, time_us: (u64, u64)) -> bool {
        self.within(part, time_us).next().is_some()
    }

    /// Was it missing from the beginning to the end of that time?
    pub(super) fn cover(&self, part: Part, (from_us, to_us): (u64, u64)) -> bool {
        let is_whole =
            |(from, until): &Span| *from <= from_us && until.is_none_or(|until| to_us < until);
        self.within(part, (from_us, to_us)).any(is_whole)
    }

    fn within(&self, part: Part, (from_us, to_us): (u64, u64)) -> impl Iterator<Item = &Span> {
        let all = self.0.get(&part).into_iter().flatten();
        all.filter(move |(from, until)| *from <= to_us && until.is_none_or(|until| from_us < until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_apart() {
        let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        let way = Part::way(other, one);
        assert_eq!(way, Part::way(one, other));
        let mut outages = Outages::default();
        outages.began(way, 10);
        outages.ended(way, 20);
        outages.began(way, 30);
        let since = |at_us| outages.since(way, at_us);
        assert_eq!([9, 10, 19, 20, 30].map(since), [None, Some(10), Some(10), None, Some(30)]);
        assert_eq!([19, 20, 40].map(|at| outages.back_at(way, at)), [None, Some(20), Some(20)]);
        let times = [(0, 9), (0, 10), (19, 25), (20, 29), (25, 99)];
        assert_eq!(times.map(|time| outages.touch(way, time)), [false, true, true, false, true]);
        let times = [(9, 12), (10, 19), (10, 20), (15, 40), (30, 99)];
        assert_eq!(times.map(|time| outages.cover(way, time)), [false, true, false, false, true]);
        assert!(!outages.touch(Part::slow(one, other), (0, 99)), "it was not slow");
    }
}
