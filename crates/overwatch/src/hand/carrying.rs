//! A word carried out: what it makes and takes back, and the line that says so.
//!
//! Must never judge a word: that is `order`'s.

use std::collections::BTreeSet;

use model::{BackendKey, Region, Subnet, Time};
use routing::{DomainSettings, Drain};

use super::order::{HandFault, HandOrder, find};
use super::{
    Hand, HandItem, HandRow, Said, drain_name, empty_name, exploring_name, frozen_name,
    override_name, pin_name,
};
use crate::Change;

/// What a word comes to.
enum Doing {
    /// This holds from now on.
    Put(HandItem),
    /// What has this name does no more.
    Remove(String),
}

impl Hand {
    /// Carries a word out: what was done in plain words, and what to keep; or what speaks against it,
    /// and then nothing was done.
    pub(crate) fn carry_out<'a>(
        &mut self,
        order: HandOrder,
        domains: impl Iterator<Item = &'a DomainSettings> + Clone,
        (said, now): (&Said, Time),
    ) -> Result<(String, Vec<Change>), HandFault> {
        order.check(self, domains.clone(), now)?;
        said.check(&order)?;
        let named = |name: &str| find(domains.clone(), name).map(|domain| domain.name.clone());
        let (line, doings) = match order {
            HandOrder::Override { backend, is_up } => overridden(backend, is_up),
            HandOrder::Empty { backend, permille, over_ms } => {
                let from_permille = self.emptying(&backend).map_or(0, |old| old.permille(now));
                let drain = Drain { from_permille, to_permille: permille, began: now, over_ms };
                emptied(backend, drain)
            }
            HandOrder::Drain { region, permille, over_ms } => {
                let from_permille = self.drain(&region).map_or(0, |(old, _)| old.permille(now));
                let drain = Drain { from_permille, to_permille: permille, began: now, over_ms };
                drained(region, drain)
            }
            // The domain may have left the configuration since its pin was made.
            HandOrder::Pin { domain, network, region } => {
                pinned(named(&domain).unwrap_or(domain), network, region)
            }
            HandOrder::Freeze { domain, is_frozen } => frozen(named(&domain)?, is_frozen),
            HandOrder::Explore { domain, is_on } => exploring(named(&domain)?, is_on),
            HandOrder::Resolvers(resolvers) => self.resolvers(resolvers),
        };
        let changes = doings.into_iter().filter_map(|doing| match doing {
            Doing::Put(item) => Some(self.put(item, said, now)),
            Doing::Remove(name) => self.remove(&name),
        });
        let changes = changes.collect();
        self.is_due = true;
        Ok((line + &until(said), changes))
    }

    fn resolvers(&self, resolvers: Vec<(Subnet, Vec<(Subnet, u32)>)>) -> (String, Vec<Doing>) {
        let line = format!("the clients of {} resolvers are known", resolvers.len());
        let items = resolvers.into_iter();
        let items: Vec<HandItem> =
            items.map(|(resolver, clients)| HandItem::Resolver { resolver, clients }).collect();
        let stay: BTreeSet<String> = items.iter().map(HandItem::name).collect();
        let is_old = |row: &&HandRow| matches!(row.item, HandItem::Resolver { .. });
        let old = self.rows.values().filter(is_old).map(|row| row.item.name());
        let gone = old.filter(|name| !stay.contains(name)).map(Doing::Remove);
        let doings = gone.chain(items.into_iter().map(Doing::Put)).collect();
        (line, doings)
    }
}

fn overridden(backend: BackendKey, is_up: Option<bool>) -> (String, Vec<Doing>) {
    match is_up {
        Some(is_up) => {
            let what = if is_up { "up" } else { "down" };
            let line = format!("backend {backend} is overridden to {what}");
            (line, vec![Doing::Put(HandItem::Override { backend, is_up })])
        }
        None => {
            let name = override_name(&backend);
            (format!("backend {backend} is no longer overridden"), vec![Doing::Remove(name)])
        }
    }
}

fn emptied(backend: BackendKey, drain: Drain) -> (String, Vec<Doing>) {
    match drain {
        Drain { to_permille: 0, over_ms: 0, .. } => {
            let name = empty_name(&backend);
            (format!("backend {backend} is no longer drained"), vec![Doing::Remove(name)])
        }
        Drain { to_permille: 1_000, over_ms: 0, .. } => {
            let line = format!("backend {backend} is being drained");
            (line, vec![Doing::Put(HandItem::Empty { backend, drain })])
        }
        _ => {
            let (share, over) = (percent(drain.to_permille), over(drain.over_ms));
            let line = format!("backend {backend} is drained of {share} of its weight{over}");
            (line, vec![Doing::Put(HandItem::Empty { backend, drain })])
        }
    }
}

fn drained(region: Region, drain: Drain) -> (String, Vec<Doing>) {
    let Drain { to_permille, over_ms, .. } = drain;
    let (share, over) = (percent(to_permille), over(over_ms));
    let line = format!("region {region} is drained of {share} of its clients{over}");
    let doing = if to_permille == 0 && over_ms == 0 {
        Doing::Remove(drain_name(&region))
    } else {
        Doing::Put(HandItem::Drain { region, drain })
    };
    (line, vec![doing])
}

fn pinned(domain: String, network: Subnet, region: Option<Region>) -> (String, Vec<Doing>) {
    match region {
        Some(region) => {
            let line = format!("{network} of {domain} is pinned to {region}");
            (line, vec![Doing::Put(HandItem::Pin { domain, network, region })])
        }
        None => {
            let name = pin_name(&domain, network);
            (format!("{network} of {domain} is no longer pinned"), vec![Doing::Remove(name)])
        }
    }
}

fn frozen(domain: String, is_frozen: bool) -> (String, Vec<Doing>) {
    if is_frozen {
        (format!("{domain} is frozen"), vec![Doing::Put(HandItem::Frozen { domain })])
    } else {
        let name = frozen_name(&domain);
        (format!("{domain} is no longer frozen"), vec![Doing::Remove(name)])
    }
}

fn exploring(domain: String, is_on: bool) -> (String, Vec<Doing>) {
    if is_on {
        let name = exploring_name(&domain);
        (format!("{domain} explores"), vec![Doing::Remove(name)])
    } else {
        let line = format!("{domain} does not explore");
        (line, vec![Doing::Put(HandItem::NotExploring { domain })])
    }
}

/// What is said of something that was taken back.
pub(super) fn taken_back(item: &HandItem) -> String {
    match item {
        HandItem::Override { backend, .. } => format!("backend {backend} is no longer overridden"),
        HandItem::Empty { backend, .. } => format!("backend {backend} is no longer drained"),
        HandItem::Pin { domain, network, .. } => {
            format!("{network} of {domain} is no longer pinned")
        }
        HandItem::Drain { region, .. } => format!("region {region} is no longer drained"),
        HandItem::Frozen { domain } => format!("{domain} is no longer frozen"),
        HandItem::NotExploring { domain } => format!("{domain} explores"),
        HandItem::Resolver { resolver, .. } => {
            format!("the clients of resolver {resolver} are not known any more")
        }
    }
}

fn over(over_ms: u64) -> String {
    if over_ms == 0 { String::new() } else { format!(" over {} s", over_ms / 1_000) }
}

fn until(said: &Said) -> String {
    said.for_ms.map_or_else(String::new, |for_ms| format!(", for {} s", for_ms.div_ceil(1_000)))
}

fn percent(permille: u16) -> String {
    match (permille / 10, permille % 10) {
        (whole, 0) => format!("{whole} %"),
        (whole, tenth) => format!("{whole}.{tenth} %"),
    }
}
