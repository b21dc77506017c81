//! The command as somebody types it.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_opengslb-sim")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A scenario that is over in a moment, in a directory that goes with it.
fn small() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("small.yaml");
    std::fs::write(&path, "networks: 20\nconnections_per_day: 12000\n").unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn json_is_for_machines_and_a_table_for_people() {
    let (directory, scenario) = small();
    let options = ["--hours", "1", "--scenario", &scenario];
    let plot = directory.path().join("plot.svg");
    let output = run(&[&options[..], &["--json", "--ecs", "0.5"]].concat());
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let policies = report["policies"].as_array().unwrap();
    let names: Vec<&str> = policies.iter().map(|p| p["name"].as_str().unwrap()).collect();
    let expect = ["round-robin", "geolocation", "learned-no-exploration", "learned", "oracle"];
    assert_eq!(names, expect);
    let lists = ["mean_ms", "p50_ms", "p95_ms", "p99_ms", "captured", "explored_share", "switches"];
    for policy in policies {
        for list in lists {
            assert_eq!(policy[list].as_array().map(Vec::len), Some(1), "{list}");
        }
        assert!(policy["dns_queries_ratio"].is_f64());
    }
    for list in ["mean_ms", "captured"] {
        assert_eq!(report["ceiling"][list].as_array().map(Vec::len), Some(1), "{list}");
    }
    assert_eq!(report["ecs"], 0.5);
    let table = run(&[&options[..], &["--plot", plot.to_str().unwrap()]].concat());
    assert!(text(&table.stdout).contains("learned-no-exploration"), "{table:?}");
    let plot = std::fs::read_to_string(plot).unwrap();
    assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"), "{plot}");
}

#[test]
fn a_matrix_file_gives_clients_and_sites() {
    let (directory, scenario) = small();
    let path = directory.path().join("pings.csv");
    let file = "client,site,distance_km,rtt_avg_ms,rtt_min_ms,rtt_max_ms,rtt_mdev_ms\n\
                Aton,Beeham,100,51,50,60,1\nAton,Ceeville,200,21,20,30,1\n";
    std::fs::write(&path, file).unwrap();
    let matrix = path.to_str().unwrap();
    let options = ["--hours", "1", "--scenario", &scenario, "--json", "--matrix", matrix];
    for sites in [&["--sites", "beeham,ceeville"][..], &["--random-sites", "2"]] {
        let output = run(&[&options[..], sites].concat());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut names: Vec<&str> =
            report["sites"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["Beeham", "Ceeville"], "{output:?}");
        let mean = |policy: usize| report["policies"][policy]["mean_ms"][0].as_f64().unwrap();
        assert!((50.0..53.0).contains(&mean(1)) && (20.0..23.0).contains(&mean(4)), "{report}");
    }
}

#[test]
fn a_policy_alone_meets_the_same_clients() {
    let (_directory, scenario) = small();
    let options = ["--hours", "1", "--scenario", &scenario, "--json"];
    let report = |named: &[&str]| {
        let output = run(&[&options[..], named].concat());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        report["policies"].as_array().unwrap().clone()
    };
    let all = report(&[]);
    assert_eq!(
        report(&["--policy", "learned", "--policy", "geolocation"]),
        [all[1].clone(), all[3].clone(), all[4].clone()]
    );
    assert_eq!(report(&["--policy", "learned"])[0]["mean_ms"], all[3]["mean_ms"]);
    assert_eq!(report(&["--policy", "oracle"]).len(), 1);
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
    check(&["--random-sites", "999"], 64, "999 sites at random, where the matrix has 60");
    check(&["--ecs", "2"], 64, "--ecs is a share from 0 to 1, not 2");
    let names = "round-robin, geolocation, learned-no-exploration, learned, oracle";
    check(&["--policy", "best"], 64, names);
    check(&["--hours", "0"], 64, "--hours is 1 to 8784, not 0");
    check(&["--json", "--plot", "x.svg"], 64, "--plot");
    check(&["--matrix", "/nowhere/at/all"], 1, "cannot read /nowhere/at/all");
    let (_directory, scenario) = small();
    std::fs::write(&scenario, "networks: 20\nspeed: 3\n").unwrap();
    check(&["--scenario", &scenario], 64, "line 2: there is no key \"speed\" here");
    std::fs::write(&scenario, "networks: 20\noutages: [{site: Rome, from_hour: 1}]\n").unwrap();
    check(
        &["--scenario", &scenario],
        64,
        "the scenario does not fit: the scenario speaks of the site \"Rome\"",
    );
}
