//! A topology file as a tree that remembers its lines.
//!
//! Knows only what a topology needs: maps, lists and texts. Never guesses a type; whoever reads a
//! text says what it must be.

use saphyr_parser::{Event, Parser, ScanError, StrInput};

/// Deeper nesting than this is refused; a topology needs four levels.
const DEPTH_MAX: usize = 16;

/// One node, and the line it stands in (counted from 1).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) line: usize,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Why a text is no tree.
#[derive(Debug, thiserror::Error)]
pub(crate) enum YamlError {
    #[error("not YAML")]
    Scan(#[source] ScanError),
    #[error("line {line}: {what}")]
    Shape { line: usize, what: &'static str },
}

/// Reads the first document of `text`.
pub(crate) fn parse(text: &str) -> Result<Node, YamlError> {
    let mut events = Events { parser: Parser::new_from_str(text) };
    loop {
        let (event, line) = events.next()?;
        match event {
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
            event => return events.node(event, line, 0),
        }
    }
}

struct Events<'a> {
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(YamlError::Scan(error)),
            None => Err(YamlError::Shape { line: 0, what: "the file ends too early" }),
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Node, YamlError> {
        if depth > DEPTH_MAX {
            return Err(YamlError::Shape { line, what: "nested too deeply" });
        }
        let value = match event {
            Event::Scalar(text, ..) => Value::Text(text.into_owned()),
            Event::SequenceStart(..) => Value::List(self.list(depth)?),
            Event::MappingStart(..) => Value::Map(self.map(depth)?),
            Event::Alias(_) => {
                return Err(YamlError::Shape { line, what: "aliases cannot be used here" });
            }
            _ => return Err(YamlError::Shape { line, what: "a value is missing" }),
        };
        Ok(Node { value, line })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(String, Node)>, YamlError> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        loop {
            let (event, line) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(entries),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(YamlError::Shape { line, what: "a key must be a plain text" }),
            };
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(YamlError::Shape { line, what: "the same key stands here twice" });
            }
            let (event, line) = self.next()?;
            entries.push((key, self.node(event, line, depth + 1)?));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_remembered() {
        let node = parse("a: 1\nb:\n  - [x, \"y\"]\n").unwrap();
        let Value::Map(entries) = node.value else { panic!("a map") };
        assert_eq!(entries[0].1, Node { value: Value::Text("1".into()), line: 1 });
        let Value::List(items) = &entries[1].1.value else { panic!("a list") };
        assert_eq!(items[0].line, 3);
    }

    #[test]
    fn what_is_no_tree_says_where() {
        let fault = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(fault("a: 1\na: 2\n"), "line 2: the same key stands here twice");
        assert_eq!(fault("a: &x 1\nb: *x\n"), "line 2: aliases cannot be used here");
        assert!(parse(&"[".repeat(40)).is_err());
        assert!(parse("").is_err());
    }
}
