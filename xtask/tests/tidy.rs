//! The repository's own rules, as tests.

#![expect(clippy::expect_used, reason = "a broken rule or repository should stop the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// Crates that decide: no socket, file, clock, thread, async or log. See decision 1.
const PURE: &[&str] = &[
    "model",
    "latency",
    "mesh",
    "health",
    "geo",
    "routing",
    "dns",
    "config",
    "api",
    "agent",
    "overwatch",
];

/// The arrows of the house: what each crate may depend on, in the order of the data.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("tcpstat", &["model"]),
    ("latency", &["model"]),
    ("health", &["model"]),
    ("mesh", &["model", "latency", "health"]),
    ("geo", &["model"]),
    ("routing", &["model", "latency", "geo", "health"]),
    ("dns", &["model"]),
    ("config", &["model", "latency", "health", "geo", "routing", "mesh", "dns"]),
    ("api", &[]),
    ("agent", &["model", "latency", "health", "mesh"]),
    ("overwatch", &["model", "latency", "health", "geo", "routing", "dns", "mesh", "api"]),
    ("store", &["model", "health", "mesh", "overwatch"]),
];

/// What no pure crate may name.
const IMPURE: &[(&str, &str)] = &[
    ("std::fs", "files are read at the edge"),
    ("std::thread", "threads are started at the edge"),
    ("Instant::now", "`now` is an argument"),
    ("SystemTime", "`now` is an argument"),
    ("UdpSocket", "sockets live in runtime"),
    ("TcpStream", "sockets live in runtime"),
    ("TcpListener", "sockets live in runtime"),
    ("std::env::", "settings come from config"),
    ("tokio", "async lives in runtime"),
    ("tracing", "only the edge logs"),
    ("async fn", "async lives in runtime"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file that git tracks or would track.
fn tracked() -> Vec<PathBuf> {
    let output = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    names.lines().map(|name| root().join(name)).filter(|path| path.is_file()).collect()
}

fn rust_sources() -> Vec<PathBuf> {
    tracked().into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}

/// The part of a source file that ships: up to its first test module.
fn production(text: &str) -> &str {
    let end =
        ["#[cfg(test)]\nmod ", "#[cfg(test)]\npub mod "].iter().filter_map(|m| text.find(m)).min();
    &text[..end.unwrap_or(text.len())]
}

/// Whether a source belongs to tests, benches or examples as a whole.
fn is_test(path: &Path) -> bool {
    path.components().any(|c| {
        matches!(c.as_os_str().to_str(), Some("tests" | "tests.rs" | "benches" | "examples"))
    })
}

fn complain(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_source_says_what_it_is_for() {
    let silent = rust_sources().into_iter().filter(|path| !read(path).starts_with("//!"));
    complain(silent.map(|path| format!("{} must open with `//!`", path.display())).collect());
}

#[test]
fn the_arrows_keep_their_direction() {
    let mut faults = Vec::new();
    for (name, may) in LAYERS {
        let manifest = read(&root().join("crates").join(name).join("Cargo.toml"));
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let ours = root().join("crates").join(dependency).join("Cargo.toml").exists();
            if !dependency.is_empty() && ours && !may.contains(&dependency) {
                faults.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    complain(faults);
}

#[test]
fn pure_crates_stay_pure() {
    let mut faults = Vec::new();
    for name in PURE {
        let source = root().join("crates").join(name).join("src");
        let lib = read(&source.join("lib.rs"));
        if !lib.contains("#![forbid(unsafe_code)]") {
            faults.push(format!("{name}/src/lib.rs must forbid unsafe code"));
        }
        for path in rust_sources().iter().filter(|path| path.starts_with(&source) && !is_test(path))
        {
            let text = read(path);
            for (number, line) in production(&text).lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for (word, why) in IMPURE {
                    if code.contains(word) {
                        faults.push(format!("{}:{}: {word}: {why}", path.display(), number + 1));
                    }
                }
            }
        }
    }
    complain(faults);
}

#[test]
fn unsafe_code_lives_in_the_kernel_and_socket_modules_only() {
    let rooms = ["crates/tcpstat/src", "crates/runtime/src/dns", "crates/lab/src/sys"];
    let mut faults = Vec::new();
    for path in rust_sources().iter().filter(|path| !is_test(path)) {
        let text = read(path);
        let has_block =
            text.lines().any(|line| line.split("//").next().unwrap_or("").contains("unsafe {"));
        if has_block && !rooms.iter().any(|room| path.to_string_lossy().contains(room)) {
            faults.push(format!("{} holds unsafe code", path.display()));
        }
    }
    complain(faults);
}

#[test]
fn files_are_small_enough_to_read() {
    let mut faults = Vec::new();
    for path in tracked() {
        let size = fs::metadata(&path).map_or(0, |meta| meta.len());
        let data = path.components().any(|c| c.as_os_str() == "testdata");
        if size > 100_000 && !data && path.file_name().is_some_and(|name| name != "Cargo.lock") {
            faults.push(format!("{} has {size} bytes", path.display()));
        }
    }
    for path in rust_sources().iter().filter(|path| !is_test(path)) {
        let lines = production(&read(path)).lines().count();
        if lines > 600 {
            faults.push(format!("{} has {lines} lines: find the two ideas in it", path.display()));
        }
    }
    complain(faults);
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    let marks = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME", "XX".to_owned() + "X"];
    let mut faults = Vec::new();
    for path in rust_sources() {
        for (number, line) in read(&path).lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                faults.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
            if line.contains("#[ignore") || line.contains("#[allow(") {
                faults.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    complain(faults);
}

#[test]
fn the_architecture_names_every_crate() {
    let page = read(&root().join("ARCHITECTURE.md"));
    let mut faults = Vec::new();
    for entry in fs::read_dir(root().join("crates")).expect("crates") {
        let name = entry.expect("entry").file_name().to_string_lossy().into_owned();
        if !page.contains(&format!("`{name}`")) && !page.contains(&format!("crates/{name}")) {
            faults.push(format!("ARCHITECTURE.md does not name `{name}`"));
        }
    }
    complain(faults);
}

#[test]
fn every_parser_of_foreign_bytes_has_a_fuzz_target() {
    let mut faults = Vec::new();
    for path in rust_sources().iter().filter(|path| path.ends_with("src/fuzz.rs")) {
        let name = path.iter().rev().nth(2).expect("crate").to_string_lossy().into_owned();
        let targets = fs::read_dir(root().join("fuzz/fuzz_targets")).expect("fuzz targets");
        let found = targets
            .filter_map(Result::ok)
            .any(|t| read(&t.path()).contains(&format!("{name}::fuzz::")));
        if !found {
            faults.push(format!("crates/{name} has fuzz.rs but no target calls it"));
        }
    }
    complain(faults);
}

#[test]
fn decisions_are_numbered_without_gaps_and_have_their_parts() {
    let mut names: Vec<String> = fs::read_dir(root().join("docs/decisions"))
        .expect("decisions")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut faults = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if !name.starts_with(&format!("{:04}-", index + 1)) {
            faults.push(format!("{name} should have number {:04}", index + 1));
        }
        let text = read(&root().join("docs/decisions").join(name));
        for part in
            ["## Context", "## Decision", "## Why not the others", "## What follows", "Status:"]
        {
            if !text.contains(part) {
                faults.push(format!("{name} lacks {part:?}"));
            }
        }
    }
    complain(faults);
}
