//! What operators say in a scenario, by the configuration and by hand; and what of their world is
//! looked at closely.

/// Everything that operators say beside how the learning is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// `capacities`: open connections that sites are to have at most.
    pub capacities: Vec<SiteCapacity>,
    /// `constraints`: clients that may go to some sites only. The first that matches counts.
    pub constraints: Vec<Rule>,
    /// `pins`: the networks of a city that are sent to a site by hand.
    pub pins: Vec<PinnedCity>,
    /// `drains`: sites that are emptied by hand.
    pub drains: Vec<DrainStep>,
    /// `freezes`: hours in which nothing moves but what health moves.
    pub freezes: Vec<Freeze>,
    /// `resolver_weights`: whether the overwatches are told whose questions each resolver asks.
    pub resolver_weights: bool,
    /// `databases`: whether geography's databases tell places, countries and ASes. Without, each
    /// network is mapped by hand to its nearest site, and nothing else is known of it.
    pub databases: bool,
    /// `accept_held`: whether somebody believes each held agent at once, as if none were ever held.
    pub accept_held: bool,
    /// `shadow`: whether geolocation decides with learned latency as its shadow, and learned latency
    /// with geolocation.
    pub shadow: bool,
}

/// A site that is full at some time.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteCapacity {
    /// `site`.
    pub site: String,
    /// `connections` that are open.
    pub connections: u64,
}

/// Clients that may go to some sites only.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Whom it is about.
    pub of: RuleOf,
    /// `sites` where they may go.
    pub sites: Vec<String>,
}

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleOf {
    /// `country_of`: all clients of the country that this city is in.
    CountryOf(String),
    /// `network`: the clients in it.
    Network(model::Subnet),
}

/// The networks of a city, sent to a site by hand.
#[derive(Clone, Debug, PartialEq)]
pub struct PinnedCity {
    /// `client`: the city.
    pub client: String,
    /// `site`.
    pub site: String,
    /// `from_hour`.
    pub from_hour: f64,
    /// `to_hour`: when the pins are taken back; never where it is missing.
    pub to_hour: Option<f64>,
}

/// One word about how much of a site's clients go elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct DrainStep {
    /// `site`.
    pub site: String,
    /// `at_hour`.
    pub at_hour: f64,
    /// `share` of its clients, 0 to 1; 0 gives them all back.
    pub share: f64,
    /// `over_hours`: how long it takes to get there.
    pub over_hours: f64,
}

/// Hours in which nothing moves but what health moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Freeze {
    /// `from_hour`.
    pub from_hour: f64,
    /// `to_hour`; never where it is missing.
    pub to_hour: Option<f64>,
}

/// Clients whose way is told beside the figures of all: how many went to some sites, and how far.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// `client`: their city.
    pub client: String,
    /// `sites`.
    pub sites: Vec<String>,
}

impl Default for Operator {
    fn default() -> Self {
        Self {
            capacities: Vec::new(),
            constraints: Vec::new(),
            pins: Vec::new(),
            drains: Vec::new(),
            freezes: Vec::new(),
            resolver_weights: false,
            databases: true,
            accept_held: false,
            shadow: false,
        }
    }
}
