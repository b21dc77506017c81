//! What a metric is, as data: its name, its kind, its words, and what bounds each of its labels.
//!
//! Must never hold a value. A family without a line here cannot be shown, and a label whose values
//! nothing bounds cannot be said.

use std::collections::BTreeSet;

/// What stands for every value that is none of the known ones.
pub const OTHER: &str = "other";
/// What stands for a region where there is none.
pub const NONE: &str = "none";

/// Domains with series of their own: a page of some megabytes at five regions. Those after them, in
/// the order of the file, count together as [`OTHER`].
pub const DOMAINS_MAX: usize = 1_000;
/// Series of one family. Past it each new one counts as [`OTHER`] in all of its labels: who
/// configures a thousand domains in a thousand regions still has a page that can be read.
pub const SERIES_MAX: usize = 10_000;

/// A metric and all its series.
#[derive(Debug)]
pub struct Family {
    /// Its name without `opengslb_`, and for a counter without `_total`.
    pub name: &'static str,
    /// What its numbers do.
    pub kind: Kind,
    /// Its labels, in the order in which their values are given.
    pub labels: &'static [Label],
    /// What it says, on one line and without a full stop.
    pub help: &'static str,
}

/// What a number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process starts anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by range, whose upper ends in seconds these are, and adds them up.
    Histogram(&'static [&'static str]),
}

/// A label of a family.
#[derive(Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What its values can be.
    pub bound: Bound,
}

/// What a label's values can be. There is no kind for what strangers say.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// These words of the program.
    Words(fn() -> Vec<&'static str>),
    /// The names of the configured domains, [`DOMAINS_MAX`] of them.
    Domains,
    /// The names of the configured regions, and [`NONE`].
    Regions,
    /// The one release that this is.
    Release,
}

/// The names that an operator configured: what labels are bounded by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    domains: BTreeSet<String>,
    regions: BTreeSet<String>,
}

impl Configured {
    /// These names; of the domains the first [`DOMAINS_MAX`].
    pub fn new(
        domains: impl IntoIterator<Item = String>,
        regions: impl IntoIterator<Item = String>,
    ) -> Self {
        let domains = domains.into_iter().take(DOMAINS_MAX).collect();
        Self { domains, regions: regions.into_iter().collect() }
    }
}

impl Family {
    /// A counter.
    pub(crate) const fn counter(
        name: &'static str,
        labels: &'static [Label],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Counter, labels, help }
    }

    /// A gauge.
    pub(crate) const fn gauge(
        name: &'static str,
        labels: &'static [Label],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Gauge, labels, help }
    }

    /// A histogram of times; it has no labels.
    pub(crate) const fn histogram(
        name: &'static str,
        ends: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Histogram(ends), labels: &[], help }
    }

    /// The name of its series on the page; for a histogram what its three begin with.
    #[must_use]
    pub fn series_name(&self) -> String {
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("opengslb_{}{total}", self.name)
    }

    /// The most series that it can have: the product of its labels' values, or [`SERIES_MAX`] and
    /// the one for the rest.
    #[must_use]
    pub fn series_max(&self, configured: &Configured) -> usize {
        let values = self.labels.iter().map(|label| label.bound.values(configured).len());
        values.fold(1, usize::saturating_mul).min(SERIES_MAX + 1)
    }
}

impl Label {
    /// A label.
    pub(crate) const fn new(name: &'static str, bound: Bound) -> Self {
        Self { name, bound }
    }
}

impl Bound {
    /// Every value that there can be.
    #[must_use]
    pub fn values(self, configured: &Configured) -> Vec<&str> {
        match self {
            Self::Words(words) => words().into_iter().chain([OTHER]).collect(),
            Self::Release => vec![env!("CARGO_PKG_VERSION")],
            Self::Domains => configured.domains.iter().map(String::as_str).chain([OTHER]).collect(),
            Self::Regions => {
                configured.regions.iter().map(String::as_str).chain([NONE, OTHER]).collect()
            }
        }
    }

    /// The value as it is shown: itself where it is known, [`OTHER`] where it is not.
    pub(super) fn admit(self, value: &str, configured: &Configured) -> String {
        let is_known = match self {
            Self::Words(words) => words().contains(&value),
            Self::Domains => configured.domains.contains(value),
            Self::Regions => value == NONE || configured.regions.contains(value),
            Self::Release => true,
        };
        match (is_known, self) {
            (_, Self::Release) => env!("CARGO_PKG_VERSION").to_owned(),
            (true, _) => value.to_owned(),
            (false, _) => OTHER.to_owned(),
        }
    }
}

impl Configured {
    /// So many domains and regions with names of 30 letters, to say how long a page gets.
    #[must_use]
    pub fn of_size(domains: usize, regions: usize) -> Self {
        let names = |count| (0..count).map(|number: usize| format!("{number:030}"));
        Self::new(names(domains), names(regions))
    }
}
