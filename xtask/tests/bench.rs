//! The bench runs from end to end: one round with a small table and a build that is not optimised, so
//! its figures mean nothing and its goals are missed. Says so where the tools are not installed.

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
