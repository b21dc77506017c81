//! The table of metrics as a page of documentation: `docs/reference/metrics.md`.
//!
//! The page is made, never edited: a test compares it with the file.

use std::fmt::Write as _;

use super::families::{self, PARTS};
use super::family::{Bound, Configured, DOMAINS_MAX, Family, Kind, SERIES_MAX};
use super::page::Page;

/// What stands above the tables.
const PREFACE: &str = "\
# Metrics reference

<!-- Made from the table in crates/runtime/src/metrics/families.rs. Do not edit: change the table and run
     UPDATE_EXPECT=1 cargo test -p runtime. -->

`GET /metrics` on `metrics.address`, for both modes: Prometheus' text format, or OpenMetrics for who asks for
`application/openmetrics-text`. What to watch, and the alerts that come with the program: [the guide](../guide/metrics.md).

Counters begin at 0 when the process starts. A series of a closed list may be missing until it is first counted. What is
missing altogether does not apply: DNS while another process still answers, an agent's learning that is off.
";

/// The page.
#[must_use]
pub fn markdown() -> String {
    let mut out = PREFACE.to_owned();
    bound(&mut out);
    for part in PARTS {
        let _ = write!(
            out,
            "\n## {}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n",
            part.title
        );
        for family in part.families {
            row(family, &mut out);
        }
    }
    labels(&mut out);
    out
}

/// How long a page gets.
fn bound(out: &mut String) {
    let _ = write!(
        out,
        "\n## How long the page gets\n\nNo client, no query and no agent makes the page longer: a label's value is a word of the program or the name \
         of a\nconfigured domain or region, and everything else is `other`. Domains after the first {DOMAINS_MAX} count as `other` too, and\na \
         family has {SERIES_MAX} series at most, the rest in one more. So the most bytes follow from the configuration:\n\n\
         | domains | regions | the page has at most |\n|---|---|---|\n"
    );
    for (domains, regions) in [(0, 0), (1, 3), (10, 5), (100, 10), (1_000, 20)] {
        let bytes = Page::bytes_max(&Configured::of_size(domains, regions));
        let _ = writeln!(out, "| {domains} | {regions} | {} kB |", bytes.div_ceil(1_000));
    }
    out.push_str("\nfor names of 30 letters. What is shown is far less: numbers are short, and not every word occurs.\n");
}

fn row(family: &Family, out: &mut String) {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    let labels = family.labels.iter().map(|label| format!("`{}`", label.name));
    let labels = labels.collect::<Vec<_>>().join(", ");
    let name = family.series_name();
    let _ = writeln!(out, "| `{name}` | {kind} | {labels} | {} |", family.help);
}

/// What the values of each label can be.
fn labels(out: &mut String) {
    out.push_str("\n## Labels\n\n| metric | label | values |\n|---|---|---|\n");
    for family in families::all() {
        if let Kind::Histogram(ends) = family.kind {
            let name = family.series_name();
            let ends = ends.iter().map(|end| format!("`{end}`")).collect::<Vec<_>>().join(", ");
            let _ = writeln!(out, "| `{name}_bucket` | `le` | {ends}, `+Inf` seconds |");
        }
        for label in family.labels {
            let values = match label.bound {
                Bound::Words(words) => {
                    let words = words().into_iter().map(|word| format!("`{word}`"));
                    words.collect::<Vec<_>>().join(", ")
                }
                Bound::Domains => format!("a configured domain, the first {DOMAINS_MAX}; `other`"),
                Bound::Regions => "a configured region; `none`; `other`".to_owned(),
                Bound::Release => "the release".to_owned(),
            };
            let name = family.series_name();
            let _ = writeln!(out, "| `{name}` | `{}` | {values} |", label.name);
        }
    }
}
