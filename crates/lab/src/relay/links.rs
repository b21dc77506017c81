//! Ways that are cut or slow for a while, as `set-link` orders it. Knows no packet.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::topology::{RTT_MS_MAX, Topology};

/// What is wrong with the way between two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing arrives, neither way.
    Cut,
    /// Each direction takes so much longer.
    Slow(Duration),
}

/// One order: every pair of a host of the one list and a host of the other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pairs: Vec<(usize, usize)>,
    /// `None` mends.
    fault: Option<Fault>,
}

impl Order {
    /// Reads `HOST[,HOST...] HOST[,HOST...] cut|mended|slow MILLISECONDS`; the milliseconds are those
    /// of a round trip.
    pub(crate) fn parse(text: &str, topology: &Topology) -> anyhow::Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (here, there, fault) = match words.as_slice() {
            [here, there, "cut"] => (here, there, Some(Fault::Cut)),
            [here, there, "mended"] => (here, there, None),
            [here, there, "slow", ms] => {
                let ms: f64 = ms.parse().context("a number of milliseconds")?;
                if !(0.0..=RTT_MS_MAX).contains(&ms) {
                    bail!("0 to {RTT_MS_MAX} milliseconds, not {ms}");
                }
                (here, there, Some(Fault::Slow(Duration::from_secs_f64(ms / 2000.0))))
            }
            _ => bail!("HOSTS HOSTS cut|mended|slow MILLISECONDS"),
        };
        let (here, there) = (indexes(here, topology)?, indexes(there, topology)?);
        let pairs = here.iter().flat_map(|a| there.iter().map(move |b| (*a, *b)));
        Ok(Self { pairs: pairs.collect(), fault })
    }
}

fn indexes(names: &str, topology: &Topology) -> anyhow::Result<Vec<usize>> {
    let index = |name: &str| topology.host(name).map(|(index, _)| index);
    names.split(',').map(|name| index(name).with_context(|| format!("no host {name:?}"))).collect()
}

/// All that is cut or slow. Never more entries than pairs of hosts.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<(usize, usize), Fault>);

impl Links {
    pub(super) fn apply(&mut self, order: &Order) {
        for (a, b) in &order.pairs {
            match order.fault {
                Some(fault) => self.0.insert(Self::key(*a, *b), fault),
                None => self.0.remove(&Self::key(*a, *b)),
            };
        }
    }

    pub(super) fn between(&self, a: usize, b: usize) -> Option<Fault> {
        self.0.get(&Self::key(a, b)).copied()
    }

    /// Both directions are one way.
    fn key(a: usize, b: usize) -> (usize, usize) {
        (a.min(b), a.max(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::DEMO6;

    #[test]
    fn orders_are_understood_or_refused() {
        let topology: Topology = DEMO6.parse().unwrap();
        let order = |text: &str| Order::parse(text, &topology);
        let cut = order("overwatch backend-eu-west,backend-eu-west-2 cut").unwrap();
        assert_eq!(cut, Order { pairs: vec![(0, 2), (0, 3)], fault: Some(Fault::Cut) });
        let slow = order("overwatch traffic-eastus slow 300").unwrap();
        assert_eq!(slow.fault, Some(Fault::Slow(Duration::from_millis(150))));
        for wrong in ["", "overwatch mars cut", "overwatch overwatch", "a b slow x", "a b c"] {
            assert!(order(wrong).is_err(), "{wrong}");
        }
        assert!(order("overwatch traffic-eastus slow -1").is_err());
    }

    #[test]
    fn a_way_is_the_same_in_both_directions_until_it_is_mended() {
        let topology: Topology = DEMO6.parse().unwrap();
        let mut links = Links::default();
        let mut say = |text: &str| links.apply(&Order::parse(text, &topology).unwrap());
        say("overwatch backend-eu-west,backend-eu-west-2 cut");
        say("backend-eu-west overwatch mended");
        assert_eq!((links.between(0, 2), links.between(2, 0)), (None, None));
        assert_eq!(
            (links.between(0, 3), links.between(3, 0)),
            (Some(Fault::Cut), Some(Fault::Cut))
        );
        assert_eq!(links.between(2, 3), None);
    }
}
