//! The rows of all agents, and what they say about a region: the overwatch's memory of latency.
//!
//! A row belongs to one agent, one of its ports and one client network, and only that agent writes
//! it, in the order of its sequence. So tables that heard the same agents agree, in whatever order
//! they heard them. A report is applied whole or refused whole.

pub mod lane;

mod row;

mod rows;

mod evict;

mod level;

mod agent;

mod pieces;

mod check;

pub mod told;

pub mod held;

pub mod changes;

pub mod refusal;

pub mod estimate;

pub mod page;

pub mod saved;

pub mod ranking;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{AgentId, Region, Service, Subnet, Time};

use self::agent::{AgentRows, PortRows, Taken, Terms};
use self::changes::{Changes, RowChange};
use self::estimate::RegionEstimate;
use self::held::{Held, WAIT_MS};
use self::lane::Lane;
use self::refusal::TableRefusal;
use self::row::Row;
use crate::report::Report;

/// What agents reported, by agent, port and client network.
#[derive(Clone, Debug)]
pub struct Table {
    limits: TableLimits,
    /// Bounded by who may register, not here. A snapshot shares them: of what changes while there is one,
    /// what is shared is copied first, piece by piece.
    agents: BTreeMap<AgentId, Arc<AgentRows>>,
    /// What changed since last asked.
    changes: Changes,
    /// Rows of all agents.
    len: usize,
    counters: TableCounters,
}

/// Rows that an agent told, and were checked.
struct Word<'a> {
    report: &'a Report,
    told: Position,
    /// Who says so, and whether for the first time.
    teller: Teller,
}

/// Who tells rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Teller {
    /// Whoever tells what comes after all that was told before.
    News,
    /// The agent itself, what others may have told here before.
    AgentAgain,
    /// Another table, what it has of before. It comes all at once, so it is not judged as what an agent learned lately is.
    OtherTable,
}

/// How much a table holds, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableLimits {
    /// Rows of one agent over all its ports. At the limit its rows observed longest ago make
    /// room, be they of the report that is taken: so tables that heard the same keep the same. Not below
    /// the agents' own `max_subnets`, or rows are lost that an agent still holds.
    pub rows_per_agent_max: usize,
    /// Rows of all agents. At the limit new rows are left out, and known ones renewed: no other agent's rows
    /// are dropped for them.
    pub rows_max: usize,
    /// Milliseconds after its last observation at which a row is dropped, where its agent asks for
    /// no less ([`Table::set_ttl`]).
    pub ttl_ms: u64,
}

/// How far an agent was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The life of the agent; a later one is larger.
    pub epoch: u64,
    /// Everything up to this sequence number of it.
    pub sequence: u64,
}

/// What became of a report that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What to acknowledge.
    pub position: Position,
    /// Rows set, new or not.
    pub rows: usize,
    /// Rows whose count and observation time were renewed.
    pub refreshed: usize,
    /// Refreshes of rows the table does not have; the agent sends them whole within the hour.
    pub unknown: usize,
    /// Rows that had already expired.
    pub expired: usize,
    /// Rows of this agent that made room.
    pub evicted: usize,
    /// New rows for which there was no room; those in use are told whole again within the hour.
    pub left_out: usize,
    /// Rows that do not count: their agent is held, or they fell and wait.
    pub waiting: usize,
    /// That the agent is held from now on.
    pub newly_held: Option<Held>,
}

