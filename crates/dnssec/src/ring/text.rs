//! A ring as text: what is kept in the store, exported and imported.
//!
//! ```text
//! dnssec-keys 1
//! zone example.com.
//! moved 1766138700000
//! followed 23456 34567
//! replaced 1766138700000
//! served dnskey 3600 - records 300 1766138700000
//! key csk ed25519 12345 SECRET created 1766138700000 active 1766138700000 ds-seen 1766138900000
//! ```
//!
//! The entry points that left are the tags behind `followed`; `replaced` says when somebody put the ring in the
//! place of others. Both are there only where that happened. `served` has the TTLs of the zone in seconds, each with
//! the time until which caches may have records with a longer one. Times are milliseconds since the epoch. Lines that
//! are empty or begin with `;` are for people.
//! Must never repeat a secret in an error.

use std::fmt::Write as _;
use std::sync::Arc;

use dns::NameBuf;
use model::Time;
use zeroize::Zeroizing;

use crate::key::{Key, KeyTextError};
use crate::ring::lifetime::{Lifetime, Lifetimes};
use crate::ring::{FOLLOWED_MAX, KEYS_MAX, KeyRing, Member, State};

/// The first line: what the text is, and in which form.
const HEADING: &str = "dnssec-keys 1";
/// The longest text that is read: eight keys of 200 bytes and as many lines of comment.
const TEXT_BYTES_MAX: usize = 16_384;

/// Why a text is no ring. `line` counts from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingTextError {
    /// The text is longer than any ring's.
    #[error("a ring has at most {TEXT_BYTES_MAX} bytes, not {0}")]
    Long(usize),
    /// The text is something else, or a newer one.
    #[error("the first line of a ring is {HEADING:?}")]
    Heading,
    /// A line that says nothing here.
    #[error("line {0} is none of a ring: expected zone, moved, followed, replaced, served or key")]
    Line(usize),
    /// A line of a key that is no key's.
    #[error("line {line}: no key")]
    Key {
        /// Which.
        line: usize,
        /// Why not.
        #[source]
        fault: KeyTextError,
    },
    /// Words behind a key that do not say where it is in its life.
    #[error(
        "line {0}: after a key stand `created TIME`, a state and its time, perhaps `ds-seen TIME`"
    )]
    State(usize),
    /// Two keys with one tag.
    #[error("line {0}: a key tag that another key has")]
    Twice(usize),
    /// More keys than a zone may have.
    #[error("a ring has at most {KEYS_MAX} keys")]
    TooMany,
    /// No zone, or no time.
    #[error("a ring says its zone, when it was moved and at least one key")]
    Missing,
}

