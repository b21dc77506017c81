//! The learned table, by pages: each costs what is on it, so that no question about it, however
//! large, holds up the loop.

use api::latency::LatencyEntry;
use latency::table::page::{Page, Wanted};
use model::{Region, Subnet};

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
        let only = wanted.domain.as_deref().map(|name| find(self.publisher.domains(), name));
        let only = only.transpose()?;
        let is_wanted = |name: &str| only.is_none_or(|only| only.name == name);
        let mut domains: Vec<_> =
            self.publisher.domains().filter(|domain| is_wanted(&domain.name)).collect();
        domains.sort_by(|a, b| a.name.cmp(&b.name));
        let services = domains.iter().map(|domain| domain.service.clone()).collect();
        let (region, within, from) = (wanted.region.clone(), wanted.within, wanted.from);
        let wanted = Wanted { services, region, within, from };
        let Page { rows, next } = self.table.page(&wanted, rows_max);
        let mut entries = Vec::with_capacity(rows.len());
        for same in rows.chunk_by(|a, b| a.0 == b.0) {
            for domain in &domains {
                let of_domain = same.iter().filter(|row| row.1 == domain.service);
                entries.extend(of_domain.map(|(subnet, _, region, row)| LatencyEntry {
                    subnet: subnet.to_string(),
                    domain: domain.name.clone(),
                    region: region.to_string(),
                    rtt_ms: row.rtt.ms_rounded(),
                    samples: row.samples,
                    last_updated: row.observed_at.to_rfc3339(),
                    rtt_us: row.rtt.us(),
                }));
            }
        }
        Ok(LatencyPage { entries, next })
    }
}
