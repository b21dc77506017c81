//! What every source file keeps to.

use crate::complain;
use crate::repository::{files, sources};

/// Lines of a file that ship. Beyond it there are two ideas in the file: find them.
const FILE_LINES_MAX: usize = 500;
/// Lines of a function, from its name to its last brace: what can be seen at once.
const FUNCTION_LINES_MAX: usize = 70;
/// Bytes of any file but recorded data and lock files.
const FILE_BYTES_MAX: usize = 100_000;
/// The same of a picture.
const PICTURE_BYTES_MAX: usize = 200_000;

#[test]
fn every_source_says_what_it_is_for() {
    let silent = sources().into_iter().filter(|file| !file.text().starts_with("//!"));
    complain(silent.map(|file| format!("{} must open with `//!`", file.path)).collect());
}

#[test]
fn files_are_small_enough_to_read() {
    let mut faults = Vec::new();
    for file in files() {
        let (path, size) = (&file.path, file.bytes.len());
        // The contract is written by a test, and read by programs.
        let is_written = path.ends_with("Cargo.lock") || path == "docs/openapi.json";
        let is_data = path.contains("/testdata/") || is_written;
        let max = if path.ends_with(".png") { PICTURE_BYTES_MAX } else { FILE_BYTES_MAX };
        if size > max && !is_data {
            faults.push(format!("{path} has {size} bytes, which is more than {max}"));
        }
        if !path.ends_with(".rs") {
            continue;
        }
        let lines = file.production().lines().count();
        if lines > FILE_LINES_MAX {
            faults.push(format!("{path} has {lines} lines: find the two ideas in it"));
        }
        for (name, lines) in long_functions(file.production()) {
            faults.push(format!("{path}: {name} has {lines} lines: find the parts of it"));
        }
    }
    complain(faults);
}

/// The functions over the limit. Goes by the form that rustfmt gives: the brace that ends a function
/// stands where its first line begins.
fn long_functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = function_name(line.trim_start()) else { continue };
        let is_last = |line: &&str| {
            let begins_here = line.len() > indent && line[..indent].trim().is_empty();
            begins_here
                && (&line[indent..] == "}" || line.ends_with(';') || line.ends_with("{}"))
                && !line[indent..].starts_with(' ')
        };
        let count = lines[first..].iter().position(is_last).map_or(1, |last| last + 1);
        if count > FUNCTION_LINES_MAX {
            found.push((name.to_owned(), count));
        }
    }
    found
}

/// The name, where a line begins a function.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let known = |word: &str| {
        matches!(word, "const" | "async" | "unsafe" | "extern" | "\"C\"") || word.starts_with("pub")
    };
    let is_function = before.split_whitespace().all(known);
    is_function.then(|| after.split(['(', '<']).next().unwrap_or_default())
}

#[test]
fn a_long_function_is_found() {
    let of = |indent: &str, statements: usize| {
        let body = format!("{indent}    a();\n").repeat(statements);
        format!("{indent}pub fn long(\n{indent}    b: u8,\n{indent}) {{\n{body}{indent}}}\n")
    };
    assert_eq!(long_functions(&of("", 66)), []);
    assert_eq!(long_functions(&of("", 67)), [("long".to_owned(), 71)]);
    let text = format!("impl A {{\n    fn short();\n{}{}}}\n", of("    ", 3), of("    ", 100));
    assert_eq!(long_functions(&text), [("long".to_owned(), 104)]);
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    // In two pieces, so that this file may be looked at too.
    let marks = [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("#[ig", "nore"), ("[al", "low(")];
    let marks = marks.map(|(head, tail)| head.to_owned() + tail);
    let mut faults = Vec::new();
    for file in sources() {
        for (index, line) in file.text().lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                faults.push(format!("{}:{}: {}", file.path, index + 1, line.trim()));
            }
        }
    }
    complain(faults);
}

#[test]
fn nothing_points_to_one_persons_machine() {
    let marks =
        [("/ro", "ot/"), ("/ho", "me/"), ("/Us", "ers/"), ("/wo", "rk/"), ("arti", "factory")];
    let marks = marks.map(|(head, tail)| head.to_owned() + tail);
    let mut faults = Vec::new();
    for file in files() {
        for (index, line) in file.text().lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                faults.push(format!("{}:{}: {}", file.path, index + 1, line.trim()));
            }
            let is_locked = file.path.ends_with("Cargo.lock") && line.starts_with("source = ");
            if is_locked && !line.contains("github.com/rust-lang/crates.io-index") {
                faults.push(format!("{}:{}: not the public registry", file.path, index + 1));
            }
        }
    }
    complain(faults);
}
