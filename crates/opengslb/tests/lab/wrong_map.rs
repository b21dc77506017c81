//! A map that is wrong, corrected by exploring alone: `opengslb lab learning`, whose steps judge by
//! the log, and what its log and `explain` say, looked at again from outside.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::{self, machine, opengslb, processes, text};

/// What every clone can see, and what it has to show.
#[test]
fn a_wrong_map_is_corrected_by_exploring() {
    let _machine = machine();
    let began = Instant::now();
    let play = opengslb().args(["lab", "learning"]).stdout(Stdio::piped()).spawn().unwrap();
    let name = format!("learning-{}", play.id());
    let output = play.wait_with_output().unwrap();
    let said = text(&output.stdout);
    if harness::is_forbidden(&said) {
        return;
    }
    harness::say(&said);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("5 of 5 steps passed"), "{said}");
    let steps: Vec<&str> = said.split("\nStep ").collect();
    let [_, geography, exploration, found, stay, explain] = steps[..] else { panic!("{said}") };
    let decided = |step: &str, region: &str, reason: &str| {
        let is_it = |line: &str| {
            let has = |word: String| line.split(' ').any(|its| its == word);
            has(format!("region={region}")) && has(format!("reason={reason}"))
        };
        step.lines().filter(|line| line.contains("routing decision")).any(is_it)
    };
    assert!(decided(geography, "madrid", "geo_fallback"), "{geography}");
    assert!(!geography.contains("region=new-york"), "{geography}");
    assert!(decided(exploration, "new-york", "exploration"), "{exploration}");
    assert!(decided(found, "new-york", "learned_latency"), "{found}");
    assert!(stay.contains("and each of them New York"), "{stay}");
    // The table of `opengslb-cli explain`: the chosen one is marked.
    let row = |region: &str| {
        let is_it = |line: &&str| line.split_whitespace().any(|word| word == region);
        explain.lines().filter(is_it).find(|line| line.contains("own_subnet")).map(str::trim)
    };
    assert!(row("new-york").unwrap_or(explain).starts_with('→'), "{explain}");
    assert!(row("madrid").unwrap_or(explain).starts_with("madrid"), "{explain}");
    assert!(began.elapsed() < Duration::from_secs(180), "{:?}", began.elapsed());
    assert_eq!(processes(&name), [], "nothing runs on");
}
