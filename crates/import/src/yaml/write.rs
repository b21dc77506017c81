//! Values as YAML in blocks, quoted where they have to be.

use std::fmt::Write as _;

use super::{Map, Value};

/// The text of a file.
pub(crate) fn write(map: &Map) -> String {
    let mut text = String::new();
    entries(&mut text, map, 0);
    text
}

/// The entries of a map; the first is written where the text stands.
fn entries(text: &mut String, map: &Map, depth: usize) {
    for (key, value) in &map.0 {
        indent(text, depth);
        entry(text, key, value, depth);
    }
}

fn entry(text: &mut String, key: &str, value: &Value, depth: usize) {
    text.push_str(&scalar(key));
    text.push(':');
    match value {
        Value::Map(map) if !map.0.is_empty() => {
            text.push('\n');
            entries(text, map, depth + 1);
        }
        Value::List(items) if !items.is_empty() => {
            text.push('\n');
            list(text, items, depth + 1);
        }
        value => {
            text.push(' ');
            flow(text, value);
        }
    }
}

fn list(text: &mut String, items: &[Value], depth: usize) {
    for item in items {
        indent(text, depth);
        text.push_str("- ");
        match item {
            Value::Map(map) if !map.0.is_empty() => {
                for (at, (key, value)) in map.0.iter().enumerate() {
                    if at > 0 {
                        indent(text, depth + 1);
                    }
                    entry(text, key, value, depth + 1);
                }
            }
            item => flow(text, item),
        }
    }
}

/// What fits on a line: scalars, what is empty, and lists in lists.
fn flow(text: &mut String, value: &Value) {
    inline(text, value);
    text.push('\n');
}

fn inline(text: &mut String, value: &Value) {
    let open_close = |is_map: bool| if is_map { ('{', '}') } else { ('[', ']') };
    let (open, close) = open_close(matches!(value, Value::Map(_)));
    match value {
        Value::Null => text.push_str("null"),
        Value::Text(word) => text.push_str(&scalar(word)),
        Value::List(items) => {
            text.push(open);
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                inline(text, item);
            }
            text.push(close);
        }
        Value::Map(map) => {
            text.push(open);
            for (at, (key, value)) in map.0.iter().enumerate() {
                let _ = write!(text, "{}{}: ", if at > 0 { ", " } else { "" }, scalar(key));
                inline(text, value);
            }
            text.push(close);
        }
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// A scalar that reads as the same text. Plain are words, numbers, addresses and paths.
fn scalar(text: &str) -> String {
    let stands = |c: char| c.is_ascii_alphanumeric() || "_./-+=:".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(stands)
        && !text.ends_with(':')
        && text != "null";
    if is_plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() || c == '\u{feff}' || ('\u{2028}'..='\u{2029}').contains(&c) => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
