//! Old names: what stands under one is moved to where it stands now, with a warning.
//!
//! Works on the tree before it is checked, so that nothing behind it knows that a key ever had
//! another name.

use crate::fault::{Faults, Position};
use crate::keys::{self, Key, Old};
use crate::tree::{Entry, Node, Value};
use crate::values::clip;

/// Moves every old name of the table.
pub(crate) fn rename(root: &mut Node, faults: &mut Faults) {
    for key in keys::all() {
        if let Some(old) = &key.old
            && let Some(entry) = take(root, old.path)
        {
            adopt(root, key, old, entry, faults);
        }
    }
}

/// Puts the value of an old name under the new one.
fn adopt(root: &mut Node, key: &Key, old: &Old, mut entry: Entry, faults: &mut Faults) {
    let at = entry.key_at;
    if !translate(old, &mut entry.node, faults) {
        return;
    }
    let value = match &entry.node.value {
        Value::Text(text) => format!(": {text}"),
        _ => String::new(),
    };
    let new = key.path;
    match put(root, new, entry) {
        Put::Done => faults.warn(at, format!("{} is now `{new}{value}`", old.path)),
        Put::Taken(line) => {
            let message = format!("{} is the old name of {new}, which line {line} sets", old.path);
            faults.fault(at, message);
        }
        // What is in the way is a fault of its own, found when the tree is checked.
        Put::Blocked => {}
    }
}

/// Turns an old value into the new one; false if it is neither.
fn translate(old: &Old, node: &mut Node, faults: &mut Faults) -> bool {
    if old.values.is_empty() {
        return true;
    }
    let given = if let Value::Text(text) = &node.value { text.as_str() } else { "" };
    let known = old.values.iter().find(|(word, _)| word.eq_ignore_ascii_case(given));
    match known {
        Some((_, new)) => {
            node.value = Value::Text((*new).to_owned());
            true
        }
        None => {
            let words: Vec<String> =
                old.values.iter().map(|(word, _)| format!("`{word}`")).collect();
            let words = words.join(" or ");
            let message = format!("{}: expected {words}, found {}", old.path, clip(given));
            faults.fault(node.at, message);
            false
        }
    }
}

/// Cuts the entry at `path` out of the tree.
fn take(node: &mut Node, path: &str) -> Option<Entry> {
    let Value::Map(entries) = &mut node.value else { return None };
    let (first, rest) =
        path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let index = entries.iter().position(|entry| entry.key == first)?;
    match rest {
        None => Some(entries.remove(index)),
        Some(rest) => take(&mut entries.get_mut(index)?.node, rest),
    }
}

enum Put {
    Done,
    /// The line that has it already.
    Taken(usize),
    /// Something on the way is no map.
    Blocked,
}

/// Puts the entry's value to `path`, making the maps on the way.
fn put(node: &mut Node, path: &str, entry: Entry) -> Put {
    if node.value == Value::Null {
        node.value = Value::Map(Vec::new());
    }
    let Value::Map(entries) = &mut node.value else { return Put::Blocked };
    let (first, rest) =
        path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let there = entries.iter_mut().find(|there| there.key == first);
    match (there, rest) {
        (Some(there), Some(rest)) => put(&mut there.node, rest, entry),
        (Some(there), None) => Put::Taken(there.key_at.line),
        (None, None) => {
            entries.push(Entry { key: first.to_owned(), ..entry });
            Put::Done
        }
        (None, Some(rest)) => {
            let mut made = empty(entry.key_at);
            let put = put(&mut made, rest, entry);
            entries.push(Entry { key: first.to_owned(), key_at: made.at, node: made });
            put
        }
    }
}

fn empty(at: Position) -> Node {
    Node { at, value: Value::Map(Vec::new()) }
}
