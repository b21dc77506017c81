//! What is simulated beside the matrix and the sites: clients, their resolvers, what goes wrong
//! and when, and how the learning is set.
//!
//! A scenario is a small YAML file; every key may be missing. The guide
//! (`docs/guide/simulator.md`) lists them. Holds no state and knows no world: names of cities and
//! sites are checked where they are used.

mod read;

mod operator;

pub use operator::{DrainStep, Freeze, Operator, PinnedCity, Rule, RuleOf, SiteCapacity, Watch};
pub use read::ScenarioError;

/// All that a scenario file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// `networks`: client networks, each a /24.
    pub networks: usize,
    /// `connections_per_day`, over all networks.
    pub connections_per_day: f64,
    /// `ecs`: the share of connections behind a resolver that sends ECS, 0 to 1.
    pub ecs: f64,
    /// `ttl`: of the domain, in seconds.
    pub ttl_s: u32,
    /// `mixed`: the share of /16s whose networks are in several cities.
    pub mixed: f64,
    /// `strays`: the share of connections that go to any site, whatever DNS says.
    pub strays: f64,
    /// `central_resolvers`: the share of ASes whose clients all ask one resolver, in one city.
    pub central_resolvers: f64,
    /// `long`: connections that stay open.
    pub long: Long,
    /// `spikes`: connections that are late for reasons of their own.
    pub spikes: Spikes,
    /// `drift`: what the queues on all paths are at night, as a share of the matrix's, less than
    /// by day: 0 is no drift, 0.5 is half at night and one and a half in the evening.
    pub drift: f64,
    /// `detours`: ways that an AS of a city has for itself, other than the matrix's.
    pub detours: Detours,
    /// `path_changes`.
    pub path_changes: Vec<PathChange>,
    /// `outages`.
    pub outages: Vec<Outage>,
    /// `lies`.
    pub lies: Vec<Lie>,
    /// `min_samples`: connections that a row needs before an agent tells of it.
    pub agent_min_samples: u32,
    /// `learned_min_samples`: connections that count as learned, at the domain.
    pub domain_min_samples: u32,
    /// `report_interval`: of the agents, in seconds.
    pub report_interval_s: u64,
    /// `robust_average`: whether agents let no spike move an average far.
    pub robust_average: bool,
    /// `hold`: what another region must be better by.
    pub hold: Hold,
    /// `exploration`.
    pub exploration: Exploration,
    /// What operators say.
    pub operator: Operator,
    /// `watch`: clients whose way is told by themselves.
    pub watch: Vec<Watch>,
}

/// When a network is sent elsewhere than it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hold {
    /// `margin_ms`.
    pub margin_ms: f64,
    /// `margin_percent`, of the present region's time; the larger of the two counts.
    pub margin_percent: f64,
    /// `dwell`: how long nobody is sent on after a move, in seconds.
    pub dwell_s: u64,
    /// `moved_per_minute`: the share of traffic that may move in a minute.
    pub moved_per_minute: f64,
}

/// How what nobody goes to is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exploration {
    /// `enabled`, in the policy `learned`.
    pub enabled: bool,
    /// `budget`: the share of connections.
    pub budget: f64,
    /// `slot`, in seconds.
    pub slot_s: u64,
}

/// Connections that stay open, as downloads, chats and queries of a database do; all others are
/// over in a blink.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Long {
    /// `share` of connections.
    pub share: f64,
    /// `seconds`: how long they stay open, in the mean.
    pub seconds: f64,
}

/// Connections that are late whichever site they go to: a lost packet, a busy radio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spikes {
    /// `share` of connections.
    pub share: f64,
    /// `ms`: how much later, in the mean.
    pub ms: f64,
}

/// Other ways than the matrix's, for one AS of one city to one site.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detours {
    /// `share` of such triples.
    pub share: f64,
    /// `ms`: how much longer, in the mean.
    pub ms: f64,
}

/// From an hour on, paths take longer or shorter.
#[derive(Clone, Debug, PartialEq)]
pub struct PathChange {
    /// `at_hour`, with its fraction, counted from the first client.
    pub at_hour: f64,
    /// `client`: the client city; all where it is missing.
    pub client: Option<String>,
    /// `site`; all where it is missing.
    pub site: Option<String>,
    /// `add_ms`: what is added to each round trip; below 0 it is taken off, down to light's own
    /// time.
    pub add_ms: f64,
}

/// A site that dies and comes back.
#[derive(Clone, Debug, PartialEq)]
pub struct Outage {
    /// `site`.
    pub site: String,
    /// `from_hour`.
    pub from_hour: f64,
    /// `to_hour`; never where it is missing.
    pub to_hour: Option<f64>,
}

/// An agent that is honest until an hour, and then is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Lie {
    /// `site`: whose agent.
    pub site: String,
    /// `from_hour`.
    pub from_hour: f64,
    /// What it says instead.
    pub says: LieKind,
}

/// What a lying agent says of each connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LieKind {
    /// `times`: so many times the truth.
    Times(f64),
    /// `ms`: always this.
    Ms(f64),
}

impl Default for Scenario {
    /// The one by which changes are judged.
    fn default() -> Self {
        Self {
            networks: 10_000,
            connections_per_day: 2e6,
            ecs: 0.25,
            ttl_s: 60,
            mixed: 0.3,
            strays: 0.0,
            central_resolvers: 0.0,
            long: Long { share: 0.05, seconds: 120.0 },
            spikes: Spikes { share: 0.01, ms: 50.0 },
            drift: 0.0,
            detours: Detours { share: 0.0, ms: 0.0 },
            path_changes: Vec::new(),
            outages: Vec::new(),
            lies: Vec::new(),
            agent_min_samples: 1,
            domain_min_samples: 5,
            report_interval_s: 30,
            robust_average: false,
            hold: Hold {
                margin_ms: 3.0,
                margin_percent: 3.0,
                dwell_s: 300,
                moved_per_minute: 0.05,
            },
            exploration: Exploration { enabled: true, budget: 0.01, slot_s: 60 },
            operator: Operator::default(),
            watch: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
