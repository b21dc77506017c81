//! What clients do: ask where to go, go there, and be measured.

use std::net::{IpAddr, SocketAddr};

use model::{Rtt, Sample, SocketState, Subnet, Time};
use overwatch::{Asker, Outcome, Transport, resolve};
use routing::{Reason, Shadow};

use super::tally::{Hour, Visit};
use super::{Event, Simulation, SimulationError};
use crate::cache::{self, Cache};
use crate::clients::Connection;
use crate::{resolver, settings};

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The response code of the answer.
    pub rcode: u8,
    /// The site whose address it names.
    pub site: Option<usize>,
    /// Why, as the overwatch counts it.
    pub reason: Option<Reason>,
    /// What the domain's shadow would have said.
    pub shadow: Option<Shadow>,
}

/// The two resolvers of an AS in a city: one sends ECS, one does not.
#[derive(Debug)]
pub(super) struct Resolver {
    /// What each keeps: without ECS, with ECS.
    caches: [Cache<Told>; 2],
    /// Until when each would keep the one answer of a world that is answered alike.
    single_until: [Time; 2],
}

impl Resolver {
    pub(super) const fn new() -> Self {
        Self { caches: [Cache::new(), Cache::new()], single_until: [Time::EPOCH; 2] }
    }
}

/// An answer, and for how long and whom it may be kept.
#[derive(Clone, Copy, Debug)]
struct Heard {
    told: Told,
    ttl_s: u32,
    scope: Option<u8>,
}

/// What a smoothed round-trip time is above the connection's least: delayed acknowledgements, as
/// seen on real kernels (105.7 ms where the path takes 86.4).
const SMOOTHED_PER_MIN: f64 = 1.2;

/// A page's worth: what a connection carries before anybody reads its counters.
const BYTES_FIRST: u64 = 20_000;

impl Simulation {
    /// What happened to clients since this was last asked.
    pub fn take_hour(&mut self) -> Hour {
        self.tally.take()
    }

    pub(super) fn visit(&mut self, connection: &Connection) -> Result<(), SimulationError> {
        if let Some(site) = connection.stray {
            self.tally.hour().strays += 1;
            if self.conditions.is_up(site, self.now) {
                let rtt = self.rtt(connection, site);
                rtt.into_iter().for_each(|rtt| self.connect(connection, site, rtt));
            }
            return Ok(());
        }
        let told = self.ask_resolver(connection)?;
        let Some((told, site)) = told.and_then(|told| Some((told, told.site?))) else {
            self.tally.hour().unanswered += 1;
            return Ok(());
        };
        if !self.conditions.is_up(site, self.now) {
            self.tally.fail(self.now);
            return Ok(());
        }
        let Some(rtt) = self.rtt(connection, site) else { return Ok(()) };
        let network = self.world.networks.get(connection.network);
        let right = network.filter(|network| network.nearest == network.best);
        let right = right.and_then(|network| self.rtt(connection, network.best));
        let visit = Visit {
            at: self.now,
            told,
            site,
            rtt_us: rtt.us(),
            right_us: right.map(Rtt::us),
            is_lied_for: self.conditions.lies(site, self.now),
        };
        self.tally.count(connection, &visit);
        if self.measures() {
            self.connect(connection, site, rtt);
        }
        Ok(())
    }

    fn rtt(&self, connection: &Connection, site: usize) -> Option<Rtt> {
        let way = (connection.network, site);
        self.conditions.path(&self.world, way, self.now).and_then(|path| connection.rtt(&path))
    }

