//! Whether a few addresses hold most samples: then a proxy or a NAT stands in front of the
//! backends, and what is learned is the way to it and not to the clients.
//!
//! Counts with space-saving (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and
//! Top-k Elements in Data Streams, 2005): a fixed number of counters, each with a bound on its
//! error. Only what is certain is told, so a crowd of clients never looks like one.

use std::net::IpAddr;

/// Counters kept. An address with more than 1/64 of the samples always has one.
const COUNTERS: usize = 64;
/// So many of their numbers are compared at once.
const AT_ONCE: usize = 16;
const _: () = assert!(COUNTERS.is_multiple_of(AT_ONCE), "none is left over");

/// How many addresses are "a few": a pair of load balancers in each family.
const FEW: usize = 4;

/// Below this nothing is said: a quiet site has few clients, that is all.
const SAMPLES_MIN: u64 = 1000;

/// Where all counts are halved, so that they speak of the recent past.
const SAMPLES_MAX: u64 = 1 << 16;

/// A few addresses from which most of the recent samples came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concentration {
    /// At most 4 addresses, each with the samples that are certainly its own; the most first.
    pub addresses: Vec<(IpAddr, u64)>,
    /// All recent samples: at least 1000, at most 65,536.
    pub samples: u64,
}

/// Counts the addresses that samples come from.
#[derive(Debug)]
pub(crate) struct Talkers {
    counters: Vec<Talker>,
    /// The addresses of the counters, as numbers: every sample looks through all of them. Behind the last
    /// counter they mean nothing.
    keys: [u32; COUNTERS],
    /// No counter is below this, and none before `next` is at it.
    least: u64,
    next: usize,
    samples: u64,
}

/// One counter.
#[derive(Clone, Copy, Debug)]
struct Talker {
    address: IpAddr,
    /// Never less than the address's samples.
    count: u64,
    /// What may have been counted for an address that had the counter before.
    error: u64,
}

/// An address as a number: its own, or of IPv6 one that it shares with others. Of those that share one, only
/// the first that has a counter is found by it; the others are counted as if each came for the first time.
const fn key(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(v4) => v4.to_bits(),
        #[expect(clippy::cast_possible_truncation, reason = "all four parts are used")]
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            let folded = (bits >> 64) as u64 ^ (bits as u64).rotate_left(31);
            (folded >> 32) as u32 ^ folded as u32
        }
    }
}

impl Talker {
    const fn certain(&self) -> u64 {
        self.count.saturating_sub(self.error)
    }
}

impl Talkers {
    /// No samples yet.
    pub(crate) const fn new() -> Self {
        Self { counters: Vec::new(), keys: [0; COUNTERS], least: 0, next: 0, samples: 0 }
    }

    /// Counts a sample.
    pub(crate) fn count(&mut self, address: IpAddr) {
        self.samples += 1;
        let wanted = key(address);
        let known = self.place(wanted).and_then(|place| self.counters.get_mut(place));
        if let Some(known) = known.filter(|known| known.address == address) {
            known.count += 1;
        } else if self.counters.len() < COUNTERS {
            self.keys[self.counters.len()] = wanted;
            self.counters.push(Talker { address, count: 1, error: 0 });
        } else {
            let least = self.next_least();
            let error = self.counters[least].count;
            self.keys[least] = wanted;
            self.counters[least] = Talker { address, count: error + 1, error };
        }
        if self.samples >= SAMPLES_MAX {
            self.halve();
        }
    }

    /// The first place with this number. Many are compared with no branch in between: mostly none of them is it,
    /// and a processor compares several at once.
    fn place(&self, wanted: u32) -> Option<usize> {
        let is_in = |some: &[u32]| some.iter().fold(false, |found, key| found | (*key == wanted));
        let some = self.keys.chunks_exact(AT_ONCE).position(is_in)? * AT_ONCE;
        Some(some + self.keys[some..].iter().position(|key| *key == wanted)?)
    }

