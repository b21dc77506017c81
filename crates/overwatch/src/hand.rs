//! What operators do by hand about routing: force servers up or down, drain them, pin networks, drain
//! regions, freeze learning, stop exploring, say whose questions a resolver asks. And the list of all
//! that they said.
//!
//! A word is carried out whole or objected to; what it made is kept over a restart, with who said it,
//! why, and until when. What names a domain, a region or a server that is not there stays and waits: it
//! may come back. Decides nothing
//! itself: `routing` does, with what `Hand::of_domain` hands it.
//!
//! - [`order`]: what can be said, and what speaks against it,
//! - `carrying`: a word carried out,
//! - `shared`: what was made at another overwatch.

pub mod order;

mod carrying;

mod shared;

use std::collections::BTreeMap;

use model::{BackendKey, Region, Subnet, Time};
use routing::{DomainSettings, Drain, HandWork};

use self::order::learns;
use crate::{BackendRow, Change};

/// Words that are kept; the oldest go.
const AUDIT_MAX: usize = 1_000;

/// One thing made by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandRow {
    /// What.
    pub item: HandItem,
    /// Since when.
    pub since: Time,
    /// Who said so; `None` where an earlier release kept it.
    pub by: Option<String>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// When it ends by itself.
    pub until: Option<Time>,
}

/// How a word is said: by whom, why, and for how long it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Who, as the list of changes is to call them.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// For how many milliseconds; without, until somebody takes it back.
    pub for_ms: Option<u64>,
}

/// What operators say of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// Whether it is up, whatever anybody else says.
    pub(crate) override_: Option<bool>,
    /// How far it is emptied.
    pub(crate) drain: Option<Drain>,
}

/// What can be made by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandItem {
    /// A server is up or down, whatever anybody else says.
    Override {
        /// The server.
        backend: BackendKey,
        /// Which of the two.
        is_up: bool,
    },
    /// A server is emptied: its weight falls, and at the end it gets no new clients.
    Empty {
        /// The server.
        backend: BackendKey,
        /// How far.
        drain: Drain,
    },
    /// A network is sent to a region.
    Pin {
        /// The domain.
        domain: String,
        /// The network.
        network: Subnet,
        /// The region.
        region: Region,
    },
    /// A region is drained.
    Drain {
        /// The region.
        region: Region,
        /// How far.
        drain: Drain,
    },
    /// A domain is frozen.
    Frozen {
        /// The domain.
        domain: String,
    },
    /// A domain tries nothing.
    NotExploring {
        /// The domain.
        domain: String,
    },
    /// A resolver's clients are known.
    Resolver {
        /// The resolver.
        resolver: Subnet,
        /// Its clients and their weights.
        clients: Vec<(Subnet, u32)>,
    },
}

/// One word of an operator that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// When.
    pub at: Time,
    /// What was done.
    pub what: String,
    /// By whom; `None` where an earlier release kept the line.
    pub by: Option<String>,
    /// Why, if they said so.
    pub reason: Option<String>,
}

/// All that was made by hand, and the list of words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hand {
    /// By [`HandItem::name`].
    rows: BTreeMap<String, HandRow>,
    /// By number; the largest is the newest.
    audit: BTreeMap<u64, AuditLine>,
    /// Whether the domains have yet to be told.
    is_due: bool,
}

impl HandItem {
    /// The name it is kept under: one for each thing that there can be one of.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Override { backend, .. } => override_name(backend),
            Self::Empty { backend, .. } => empty_name(backend),
            Self::Pin { domain, network, .. } => pin_name(domain, *network),
            Self::Drain { region, .. } => drain_name(region),
            Self::Frozen { domain } => frozen_name(domain),
            Self::NotExploring { domain } => exploring_name(domain),
            Self::Resolver { resolver, .. } => format!("resolver {resolver}"),
        }
    }
}

fn override_name(backend: &BackendKey) -> String {
    format!("override {} {} {}", backend.service, backend.address, backend.port)
}

fn empty_name(backend: &BackendKey) -> String {
    format!("empty {} {} {}", backend.service, backend.address, backend.port)
}

fn pin_name(domain: &str, network: Subnet) -> String {
    format!("pin {domain} {network}")
}

fn drain_name(region: &Region) -> String {
    format!("drain {region}")
}

fn frozen_name(domain: &str) -> String {
    format!("frozen {domain}")
}

fn exploring_name(domain: &str) -> String {
    format!("not-exploring {domain}")
}

impl Hand {
    /// What was kept over a restart.
    pub(crate) const fn remember(
        rows: BTreeMap<String, HandRow>,
        audit: BTreeMap<u64, AuditLine>,
    ) -> Self {
        Self { rows, audit, is_due: true }
    }

