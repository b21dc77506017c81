//! The numbers of one moment, and the page that is written of them, in either of two formats.
//!
//! Values of labels are held against what bounds them as they come in, so the page is never longer
//! than [`Page::bytes_max`], whatever was counted. Must never know where a number comes from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::families;
use super::family::{Configured, Family, Kind, OTHER, SERIES_MAX};

/// A format that monitors read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// What HTTP calls it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The numbers of one moment.
#[derive(Clone, Debug)]
pub struct Page {
    configured: Arc<Configured>,
    /// By family, then by the values of its labels.
    numbers: BTreeMap<&'static str, BTreeMap<Vec<String>, u64>>,
    /// By family: how many of each range, the last beyond all ends, and their sum in nanoseconds.
    histograms: BTreeMap<&'static str, (Vec<u64>, u64)>,
}

/// The longest number: 2^64 - 1.
const NUMBER_BYTES_MAX: usize = 20;

impl Page {
    /// Without numbers; labels are bounded by these names.
    #[must_use]
    pub const fn new(configured: Arc<Configured>) -> Self {
        Self { configured, numbers: BTreeMap::new(), histograms: BTreeMap::new() }
    }

    /// A number without labels.
    pub fn set(&mut self, family: &'static Family, number: u64) {
        self.add(family, &[], number);
    }

    /// A histogram: how many of each range, the last beyond all ends, and their sum in nanoseconds.
    pub fn ranges(&mut self, family: &'static Family, ranges: &[u64], sum_ns: u64) {
        self.histograms.insert(family.name, (ranges.to_vec(), sum_ns));
    }

    /// Numbers of a family with one label.
    pub fn each<V: AsRef<str>>(
        &mut self,
        family: &'static Family,
        numbers: impl IntoIterator<Item = (V, u64)>,
    ) {
        // A family of no region or domain is there all the same, as one that has none.
        self.numbers.entry(family.name).or_default();
        for (value, number) in numbers {
            self.add(family, &[value.as_ref()], number);
        }
    }

    /// One number of a family, by a value for each of its labels. Numbers whose values are not known
    /// are added up.
    pub fn add(&mut self, family: &'static Family, values: &[&str], number: u64) {
        debug_assert_eq!(values.len(), family.labels.len(), "{}", family.name);
        let admitted = family.labels.iter().zip(values);
        let admitted = admitted.map(|(label, value)| label.bound.admit(value, &self.configured));
        let mut key: Vec<String> = admitted.collect();
        let series = self.numbers.entry(family.name).or_default();
        if series.len() >= SERIES_MAX && !series.contains_key(&key) {
            key = vec![OTHER.to_owned(); key.len()];
        }
        let sum = series.entry(key).or_default();
        *sum = sum.saturating_add(number);
    }

    /// The families that it has.
    pub fn families(&self) -> impl Iterator<Item = &'static Family> {
        let has = |name| self.numbers.contains_key(name) || self.histograms.contains_key(name);
        families::all().filter(move |family| has(family.name))
    }

    /// The page, the families in the order of the table.
    #[must_use]
    pub fn write(&self, format: Format) -> String {
        let mut text = String::new();
        for family in families::all() {
            if let (Kind::Histogram(ends), Some((ranges, sum_ns))) =
                (family.kind, self.histograms.get(family.name))
            {
                write_head(family, format, &mut text);
                write_ranges(&family.series_name(), (ends, ranges), *sum_ns, &mut text);
                continue;
            }
            let Some(series) = self.numbers.get(family.name) else { continue };
            write_head(family, format, &mut text);
            let name = family.series_name();
            for (values, number) in series {
                text.push_str(&name);
                write_labels(family, values, &mut text);
                // Writing to a string cannot fail.
                let _ = writeln!(text, " {number}");
            }
        }
        if format == Format::OpenMetrics {
            text.push_str(END);
        }
        text
    }

    /// The most bytes that a page can have whose labels are bounded by these names: all families,
    /// each value of each label, every number at its longest.
    #[must_use]
    pub fn bytes_max(configured: &Configured) -> usize {
        let family = |family: &'static Family| {
            let mut head = String::new();
            write_head(family, Format::Text, &mut head);
            let longest = family.labels.iter().map(|label| {
                let values = label.bound.values(configured).into_iter();
                values.map(escaped).max_by_key(String::len).unwrap_or_default()
            });
            let longest: Vec<String> = longest.collect();
            if let Kind::Histogram(ends) = family.kind {
                let most = vec![u64::MAX; ends.len() + 1];
                write_ranges(&family.series_name(), (ends, &most), u64::MAX, &mut head);
                return head.len();
            }
            let mut line = family.series_name();
            write_labels(family, &longest, &mut line);
            // A blank before the number, the end of the line after it.
            let line = line.len() + 1 + NUMBER_BYTES_MAX + 1;
            head.len() + family.series_max(configured).saturating_mul(line)
        };
        families::all().map(family).fold(END.len(), usize::saturating_add)
    }
}

/// What ends a page of OpenMetrics, so that a page that was cut is seen.
const END: &str = "# EOF\n";

fn write_head(family: &Family, format: Format, text: &mut String) {
    // OpenMetrics names the family, the older format the series.
    let name = match format {
        Format::Text => family.series_name(),
        Format::OpenMetrics => format!("opengslb_{}", family.name),
    };
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    let _ = write!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n", family.help);
}

/// A histogram as both formats write it: how many are up to each end, their sum in seconds, and how
/// many there are.
fn write_ranges(name: &str, (ends, ranges): (&[&str], &[u64]), sum_ns: u64, text: &mut String) {
    let mut up_to = 0_u64;
    for (end, count) in ends.iter().copied().chain(["+Inf"]).zip(ranges) {
        up_to = up_to.saturating_add(*count);
        let _ = writeln!(text, "{name}_bucket{{le=\"{end}\"}} {up_to}");
    }
    let (seconds, rest) = (sum_ns / 1_000_000_000, sum_ns % 1_000_000_000);
    let _ = writeln!(text, "{name}_sum {seconds}.{rest:09}\n{name}_count {up_to}");
}

fn write_labels(family: &Family, values: &[String], text: &mut String) {
    let mut before = '{';
    for (label, value) in family.labels.iter().zip(values) {
        let _ = write!(text, "{before}{}=\"{}\"", label.name, escaped(value));
        before = ',';
    }
    if before == ',' {
        text.push('}');
    }
}

/// A value as both formats write it.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
