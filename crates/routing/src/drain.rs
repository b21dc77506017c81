//! Regions that are left by a part of their clients: those that an operator empties by hand, and
//! those that are full.
//!
//! Whether a client is sent elsewhere is a function of its network, the region and the drained
//! share. So every overwatch comes to the same, a larger share only adds clients, and a smaller one
//! only gives clients back. The map knows nothing of it: draining moves nobody else.

use std::collections::BTreeMap;
use std::net::IpAddr;

use model::{Region, Subnet, Time};

use crate::ranking::{RankedRegion, Ranking};
use crate::{DomainSettings, slot};

/// The network that is drained as one. Narrow, so that a share of the networks is near to the same
/// share of the clients; not narrower, since each is a scope of its own while a region is drained in part.
const WIDTH_IPV4: u8 = 20;
/// The same for IPv6.
const WIDTH_IPV6: u8 = 40;

/// All clients of a region, in the units of a drained share.
const WHOLE: u64 = 65_536;

/// How much of a region's clients is sent elsewhere, from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// The share at the beginning, in thousandths of the clients.
    pub from_permille: u16,
    /// The share at the end, in thousandths of the clients; 1,000 is all.
    pub to_permille: u16,
    /// When it began.
    pub began: Time,
    /// How long it takes to get from the one to the other, in milliseconds.
    pub over_ms: u64,
}

/// The drains of a domain's regions, by number; empty where there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drains {
    by_hand: Vec<Option<Drain>>,
    /// What is sent on of the rest since the region is full, in 65,536ths ([`crate::Capacity`]).
    spilled: Vec<u16>,
}

/// The drains, as far as they concern one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drained<'a> {
    drains: &'a Drains,
    client: IpAddr,
    now: Time,
}

impl Drain {
    /// The share that is sent elsewhere, in thousandths.
    #[must_use]
    pub fn permille(&self, now: Time) -> u16 {
        // No more than a thousand, so it fits.
        u16::try_from(self.share(now) * 1_000 / WHOLE).unwrap_or(1_000)
    }

    /// Whether the end is reached.
    #[must_use]
    pub fn is_there(&self, now: Time) -> bool {
        now.ms_since(self.began) >= self.over_ms
    }

    /// In 65,536ths; in a straight line from beginning to end.
    fn share(&self, now: Time) -> u64 {
        let [from, to] = [self.from_permille, self.to_permille]
            .map(|permille| u64::from(permille.min(1_000)) * WHOLE / 1_000);
        let elapsed_ms = now.ms_since(self.began);
        if elapsed_ms >= self.over_ms {
            return to;
        }
        let part = |by: u64| {
            let part = u128::from(by) * u128::from(elapsed_ms) / u128::from(self.over_ms);
            u64::try_from(part).unwrap_or(by)
        };
        if to > from { from + part(to - from) } else { from - part(from - to) }
    }
}

impl Drains {
    /// Those of this domain's regions.
    pub(crate) fn of(settings: &DomainSettings, drains: &BTreeMap<Region, Drain>) -> Self {
        if drains.is_empty() {
            return Self::default();
        }
        let regions = settings.regions.iter();
        let by_hand = regions.map(|region| drains.get(&region.name).copied()).collect();
        Self { by_hand, spilled: Vec::new() }
    }

    /// The same, with these shares sent on.
    pub(crate) fn spilling(self, spilled: Vec<u16>) -> Self {
        Self { spilled, ..self }
    }

    /// As far as they concern this client.
    pub(crate) fn of_client(&self, client: IpAddr, now: Time) -> Drained<'_> {
        Drained { drains: self, client, now }
    }
}

