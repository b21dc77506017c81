//! Which networks of which regions changed since somebody last asked: so that the cost of learning
//! follows the change and not the table. Knows no values; those are read when they are asked for.

use std::collections::{BTreeMap, BTreeSet};

use model::{Region, Service, Subnet};

use super::estimate::RegionEstimate;
use super::lane::Lane;

/// What a region is now worth to a client network; no estimate where nothing is known any more.
pub type RowChange = (Subnet, Region, Option<RegionEstimate>);

/// Networks by service and region.
///
/// Each stands once, however often it changed. So there are at most as many as rows were in the
/// table since last asked, times the services of a port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    by_service: BTreeMap<Service, BTreeMap<Region, BTreeSet<Subnet>>>,
    /// While a table is loaded: whoever asks for all of it then needs no list of it.
    is_ignoring: bool,
}

impl Changes {
    /// Whether nothing is noted from now on. What was noted is forgotten.
    pub(crate) fn ignore(&mut self, is_ignoring: bool) {
        *self = Self { is_ignoring, ..Self::default() };
    }

    /// Notes that rows of a lane changed.
    pub(crate) fn mark(&mut self, lane: &Lane, subnets: impl Iterator<Item = Subnet> + Clone) {
        if self.is_ignoring {
            return;
        }
        for service in &lane.services {
            if subnets.clone().next().is_none() {
                return;
            }
            let regions = self.by_service.entry(service.clone()).or_default();
            regions.entry(lane.region.clone()).or_default().extend(subnets.clone());
        }
    }

    /// All that changed since this was last called.
    pub(crate) fn take(&mut self) -> BTreeMap<Service, BTreeMap<Region, BTreeSet<Subnet>>> {
        std::mem::take(&mut self.by_service)
    }
}
