//! The learned table, as `curl` and `jq` show it on a host.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::Lab;

/// The brief's own command.
pub(crate) const CURL: &str = "curl http://10.1.1.10:8080/api/v1/overwatch/latency | jq .";

/// The keys of an entry that the brief shows, in its order.
const KEYS: [&str; 6] = ["subnet", "domain", "region", "rtt_ms", "samples", "last_updated"];

/// A row, by client network and region.
pub(crate) type Rows = BTreeMap<(String, String), Row>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) rtt_ms: u64,
    pub(crate) samples: u64,
    pub(crate) last_updated: String,
}

/// What the overwatch knows.
#[track_caller]
pub(crate) fn rows(lab: &Lab) -> Rows {
    read(&lab.stdout("traffic-eastus", &CURL.replace("curl ", "curl -s ")))
}

/// The same, where an overwatch may not be there.
pub(crate) fn rows_if_any(lab: &Lab) -> Rows {
    let output = lab.exec("traffic-eastus", &CURL.replace("curl ", "curl -s "));
    if output.stdout.is_empty() { Rows::new() } else { read(&crate::harness::text(&output.stdout)) }
}

#[track_caller]
fn read(json: &str) -> Rows {
    let document: Value = serde_json::from_str(json).unwrap_or_else(|_| panic!("no JSON: {json}"));
    let entries = document["entries"].as_array().unwrap();
    let mut rows = Rows::new();
    for entry in entries {
        assert_eq!(entry["domain"], "app.demo.local", "{json}");
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        // Integers: `85`, never `85.0`.
        let number = |key: &str| entry[key].as_u64().unwrap_or_else(|| panic!("{key}: {entry}"));
        let row = Row {
            rtt_ms: number("rtt_ms"),
            samples: number("samples"),
            last_updated: text("last_updated"),
        };
        assert!(is_whole_second(&row.last_updated), "{}", row.last_updated);
        assert!(row.samples > 0, "{entry}");
        assert!(rows.insert((text("subnet"), text("region")), row).is_none(), "twice: {entry}");
    }
    rows
}

/// As in `2025-12-19T10:05:00Z`.
fn is_whole_second(time: &str) -> bool {
    let form: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    form == "9999-99-99T99:99:99Z"
}

/// Every entry begins with the brief's keys in the brief's order.
#[track_caller]
pub(crate) fn assert_order_of_keys(json: &str) {
    let key = |line: &str| {
        let (key, _) = line.trim().strip_prefix('"')?.split_once("\":")?;
        Some(key.to_owned())
    };
    let entries = json.split_once("\"entries\": [").unwrap().1;
    let entries: Vec<&str> = entries.split('{').skip(1).collect();
    assert!(!entries.is_empty(), "{json}");
    for entry in entries {
        let keys: Vec<String> = entry.lines().filter_map(key).collect();
        assert_eq!(keys.get(..KEYS.len()).unwrap_or_default(), KEYS, "{entry}");
    }
}

/// Within 2 ms or 3 %, whichever is more, and never below what the path takes.
#[track_caller]
pub(crate) fn assert_near(rows: &Rows, subnet: &str, region: &str, path_ms: u64) {
    let row = rows.get(&(subnet.to_owned(), region.to_owned()));
    let row = row.unwrap_or_else(|| panic!("no {subnet} - {region} in {rows:#?}"));
    let tolerance_ms = (path_ms * 3 / 100).max(2);
    assert!(row.rtt_ms.abs_diff(path_ms) <= tolerance_ms, "{subnet} - {region}: {row:?}");
}
