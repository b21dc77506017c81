//! Every command in the README and the guide is run: here, or in the test that is named here.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Commands that need more than a file to run, and where they are run. A star stands for any text.
const ELSEWHERE: &[(&str, &str)] = &[
    ("cargo run --release -- lab demo6*", ".ci/run"),
    ("cargo run --release -- lab chaos*", "crates/opengslb/tests/chaos/main.rs"),
    ("cargo xtask ci*", ".ci/run"),
    ("cargo run --release -p opengslb-sim", "crates/sim/tests/command.rs"),
    ("cargo run --release -p opengslb-sim -- guide", "crates/sim/src/guide.rs"),
    ("cargo run --release -p opengslb-sim -- chaos*", "crates/sim/src/chaos.rs"),
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
    ("curl -H *", "crates/opengslb/tests/contract/main.rs"),
    ("curl -X POST -H *", "crates/opengslb/tests/contract/main.rs"),
    ("curl -X PUT *", "crates/runtime/src/http/tests.rs"),
    ("curl -N *", "crates/opengslb/tests/contract/main.rs"),
    ("curl -o latency.csv *", "crates/runtime/src/http/tests.rs"),
    ("curl 'http://10.1.1.10:8080/api/v1/*", "crates/runtime/src/http/tests.rs"),
    ("systemctl *", "crates/opengslb/tests/process/service.rs"),
    ("journalctl -u opengslb *", "crates/runtime/src/logs/tests.rs"),
    ("opengslb-cli reload", "crates/opengslb/tests/reload/main.rs"),
    (
        "opengslb --config /etc/opengslb/config.yaml --take-over",
        "crates/opengslb/tests/reload/main.rs",
    ),
    ("opengslb-cli dnssec *", "crates/opengslb/tests/dnssec/main.rs"),
    ("(umask 077; opengslb-cli dnssec export *", "crates/opengslb/tests/dnssec/main.rs"),
    ("git clone *", "crates/opengslb/tests/azure/walk.rs"),
    ("cd *", "crates/opengslb/tests/azure/walk.rs"),
    ("cp terraform.tfvars.example *", "crates/opengslb/tests/azure/walk.rs"),
    ("terraform *", "crates/opengslb/tests/azure/walk.rs"),
    ("ssh *", "crates/opengslb/tests/azure/walk.rs"),
    ("test-cluster", "crates/opengslb/tests/azure/walk.rs"),
    ("generate-traffic *", "crates/opengslb/tests/azure/walk.rs"),
    ("curl http://10.1.1.10:8080/*", "crates/opengslb/tests/azure/walk.rs"),
    ("dig @10.1.1.10 *", "crates/opengslb/tests/azure/walk.rs"),
    ("sudo systemctl restart opengslb", "crates/opengslb/tests/azure/walk.rs"),
    ("getcap *", "crates/opengslb/tests/azure/walk.rs"),
    ("ss *", "crates/opengslb/tests/azure/walk.rs"),
    ("az group delete *", "crates/opengslb/tests/azure/walk.rs"),
    ("cargo xtask release", "xtask/src/nightly.rs"),
    ("dpkg -i *", "deploy/check-package.sh"),
    ("chgrp opengslb *", "deploy/check-package.sh"),
    ("opengslb-cli import *", "crates/opengslb/tests/moving/main.rs"),
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

/// Where a configuration stands on a machine that was set up. It is one of the examples at first.
const INSTALLED: &str = "/etc/opengslb/config.yaml";

/// Runs a command of an installation where a release's archive was unpacked, into a directory that is thrown
/// away.
#[expect(clippy::print_stderr, reason = "who reads the log learns what was skipped")]
fn in_a_package(command: &str, page: &Path) {
    let (unpacked, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // What it installs is not run: any file will do for a binary.
    let binaries = tempfile::tempdir().unwrap();
    for program in ["opengslb", "opengslb-cli"] {
        std::fs::write(binaries.path().join(program), "").unwrap();
    }
    let laid = Command::new(root().join("deploy/archive.sh"))
        .args([binaries.path(), unpacked.path()])
        .output()
        .unwrap();
    assert!(laid.status.success(), "{laid:?}");
    // Users are made of what was installed before.
    let users = into.path().join("etc/sysusers.d");
    std::fs::create_dir_all(&users).unwrap();
    std::fs::copy(
        unpacked.path().join("deploy/systemd/sysusers.d/opengslb.conf"),
        users.join("opengslb.conf"),
    )
    .unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(&unpacked).env("DESTDIR", into.path());
    let output = shell.output().unwrap();
    if output.status.code() == Some(127) {
        return eprintln!("SKIPPED: this machine lacks what `{command}` runs");
    }
    assert!(output.status.success(), "`{command}` of {}: {output:?}", page.display());
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
        let path = entry.unwrap().path();
        pages.extend(path.extension().is_some_and(|extension| extension == "md").then_some(path));
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
            if ["install", "openssl", "systemd-sysusers"].contains(first) {
                in_a_package(&command, &page);
                run += 1;
                continue;
            }
            assert_eq!(*first, "opengslb", "nobody runs `{command}` of {}", page.display());
            let status = Command::new(env!("CARGO_BIN_EXE_opengslb"))
                .args(rest.iter().map(|word| word.replace(INSTALLED, "examples/overwatch.yaml")))
                .current_dir(root())
                .output()
                .unwrap();
            assert!(status.status.success(), "`{command}` of {}: {status:?}", page.display());
            run += 1;
        }
    }
    assert!(run > 0, "no command was found to run");
}

