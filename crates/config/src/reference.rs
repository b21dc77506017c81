//! The table of keys as a page of documentation: `docs/reference/configuration.md`.
//!
//! The page is made, never edited: a test compares it with the file.

use std::fmt::Write as _;

use crate::keys::{self, Key, Unset};
use crate::kind::{Kind, Scalar};

/// What stands above the tables.
const PREFACE: &str = "\
# Configuration reference

<!-- Made from the table in crates/config/src/keys.rs. Do not edit: change the table and run
     UPDATE_EXPECT=1 cargo test -p config. -->

One YAML file holds all settings of a process; `opengslb --config FILE` runs on it,
`opengslb check-config --config FILE` only checks it, and `--print-config` shows the settings that
result, defaults included and secrets as `***`.

- Every mistake is reported at once, each as `file:line:column: what was expected`, and the exit code
  is 64. Keys that are not on this page are mistakes. Keys of the other mode are checked where they
  are given, but not needed.
- The file holds secrets. It is refused while every user of the machine can read it.
- Durations need a unit: `500ms`, `10s`, `5m`, `168h`, `7d`; `1h30m` works too.
- Networks are written as `10.1.2.0/24`; an address by itself is a network of one.
- A key with nothing behind it counts as not given. A section that is not given has the defaults of
  its keys.
- Anchors and aliases work. Tags and merge keys (`<<`) do not.
- Names are compared without regard to case.
- With `dns.zones`, every domain must lie in one of the zones. Without, each domain is a zone of its
  own.
";

/// The page.
#[must_use]
pub fn markdown() -> String {
    let mut out = PREFACE.to_owned();
    for key in keys::all().filter(|key| key.parent().is_empty()) {
        match key.kind {
            Kind::Section | Kind::Sections { .. } => part(key, &mut out),
            _ => root_key(key, &mut out),
        }
    }
    let shape = "<health_check>";
    out.push_str("\n## `health_check`\n\nOf an agent's backend and of a region's server alike.\n");
    table(shape, &mut out);
    out
}

/// A setting at the root that is no section.
fn root_key(key: &Key, out: &mut String) {
    let _ = write!(out, "\n## `{}`\n\n", key.path);
    out.push_str(HEADING);
    row(key, key.name(), out);
}

/// A section at the root: its own keys, then the sections in it.
fn part(key: &Key, out: &mut String) {
    let _ = write!(out, "\n## `{}`\n\n{}\n", key.path, key.doc);
    if matches!(key.kind, Kind::Sections { .. }) {
        list(key, out);
    }
    let inner = inside(key);
    table(&inner, out);
    sections(&inner, out);
}

/// The sections below `parent`, each under its own heading.
fn sections(parent: &str, out: &mut String) {
    for key in keys::children(parent) {
        if !matches!(key.kind, Kind::Section | Kind::Sections { .. }) {
            continue;
        }
        let _ = write!(out, "\n### `{}`\n\n{}\n", key.path, key.doc);
        if let Some(old) = &key.old {
            let _ = write!(out, "\nFormerly `{}`.\n", old.path);
        }
        if matches!(key.kind, Kind::Sections { .. }) {
            let _ =
                write!(out, "\n{}. Default: {}.\n", capital(&key.kind.expected()), default(key));
        }
        table(&inside(key), out);
        sections(&inside(key), out);
    }
}

/// How long a list of sections is.
fn list(key: &Key, out: &mut String) {
    let end = if key.unset == Unset::Required { "; required" } else { "" };
    let _ = write!(out, "\n{}{end}.\n", capital(&key.kind.expected()));
}

/// The path that the keys in a section have as their parent.
fn inside(key: &Key) -> String {
    let list = if matches!(key.kind, Kind::Sections { .. }) { "[]" } else { "" };
    format!("{}{list}", key.path)
}

const HEADING: &str = "| key | value | default | meaning |\n|---|---|---|---|\n";

/// The keys of a section that are no sections themselves.
fn table(parent: &str, out: &mut String) {
    let keys = keys::children(parent);
    let mut rows =
        keys.iter().filter(|k| !matches!(k.kind, Kind::Section | Kind::Sections { .. })).peekable();
    if rows.peek().is_none() {
        return;
    }
    out.push('\n');
    out.push_str(HEADING);
    for key in rows {
        row(key, key.name(), out);
    }
}

fn row(key: &Key, name: &str, out: &mut String) {
    let _ = write!(out, "| `{name}` | {} | {} | {}", value(&key.kind), default(key), key.doc);
    if let Some(old) = &key.old {
        let _ = write!(out, " Formerly `{}`", old.path);
        for (index, (from, to)) in old.values.iter().enumerate() {
            let _ = write!(out, "{} `{from}` is `{to}`", if index == 0 { ":" } else { "," });
        }
        out.push('.');
    }
    out.push_str(" |\n");
}

fn value(kind: &Kind) -> String {
    let aliases = match kind {
        Kind::One(Scalar::Word(words)) => words.iter().flat_map(|word| word.aliases).collect(),
        _ => Vec::new(),
    };
    let aliases: Vec<String> = aliases.into_iter().map(|alias| format!("`{alias}`")).collect();
    match kind {
        Kind::Like(_) => "see [`health_check`](#health_check)".to_owned(),
        kind if aliases.is_empty() => kind.expected(),
        kind => format!("{} (also {})", kind.expected(), aliases.join(", ")),
    }
}

fn default(key: &Key) -> String {
    match key.unset {
        Unset::Required => "required".to_owned(),
        Unset::Default("[]") => "none".to_owned(),
        Unset::Default(yaml) => format!("`{}`", yaml.replace('"', "")),
        Unset::Same(path) => format!("that of `{path}`"),
        Unset::HostName => "the machine's name".to_owned(),
        Unset::Nothing(words) => words.to_owned(),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests;
