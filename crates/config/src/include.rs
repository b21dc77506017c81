//! Other files that a file names: their trees laid into its own, before anything is checked.
//!
//! Lists grow, maps are joined key by key, and a value that two files set is a fault that names both
//! places. Each file keeps its own name, line and column in every fault. Finding and reading them is
//! the caller's.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::fault::{Faults, Position};
use crate::old;
use crate::tree::{self, Entry, Node, Value};
use crate::values::clip;

/// Files in files in files: deeper is a mistake, or a circle that cannot be seen by the names.
const DEPTH_MAX: usize = 10;
/// Files altogether: ten for each of a hundred teams.
const FILES_MAX: usize = 1_000;
/// The key.
const KEY: &str = "include";

/// A file that was named by another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// Its name, as faults show it; always the same for one file.
    pub name: String,
    /// What stands in it: secrets too, so it is wiped when it is dropped.
    pub text: Zeroizing<String>,
}

/// Finds the files that a pattern names, sorted by name; the first text is the name of the file that
/// names them, and what they stand relative to. Or says why they cannot be read.
pub type Find<'a> = dyn Fn(&str, &str) -> Result<Vec<Included>, String> + 'a;

/// What finds none: for texts that are no files.
///
/// # Errors
///
/// Always.
pub fn no_includes(_file: &str, _pattern: &str) -> Result<Vec<Included>, String> {
    Err("no other files are read here".to_owned())
}

/// Lays everything that a file includes into its tree.
pub(crate) fn merge(root: &mut Node, file_name: &str, find: &Find<'_>, faults: &mut Faults) {
    let chain = vec![file_name.to_owned()];
    let mut including = Including {
        find,
        read: BTreeSet::from([file_name.to_owned()]),
        bytes_left: tree::TEXT_BYTES_MAX,
        faults,
    };
    let named = take(root);
    including.all(root, &chain, named);
}

/// What is included so far.
struct Including<'a, 'f> {
    find: &'a Find<'a>,
    read: BTreeSet<String>,
    /// Of all texts together; as much as one file may have.
    bytes_left: usize,
    faults: &'f mut Faults,
}

impl Including<'_, '_> {
    /// Includes what the last file of a chain names.
    fn all(&mut self, root: &mut Node, chain: &[String], named: Vec<(String, Position)>) {
        let Some(file) = chain.last() else { return };
        for (pattern, at) in named {
            if chain.len() > DEPTH_MAX {
                let message = format!("{KEY}: files include one another deeper than {DEPTH_MAX}");
                self.faults.fault(at, message);
                continue;
            }
            match (self.find)(file, &pattern) {
                Ok(found) => {
                    for included in found {
                        self.one(root, chain, at, included);
                    }
                }
                Err(why) => self.faults.fault(at, format!("{KEY}: {}: {why}", clip(&pattern))),
            }
        }
    }

    fn one(&mut self, root: &mut Node, chain: &[String], at: Position, included: Included) {
        let Included { name, text } = included;
        if chain.contains(&name) {
            let circle: Vec<&str> = chain.iter().chain([&name]).map(String::as_str).collect();
            let message = format!("{KEY}: a circle: {}", circle.join(" -> "));
            return self.faults.fault(at, message);
        }
        // Two patterns may name one file: it counts once.
        if self.read.contains(&name) {
            return;
        }
        let left = self.bytes_left.checked_sub(text.len());
        let (Some(left), true) = (left, self.read.len() < FILES_MAX) else {
            let bytes_max = tree::TEXT_BYTES_MAX;
            let message = format!(
                "{KEY}: {name}: more than {FILES_MAX} files, or than {bytes_max} bytes together"
            );
            return self.faults.fault(at, message);
        };
        self.bytes_left = left;
        self.read.insert(name.clone());
        let source = self.faults.source_of_file(&name);
        let Some(mut node) = tree::parse(&text, source, self.faults) else { return };
        old::rename(&mut node, self.faults);
        let named = take(&mut node);
        join(root, node, "", self.faults);
        let chain = [chain, &[name]].concat();
        self.all(root, &chain, named);
    }
}

/// Cuts out what a file names. What is not of that form stays, for the check to say so.
fn take(root: &mut Node) -> Vec<(String, Position)> {
    let Value::Map(entries) = &mut root.value else { return Vec::new() };
    let Some(index) = entries.iter().position(|entry| entry.key == KEY) else { return Vec::new() };
    let text = |node: &Node| match &node.value {
        Value::Text(text) => Some((text.clone(), node.at)),
        _ => None,
    };
    let node = entries.get(index).map(|entry| &entry.node);
    let named: Option<Vec<_>> = node.and_then(|node| match &node.value {
        Value::Null => Some(Vec::new()),
        Value::List(items) => items.iter().map(text).collect(),
        _ => text(node).map(|named| vec![named]),
    });
    named.map_or_else(Vec::new, |named| {
        entries.remove(index);
        named
    })
}

/// Lays one tree into another; `path` is where.
fn join(into: &mut Node, from: Node, path: &str, faults: &mut Faults) {
    match (&mut into.value, from.value) {
        (_, Value::Null) => {}
        (there @ Value::Null, value) => *there = value,
        (Value::List(there), Value::List(more)) => there.extend(more),
        (Value::Map(there), Value::Map(more)) => {
            for entry in more {
                match there.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) => {
                        let path = if path.is_empty() {
                            entry.key.clone()
                        } else {
                            format!("{path}.{}", entry.key)
                        };
                        let Entry { key_at, mut node, .. } = entry;
                        // A list's own place is its first item; the key says more.
                        node.at = key_at;
                        let known_at = known.key_at;
                        join_at(known_at, &mut known.node, node, &path, faults);
                    }
                    None => there.push(entry),
                }
            }
        }
        (..) => {
            let place = faults.place(into.at);
            faults.fault(from.at, format!("{}: {place} sets it already", clip(path)));
        }
    }
}

/// The same, where what is there has its key somewhere.
fn join_at(known_at: Position, known: &mut Node, from: Node, path: &str, faults: &mut Faults) {
    let at = std::mem::replace(&mut known.at, known_at);
    join(known, from, path, faults);
    known.at = at;
}