/// What happened so far. Only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableCounters {
    /// Reports taken.
    pub reports: u64,
    /// Rows set, new or not.
    pub rows: u64,
    /// Rows refreshed.
    pub refreshed: u64,
    /// Refreshes of rows the table did not have.
    pub unknown: u64,
    /// Rows dropped because of their age, on arrival or later.
    pub expired: u64,
    /// Rows that made room for others of the same agent.
    pub evicted: u64,
    /// New rows that found no room.
    pub left_out: u64,
    /// Rows that did not count when they came.
    pub waiting: u64,
    /// Times that an agent was held.
    pub held: u64,
    /// Reports refused, by [`TableRefusal::as_str`].
    pub refused: BTreeMap<&'static str, u64>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(limits: TableLimits) -> Self {
        Self {
            limits,
            agents: BTreeMap::new(),
            changes: Changes::default(),
            len: 0,
            counters: TableCounters::default(),
        }
    }

    /// Applies a report of an agent's epoch.
    ///
    /// It must follow the agent's [`Table::position`], or 0 where the epoch is new. A repeat is
    /// refused; the refusal's [`TableRefusal::resume`] says where to go on. Rows of an earlier
    /// epoch stay until they are overwritten or expire.
    ///
    /// # Errors
    ///
    /// See [`TableRefusal`]; then nothing has changed.
    pub fn apply(
        &mut self,
        agent: &AgentId,
        epoch: u64,
        report: &Report,
        now: Time,
    ) -> Result<Applied, TableRefusal> {
        let applied = self.try_apply(agent, epoch, report, now);
        match &applied {
            Ok(applied) => self.counters.count(applied),
            Err(refusal) => *self.counters.refused.entry(refusal.as_str()).or_default() += 1,
        }
        applied
    }

    fn try_apply(
        &mut self,
        agent: &AgentId,
        epoch: u64,
        report: &Report,
        now: Time,
    ) -> Result<Applied, TableRefusal> {
        let known = self.agents.get(agent).ok_or(TableRefusal::UnknownAgent)?;
        check::check(known, epoch, report)?;
        let told = Position { epoch, sequence: report.through };
        self.take(agent, &Word { report, told, teller: Teller::News }, now)
    }

    /// Takes checked rows. An agent at its own limit makes room by its oldest ones; what the whole table has
    /// no room for is left out.
    fn take(
        &mut self,
        agent: &AgentId,
        word: &Word<'_>,
        now: Time,
    ) -> Result<Applied, TableRefusal> {
        let known = self.agents.get_mut(agent).ok_or(TableRefusal::UnknownAgent)?;
        let limits = known.limits(self.limits);
        let is_held = known.held.is_some();
        let before = known.len();
        let others = self.len.saturating_sub(before);
        let of_agent = limits.rows_max.saturating_sub(others);
        // Where the agent's own limit comes first, that drops what is too much.
        let is_open = of_agent >= limits.rows_per_agent_max;
        let mut space = if is_open { usize::MAX } else { of_agent.saturating_sub(before) };
        let known = Arc::make_mut(known);
        let mut taken = Taken::default();
        let told = word.told;
        for port in &word.report.ports {
            let room = limits.rows_per_agent_max.saturating_sub(known.waiting());
            if let Some(rows) = known.ports.get_mut(&port.port) {
                let room = room + rows.waiting.len();
                let terms = Terms { limits: &limits, is_held, room, space, told, now };
                let of_port = rows.take(port, &terms);
                space = space.saturating_sub(of_port.added);
                taken += of_port;
                self.changes.mark(&rows.lane, port.rows.iter().map(|row| row.subnet));
                self.changes.mark(&rows.lane, port.refreshed.iter().map(|row| row.subnet));
            }
        }
        let newly_held = match word.teller {
            Teller::News | Teller::AgentAgain => known.judge(taken.alike, &mut self.changes, now),
            Teller::OtherTable => None,
        };
        if word.teller == Teller::News {
            known.position = Some(told);
        }
        let evicted = known.evict_beyond(limits.rows_per_agent_max, &mut self.changes);
        known.join_tellings();
        self.len = others + known.len();
        Ok(taken.applied(told, evicted, newly_held))
    }

    /// Sets how long an agent's rows are good for after they were observed; the table's own
    /// [`TableLimits::ttl_ms`] bounds it.
    pub fn set_ttl(&mut self, agent: &AgentId, ttl_ms: u64) {
        Arc::make_mut(self.agents.entry(agent.clone()).or_default()).ttl_ms = Some(ttl_ms);
    }

    /// Sets what an agent's port stands for. Its rows stay and count for the new lane at once.
    pub fn set_lane(&mut self, agent: &AgentId, port: u16, lane: Lane) {
        let known = Arc::make_mut(self.agents.entry(agent.clone()).or_default());
        let rows = match known.ports.get_mut(&port) {
            Some(rows) if rows.lane == lane => return,
            Some(rows) => rows,
            None => known.ports.entry(port).or_insert(PortRows::new(lane.clone())),
        };
        let subnets = rows.rows.iter().map(|(subnet, _)| subnet);
        self.changes.mark(&rows.lane, subnets.clone());
        self.changes.mark(&lane, subnets);
        rows.lane = lane;
    }

    /// Drops an agent's port with its rows: the agent no longer registers it. The agent's position
    /// goes back to 0, so that the rows come again if the port does.
    pub fn remove_lane(&mut self, agent: &AgentId, port: u16) {
        let Some(known) = self.agents.get_mut(agent).map(Arc::make_mut) else { return };
        let Some(removed) = known.ports.remove(&port) else { return };
        if let Some(position) = &mut known.position {
            position.sequence = 0;
        }
        self.len = self.len.saturating_sub(removed.rows.len());
        self.changes.mark(&removed.lane, removed.rows.iter().map(|(subnet, _)| subnet));
    }

    /// Drops everything of an agent: lanes, rows and position.
    pub fn forget(&mut self, agent: &AgentId) {
        let Some(known) = self.agents.remove(agent) else { return };
        self.len = self.len.saturating_sub(known.len());
        for port in known.ports.values() {
            self.changes.mark(&port.lane, port.rows.iter().map(|(subnet, _)| subnet));
        }
    }

    /// Drops the rows that are over the time to live, and lets those count that fell and have
    /// waited. Looks at each block of rows; expected once a minute or so.
    pub fn expire(&mut self, now: Time) {
        for known in self.agents.values_mut() {
            let limits = known.limits(self.limits);
            // What stays as it is stays shared.
            if !known.is_moved(&limits, now) {
                continue;
            }
            let known = Arc::make_mut(known);
            let before = known.len();
            for port in known.ports.values_mut() {
                port.rows.pass(now);
                let expired = limits.expired_until(now);
                let expired =
                    expired.map_or_else(Vec::new, |then| port.rows.drop_observed_until(then));
                self.changes.mark(&port.lane, expired.iter().copied());
                self.counters.expired += expired.len() as u64;
                port.waiting.retain(|_, w| !limits.is_expired(w.row.observed_at, now));
            }
            if known.held.is_none() {
                let room = self.limits.rows_max.saturating_sub(self.len);
                let has_waited = |waiting: &agent::Waiting| now.ms_since(waiting.since) >= WAIT_MS;
                self.counters.left_out += known.believe(room, &mut self.changes, has_waited);
                let evicted = known.evict_beyond(limits.rows_per_agent_max, &mut self.changes);
                self.counters.evicted += evicted as u64;
            }
            self.len = self.len.saturating_sub(before) + known.len();
        }
    }

    /// What every agent's ports stand for.
    pub fn lanes(&self) -> impl Iterator<Item = (&AgentId, &Lane)> {
        let agents = self.agents.iter();
        agents.flat_map(|(agent, known)| known.ports.values().map(move |port| (agent, &port.lane)))
    }

    /// Where an agent may resume. `None` where it was never heard: from 0.
    #[must_use]
    pub fn position(&self, agent: &AgentId) -> Option<Position> {
        self.agents.get(agent)?.position
    }

    /// What changed since this was last asked, as it is now: by service, then ascending by region
    /// and subnet. What came and went in between is there without an estimate. Costs what changed.
    pub fn take_changes(&mut self) -> BTreeMap<Service, Vec<RowChange>> {
        let changed = self.changes.take();
        let of = |(service, regions): (Service, BTreeMap<Region, _>)| {
            let changes = regions.into_iter().flat_map(|(region, subnets)| {
                let ports = self.ports(&service, &region);
                let changed = move |subnet| (subnet, region.clone(), estimate_at(&ports, subnet));
                std::collections::BTreeSet::into_iter(subnets).map(changed)
            });
            let changes = changes.collect();
            (service, changes)
        };
        changed.into_iter().map(of).collect()
    }

    /// The ports of a service in a region, each with a number that is its agent's and ascends.
    fn ports(&self, service: &Service, region: &Region) -> Vec<(u32, &PortRows)> {
        let agents = (0u32..).zip(self.agents.values());
        let ports = agents.flat_map(|(agent, known)| known.ports.values().map(move |p| (agent, p)));
        ports
            .filter(|(_, port)| port.lane.region == *region && port.lane.services.contains(service))
            .collect()
    }

    /// What is known for a service: ascending by subnet, then by region.
    #[must_use]
    pub fn rows(&self, service: &Service) -> Vec<(Subnet, Region, RegionEstimate)> {
        let mut rows: Vec<(Subnet, &Region, u32, Row)> = Vec::new();
        for (number, known) in (0u32..).zip(self.agents.values()) {
            for port in known.ports.values().filter(|port| port.lane.services.contains(service)) {
                let region = &port.lane.region;
                rows.extend(port.rows.iter().map(|(subnet, row)| (subnet, region, number, row)));
            }
        }
        rows.sort_by_key(|(subnet, region, number, _)| (*subnet, *region, *number));
        let mut merged = Vec::new();
        let mut group = Vec::new();
        for same in rows.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            group.clear();
            group.extend(same.iter().map(|(_, _, number, row)| (*number, *row)));
            let estimate = estimate::merge(&group);
            merged.extend(
                same.first()
                    .zip(estimate)
                    .map(|((subnet, region, ..), estimate)| (*subnet, (*region).clone(), estimate)),
            );
        }
        merged
    }

    /// Rows of one agent.
    #[must_use]
    pub fn rows_of(&self, agent: &AgentId) -> usize {
        self.agents.get(agent).map_or(0, |known| known.len())
    }

    /// Agents of which rows made room for others of the same agent, and how many so far.
    pub fn evicted(&self) -> impl Iterator<Item = (&AgentId, u64)> {
        let agents = self.agents.iter().map(|(agent, known)| (agent, known.evicted));
        agents.filter(|(_, evicted)| *evicted > 0)
    }

    /// Rows of all agents.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The bytes that the rows take, with what is kept to find them. Looks at each block of rows.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let ports = self.agents.values().flat_map(|known| known.ports.values());
        ports.map(|port| port.rows.heap_bytes()).sum()
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How much it holds at most.
    #[must_use]
    pub const fn limits(&self) -> TableLimits {
        self.limits
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> &TableCounters {
        &self.counters
    }
}

