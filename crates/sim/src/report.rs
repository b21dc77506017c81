//! What a run showed, as a value, as JSON, as a table and as a picture.

mod events;
mod plot;
mod table;

use std::collections::BTreeMap;

use routing::Reason;
use serde::Serialize;

use crate::figures::{Figures, captured};
use crate::policies::Policy;
use crate::run::RunSettings;
use crate::scenario::Scenario;
use crate::simulation::{Hour, Minute};
use crate::world::World;

pub use events::{LieReport, OutageReport, ShadowReport, WatchReport};
pub use plot::plot;
pub use table::table;

/// A whole run. Entry 0 of each list is hour 1; `null` where an hour has no such figure; shares
/// are 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What decided all luck.
    pub seed: u64,
    /// How many hours were run.
    pub hours: u64,
    /// How many client networks there are.
    pub networks: usize,
    /// The share of connections behind a resolver that sends ECS.
    pub ecs: f64,
    /// The sites.
    pub sites: Vec<String>,
    /// Client cities without a way to each site; nobody lives there.
    pub left_out: Vec<String>,
    /// What the settings allow at best.
    pub ceiling: CeilingReport,
    /// The policies, in the order of the table.
    pub policies: Vec<PolicyReport>,
}

/// Perfect knowledge, deciding only on what the query shows, with the same hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CeilingReport {
    /// The mean round-trip time in milliseconds.
    pub mean_ms: Vec<Option<f64>>,
    /// The 99th percentile.
    pub p99_ms: Vec<Option<f64>>,
    /// The share of (geolocation - oracle) that it gains.
    pub captured: Vec<Option<f64>>,
}

/// One policy, hour by hour, weighted by connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PolicyReport {
    /// Its name.
    pub name: &'static str,
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
    /// The share of connections that went where they went to find out how far it is.
    pub explored_share: Vec<f64>,
    /// The share of networks that were sent elsewhere than before, exploring left out.
    pub switches: Vec<f64>,
    /// The share of networks that were sent back to where they were before. The rest of `switches`
    /// is what was learned.
    pub switches_back: Vec<f64>,
    /// Queries that reached an overwatch in the whole run, beside those that would have with one
    /// answer for the whole world. 0 for the oracle, who asks nobody.
    pub dns_queries_ratio: f64,
    /// Connections that count.
    pub connections: Vec<u64>,
    /// Clients that DNS told nothing.
    pub unanswered: Vec<u64>,
    /// Clients that were told of a site that was down.
    pub failed: Vec<u64>,
    /// The share of answers given because of something learned.
    pub learned_share: Vec<f64>,
    /// What clients whose nearest site is the best one paid beyond it, in milliseconds on average.
    pub right_cost_ms: Vec<Option<f64>>,
    /// By hour, the share of each site, in the order of the sites.
    pub site_share: Vec<Vec<f64>>,
    /// By hour, the most connections open at once at each site; 0 where nobody measures.
    pub open_max: Vec<Vec<u64>>,
    /// Those whom the scenario watches, in its order.
    pub watched: Vec<WatchReport>,
    /// What its shadow would have done, hour by hour, where it has one.
    pub shadow: Option<ShadowReport>,
    /// What came of outages.
    pub outages: Vec<OutageReport>,
    /// What came of lies.
    pub lies: Vec<LieReport>,
    /// What nodes warned of, and how often; empty in a sound run.
    pub warnings: BTreeMap<String, u64>,
    #[serde(skip)]
    minutes: Vec<Minute>,
    #[serde(skip)]
    queries: u64,
    #[serde(skip)]
    single_queries: u64,
}

impl Report {
    /// A run that has not begun.
    #[must_use]
    pub fn new(world: &World, settings: &RunSettings) -> Self {
        Self {
            seed: settings.seed,
            hours: settings.hours,
            networks: world.networks.len(),
            ecs: settings.scenario.ecs,
            sites: world.sites.iter().map(|site| site.name.clone()).collect(),
            left_out: world.left_out.clone(),
            ceiling: CeilingReport::default(),
            policies: Vec::new(),
        }
    }

    /// The policy of this name, where it was run.
    #[must_use]
    pub fn policy(&self, policy: Policy) -> Option<&PolicyReport> {
        self.policies.iter().find(|known| known.name == policy.as_str())
    }

