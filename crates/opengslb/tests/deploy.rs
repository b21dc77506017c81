//! What lies in `deploy/`: dashboards and alerts name metrics, labels and words that there are, each
//! alert is in the guide, and the tools that will read the files can.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use runtime::metrics::family::Bound;
use runtime::metrics::{Family, Kind, families};

const ALERTS: &str = "deploy/prometheus/alerts.yaml";
const ALERT_TESTS: &str = "deploy/prometheus/alerts_test.yaml";
const DASHBOARD: &str = "deploy/grafana/opengslb.json";
const UNIT: &str = "deploy/systemd/opengslb.service";
const GUIDE: &str = "docs/guide/metrics.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Every family, by the name of its series.
fn table() -> BTreeMap<String, &'static Family> {
    let named = |family: &'static Family| {
        let name = family.series_name();
        let names = match family.kind {
            Kind::Histogram(_) => {
                ["_bucket", "_sum", "_count"].map(|end| name.clone() + end).to_vec()
            }
            Kind::Counter | Kind::Gauge => vec![name],
        };
        names.into_iter().map(move |name| (name, family))
    };
    families::all().flat_map(named).collect()
}

/// The metrics that a text names, each with its selectors (`reason=~"a|b"`), which may be none.
fn named(text: &str) -> Vec<(String, Vec<String>)> {
    let stands = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (at, _) in text.match_indices("opengslb_") {
        let rest = &text[at..];
        let name = rest.split(|c| !stands(c)).next().unwrap_or_default();
        let selectors = rest[name.len()..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let selectors = selectors.map_or("", |(selectors, _)| selectors);
        // A comma within quotes is in none of our files.
        let selectors = selectors.split(',').map(str::trim).filter(|text| !text.is_empty());
        found.push((name.to_owned(), selectors.map(str::to_owned).collect()));
    }
    found
}

/// Labels that a scrape adds.
const SCRAPED: [&str; 2] = ["instance", "job"];

#[track_caller]
fn check(file: &str, text: &str) {
    let table = table();
    let named = named(text);
    assert!(named.len() > 10, "{file} names {} metrics", named.len());
    for (name, selectors) in named {
        let family =
            table.get(&name).unwrap_or_else(|| panic!("{file} names {name}: there is none"));
        for selector in selectors {
            let (label, value) = selector.split_once(['=', '!']).unwrap();
            let words = value.trim_start_matches(['=', '~']).trim_matches('"');
            if SCRAPED.contains(&label) {
                continue;
            }
            let found = family.labels.iter().find(|found| found.name == label);
            let found = found.unwrap_or_else(|| panic!("{file}: {name} has no label {label}"));
            let Bound::Words(known) = found.bound else { continue };
            for word in words.split('|') {
                let word = word.trim_end_matches(".*");
                let is_known = known().iter().any(|known| known.starts_with(word));
                assert!(is_known, "{file}: {label} of {name} is never {word}");
            }
        }
    }
}

#[test]
fn alerts_and_dashboard_name_what_there_is() {
    check(ALERTS, &read(ALERTS));
    check(ALERT_TESTS, &read(ALERT_TESTS));
    let dashboard = read(DASHBOARD).replace("\\\"", "\"");
    check(DASHBOARD, &dashboard);
    check(GUIDE, &read(GUIDE));
}

#[test]
fn the_dashboard_is_what_grafana_imports() {
    let dashboard: serde_json::Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["title"]);
        let place = &panel["gridPos"];
        assert!(
            place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24,
            "{}",
            panel["title"]
        );
        if panel["type"] == "row" {
            continue;
        }
        for target in panel["targets"].as_array().unwrap() {
            assert!(target["expr"].as_str().unwrap().contains("opengslb_"), "{target}");
            // No machine's own data source.
            assert_eq!(target["datasource"]["uid"], "${datasource}");
        }
    }
    assert!(panels.len() > 20, "{}", panels.len());
}

/// Each alert has a heading of its own in the guide, and the guide no other.
#[test]
fn every_alert_is_in_the_guide() {
    let (alerts, guide) = (read(ALERTS), read(GUIDE));
    let names = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let names: BTreeSet<&str> = names.collect();
    let headings = guide.lines().filter_map(|line| line.strip_prefix("### "));
    let headings: BTreeSet<&str> = headings.filter(|name| name.starts_with("OpenGSLB")).collect();
    assert_eq!(names, headings);
    for name in names {
        let link = format!("runbook: {GUIDE}#{}", name.to_lowercase());
        assert!(alerts.lines().any(|line| line.trim() == link), "{name} lacks {link}");
    }
}

/// What a tool says of a file; `None` where the tool is missing, which is said.
fn judged(tool: &str, words: &[&str], directory: &Path) -> Option<(bool, String)> {
    let output = match Command::new(tool).args(words).current_dir(directory).output() {
        Ok(output) => output,
        Err(error) => {
            report(&format!("SKIPPED: {tool} {}: {error}", words.join(" ")));
            return None;
        }
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn prometheus_reads_the_alerts_and_they_say_what_they_should() {
    for words in [["check", "rules", ALERTS], ["test", "rules", ALERT_TESTS]] {
        if let Some((is_good, said)) = judged("promtool", &words, &root()) {
            assert!(is_good, "promtool {}: {said}", words.join(" "));
        }
    }
}

/// The unit with the binary that was built here, with and without the right to port 53.
#[test]
fn systemd_reads_the_unit() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let text =
        read(UNIT).replace("/usr/bin/opengslb ", concat!(env!("CARGO_BIN_EXE_opengslb"), " "));
    assert!(text.contains(env!("CARGO_BIN_EXE_opengslb")), "{text}");
    fs::write(at("opengslb.service"), text).unwrap();
    for grants in [false, true] {
        if grants {
            fs::create_dir(at("opengslb.service.d")).unwrap();
            let grant = read("deploy/systemd/opengslb.service.d/overwatch.conf");
            fs::write(at("opengslb.service.d/overwatch.conf"), grant).unwrap();
        }
        let unit = at("opengslb.service").display().to_string();
        let words = ["verify", "--man=no", unit.as_str()];
        let Some((is_good, said)) = judged("systemd-analyze", &words, directory.path()) else {
            return;
        };
        // What it finds is said, and is no failure for it.
        assert!(is_good && said.trim().is_empty(), "systemd-analyze: {said}");
    }
}
