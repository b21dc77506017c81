//! One overwatch that sees nobody for a while, and what it costs to make up for that: how long it takes
//! until all hold the same, and what overwatches say to one another for it.
//!
//! Nothing else goes wrong. The agent stays out of the parted one's sight after the heal, so that all of it
//! comes from the others.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use model::Subnet;

use super::invariants::Broken;
use super::nodes::End;
use super::world::{World, sample};
use super::{ChaosError, ChaosSettings};
use crate::random::Random;

/// All hold the same so long after the heal, in milliseconds.
const ALIKE_MS: u64 = 10_000;
/// What an agent is told of at once.
const BATCH: usize = 4_000;
/// The first client network: 16.0.0.0/24.
const FIRST: u32 = 16 << 24;
/// The overwatch that is parted.
const PARTED: usize = 2;

/// A partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Rows that all know before it.
    pub rows: usize,
    /// Rows that move while it lasts.
    pub differing: usize,
    /// How long it lasts.
    pub minutes: u64,
}

/// What its heal cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Healed {
    /// What it was.
    pub partition: Partition,
    /// Milliseconds from the heal until all held the same.
    pub alike_after_ms: u64,
    /// Rows that overwatches told one another.
    pub rows_told: u64,
    /// Bytes that they said to one another in ten seconds, TLS not counted.
    pub bytes_told: u64,
}

impl Partition {
    /// Those whose figures are printed.
    pub const SHOWN: [Self; 7] = [
        Self { rows: 100_000, differing: 0, minutes: 10 },
        Self { rows: 100_000, differing: 10, minutes: 10 },
        Self { rows: 100_000, differing: 100, minutes: 10 },
        Self { rows: 100_000, differing: 1_000, minutes: 10 },
        Self { rows: 100_000, differing: 10_000, minutes: 10 },
        Self { rows: 100_000, differing: 10, minutes: 600 },
        Self { rows: 1_000, differing: 10, minutes: 10 },
    ];

    /// Lives through it.
    ///
    /// # Errors
    ///
    /// What did not hold; above all, ten seconds without being alike.
    pub fn heal(self) -> Result<Healed, ChaosError> {
        let settings = ChaosSettings { agents: 1, overwatches: 3, minutes: 0 };
        let luck = Random::new(1, "luck");
        let mut world = World::of((1, luck), settings, None, self.rows.max(1))?;
        let started = world.start();
        world.judge(started)?;
        world.live(20_000)?;
        world.learn(0..self.rows, 50)?;
        world.live(60_000 + self.rows as u64 / 2)?;
        world.demand(world.knows(self.rows) && world.is_alike(), "all is known before")?;
        for end in [End::Agent(0), End::Overwatch(0), End::Overwatch(1)] {
            world.wires.part(end, End::Overwatch(PARTED));
        }
        world.part_wires();
        world.live(10_000)?;
        world.learn(0..self.differing, 90)?;
        world.live(60_000 * self.minutes)?;
        world.demand(self.differing == 0 || !world.is_alike(), "what is parted differs")?;
        self.measure(&mut world)
    }

    /// From the heal on.
    fn measure(self, world: &mut World) -> Result<Healed, ChaosError> {
        let (rows, bytes) = (world.rows_told(), world.bytes_told);
        let healed_at = world.now;
        world.see_again();
        world.wires.part(End::Agent(0), End::Overwatch(PARTED));
        let mut alike_after_ms = None;
        while world.now.ms_since(healed_at) < ALIKE_MS {
            world.live(100)?;
            if alike_after_ms.is_none() && world.is_alike() {
                alike_after_ms = Some(world.now.ms_since(healed_at));
            }
        }
        world.demand(world.is_alike(), "all hold the same")?;
        let (rows_told, bytes_told) = (world.rows_told() - rows, world.bytes_told - bytes);
        let alike_after_ms = alike_after_ms.unwrap_or(ALIKE_MS);
        Ok(Healed { partition: self, alike_after_ms, rows_told, bytes_told })
    }
}

impl Healed {
    /// What stands above the lines.
    pub const HEADER: &'static str =
        "     rows  differ  parted min  alike after ms  rows told  bytes told";
}

impl fmt::Display for Healed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition: Partition { rows, differing, minutes }, .. } = self;
        let Self { alike_after_ms, rows_told, bytes_told, .. } = self;
        write!(
            f,
            "{rows:>9} {differing:>7} {minutes:>11} {alike_after_ms:>15} {rows_told:>10} \
             {bytes_told:>11}"
        )
    }
}

impl World {
    fn live(&mut self, ms: u64) -> Result<(), Broken> {
        self.live_until(self.now.plus_ms(ms))
    }

    /// A client of each of these networks closes a connection.
    fn learn(&mut self, networks: Range<usize>, rtt_ms: u32) -> Result<(), Broken> {
        for from in networks.clone().step_by(BATCH) {
            let batch = from..networks.end.min(from + BATCH);
            let samples = batch.map(|number| {
                let address = u32::try_from(number).unwrap_or(u32::MAX) << 8;
                let client = Subnet::of(IpAddr::from((FIRST + address).to_be_bytes()), 24);
                sample(0, client, rtt_ms, (u64::from(rtt_ms) << 32) + number as u64 + 1)
            });
            let told = self.tell_agent(0, agent::Event::Samples(samples.collect()));
            self.judge(told)?;
            self.live(4_000)?;
        }
        Ok(())
    }

    /// Whether all hold so many rows.
    fn knows(&self, rows: usize) -> bool {
        let mut nodes = self.nodes.iter();
        nodes.all(|node| node.value.as_ref().is_some_and(|value| value.table().len() == rows))
    }

    /// Rows and servers of each, as digests.
    fn digests(&self) -> BTreeSet<(String, String)> {
        let values = self.nodes.iter().filter_map(|node| node.value.as_ref());
        let documents = values.map(|value| value.peer_document(self.now));
        documents.map(|document| (document.rows_digest, document.registry_digest)).collect()
    }

    fn is_alike(&self) -> bool {
        self.digests().len() == 1
    }

    fn demand(&self, holds: bool, what: &'static str) -> Result<(), Broken> {
        let detail = || format!("rows and servers by digest: {:?}", self.digests());
        self.judge(if holds { Ok(()) } else { Err((what, detail())) })
    }
}
