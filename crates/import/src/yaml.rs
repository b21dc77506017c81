//! YAML to values in their order, and back to YAML.
//!
//! The text is somebody's file: its size, depth and number of nodes are limited, aliases included. It
//! has no types: a scalar is the text that stands there.

mod write;

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

pub(crate) use write::write;

/// The longest text: that of a configuration file. Beyond it nothing is read.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Files of the other program are at most 7 deep.
const DEPTH_MAX: usize = 32;
/// All nodes, those of expanded aliases included: as many as a configuration file may have.
const NODES_MAX: usize = 1_000_000;

/// What stands somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Any scalar.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A map, in its order.
    Map(Map),
}

impl Value {
    /// A scalar.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of scalars.
    pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// Of a scalar.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// The maps in a list; none of anything else.
    pub(crate) fn maps(&mut self) -> impl Iterator<Item = &mut Map> {
        let items = if let Self::List(items) = self { items.as_mut_slice() } else { &mut [] };
        items.iter_mut().filter_map(|item| if let Self::Map(map) = item { Some(map) } else { None })
    }

    /// Of a map.
    pub(crate) fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }
}

/// Keys and values in their order, no key twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Map(pub(crate) Vec<(String, Value)>);

impl Map {
    /// A map of scalars.
    pub(crate) fn of(entries: &[(&str, &str)]) -> Self {
        let entries = entries.iter().map(|(key, text)| ((*key).to_owned(), Value::text(*text)));
        Self(entries.collect())
    }

    /// What stands under a key that may hold dots.
    pub(crate) fn at(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// What stands under a path, as in `overwatch.gossip`.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let (_, value) = self.0.iter().find(|(key, _)| key == first)?;
        rest.map_or(Some(value), |rest| value.as_map()?.get(rest))
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, path: &str) -> Option<&mut Value> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let (_, value) = self.0.iter_mut().find(|(key, _)| key == first)?;
        match (rest, value) {
            (None, value) => Some(value),
            (Some(rest), Value::Map(map)) => map.get_mut(rest),
            (Some(_), _) => None,
        }
    }

    /// The scalar under a path.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_text()
    }

    /// The maps of the list under a path; none where there is none.
    pub(crate) fn maps(&mut self, path: &str) -> impl Iterator<Item = &mut Self> {
        self.get_mut(path).into_iter().flat_map(Value::maps)
    }

    /// Cuts out what stands under a path.
    pub(crate) fn take(&mut self, path: &str) -> Option<Value> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let at = self.0.iter().position(|(key, _)| key == first)?;
        match rest {
            None => Some(self.0.remove(at).1),
            Some(rest) => match self.0.get_mut(at) {
                Some((_, Value::Map(map))) => map.take(rest),
                _ => None,
            },
        }
    }

    /// Puts a value under a path; what is no map on the way becomes one.
    pub(crate) fn set(&mut self, path: &str, value: Value) {
        let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let at = self.0.iter().position(|(key, _)| key == first).unwrap_or_else(|| {
            self.0.push((first.to_owned(), Value::Null));
            self.0.len() - 1
        });
        let Some((_, there)) = self.0.get_mut(at) else { return };
        match rest {
            None => *there = value,
            Some(rest) => {
                if !matches!(there, Value::Map(_)) {
                    *there = Value::Map(Self::default());
                }
                if let Value::Map(map) = there {
                    map.set(rest, value);
                }
            }
        }
    }
}

