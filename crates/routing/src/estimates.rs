//! What was learned about a domain, flattened: for every address the most specific row of each
//! region. Ranks nothing; a row that is too thin to count is left out here.

use std::collections::BTreeMap;
use std::net::IpAddr;

use latency::RegionEstimate;
use model::{RangeMap, Region, Rtt, Subnet};

use crate::DomainSettings;

/// What a region is worth to a client network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionRtt {
    /// Which of the domain's regions, counted from 0.
    pub region: u16,
    /// The learned round-trip time.
    pub rtt: Rtt,
}

/// Every address to what was learned about it.
#[derive(Debug)]
pub(crate) struct Estimates {
    map: RangeMap<Cell>,
    times: Vec<RegionRtt>,
}

/// A stretch of the list of times: at most one of each region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    first: u32,
    count: u32,
}

impl Cell {
    /// Nothing was learned here.
    const EMPTY: Self = Self { first: 0, count: 0 };
}

impl Estimates {
    /// Nothing learned anywhere.
    pub(crate) fn none() -> Self {
        Self { map: RangeMap::filled(Cell::EMPTY), times: Vec::new() }
    }

    /// Flattens the rows of the domain's regions that have at least `min_samples`. Rows of
    /// different widths may nest: region by region, the most specific one that counts wins.
    pub(crate) fn new(
        settings: &DomainSettings,
        rows: &[(Subnet, Region, RegionEstimate)],
        min_samples: u32,
    ) -> Self {
        let numbers: BTreeMap<&Region, u16> =
            settings.regions.iter().map(|region| &region.name).zip(0..=u16::MAX).collect();
        let counts = |(subnet, region, estimate): &(Subnet, Region, RegionEstimate)| {
            let region = *numbers.get(region)?;
            let enough = estimate.samples >= u64::from(min_samples);
            enough.then_some((*subnet, RegionRtt { region, rtt: estimate.rtt }))
        };
        let mut rows: Vec<(Subnet, RegionRtt)> = rows.iter().filter_map(counts).collect();
        rows.sort_by_key(|(subnet, _)| *subnet);

        let mut times: Vec<RegionRtt> = Vec::with_capacity(rows.len());
        let map = RangeMap::from_covering(&rows, |covering| {
            if covering.is_empty() {
                return Cell::EMPTY;
            }
            let first = times.len();
            for (_, time) in covering.iter().rev() {
                if !times[first..].iter().any(|known| known.region == time.region) {
                    times.push(*time);
                }
            }
            // A cell that does not fit the numbers counts as not learned. 2^32 times are 32 GiB.
            match (u32::try_from(first), u32::try_from(times.len() - first)) {
                (Ok(first), Ok(count)) => Cell { first, count },
                _ => Cell::EMPTY,
            }
        });
        Self { map, times }
    }

    /// What was learned about a client's network, in no particular order.
    pub(crate) fn at(&self, client: IpAddr) -> &[RegionRtt] {
        self.of(self.map.get(client).0)
    }

    /// What stands in a cell.
    pub(crate) fn of(&self, cell: Cell) -> &[RegionRtt] {
        let first = cell.first as usize;
        self.times.get(first..first + cell.count as usize).unwrap_or_default()
    }

    /// The cell of every address.
    pub(crate) const fn map(&self) -> &RangeMap<Cell> {
        &self.map
    }
}
