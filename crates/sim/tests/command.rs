//! The command as somebody types it.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_opengslb-sim")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const SMALL: [&str; 6] = ["--networks", "20", "--hours", "1", "--connections-per-hour", "500"];

#[test]
fn json_is_for_machines_and_a_table_for_people() {
    let output = run(&[&SMALL[..], &["--json"]].concat());
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let policies = report["policies"].as_array().unwrap();
    let names: Vec<&str> = policies.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["round-robin", "geolocation", "learned", "oracle"]);
    for policy in policies {
        for list in ["mean_ms", "p50_ms", "p95_ms", "p99_ms", "captured"] {
            assert_eq!(policy[list].as_array().map(Vec::len), Some(1), "{list}");
        }
    }
    assert_eq!(report["stray_share"], 0.05);
    let table = run(&SMALL);
    assert!(text(&table.stdout).contains("5.0 % of connections strayed"), "{table:?}");
}

#[test]
fn a_matrix_file_gives_clients_and_sites() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pings.csv");
    let file = "client,site,distance_km,rtt_avg_ms,rtt_min_ms,rtt_max_ms,rtt_mdev_ms\n\
                Aton,Beeham,100,51,50,60,1\nAton,Ceeville,200,21,20,30,1\n";
    std::fs::write(&path, file).unwrap();
    let options = ["--matrix", path.to_str().unwrap(), "--sites", "beeham,ceeville", "--json"];
    let output = run(&[&SMALL[..], &options].concat());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["sites"], serde_json::json!(["Beeham", "Ceeville"]), "{output:?}");
    let mean = |policy: usize| report["policies"][policy]["mean_ms"][0].as_f64().unwrap();
    assert!((50.0..52.0).contains(&mean(1)) && (20.0..22.0).contains(&mean(3)), "{report}");
}

/// What is written on stderr, and the exit code.
fn check(arguments: &[&str], code: i32, expect: &str) {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(text(&output.stderr).contains(expect) && output.stdout.is_empty(), "{output:?}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    check(&["--sites", "Atlantis"], 64, "the matrix has no site \"Atlantis\"");
    check(&["--stray", "2"], 64, "--stray is a share from 0 to 1, not 2");
    check(&["--hours", "0"], 64, "--hours is 1 to 8784, not 0");
    check(&["--networks", "0"], 64, "0 client networks");
    check(&["--connections-per-hour", "NaN"], 64, "--connections-per-hour is 1 to");
    check(&["--plot"], 64, "--plot");
    check(&["--matrix", "/nowhere/at/all"], 1, "cannot read /nowhere/at/all");
}
