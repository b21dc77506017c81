//! What clients do: ask where to go, go there, and be measured.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use model::{Rtt, Sample, SocketState};
use overwatch::{Asker, Outcome, Transport, resolve};
use routing::Reason;

use super::{Event, Simulation, SimulationError};
use crate::clients::{Connection, rtt_of};
use crate::resolver::{self, Answer};
use crate::settings;

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The response code of the answer.
    pub rcode: u8,
    /// The site whose address it names.
    pub site: Option<usize>,
    /// Why, as the overwatch counts it.
    pub reason: Option<Reason>,
}

/// The connections since the last reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Their round-trip times in microseconds, where they went.
    pub chosen_us: Vec<u32>,
    /// The same connections' times, had each gone to its best site.
    pub oracle_us: Vec<u32>,
    /// Why they went there.
    pub reasons: BTreeMap<Reason, u64>,
    /// Clients that DNS told nothing.
    pub unanswered: u64,
    /// Clients that did not ask; in none of the above.
    pub strays: u64,
}

/// What a smoothed round-trip time is above the connection's least: delayed acknowledgements, as
/// seen on real kernels (105.7 ms where the path takes 86.4).
const SMOOTHED_PER_MIN: f64 = 1.2;

/// A page's worth: what a connection carries before anybody reads its counters.
const BYTES_FIRST: u64 = 20_000;

impl Simulation {
    /// What happened to clients since this was last asked.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    pub(super) fn plan_visit(&mut self) {
        let (at, connection) = self.clients.next(&self.world);
        self.queue.push(at, Event::Visit(connection));
    }

    pub(super) fn visit(&mut self, connection: &Connection) -> Result<(), SimulationError> {
        if !self.is_open {
            return Ok(());
        }
        self.plan_visit();
        let site = match connection.stray {
            Some(site) => {
                self.tally.strays += 1;
                Some(site)
            }
            None => self.choose(connection)?,
        };
        site.map_or(Ok(()), |site| self.connect(connection, site))
    }

    /// Asks the first overwatch that is up, and notes what came of it.
    fn choose(&mut self, connection: &Connection) -> Result<Option<usize>, SimulationError> {
        let overwatch = self.overwatches.iter().position(|node| node.view.is_some());
        let told = match overwatch {
            Some(overwatch) => self.ask(overwatch, connection.network)?,
            None => None,
        };
        let site = told.and_then(|told| told.site);
        let time = |site: usize| {
            let path = self.world.path(connection.network, site)?;
            rtt_of(path, connection.luck).map(Rtt::us)
        };
        let best = self.world.networks.get(connection.network).map(|network| network.best);
        let Some((chosen, oracle)) = site.and_then(time).zip(best.and_then(time)) else {
            self.tally.unanswered += 1;
            return Ok(None);
        };
        self.tally.chosen_us.push(chosen);
        self.tally.oracle_us.push(oracle);
        if let Some(reason) = told.and_then(|told| told.reason) {
            *self.tally.reasons.entry(reason).or_default() += 1;
        }
        Ok(site)
    }

    /// Asks an overwatch on behalf of a network, in bytes. `None` while it is down.
    ///
    /// # Errors
    ///
    /// An answer that is none.
    pub fn ask(
        &mut self,
        overwatch: usize,
        network: usize,
    ) -> Result<Option<Told>, SimulationError> {
        let node = self.overwatches.get(overwatch);
        let Some(view) = node.and_then(|node| node.view.as_ref()) else { return Ok(None) };
        let Some(network) = self.world.networks.get(network) else { return Ok(None) };
        self.turn += 1;
        let query = resolver::query(network.subnet, (self.turn & 0xffff) as u16);
        let asker = Asker {
            address: resolver::RESOLVER,
            local: settings::overwatch_address(overwatch),
            transport: Transport::Udp,
            now: self.now,
        };
        let mut buffer = [0; 512];
        let reply = resolve(view, &asker, &query, &mut self.worker, &mut buffer);
        let reason = match reply.outcome {
            Outcome::Steered { decision, .. } => Some(decision.reason),
            _ => None,
        };
        let Answer { rcode, address } =
            resolver::read(reply.bytes).ok_or(SimulationError::Answer)?;
        let site = address.and_then(|address| self.world.site_at(address));
        Ok(Some(Told { rcode, site, reason }))
    }

    /// A connection as the kernel of the site's machine sees it.
    fn connect(&mut self, connection: &Connection, site: usize) -> Result<(), SimulationError> {
        let path = self.world.path(connection.network, site);
        let Some(rtt) = path.and_then(|path| rtt_of(path, connection.luck)) else { return Ok(()) };
        let Some(server) = self.world.sites.get(site).map(|site| site.server) else {
            return Ok(());
        };
        self.cookie += 1;
        let smoothed_us = f64::from(rtt.us()) * SMOOTHED_PER_MIN;
        let sample = Sample {
            client: connection.client.into(),
            local: SocketAddr::new(server.into(), settings::PORT),
            smoothed_rtt_us: smoothed_us as u32,
            rtt_deviation_us: rtt.us() / 8,
            min_rtt_us: Some(rtt.us()),
            bytes_acked: BYTES_FIRST,
            data_segments_out: Some(16),
            cookie: self.cookie,
            state: SocketState::Closed,
        };
        if connection.lasts_ms == 0 {
            return self.tell_agent(site, agent::Event::Samples(vec![sample]));
        }
        let closes = self.now.plus_ms(connection.lasts_ms);
        self.queue.push(closes, Event::SocketClosed { site, cookie: self.cookie });
        if let Some(node) = self.agents.get_mut(site) {
            node.sockets.insert(self.cookie, Sample { state: SocketState::Open, ..sample });
        }
        Ok(())
    }

    pub(super) fn socket_closed(
        &mut self,
        site: usize,
        cookie: u64,
    ) -> Result<(), SimulationError> {
        let sample = self.agents.get_mut(site).and_then(|node| node.closed(cookie));
        sample.map_or(Ok(()), |sample| self.tell_agent(site, agent::Event::Samples(vec![sample])))
    }
}
