//! Whether all overwatches go by the same configuration.

use std::collections::{BTreeMap, BTreeSet};

use crate::agreement::differences;
use crate::finding::{Check, Finding, list};
use crate::plan::OverwatchSaid;

/// Characters of a digest that are shown: enough to tell two from one another.
const SHOWN_CHARS: usize = 12;

/// Compares what overwatches said of themselves.
pub(crate) fn configurations(said: &[OverwatchSaid]) -> Vec<Finding> {
    let check = Check::Configuration;
    let mut findings: Vec<Finding> = Vec::new();
    let mut by_digest: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for OverwatchSaid { place, digest } in said {
        match digest {
            Ok(digest) => drop(by_digest.entry(digest).or_default().insert(place)),
            Err(why) => {
                let next = "is its API on (api.enabled), and reachable from here?";
                findings.push(Finding::bad(check, format!("{place}: {why}"), next));
            }
        }
    }
    let short = |digest: &str| digest.chars().take(SHOWN_CHARS).collect::<String>();
    let mut each = by_digest.iter();
    match (each.next(), each.next()) {
        (None, _) if findings.is_empty() => {
            let next = "name each overwatch's API: --overwatch http://ADDRESS:8080";
            findings.push(Finding::unknown(check, "no overwatch was named", next));
        }
        (None, _) => {}
        (Some((_, places)), None) if places.len() == 1 => {
            let found = format!("only {} was asked", list(places));
            let next = "name each of the others too: --overwatch http://ADDRESS:8080";
            findings.push(Finding::unknown(check, found, next));
        }
        (Some((digest, places)), None) => {
            let found = format!("{} at {}", short(digest), list(places));
            findings.push(Finding::good(check, found));
        }
        _ => {
            let found = differences(&by_digest, |digest| short(digest));
            let next =
                "compare opengslb --print-config, zone files and databases of these machines";
            findings.push(Finding::bad(check, found, next));
        }
    }
    findings
}
