//! Clients: how far each network is from each server, and connections that close.

use std::net::SocketAddr;

use model::{Sample, SocketState, Subnet};

use super::invariants::{self, Fault};
use super::site;
use super::world::{Event, World};
use crate::random::Random;
use crate::settings::PORT;

/// Client networks: more than tables hold of one agent in some worlds.
pub(super) const NETWORKS: usize = 32;
/// How many ways are others in the next stretch.
const MOVED: f64 = 0.1;
/// How long they take, in milliseconds.
const WAY_MS: (u64, u64) = (5, 250);

/// How long the way takes between each agent's server and each client network, in microseconds.
#[derive(Debug)]
pub(super) struct Ways {
    /// By agent, then by network.
    rtt_us: Vec<Vec<u32>>,
    luck: Random,
}

impl Ways {
    pub(super) fn new(seed: u64, agents: usize) -> Self {
        let (rtt_us, luck) = (vec![vec![0; NETWORKS]; agents], Random::new(seed, "ways"));
        let mut ways = Self { rtt_us, luck };
        ways.change(1.0);
        ways
    }

    /// Some of them are others from now on.
    pub(super) fn move_on(&mut self) {
        self.change(MOVED);
    }

    fn change(&mut self, share: f64) {
        for rtt_us in self.rtt_us.iter_mut().flatten() {
            if self.luck.chance(share) {
                let ms = WAY_MS.0 + self.luck.below(WAY_MS.1 - WAY_MS.0);
                *rtt_us = u32::try_from(ms * 1_000).unwrap_or(u32::MAX);
            }
        }
    }

    fn rtt_us(&self, agent: usize, network: usize) -> Option<u32> {
        self.rtt_us.get(agent)?.get(network).copied()
    }
}

impl World {
    /// Clients of one network close connections at one agent's server.
    pub(super) fn observe(&mut self) -> Result<(), Fault> {
        let next = self.now.plus_ms(100 + self.clients.below(900));
        self.queue.push(next, Event::Observe);
        // Between heal and comparison nothing new is learned.
        if self.is_calm {
            return Ok(());
        }
        let agent = self.clients.index(self.hosts.len());
        let network = self.clients.index(NETWORKS);
        let client = invariants::network(network);
        let Some(rtt_us) = self.ways.rtt_us(agent, network) else { return Ok(()) };
        let Some(host) = self.hosts.get_mut(agent).filter(|host| host.value.is_some()) else {
            return Ok(());
        };
        if host.clock.hangs(self.now) {
            return Ok(());
        }
        host.learned.saw(client, rtt_us, self.room.of_agent);
        let samples = (0..3).map(|_| {
            self.cookie += 1;
            sample(agent, client, rtt_us, self.cookie)
        });
        let samples = samples.collect();
        self.tell_agent(agent, agent::Event::Samples(samples))
    }
}

/// A connection that closed.
pub(super) fn sample(agent: usize, client: Subnet, rtt_us: u32, cookie: u64) -> Sample {
    Sample {
        client: client.address(),
        local: SocketAddr::new(site::address(agent).into(), PORT),
        smoothed_rtt_us: rtt_us,
        rtt_deviation_us: 500,
        min_rtt_us: Some(rtt_us),
        bytes_acked: 10_000,
        data_segments_out: Some(5),
        cookie,
        state: SocketState::Closed,
    }
}
