//! The tree against the table: unknown keys, wrong types, values out of range, missing keys; and
//! the defaults of what is not given.
//!
//! Collects, never stops. Knows single values only: rules between keys are in `relations`.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::{Faults, Position};
use crate::gone;
use crate::keys::{self, Key, Unset};
use crate::kind::{Kind, Scalar};
use crate::section::{Checked, Section, Value};
use crate::settings::ModeName;
use crate::suggest;
use crate::tree::{self, Entry, Node};
use crate::values::clip;

/// Keys at the root that an agent reads; an overwatch reads all but `agent`.
const READ_BY_AGENTS: [&str; 5] = ["mode", "logging", "metrics", "sandbox", "agent"];

/// The secrets of `examples/agent.yaml` and `examples/overwatch.yaml`, which everybody can read.
const PUBLISHED: [&str; 3] = [
    "cmVwbGFjZSB0aGlzOiAzMiByYW5kb20gYnl0ZXMgISE=",
    "replace-me-with-a-long-random-text",
    "replace-me-with-another-random-text",
];

/// Checks a whole file. The result holds only what `mode` reads; the rest is checked as far as it
/// is given, and dropped. Without a mode nothing is missed, and nothing kept.
pub(crate) fn check(
    root: &Node,
    mode: Option<ModeName>,
    host_name: &str,
    faults: &mut Faults,
) -> Section {
    let mut check = Check { host_name, settled: BTreeMap::new(), faults };
    let keys = keys::children("");
    let place = Place { shown: String::new(), at: Position::START, is_read: false };
    let mut section = Section { at: Position::START, keys: Vec::new() };
    if !matches!(root.value, tree::Value::Map(_)) {
        check.mismatch(&place, root, "a map of keys");
        return section;
    }
    for key in &keys {
        let is_agents = READ_BY_AGENTS.contains(&key.name());
        let is_read = match mode {
            Some(ModeName::Agent) => is_agents,
            Some(ModeName::Overwatch) => key.name() != "agent",
            None => false,
        };
        let is_given = root.entries().iter().any(|entry| entry.key == key.name());
        if !is_read && !is_given {
            continue;
        }
        let place = Place { is_read, ..place.clone() };
        let checked = check.key(key, &place, root.entries(), &section);
        if let Some(checked) = checked.filter(|_| is_read) {
            section.keys.push((key.name(), checked));
        }
    }
    check.unknown(&keys, &place, root.entries());
    section
}

/// Where the check is.
#[derive(Clone)]
struct Place {
    /// The path as faults show it.
    shown: String,
    /// Where the section, or the value, stands.
    at: Position,
    /// Whether this process reads it, so that what is required must be there.
    is_read: bool,
}

impl Place {
    fn below(&self, name: &str, at: Position) -> Self {
        let dot = if self.shown.is_empty() { "" } else { "." };
        Self { shown: format!("{}{dot}{name}", self.shown), at, is_read: self.is_read }
    }

    fn item(&self, at: Position) -> Self {
        Self { shown: format!("{}[]", self.shown), at, is_read: self.is_read }
    }
}

struct Check<'a> {
    host_name: &'a str,
    /// The texts of scalars by path, the last in a list, for keys that take them as their default.
    settled: BTreeMap<&'static str, String>,
    faults: &'a mut Faults,
}

