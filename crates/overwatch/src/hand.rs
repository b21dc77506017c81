//! What operators do by hand about routing: pin networks, drain regions, freeze learning, stop
//! exploring, say whose questions a resolver asks. And the list of all that they said.
//!
//! A word is carried out whole or objected to; what it made is kept over a restart. What names a
//! domain or a region that the configuration lost stays and waits: it may come back. Decides nothing
//! itself: `routing` does, with what `Hand::of_domain` hands it.
//!
//! - [`order`]: what can be said, and what speaks against it.

pub mod order;

use std::collections::{BTreeMap, BTreeSet};

use model::{Region, Subnet, Time};
use routing::{DomainSettings, Drain, HandWork};

use self::order::{HandFault, HandOrder, find, learns};
use crate::Change;

/// Words that are kept; the oldest go.
const AUDIT_MAX: usize = 1_000;

/// One thing made by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandRow {
    /// What.
    pub item: HandItem,
    /// Since when.
    pub since: Time,
}

/// What can be made by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandItem {
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
            Self::Pin { domain, network, .. } => pin_name(domain, *network),
            Self::Drain { region, .. } => drain_name(region),
            Self::Frozen { domain } => frozen_name(domain),
            Self::NotExploring { domain } => exploring_name(domain),
            Self::Resolver { resolver, .. } => format!("resolver {resolver}"),
        }
    }
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

    /// The things, sorted by kind and name.
    pub(crate) fn items(&self) -> impl Iterator<Item = &HandRow> {
        self.rows.values()
    }

    /// The words, the newest first.
    pub(crate) fn audit(&self) -> impl Iterator<Item = &AuditLine> {
        self.audit.values().rev()
    }

    /// The drain of a region, and since when it is drained.
    pub(crate) fn drain(&self, region: &Region) -> Option<(&Drain, Time)> {
        let row = self.rows.get(&drain_name(region))?;
        match &row.item {
            HandItem::Drain { drain, .. } => Some((drain, row.since)),
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
    pub(crate) fn note(&mut self, what: &str, by: &str, now: Time) -> Vec<Change> {
        let number = self.revision();
        let line = AuditLine { at: now, what: what.to_owned(), by: Some(by.to_owned()) };
        self.audit.insert(number, line.clone());
        let mut changes = vec![Change::PutAudit(number, line)];
        while self.audit.len() > AUDIT_MAX {
            let oldest = self.audit.pop_first();
            changes.extend(oldest.map(|(number, _)| Change::RemoveAudit(number)));
        }
        changes
    }

    /// Forgets drains that have come to their end at nothing.
    pub(crate) fn sweep(&mut self, now: Time) -> Vec<Change> {
        let is_over = |drain: &Drain| drain.to_permille == 0 && drain.is_there(now);
        let over = self.drains().into_iter().filter(|(_, drain)| is_over(drain));
        let names: Vec<String> = over.map(|(region, _)| drain_name(&region)).collect();
        names.into_iter().filter_map(|name| self.remove(&name)).collect()
    }

    /// Carries a word out: what was done in plain words, and what to keep; or what speaks against it,
    /// and then nothing was done.
    pub(crate) fn carry_out<'a>(
        &mut self,
        order: HandOrder,
        domains: impl Iterator<Item = &'a DomainSettings> + Clone,
        now: Time,
    ) -> Result<(String, Vec<Change>), HandFault> {
        order.check(self, domains.clone(), now)?;
        let named = |name: &str| find(domains, name).map(|domain| domain.name.clone());
        let mut out = Vec::new();
        let line = match order {
            HandOrder::Pin { domain, network, region: Some(region) } => {
                let domain = named(&domain)?;
                let line = format!("{network} of {domain} is pinned to {region}");
                out.push(self.put(HandItem::Pin { domain, network, region }, now));
                line
            }
            HandOrder::Pin { domain, network, region: None } => {
                // The domain may have left the configuration since.
                let domain = named(&domain).unwrap_or(domain);
                out.extend(self.remove(&pin_name(&domain, network)));
                format!("{network} of {domain} is no longer pinned")
            }
            HandOrder::Drain { region, permille, over_ms } => {
                let from_permille = self.drain(&region).map_or(0, |(old, _)| old.permille(now));
                let drain = Drain { from_permille, to_permille: permille, began: now, over_ms };
                out.extend(if permille == 0 && over_ms == 0 {
                    self.remove(&drain_name(&region))
                } else {
                    Some(self.put(HandItem::Drain { region: region.clone(), drain }, now))
                });
                let over = if over_ms == 0 {
                    String::new()
                } else {
                    format!(" over {} s", over_ms / 1_000)
                };
                let share = percent(permille);
                format!("region {region} is drained of {share} of its clients{over}")
            }
            HandOrder::Freeze { domain, is_frozen } => {
                let domain = named(&domain)?;
                let line = format!(
                    "{domain} is {}",
                    if is_frozen { "frozen" } else { "no longer frozen" }
                );
                out.extend(self.set(HandItem::Frozen { domain }, is_frozen, now));
                line
            }
            HandOrder::Explore { domain, is_on } => {
                let domain = named(&domain)?;
                let line =
                    format!("{domain} {}", if is_on { "explores" } else { "does not explore" });
                out.extend(self.set(HandItem::NotExploring { domain }, !is_on, now));
                line
            }
            HandOrder::Resolvers(resolvers) => {
                let line = format!("the clients of {} resolvers are known", resolvers.len());
                out.extend(self.set_resolvers(resolvers, now));
                line
            }
        };
        self.is_due = true;
        Ok((line, out))
    }

    fn set_resolvers(
        &mut self,
        resolvers: Vec<(Subnet, Vec<(Subnet, u32)>)>,
        now: Time,
    ) -> Vec<Change> {
        let items = resolvers.into_iter();
        let items: Vec<HandItem> =
            items.map(|(resolver, clients)| HandItem::Resolver { resolver, clients }).collect();
        let stay: BTreeSet<String> = items.iter().map(HandItem::name).collect();
        let is_old = |row: &&HandRow| matches!(row.item, HandItem::Resolver { .. });
        let old: Vec<String> =
            self.rows.values().filter(is_old).map(|row| row.item.name()).collect();
        let gone = old.iter().filter(|name| !stay.contains(*name));
        let mut out: Vec<Change> = gone.filter_map(|name| self.remove(name)).collect();
        out.extend(items.into_iter().map(|item| self.put(item, now)));
        out
    }

    fn set(&mut self, item: HandItem, is_so: bool, now: Time) -> Option<Change> {
        if is_so { Some(self.put(item, now)) } else { self.remove(&item.name()) }
    }

    /// What is said again stays as old as it is.
    fn put(&mut self, item: HandItem, now: Time) -> Change {
        let name = item.name();
        let old = self.rows.get(&name).filter(|row| row.item == item);
        let row = HandRow { item, since: old.map_or(now, |row| row.since) };
        self.rows.insert(name, row.clone());
        Change::PutHand(row)
    }

    fn remove(&mut self, name: &str) -> Option<Change> {
        self.rows.remove(name)?;
        self.is_due = true;
        Some(Change::RemoveHand(name.to_owned()))
    }
}

fn percent(permille: u16) -> String {
    match (permille / 10, permille % 10) {
        (whole, 0) => format!("{whole} %"),
        (whole, tenth) => format!("{whole}.{tenth} %"),
    }
}
