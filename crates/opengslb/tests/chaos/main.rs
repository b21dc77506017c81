//! A short bad day in the lab, as anybody can have it: `opengslb lab chaos`. What it promises it has judged
//! itself; looked at from outside are its verdict and what it leaves.
//!
//! `cargo xtask nightly` plays ten minutes of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../lab/harness.rs"]
#[expect(dead_code, reason = "the lab's tests use the rest")]
mod harness;

use std::process::Stdio;

use harness::{opengslb, processes, say, text};

/// One step in which a server dies for seven seconds, and meanwhile an overwatch for four.
const SHORT: [&str; 9] =
    ["chaos", "--seed", "365", "--steps", "1", "--faults", "kill", "--rate", "50"];

#[test]
fn a_short_bad_day_breaks_no_promise_and_leaves_nothing() {
    let mut command = opengslb();
    command.arg("lab").args(SHORT).stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = command.spawn().unwrap();
    let name = format!("chaos-{}", run.id());
    let output = run.wait_with_output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    if harness::is_forbidden(&said) {
        return;
    }
    say(&said);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("seed 365") && said.contains("no question is lost"), "{said}");
    let [_, rest] = said.split("WELL AGAIN AFTER").collect::<Vec<_>>()[..] else {
        panic!("{said}")
    };
    let (steps, report) = rest.split_once("By fault").unwrap();
    let both = "server-ap killed, 7.2 s; overwatch-eu killed, 3.9 s";
    assert!(steps.contains(both) && steps.matches("✓ ").count() == 1, "{said}");
    let promises = report.rsplit("\n\n").next().unwrap();
    assert_eq!((promises.matches("✓ ").count(), said.matches('✗').count()), (5, 0), "{said}");
    assert!(!said.contains(['\x1b', '\r']), "no colour, no rewriting in a pipe: {said:?}");
    assert_eq!(processes(&name), [], "nothing runs on");
}

/// What makes no sense is said before anything is built.
#[test]
fn a_fault_that_there_is_not_is_refused() {
    let output = opengslb().args(["lab", "chaos", "--faults", "fire"]).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("there are kill, pause, partition, slow"), "{said}");
}
