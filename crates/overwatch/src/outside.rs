//! Times that are reported from outside: by trusted sources that are no agents, such as a measuring
//! service or a content network's logs.
//!
//! What a source says goes the way of an agent's rows: into the table under a name of its own, whole or
//! not at all, held where it cannot be, forgotten when it is old. It measures nobody who is sent
//! somewhere on trial, and stands for no server.

use std::collections::{BTreeMap, BTreeSet};

use latency::{Lane, PortReport, Report, ReportRow, TableRefusal};
use model::{AgentId, Region, Rtt, Service, Subnet, Time, TokenName};

use crate::{Effect, Overwatch};

/// A source, and what it may speak for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideSource {
    /// What it is called.
    pub name: TokenName,
    /// The service that its times are of.
    pub service: Service,
    /// The regions that it may report; none twice.
    pub regions: Vec<Region>,
}

/// A time that a source reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideRow {
    /// From which region; `None` where the source has but one.
    pub region: Option<Region>,
    /// To which client network.
    pub subnet: Subnet,
    /// The average round-trip time.
    pub rtt: Rtt,
    /// How many connections it is the average of.
    pub samples: u32,
}

/// What became of a report that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutsideTaken {
    /// Rows that count.
    pub rows: usize,
    /// Rows that wait, since they fell, or since the source is held.
    pub waiting: usize,
    /// New rows for which the table has no room.
    pub left_out: usize,
    /// Whether the source is held: what it says waits for an operator.
    pub is_held: bool,
}

/// Why a report is refused, whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutsideFault {
    /// It is no source any more.
    #[error("{0} is none of api.latency_sources")]
    Unknown(TokenName),
    /// It may not speak for this region.
    #[error("api.latency_sources gives this source no region {0}")]
    Region(Region),
    /// It has several regions, and a row names none.
    #[error("the row of {0} names no region, and this source has several")]
    WhichRegion(Subnet),
    /// A network is there twice.
    #[error("{subnet} is there twice for {region}")]
    Twice {
        /// Which.
        subnet: Subnet,
        /// Of which region.
        region: Region,
    },
    /// The table does not take it.
    #[error(transparent)]
    Table(#[from] TableRefusal),
}

/// A source as it is known.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    pub(crate) service: Service,
    /// What stands for each region in the table, in place of a port.
    pub(crate) ports: BTreeMap<Region, u16>,
    /// How often it was heard: its place in its own sequence.
    pub(crate) heard: u64,
    /// When it last reported, and what became of that; `None` before the first.
    pub(crate) last: Option<(Time, Result<OutsideTaken, OutsideFault>)>,
}

/// A source has one life: what it said is forgotten, or recalled with its place in the sequence.
const EPOCH: u64 = 1;

impl Overwatch {
    /// These sources are trusted from now on, and no others: what those said is withdrawn.
    pub(crate) fn trust_outside(&mut self, sources: &[OutsideSource]) {
        let before = std::mem::take(&mut self.outside);
        for source in sources {
            let known = before.get(&source.name).filter(|known| known.service == source.service);
            let id = AgentId::of_source(&source.name);
            if known.is_none() {
                self.table.forget(&id);
            }
            let outside = self.lanes_of(&id, source, known);
            self.outside.insert(source.name.clone(), outside);
        }
        for gone in before.keys().filter(|name| !self.outside.contains_key(*name)) {
            self.table.forget(&AgentId::of_source(gone));
        }
    }

    /// Gives each region of a source its lane. One that it had keeps it, since the rows are there.
    fn lanes_of(
        &mut self,
        id: &AgentId,
        source: &OutsideSource,
        known: Option<&Outside>,
    ) -> Outside {
        let mut ports = known.map_or_else(BTreeMap::new, |known| known.ports.clone());
        let gone = ports.extract_if(.., |region, _| !source.regions.contains(region));
        for (_, port) in gone.collect::<Vec<_>>() {
            self.table.remove_lane(id, port);
        }
        for region in &source.regions {
            let taken: BTreeSet<u16> = ports.values().copied().collect();
            let free = (1..=u16::MAX).find(|port| !taken.contains(port));
            if let (false, Some(port)) = (ports.contains_key(region), free) {
                let services = vec![source.service.clone()];
                self.table.set_lane(id, port, Lane { services, region: region.clone() });
                ports.insert(region.clone(), port);
            }
        }
        let (heard, last) = known.map_or((0, None), |known| (known.heard, known.last.clone()));
        Outside { service: source.service.clone(), ports, heard, last }
    }

