//! No source file, test or fuzz target that nobody runs.

use std::collections::BTreeMap;

use crate::complain;
use crate::repository::{File, sources};

/// A file that no `mod` names compiles nowhere: its tests pass because they never run.
#[test]
fn every_source_is_part_of_something() {
    let sources: BTreeMap<String, File> =
        sources().into_iter().map(|file| (file.path.clone(), file)).collect();
    let mut faults = Vec::new();
    for path in sources.keys().filter(|path| !is_root(path)) {
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let (folder, name) = module.rsplit_once('/').unwrap_or_default();
        let declaration = format!("mod {name};");
        let beside = ["lib.rs", "main.rs", "mod.rs"].map(|root| format!("{folder}/{root}"));
        // What several examples or tests share stands beside them, and each of them is a root.
        let roots = sources.keys().filter(|p| p.rsplit_once('/').is_some_and(|at| at.0 == folder));
        let roots = roots.filter(|p| is_root(p)).cloned();
        let mut parents = beside.into_iter().chain([format!("{folder}.rs")]).chain(roots);
        if !parents.any(|p| sources.get(&p).is_some_and(|f| f.text().contains(&declaration))) {
            faults.push(format!("{path} is part of nothing: no parent says `{declaration}`"));
        }
    }
    complain(faults);
}

/// Whether Cargo finds a file by its place.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let name = parts.last().copied().unwrap_or_default();
    match parts.iter().position(|part| matches!(*part, "tests" | "examples" | "benches" | "bin")) {
        // `tests/a.rs` or `tests/a/main.rs` of a crate, not `src/a/tests/b.rs`.
        Some(at) if !parts[..at].contains(&"src") || parts[at] == "bin" => {
            parts.len() == at + 2 || (parts.len() == at + 3 && name == "main.rs")
        }
        _ => {
            let folder = parts.iter().rev().nth(1).copied();
            matches!(name, "lib.rs" | "main.rs") && folder == Some("src")
                || name == "build.rs" && !parts.contains(&"src")
                || folder == Some("fuzz_targets")
        }
    }
}

#[test]
fn roots_are_told_from_modules() {
    for root in
        ["a/src/lib.rs", "a/tests/b.rs", "a/tests/b/main.rs", "a/examples/b.rs", "a/build.rs"]
    {
        assert!(is_root(root), "{root}");
    }
    for module in
        ["a/src/b.rs", "a/src/tests/b.rs", "a/tests/b/c.rs", "a/src/b/main.rs", "a/src/build.rs"]
    {
        assert!(!is_root(module), "{module}");
    }
}

/// Every entry for fuzzers has a target, every target an entry that is still there, and each is
/// registered: the fuzz package is built by `cargo xtask nightly` only.
#[test]
fn every_parser_of_foreign_bytes_has_a_fuzz_target() {
    let sources = sources();
    let manifest = std::fs::read_to_string(crate::repository::root().join("fuzz/Cargo.toml"))
        .expect("fuzz/Cargo.toml");
    let mut entries = Vec::new();
    for file in &sources {
        let Some(name) = file.path.strip_prefix("crates/") else { continue };
        let Some(name) = name.strip_suffix("/src/fuzz.rs") else { continue };
        let lines = file.text().lines();
        let functions = lines.filter_map(|line| line.strip_prefix("pub fn ")?.split('(').next());
        entries.extend(functions.map(|function| format!("{name}::fuzz::{function}")));
    }
    let mut faults = Vec::new();
    let mut called = Vec::new();
    for target in sources.iter().filter(|file| file.path.starts_with("fuzz/fuzz_targets/")) {
        let path = target.path.trim_start_matches("fuzz/");
        if !manifest.contains(&format!("path = \"{path}\"")) {
            faults.push(format!("{} is not in fuzz/Cargo.toml", target.path));
        }
        match entries.iter().find(|entry| target.text().contains(&format!("{entry}("))) {
            Some(entry) => called.push(entry),
            None => faults.push(format!("{} calls no entry that is there", target.path)),
        }
    }
    let forgotten = entries.iter().filter(|entry| !called.contains(entry));
    faults.extend(forgotten.map(|entry| format!("no fuzz target calls {entry}")));
    complain(faults);
}
