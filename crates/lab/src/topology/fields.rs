//! Taking a map of the file apart, key by key; a key that nobody took is a fault.

use std::fmt::Display;
use std::str::FromStr;

use super::{TopologyError, at};
use crate::yaml::{Node, Value};

/// The keys of one map that are not read yet.
pub(super) struct Fields {
    what: &'static str,
    line: usize,
    entries: Vec<(String, Node)>,
}

impl Fields {
    pub(super) fn of(node: Node, what: &'static str) -> Result<Self, TopologyError> {
        match node.value {
            Value::Map(entries) => Ok(Self { what, line: node.line, entries }),
            _ => Err(at(node.line, format!("{what} is a map of keys and values"))),
        }
    }

    pub(super) const fn line(&self) -> usize {
        self.line
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        let position = self.entries.iter().position(|(known, _)| known == key)?;
        Some(self.entries.remove(position).1)
    }

    pub(super) fn need(&mut self, key: &str) -> Result<Node, TopologyError> {
        let fault = at(self.line, format!("{} needs the key {key}", self.what));
        self.take(key).ok_or(fault)
    }

    pub(super) fn need_text(&mut self, key: &str) -> Result<(String, usize), TopologyError> {
        text(self.need(key)?)
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, TopologyError> {
        Ok(self.take(key).map(text).transpose()?.map(|(text, _)| text))
    }

    /// A name that can stand in a path, in a host name and in a command.
    pub(super) fn name(&mut self, key: &str) -> Result<String, TopologyError> {
        let (name, line) = self.need_text(key)?;
        if is_name(&name) {
            return Ok(name);
        }
        Err(at(line, format!("{key} has 1 to 32 characters of a-z, 0-9 and '-', not {name:?}")))
    }

    pub(super) fn list(&mut self, key: &str) -> Result<Vec<Node>, TopologyError> {
        list(self.need(key)?)
    }

    pub(super) fn optional_list(&mut self, key: &str) -> Result<Vec<Node>, TopologyError> {
        self.take(key).map_or(Ok(Vec::new()), list)
    }

    /// A number from 0 to `max`, multiplied with `scale`.
    pub(super) fn number(
        &mut self,
        key: &str,
        max: f64,
        scale: f64,
    ) -> Result<Option<u32>, TopologyError> {
        self.take(key).map(|node| number(node, max, scale)).transpose()
    }

    /// Refuses the keys that nobody took.
    pub(super) fn finish(self) -> Result<(), TopologyError> {
        match self.entries.first() {
            Some((key, node)) => Err(at(node.line, format!("{} has no key {key:?}", self.what))),
            None => Ok(()),
        }
    }
}

/// Can it stand in a path, in a host name (RFC 1123) and in a command?
pub(crate) fn is_name(name: &str) -> bool {
    let stands = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=32).contains(&name.len()) && name.chars().all(stands) && !name.starts_with('-')
}

pub(super) fn text(node: Node) -> Result<(String, usize), TopologyError> {
    match node.value {
        Value::Text(text) => Ok((text, node.line)),
        _ => Err(at(node.line, "a plain text belongs here".into())),
    }
}

pub(super) fn parsed<T: FromStr<Err: Display>>(node: Node) -> Result<T, TopologyError> {
    let (text, line) = text(node)?;
    text.parse().map_err(|error: T::Err| at(line, format!("{text:?}: {error}")))
}

pub(super) fn number(node: Node, max: f64, scale: f64) -> Result<u32, TopologyError> {
    let (text, line) = text(node)?;
    match text.parse::<f64>() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 10 million by the guard"
        )]
        Ok(number) if (0.0..=max).contains(&number) => Ok((number * scale).round() as u32),
        _ => Err(at(line, format!("a number from 0 to {max} belongs here, not {text:?}"))),
    }
}

pub(super) fn triple(node: Node, what: &str) -> Result<[Node; 3], TopologyError> {
    let line = node.line;
    list(node)?.try_into().map_err(|_| at(line, format!("{what} belongs here")))
}

pub(super) fn pair(node: Node, what: &str) -> Result<[Node; 2], TopologyError> {
    let line = node.line;
    list(node)?.try_into().map_err(|_| at(line, format!("{what} belongs here")))
}

fn list(node: Node) -> Result<Vec<Node>, TopologyError> {
    match node.value {
        Value::List(items) => Ok(items),
        _ => Err(at(node.line, "a list belongs here".into())),
    }
}
