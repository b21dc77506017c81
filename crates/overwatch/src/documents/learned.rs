//! The learned table, by pages, and the first rows of any order: each step costs so much at most that no
//! question, however large, holds up the loop.

use api::latency::LatencyEntry;
use latency::RegionEstimate;
use latency::table::page::{Page, Wanted};
use latency::table::ranking::{Order, Search};
use model::{Region, Service, Subnet};

use crate::Overwatch;
use crate::hand::order::{HandFault, find};

/// Which rows are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyWanted {
    /// Of this domain only, in any case.
    pub domain: Option<String>,
    /// Of this region only.
    pub region: Option<Region>,
    /// Of this network and those inside it.
    pub within: Option<Subnet>,
    /// From this network on.
    pub from: Option<Subnet>,
}

/// Rows of whole networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyPage {
    /// Sorted by network, domain and region.
    pub entries: Vec<LatencyEntry>,
    /// The first network behind them; `None` where there is none.
    pub next: Option<Subnet>,
}

/// A search for the first rows of an order that is not the networks' own: it goes through the whole table,
/// a slice at a time ([`Overwatch::latency_search`]), and needs none of the node in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatencySearch {
    wanted: LatencyWanted,
    order: Order,
    rows_max: usize,
    /// `None` before the first slice.
    begun: Option<(Vec<Domain>, Search)>,
}

/// A domain's name, and whose times are its own.
type Domain = (String, Service);

/// What a slice of a search costs at most: some tenths of a millisecond of the node's loop.
const SLICE_WORK: usize = 65_536;

impl LatencySearch {
    /// A search that has not begun.
    #[must_use]
    pub const fn new(wanted: LatencyWanted, order: Order, rows_max: usize) -> Self {
        Self { wanted, order, rows_max, begun: None }
    }

    /// What was found, in its order; equal ones by network, domain and region.
    #[must_use]
    pub fn into_entries(self) -> Vec<LatencyEntry> {
        let Some((domains, search)) = self.begun else { return Vec::new() };
        let rows = search.into_rows();
        let by_value = rows.chunk_by(|a, b| a.0 == b.0 && self.order.is_same(&a.3, &b.3));
        let entries = by_value.flat_map(|same| entries(same, &domains));
        entries.take(self.rows_max).collect()
    }
}

impl Overwatch {
    /// Rows of `GET /api/v1/overwatch/latency`: of as many whole networks as make `rows_max` rows or
    /// a little more.
    ///
    /// # Errors
    ///
    /// There is no such domain.
    pub fn latency_page(
        &self,
        wanted: &LatencyWanted,
        rows_max: usize,
    ) -> Result<LatencyPage, HandFault> {
        let (domains, wanted) = self.wanted(wanted)?;
        let Page { rows, next } = self.table.page(&wanted, rows_max);
        let by_network = rows.chunk_by(|a, b| a.0 == b.0);
        Ok(LatencyPage {
            entries: by_network.flat_map(|same| entries(same, &domains)).collect(),
            next,
        })
    }

    /// Goes on with a search by a slice; says whether it is at its end.
    ///
    /// # Errors
    ///
    /// There is no such domain.
    pub fn latency_search(&self, search: &mut LatencySearch) -> Result<bool, HandFault> {
        if search.begun.is_none() {
            let (domains, wanted) = self.wanted(&search.wanted)?;
            search.begun = Some((domains, Search::new(wanted, search.order, search.rows_max)));
        }
        let Some((_, begun)) = &mut search.begun else { return Ok(true) };
        Ok(self.table.search(begun, SLICE_WORK))
    }

    /// The domains that are wanted, by name, and the rows that are theirs.
    fn wanted(&self, wanted: &LatencyWanted) -> Result<(Vec<Domain>, Wanted), HandFault> {
        let only = wanted.domain.as_deref().map(|name| find(self.publisher.domains(), name));
        let only = only.transpose()?;
        let is_wanted = |name: &str| only.is_none_or(|only| only.name == name);
        let domains = self.publisher.domains().filter(|domain| is_wanted(&domain.name));
        let mut domains: Vec<Domain> =
            domains.map(|domain| (domain.name.clone(), domain.service.clone())).collect();
        domains.sort();
        let services = domains.iter().map(|(_, service)| service.clone()).collect();
        let (region, within, from) = (wanted.region.clone(), wanted.within, wanted.from);
        Ok((domains, Wanted { services, region, within, from }))
    }
}

/// Rows of one network as documents, by domain and region.
fn entries(
    same: &[(Subnet, Service, Region, RegionEstimate)],
    domains: &[Domain],
) -> Vec<LatencyEntry> {
    let of = |(domain, service): &Domain| {
        let rows = same.iter().filter(move |row| row.1 == *service);
        let domain = domain.clone();
        rows.map(move |(subnet, _, region, row)| LatencyEntry {
            subnet: subnet.to_string(),
            domain: domain.clone(),
            region: region.to_string(),
            rtt_ms: row.rtt.ms_rounded(),
            samples: row.samples,
            last_updated: row.observed_at.to_rfc3339(),
            rtt_us: row.rtt.us(),
        })
        .collect::<Vec<_>>()
    };
    domains.iter().flat_map(of).collect()
}