    /// The place of a counter that no other is below. Counts only grow, so those passed by need no
    /// second look before the least count is a larger one.
    fn next_least(&mut self) -> usize {
        loop {
            let rest = self.counters.iter().enumerate().skip(self.next);
            let mut found = rest.filter(|(_, talker)| talker.count <= self.least);
            if let Some((place, _)) = found.next() {
                self.next = place;
                return place;
            }
            self.least = self.counters.iter().map(|talker| talker.count).min().unwrap_or(0);
            self.next = 0;
        }
    }

    /// The few addresses, where they hold more than half of the samples.
    pub(crate) fn concentration(&self) -> Option<Concentration> {
        if self.samples < SAMPLES_MIN {
            return None;
        }
        let mut few: Vec<(IpAddr, u64)> =
            self.counters.iter().map(|talker| (talker.address, talker.certain())).collect();
        few.sort_by_key(|(address, certain)| (std::cmp::Reverse(*certain), *address));
        few.truncate(FEW);
        few.retain(|(_, certain)| *certain > 0);
        let held: u64 = few.iter().map(|(_, certain)| certain).sum();
        (held * 2 > self.samples).then_some(Concentration { addresses: few, samples: self.samples })
    }

    fn halve(&mut self) {
        self.samples /= 2;
        for talker in &mut self.counters {
            talker.count /= 2;
            talker.error = talker.error.div_ceil(2);
        }
        self.counters.retain(|talker| talker.count > 0);
        for (at, talker) in self.keys.iter_mut().zip(&self.counters) {
            *at = key(talker.address);
        }
        (self.least, self.next) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    /// Of every 100 samples `share` come from each of `few` addresses, the rest from a crowd.
    fn mixed(few: u32, share: u32, samples: u32) -> Talkers {
        let mut talkers = Talkers::new();
        for number in 0..samples {
            let slot = number % 100;
            let is_few = slot < few * share;
            talkers.count(address(if is_few { slot / share } else { 1_000_000 + number }));
        }
        talkers
    }

    #[test]
    fn a_few_that_hold_most_are_named() {
        let found = mixed(2, 40, 10_000).concentration().unwrap();
        let named: Vec<IpAddr> = found.addresses.iter().take(2).map(|(a, _)| *a).collect();
        assert_eq!(named, [address(0), address(1)]);
        assert_eq!(found.samples, 10_000);
        assert!(found.addresses.iter().take(2).all(|(_, n)| *n <= 4_000));
    }

    #[test]
    fn a_crowd_is_no_proxy() {
        assert_eq!(mixed(2, 10, 10_000).concentration(), None);
        assert_eq!(mixed(0, 1, 10_000).concentration(), None);
        // Eight with a tenth each are not a few.
        assert_eq!(mixed(8, 10, 10_000).concentration(), None);
    }

    #[test]
    fn a_quiet_site_says_nothing() {
        assert_eq!(mixed(1, 100, 999).concentration(), None);
        assert!(mixed(1, 100, 1000).concentration().is_some());
    }

    #[test]
    fn addresses_with_one_number_are_told_apart() {
        let [v4, v6] = ["0.0.0.1", "0:0:0:1::"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(key(v4), key(v6));
        let mut talkers = Talkers::new();
        for _ in 0..1_000 {
            [v4, v4, v6].into_iter().for_each(|address| talkers.count(address));
        }
        assert_eq!(talkers.concentration().unwrap().addresses[0], (v4, 2_000));
    }

    #[test]
    fn it_speaks_of_the_recent_past_and_stays_small() {
        let mut talkers = mixed(1, 100, 1_000_000);
        assert!(talkers.concentration().is_some());
        for number in 0..300_000 {
            talkers.count(address(2_000_000 + number));
        }
        assert_eq!(talkers.concentration(), None);
        assert!(talkers.counters.len() <= COUNTERS && talkers.samples <= SAMPLES_MAX);
    }
}
