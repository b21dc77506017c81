//! `GET /api/v1/overwatch/latency`: what was learned, a row per client network, domain and region.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows of the table, sorted by subnet, domain and region where nothing else was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LatencyTable {
    /// The rows; an empty list where nothing is known yet.
    pub entries: Vec<LatencyEntry>,
    /// What `after` takes to go on behind the last row; absent where there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `POST /api/v1/latency-reports`: what a source of `api.latency_sources` measured. Taken whole or refused
/// whole; every overwatch needs its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencyReport {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ReportKind,
    /// Who reports: the name of the source.
    pub agent_id: String,
    /// What was measured; no network twice for one region.
    #[schemars(length(max = ENTRIES_MAX))]
    pub entries: Vec<ReportedLatency>,
}

/// Rows of one report: what an overwatch takes in a few milliseconds. A source with more sends several.
pub const ENTRIES_MAX: usize = 10_000;

/// The one kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Round-trip times of client networks.
    LatencyReport,
}

/// What one region is like for one client network, as a source reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportedLatency {
    /// The client network, as in `10.1.2.0/24`.
    pub subnet: String,
    /// The average round-trip time in milliseconds, at most 60,000.
    #[schemars(range(min = 0.001, max = 60_000))]
    pub rtt_ms: f64,
    /// How many connections that is the average of.
    #[schemars(range(min = 1))]
    pub samples: u32,
    /// From which region; may be left out where the source has but one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportTaken {
    /// Rows that count, from the next second on.
    pub rows: usize,
    /// Rows that wait, since they are far below what was usual, or since the source is held.
    pub waiting: usize,
    /// New rows for which the table has no room (`overwatch.latency_table.max_rows`): report them again.
    #[serde(default)]
    pub left_out: usize,
    /// Whether the source is held: what it says waits for `opengslb-cli learning accept`.
    pub held: bool,
}

/// What one region is like for one client network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LatencyEntry {
    /// The client network, as in `10.1.2.0/24`.
    pub subnet: String,
    /// The domain whose servers were measured.
    pub domain: String,
    /// Where they stand.
    pub region: String,
    /// The round-trip time in whole milliseconds, halves up.
    pub rtt_ms: u32,
    /// How many connections were measured.
    pub samples: u64,
    /// When a connection was last measured: RFC 3339, UTC, whole seconds.
    pub last_updated: String,
    /// The round-trip time in microseconds.
    pub rtt_us: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_written_as_the_brief_shows_it() {
        let entry = LatencyEntry {
            subnet: "10.1.2.0/24".into(),
            domain: "app.demo.local".into(),
            region: "eu-west".into(),
            rtt_ms: 85,
            samples: 150,
            last_updated: "2025-12-19T10:05:00Z".into(),
            rtt_us: 85_210,
        };
        assert_eq!(
            serde_json::to_string(&LatencyTable { entries: vec![entry], next: None }).unwrap(),
            r#"{"entries":[{"subnet":"10.1.2.0/24","domain":"app.demo.local","region":"eu-west","#
                .to_owned()
                + r#""rtt_ms":85,"samples":150,"last_updated":"2025-12-19T10:05:00Z","#
                + r#""rtt_us":85210}]}"#
        );
    }
}
