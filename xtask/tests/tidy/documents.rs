//! What the pages must hold.

use crate::complain;
use crate::repository::{File, crates, files, root};

fn pages() -> Vec<File> {
    files().into_iter().filter(|file| file.path.ends_with(".md")).collect()
}

#[test]
fn the_architecture_names_every_crate() {
    let pages = pages();
    let page = pages.iter().find(|page| page.path == "ARCHITECTURE.md").expect("ARCHITECTURE.md");
    let missing = crates().into_iter().filter(|name| {
        let names = [format!("`{name}`"), format!("crates/{name}")];
        !names.iter().any(|name| page.text().contains(name.as_str()))
    });
    complain(missing.map(|name| format!("ARCHITECTURE.md does not name `{name}`")).collect());
}

#[test]
fn decisions_are_numbered_without_gaps_and_have_their_parts() {
    let mut faults = Vec::new();
    let pages = pages().into_iter().filter(|page| page.path.starts_with("docs/decisions/"));
    for (index, page) in pages.enumerate() {
        let path = &page.path;
        if !path.starts_with(&format!("docs/decisions/{:04}-", index + 1)) {
            faults.push(format!("{path} should have number {:04}", index + 1));
        }
        for part in
            ["## Context", "## Decision", "## Why not the others", "## What follows", "Status:"]
        {
            if !page.text().contains(part) {
                faults.push(format!("{path} lacks {part:?}"));
            }
        }
    }
    complain(faults);
}

/// Each threat has a test that stands for it, and each test that is named is one.
#[test]
fn every_threat_has_its_tests() {
    let all = files();
    let text = |path: &str| all.iter().find(|file| file.path == path).map(File::text);
    let page = text("docs/security.md").unwrap_or_default();
    let (mut faults, mut threats) = (Vec::new(), 0);
    let rows = page.lines().skip_while(|line| *line != "## Surface by surface");
    let rows = rows.take_while(|line| *line != "## To do").filter(|line| line.starts_with("| "));
    for row in rows.filter(|row| *row != "| threat | what holds | tests |") {
        threats += 1;
        let named = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let mut tests = 0;
        for group in named.split(';') {
            let mut words = group.split('`').skip(1).step_by(2);
            let path = words.next().unwrap_or_default();
            let source = text(path).unwrap_or_default();
            for test in words {
                tests += 1;
                if !is_test(source, test) {
                    faults.push(format!("docs/security.md: {path} has no test {test}"));
                }
            }
        }
        if tests == 0 {
            faults.push(format!("docs/security.md names no test in: {row}"));
        }
    }
    assert!(threats > 40, "{threats} threats");
    complain(faults);
}

/// Whether a function of this name stands below the mark of a test.
fn is_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let head = [format!("fn {name}("), format!("async fn {name}(")];
    lines.iter().enumerate().any(|(at, line)| {
        let is_it = head.iter().any(|head| line.starts_with(head.as_str()));
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        is_it
            && above
                .into_iter()
                .any(|line| line.starts_with("#[test") || line.starts_with("#[tokio::test"))
    })
}

/// What an operator reads in a log line, a metric and an explanation must be in the guide.
#[test]
fn the_guide_names_every_reason() {
    let mut guide = pages().into_iter().filter(|page| page.path.starts_with("docs/guide/"));
    let guide: String = guide.by_ref().map(|page| page.text().to_owned()).collect();
    if guide.is_empty() {
        return; // not begun
    }
    let missing = routing::Reason::ALL.into_iter().filter(|r| !guide.contains(&format!("`{r}`")));
    complain(missing.map(|reason| format!("docs/guide does not explain `{reason}`")).collect());
}

/// Files are named in code as `docs/...`, and in pages by their path or as a link.
#[test]
fn files_that_are_named_are_there() {
    let mut faults = Vec::new();
    for file in files() {
        let (path, text) = (&file.path, file.text());
        let mut named = paths(text, &["docs/"]);
        named.retain(|name| name.ends_with(".md"));
        if path.ends_with(".md") {
            named.extend(paths(text, &["`crates/", "`xtask/", "`fuzz/", "`examples/", "`docs/"]));
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
            let own = links.filter(|link| !link.is_empty() && !link.contains("://"));
            named.extend(own.map(|link| format!("{folder}/{link}").trim_start_matches('/').into()));
        }
        named.retain(|name| !root().join(name).exists());
        faults.extend(named.iter().map(|name| format!("{path} names {name}, which is not there")));
    }
    complain(faults);
}

/// The paths in a text that begin with one of the marks, without a backtick that is part of it.
fn paths(text: &str, marks: &[&str]) -> Vec<String> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let mut found = Vec::new();
    for mark in marks {
        for (begin, _) in text.match_indices(mark) {
            let rest = text[begin..].trim_start_matches('`');
            let path = rest.split(|c| !is_path(c)).next().unwrap_or_default();
            found.push(path.trim_end_matches('.').to_owned());
        }
    }
    found
}

#[test]
fn paths_are_found() {
    let text = "See `crates/a/src/b.rs`, docs/reference/configuration.md. Not `crate::x`.";
    assert_eq!(
        paths(text, &["docs/", "`crates/"]),
        ["docs/reference/configuration.md", "crates/a/src/b.rs"]
    );
}
