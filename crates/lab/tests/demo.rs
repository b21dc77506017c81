//! The demo's verdicts: six ticks where all is as promised, an honest cross where one thing is not.
//!
//! The network and the commands are real; the daemon is a stand-in that can be told to be wrong.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says aloud what it could not prove"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn bench() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("examples/lab_bench")
}

/// Runs the demo to its end; its exit code and what it showed.
fn demo(stand_in: &str) -> Option<(Option<i32>, String)> {
    let mut command = Command::new(bench());
    command.args(["lab", "demo6"]).env("LAB_BENCH", stand_in).env_remove("XDG_RUNTIME_DIR");
    let output = command.output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    if shown.contains("does not let you make user namespaces") {
        eprintln!("SKIPPED, nothing is proven: {shown}");
        return None;
    }
    Some((output.status.code(), shown))
}

#[track_caller]
fn check_cross(stand_in: &str, steps_passed: usize, reason: &str) {
    let Some((code, shown)) = demo(stand_in) else { return };
    assert_eq!(code, Some(1), "{shown}");
    let cross = shown.lines().find(|line| line.starts_with("  ✗")).unwrap_or_default();
    assert!(cross.contains(reason), "{shown}");
    assert!(shown.contains(&format!("{steps_passed} of 6 steps passed")), "{shown}");
    let kept =
        shown.lines().find_map(|line| line.trim().strip_prefix("The hosts' logs are kept in "));
    let kept = Path::new(kept.unwrap());
    assert!(std::fs::read_to_string(kept.join("overwatch.log")).unwrap().contains("stand-in"));
    std::fs::remove_dir_all(kept).unwrap();
    let _ = std::fs::remove_dir(kept.parent().unwrap());
}

#[test]
fn six_ticks_where_all_is_as_promised() {
    let Some((code, shown)) = demo("answers") else { return };
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.lines().filter(|line| line.starts_with("  ✓")).count(), 6, "{shown}");
    let typed = [
        "traffic-eastus$ test-cluster",
        "traffic-eastus$ generate-traffic 5 300",
        "traffic-eastus$ curl http://10.1.1.10:8080/api/v1/overwatch/latency | jq .",
        "traffic-eastus$ dig @10.1.1.10 app.demo.local A +short",
        "overwatch$ journalctl -u opengslb | grep \"routing decision\"",
        "overwatch$ sudo systemctl restart opengslb",
        "overwatch$ journalctl -u opengslb | grep \"geo_fallback\"",
        "traffic-singapore$ dig @10.1.1.10 app.demo.local +short",
    ];
    for command in typed {
        assert!(shown.contains(command), "{command} is not in\n{shown}");
    }
    assert!(!shown.contains('\x1b'), "no colour and no overwriting but on a terminal");
}

#[test]
fn a_wrong_round_trip_time_is_a_cross() {
    check_cross("wrong-rtt", 2, "10.1.2.0/24 - ap-southeast: learned 241 ms, true are 220 ms");
}

#[test]
fn a_wrong_region_is_a_cross() {
    check_cross("wrong-region", 3, "10.3.1.10 is not in West Europe");
}

#[test]
fn a_cold_start_without_fallback_is_a_cross() {
    check_cross("no-fallback", 4, "no new geo_fallback is in the log");
}