impl Check<'_> {
    /// A map against the keys that may stand in it.
    fn section(&mut self, keys: &[&'static Key], place: &Place, entries: &[Entry]) -> Section {
        let mut section = Section { at: place.at, keys: Vec::new() };
        for key in keys {
            if let Some(checked) = self.key(key, place, entries, &section) {
                section.keys.push((key.name(), checked));
            }
        }
        self.unknown(keys, place, entries);
        section
    }

    /// One key of a map, given or not.
    fn key(
        &mut self,
        key: &'static Key,
        place: &Place,
        entries: &[Entry],
        before: &Section,
    ) -> Option<Checked> {
        let given = entries.iter().find(|entry| entry.key == key.name());
        // A key with nothing behind it is a key that is not given.
        let place = place.below(key.name(), given.map_or(place.at, |entry| entry.key_at));
        let checked = match given.filter(|entry| entry.node.value != tree::Value::Null) {
            Some(entry) => self.value(key, &place, &entry.node),
            None if is_mistyped(key, entries) => None,
            None => self.unset(key, &place, before),
        };
        if let Some(text) = checked.as_ref().and_then(Checked::text) {
            self.settled.insert(key.path, text.to_owned());
        }
        checked
    }

    fn value(&mut self, key: &'static Key, place: &Place, node: &Node) -> Option<Checked> {
        let value = match (key.kind, &node.value) {
            (Kind::Section, tree::Value::Map(entries)) => {
                Value::Section(self.section(&keys::children(key.path), place, entries))
            }
            (Kind::Like(shape), tree::Value::Map(entries)) => {
                Value::Section(self.section(&keys::children(shape), place, entries))
            }
            (Kind::Sections { .. }, tree::Value::List(items)) => {
                self.count(key, place, node.at, items.len())?;
                self.sections(key, place, items)
            }
            (Kind::Sections { old_map: Some(names), .. }, tree::Value::Map(entries)) => {
                self.count(key, place, node.at, entries.len())?;
                let message = format!("{} is now a list of {}", place.shown, names.join(", "));
                self.faults.warn(place.at, message);
                self.sections(key, place, &from_old_map(names, entries))
            }
            (Kind::List { of, .. } | Kind::OneOrList { of, .. }, tree::Value::List(items)) => {
                self.count(key, place, node.at, items.len())?;
                self.scalars(of, place, items)
            }
            (Kind::OneOrList { of, .. }, tree::Value::Text(_)) => {
                Value::List(vec![self.scalar(of, place, node)?])
            }
            (Kind::One(scalar), _) => return self.scalar(&scalar, place, node),
            (kind, _) => {
                self.mismatch(place, node, &kind.expected());
                return None;
            }
        };
        Some(Checked { at: node.at, value })
    }

    /// Whether a list has neither too few nor too many items.
    fn count(&mut self, key: &Key, place: &Place, at: Position, found: usize) -> Option<()> {
        let (min, max) = match key.kind {
            Kind::Sections { min, max, .. } | Kind::List { min, max, .. } => (min, max),
            Kind::OneOrList { max, .. } => (1, max),
            Kind::Section | Kind::Like(_) | Kind::One(_) => return Some(()),
        };
        if (min..=max).contains(&found) {
            return Some(());
        }
        let expected = key.kind.expected();
        self.faults.fault(at, format!("{}: expected {expected}, found {found}", place.shown));
        None
    }

    fn sections(&mut self, key: &Key, place: &Place, items: &[Node]) -> Value {
        let keys = keys::children(&format!("{}[]", key.path));
        let mut list = Vec::new();
        for item in items {
            let place = place.item(item.at);
            let whole = whole(key, item);
            let item = whole.as_ref().unwrap_or(item);
            if matches!(item.value, tree::Value::Map(_)) {
                let section = self.section(&keys, &place, item.entries());
                list.push(Checked { at: item.at, value: Value::Section(section) });
            } else {
                self.mismatch(&place, item, "a map of keys");
            }
        }
        Value::List(list)
    }

    fn scalars(&mut self, of: &Scalar, place: &Place, items: &[Node]) -> Value {
        let mut list = Vec::new();
        let mut seen = BTreeSet::new();
        for item in items {
            let place = place.item(item.at);
            let Some(checked) = self.scalar(of, &place, item) else { continue };
            let text = checked.text().unwrap_or_default().to_owned();
            let shown = if of.is_secret() { "the same".to_owned() } else { clip(&text) };
            if seen.insert(text) || of.may_repeat() {
                list.push(checked);
            } else {
                self.faults.fault(item.at, format!("{}: {shown} is here twice", place.shown));
            }
        }
        Value::List(list)
    }

    fn scalar(&mut self, scalar: &Scalar, place: &Place, node: &Node) -> Option<Checked> {
        let tree::Value::Text(text) = &node.value else {
            self.mismatch(place, node, &scalar.expected());
            return None;
        };
        match scalar.check(text) {
            Ok(text) if scalar.is_secret() => {
                if PUBLISHED.contains(&text.as_str()) {
                    let message = format!(
                        "{} is that of the example, which everybody can read: make one of your own \
                         with `openssl rand -base64 32`",
                        place.shown
                    );
                    self.faults.warn(node.at, message);
                }
                Some(Checked { at: node.at, value: Value::Secret(text) })
            }
            Ok(text) => Some(Checked { at: node.at, value: Value::Text(text) }),
            Err(found) => {
                let expected = scalar.expected();
                let message = format!("{}: expected {expected}, {found}", place.shown);
                self.faults.fault(node.at, message);
                None
            }
        }
    }

    /// What holds where a key is not given.
    fn unset(&mut self, key: &'static Key, place: &Place, before: &Section) -> Option<Checked> {
        match key.unset {
            Unset::Required if place.is_read => {
                let expected = key.kind.expected();
                let message = format!("{} is missing: expected {expected}", place.shown);
                self.faults.fault(place.at, message);
                None
            }
            Unset::Required => None,
            Unset::Default(yaml) => {
                let mut node = tree::parse(yaml, place.at.source, self.faults)?;
                place_at(&mut node, place.at);
                self.value(key, place, &node)
            }
            Unset::Same(name) => {
                let text = match before.text(name) {
                    Some(text) => text.to_owned(),
                    None => self.settled.get(name)?.clone(),
                };
                Some(Checked { at: place.at, value: Value::Text(text) })
            }
            Unset::HostName => {
                let node =
                    Node { at: place.at, value: tree::Value::Text(self.host_name.to_owned()) };
                self.value(key, place, &node)
            }
            Unset::Nothing(_) if matches!(key.kind, Kind::Section | Kind::Like(_)) => {
                let node = Node { at: place.at, value: tree::Value::Map(Vec::new()) };
                self.value(key, place, &node)
            }
            Unset::Nothing(_) => None,
        }
    }

    fn unknown(&mut self, keys: &[&'static Key], place: &Place, entries: &[Entry]) {
        for entry in entries {
            if keys.iter().any(|key| key.name() == entry.key) {
                continue;
            }
            let shown = if place.shown.is_empty() { "the file" } else { &place.shown };
            let path = place.below(&entry.key, entry.key_at).shown;
            let instead = gone::instead_of(&path).map(|instead| format!(": {instead}"));
            let hint = instead.unwrap_or_else(|| hint(&entry.key, keys));
            let message = format!("unknown key {} in {shown}{hint}", clip(&entry.key));
            self.faults.fault(entry.key_at, message);
        }
    }

    fn mismatch(&mut self, place: &Place, node: &Node, expected: &str) {
        let found = match &node.value {
            tree::Value::Null => "nothing",
            tree::Value::Text(_) => "a single value",
            tree::Value::List(_) => "a list",
            tree::Value::Map(_) => "a map",
        };
        let colon = if place.shown.is_empty() { "" } else { ": " };
        let message = format!("{}{colon}expected {expected}, found {found}", place.shown);
        self.faults.fault(node.at, message);
    }
}

/// Whether an unknown key beside it is this required one, mistyped: one mistake is one fault.
fn is_mistyped(key: &Key, entries: &[Entry]) -> bool {
    if key.unset != Unset::Required {
        return false;
    }
    let keys = keys::children(key.parent());
    let names = || keys.iter().map(|key| key.name());
    let mut unknown = entries.iter().filter(|entry| names().all(|name| name != entry.key));
    unknown.any(|entry| suggest::nearest(&entry.key, names()) == Some(key.name()))
}

/// What may have been meant by an unknown key: one like it here, or the same one elsewhere.
fn hint(unknown: &str, keys: &[&'static Key]) -> String {
    if let Some(near) = suggest::nearest(unknown, keys.iter().map(|key| key.name())) {
        return format!(": did you mean `{near}`?");
    }
    let mut elsewhere =
        keys::all().filter(|key| key.name() == unknown && !key.path.starts_with('<'));
    match (elsewhere.next(), elsewhere.next()) {
        (Some(key), None) => format!(": did you mean `{}`?", key.path),
        _ => {
            let names: Vec<&str> = keys.iter().map(|key| key.name()).collect();
            format!(": expected one of {}", names.join(", "))
        }
    }
}

/// An item that is written as a single value, as the map that it means.
fn whole(key: &Key, item: &Node) -> Option<Node> {
    let (Kind::Sections { bare: Some(name), .. }, tree::Value::Text(_)) = (key.kind, &item.value)
    else {
        return None;
    };
    let entry = Entry { key: name.to_owned(), key_at: item.at, node: item.clone() };
    Some(Node { at: item.at, value: tree::Value::Map(vec![entry]) })
}

/// `{a: b}` as `[{first: a, second: b}]`.
fn from_old_map([first, second]: [&'static str; 2], entries: &[Entry]) -> Vec<Node> {
    let item = |entry: &Entry| {
        let at = entry.key_at;
        let name = Node { at, value: tree::Value::Text(entry.key.clone()) };
        let pair = vec![
            Entry { key: first.to_owned(), key_at: at, node: name },
            Entry { key: second.to_owned(), key_at: at, node: entry.node.clone() },
        ];
        Node { at, value: tree::Value::Map(pair) }
    };
    entries.iter().map(item).collect()
}

/// Gives a default the place of what it stands in for.
fn place_at(node: &mut Node, at: Position) {
    node.at = at;
    if let tree::Value::List(items) = &mut node.value {
        for item in items {
            place_at(item, at);
        }
    }
}
