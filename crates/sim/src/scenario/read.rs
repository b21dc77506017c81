//! The text of a scenario to its values: each key, its limits, and what is said of a wrong one.

mod fields;

use self::fields::Fields;
use super::{
    Detours, DrainStep, Exploration, Freeze, Hold, Lie, LieKind, Long, Outage, PathChange,
    PinnedCity, Rule, RuleOf, Scenario, SiteCapacity, Spikes, Watch,
};
use crate::yaml::{self, Fault};

/// Why a text is no scenario: its first fault.
pub type ScenarioError = Fault;

/// Ten times the largest site we know of; 8 bytes a connection are held for an hour.
const CONNECTIONS_MAX: f64 = 1e9;

/// A year, as for `--hours`.
const HOUR_MAX: f64 = 8_784.0;

/// The longest time that a path can take, in milliseconds.
const MS_MAX: f64 = 60_000.0;

/// The longest drain that an overwatch takes.
const WEEK_HOURS: f64 = 168.0;

/// A day, in seconds.
const DAY_S: f64 = 86_400.0;

impl Scenario {
    /// Reads a scenario's text; what it does not say is as by default.
    ///
    /// # Errors
    ///
    /// The first fault, with its line.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let root = yaml::parse(text)?;
        let mut map = Fields::of(&root)?;
        let mut scenario = Self::default();
        scenario.read_clients(&mut map)?;
        scenario.read_events(&mut map)?;
        scenario.read_learning(&mut map)?;
        scenario.read_operator(&mut map)?;
        scenario.read_words(&mut map)?;
        map.end()?;
        Ok(scenario)
    }

    fn read_clients(&mut self, map: &mut Fields<'_>) -> Result<(), Fault> {
        map.whole("networks", &mut self.networks, (1, crate::world::NETWORKS_MAX))?;
        map.number("connections_per_day", &mut self.connections_per_day, (1.0, CONNECTIONS_MAX))?;
        map.number("ecs", &mut self.ecs, (0.0, 1.0))?;
        map.whole("ttl", &mut self.ttl_s, (1, 86_400))?;
        map.number("mixed", &mut self.mixed, (0.0, 1.0))?;
        map.number("strays", &mut self.strays, (0.0, 1.0))?;
        map.number("central_resolvers", &mut self.central_resolvers, (0.0, 1.0))?;
        map.number("drift", &mut self.drift, (0.0, 1.0))?;
        map.section("long", |map| {
            let Long { share, seconds } = &mut self.long;
            map.number("share", share, (0.0, 1.0))?;
            map.number("seconds", seconds, (1.0, DAY_S))
        })?;
        map.section("spikes", |map| {
            let Spikes { share, ms } = &mut self.spikes;
            map.number("share", share, (0.0, 1.0))?;
            map.number("ms", ms, (0.0, MS_MAX))
        })?;
        map.section("detours", |map| {
            let Detours { share, ms } = &mut self.detours;
            map.number("share", share, (0.0, 1.0))?;
            map.number("ms", ms, (0.0, MS_MAX))
        })
    }

    fn read_events(&mut self, map: &mut Fields<'_>) -> Result<(), Fault> {
        self.path_changes = map.list("path_changes", |map| {
            let change = PathChange {
                at_hour: map.needed("at_hour", (0.0, HOUR_MAX))?,
                client: map.text("client")?,
                site: map.text("site")?,
                add_ms: map.needed("add_ms", (-MS_MAX, MS_MAX))?,
            };
            Ok(change)
        })?;
        self.outages = map.list("outages", |map| {
            let outage = Outage {
                site: map.needed_text("site")?,
                from_hour: map.needed("from_hour", (0.0, HOUR_MAX))?,
                to_hour: map.optional("to_hour", (0.0, HOUR_MAX))?,
            };
            ends_later(map, outage.from_hour, outage.to_hour)?;
            Ok(outage)
        })?;
        self.lies = map.list("lies", |map| {
            let (times, ms) =
                (map.optional("times", (0.01, 100.0))?, map.optional("ms", (0.001, MS_MAX))?);
            let says = match (times, ms) {
                (Some(times), None) => LieKind::Times(times),
                (None, Some(ms)) => LieKind::Ms(ms),
                _ => return Err(Fault::at(map.line, "a lie has either times or ms")),
            };
            let (site, from_hour) =
                (map.needed_text("site")?, map.needed("from_hour", (0.0, HOUR_MAX))?);
            Ok(Lie { site, from_hour, says })
        })?;
        Ok(())
    }

    fn read_learning(&mut self, map: &mut Fields<'_>) -> Result<(), Fault> {
        map.whole("agent_min_samples", &mut self.agent_min_samples, (1, 1_000_000))?;
        map.whole("domain_min_samples", &mut self.domain_min_samples, (1, 1_000_000))?;
        map.whole("report_interval", &mut self.report_interval_s, (1, 3_600))?;
        map.truth("robust_average", &mut self.robust_average)?;
        map.section("hold", |map| {
            let Hold { margin_ms, margin_percent, dwell_s, moved_per_minute } = &mut self.hold;
            map.number("margin_ms", margin_ms, (0.0, MS_MAX))?;
            map.number("margin_percent", margin_percent, (0.0, 100.0))?;
            map.whole("dwell", dwell_s, (0, 86_400))?;
            map.number("moved_per_minute", moved_per_minute, (0.0, 1.0))
        })?;
        map.section("exploration", |map| {
            let Exploration { enabled, budget, slot_s } = &mut self.exploration;
            map.truth("enabled", enabled)?;
            map.number("budget", budget, (0.0, 1.0))?;
            map.whole("slot", slot_s, (1, 86_400))
        })
    }

    fn read_operator(&mut self, map: &mut Fields<'_>) -> Result<(), Fault> {
        let operator = &mut self.operator;
        map.truth("resolver_weights", &mut operator.resolver_weights)?;
        map.truth("databases", &mut operator.databases)?;
        map.truth("accept_held", &mut operator.accept_held)?;
        map.truth("shadow", &mut operator.shadow)?;
        operator.capacities = map.list("capacities", |map| {
            let (site, mut connections) = (map.needed_text("site")?, 0);
            map.whole("connections", &mut connections, (1, u64::from(u32::MAX)))?;
            match connections {
                0 => Err(Fault::at(map.line, "connections is missing")),
                connections => Ok(SiteCapacity { site, connections }),
            }
        })?;
        operator.constraints = map.list("constraints", |map| {
            let network = map.text("network")?.map(|text| text.parse());
            let of = match (map.text("country_of")?, network) {
                (Some(city), None) => RuleOf::CountryOf(city),
                (None, Some(Ok(network))) => RuleOf::Network(network),
                (None, Some(Err(_))) => {
                    return Err(Fault::at(map.line, "network is an address and a length"));
                }
                _ => {
                    let message = "a constraint has either country_of or network";
                    return Err(Fault::at(map.line, message));
                }
            };
            Ok(Rule { of, sites: map.texts("sites")? })
        })?;
        self.watch = map.list("watch", |map| {
            Ok(Watch { client: map.needed_text("client")?, sites: map.texts("sites")? })
        })?;
        Ok(())
    }

    fn read_words(&mut self, map: &mut Fields<'_>) -> Result<(), Fault> {
        const HOURS: (f64, f64) = (0.0, HOUR_MAX);
        let operator = &mut self.operator;
        operator.pins = map.list("pins", |map| {
            let (client, site) = (map.needed_text("client")?, map.needed_text("site")?);
            let from_hour = map.needed("from_hour", HOURS)?;
            let to_hour = map.optional("to_hour", HOURS)?;
            ends_later(map, from_hour, to_hour)?;
            Ok(PinnedCity { client, site, from_hour, to_hour })
        })?;
        operator.drains = map.list("drains", |map| {
            Ok(DrainStep {
                site: map.needed_text("site")?,
                at_hour: map.needed("at_hour", HOURS)?,
                share: map.needed("share", (0.0, 1.0))?,
                over_hours: map.optional("over_hours", (0.0, WEEK_HOURS))?.unwrap_or(0.0),
            })
        })?;
        operator.freezes = map.list("freezes", |map| {
            let from_hour = map.needed("from_hour", HOURS)?;
            let to_hour = map.optional("to_hour", HOURS)?;
            ends_later(map, from_hour, to_hour)?;
            Ok(Freeze { from_hour, to_hour })
        })?;
        Ok(())
    }
}

fn ends_later(map: &Fields<'_>, from_hour: f64, to_hour: Option<f64>) -> Result<(), Fault> {
    if to_hour.is_some_and(|to| to <= from_hour) {
        return Err(Fault::at(map.line, "to_hour must be after from_hour"));
    }
    Ok(())
}
