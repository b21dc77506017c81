//! Chunks back to a table. Takes a chunk whole or not at all, never makes a row up, and knows at the
//! end of which agents something is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{AgentId, Rtt, Time};

use super::super::agent::{AgentRows, PortRows, Waiting};
use super::super::held::Held;
use super::super::lane::Lane;
use super::super::level::Level;
use super::super::row::Row;
use super::super::rows::RowStore;
use super::super::{Table, TableLimits};
use super::{FALLS, PARTS, Part, Promised, SUSPICIONS, SavedFault};
use crate::bytes::Reader;

/// An agent of which one row in so many was too old is asked for everything: it may be the clock that
/// is wrong and not the rows that are old.
const TOO_OLD_ONE_IN: usize = 10;

/// A table that is being loaded.
#[derive(Debug)]
pub struct Loading {
    table: Table,
    /// Which agent a number is, and how much of it there should be. Bounded by the table's agents.
    agents: BTreeMap<u32, (AgentId, Promised)>,
}

/// A table that was loaded; its times are those of when it was saved until it wakes.
#[derive(Debug)]
pub struct Loaded {
    /// All that was read.
    pub table: Table,
    /// Agents of which something is missing.
    pub incomplete: BTreeSet<AgentId>,
}

impl Loading {
    /// Nothing yet.
    #[must_use]
    pub fn new(limits: TableLimits) -> Self {
        let mut table = Table::new(limits);
        table.changes.ignore(true);
        Self { table, agents: BTreeMap::new() }
    }

    /// Takes a chunk.
    ///
    /// # Errors
    ///
    /// It is none, or belongs to one that was lost; then nothing of it is taken.
    pub fn take(&mut self, chunk: &[u8]) -> Result<(), SavedFault> {
        let mut reader = Reader::new(chunk, "a chunk");
        let (part, number) = (reader.u8()?, reader.u32()?);
        let part = PARTS.into_iter().find(|known| *known as u8 == part);
        let part = part.ok_or(reader.fault())?;
        if part == Part::Agent {
            return self.agent(number, &mut reader);
        }
        let port = reader.u16()?;
        let (agent, _) = self.agents.get(&number).ok_or(SavedFault::Stray)?;
        let known = self.table.agents.get_mut(agent).ok_or(SavedFault::Stray)?;
        let known = Arc::make_mut(known);
        if part == Part::Port {
            let lane = read_lane(&mut reader)?;
            let rows = RowStore::load_head(&mut reader)?;
            known.ports.entry(port).or_insert(PortRows { rows, ..PortRows::new(lane) });
            return Ok(());
        }
        let room = self.table.limits.rows_max.saturating_sub(self.table.len);
        let known = known.ports.get_mut(&port).ok_or(SavedFault::Stray)?;
        match part {
            Part::Rows => self.table.len += known.rows.load_rows(&mut reader, room)?,
            Part::Counts => known.rows.load_counts(&mut reader)?,
            Part::Waiting => known.waiting.extend(read_waiting(&mut reader)?),
            Part::Fallen => {
                let mut fallen = BTreeSet::new();
                while !reader.is_empty() {
                    fallen.insert(reader.subnet()?);
                }
                known.fallen.extend(fallen);
            }
            Part::Agent | Part::Port => {}
        }
        Ok(())
    }

    fn agent(&mut self, number: u32, reader: &mut Reader<'_>) -> Result<(), SavedFault> {
        let agent = reader.agent()?;
        let position = if reader.u8()? == 1 { Some(reader.position()?) } else { None };
        let ttl_ms = reader.option()?;
        let held = reader.option()?.map(Time::from_unix_ms);
        let held = held.map(|since| {
            let why = reader.u8()?;
            let why = SUSPICIONS.into_iter().find(|known| *known as u8 == why);
            let why = why.ok_or(reader.fault())?;
            Ok::<_, SavedFault>(Held { since, why, networks: count(reader)? })
        });
        let held = held.transpose()?;
        let promised =
            Promised { rows: count(reader)?, waiting: count(reader)?, fallen: count(reader)? };
        let ports = BTreeMap::new();
        let known = AgentRows { position, ttl_ms, held, evicted: 0, ports };
        if self.table.agents.contains_key(&agent) || self.agents.contains_key(&number) {
            return Err(reader.fault().into());
        }
        self.table.agents.insert(agent.clone(), Arc::new(known));
        self.agents.insert(number, (agent, promised));
        Ok(())
    }

