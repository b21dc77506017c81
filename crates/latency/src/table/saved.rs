//! The whole table as bytes, chunk by chunk, and back: what a snapshot on disk is made of. Knows
//! nothing of files; whoever keeps the chunks sees to it that a damaged one is noticed.
//!
//! Each chunk says whose it is, so that one that is lost takes nothing else with it. What is lost is
//! noticed by the numbers that an agent's own chunk promises. See
//! `docs/decisions/0060-the-table-on-disk.md`, and `0066-a-snapshot-shares-the-table.md` for how a table is
//! held still meanwhile.

mod load;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{AgentId, Subnet};

pub use self::load::{Loaded, Loading};
use super::agent::{AgentRows, PortRows, Waiting};
use super::held::{Held, Suspicion};
use super::level::Fall;
use super::row::Row;
use super::{Lane, Table};
use crate::bytes::{BytesFault, put_name, put_number, put_option, put_position, put_subnet};

/// Most rows in one chunk: some 40 KB. So much is lost with one damaged byte, and so long is the longest
/// pause between two looks at what else there is to write.
pub(super) const CHUNK_ROWS_MAX: usize = 4_096;

/// Why a chunk is none. What it held is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedFault {
    /// It is malformed.
    #[error("a chunk of the table cannot be read")]
    Bytes(#[from] BytesFault),
    /// It is of an agent or a port that was lost.
    #[error("a chunk is of an agent or a port that is not there")]
    Stray,
    /// The table is bounded more narrowly than it was.
    #[error("the table has no room for {rows} rows more")]
    NoRoom {
        /// So many.
        rows: usize,
    },
}

/// What a chunk is about: its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Part {
    Agent = 1,
    Port = 2,
    Rows = 3,
    Counts = 4,
    Waiting = 5,
    Fallen = 6,
}

const PARTS: [Part; 6] =
    [Part::Agent, Part::Port, Part::Rows, Part::Counts, Part::Waiting, Part::Fallen];

/// What a table held at one moment, whatever becomes of it since.
///
/// It shares the rows with the table: taken in the time of a look at each agent. What then
/// changes in the table is copied before, some kilobytes at a time.
#[derive(Clone, Debug)]
pub struct TableSnapshot {
    agents: BTreeMap<AgentId, Arc<AgentRows>>,
}

impl Table {
    /// What it holds now. Counters and what changed since last asked are not in it.
    #[must_use]
    pub fn snapshot(&self) -> TableSnapshot {
        TableSnapshot { agents: self.agents.clone() }
    }

    /// [`TableSnapshot::saved`] of what it holds now.
    pub fn saved(&self) -> impl Iterator<Item = Vec<u8>> {
        saved(&self.agents)
    }
}

impl TableSnapshot {
    /// All of it, in chunks to be read in the same order ([`Loading`]).
    pub fn saved(&self) -> impl Iterator<Item = Vec<u8>> {
        saved(&self.agents)
    }
}

fn saved(agents: &BTreeMap<AgentId, Arc<AgentRows>>) -> impl Iterator<Item = Vec<u8>> {
    (0u32..).zip(agents).flat_map(|(number, (agent, known))| {
        let mut first = of(Part::Agent, number);
        put_name(&mut first, agent.as_str());
        save_agent(known, &mut first);
        let ports = known.ports.iter();
        std::iter::once(first).chain(ports.flat_map(move |(port, rows)| rows.saved(number, *port)))
    })
}

fn of(part: Part, agent: u32) -> Vec<u8> {
    let mut bytes = vec![part as u8];
    bytes.extend(agent.to_le_bytes());
    bytes
}

fn save_agent(known: &AgentRows, bytes: &mut Vec<u8>) {
    bytes.push(known.position.is_some().into());
    known.position.into_iter().for_each(|position| put_position(bytes, position));
    put_option(bytes, known.ttl_ms);
    put_option(bytes, known.held.map(|held| held.since.unix_ms()));
    if let Some(Held { since: _, why, networks }) = known.held {
        bytes.push(why as u8);
        put_number(bytes, networks as u128);
    }
    let promised = Promised::of(known);
    [promised.rows, promised.waiting, promised.fallen]
        .into_iter()
        .for_each(|count| put_number(bytes, count as u128));
}

/// How much there is of an agent: what is missing after loading was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Promised {
    rows: usize,
    waiting: usize,
    fallen: usize,
}

impl Promised {
    fn of(known: &AgentRows) -> Self {
        let fallen = known.ports.values().map(|port| port.fallen.len()).sum();
        Self { rows: known.len(), waiting: known.waiting(), fallen }
    }
}

impl PortRows {
    fn saved(&self, agent: u32, port: u16) -> impl Iterator<Item = Vec<u8>> {
        let begin = move |part| {
            let mut bytes = of(part, agent);
            bytes.extend(port.to_le_bytes());
            bytes
        };
        let with = move |part| move |rest: Vec<u8>| [begin(part), rest].concat();
        let mut first = begin(Part::Port);
        save_lane(&self.lane, &mut first);
        self.rows.save_head(&mut first);
        let waiting: Vec<_> = self.waiting.iter().collect();
        let waiting: Vec<Vec<u8>> = waiting.chunks(CHUNK_ROWS_MAX).map(waiting_as_bytes).collect();
        let fallen: Vec<Subnet> = self.fallen.iter().copied().collect();
        let fallen: Vec<Vec<u8>> = fallen
            .chunks(CHUNK_ROWS_MAX)
            .map(|chunk| {
                let mut bytes = Vec::new();
                chunk.iter().for_each(|subnet| put_subnet(&mut bytes, *subnet));
                bytes
            })
            .collect();
        std::iter::once(first)
            .chain(self.rows.saved_rows().map(with(Part::Rows)))
            .chain(self.rows.saved_counts().map(with(Part::Counts)))
            .chain(waiting.into_iter().map(with(Part::Waiting)))
            .chain(fallen.into_iter().map(with(Part::Fallen)))
    }
}

fn save_lane(lane: &Lane, bytes: &mut Vec<u8>) {
    put_name(bytes, lane.region.as_str());
    put_number(bytes, lane.services.len() as u128);
    lane.services.iter().for_each(|service| put_name(bytes, service.as_str()));
}

fn waiting_as_bytes(chunk: &[(&Subnet, &Waiting)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (subnet, Waiting { row, since, fall }) in chunk {
        let Row { rtt, deviation_us, samples, observed_at, level, told } = row;
        put_subnet(&mut bytes, **subnet);
        for number in [rtt.us(), *deviation_us, *samples, level.usual_us] {
            bytes.extend(number.to_le_bytes());
        }
        for time in [observed_at, &level.since, since] {
            bytes.extend(time.unix_ms().to_le_bytes());
        }
        put_position(&mut bytes, *told);
        bytes.extend([level.is_fallen.into(), *fall as u8]);
    }
    bytes
}

const SUSPICIONS: [Suspicion; 3] = [Suspicion::Fell, Suspicion::Alike, Suspicion::Before];
const FALLS: [Fall; 3] = [Fall::None, Fall::Slight, Fall::Deep];

#[cfg(test)]
mod tests;