impl Drained<'_> {
    /// Whether the client is sent elsewhere than to this region.
    pub(crate) fn from(&self, region: u16) -> bool {
        let share = self.share(region);
        share > 0 && u64::from(slot::draw(self.network(), region, DRAW)) < share
    }

    /// Whether it is since the region is full, and not by hand.
    pub(crate) fn spilled_from(&self, region: u16) -> bool {
        self.spilled(region) > 0
            && self.from(region)
            && u64::from(slot::draw(self.network(), region, DRAW)) >= self.by_hand(region)
    }

    /// Whether the region has room for more than its own clients.
    pub(crate) fn has_room(&self, region: u16) -> bool {
        self.spilled(region) == 0
    }

    /// The share of the region's clients that is by hand, in thousandths.
    pub(crate) fn permille(&self, region: u16) -> Option<u16> {
        let drain = self.drains.by_hand.get(usize::from(region))?.as_ref();
        drain.map(|drain| drain.permille(self.now))
    }

    /// How much of a block is decided as this client is: all of it, unless one of the regions is
    /// drained in part.
    pub(crate) fn scope(&self, ranking: &Ranking, block: Subnet) -> Subnet {
        let in_part = |ranked: &RankedRegion| (1..WHOLE).contains(&self.share(ranked.region));
        let network = self.network();
        let is_any = !self.drains.by_hand.is_empty() || !self.drains.spilled.is_empty();
        let is_cut = is_any && block.length() < network.length();
        if is_cut && ranking.regions().iter().any(in_part) { network } else { block }
    }

    fn share(&self, region: u16) -> u64 {
        let by_hand = self.by_hand(region);
        by_hand + (WHOLE - by_hand) * self.spilled(region) / WHOLE
    }

    fn by_hand(&self, region: u16) -> u64 {
        let drain = self.drains.by_hand.get(usize::from(region)).and_then(Option::as_ref);
        drain.map_or(0, |drain| drain.share(self.now))
    }

    fn spilled(&self, region: u16) -> u64 {
        self.drains.spilled.get(usize::from(region)).copied().map_or(0, u64::from)
    }

    /// The same for each of its clients whatever the map: what was sent elsewhere stays there.
    fn network(&self) -> Subnet {
        Subnet::of(self.client, if self.client.is_ipv4() { WIDTH_IPV4 } else { WIDTH_IPV6 })
    }
}