impl KeyRing {
    /// The ring as text, secrets included. It is wiped when it is dropped.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        // Room for all of it, so that no copy is left behind by growing.
        let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
        let head = format!("{HEADING}\nzone {}\nmoved {}\n", self.apex, self.moved_at.unix_ms());
        text.push_str(&head);
        if !self.followed.is_empty() {
            let tags: Vec<String> = self.followed.iter().map(u16::to_string).collect();
            let _ = writeln!(*text, "followed {}", tags.join(" "));
        }
        if let Some(at) = self.replaced_at {
            let _ = writeln!(*text, "replaced {}", at.unix_ms());
        }
        if let Some(Lifetimes { dnskey, records }) = self.lifetimes {
            let (dnskey, records) = (lifetime_text(dnskey), lifetime_text(records));
            let _ = writeln!(*text, "served dnskey {dnskey} records {records}");
        }
        for Member { key, created, state, since, ds_seen } in &self.members {
            text.push_str("key ");
            text.push_str(&key.to_text());
            let (created, since) = (created.unix_ms(), since.unix_ms());
            // Writing to a string cannot fail.
            let _ = write!(*text, " created {created} {state} {since}");
            if let Some(seen) = ds_seen {
                let _ = write!(*text, " ds-seen {}", seen.unix_ms());
            }
            text.push('\n');
        }
        text
    }

    /// Reads what [`KeyRing::to_text`] writes.
    ///
    /// # Errors
    ///
    /// The first fault there is.
    pub fn from_text(text: &str) -> Result<Self, RingTextError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(RingTextError::Long(text.len()));
        }
        let lines = (1..).zip(text.lines().map(str::trim));
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(';'));
        if lines.next().map(|(_, line)| line) != Some(HEADING) {
            return Err(RingTextError::Heading);
        }
        let (mut apex, mut moved_at, mut members) = (None, None, Vec::<Member>::new());
        let (mut followed, mut replaced_at, mut lifetimes) = (Vec::new(), None, None);
        for (number, line) in lines {
            let wrong = RingTextError::Line(number);
            match line.split_once(' ').ok_or(wrong.clone())? {
                ("zone", name) if apex.is_none() => {
                    apex = Some(name.parse::<NameBuf>().map_err(|_| wrong)?);
                }
                ("moved", time) if moved_at.is_none() => {
                    moved_at = Some(time_of(time).ok_or(wrong)?);
                }
                ("followed", tags) if followed.is_empty() => {
                    followed = tags_of(tags).ok_or(wrong)?;
                }
                ("replaced", time) if replaced_at.is_none() => {
                    replaced_at = Some(time_of(time).ok_or(wrong)?);
                }
                ("served", words) if lifetimes.is_none() => {
                    lifetimes = Some(lifetimes_of(words).ok_or(wrong)?);
                }
                ("key", words) => {
                    let member = member(number, words)?;
                    if members.iter().any(|other| other.key.tag() == member.key.tag()) {
                        return Err(RingTextError::Twice(number));
                    }
                    members.push(member);
                }
                _ => return Err(wrong),
            }
        }
        let (Some(apex), Some(moved_at), false) = (apex, moved_at, members.is_empty()) else {
            return Err(RingTextError::Missing);
        };
        let ring = Self { apex, members, moved_at, followed, replaced_at, lifetimes };
        if ring.members.len() > KEYS_MAX { Err(RingTextError::TooMany) } else { Ok(ring) }
    }
}

/// A key and where it is in its life.
fn member(line: usize, words: &str) -> Result<Member, RingTextError> {
    let wrong = RingTextError::State(line);
    let at = words.find(" created ").ok_or(wrong.clone())?;
    let (key, life) = words.split_at(at);
    let key = Key::from_text(key).map_err(|fault| RingTextError::Key { line, fault })?;
    let words: Vec<&str> = life.split_ascii_whitespace().collect();
    let (created, state, since, ds_seen) = match words.as_slice() {
        ["created", created, state, since] => (created, state, since, None),
        ["created", created, state, since, "ds-seen", seen] => {
            (created, state, since, Some(time_of(seen).ok_or(wrong.clone())?))
        }
        _ => return Err(wrong),
    };
    let mut states = [State::Published, State::Ready, State::Active, State::Retired].into_iter();
    let state = states.find(|known| known.as_str() == *state).ok_or(wrong.clone())?;
    let (Some(created), Some(since)) = (time_of(created), time_of(since)) else {
        return Err(wrong);
    };
    Ok(Member { key: Arc::new(key), created, state, since, ds_seen })
}

/// A TTL, and until when a longer one counts; `-` where none does.
fn lifetime_text(Lifetime { ttl_s, longer_until }: Lifetime) -> String {
    let until = longer_until.map_or_else(|| "-".to_owned(), |time| time.unix_ms().to_string());
    format!("{ttl_s} {until}")
}

fn lifetimes_of(words: &str) -> Option<Lifetimes> {
    let lifetime = |ttl_s: &str, until: &str| {
        let longer_until = if until == "-" { None } else { Some(time_of(until)?) };
        Some(Lifetime { ttl_s: ttl_s.parse().ok()?, longer_until })
    };
    let words: Vec<&str> = words.split_ascii_whitespace().collect();
    let ["dnskey", keys_ttl_s, keys_until, "records", ttl_s, until] = *words.as_slice() else {
        return None;
    };
    let (dnskey, records) = (lifetime(keys_ttl_s, keys_until)?, lifetime(ttl_s, until)?);
    Some(Lifetimes { dnskey, records })
}

fn tags_of(text: &str) -> Option<Vec<u16>> {
    let tags = text.split_ascii_whitespace().map(|tag| tag.parse().ok());
    tags.collect::<Option<Vec<u16>>>().filter(|tags| tags.len() <= FOLLOWED_MAX)
}

fn time_of(text: &str) -> Option<Time> {
    text.parse().ok().map(Time::from_unix_ms)
}
