//! Whether a few addresses hold most samples: then a proxy or a NAT stands in front of the
//! backends, and what is learned is the way to it and not to the clients.
//!
//! Counts with space-saving (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and
//! Top-k Elements in Data Streams, 2005): a fixed number of counters, each with a bound on its
//! error. Only what is certain is told, so a crowd of clients never looks like one.

use std::net::IpAddr;

/// Counters kept. An address with more than 1/64 of the samples always has one.
const COUNTERS: usize = 64;

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

impl Talker {
    const fn certain(&self) -> u64 {
        self.count.saturating_sub(self.error)
    }
}

impl Talkers {
    /// No samples yet.
    pub(crate) const fn new() -> Self {
        Self { counters: Vec::new(), samples: 0 }
    }

    /// Counts a sample.
    pub(crate) fn count(&mut self, address: IpAddr) {
        self.samples += 1;
        let full = self.counters.len() >= COUNTERS;
        let known = self.counters.iter_mut().find(|talker| talker.address == address);
        if let Some(talker) = known {
            talker.count += 1;
        } else if let (true, Some(least)) =
            (full, self.counters.iter_mut().min_by_key(|talker| talker.count))
        {
            *least = Talker { address, count: least.count + 1, error: least.count };
        } else {
            self.counters.push(Talker { address, count: 1, error: 0 });
        }
        if self.samples >= SAMPLES_MAX {
            self.halve();
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
