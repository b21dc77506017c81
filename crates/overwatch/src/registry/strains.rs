//! Servers that get less than their share since they strain, as their agents tell.
//!
//! What an agent tells holds while it is there, and for the backends that it holds. A server of which
//! nothing is left is drained, unless no other of its service is up: then it keeps a tenth, since a
//! server that strains is better than none.

use std::collections::{BTreeMap, BTreeSet};

use health::{SessionLiveness, Standing, Strain, WHOLE_PERMILLE};
use mesh::BackendCondition;
use model::{AgentId, BackendKey, Region, Service};

use super::{Entry, Registry};

/// What is left to the last server of a service, in thousandths.
const LAST_PERMILLE: u16 = 100;

/// Why a server gets less than its share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Less {
    /// What it gets of its share, in thousandths; below [`WHOLE_PERMILLE`].
    pub share_permille: u16,
    /// What strains; `None` where it is something that this version does not know.
    pub strain: Option<Strain>,
    /// Whether it is to be drained: nothing is left, and others of its service are up.
    pub(super) is_out: bool,
}

impl Registry {
    /// Takes what an agent tells of its backends; it replaces all that it told before. The backends
    /// of which it told something else.
    pub(crate) fn strain(
        &mut self,
        agent: &AgentId,
        told: &[BackendCondition],
    ) -> BTreeSet<BackendKey> {
        let told: BTreeMap<&BackendKey, &BackendCondition> =
            told.iter().map(|backend| (&backend.key, backend)).collect();
        let mut changed = BTreeSet::new();
        for (key, entry) in &mut self.entries {
            if entry.agent.as_ref() != Some(agent) {
                continue;
            }
            let less = told.get(key).map(|told| Less {
                share_permille: told.share_permille,
                strain: told.strain,
                is_out: entry.less.is_some_and(|less| less.is_out) && told.share_permille == 0,
            });
            let share = |less: Option<Less>| less.map(|less| less.share_permille);
            if share(std::mem::replace(&mut entry.less, less)) != share(less) {
                changed.insert(key.clone());
            }
        }
        changed
    }

    /// Forgets what agents told that are not there any more, and says which servers are to be
    /// drained. The services of which something changed.
    pub(crate) fn settle_strains(
        &mut self,
        liveness: impl Fn(&AgentId) -> SessionLiveness,
    ) -> BTreeSet<Service> {
        let mut services = BTreeSet::new();
        if self.entries.values().all(|entry| entry.less.is_none()) {
            return services;
        }
        let is_up = |entry: &&Entry| {
            let stands = matches!(entry.standing.0, Standing::Up | Standing::Doubtful);
            stands && entry.less.is_none_or(|less| less.share_permille > 0)
        };
        let others: BTreeSet<Service> = self.entries.values().filter(is_up).map(service).collect();
        for entry in self.entries.values_mut() {
            let Some(less) = entry.less else { continue };
            let agent = entry.agent.as_ref().map(&liveness);
            let is_there =
                matches!(agent, Some(SessionLiveness::Alive | SessionLiveness::Missed { .. }));
            let is_out = less.share_permille == 0 && others.contains(&entry.backend.key.service);
            let now = is_there.then_some(Less { is_out, ..less });
            if now != Some(less) {
                entry.less = now;
                services.insert(service(entry));
            }
        }
        services
    }

    /// What is left to each region of a service where that is not all, in thousandths: the mean of
    /// its servers that are up, by weight.
    pub(crate) fn strained_regions(&self, of: &Service) -> BTreeMap<Region, u16> {
        let mut regions: BTreeMap<Region, (u64, u64)> = BTreeMap::new();
        let of_service = self.entries.values().filter(|entry| entry.backend.key.service == *of);
        for entry in of_service.filter(|entry| entry.standing.0 == Standing::Up) {
            let weight = u64::from(entry.backend.weight);
            let (left, all) = regions.entry(entry.backend.region.clone()).or_default();
            *left += weight * u64::from(entry.left_permille());
            *all += weight;
        }
        let left = regions.into_iter().filter_map(|(region, (left, all))| {
            let permille = u16::try_from(left.checked_div(all)?).ok()?;
            (permille < WHOLE_PERMILLE).then_some((region, permille))
        });
        left.collect()
    }
}

impl Entry {
    /// What is left of its share, in thousandths.
    pub(crate) fn left_permille(&self) -> u16 {
        match self.less {
            None => WHOLE_PERMILLE,
            Some(less) => less.share_permille.max(LAST_PERMILLE),
        }
    }

    /// Whether it is drained since nothing is left of its share.
    pub(super) fn is_bled_out(&self) -> bool {
        self.less.is_some_and(|less| less.is_out)
    }
}

fn service(entry: &Entry) -> Service {
    entry.backend.key.service.clone()
}
