//! The effective settings as YAML: what `--print-config` shows.
//!
//! Every key that the mode reads, defaults included, in the order of the table; never a secret.
//! What is printed can be read back once its secrets are put in.

use std::fmt::Write as _;

use crate::section::{Checked, Section, Value};
use crate::values::HIDDEN;

/// The whole of a checked file.
pub(crate) fn print(root: &Section) -> String {
    let mut out = String::new();
    section(root, 0, &mut out);
    out
}

fn section(section: &Section, depth: usize, out: &mut String) {
    for (name, checked) in &section.keys {
        indent(depth, out);
        out.push_str(name);
        out.push(':');
        value(checked, depth, out);
    }
}

/// What follows a colon: on the same line, or below and one step further in.
fn value(checked: &Checked, depth: usize, out: &mut String) {
    match &checked.value {
        Value::Section(map) if map.keys.is_empty() => out.push_str(" {}\n"),
        Value::List(list) if list.is_empty() => out.push_str(" []\n"),
        Value::Section(map) => {
            out.push('\n');
            section(map, depth + 1, out);
        }
        Value::List(list) => {
            out.push('\n');
            for one in list {
                item(one, depth + 1, out);
            }
        }
        Value::Text(_) | Value::Secret(_) => {
            out.push(' ');
            scalar(checked, out);
            out.push('\n');
        }
    }
}

/// An item of a list; a map begins on the dash's line.
fn item(checked: &Checked, depth: usize, out: &mut String) {
    indent(depth, out);
    out.push_str("- ");
    if let Value::Section(map) = &checked.value {
        let mut below = String::new();
        section(map, depth + 1, &mut below);
        // A section of a list always has a key: each has one that is required.
        out.push_str(below.trim_start());
    } else {
        scalar(checked, out);
        out.push('\n');
    }
}

fn scalar(checked: &Checked, out: &mut String) {
    match &checked.value {
        Value::Text(text) if is_plain(text) => out.push_str(text),
        Value::Text(text) => quote(text, out),
        _ => quote(HIDDEN, out),
    }
}

/// Whether a text means the same without quotes, to any reader of YAML 1.2.
fn is_plain(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    let stands = |c: char| c.is_ascii_alphanumeric() || "-._/:".contains(c);
    let is_null = text.eq_ignore_ascii_case("null");
    starts && text.chars().all(stands) && !text.ends_with(':') && !is_null
}

/// In double quotes (YAML 1.2.2, 7.3.1).
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                // Writing into a text cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}
