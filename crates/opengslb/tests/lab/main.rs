//! The whole product in a lab of real kernels: what it promises, seen as an operator sees it.
//!
//! Labs come up one at a time, because connections are timed in them. Where the system forbids user
//! namespaces the tests say so loudly and prove nothing; with `CI=true` they fail instead.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod harness;

mod table;

mod capabilities;

mod learning;

mod counting;

mod restarts;

mod wrong_map;

use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Lab, PATIENCE, Traces, eventually, machine, opengslb, processes, text};

/// Demo 6 with agents that poll and report often, so that a test need not wait, and with East US on
/// the wrong side of the map: whoever there is sent to Europe was measured.
fn topology() -> String {
    let replace = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from:?} is not in {text}");
        text.replace(from, to)
    };
    let mut agent = replace(lab::plan::AGENT_CONFIG, "poll_interval: 10s ", "poll_interval: 1s ");
    agent = replace(&agent, "report_interval: 30s ", "report_interval: 2s ");
    let mut topology = lab::topology::DEMO6.to_owned();
    for network in ["10.1.0.0/16", "\"fd00:1::/32\""] {
        let entry = |region: &str| format!("[{network}, {region}]");
        topology = replace(&topology, &entry("eu-west"), &entry("ap-southeast"));
    }
    topology + "\nagent_config: |\n  " + agent.trim_end().replace('\n', "\n  ").as_str() + "\n"
}

#[test]
fn three_regions_are_learned_steered_counted_and_survive_restarts() {
    let machine = machine();
    let mut traces = Traces::before("promises");
    let Some(lab) = Lab::up("promises", &topology()) else { return };
    traces.note_namespaces();
    eventually("the cluster is well", PATIENCE, || {
        lab.exec("traffic-eastus", "test-cluster").status.success().then_some(())
    });
    capabilities::assert_none(&lab);
    learning::assert_geography(&lab);
    learning::learn(&lab);
    learning::assert_table(&lab);
    learning::assert_steering(&lab);
    learning::assert_digs(&lab);
    counting::assert_checks_do_not_count(&lab);
    counting::assert_every_short_connection_counts_once(&lab);
    restarts::assert_survived(&lab, "SIGTERM", Duration::from_secs(1));
    restarts::assert_survived(&lab, "SIGKILL", Duration::from_secs(1));
    restarts::assert_survived(&lab, "SIGKILL", Duration::from_secs(60));
    learning::assert_steering(&lab);
    capabilities::assert_none(&lab);
    lab.down();
    traces.assert_nothing_left();
    drop(machine);
}

#[test]
fn a_killed_supervisor_leaves_nothing() {
    let _machine = machine();
    let mut traces = Traces::before("killed");
    let Some(lab) = Lab::up("killed", lab::topology::DEMO6) else { return };
    traces.note_namespaces();
    let pid = lab.supervisor().to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    eventually("every process ends", PATIENCE, || processes(&lab.name).is_empty().then_some(()));
    // Only the supervisor could have removed its note; whoever looks next sweeps it up.
    let list = opengslb().args(["lab", "list"]).output().unwrap();
    assert!(!text(&list.stdout).contains(&lab.name), "{}", text(&list.stdout));
    traces.assert_nothing_left();
}

#[test]
fn the_demo_passes_and_leaves_nothing() {
    let _machine = machine();
    let began = Instant::now();
    let demo = opengslb().args(["lab", "demo6"]).stdout(std::process::Stdio::piped()).spawn();
    let demo = demo.unwrap();
    let name = format!("demo6-{}", demo.id());
    let output = demo.wait_with_output().unwrap();
    let said = text(&output.stdout);
    if harness::is_forbidden(&said) {
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("6 of 6 steps passed"), "{said}");
    let steps = said.lines().filter(|line| line.starts_with("  ✓ ")).count();
    assert_eq!((steps, said.matches('✗').count()), (6, 0), "{said}");
    assert!(!said.contains(['\x1b', '\r']), "no colour, no rewriting in a pipe: {said:?}");
    for command in [
        "test-cluster",
        "generate-traffic 5 300",
        "curl http://10.1.1.10:8080/api/v1/overwatch/latency | jq .",
        "dig @10.1.1.10 app.demo.local A +short",
        "journalctl -u opengslb | grep \"routing decision\"",
        "sudo systemctl restart opengslb",
        "journalctl -u opengslb | grep \"geo_fallback\"",
        "dig @10.1.1.10 app.demo.local +short",
    ] {
        assert!(said.contains(&format!("$ {command}\n")), "{command} is not in\n{said}");
    }
    assert!(began.elapsed() < Duration::from_secs(180), "{:?}", began.elapsed());
    assert_eq!(processes(&name), [], "nothing runs on");
}
