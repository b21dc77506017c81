//! Zone files as BIND takes them, as zone files that this program takes: one file, unsigned.
//!
//! - `$INCLUDE`: the other file in its place,
//! - `$GENERATE`: its records written out (`generate`),
//! - what belongs to a signed zone left out: this program signs while answering.
//!
//! Everything else stays as it stands, comments too. The result is checked as a zone of ours.

mod entries;

mod generate;

use config::{Given, no_includes};

use crate::note::{Kind, Made, Notes};
use crate::{Brought, Unread};
use entries::{Entry, entries};

/// Files in files in files: deeper is a circle.
const DEPTH_MAX: usize = 10;
/// All texts together, includes and generated records too: what a zone file may have.
const TEXT_BYTES_MAX: usize = zone::zone_file::TEXT_BYTES_MAX;
/// Types of a signed zone (RFC 4034; RFC 5155; what BIND keeps of its signing).
const SIGNED: [&str; 8] =
    ["RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "TYPE65534"];

/// What the caller knows and the file does not say.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The zone's name.
    pub zone: &'a str,
    /// Reads a file that `$INCLUDE` names; or says why not.
    pub read: &'a dyn Fn(&str) -> Result<String, String>,
}

impl std::fmt::Debug for Terms<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terms").field("zone", &self.zone).finish_non_exhaustive()
    }
}

/// Makes a zone file.
///
/// # Errors
///
/// The zone's name is none, a file cannot be read, a range makes no sense, or all is too long.
pub fn import(file: &Brought, terms: &Terms<'_>) -> Result<Made, Unread> {
    let unread = |what| Unread { file: file.name.clone(), what };
    let zone = terms.zone.trim_end_matches('.');
    if zone.parse::<dns::NameBuf>().is_err() || zone.is_empty() {
        return Err(unread(format!("{:?} is no zone", terms.zone)));
    }
    let mut writing = Writing {
        read: terms.read,
        origin: format!("{zone}."),
        owner: None,
        is_owner_due: false,
        text: format!("; Made by `opengslb-cli import bind` for the zone {zone}.\n"),
        dropped: 0,
        has_ttl: false,
        notes: Notes::default(),
    };
    writing.file(&file.text, 0).map_err(unread)?;
    let Writing { text, dropped, mut notes, .. } = writing;
    if dropped > 0 {
        let what = "signatures, denials and keys: switch dns.zones[].dnssec on, and tell the zone above the \
                    new DS record before the old keys' time is over (docs/guide/dnssec.md)";
        notes.add(Kind::Dropped, format!("{dropped} records of a signed zone"), what);
    }
    check(zone, &text, &mut notes);
    Ok(Made { name: file.name.clone(), text, notes: notes.finish() })
}

/// The new file as far as it is written.
struct Writing<'a> {
    read: &'a dyn Fn(&str) -> Result<String, String>,
    /// With its final dot.
    origin: String,
    /// Of the entry before, as it is written under the present origin.
    owner: Option<String>,
    /// Whether the next entry that leaves its owner out has to have it.
    is_owner_due: bool,
    /// Whether something has said by now how long records are kept that do not say it themselves.
    has_ttl: bool,
    text: String,
    dropped: usize,
    notes: Notes,
}