/// Reads one document that is a map; or says what is wrong.
pub(crate) fn read(text: &str) -> Result<Map, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("the file has more than {TEXT_BYTES_MAX} bytes"));
    }
    let events = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut reader = Reader { events, anchors: BTreeMap::new(), nodes_left: NODES_MAX };
    let mut root = None;
    loop {
        match reader.next()? {
            Event::StreamEnd => break,
            Event::DocumentStart(_) if root.is_some() => {
                return Err("the file has more than one document".to_owned());
            }
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
            event => root = Some(reader.value(event, 0)?),
        }
    }
    match root {
        Some(Value::Map(map)) => Ok(map),
        None | Some(Value::Null) => Ok(Map::default()),
        Some(_) => Err("the file is no map of keys".to_owned()),
    }
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    /// With the number of nodes that each costs.
    anchors: BTreeMap<usize, (Value, usize)>,
    nodes_left: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Event<'t>, String> {
        let event = self.events.next_event().ok_or("the file ends too early")?;
        event.map(|(event, _)| event).map_err(|error| {
            let at = error.marker();
            format!("line {}: no YAML: {}", at.line(), error.info())
        })
    }

    fn spend(&mut self, nodes: usize) -> Result<(), String> {
        let left = self.nodes_left.checked_sub(nodes);
        self.nodes_left = left.ok_or_else(|| format!("more than {NODES_MAX} values"))?;
        Ok(())
    }

    fn value(&mut self, event: Event<'t>, depth: usize) -> Result<Value, String> {
        let before = self.nodes_left;
        self.spend(1)?;
        if depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}"));
        }
        let (value, anchor) = match event {
            Event::Alias(id) => {
                let (value, nodes) =
                    self.anchors.get(&id).cloned().ok_or("an alias for nothing")?;
                self.spend(nodes)?;
                return Ok(value);
            }
            Event::Scalar(text, style, anchor, _) => {
                let is_null = style == ScalarStyle::Plain && ["", "~", "null"].contains(&&*text);
                let value = if is_null { Value::Null } else { Value::text(text) };
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            _ => return Err("no YAML: a value was expected".to_owned()),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), before - self.nodes_left));
        }
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::List(items)),
                event => items.push(self.value(event, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, String> {
        let mut entries = BTreeMap::new();
        let mut order = Vec::new();
        loop {
            let event = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.value(event, depth + 1)?;
            let event = self.next()?;
            let value = self.value(event, depth + 1)?;
            let Value::Text(key) = key else { return Err("a key that is no word".to_owned()) };
            if entries.insert(key.clone(), value).is_some() {
                return Err(format!("{key} is there twice in one map"));
            }
            order.push(key);
        }
        let entry = |key: String| entries.remove(&key).map(|value| (key, value));
        Ok(Value::Map(Map(order.into_iter().filter_map(entry).collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_the_same() {
        let text =
            "a: &x {b: [1, ':53', \"two words\"], c: ~}\nd: *x\ne: ''\nf: '#no'\n'g h': [{}]\n";
        let map = read(text).unwrap();
        assert_eq!(read(&write(&map)).unwrap(), map);
        assert_eq!(map.text("f"), Some("#no"));
        assert_eq!(map.get("d.b").unwrap().items().len(), 3);
    }

    #[test]
    fn what_is_no_map_is_refused() {
        for (text, part) in [
            ("- a", "no map"),
            ("a: 1\na: 2", "twice"),
            ("a: [", "line"),
            ("a: 1\n---\nb: 2", "more than one document"),
            ("a: *b", "line 1"),
        ] {
            assert!(read(text).unwrap_err().contains(part), "{text}: {:?}", read(text));
        }
        let bomb: String = (1..20).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
            let below = n - 1;
            format!("{text}a{n}: &a{n} [*a{below}, *a{below}, *a{below}, *a{below}]\n")
        });
        assert!(read(&bomb).unwrap_err().contains("values"));
    }

    #[test]
    fn paths_are_taken_and_set() {
        let mut map = read("a: {b: {c: 1}}").unwrap();
        map.set("a.b.d", Value::text("2"));
        map.set("x.y", Value::Null);
        assert_eq!(map.take("a.b.c"), Some(Value::text("1")));
        assert_eq!(map.take("a.b.c"), None);
        assert_eq!(write(&map), "a:\n  b:\n    d: 2\nx:\n  y: null\n");
    }
}
