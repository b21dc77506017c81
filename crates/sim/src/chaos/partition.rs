//! One overwatch that sees nobody for a while, and what it costs to make up for that: how long it takes
//! until all hold the same, and what overwatches say to one another for it, beside what differs.
//!
//! Nothing else goes wrong. The agent stays out of the parted one's sight after the heal, so that all of it
//! comes from the others. Each connection carries [`BYTES_PER_MS`] each way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use latency::Cursor;
use mesh::Frame;
use model::Subnet;

use super::clients::sample;
use super::invariants::Broken;
use super::nodes::End;
use super::site::Room;
use super::truth::{Row, rows_of};
use super::wires;
use super::world::World;
use super::{ChaosError, ChaosSettings};
use crate::random::Random;

/// All hold the same so long after the heal, in milliseconds.
pub const ALIKE_MS: u64 = 10_000;
/// What a connection carries each way: 10 Mbit/s.
pub const BYTES_PER_MS: u64 = 1_250;
/// Times what differs, that the heal may take in bytes: each of two others tells it, and some of it is told
/// in reports of its own since the agent told it so.
pub const FACTOR: u64 = 3;
/// Bytes that ten seconds of questions and answers take all the same, with three new sessions.
pub const FLOOR_BYTES: u64 = 16_384;
/// How often it is looked whether all hold the same, in milliseconds.
const LOOK_MS: u64 = 100;
/// The first client network: 16.0.0.0/24.
const FIRST: u32 = 16 << 24;
/// The overwatch that is parted.
const PARTED: usize = 2;
/// Rows in one report between overwatches.
const REPORT_ROWS: usize = 4_096;

/// A partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Rows that all know before it.
    pub rows: usize,
    /// Rows that move while it lasts.
    pub differing: usize,
    /// How long it lasts.
    pub seconds: u64,
}

/// What its heal cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Healed {
    /// What it was.
    pub partition: Partition,
    /// Milliseconds from the heal until all said the same digests.
    pub digests_after_ms: u64,
    /// The same until all held the same rows, one by one.
    pub rows_after_ms: u64,
    /// Rows that overwatches told one another.
    pub rows_told: u64,
    /// Bytes of a report of what differed at the heal, as an agent would send it.
    pub bytes_differing: u64,
    /// Bytes that overwatches said to one another in ten seconds, TLS not counted.
    pub bytes_told: u64,
}

impl Partition {
    /// Those whose figures are printed: 10 s, 10 min, 6 h and 3 days.
    pub fn shown() -> impl Iterator<Item = Self> {
        const ROWS: usize = 100_000;
        let lengths = [10, 600, 6 * 3_600, 3 * 86_400];
        let shares = [0, ROWS / 100, ROWS / 10, ROWS];
        lengths.into_iter().flat_map(move |seconds| {
            shares.map(|differing| Self { rows: ROWS, differing, seconds })
        })
    }

    /// Lives through it.
    ///
    /// # Errors
    ///
    /// What did not hold; above all, ten seconds without being alike.
    pub fn heal(self) -> Result<Healed, ChaosError> {
        let settings = ChaosSettings { agents: 1, overwatches: 3, minutes: 0 };
        let luck = Random::new(1, "luck");
        let mut world = World::of((1, luck), settings, None, Room::enough(self.rows.max(1), 1))?;
        world.wires.bytes_per_ms = Some(BYTES_PER_MS);
        let started = world.start();
        world.judge(started)?;
        world.live(20_000)?;
        world.learn(0..self.rows, 1)?;
        world.live(60_000 + self.rows as u64 / 2)?;
        world.demand(world.knows(self.rows) && world.is_alike(), "all is known before")?;
        for end in [End::Agent(0), End::Overwatch(0), End::Overwatch(1)] {
            world.wires.part(end, End::Overwatch(PARTED));
        }
        world.part_wires();
        world.learn(0..self.differing, 3)?;
        world.live(1_000 * self.seconds)?;
        world.demand(self.differing == 0 || !world.is_alike(), "what is parted differs")?;
        self.measure(&mut world)
    }