impl Writing<'_> {
    fn file(&mut self, text: &str, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("$INCLUDE is nested deeper than {DEPTH_MAX}"));
        }
        for entry in entries(text) {
            self.entry(&entry, depth).map_err(|what| format!("line {}: {what}", entry.line))?;
            if self.text.len() > TEXT_BYTES_MAX {
                return Err(format!("the zone has more than {TEXT_BYTES_MAX} bytes"));
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>, depth: usize) -> Result<(), String> {
        let control = entry
            .tokens
            .first()
            .filter(|_| !entry.is_indented)
            .map(|word| word.to_ascii_uppercase());
        match (control.as_deref(), entry.tokens.as_slice()) {
            (Some("$INCLUDE"), [_, name, rest @ ..]) => {
                self.include(name, rest.first().copied(), depth)
            }
            (Some("$GENERATE"), [_, range, owner, rest @ ..]) => {
                for line in generate::lines(range, owner, rest)? {
                    self.push(&line);
                }
                self.owner = None;
                Ok(())
            }
            (Some("$ORIGIN"), [_, name, ..]) => {
                self.origin = absolute(name, &self.origin);
                // What was written under the old one means something else now.
                self.push(entry.text);
                Ok(())
            }
            (Some(word), _) if word.starts_with('$') => {
                self.has_ttl |= word == "$TTL";
                self.push(entry.text);
                Ok(())
            }
            _ => {
                self.record(entry);
                Ok(())
            }
        }
    }

    fn include(&mut self, name: &str, origin: Option<&str>, depth: usize) -> Result<(), String> {
        let name = name.trim_matches('"');
        let text = (self.read)(name).map_err(|why| format!("$INCLUDE {name}: {why}"))?;
        let before = (self.origin.clone(), self.owner.clone());
        if let Some(origin) = origin {
            self.origin = absolute(origin, &self.origin);
            let line = format!("$ORIGIN {}", self.origin);
            self.push(&line);
        }
        self.push(&format!("; from {}", name.replace(|c: char| c.is_control(), "?")));
        self.file(&text, depth + 1).map_err(|what| format!("$INCLUDE {name}: {what}"))?;
        // Origin and owner are again what they were (RFC 1035, 5.1).
        (self.origin, self.owner) = before;
        self.is_owner_due = true;
        let line = format!("$ORIGIN {}", self.origin);
        self.push(&line);
        Ok(())
    }

    fn record(&mut self, entry: &Entry<'_>) {
        let Some(first) = entry.tokens.first() else { return self.push(entry.text) };
        if !entry.is_indented {
            self.owner = Some(absolute(first, &self.origin));
        }
        if entry.record_type().is_some_and(|kind| SIGNED.contains(&&*kind)) {
            self.dropped += 1;
            self.is_owner_due |= !entry.is_indented;
            return;
        }
        let due = self.owner.clone().filter(|_| self.is_owner_due && entry.is_indented);
        self.is_owner_due = false;
        let owner = if entry.is_indented { "" } else { first };
        let behind = entry.text.strip_prefix(owner).unwrap_or(entry.text);
        let ttl = self.ttl_of_minimum(entry).map_or(String::new(), |ttl| format!(" {ttl}"));
        self.push(&format!("{}{owner}{ttl}{behind}", due.unwrap_or_default()));
    }

    /// Where nothing says how long the first records are kept, the SOA record's last number does. So BIND has it, from
    /// before there was `$TTL` (RFC 2308, 4).
    fn ttl_of_minimum<'t>(&mut self, entry: &Entry<'t>) -> Option<&'t str> {
        let kind = entry.record_type();
        let words = entry.tokens.iter().skip(usize::from(!entry.is_indented));
        let mut before = words.take_while(|word| Some(word.to_ascii_uppercase()) != kind);
        let is_said = before.any(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let was_said = std::mem::replace(&mut self.has_ttl, true);
        let minimum = entry.tokens.last().filter(|_| kind.as_deref() == Some("SOA"));
        let minimum = *minimum.filter(|_| !is_said && !was_said)?;
        let what = format!(
            "records are kept for {minimum} s, as the SOA record's minimum says: the file has no $TTL"
        );
        self.notes.add(Kind::Added, "the SOA record's TTL", what);
        Some(minimum)
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// A name with its final dot.
fn absolute(name: &str, origin: &str) -> String {
    match name {
        "@" => origin.to_owned(),
        name if name.ends_with('.') && !name.ends_with("\\.") => name.to_owned(),
        name if origin == "." => format!("{name}."),
        name => format!("{name}.{origin}"),
    }
}

/// Has the zone built as a process would.
fn check(zone: &str, text: &str, notes: &mut Notes) {
    // A zone that a configuration holds; the key is 32 zeros, and no domain is steered.
    let config = format!(
        "overwatch: {{gossip: {{encryption_key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}}}}\n\
         dns: {{zones: [{{name: {zone}, file: zone}}]}}\n"
    );
    let given = Given {
        file_name: "zone",
        mode: None,
        host_name: "host",
        read_zone_file: &|_| Ok(text.to_owned()),
        includes: &no_includes,
    };
    let faults = match config::load(&config, &given) {
        Ok(checked) => {
            checked.warnings.iter().map(|fault| (Kind::Changed, fault.clone())).collect()
        }
        Err(faults) => faults.into_iter().map(|fault| (Kind::ToDo, fault)).collect::<Vec<_>>(),
    };
    for (kind, fault) in faults {
        notes.add(kind, "the new file", fault.message);
    }
}

#[cfg(test)]
mod tests;
