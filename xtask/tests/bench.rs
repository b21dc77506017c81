//! The benches run from end to end, in small and with a build that is not optimised, so their figures mean
//! nothing and goals are missed. Says so where tools are not installed or a system forbids something.

use std::io::Write as _;
use std::process::Command;

#[test]
fn the_bench_of_dns_runs() {
    let words = "bench dns --rounds 1 --seconds 1 --networks 5000 --debug".split(' ');
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(words).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    if text.contains("xtask: missing ") {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {text}");
        return;
    }
    let figures = |server: &str| -> Vec<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(server));
        let line = line.unwrap_or_else(|| panic!("no line of {server:?} in\n{text}"));
        line.split_whitespace().map(|word| word.parse().unwrap()).collect()
    };
    for server in ["opengslb  ", "opengslb, flood ", "gdnsd  ", "knot-geoip  ", "nsd-static  "] {
        let [rate, cpu, user, system, _] = figures(server)[..] else { panic!("{server}: {text}") };
        assert!(rate > 0.0 && cpu > 0.0 && user >= 0.0 && system >= 0.0, "{text}");
    }
    assert!(figures("opengslb  ")[4] < 1.0, "every question is answered from the map: {text}");
    assert!(text.contains("\nratio opengslb/gdnsd cpu "), "{text}");
    assert!(text.contains("MiB; a flood adds "), "{text}");
}

/// Runs a bench in small: every figure must be measured, or what it belongs to be said to be skipped.
#[track_caller]
#[expect(clippy::unwrap_used, reason = "a test may stop where it is surprised")]
fn check(line: &str) {
    let words = line.split(' ').chain(["--debug"]);
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(words).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("| what | measured | goal |"), "{text}");
    if let Some(skipped) = text.lines().find(|line| line.starts_with("SKIPPED")) {
        let _ = writeln!(std::io::stderr(), "{line}: {skipped}");
        assert!(text.contains("makes a network namespace"), "{text}");
    } else {
        assert!(!text.contains("not measured"), "{text}");
    }
}

#[test]
fn the_benches_of_the_agent_run() {
    check("bench report --most 1000 --seconds 1");
    check("bench poll --most 400 --rounds 1");
}

#[test]
fn the_bench_of_the_mesh_runs() {
    check("bench mesh --most 5 --interval 1");
}