/// In the place of a slot of time: a drain draws once.
const DRAW: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{LEARNED, NOW, domain, geo, map, pool, row};
    use crate::{DomainMap, Reason, ServerPool, decide};

    fn drain(from_permille: u16, to_permille: u16, over_ms: u64) -> Drain {
        Drain { from_permille, to_permille, began: NOW, over_ms }
    }

    #[test]
    fn a_share_goes_in_a_straight_line_and_stays() {
        let check = |drain: Drain, after_ms: u64, expect: u16| {
            assert_eq!(drain.permille(NOW.plus_ms(after_ms)), expect, "{drain:?} {after_ms}");
        };
        check(drain(0, 250, 0), 0, 250);
        check(drain(0, 1_000, 0), 9, 1_000);
        for (after_ms, expect) in [(0, 0), (300_000, 500), (600_000, 1_000), (900_000, 1_000)] {
            check(drain(0, 1_000, 600_000), after_ms, expect);
            check(drain(1_000, 0, 600_000), after_ms, 1_000 - expect);
        }
        assert!(!drain(0, 1, 10).is_there(NOW.plus_ms(9)));
        assert!(drain(0, 1, 10).is_there(NOW.plus_ms(10)));
    }

    fn world(drains: &[(&str, Drain)]) -> (DomainMap, ServerPool) {
        let settings = domain(LEARNED);
        let rows = [row("10.1.2.0/24", "eu-west", 20, 9), row("10.1.2.0/24", "us-east", 90, 9)];
        let drains = drains.iter().map(|(name, drain)| (name.parse().unwrap(), *drain)).collect();
        let pool = pool(&settings, |_| {}).drained(&settings, &drains);
        (map(&settings, geo(&[]), &rows), pool)
    }

    /// Whether each of 2,000 networks of Germany is sent to its region.
    fn stays(world: &(DomainMap, ServerPool), now: Time) -> Vec<bool> {
        let client = |i: u32| std::net::Ipv4Addr::from_bits(0x0a00_0005 + (i << 12)).into();
        let at = |i: u32| decide(&world.0, &world.1, client(i), 0, now);
        (0..2_000).map(|i| at(i).region.unwrap().as_str() == "eu-west").collect()
    }

    #[test]
    fn a_larger_share_only_adds_networks() {
        let mut before = stays(&world(&[]), NOW);
        assert!(before.iter().all(|stays| *stays));
        for permille in [10, 250, 500, 900, 1_000] {
            let after = stays(&world(&[("eu-west", drain(0, permille, 0))]), NOW);
            let left = after.iter().filter(|stays| !**stays).count();
            assert!(left.abs_diff(usize::from(permille) * 2) < 80, "{permille}: {left}");
            assert!(before.iter().zip(&after).all(|(before, after)| *before || !after));
            before = after;
        }
        assert!(before.iter().all(|stays| !stays));
        // The same over time.
        let world = world(&[("eu-west", drain(0, 1_000, 600_000))]);
        let half = stays(&world, NOW.plus_ms(300_000));
        assert!(half.iter().filter(|stays| **stays).count().abs_diff(1_000) < 80);
    }

    #[test]
    fn a_block_is_cut_while_a_region_is_drained_in_part_and_decided_alike() {
        let scope = |drains: &[(&str, Drain)], client: &str| {
            let world = world(drains);
            let decision = decide(&world.0, &world.1, client.parse().unwrap(), 0, NOW);
            for other in [decision.scope.address(), decision.scope.last()] {
                let theirs = decide(&world.0, &world.1, other, 0, NOW);
                assert_eq!((theirs.region, theirs.scope), (decision.region, decision.scope));
            }
            decision.scope.to_string()
        };
        let half = [("us-east", drain(0, 500, 0))];
        assert_eq!(scope(&[], "12.1.2.3"), "12.0.0.0/8");
        assert_eq!(scope(&half, "12.1.2.3"), "12.1.0.0/20");
        assert_eq!(scope(&half, "10.1.2.3"), "10.1.2.0/24");
        assert_eq!(scope(&[("us-east", drain(0, 1_000, 0))], "12.1.2.3"), "12.0.0.0/8");
        assert_eq!(scope(&[("us-east", drain(0, 0, 0))], "12.1.2.3"), "12.0.0.0/8");
    }

    fn spilling(spilled: [u16; 3], by_hand: &[(&str, Drain)]) -> (DomainMap, ServerPool) {
        let (map, pool) = world(by_hand);
        (map, pool.spilling(spilled.to_vec()))
    }

    #[test]
    fn a_full_region_sends_its_share_on_by_whole_networks() {
        let half = spilling([32_768, 0, 0], &[]);
        let left = stays(&half, NOW).iter().filter(|stays| !**stays).count();
        assert!(left.abs_diff(1_000) < 80, "{left}");
        // More only adds, and with half drained by hand half of the rest is sent on.
        let more = stays(&spilling([49_152, 0, 0], &[]), NOW);
        assert!(stays(&half, NOW).iter().zip(&more).all(|(before, after)| *before || !after));
        let both = stays(&spilling([32_768, 0, 0], &[("eu-west", drain(0, 500, 0))]), NOW);
        let left = both.iter().filter(|stays| !**stays).count();
        assert!(left.abs_diff(1_500) < 80, "{left}");
        // Each network says why, and for whom it holds.
        for i in 0..200u32 {
            let client: IpAddr = std::net::Ipv4Addr::from_bits(0x0a40_0005 + (i << 12)).into();
            let decision = decide(&half.0, &half.1, client, 0, NOW);
            let is_sent_on = decision.region.unwrap().as_str() != "eu-west";
            let is_full = decision.reason == Reason::Capacity;
            assert_eq!((is_full, decision.scope.length()), (is_sent_on, 20), "{client}");
            for other in [decision.scope.address(), decision.scope.last()] {
                let theirs = decide(&half.0, &half.1, other, 0, NOW);
                assert_eq!((theirs.region, theirs.scope), (decision.region, decision.scope));
            }
        }
    }

    #[test]
    fn where_all_are_full_nobody_is_refused() {
        let (map, pool) = spilling([65_000; 3], &[]);
        for i in 0..500u32 {
            let client = std::net::Ipv4Addr::from_bits(0x0a00_0005 + (i << 12)).into();
            assert!(decide(&map, &pool, client, 0, NOW).region.is_some());
        }
    }

    #[test]
    fn a_drained_region_is_taken_where_no_other_serves() {
        let all = ["eu-west", "us-east", "ap-southeast"].map(|name| (name, drain(0, 1_000, 0)));
        let (map, pool) = world(&all);
        let decision = decide(&map, &pool, "10.1.2.3".parse().unwrap(), 0, NOW);
        assert_eq!(decision.region.unwrap().as_str(), "eu-west");
        assert_eq!(decision.reason, Reason::LearnedLatency);
    }

    #[test]
    fn turns_go_to_those_that_are_not_drained() {
        use health::Standing::{Doubtful, Down, Up};
        let settings = domain(crate::Algorithm::RoundRobin);
        let map = map(&settings, geo(&[]), &[]);
        let drains = BTreeMap::from([("us-east".parse().unwrap(), drain(0, 1_000, 0))]);
        let turns = |others: health::Standing| {
            let pool = pool(&settings, |server| {
                let is_drained = server.region.as_str() == "us-east";
                server.standing = if is_drained { Up } else { others };
            });
            let pool = pool.drained(&settings, &drains);
            let at = |turn| {
                let decision = decide(&map, &pool, "10.1.2.3".parse().unwrap(), turn, NOW);
                format!("{} {}", decision.region.unwrap(), decision.ipv4.first().unwrap().address)
            };
            (0..4).map(at).collect::<Vec<String>>()
        };
        let others = [
            "eu-west 192.0.0.1",
            "ap-southeast 192.0.2.1",
            "eu-west 192.0.0.2",
            "ap-southeast 192.0.2.2",
        ];
        assert_eq!(turns(Up), others);
        assert_eq!(turns(Doubtful), others, "it stands behind all that serve");
        let drained = "us-east 192.0.1.";
        assert!(turns(Down).iter().all(|turn| turn.starts_with(drained)), "{:?}", turns(Down));
    }
}
