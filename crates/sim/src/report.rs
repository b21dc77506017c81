//! What a run showed, as a value, as JSON and as a table.

mod table;

use std::collections::BTreeMap;

use routing::Reason;
use serde::Serialize;

use crate::figures::{Figures, captured};
use crate::policies::Policy;
use crate::run::RunSettings;
use crate::world::World;

pub use table::table;

/// A whole run. Entry 0 of each list is hour 1; `null` where an hour has no such figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What decided all luck.
    pub seed: u64,
    /// How many hours were run.
    pub hours: u64,
    /// Connections an hour, strays among them.
    pub connections_per_hour: f64,
    /// The share of connections that went to any site, whatever DNS said. They are in no figure.
    pub stray_share: f64,
    /// How many client networks there are.
    pub networks: usize,
    /// The sites.
    pub sites: Vec<String>,
    /// Client cities without a way to each site; nobody lives there.
    pub left_out: Vec<String>,
    /// The policies, in the order of the table.
    pub policies: Vec<PolicyReport>,
    /// What nodes warned of, and how often; empty in a sound run.
    pub warnings: BTreeMap<String, u64>,
}

/// One policy, hour by hour, weighted by connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PolicyReport {
    /// Its name.
    pub name: &'static str,
    /// Connections that count.
    pub connections: Vec<u64>,
    /// Clients that DNS told nothing.
    pub unanswered: Vec<u64>,
    /// The mean round-trip time in milliseconds.
    pub mean_ms: Vec<Option<f64>>,
    /// The median.
    pub p50_ms: Vec<Option<f64>>,
    /// 95 of 100 were not above it.
    pub p95_ms: Vec<Option<f64>>,
    /// 99 of 100 were not above it.
    pub p99_ms: Vec<Option<f64>>,
    /// The share of (geolocation - oracle) that it gained.
    pub captured: Vec<Option<f64>>,
    /// The share of answers given because of something learned.
    pub learned_share: Vec<Option<f64>>,
}

impl Report {
    /// A run that has not begun.
    #[must_use]
    pub fn new(world: &World, settings: &RunSettings) -> Self {
        Self {
            seed: settings.seed,
            hours: settings.hours,
            connections_per_hour: settings.connections_per_hour,
            stray_share: settings.stray_share,
            networks: world.networks.len(),
            sites: world.sites.iter().map(|site| site.name.clone()).collect(),
            left_out: world.left_out.clone(),
            policies: Vec::new(),
            warnings: BTreeMap::new(),
        }
    }

    /// Takes in one policy's run. The oracle stays last, and the newest one counts.
    pub fn take(
        &mut self,
        policy: PolicyReport,
        oracle: PolicyReport,
        warnings: &BTreeMap<String, u64>,
    ) {
        self.policies.retain(|known| known.name != oracle.name);
        self.policies.extend([policy, oracle]);
        for (warning, count) in warnings {
            *self.warnings.entry(warning.clone()).or_default() += count;
        }
    }

    /// All policies are in: measures them against one another.
    pub fn finish(&mut self) {
        let means = |policy: Policy| {
            let found = self.policies.iter().find(|known| known.name == policy.as_str());
            found.map(|found| found.mean_ms.clone()).unwrap_or_default()
        };
        let (geolocation, oracle) = (means(Policy::Geolocation), means(Policy::Oracle));
        for policy in &mut self.policies {
            let hours = geolocation.iter().zip(&policy.mean_ms).zip(&oracle);
            let gains = hours.map(|((geolocation, mean), oracle)| {
                captured((*geolocation)?, (*mean)?, (*oracle)?).map(rounded)
            });
            policy.captured = gains.collect();
        }
    }
}

impl PolicyReport {
    /// A policy of which no hour is known.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { name: policy.as_str(), ..Self::default() }
    }

    /// Adds an hour: the connections' times, the clients that were told nothing, and why the
    /// others were sent where they went.
    pub fn push(&mut self, times_us: Vec<u32>, unanswered: u64, reasons: &BTreeMap<Reason, u64>) {
        let count = times_us.len() as u64;
        let figures = Figures::of(times_us);
        let figure = |of: fn(&Figures) -> f64| figures.as_ref().map(|f| rounded(of(f)));
        self.connections.push(count);
        self.unanswered.push(unanswered);
        self.mean_ms.push(figure(|figures| figures.mean_ms));
        self.p50_ms.push(figure(|figures| figures.p50_ms));
        self.p95_ms.push(figure(|figures| figures.p95_ms));
        self.p99_ms.push(figure(|figures| figures.p99_ms));
        let learned = reasons.get(&Reason::LearnedLatency).copied().unwrap_or_default();
        let is_known = count > 0 && !reasons.is_empty();
        self.learned_share.push(is_known.then(|| rounded(learned as f64 / count as f64)));
    }
}

/// To a thousandth: what a microsecond is of a millisecond.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
