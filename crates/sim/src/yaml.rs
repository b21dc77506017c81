//! YAML text to nodes that know their line: as much of it as a scenario needs.
//!
//! No anchors, no tags, no second document; limited in size and depth. The text is the user's own,
//! so the first fault is enough. Knows no keys.

use saphyr_parser::{Event, Parser, Span, StrInput};

/// A scenario is a page long; 1 MiB is room for thousands of path changes.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Scenarios are at most 3 deep.
const DEPTH_MAX: usize = 8;

/// One value and the line it starts on, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A word or a number.
    Text(String),
    List(Vec<Node>),
    /// Keys with their lines, in the order of the text.
    Map(Vec<(String, usize, Node)>),
}

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl Fault {
    pub(crate) fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// Reads one document; an empty one is an empty map.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Fault::at(1, format!("the file has more than {TEXT_BYTES_MAX} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { events: Parser::new_from_str(text) };
    let mut root = None;
    loop {
        let (event, line) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(_) if root.is_none() => {}
            Event::DocumentStart(_) => {
                return Err(Fault::at(line, "a second document starts here"));
            }
            event => root = Some(reader.node(event, line, 0)?),
        }
    }
    let is_nothing = |node: &Node| node.value == Value::Text(String::new());
    let empty = || Node { line: 1, value: Value::Map(Vec::new()) };
    Ok(root.filter(|node| !is_nothing(node)).unwrap_or_else(empty))
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, usize), Fault> {
        let line = |span: &Span| span.start.line().max(1);
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((event, line(&span))),
            Some(Err(error)) => {
                let message = format!("no YAML: {}", error.info());
                Err(Fault::at(error.marker().line().max(1), message))
            }
            None => Err(Fault::at(1, "the file ends too early")),
        }
    }

    fn node(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Node, Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::at(line, format!("nested deeper than {DEPTH_MAX}")));
        }
        let value = match event {
            Event::Scalar(text, _, 0, None) => Value::Text(text.into_owned()),
            Event::SequenceStart(0, None) => self.list(depth)?,
            Event::MappingStart(0, None) => self.map(depth)?,
            Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::MappingStart(..) => {
                return Err(Fault::at(line, "anchors, aliases and tags are not read here"));
            }
            _ => return Err(Fault::at(line, "a value was expected")),
        };
        Ok(Node { line, value })
    }

    fn list(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut entries: Vec<(String, usize, Node)> = Vec::new();
        loop {
            let (event, line) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Map(entries));
            }
            let key = self.node(event, line, depth + 1)?;
            let Value::Text(key) = key.value else {
                return Err(Fault::at(line, "expected a key: a plain word"));
            };
            if let Some((_, first, _)) = entries.iter().find(|(known, _, _)| *known == key) {
                let message = format!("{key:?} is here twice, first on line {first}");
                return Err(Fault::at(line, message));
            }
            let (event, value_line) = self.next()?;
            let node = self.node(event, value_line, depth + 1)?;
            entries.push((key, line, node));
        }
    }
}