    /// How many rows were read so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was read.
    #[must_use]
    pub fn finish(self) -> Loaded {
        let Self { mut table, agents } = self;
        let mut incomplete = BTreeSet::new();
        for (agent, promised) in agents.into_values() {
            let Some(known) = table.agents.get_mut(&agent).map(Arc::make_mut) else { continue };
            let is_whole = Promised::of(known) == promised;
            let before = known.len();
            let evicted = known.evict_beyond(table.limits.rows_per_agent_max, &mut table.changes);
            table.len = table.len.saturating_sub(before) + known.len();
            if !is_whole || evicted > 0 {
                incomplete.insert(agent);
            }
        }
        Loaded { table, incomplete }
    }
}

impl Table {
    /// A loaded table counts from now on: nothing in it is later than now, what is too old goes. Says of
    /// whom anything else changed than by what [`Table::expire`] does; those are asked for everything again.
    /// Nothing counts as changed since last asked.
    pub fn wake(&mut self, now: Time) -> BTreeSet<AgentId> {
        let mut changed = BTreeSet::new();
        let before: Vec<(AgentId, usize)> =
            self.agents.iter().map(|(agent, known)| (agent.clone(), known.len())).collect();
        for (agent, known) in &mut self.agents {
            if Arc::make_mut(known).wake(now) {
                changed.insert(agent.clone());
            }
        }
        self.expire(now);
        for (agent, before) in before {
            let after = self.rows_of(&agent);
            if before.saturating_sub(after) * TOO_OLD_ONE_IN > before {
                changed.insert(agent);
            }
        }
        changed.iter().for_each(|agent| self.ask_again(agent));
        self.changes.ignore(false);
        changed
    }

    /// An agent tells everything again: something of it was lost here.
    pub fn ask_again(&mut self, agent: &AgentId) {
        let known = self.agents.get_mut(agent).map(Arc::make_mut);
        let position = known.and_then(|known| known.position.as_mut());
        if let Some(position) = position {
            position.sequence = 0;
        }
    }

    /// Who is known, whether or not there is a row.
    pub fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.agents.keys()
    }

    /// The ports of an agent and what they stand for.
    pub fn ports_of(&self, agent: &AgentId) -> impl Iterator<Item = (u16, &Lane)> {
        let ports = self.agents.get(agent).into_iter().flat_map(|known| &known.ports);
        ports.map(|(port, rows)| (*port, &rows.lane))
    }
}

impl AgentRows {
    /// Nothing in it is later than now; says whether anything was.
    fn wake(&mut self, now: Time) -> bool {
        let mut was_later = false;
        let mut bound = |time: &mut Time| {
            was_later |= *time > now;
            *time = (*time).min(now);
        };
        self.held.iter_mut().for_each(|held| bound(&mut held.since));
        for port in self.ports.values_mut() {
            for waiting in port.waiting.values_mut() {
                bound(&mut waiting.since);
                bound(&mut waiting.row.observed_at);
                bound(&mut waiting.row.level.since);
            }
        }
        let of_rows = self.ports.values_mut().map(|port| port.rows.wake(now));
        of_rows.fold(was_later, |any, one| any | one)
    }
}

fn count(reader: &mut Reader<'_>) -> Result<usize, SavedFault> {
    usize::try_from(reader.number()?).map_err(|_| reader.fault().into())
}

fn read_lane(reader: &mut Reader<'_>) -> Result<Lane, SavedFault> {
    let region = reader.name()?;
    let services = (0..count(reader)?).map(|_| reader.name());
    Ok(Lane { services: services.collect::<Result<_, _>>()?, region })
}

fn read_waiting(reader: &mut Reader<'_>) -> Result<BTreeMap<model::Subnet, Waiting>, SavedFault> {
    let mut all = BTreeMap::new();
    while !reader.is_empty() {
        let subnet = reader.subnet()?;
        let rtt = Rtt::from_us(reader.u32()?.into()).map_err(|_| reader.fault())?;
        let (deviation_us, samples, usual_us) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let mut time = || reader.u64().map(Time::from_unix_ms);
        let (observed_at, level_since, since) = (time()?, time()?, time()?);
        let told = reader.position()?;
        let is_fallen = reader.u8()? == 1;
        let fall = reader.u8()?;
        let fall = FALLS.into_iter().find(|known| *known as u8 == fall);
        let fall = fall.ok_or(reader.fault())?;
        let level = Level { usual_us, since: level_since, is_fallen };
        let row = Row { rtt, deviation_us, samples, observed_at, level, told };
        all.insert(subnet, Waiting { row, since, fall });
    }
    Ok(all)
}