    /// Takes in what an earlier release kept of servers.
    pub(crate) fn adopt<'r>(&mut self, rows: impl Iterator<Item = &'r BackendRow>, now: Time) {
        for BackendRow { backend, override_, is_draining, .. } in rows {
            let backend = &backend.key;
            if self.word_about(backend).is_some() {
                continue;
            }
            let overridden =
                override_.map(|is_up| HandItem::Override { backend: backend.clone(), is_up });
            let drain = Drain { from_permille: 0, to_permille: 1_000, began: now, over_ms: 0 };
            let emptied = is_draining.then(|| HandItem::Empty { backend: backend.clone(), drain });
            for item in overridden.into_iter().chain(emptied) {
                let row = HandRow { item, since: now, by: None, reason: None, until: None };
                self.rows.insert(row.item.name(), row);
            }
        }
    }

    /// The things, sorted by kind and name.
    pub(crate) fn items(&self) -> impl Iterator<Item = &HandRow> {
        self.rows.values()
    }

    /// The words, the newest first.
    pub(crate) fn audit(&self) -> impl Iterator<Item = &AuditLine> {
        self.audit.values().rev()
    }

    /// What is said of servers.
    pub(crate) fn spoken(&self) -> BTreeMap<BackendKey, Spoken> {
        let mut spoken: BTreeMap<BackendKey, Spoken> = BTreeMap::new();
        for row in self.rows.values() {
            match &row.item {
                HandItem::Override { backend, is_up } => {
                    spoken.entry(backend.clone()).or_default().override_ = Some(*is_up);
                }
                HandItem::Empty { backend, drain } => {
                    spoken.entry(backend.clone()).or_default().drain = Some(*drain);
                }
                _ => {}
            }
        }
        spoken
    }

    /// The word that decides about a server: an override stands above a drain.
    pub(crate) fn word_about(&self, backend: &BackendKey) -> Option<&HandRow> {
        let names = [override_name(backend), empty_name(backend)];
        names.iter().find_map(|name| self.rows.get(name))
    }

    fn emptying(&self, backend: &BackendKey) -> Option<&Drain> {
        match &self.rows.get(&empty_name(backend))?.item {
            HandItem::Empty { drain, .. } => Some(drain),
            _ => None,
        }
    }

    /// The drain of a region, and all that was said of it.
    pub(crate) fn drain(&self, region: &Region) -> Option<(&Drain, &HandRow)> {
        let row = self.rows.get(&drain_name(region))?;
        match &row.item {
            HandItem::Drain { drain, .. } => Some((drain, row)),
            _ => None,
        }
    }

    /// Whether an operator froze a domain.
    pub(crate) fn is_frozen(&self, domain: &str) -> bool {
        self.rows.contains_key(&frozen_name(domain))
    }

    /// Whether an operator stopped a domain's trying.
    pub(crate) fn is_not_exploring(&self, domain: &str) -> bool {
        self.rows.contains_key(&exploring_name(domain))
    }

    /// All drains.
    pub(crate) fn drains(&self) -> BTreeMap<Region, Drain> {
        let drain = |row: &HandRow| match &row.item {
            HandItem::Drain { region, drain } => Some((region.clone(), *drain)),
            _ => None,
        };
        self.rows.values().filter_map(drain).collect()
    }

    /// What a domain has to go by.
    pub(crate) fn of_domain(&self, settings: &DomainSettings) -> HandWork {
        let mut work = HandWork {
            is_frozen: self.is_frozen(&settings.name),
            is_not_exploring: self.is_not_exploring(&settings.name),
            ..HandWork::default()
        };
        for row in self.rows.values() {
            match &row.item {
                HandItem::Pin { domain, network, region } if *domain == settings.name => {
                    work.pins.push((*network, region.clone()));
                }
                HandItem::Resolver { resolver, clients } if learns(settings) => {
                    work.resolvers.insert(*resolver, clients.clone());
                }
                _ => {}
            }
        }
        work
    }

    /// Whether the domains have to be told; then they are.
    pub(crate) const fn take_due(&mut self) -> bool {
        std::mem::replace(&mut self.is_due, false)
    }

    /// The domains are others: they have to be told.
    pub(crate) const fn tell_again(&mut self) {
        self.is_due = true;
    }

    /// The number of the last word; 0 where nothing was ever said.
    pub(crate) fn revision(&self) -> u64 {
        self.audit.last_key_value().map_or(0, |(last, _)| last + 1)
    }

    /// Keeps a word in the list.
    pub(crate) fn note(&mut self, what: &str, said: &Said, now: Time) -> Vec<Change> {
        let number = self.revision();
        let (by, reason) = (Some(said.by.clone()), said.reason.clone());
        let line = AuditLine { at: now, what: what.to_owned(), by, reason };
        self.audit.insert(number, line.clone());
        let mut changes = vec![Change::PutAudit(number, line)];
        while self.audit.len() > AUDIT_MAX {
            let oldest = self.audit.pop_first();
            changes.extend(oldest.map(|(number, _)| Change::RemoveAudit(number)));
        }
        changes
    }

    /// Takes back what has come to its end: words whose time is over, with a line for each, and drains
    /// that have come to nothing.
    pub(crate) fn sweep(&mut self, now: Time) -> (Vec<String>, Vec<Change>) {
        let is_over = |row: &HandRow| row.until.is_some_and(|until| until <= now);
        let is_nothing = |drain: &Drain| drain.to_permille == 0 && drain.is_there(now);
        let (mut lines, mut names) = (Vec::new(), Vec::new());
        for (name, row) in &self.rows {
            match &row.item {
                _ if is_over(row) => {
                    lines.push(row.line_of_end());
                    names.push(name.clone());
                }
                HandItem::Drain { drain, .. } | HandItem::Empty { drain, .. }
                    if is_nothing(drain) =>
                {
                    names.push(name.clone());
                }
                _ => {}
            }
        }
        (lines, names.into_iter().filter_map(|name| self.remove(&name)).collect())
    }

    /// What is said again stays as old as it is.
    fn put(&mut self, item: HandItem, said: &Said, now: Time) -> Change {
        let name = item.name();
        let old = self.rows.get(&name).filter(|row| row.item == item);
        let row = HandRow {
            item,
            since: old.map_or(now, |row| row.since),
            by: Some(said.by.clone()),
            reason: said.reason.clone(),
            until: said.for_ms.map(|for_ms| now.plus_ms(for_ms)),
        };
        self.rows.insert(name, row.clone());
        Change::PutHand(row)
    }

    fn remove(&mut self, name: &str) -> Option<Change> {
        self.rows.remove(name)?;
        self.is_due = true;
        Some(Change::RemoveHand(name.to_owned()))
    }
}
