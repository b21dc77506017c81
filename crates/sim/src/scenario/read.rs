//! The text of a scenario to its values: each key, its limits, and what is said of a wrong one.

use super::{Detours, Exploration, Hold, Lie, LieKind, Long, Outage, PathChange, Scenario, Spikes};
use crate::yaml::{self, Fault, Node, Value};

/// Why a text is no scenario: its first fault.
pub type ScenarioError = Fault;

/// Ten times the largest site we know of; 8 bytes a connection are held for an hour.
const CONNECTIONS_MAX: f64 = 1e9;

/// A year, as for `--hours`.
const HOUR_MAX: f64 = 8_784.0;

/// The longest time that a path can take, in milliseconds.
const MS_MAX: f64 = 60_000.0;

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
            if outage.to_hour.is_some_and(|to| to <= outage.from_hour) {
                return Err(Fault::at(map.line, "to_hour must be after from_hour"));
            }
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
}

/// The keys of a map that nobody asked for yet.
struct Fields<'n> {
    line: usize,
    left: Vec<&'n (String, usize, Node)>,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    fn of(node: &'n Node) -> Result<Self, Fault> {
        let Value::Map(entries) = &node.value else {
            return Err(Fault::at(node.line, "expected keys and values"));
        };
        Ok(Self { line: node.line, left: entries.iter().collect(), known: Vec::new() })
    }

    fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let place = self.left.iter().position(|(name, _, _)| name == key)?;
        Some(&self.left.swap_remove(place).2)
    }

    /// Nothing may be left.
    fn end(self) -> Result<(), Fault> {
        let first = self.left.iter().min_by_key(|(_, line, _)| *line);
        first.map_or(Ok(()), |(name, line, _)| {
            let known = self.known.join(", ");
            Err(Fault::at(*line, format!("there is no key {name:?} here; there are {known}")))
        })
    }

    fn optional(&mut self, key: &'static str, within: (f64, f64)) -> Result<Option<f64>, Fault> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let number = text_of(node).and_then(|text| text.parse::<f64>().ok());
        let (least, most) = within;
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(Fault::at(node.line, format!("{key} is a number from {least} to {most}"))),
        }
    }

    fn number(
        &mut self,
        key: &'static str,
        into: &mut f64,
        within: (f64, f64),
    ) -> Result<(), Fault> {
        *into = self.optional(key, within)?.unwrap_or(*into);
        Ok(())
    }

    fn needed(&mut self, key: &'static str, within: (f64, f64)) -> Result<f64, Fault> {
        let found = self.optional(key, within)?;
        found.ok_or_else(|| Fault::at(self.line, format!("{key} is missing")))
    }

    fn whole<N>(
        &mut self,
        key: &'static str,
        into: &mut N,
        (least, most): (N, N),
    ) -> Result<(), Fault>
    where
        N: std::str::FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(node) = self.take(key) else { return Ok(()) };
        let number = text_of(node).and_then(|text| text.parse::<N>().ok());
        let fault =
            || Fault::at(node.line, format!("{key} is a whole number from {least} to {most}"));
        *into = number.filter(|number| (&least..=&most).contains(&number)).ok_or_else(fault)?;
        Ok(())
    }

    fn truth(&mut self, key: &'static str, into: &mut bool) -> Result<(), Fault> {
        let Some(node) = self.take(key) else { return Ok(()) };
        *into = match text_of(node) {
            Some("true") => true,
            Some("false") => false,
            _ => return Err(Fault::at(node.line, format!("{key} is true or false"))),
        };
        Ok(())
    }

    fn text(&mut self, key: &'static str) -> Result<Option<String>, Fault> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let text = text_of(node).filter(|text| !text.is_empty());
        let fault = || Fault::at(node.line, format!("{key} is a name"));
        text.map(|text| Some(text.to_owned())).ok_or_else(fault)
    }

    fn needed_text(&mut self, key: &'static str) -> Result<String, Fault> {
        self.text(key)?.ok_or_else(|| Fault::at(self.line, format!("{key} is missing")))
    }

    fn section(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Some(node) = self.take(key) else { return Ok(()) };
        let mut map = Fields::of(node)?;
        read(&mut map)?;
        map.end()
    }

    fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Fields<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let Some(node) = self.take(key) else { return Ok(Vec::new()) };
        let Value::List(items) = &node.value else {
            return Err(Fault::at(node.line, format!("{key} is a list")));
        };
        let item = |node| {
            let mut map = Fields::of(node)?;
            let value = read(&mut map)?;
            map.end()?;
            Ok(value)
        };
        items.iter().map(item).collect()
    }
}

fn text_of(node: &Node) -> Option<&str> {
    if let Value::Text(text) = &node.value { Some(text) } else { None }
}
