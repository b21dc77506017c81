//! Every command in the README and the guide is run: here, or in the test that is named here.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Commands that need more than a file to run, and where they are run. A star stands for any text.
const ELSEWHERE: &[(&str, &str)] = &[
    ("cargo run --release -- lab demo6*", ".ci/run"),
    ("cargo xtask ci*", ".ci/run"),
    ("cargo run --release -p opengslb-sim", "crates/sim/tests/command.rs"),
    ("cargo run --release -p opengslb-sim -- guide", "crates/sim/src/guide.rs"),
    (
        "opengslb --config /etc/opengslb/config.yaml --mode overwatch",
        "crates/opengslb/tests/process/main.rs",
    ),
    (
        "opengslb --config /etc/opengslb/config.yaml --mode agent",
        "crates/opengslb/tests/process/main.rs",
    ),
    (
        "curl --unix-socket /var/lib/opengslb/control.sock -X POST *",
        "crates/runtime/src/http/tests.rs",
    ),
    ("systemctl *", "crates/opengslb/tests/service/main.rs"),
    ("journalctl -u opengslb *", "crates/runtime/src/logs/tests.rs"),
    ("opengslb-cli reload", "crates/opengslb/tests/reload/main.rs"),
    (
        "opengslb --config /etc/opengslb/config.yaml --take-over",
        "crates/opengslb/tests/reload/main.rs",
    ),
    ("opengslb-cli dnssec *", "crates/opengslb/tests/dnssec/main.rs"),
    ("(umask 077; opengslb-cli dnssec export *", "crates/opengslb/tests/dnssec/main.rs"),
    ("opengslb-cli *", "crates/opengslb/tests/operator/main.rs"),
    ("opengslb check-config --preflight", "crates/opengslb/tests/operator/main.rs"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The lines of a page's `sh` blocks; a line that ends in a backslash goes on in the next.
fn commands(page: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut is_inside = false;
    let mut line = String::new();
    for text in page.lines() {
        if text.starts_with("```") {
            is_inside = text == "```sh";
            continue;
        }
        if !is_inside {
            continue;
        }
        let text = text.split("   #").next().unwrap_or_default().trim();
        match text.strip_suffix('\\') {
            Some(part) => line += part,
            None => commands.push(std::mem::take(&mut line) + text),
        }
    }
    commands
}

fn matches(pattern: &str, command: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => command.starts_with(start.trim_end()),
        None => command == pattern,
    }
}

#[test]
fn every_command_of_the_pages_is_run() {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    for entry in std::fs::read_dir(root().join("docs/guide")).unwrap() {
        pages.push(entry.unwrap().path());
    }
    let mut run = 0;
    for page in pages {
        for command in commands(&std::fs::read_to_string(&page).unwrap()) {
            if let Some((_, place)) = ELSEWHERE.iter().find(|(p, _)| matches(p, &command)) {
                assert!(root().join(place).exists(), "{place} is to run: {command}");
                continue;
            }
            let words: Vec<&str> = command.split_whitespace().collect();
            let [first, rest @ ..] = &words[..] else { continue };
            assert_eq!(*first, "opengslb", "nobody runs `{command}` of {}", page.display());
            let status = Command::new(env!("CARGO_BIN_EXE_opengslb"))
                .args(rest)
                .current_dir(root())
                .output()
                .unwrap();
            assert!(status.status.success(), "`{command}` of {}: {status:?}", page.display());
            run += 1;
        }
    }
    assert!(run > 0, "no command was found to run");
}
