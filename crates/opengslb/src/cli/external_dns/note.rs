//! What is remembered of a name, in its domain's comment: the records as ExternalDNS gave them, the texts that mark them as its own,
//! and the servers that are still to go. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::record::{Check, Decided, Record, StandsFor, Terms, without_others_properties};
use super::wire::Endpoint;

/// What a comment of ours begins with; any other one is somebody else's.
const START: &str = r#"{"external-dns":"#;

/// The most records of one name: regions, twice for two families.
const RECORDS_MAX: usize = 128;
/// The longest note, in bytes; a change that needs more is refused.
const NOTE_BYTES_MAX: usize = 65_536;

/// What is remembered of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    /// Its records.
    #[serde(rename = "external-dns")]
    pub(super) records: Vec<Kept>,
    /// The texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) texts: Vec<Endpoint>,
    /// Servers that are nobody's any more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) gone: BTreeSet<SocketAddr>,
}

/// A record as it was given, and what was decided about it then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(flatten)]
    pub(super) endpoint: Endpoint,
    /// `None` where an earlier release wrote the note: it is decided anew at each look, by the terms of who looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) decided: Option<Decided>,
}

/// What becomes of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) take: Vec<Endpoint>,
    pub(super) give: Vec<Endpoint>,
}

/// What a note comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Each server, with its region and check.
    pub(super) servers: BTreeMap<SocketAddr, (String, Check)>,
    /// The regions' names that clients are sent to.
    pub(super) aliases: BTreeMap<String, String>,
    /// The lowest that was asked for.
    pub(super) ttl: Option<i64>,
}

impl Note {
    /// Reads a comment; `None` where it is not ours.
    pub(super) fn read(comment: &str) -> Option<Self> {
        comment.starts_with(START).then(|| serde_json::from_str(comment).ok())?
    }

    /// The comment.
    pub(super) fn comment(&self) -> Result<String, String> {
        let text = serde_json::to_string(self).map_err(|error| error.to_string())?;
        if text.len() > NOTE_BYTES_MAX {
            return Err(format!(
                "what is to be remembered of it has more than {NOTE_BYTES_MAX} bytes"
            ));
        }
        Ok(text)
    }

    /// The note after a change.
    pub(super) fn after(
        &self,
        change: &Change,
        terms: &Terms,
        regions: &BTreeSet<String>,
    ) -> Result<Self, String> {
        let mut next = self.clone();
        for endpoint in &change.take {
            next.forget(endpoint);
        }
        for endpoint in &change.give {
            next.forget(endpoint);
            next.keep(endpoint, terms, regions)?;
        }
        next.texts.sort_by(|a, b| key(a).cmp(&key(b)));
        next.records.sort_by(|a, b| key(&a.endpoint).cmp(&key(&b.endpoint)));
        if next.records.len() > RECORDS_MAX {
            return Err(format!("a name has at most {RECORDS_MAX} records"));
        }
        let (before, after) =
            (self.wanted(terms, regions), next.checked(&change.give, terms, regions)?);
        next.gone.extend(before.servers.into_keys());
        next.gone.retain(|server| !after.servers.contains_key(server));
        Ok(next)
    }

    fn forget(&mut self, endpoint: &Endpoint) {
        self.texts.retain(|known| key(known) != key(endpoint));
        self.records.retain(|known| key(&known.endpoint) != key(endpoint));
    }

    fn keep(
        &mut self,
        given: &Endpoint,
        terms: &Terms,
        regions: &BTreeSet<String>,
    ) -> Result<(), String> {
        let mut endpoint = without_others_properties(given.clone());
        endpoint.labels.clear();
        if endpoint.record_type == "TXT" {
            self.texts.push(endpoint);
            return Ok(());
        }
        let decided = terms.given(&endpoint, regions);
        let decided = decided.map_err(|why| format!("{}: {why}", endpoint.shown()))?;
        self.records.push(Kept { endpoint, decided: Some(decided) });
        Ok(())
    }

    /// What it comes to. A record that means nothing any more, as its region is not there now, is left out.
    pub(super) fn wanted(&self, terms: &Terms, regions: &BTreeSet<String>) -> Wanted {
        let mut wanted = Wanted::default();
        for record in self.records.iter().filter_map(|kept| kept.record(terms, regions).ok()) {
            // What was written down fitted.
            let _ = wanted.add(record);
        }
        wanted
    }

    /// The same, where those that are given have to fit to the others.
    fn checked(
        &self,
        given: &[Endpoint],
        terms: &Terms,
        regions: &BTreeSet<String>,
    ) -> Result<Wanted, String> {
        let is_given = |known: &&Kept| given.iter().any(|new| key(new) == key(&known.endpoint));
        let (new, old): (Vec<&Kept>, Vec<&Kept>) = self.records.iter().partition(is_given);
        let old = Self { records: old.into_iter().cloned().collect(), ..Self::default() };
        let mut wanted = old.wanted(terms, regions);
        for kept in new {
            let added = kept.record(terms, regions).and_then(|record| wanted.add(record));
            added.map_err(|why| format!("{}: {why}", kept.endpoint.shown()))?;
        }
        Ok(wanted)
    }
}

impl Kept {
    fn record(&self, terms: &Terms, regions: &BTreeSet<String>) -> Result<Record, String> {
        match &self.decided {
            Some(decided) => decided.record(&self.endpoint, regions),
            None => terms.decide(&self.endpoint, regions)?.record(&self.endpoint, regions),
        }
    }
}

impl Wanted {
    /// Adds a record, or says what it does not go with.
    pub(super) fn add(&mut self, record: Record) -> Result<(), String> {
        let Record { region, stands_for, ttl } = record;
        match stands_for {
            StandsFor::Alias(_) if !self.servers.is_empty() => {
                return Err("an alias does not stand beside addresses".to_owned());
            }
            StandsFor::Servers { .. } if !self.aliases.is_empty() => {
                return Err("addresses do not stand beside an alias".to_owned());
            }
            StandsFor::Alias(name) => {
                let before = self.aliases.get(&region);
                if before.is_some_and(|before| *before != name) {
                    return Err(format!("region {region} has another alias already"));
                }
                self.aliases.insert(region, name);
            }
            StandsFor::Servers { at, check } => {
                let elsewhere = at.iter().find_map(|server| {
                    let (other, _) = self.servers.get(server)?;
                    (*other != region).then(|| format!("{server} is in region {other} already"))
                });
                if let Some(elsewhere) = elsewhere {
                    return Err(elsewhere);
                }
                let servers = at.into_iter().map(|at| (at, (region.clone(), check.clone())));
                self.servers.extend(servers);
            }
        }
        self.ttl = self.ttl.into_iter().chain(ttl).min();
        Ok(())
    }

    /// Its regions.
    pub(super) fn regions(&self) -> BTreeSet<String> {
        let of_servers = self.servers.values().map(|(region, _)| region.clone());
        of_servers.chain(self.aliases.keys().cloned()).collect()
    }
}

/// What tells records of one note apart.
pub(super) fn key(endpoint: &Endpoint) -> (String, &str, &str) {
    (endpoint.name(), &endpoint.record_type, &endpoint.set_identifier)
}