    /// From the heal on.
    fn measure(self, world: &mut World) -> Result<Healed, ChaosError> {
        let (rows, bytes) = (world.rows_told(), world.bytes_told);
        let bytes_differing = world.bytes_differing();
        let healed_at = world.now;
        world.see_again();
        world.wires.part(End::Agent(0), End::Overwatch(PARTED));
        let (mut digests_after_ms, mut rows_after_ms) = (None, None);
        while world.now.ms_since(healed_at) < ALIKE_MS {
            world.live(LOOK_MS)?;
            let after_ms = world.now.ms_since(healed_at);
            if world.is_alike() {
                digests_after_ms.get_or_insert(after_ms);
                if rows_after_ms.is_none() && world.holds_the_same() {
                    rows_after_ms = Some(after_ms);
                }
            } else {
                // The digests are as they were when others were last asked.
                (digests_after_ms, rows_after_ms) = (None, None);
            }
        }
        world.demand(rows_after_ms.is_some(), "all hold the same")?;
        let (rows_told, bytes_told) = (world.rows_told() - rows, world.bytes_told - bytes);
        let digests_after_ms = digests_after_ms.unwrap_or(ALIKE_MS);
        let rows_after_ms = rows_after_ms.unwrap_or(ALIKE_MS);
        let healed = Healed {
            partition: self,
            digests_after_ms,
            rows_after_ms,
            rows_told,
            bytes_differing,
            bytes_told,
        };
        world.demand(healed.is_in_proportion(), "a heal costs what differs")?;
        Ok(healed)
    }
}

impl Healed {
    /// What stands above the lines.
    pub const HEADER: &'static str = "     rows  differ  parted s  digests after s  rows after s  \
                                      rows told  bytes differ  bytes told  times";

    /// Whether it cost what differs.
    #[must_use]
    pub const fn is_in_proportion(&self) -> bool {
        self.bytes_told <= FLOOR_BYTES + FACTOR * self.bytes_differing
    }
}

impl fmt::Display for Healed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition: Partition { rows, differing, seconds }, .. } = self;
        let Self { rows_told, bytes_told, bytes_differing, .. } = self;
        let times = match bytes_differing {
            0 => "-".to_owned(),
            of => format!("{:.1}", *bytes_told as f64 / *of as f64),
        };
        write!(
            f,
            "{rows:>9} {differing:>7} {seconds:>9} {:>16.1} {:>13.1} {rows_told:>10} \
             {bytes_differing:>13} {bytes_told:>11} {times:>6}",
            self.digests_after_ms as f64 / 1e3,
            self.rows_after_ms as f64 / 1e3,
        )
    }
}

impl World {
    fn live(&mut self, ms: u64) -> Result<(), Broken> {
        self.live_until(self.now.plus_ms(ms))
    }

    /// A client of each of these networks closes a connection, all at once. Networks have gaps, and no two
    /// neighbours are equally far: rows that are alike would take no bytes.
    fn learn(&mut self, networks: Range<usize>, longer: u32) -> Result<(), Broken> {
        let (mut luck, mut samples) = (Random::new(1, "networks"), Vec::new());
        for number in networks {
            let address = u32::try_from(3 * number + luck.index(3)).unwrap_or(u32::MAX) << 8;
            let client = Subnet::of(IpAddr::from((FIRST + address).to_be_bytes()), 24);
            let rtt_us = u32::try_from(10_000 + luck.below(200_000)).unwrap_or(u32::MAX);
            self.cookie += 1;
            samples.push(sample(0, client, longer * rtt_us, self.cookie));
        }
        let told = self.tell_agent(0, agent::Event::Samples(samples));
        self.judge(told)
    }

    /// The bytes of what the parted one lacks, in reports as an agent would send them.
    fn bytes_differing(&self) -> u64 {
        let (Some(id), Some(one), Some(parted)) =
            (self.ids.first(), self.value(0), self.value(PARTED))
        else {
            return 0;
        };
        let (mut bytes, mut from, mut cursor) = (0, parted.table().position(id), Cursor::new());
        while let Some((epoch, report)) =
            one.table().next_report(id, from, REPORT_ROWS, &mut cursor)
        {
            from = Some(latency::Position { epoch, sequence: report.through });
            let frame = Frame::Report { epoch, report };
            bytes += wires::bytes_of(&frame).map_or(0, |bytes| bytes.len() as u64);
        }
        bytes
    }

    /// Whether all hold the same rows, one by one.
    fn holds_the_same(&self) -> bool {
        let tables = self.nodes.iter().filter_map(|node| node.value.as_ref());
        let of_each = tables.map(|value| -> Vec<BTreeMap<(u16, Subnet), Row>> {
            self.ids.iter().map(|id| rows_of(value.table(), id)).collect()
        });
        let of_each: Vec<_> = of_each.collect();
        of_each.windows(2).all(|two| two.first() == two.last())
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