    /// All policies are in: measures them against one another.
    pub fn finish(&mut self) {
        let means = |policy| self.policy(policy).map(|of| of.mean_ms.clone()).unwrap_or_default();
        let (geolocation, oracle) = (means(Policy::Geolocation), means(Policy::Oracle));
        let gains = |means: &[Option<f64>]| {
            let hours = geolocation.iter().zip(means).zip(&oracle);
            let gains = hours.map(|((geolocation, mean), oracle)| {
                captured((*geolocation)?, (*mean)?, (*oracle)?).map(rounded)
            });
            gains.collect()
        };
        self.ceiling.captured = gains(&self.ceiling.mean_ms);
        for policy in &mut self.policies {
            policy.captured = gains(&policy.mean_ms);
        }
    }
}

impl CeilingReport {
    /// Adds an hour.
    pub fn push(&mut self, times_us: Vec<u32>) {
        let figures = Figures::of(times_us);
        self.mean_ms.push(figures.map(|figures| rounded(figures.mean_ms)));
        self.p99_ms.push(figures.map(|figures| rounded(figures.p99_ms)));
    }
}

impl PolicyReport {
    /// A policy of which no hour is known.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { name: policy.as_str(), ..Self::default() }
    }

    /// Adds an hour.
    pub fn push(&mut self, hour: Hour) {
        let count = hour.chosen_us.len() as f64;
        let share = |of: u64| if count > 0.0 { rounded_share(of as f64 / count) } else { 0.0 };
        let explored = share(hour.explored());
        let learned = hour.reasons.get(&Reason::LearnedLatency).copied().unwrap_or_default();
        self.learned_share.push(share(learned));
        self.site_share.push(hour.by_site.iter().map(|count| share(*count)).collect());
        let (right, cost_us) = hour.right;
        let cost_ms = (right > 0).then(|| rounded(cost_us as f64 / right as f64 / 1000.0));
        self.right_cost_ms.push(cost_ms);
        self.switches.push(rounded_share(hour.switches));
        self.switches_back.push(rounded_share(hour.switches_back));
        self.open_max.push(hour.open_max);
        self.watched.resize(hour.watched.len(), WatchReport::default());
        self.watched.iter_mut().zip(hour.watched).for_each(|(watch, counts)| watch.push(counts));
        if hour.shadow.judged > 0 {
            self.shadow.get_or_insert_default().push(hour.shadow);
        }
        self.minutes.extend(hour.minutes);
        self.queries += hour.queries;
        self.single_queries += hour.single_queries;
        if self.single_queries > 0 {
            self.dns_queries_ratio = rounded(self.queries as f64 / self.single_queries as f64);
        }
        self.push_times(hour.chosen_us);
        if let Some(last) = self.explored_share.last_mut() {
            *last = explored;
        }
        self.unanswered.extend([hour.unanswered]);
        self.failed.extend([hour.failed]);
    }

    /// The run is over: says what came of outages and lies. `held` are the sites whose agents were
    /// held, and when, in milliseconds from the first client.
    pub fn finish(&mut self, world: &World, scenario: &Scenario, held: &[(usize, u64)]) {
        let sites: Vec<String> = world.sites.iter().map(|site| site.name.clone()).collect();
        let minutes = std::mem::take(&mut self.minutes);
        let course = events::Course { sites: &sites, minutes: &minutes, held };
        (self.outages, self.lies) = (course.outages(scenario), course.lies(scenario));
    }

    /// Adds an hour of which only the times are known: nobody explored.
    pub fn push_times(&mut self, times_us: Vec<u32>) {
        self.connections.push(times_us.len() as u64);
        let figures = Figures::of(times_us);
        let figure = |of: fn(&Figures) -> f64| figures.as_ref().map(|f| rounded(of(f)));
        self.mean_ms.push(figure(|figures| figures.mean_ms));
        self.p50_ms.push(figure(|figures| figures.p50_ms));
        self.p95_ms.push(figure(|figures| figures.p95_ms));
        self.p99_ms.push(figure(|figures| figures.p99_ms));
        self.explored_share.push(0.0);
    }
}

/// To a thousandth: what a microsecond is of a millisecond.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// To a millionth: a connection in an hour of them.
fn rounded_share(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
