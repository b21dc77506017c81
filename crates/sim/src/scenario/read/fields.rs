//! A map of a scenario, key by key: each is taken once, and none may be left.

use crate::yaml::{Fault, Node, Value};

/// The keys of a map that nobody asked for yet.
pub(super) struct Fields<'n> {
    pub(super) line: usize,
    left: Vec<&'n (String, usize, Node)>,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    pub(super) fn of(node: &'n Node) -> Result<Self, Fault> {
        let Value::Map(entries) = &node.value else {
            return Err(Fault::at(node.line, "expected keys and values"));
        };
        Ok(Self { line: node.line, left: entries.iter().collect(), known: Vec::new() })
    }

    fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let place = self.left.iter().position(|(name, _, _)| name == key)?;
        Some(&self.left.swap_remove(place).2)
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Fault> {
        let first = self.left.iter().min_by_key(|(_, line, _)| *line);
        first.map_or(Ok(()), |(name, line, _)| {
            let known = self.known.join(", ");
            Err(Fault::at(*line, format!("there is no key {name:?} here; there are {known}")))
        })
    }

    pub(super) fn optional(
        &mut self,
        key: &'static str,
        within: (f64, f64),
    ) -> Result<Option<f64>, Fault> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let number = text_of(node).and_then(|text| text.parse::<f64>().ok());
        let (least, most) = within;
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(Fault::at(node.line, format!("{key} is a number from {least} to {most}"))),
        }
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        into: &mut f64,
        within: (f64, f64),
    ) -> Result<(), Fault> {
        *into = self.optional(key, within)?.unwrap_or(*into);
        Ok(())
    }

    pub(super) fn needed(&mut self, key: &'static str, within: (f64, f64)) -> Result<f64, Fault> {
        let found = self.optional(key, within)?;
        found.ok_or_else(|| Fault::at(self.line, format!("{key} is missing")))
    }

    pub(super) fn whole<N>(
        &mut self,
        key: &'static str,
        into: &mut N,
        (least, most): (N, N),
    ) -> Result<(), Fault>
    where
        N: std::str::FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(node) = self.take(key) else { return Ok(()) };
        let number = text_of(node).and_then(|text| text.parse::<N>().ok());
        let fault =
            || Fault::at(node.line, format!("{key} is a whole number from {least} to {most}"));
        *into = number.filter(|number| (&least..=&most).contains(&number)).ok_or_else(fault)?;
        Ok(())
    }

    pub(super) fn truth(&mut self, key: &'static str, into: &mut bool) -> Result<(), Fault> {
        let Some(node) = self.take(key) else { return Ok(()) };
        *into = match text_of(node) {
            Some("true") => true,
            Some("false") => false,
            _ => return Err(Fault::at(node.line, format!("{key} is true or false"))),
        };
        Ok(())
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, Fault> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let text = text_of(node).filter(|text| !text.is_empty());
        let fault = || Fault::at(node.line, format!("{key} is a name"));
        text.map(|text| Some(text.to_owned())).ok_or_else(fault)
    }

    pub(super) fn needed_text(&mut self, key: &'static str) -> Result<String, Fault> {
        self.text(key)?.ok_or_else(|| Fault::at(self.line, format!("{key} is missing")))
    }

    /// A list of names; at least one.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Vec<String>, Fault> {
        let fault = |line| Fault::at(line, format!("{key} is a list of names"));
        let Some(node) = self.take(key) else { return Err(fault(self.line)) };
        let Value::List(items) = &node.value else { return Err(fault(node.line)) };
        let name = |item: &Node| {
            let text = text_of(item).filter(|text| !text.is_empty());
            text.map(ToOwned::to_owned).ok_or_else(|| fault(item.line))
        };
        match items.iter().map(name).collect::<Result<Vec<String>, Fault>>()? {
            names if names.is_empty() => Err(fault(node.line)),
            names => Ok(names),
        }
    }

    pub(super) fn section(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Some(node) = self.take(key) else { return Ok(()) };
        let mut map = Fields::of(node)?;
        read(&mut map)?;
        map.end()
    }

    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Fields<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let Some(node) = self.take(key) else { return Ok(Vec::new()) };
        let Value::List(items) = &node.value else {
            return Err(Fault::at(node.line, format!("{key} is a list")));
        };
        let item = |node| {
            let mut map = Fields::of(node)?;
            let value = read(&mut map)?;
            map.end()?;
            Ok(value)
        };
        items.iter().map(item).collect()
    }
}

fn text_of(node: &Node) -> Option<&str> {
    if let Value::Text(text) = &node.value { Some(text) } else { None }
}
