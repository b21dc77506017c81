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

/// Pages are named in code and in other pages, as `docs/...` or as a link.
#[test]
fn pages_that_are_named_are_there() {
    let mut faults = Vec::new();
    for file in files() {
        let (path, text) = (&file.path, file.text());
        let mut named: Vec<String> = Vec::new();
        for (at, _) in text.match_indices("docs/") {
            let is_path = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            let end = text[at..].find(|c| !is_path(c)).map_or(text.len(), |end| at + end);
            let page = text[at..end].trim_end_matches('.');
            if page.ends_with(".md") {
                named.push(page.to_owned());
            }
        }
        if path.ends_with(".md") {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
            let own = links.filter(|link| !link.is_empty() && !link.contains("://"));
            named.extend(own.map(|link| format!("{folder}/{link}").trim_start_matches('/').into()));
        }
        named.retain(|page| !root().join(page).exists());
        faults.extend(named.iter().map(|page| format!("{path} names {page}, which is not there")));
    }
    complain(faults);
}