/// The quoted words of the program's own in the tables of troubleshooting: who searches for what he saw
/// has to find it.
#[test]
fn what_the_program_is_quoted_with_is_what_it_says() {
    let page = std::fs::read_to_string(root().join("docs/guide/troubleshooting.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let quoted = rows.filter_map(|row| row.trim_start_matches('|').split('|').next());
    let quoted = quoted.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let sources = sources(&root().join("crates"));
    let mut found = 0;
    for words in quoted {
        let words = words.trim_end_matches(" ...");
        assert!(sources.iter().any(|source| source.contains(words)), "nobody says {words:?}");
        found += 1;
    }
    assert!(found > 5, "{found}");
}

/// Who reads which keys wait for a start has to find all that do.
#[test]
fn every_key_that_waits_for_a_start_is_named() {
    let page = std::fs::read_to_string(root().join("docs/guide/operating.md")).unwrap();
    let (_, list) = page.split_once("These keys wait for a start").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let mut found = 0;
    for source in sources(&root().join("crates/runtime/src/process")) {
        for rest in source.split(".fixed(\"").skip(1) {
            let key = rest.split('"').next().unwrap();
            // A section stands for its keys, and a key's last word for itself.
            let (section, last) = key.rsplit_once('.').unwrap();
            let names = [key, section, last].map(|name| format!("`{name}`"));
            let is_named =
                names.iter().any(|name| list.contains(name)) || list.contains(&format!(".{last}`"));
            assert!(is_named || key == "a.b", "docs/guide/operating.md does not name {key}");
            found += 1;
        }
    }
    assert!(found > 20, "{found}");
}

/// What stands above the decisions in the book's list.
const DECISIONS: &str = "# Decisions\n\n";

/// A line for each decision, in order.
fn decisions(folder: &Path) -> String {
    let pages = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = pages.collect();
    pages.sort_unstable();
    let line = |page: &PathBuf| {
        let text = std::fs::read_to_string(page).unwrap();
        let title = text.lines().next().unwrap_or_default().trim_start_matches("# ");
        let name = page.file_name().unwrap().to_string_lossy();
        format!("- [{title}](decisions/{name})\n")
    };
    pages.iter().map(line).collect()
}

/// All sources below, each on one line: a text may be broken there.
fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("testdata") {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let words = text.replace("\\\n", " ");
            texts.push(words.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    texts
}

/// Every page stands in the book, and the book names no other. Its list of decisions is made from them.
#[test]
fn the_book_has_every_page() {
    let docs = root().join("docs");
    let summary = std::fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let summary = match summary.split_once(DECISIONS) {
        Some((before, _)) if std::env::var_os("UPDATE_EXPECT").is_some() => {
            let summary = format!("{before}{DECISIONS}{}", decisions(&docs.join("decisions")));
            std::fs::write(docs.join("SUMMARY.md"), &summary).unwrap();
            summary
        }
        _ => summary,
    };
    let made = decisions(&docs.join("decisions"));
    assert!(
        summary.ends_with(&format!("{DECISIONS}{made}")),
        "run UPDATE_EXPECT=1 cargo test -p opengslb --test documents"
    );
    let links = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let links: Vec<String> = links.map(str::to_owned).collect();
    let mut pages = vec!["README.md".to_owned(), "security.md".to_owned()];
    for folder in ["guide", "reference", "decisions"] {
        for entry in std::fs::read_dir(docs.join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                pages.push(format!("{folder}/{name}"));
            }
        }
    }
    for page in &pages {
        assert!(links.contains(page), "docs/SUMMARY.md does not link {page}");
    }
    for link in &links {
        assert!(pages.contains(link), "docs/SUMMARY.md links {link}, which is not there");
    }
    assert_eq!(links.len(), pages.len(), "a page stands there twice");
    for page in &pages {
        let text = std::fs::read_to_string(docs.join(page)).unwrap();
        let up = page.matches('/').count();
        let outside = format!("]({}", "../".repeat(up + 1));
        assert!(!text.contains(&outside), "{page} links something that is not in the book");
    }
    assert!(docs.join("book.toml").exists());
}
