//! What differs between the configuration that runs and the one that was read: by key, never by
//! value, since a value may be a secret.
//!
//! Whoever compares names every field of the settings, so that a new one has to say whether it is
//! applied or needs a restart.

use std::collections::BTreeMap;

use config::{LoggingSettings, MetricsSettings, SandboxSettings};

/// The differences so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// What is applied: keys, with what came, left or changed in lists of named things.
    pub(super) changed: Vec<String>,
    /// Keys that stay as they are until the process starts anew.
    pub(super) needs_restart: Vec<String>,
}

impl Comparison {
    /// A setting that is applied.
    pub(super) fn applied<T: PartialEq>(&mut self, key: &str, old: &T, new: &T) {
        if old != new {
            self.changed.push(key.to_owned());
        }
    }

    /// A setting that stays: the new one is set back to what it was.
    pub(super) fn fixed<T: PartialEq + Clone>(&mut self, key: &str, old: &T, new: &mut T) {
        if old != new {
            self.needs_restart.push(key.to_owned());
            new.clone_from(old);
        }
    }

    /// A list of named things that is applied.
    pub(super) fn named<'a, T: PartialEq + 'a>(
        &mut self,
        key: &str,
        old: impl Iterator<Item = &'a T>,
        new: impl Iterator<Item = &'a T>,
        name: impl Fn(&T) -> String,
    ) {
        let by_name = |items: &mut dyn Iterator<Item = &'a T>| -> BTreeMap<String, Vec<&'a T>> {
            let mut map: BTreeMap<String, Vec<&'a T>> = BTreeMap::new();
            items.for_each(|item| map.entry(name(item)).or_default().push(item));
            map
        };
        let (mut old, mut new) = (old, new);
        let (old, new) = (by_name(&mut old), by_name(&mut new));
        let mut words = Vec::new();
        for (name, item) in &new {
            match old.get(name) {
                None => words.push(format!("{name} added")),
                Some(before) if before != item => words.push(format!("{name} changed")),
                Some(_) => {}
            }
        }
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        words.extend(gone.map(|name| format!("{name} removed")));
        let more = words.len().saturating_sub(NAMES_MAX);
        words.truncate(NAMES_MAX);
        if more > 0 {
            words.push(format!("{more} more"));
        }
        if !words.is_empty() {
            self.changed.push(format!("{key} ({})", words.join(", ")));
        }
    }

    /// What both modes have.
    pub(super) fn process(
        &mut self,
        (old_logging, logging): (&LoggingSettings, &mut LoggingSettings),
        (old_metrics, metrics): (&MetricsSettings, &mut MetricsSettings),
        (old_sandbox, sandbox): (&SandboxSettings, &mut SandboxSettings),
    ) {
        let LoggingSettings { level, format } = logging;
        self.applied("logging.level", &old_logging.level, level);
        self.fixed("logging.format", &old_logging.format, format);
        let MetricsSettings { address } = metrics;
        self.fixed("metrics.address", &old_metrics.address, address);
        // What was given up is gone.
        let SandboxSettings { is_enabled } = sandbox;
        self.fixed("sandbox.enabled", &old_sandbox.is_enabled, is_enabled);
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.needs_restart.is_empty()
    }
}

/// Names in one line; of more only the number is told.
const NAMES_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &[(&str, u8)], new: &[(&str, u8)], expect: &[&str]) {
        let mut comparison = Comparison::default();
        comparison.named("list", old.iter(), new.iter(), |(name, _)| (*name).to_owned());
        assert_eq!(comparison.changed, expect);
    }

    #[test]
    fn lists_tell_what_came_left_and_changed() {
        check(&[("a", 1)], &[("a", 1)], &[]);
        check(
            &[("a", 1), ("b", 1), ("c", 1)],
            &[("d", 1), ("c", 2), ("a", 1)],
            &["list (c changed, d added, b removed)"],
        );
        check(&[("a", 1), ("a", 2)], &[("a", 1)], &["list (a changed)"]);
        let many: Vec<String> = (0..30).map(|n| format!("n{n:02}")).collect();
        let many: Vec<(&str, u8)> = many.iter().map(|name| (name.as_str(), 1)).collect();
        let mut comparison = Comparison::default();
        comparison.named("list", [].iter(), many.iter(), |(name, _)| (*name).to_owned());
        assert!(comparison.changed[0].ends_with("n19 added, 10 more)"), "{comparison:?}");
    }

    #[test]
    fn what_is_fixed_stays_and_is_named() {
        let mut comparison = Comparison::default();
        let mut new = 2;
        comparison.fixed("a.b", &1, &mut new);
        comparison.applied("c.d", &1, &1);
        assert_eq!((new, comparison.needs_restart.as_slice()), (1, &["a.b".to_owned()][..]));
        assert!(comparison.changed.is_empty() && !comparison.is_empty());
    }
}
