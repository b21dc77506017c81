//! What operators did about routing, as the API says it.

use std::collections::{BTreeMap, BTreeSet};

use api::hand::{
    Audit, AuditLine, DomainLearning, HeldAgent, Learning, Pin, Pins, Regions, Resolver,
    ResolverClient, ResolverWeights,
};
use model::{Region, Time};
use routing::{Algorithm, DomainSettings};

use super::explain::share;
use super::held_of;
use crate::Overwatch;
use crate::hand::order::find;
use crate::hand::{HandItem, HandRow};

impl Overwatch {
    /// `GET /api/v1/routing/pins`.
    #[must_use]
    pub fn pin_list(&self) -> Pins {
        let pin = |row: &HandRow| match &row.item {
            HandItem::Pin { domain, network, region } => Some(Pin {
                domain: domain.clone(),
                network: network.to_string(),
                region: region.to_string(),
                since: row.since.to_rfc3339(),
                by: row.by.clone(),
                reason: row.reason.clone(),
                until: row.until.map(Time::to_rfc3339),
                in_effect: self.has_region(domain, region),
            }),
            _ => None,
        };
        Pins { pins: self.hand.items().filter_map(pin).collect() }
    }

    /// `GET /api/v1/routing/regions`.
    #[must_use]
    pub fn region_list(&self, now: Time) -> Regions {
        let mut domains_of: BTreeMap<Region, BTreeSet<String>> = BTreeMap::new();
        for domain in self.publisher.domains() {
            for region in &domain.regions {
                domains_of.entry(region.name.clone()).or_default().insert(domain.name.clone());
            }
        }
        for region in self.hand.drains().into_keys() {
            domains_of.entry(region).or_default();
        }
        let regions = domains_of.into_iter().map(|(region, domains)| {
            let drain = self.hand.drain(&region);
            let reached = drain.map(|(drain, _)| drain.began.plus_ms(drain.over_ms));
            let row = drain.map(|(_, row)| row);
            api::hand::Region {
                region: region.to_string(),
                domains: domains.into_iter().collect(),
                drained_share: drain.map_or(0.0, |(drain, _)| share(drain.permille(now))),
                target_share: drain.map(|(drain, _)| share(drain.to_permille)),
                since: row.map(|row| row.since.to_rfc3339()),
                by: row.and_then(|row| row.by.clone()),
                reason: row.and_then(|row| row.reason.clone()),
                until: row.and_then(|row| row.until).map(Time::to_rfc3339),
                reached_at: reached.filter(|at| *at > now).map(Time::to_rfc3339),
            }
        });
        Regions { regions: regions.collect() }
    }

    /// `GET /api/v1/routing/learning`.
    #[must_use]
    pub fn learning_list(&self) -> Learning {
        let learns =
            |domain: &&DomainSettings| matches!(domain.algorithm, Algorithm::LearnedLatency { .. });
        let domains = self.learning().filter(|learning| learns(&&**learning.settings()));
        let domains = domains.map(|learning| self.domain_learning(learning)).collect();
        let held = self.agents.iter().filter_map(|(id, record)| {
            let held = self.held_document(id, record)?;
            Some(HeldAgent { agent_id: id.to_string(), held })
        });
        let outside = self.outside_ids().filter_map(|id| {
            let held = held_of(self.table.held(&id)?);
            Some(HeldAgent { agent_id: id.to_string(), held })
        });
        Learning { domains, held_agents: held.chain(outside).collect() }
    }

    fn domain_learning(&self, learning: &routing::Learning) -> DomainLearning {
        const CONFIGURATION: &str = "configuration";
        const OPERATOR: &str = "operator";
        let (settings, counters) = (learning.settings(), learning.counters());
        let name = settings.name.as_str();
        let frozen_by = match () {
            () if settings.learning.is_frozen => Some(CONFIGURATION),
            () if self.hand.is_frozen(name) => Some(OPERATOR),
            () => None,
        };
        let off_by = match () {
            () if frozen_by.is_some() => Some("frozen"),
            () if !settings.learning.exploration.is_enabled => Some(CONFIGURATION),
            () if self.hand.is_not_exploring(name) => Some(OPERATOR),
            () => None,
        };
        DomainLearning {
            domain: name.to_owned(),
            frozen_by: frozen_by.map(ToOwned::to_owned),
            exploring: off_by.is_none(),
            exploration_off_by: off_by.map(ToOwned::to_owned),
            explored_share: learning.explored_share(),
            budget_share: f64::from(settings.learning.exploration.budget_ppm) / 1e6,
            explored_connections: counters.explored_connections,
            explored_cost_ms: counters.explored_cost_ms,
            found: counters.found,
            moved: counters.moved,
            moves_put_off: counters.moves_put_off,
            given_up: counters.given_up,
            impossible_rows: learning.beliefs().impossible(),
        }
    }

    /// `GET /api/v1/resolvers/weights`.
    #[must_use]
    pub fn resolver_list(&self) -> ResolverWeights {
        let resolver = |row: &HandRow| match &row.item {
            HandItem::Resolver { resolver, clients } => {
                let clients = clients.iter().map(|(network, weight)| ResolverClient {
                    cidr: network.to_string(),
                    weight: *weight,
                });
                Some(Resolver { resolver: resolver.to_string(), clients: clients.collect() })
            }
            _ => None,
        };
        ResolverWeights { resolvers: self.hand.items().filter_map(resolver).collect() }
    }

    /// `GET /api/v1/overwatch/audit`.
    #[must_use]
    pub fn audit(&self) -> Audit {
        let line = |line: &crate::AuditLine| AuditLine {
            at: line.at.to_rfc3339(),
            what: line.what.clone(),
            by: line.by.clone(),
            reason: line.reason.clone(),
        };
        Audit { lines: self.hand.audit().map(line).collect() }
    }

    fn has_region(&self, domain: &str, region: &Region) -> bool {
        let domain = find(self.publisher.domains(), domain);
        domain.is_ok_and(|domain| domain.regions.iter().any(|known| known.name == *region))
    }
}
