//! The page of the DNS server's rules: every dialogue is in it, and is about what its line says.

use std::collections::BTreeSet;

use crate::complain;
use crate::repository::files;

const PAGE: &str = "docs/reference/dns-rules.md";
/// Where dialogues are; every text there is one.
const FOLDERS: [&str; 3] =
    ["crates/dns/testdata/", "crates/overwatch/testdata/", "crates/zone/testdata/"];

#[test]
fn every_dialogue_has_its_rule() {
    let files = files();
    let text_of =
        |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text().to_owned());
    let page = text_of(PAGE).expect("the page of rules");
    let (mut faults, mut linked) = (Vec::new(), BTreeSet::new());
    for row in page.lines().filter(|line| line.contains('`')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, rule, from, shown, _] = cells.as_slice() else { continue };
        let paths: Vec<String> = shown.split('`').filter_map(path_of).collect();
        // What a test shows that is no dialogue.
        if paths.is_empty() {
            continue;
        }
        let mut said = String::new();
        for path in paths {
            linked.insert(path.clone());
            match text_of(&path) {
                Some(text) => said += &text,
                None => faults.push(format!("{PAGE}: {path} is not there")),
            }
        }
        let standards = from.match_indices("RFC ").map(|(at, _)| number_at(&from[at..]));
        let missing = standards.filter(|standard| !speaks_of(&said, standard));
        faults.extend(
            missing.map(|standard| format!("{PAGE}: no dialogue of {rule:?} names {standard}")),
        );
        if !from.contains("RFC ") && !from.starts_with("our own") {
            faults.push(format!("{PAGE}: {rule:?} is from nowhere"));
        }
    }
    let is_dialogue = |path: &&String| {
        path.ends_with(".txt") && FOLDERS.iter().any(|folder| path.starts_with(folder))
    };
    let dialogues = files.iter().map(|file| &file.path).filter(is_dialogue);
    let forgotten = dialogues.filter(|path| !linked.contains(*path));
    faults.extend(forgotten.map(|path| format!("{PAGE} does not name {path}")));
    complain(faults);
}

/// Where the dialogue `overwatch/packets` is.
fn path_of(name: &str) -> Option<String> {
    let (part, name) = name.split_once('/').filter(|(part, _)| *part != "crates")?;
    Some(format!("crates/{part}/testdata/{name}.txt"))
}

/// `RFC` and its number at the beginning of a text.
fn number_at(text: &str) -> &str {
    let end = text[4..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |end| end + 4);
    &text[..end]
}

/// Whether a text names a standard, and not another one whose number begins alike.
fn speaks_of(text: &str, standard: &str) -> bool {
    text.match_indices(standard).any(|(at, _)| number_at(&text[at..]) == standard)
}