    /// What became of a source's last report; `None` before the first, and where it is no source.
    #[must_use]
    pub fn outside_taken(&self, name: &TokenName) -> Option<&Result<OutsideTaken, OutsideFault>> {
        self.outside.get(name)?.last.as_ref().map(|(_, taken)| taken)
    }

    /// The sources, as the table knows them.
    pub(crate) fn outside_ids(&self) -> impl Iterator<Item = AgentId> {
        self.outside.keys().map(AgentId::of_source)
    }

    /// Withdraws what a source reported, held or not. What it reports next counts as if it were new.
    pub(crate) fn forget_outside(&mut self, name: &TokenName) -> String {
        let id = AgentId::of_source(name);
        self.table.forget(&id);
        if let Some(outside) = self.outside.get_mut(name) {
            for (region, port) in &outside.ports {
                let services = vec![outside.service.clone()];
                self.table.set_lane(&id, *port, Lane { services, region: region.clone() });
            }
            outside.last = None;
        }
        format!("what source {name} reported was forgotten")
    }

    /// Takes a report, or does not.
    pub(crate) fn outside_report(
        &mut self,
        name: &TokenName,
        rows: Vec<OutsideRow>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let taken = self.take_outside(name, rows, now, out);
        if let Some(outside) = self.outside.get_mut(name) {
            outside.last = Some((now, taken));
        }
    }

    fn take_outside(
        &mut self,
        name: &TokenName,
        rows: Vec<OutsideRow>,
        now: Time,
        out: &mut Vec<Effect>,
    ) -> Result<OutsideTaken, OutsideFault> {
        let known = self.outside.get_mut(name);
        let known = known.ok_or_else(|| OutsideFault::Unknown(name.clone()))?;
        let ports = known.reports(rows, now)?;
        let id = AgentId::of_source(name);
        let after = self.table.position(&id).map_or(0, |position| position.sequence);
        // Where a region went the table begins anew; what was said before it must not come again.
        let through = known.heard.max(after) + 1;
        let applied = self.table.apply(&id, EPOCH, &Report { after, through, ports }, now)?;
        known.heard = through;
        if let Some(held) = applied.newly_held {
            self.held(&id, held, out);
        }
        let is_held = self.table.held(&id).is_some();
        let latency::Applied { rows, waiting, left_out, .. } = applied;
        Ok(OutsideTaken { rows, waiting, left_out, is_held })
    }
}

impl Outside {
    /// Rows as the table takes them.
    fn reports(&self, rows: Vec<OutsideRow>, now: Time) -> Result<Vec<PortReport>, OutsideFault> {
        let mut ports: BTreeMap<u16, BTreeMap<Subnet, ReportRow>> = BTreeMap::new();
        for OutsideRow { region, subnet, rtt, samples } in rows {
            let mut only = self.ports.keys();
            let region = match (region, only.next(), only.next()) {
                (Some(region), ..) => region,
                (None, Some(only), None) => only.clone(),
                _ => return Err(OutsideFault::WhichRegion(subnet)),
            };
            let Some(port) = self.ports.get(&region) else {
                return Err(OutsideFault::Region(region));
            };
            let row = ReportRow {
                subnet,
                rtt_us: rtt,
                // Half of it, as is taken where one time alone is known (RFC 6298, 2.2).
                deviation_us: rtt.us() / 2,
                min_rtt: rtt,
                samples,
                observed_at: now,
            };
            if ports.entry(*port).or_default().insert(subnet, row).is_some() {
                return Err(OutsideFault::Twice { subnet, region });
            }
        }
        let report = |(port, rows): (u16, BTreeMap<Subnet, ReportRow>)| PortReport {
            port,
            rows: rows.into_values().collect(),
            refreshed: Vec::new(),
        };
        Ok(ports.into_iter().map(report).collect())
    }
}