/// What the rows of these ports say together about exactly this subnet.
fn estimate_at(ports: &[(u32, &PortRows)], subnet: Subnet) -> Option<RegionEstimate> {
    let row = |(agent, port): &(u32, &PortRows)| Some((*agent, port.rows.get(subnet)?));
    let rows: Vec<(u32, Row)> = ports.iter().filter_map(row).collect();
    estimate::merge(&rows)
}

impl TableLimits {
    /// The last moment of observation that is over the time to live now, if any is.
    const fn expired_until(&self, now: Time) -> Option<Time> {
        match now.unix_ms().checked_sub(self.ttl_ms) {
            Some(unix_ms) => Some(Time::from_unix_ms(unix_ms)),
            None => None,
        }
    }

    /// Whether a row last observed then is over the time to live now.
    const fn is_expired(&self, observed_at: Time, now: Time) -> bool {
        now.ms_since(observed_at) >= self.ttl_ms
    }
}

impl TableCounters {
    fn count(&mut self, applied: &Applied) {
        self.reports += 1;
        self.rows += applied.rows as u64;
        self.refreshed += applied.refreshed as u64;
        self.unknown += applied.unknown as u64;
        self.expired += applied.expired as u64;
        self.evicted += applied.evicted as u64;
        self.left_out += applied.left_out as u64;
        self.waiting += applied.waiting as u64;
        self.held += u64::from(applied.newly_held.is_some());
    }

    /// Of what was told before and is told again, only what follows from it.
    fn count_again(&mut self, applied: &Applied) {
        self.evicted += applied.evicted as u64;
        self.left_out += applied.left_out as u64;
        self.held += u64::from(applied.newly_held.is_some());
    }
}

#[cfg(test)]
mod tests;