    /// What a client's resolver tells it: from its cache, or from the first overwatch that is up.
    fn ask_resolver(&mut self, connection: &Connection) -> Result<Option<Told>, SimulationError> {
        let Some(network) = self.world.networks.get(connection.network) else { return Ok(None) };
        let (subnet, number) = (network.subnet, network.resolver);
        let kind = usize::from(connection.has_ecs);
        let now = self.now;
        let Some(resolver) = self.resolvers.get_mut(number) else { return Ok(None) };
        let single_until = &mut resolver.single_until[kind];
        if *single_until <= now {
            *single_until = now.plus_ms(u64::from(self.plan.scenario.ttl_s) * 1000);
            self.tally.hour().single_queries += 1;
        }
        if let Some(told) = resolver.caches[kind].find(connection.client.into(), now) {
            return Ok(Some(told));
        }
        self.tally.hour().queries += 1;
        let overwatch = self.overwatches.iter().position(|node| node.view.is_some());
        let Some(overwatch) = overwatch else { return Ok(None) };
        let address =
            self.world.resolvers.get(number).map_or(subnet.address(), |r| r.address.into());
        let client = connection.has_ecs.then_some(subnet);
        let Some(heard) = self.query(overwatch, address, client)? else { return Ok(None) };
        if heard.told.site.is_some()
            && let Some(resolver) = self.resolvers.get_mut(number)
            && let Some(scope) = cache::kept_for(client, heard.scope)
        {
            let ttl_ms = u64::from(heard.ttl_s) * 1000;
            resolver.caches[kind].put(scope, heard.told, now, ttl_ms);
        }
        Ok(Some(heard.told))
    }

    /// Asks an overwatch on behalf of a network, past its resolver. `None` while it is down.
    ///
    /// # Errors
    ///
    /// An answer that is none.
    pub fn ask(
        &mut self,
        overwatch: usize,
        network: usize,
    ) -> Result<Option<Told>, SimulationError> {
        let Some(subnet) = self.world.networks.get(network).map(|network| network.subnet) else {
            return Ok(None);
        };
        let heard = self.query(overwatch, subnet.address(), Some(subnet))?;
        Ok(heard.map(|heard| heard.told))
    }

    /// One query, in bytes.
    fn query(
        &mut self,
        overwatch: usize,
        address: IpAddr,
        client: Option<Subnet>,
    ) -> Result<Option<Heard>, SimulationError> {
        let node = self.overwatches.get(overwatch);
        let Some(view) = node.and_then(|node| node.view.as_ref()) else { return Ok(None) };
        self.turn += 1;
        let query = resolver::query(client, (self.turn & 0xffff) as u16);
        let asker = Asker {
            address,
            local: settings::overwatch_address(overwatch),
            transport: Transport::Udp,
            now: self.now,
        };
        let mut buffer = [0; 512];
        let reply = resolve(view, &asker, &query, &mut self.worker, &mut buffer);
        let (reason, shadow) = match reply.outcome {
            Outcome::Steered { decision, .. } => (Some(decision.reason), decision.shadow),
            _ => (None, None),
        };
        let answer = resolver::read(reply.bytes).ok_or(SimulationError::Answer)?;
        let site = answer.address.and_then(|address| self.world.site_at(address));
        let told = Told { rcode: answer.rcode, site, reason, shadow };
        Ok(Some(Heard { told, ttl_s: answer.ttl_s, scope: answer.scope }))
    }

    /// A connection as the kernel of the site's machine sees it, or as its agent says it does.
    fn connect(&mut self, connection: &Connection, site: usize, rtt: Rtt) {
        let Some(server) = self.world.sites.get(site).map(|site| site.server) else { return };
        let rtt_us = self.conditions.told_us(site, rtt.us(), self.now);
        self.cookie += 1;
        let sample = Sample {
            client: connection.client.into(),
            local: SocketAddr::new(server.into(), settings::PORT),
            smoothed_rtt_us: (f64::from(rtt_us) * SMOOTHED_PER_MIN) as u32,
            rtt_deviation_us: rtt_us / 8,
            min_rtt_us: Some(rtt_us),
            bytes_acked: BYTES_FIRST,
            data_segments_out: Some(16),
            cookie: self.cookie,
            state: SocketState::Closed,
        };
        let Some(node) = self.agents.get_mut(site) else { return };
        if connection.lasts_ms == 0 {
            node.closed.push(sample);
            return;
        }
        node.sockets.insert(self.cookie, Sample { state: SocketState::Open, ..sample });
        self.tally.open(site, node.sockets.len() as u64);
        let closes = self.now.plus_ms(connection.lasts_ms);
        self.queue.push(closes, Event::SocketClosed { site, cookie: self.cookie });
    }
}
