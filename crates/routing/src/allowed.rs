//! Which regions a constraint leaves to a client: the candidates, before health.
//!
//! Few distinct sets come of any number of constraints; each goes by a number. Not even the policy
//! for "none healthy" may leave the set.

use std::collections::BTreeSet;

use model::Region;

use crate::DomainSettings;

/// The distinct sets of regions that the clients of a domain may use.
#[derive(Clone, Debug)]
pub(crate) struct AllowedSets {
    /// Each in the domain's order; the first is all regions.
    sets: Vec<Vec<u16>>,
    /// The set of each constraint.
    of_constraint: Vec<usize>,
}

impl AllowedSets {
    /// The sets of a domain.
    pub(crate) fn of(settings: &DomainSettings) -> Self {
        let numbered = || (0..=u16::MAX).zip(&settings.regions);
        let mut sets: Vec<Vec<u16>> = vec![numbered().map(|(region, _)| region).collect()];
        let mut of_constraint = Vec::with_capacity(settings.constraints.len());
        for constraint in &settings.constraints {
            let names: BTreeSet<&Region> = constraint.regions.iter().collect();
            let allowed = numbered().filter(|(_, region)| names.contains(&region.name));
            let allowed: Vec<u16> = allowed.map(|(region, _)| region).collect();
            let known = sets.iter().position(|set| *set == allowed);
            of_constraint.push(known.unwrap_or(sets.len()));
            if known.is_none() {
                sets.push(allowed);
            }
        }
        Self { sets, of_constraint }
    }

    /// The set of a client whose first matching constraint is this one.
    pub(crate) fn set_of(&self, constraint: Option<usize>) -> usize {
        constraint.and_then(|i| self.of_constraint.get(i)).map_or(0, |set| *set)
    }

    /// The regions of a set, in the domain's order.
    pub(crate) fn regions(&self, set: usize) -> &[u16] {
        self.sets.get(set).map_or(&[], Vec::as_slice)
    }

    /// Every set, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u16]> {
        self.sets.iter().map(Vec::as_slice)
    }
}
