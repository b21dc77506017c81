//! The tree after the check: every key known, every value in range, defaults filled in.
//!
//! A key that was at fault is absent, as is one that is optional and not given. So rules between
//! keys can be tried on what is left of a faulty file; settings are built only from a clean one.

use std::str::FromStr;

use crate::fault::Position;

/// A map of checked keys, in the order of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Section {
    /// Where the section is named.
    pub(crate) at: Position,
    /// Its keys.
    pub(crate) keys: Vec<(&'static str, Checked)>,
}

/// A checked value and its place; a default stands where its section is named.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checked {
    /// Where it stands.
    pub(crate) at: Position,
    /// What it is.
    pub(crate) value: Value,
}

/// What a checked value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A scalar in the form in which it is printed and parsed.
    Text(String),
    /// The same, not to be printed.
    Secret(String),
    /// A list of scalars or of sections.
    List(Vec<Checked>),
    /// A map.
    Section(Section),
}

/// What an absent section reads as.
static EMPTY: Section = Section { at: Position::START, keys: Vec::new() };

impl Checked {
    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Secret(text) => Some(text),
            Value::List(_) | Value::Section(_) => None,
        }
    }
}

impl Section {
    fn find(&self, name: &str) -> Option<&Checked> {
        self.keys.iter().find(|(key, _)| *key == name).map(|(_, checked)| checked)
    }

    /// Where a key's value stands; the section's own place if it has none.
    pub(crate) fn at(&self, name: &str) -> Position {
        self.find(name).map_or(self.at, |checked| checked.at)
    }

    /// Whether a key is given, or has a default.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A scalar as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.find(name)?.text()
    }

    /// A scalar as what it means.
    pub(crate) fn get<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// A duration.
    pub(crate) fn ms(&self, name: &str) -> Option<u64> {
        self.get::<crate::values::Milliseconds>(name).map(|duration| duration.0)
    }

    /// A map; one without keys if it is absent.
    pub(crate) fn section(&self, name: &str) -> &Self {
        match self.find(name).map(|checked| &checked.value) {
            Some(Value::Section(section)) => section,
            _ => &EMPTY,
        }
    }

    fn items(&self, name: &str) -> &[Checked] {
        match self.find(name).map(|checked| &checked.value) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// The items of a list of maps.
    pub(crate) fn sections(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.items(name).iter().filter_map(|item| match &item.value {
            Value::Section(section) => Some(section),
            _ => None,
        })
    }

    /// The items of a list of scalars, each with its place.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = (&str, Position)> {
        self.items(name).iter().filter_map(|item| Some((item.text()?, item.at)))
    }

    /// The items of a list of scalars as what they mean; `None` if one means nothing.
    pub(crate) fn list<T: FromStr>(&self, name: &str) -> Option<Vec<T>> {
        self.texts(name).map(|(text, _)| text.parse().ok()).collect()
    }
}
