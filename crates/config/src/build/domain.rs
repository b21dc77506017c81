//! The settings of one steered name.

use std::collections::BTreeMap;

use geo::Place;
use model::{Region, Service};
use routing::{
    Algorithm, Constraint, DomainSettings, ExplorationTerms, HoldTerms, LearningTerms, NonePolicy,
    RegionSettings,
};

use crate::section::Section;
use crate::steering;

/// One of `domains`, with what it takes from `regions` and `overwatch.geolocation`.
pub(super) fn domain(
    (root, domain): (&Section, &Section),
    regions: &BTreeMap<&str, RegionSettings>,
    default_region: Option<&Region>,
) -> Option<DomainSettings> {
    let regions = domain.texts("regions").map(|(name, _)| regions.get(name).cloned());
    Some(DomainSettings {
        name: domain.text("name")?.to_owned(),
        service: steering::service(domain)?.parse().ok()?,
        names: steering::names(root, domain)?,
        algorithm: algorithm(domain, "routing_algorithm")?,
        shadow: match domain.text("shadow_algorithm") {
            Some(_) => Some(algorithm(domain, "shadow_algorithm")?),
            None => None,
        },
        regions: regions.collect::<Option<_>>()?,
        default_region: default_region.cloned(),
        constraints: domain.sections("constraints").map(constraint).collect::<Option<_>>()?,
        ttl_s: domain.get("ttl")?,
        none_healthy: match domain.text("none_healthy")? {
            "last_healthy" => NonePolicy::LastHealthy,
            "servfail" => NonePolicy::Servfail,
            "all" => NonePolicy::All,
            _ => return None,
        },
        learning: learning(domain.section("learning"))?,
    })
}

fn learning(terms: &Section) -> Option<LearningTerms> {
    let (exploration, hold) = (terms.section("exploration"), terms.section("hold"));
    Some(LearningTerms {
        is_frozen: terms.get("frozen")?,
        exploration: ExplorationTerms {
            is_enabled: exploration.get("enabled")?,
            budget_ppm: parts(exploration.get("budget_percent")?, 10_000),
            slot_ms: exploration.ms("slot")?,
        },
        hold: HoldTerms {
            margin_us: hold.get::<u32>("margin_ms")?.saturating_mul(1_000),
            margin_permille: parts(hold.get("margin_percent")?, 10),
            dwell_ms: hold.ms("dwell")?,
            moved_permille_per_minute: parts(hold.get("moved_percent_per_minute")?, 10),
        },
    })
}

/// A percentage in the whole parts that routing counts in, `per_percent` of them to each; at least
/// one, since the key's limits leave out 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the keys' limits are from 0 to 100"
)]
fn parts(percent: f64, per_percent: u32) -> u32 {
    ((percent * f64::from(per_percent)).round() as u32).max(1)
}

/// The domain's service, and the weight of the newest connect time in its servers' averages.
pub(super) fn smoothing_factor(domain: &Section) -> Option<(Service, f64)> {
    Some((
        steering::service(domain)?.parse().ok()?,
        domain.section("latency_config").get("smoothing_factor")?,
    ))
}

/// All of `regions`, by name.
pub(super) fn regions(root: &Section) -> Option<BTreeMap<&str, RegionSettings>> {
    let pair = |region| Some((Section::text(region, "name")?, region_settings(region)?));
    root.sections("regions").map(pair).collect()
}

fn region_settings(region: &Section) -> Option<RegionSettings> {
    Some(RegionSettings {
        name: region.get("name")?,
        countries: region.list("countries")?,
        continents: region.list("continents")?,
        place: place(region)?,
        capacity: region.get("capacity"),
    })
}

/// `Some(None)` where no coordinates are given.
fn place(region: &Section) -> Option<Option<Place>> {
    match (region.get("latitude"), region.get("longitude")) {
        (Some(latitude), Some(longitude)) => Place::new(latitude, longitude).ok().map(Some),
        (None, None) => Some(None),
        _ => None,
    }
}

fn algorithm(domain: &Section, key: &str) -> Option<Algorithm> {
    let terms = domain.section("latency_config");
    Some(match domain.text(key)? {
        "learned_latency" => Algorithm::LearnedLatency {
            max_latency_ms: terms.get("max_latency_ms"),
            min_samples: terms.get("min_samples")?,
        },
        "latency" => Algorithm::Latency { max_latency_ms: terms.get("max_latency_ms") },
        "geolocation" => Algorithm::Geolocation,
        "round-robin" => Algorithm::RoundRobin,
        "weighted" => Algorithm::Weighted,
        "failover" => Algorithm::Failover,
        _ => return None,
    })
}

fn constraint(section: &Section) -> Option<Constraint> {
    Some(Constraint {
        networks: section.list("networks")?,
        countries: section.list("countries")?,
        regions: section.list("regions")?,
    })
}
