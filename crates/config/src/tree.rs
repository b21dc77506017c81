//! YAML text to a tree in which every node knows its line and column.
//!
//! The text is an operator's, but may be anything: its size, its depth and its nodes are limited,
//! aliases included, so that no file costs more than its limits. The tree has no types: whether
//! `10` is a number, a duration or a name is for the table of keys to say.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use crate::fault::{Faults, Position};
use crate::values::clip;

/// The largest file. 100,000 custom mappings, the most that are taken, need about 9 MiB.
pub(crate) const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The settings are at most 8 deep.
const DEPTH_MAX: usize = 32;
/// All nodes, keys and those of expanded aliases included: seven for each of 100,000 custom
/// mappings, and room for the rest. Some 100 bytes a node and its text: 100 MiB at the very worst.
const NODES_MAX: usize = 1_000_000;

/// One value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Where it starts.
    pub(crate) at: Position,
    /// What it is.
    pub(crate) value: Value,
}

/// What YAML knows of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`, not in quotes.
    Null,
    /// Any other text, with or without quotes.
    Text(String),
    /// `- a` or `[a]`.
    List(Vec<Node>),
    /// `a: b` or `{a: b}`; no key twice, in the order of the file.
    Map(Vec<Entry>),
}

/// One key of a map, and what it holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) key_at: Position,
    /// Its value.
    pub(crate) node: Node,
}

impl Node {
    /// The entries of a map; none of anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }
}

/// Reads one document, the text of `source`. `None` where it cannot be read; the faults say why.
pub(crate) fn parse(text: &str, source: usize, faults: &mut Faults) -> Option<Node> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the file has more than {TEXT_BYTES_MAX} bytes");
        faults.fault(Position { source, ..Position::START }, message);
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        source,
        anchors: BTreeMap::new(),
        nodes_left: NODES_MAX,
        faults,
    };
    match reader.document() {
        Ok(node) => Some(node),
        Err(Stop { at, message }) => {
            faults.fault(at, message);
            None
        }
    }
}

/// The file cannot be read any further.
struct Stop {
    at: Position,
    message: String,
}

/// A node of an anchor, and what it costs to repeat it.
struct Anchored {
    node: Node,
    nodes: usize,
}

struct Reader<'t, 'f> {
    events: Parser<'t, StrInput<'t>>,
    source: usize,
    anchors: BTreeMap<usize, Anchored>,
    nodes_left: usize,
    faults: &'f mut Faults,
}

impl<'t> Reader<'t, '_> {
    /// The root of the one document; an empty file is an empty map.
    fn document(&mut self) -> Result<Node, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    let message = "a second document starts here: one file holds one".to_owned();
                    return Err(Stop { at: position(self.source, span.start), message });
                }
                Event::Nothing
                | Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        let at = Position { source: self.source, ..Position::START };
        let empty = || Node { at, value: Value::Map(Vec::new()) };
        Ok(root.filter(|node| node.value != Value::Null).unwrap_or_else(empty))
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        let (source, at) = (self.source, Position { source: self.source, ..Position::START });
        let end = || Stop { at, message: "the file ends too early".to_owned() };
        let (event, span) = self.events.next_event().ok_or_else(end)?.map_err(|error| Stop {
            at: position(source, *error.marker()),
            message: format!("no YAML: {}; nothing behind it was checked", error.info()),
        })?;
        Ok((event, span))
    }

    /// The node that `event` begins.
    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Stop> {
        let at = position(self.source, span.start);
        let before = self.nodes_left;
        self.spend(1, at)?;
        if depth > DEPTH_MAX {
            return Err(Stop { at, message: format!("nested deeper than {DEPTH_MAX}") });
        }
        let (value, anchor) = match event {
            Event::Alias(id) => return self.alias(id, at),
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                (scalar(text.into_owned(), style), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                (self.map(depth)?, anchor)
            }
            _ => return Err(Stop { at, message: "no YAML: a value was expected".to_owned() }),
        };
        let node = Node { at, value };
        if anchor != 0 {
            let nodes = before - self.nodes_left;
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes });
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Stop> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Map(entries));
            }
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            let key_at = key.at;
            let Value::Text(key) = key.value else {
                self.faults.fault(key_at, "expected a key: a plain word".to_owned());
                continue;
            };
            if let Some(line) = lines.get(&key) {
                let message = format!("{} is here twice, first on line {line}", clip(&key));
                self.faults.fault(key_at, message);
                continue;
            }
            lines.insert(key.clone(), key_at.line);
            entries.push(Entry { key, key_at, node });
        }
    }

    /// What the anchor holds, with the positions of the anchor: that is where it is mended.
    fn alias(&mut self, id: usize, at: Position) -> Result<Node, Stop> {
        let Some(Anchored { node, nodes }) = self.anchors.get(&id) else {
            let message = "this alias lies within its own anchor".to_owned();
            return Err(Stop { at, message });
        };
        let (node, nodes) = (node.clone(), *nodes);
        self.spend(nodes, at)?;
        Ok(node)
    }

    fn spend(&mut self, nodes: usize, at: Position) -> Result<(), Stop> {
        let message = || format!("the file holds more than {NODES_MAX} values");
        let left = self.nodes_left.checked_sub(nodes);
        self.nodes_left = left.ok_or_else(|| Stop { at, message: message() })?;
        Ok(())
    }

    fn refuse_tag(&mut self, is_tagged: bool, at: Position) {
        if is_tagged {
            self.faults.fault(at, "tags (words that begin with `!`) are not read here".to_owned());
        }
    }
}

/// The words for nothing in YAML's core schema (YAML 1.2.2, 10.3.2).
fn scalar(text: String, style: ScalarStyle) -> Value {
    let is_null = matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
    if is_null && style == ScalarStyle::Plain { Value::Null } else { Value::Text(text) }
}

/// The parser counts columns from 0.
fn position(source: usize, marker: Marker) -> Position {
    Position { source, line: marker.line().max(1), column: marker.col() + 1 }
}

#[cfg(test)]
mod tests;
