//! What could be had at best: by somebody who knows every path's mean for each connection (the
//! oracle), and by somebody who knows it and must still decide on what a query shows, with the same
//! reluctance to move (the ceiling).
//!
//! No node runs here. A cell is what a query shows: a client network with ECS, a resolver without.

use std::sync::Arc;

use model::{Rtt, Time};

use crate::clients::{Clients, Connection};
use crate::conditions::Conditions;
use crate::scenario::{Hold, Scenario};
use crate::world::World;

/// Both, and the connections that they are measured on.
pub(crate) struct Reference {
    world: Arc<World>,
    conditions: Conditions,
    hold: Hold,
    clients: Clients,
    next: (Time, Connection),
    /// When what is known is to be found anew.
    stale_at: Option<Time>,
    best: Vec<usize>,
    /// The site of each client network with ECS, and of each resolver without.
    by_network: Vec<usize>,
    by_resolver: Vec<usize>,
    /// The networks of each resolver.
    served: Vec<Vec<usize>>,
}

/// An hour's times, in microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    pub(crate) oracle_us: Vec<u32>,
    pub(crate) ceiling_us: Vec<u32>,
    /// The share of networks for which the oracle changed its mind.
    pub(crate) switched: f64,
}

impl Reference {
    /// Clients from `start` on, the same as the nodes' under this seed.
    pub(crate) fn new(
        world: Arc<World>,
        conditions: Conditions,
        scenario: &Scenario,
        mut clients: Clients,
    ) -> Self {
        let next = clients.next(&world);
        let mut served = vec![Vec::new(); world.resolvers.len()];
        for (number, network) in world.networks.iter().enumerate() {
            served[network.resolver].push(number);
        }
        let by_network: Vec<usize> = world.networks.iter().map(|network| network.nearest).collect();
        // Geography knows a resolver by where it is: as its first client in that city.
        let of_resolver = |(resolver, networks): (usize, &Vec<usize>)| {
            let at = world.resolvers[resolver].city;
            let own = world.networks.iter().find(|network| network.city == at);
            let any = networks.first().map(|network| &world.networks[*network]);
            own.or(any).map_or(0, |network| network.nearest)
        };
        let by_resolver = served.iter().enumerate().map(of_resolver).collect();
        let mut reference = Self {
            conditions,
            hold: scenario.hold,
            clients,
            stale_at: Some(next.0),
            next,
            best: by_network.clone(),
            by_network,
            by_resolver,
            served,
            world,
        };
        reference.look_anew(reference.next.0);
        reference
    }

    /// The connections up to a time.
    pub(crate) fn run_until(&mut self, until: Time) -> Times {
        let mut times = Times::default();
        let before = self.best.clone();
        while self.next.0 <= until {
            let (at, connection) = self.next;
            self.next = self.clients.next(&self.world);
            if self.stale_at.is_some_and(|stale| at >= stale) {
                self.look_anew(at);
            }
            if connection.stray.is_some() {
                continue;
            }
            let network = connection.network;
            let chosen = if connection.has_ecs {
                self.by_network[network]
            } else {
                self.by_resolver[self.world.networks[network].resolver]
            };
            let time = |site| {
                let path = self.conditions.path(&self.world, (network, site), at)?;
                connection.rtt(&path).map(Rtt::us)
            };
            times.oracle_us.extend(time(self.best[network]));
            times.ceiling_us.extend(time(chosen));
        }
        let changed = before.iter().zip(&self.best).filter(|(before, now)| before != now).count();
        times.switched = changed as f64 / before.len() as f64;
        times
    }

    /// Finds the best sites as they are now, and lets the ceiling move where that is worth it.
    fn look_anew(&mut self, now: Time) {
        self.stale_at = self.conditions.next_change(now);
        let sites: Vec<usize> =
            (0..self.world.sites.len()).filter(|site| self.conditions.is_up(*site, now)).collect();
        if sites.is_empty() {
            return;
        }
        let mean = |network, site| {
            let path = self.conditions.path(&self.world, (network, site), now);
            path.map_or(f64::INFINITY, |path| path.average_ms)
        };
        let mut means = vec![f64::INFINITY; self.world.sites.len()];
        for network in 0..self.world.networks.len() {
            sites.iter().for_each(|site| means[*site] = mean(network, *site));
            self.best[network] = least(&means);
            self.by_network[network] = held(self.by_network[network], &means, self.hold);
        }
        for (resolver, networks) in self.served.iter().enumerate() {
            for site in &sites {
                let weighted =
                    |network: &usize| self.world.share_of(*network) * mean(*network, *site);
                let share: f64 = networks.iter().map(|network| self.world.share_of(*network)).sum();
                means[*site] = networks.iter().map(weighted).sum::<f64>() / share;
            }
            self.by_resolver[resolver] = held(self.by_resolver[resolver], &means, self.hold);
        }
    }
}

/// The site with the least mean, if that is better enough than where one is.
fn held(current: usize, means_ms: &[f64], hold: Hold) -> usize {
    let (best, now_ms) = (least(means_ms), means_ms[current]);
    let margin_ms = hold.margin_ms.max(now_ms * hold.margin_percent / 100.0);
    if !now_ms.is_finite() || means_ms[best] + margin_ms < now_ms { best } else { current }
}

fn least(means_ms: &[f64]) -> usize {
    let sites = means_ms.iter().enumerate();
    sites.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(site, _)| site)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(current: usize, means_ms: &[f64], expect: usize) {
        let hold = Scenario::default().hold;
        assert_eq!(held(current, means_ms, hold), expect, "{means_ms:?}");
    }

    #[test]
    fn nobody_moves_for_less_than_the_margin() {
        check(0, &[20.0, 17.5], 0);
        check(0, &[20.0, 16.5], 1);
        check(0, &[200.0, 195.0], 0);
        check(0, &[200.0, 193.0], 1);
        check(0, &[f64::INFINITY, 300.0], 1);
        check(1, &[17.5, 20.0, 10.0], 2);
    }
}
