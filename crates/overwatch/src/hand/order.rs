//! An operator's words about routing, and what speaks against them.

use std::collections::BTreeSet;

use model::{BackendKey, Region, Subnet, Time};
use routing::{Algorithm, DomainSettings};

use super::{Hand, HandItem, Said, pin_name};

/// Pins of all domains together: a table of this size is laid over geography in some milliseconds.
/// At the limit a new one is objected to.
const PINS_MAX: usize = 10_000;
/// Resolvers with weights: the large providers of a country. At the limit a list is objected to.
const RESOLVERS_MAX: usize = 1_000;
/// Client networks of one resolver, as above: each is judged whenever the resolver is.
const CLIENTS_MAX: usize = 256;
/// Client networks of all resolvers, as above: together they take a tenth of a second a minute.
const CLIENTS_OF_ALL_MAX: usize = 20_000;
/// Words about servers: each server of the largest fleet. At the limit a new one is objected to.
const SERVERS_MAX: usize = 20_000;
/// A sentence or two. A longer reason is objected to.
const REASON_BYTES_MAX: usize = 500;
/// The longest that a word holds before it ends by itself, in milliseconds: a year. Beyond it, it is
/// objected to.
const FOR_MS_MAX: u64 = 365 * 86_400_000;
/// The longest drain, in milliseconds: a week. Beyond it, it is objected to.
const OVER_MS_MAX: u64 = 7 * 86_400_000;

/// What an operator can say about routing. Domains go by their names in the configuration, in any
/// case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOrder {
    /// Say what a server is, whatever anybody else says; `None` takes it back.
    Override {
        /// Which server.
        backend: BackendKey,
        /// Whether it is up.
        is_up: Option<bool>,
    },
    /// Empty a server: its weight falls, and it gets no new clients once it is drained of all.
    Empty {
        /// Which server.
        backend: BackendKey,
        /// The share of its weight that it loses, in thousandths; 0 gives it back.
        permille: u16,
        /// How long it takes to get there, in milliseconds.
        over_ms: u64,
    },
    /// Send a network to a region while that is up; `None` takes the pin back.
    Pin {
        /// Of which domain.
        domain: String,
        /// Which network.
        network: Subnet,
        /// Where to.
        region: Option<Region>,
    },
    /// Send a share of a region's clients elsewhere, whatever the domain.
    Drain {
        /// Which region.
        region: Region,
        /// The share, in thousandths; 0 gives the region all its clients back.
        permille: u16,
        /// How long it takes to get there, in milliseconds.
        over_ms: u64,
    },
    /// Let nobody move but what health moves, or let them again.
    Freeze {
        /// Which domain.
        domain: String,
        /// Which of the two.
        is_frozen: bool,
    },
    /// Try regions, or do not.
    Explore {
        /// Which domain.
        domain: String,
        /// Which of the two.
        is_on: bool,
    },
    /// Whose questions resolvers ask: replaces all that was said about it.
    Resolvers(Vec<(Subnet, Vec<(Subnet, u32)>)>),
}

/// Why a word is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandFault {
    /// There is no such domain.
    #[error("there is no domain {name}: opengslb-cli domains lists them")]
    NoDomain {
        /// The name.
        name: String,
    },
    /// No domain has such a region, or that one has not.
    #[error("there is no region {region} {place}; there are {known}")]
    NoRegion {
        /// The name.
        region: Region,
        /// Where it was looked for.
        place: String,
        /// Those that there are.
        known: String,
    },
    /// There is nothing to take back.
    #[error("{what}: there is nothing to take back")]
    Nothing {
        /// What is not so.
        what: String,
    },
    /// The domain does not learn.
    #[error("{domain} goes by {algorithm}: nothing is learned there")]
    LearnsNothing {
        /// The domain.
        domain: String,
        /// Its algorithm.
        algorithm: &'static str,
    },
    /// The configuration says otherwise, and beats it.
    #[error("the configuration says {key}: change it there")]
    Configured {
        /// The key and its value.
        key: &'static str,
    },
    /// A number is out of bounds.
    #[error("{what}: at most {most}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The bound.
        most: u64,
    },
    /// A reason is no line of text.
    #[error("a reason is one line of text")]
    Reason,
    /// What takes something back, or lists resolvers, does not end by itself.
    #[error("only what is made by hand ends by itself: leave the time out")]
    NoEnd,
    /// A resolver stands twice in the list, or has no client with a weight.
    #[error("resolver {resolver} {what}")]
    Resolver {
        /// Which.
        resolver: Subnet,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A domain by its name, in any case, with or without the final dot.
pub(crate) fn find<'a>(
    mut domains: impl Iterator<Item = &'a DomainSettings>,
    name: &str,
) -> Result<&'a DomainSettings, HandFault> {
    let wanted = name.strip_suffix('.').unwrap_or(name);
    let found = domains.find(|domain| domain.name.eq_ignore_ascii_case(wanted));
    found.ok_or_else(|| HandFault::NoDomain { name: name.to_owned() })
}

pub(super) fn learns(settings: &DomainSettings) -> bool {
    matches!(settings.algorithm, Algorithm::LearnedLatency { .. })
}

impl HandOrder {
    /// What speaks against it.
    pub(crate) fn check<'a>(
        &self,
        hand: &Hand,
        domains: impl Iterator<Item = &'a DomainSettings> + Clone,
        now: Time,
    ) -> Result<(), HandFault> {
        match self {
            // Whether there is such a server, only the registry knows.
            Self::Override { .. } => servers(hand),
            Self::Empty { permille, over_ms, .. } => {
                servers(hand)?;
                bounded(usize::from(*permille), 1_000, "thousandths of a server's weight")?;
                bounded_ms(*over_ms)
            }
            Self::Pin { domain, region: Some(region), .. } => {
                let pins = hand.items().filter(|row| matches!(row.item, HandItem::Pin { .. }));
                bounded(pins.count(), PINS_MAX - 1, "pins")?;
                let domain = find(domains, domain)?;
                has_region(std::iter::once(domain), region, &format!("of {}", domain.name))
            }
            Self::Pin { domain, network, region: None } => {
                let name = find(domains, domain).map_or(domain.as_str(), |domain| &domain.name);
                let is_there = hand.rows.contains_key(&pin_name(name, *network));
                let what = || format!("{network} of {name} is not pinned");
                if is_there { Ok(()) } else { Err(HandFault::Nothing { what: what() }) }
            }
            Self::Drain { region, permille, over_ms } => {
                bounded(usize::from(*permille), 1_000, "thousandths of a region's clients")?;
                bounded_ms(*over_ms)?;
                let drained = hand.drain(region).map(|(drain, _)| drain.permille(now));
                if *permille == 0 && drained.is_none() {
                    let what = format!("region {region} is not drained");
                    return Err(HandFault::Nothing { what });
                }
                // One that the configuration lost can still be given back.
                if *permille == 0 { Ok(()) } else { has_region(domains, region, "of any domain") }
            }
            Self::Freeze { domain, is_frozen } => {
                let domain = learning(domains, domain)?;
                let is_configured = !is_frozen && domain.learning.is_frozen;
                configured(is_configured, "domains[].learning.frozen: true")
            }
            Self::Explore { domain, is_on } => {
                let domain = learning(domains, domain)?;
                let is_configured = *is_on && !domain.learning.exploration.is_enabled;
                configured(is_configured, "domains[].learning.exploration.enabled: false")
            }
            Self::Resolvers(resolvers) => check_resolvers(resolvers),
        }
    }
}

impl HandOrder {
    /// Whether it makes something, which then can end by itself.
    const fn makes(&self) -> bool {
        match self {
            Self::Override { is_up, .. } => is_up.is_some(),
            Self::Empty { permille, .. } | Self::Drain { permille, .. } => *permille > 0,
            Self::Pin { region, .. } => region.is_some(),
            Self::Freeze { is_frozen, .. } => *is_frozen,
            Self::Explore { is_on, .. } => !*is_on,
            Self::Resolvers(_) => false,
        }
    }
}

impl Said {
    /// What speaks against saying it so.
    pub(crate) fn check(&self, order: &HandOrder) -> Result<(), HandFault> {
        self.check_reason()?;
        match self.for_ms {
            Some(_) if !order.makes() => Err(HandFault::NoEnd),
            Some(for_ms) if for_ms > FOR_MS_MAX => {
                let (what, most) = ("seconds that it holds", FOR_MS_MAX / 1_000);
                Err(HandFault::TooMuch { what, most })
            }
            _ => Ok(()),
        }
    }

    /// What speaks against saying so what is not made by hand.
    pub(crate) fn check_alone(&self) -> Result<(), HandFault> {
        self.check_reason()?;
        if self.for_ms.is_some() { Err(HandFault::NoEnd) } else { Ok(()) }
    }

    /// What speaks against its reason.
    fn check_reason(&self) -> Result<(), HandFault> {
        let reason = self.reason.as_deref().unwrap_or_default();
        bounded(reason.len(), REASON_BYTES_MAX, "bytes of a reason")?;
        if reason.chars().any(char::is_control) { Err(HandFault::Reason) } else { Ok(()) }
    }
}

fn servers(hand: &Hand) -> Result<(), HandFault> {
    let is_about =
        |item: &HandItem| matches!(item, HandItem::Override { .. } | HandItem::Empty { .. });
    let words = hand.items().filter(|row| is_about(&row.item)).count();
    bounded(words, SERVERS_MAX - 1, "words about servers")
}

fn check_resolvers(resolvers: &[(Subnet, Vec<(Subnet, u32)>)]) -> Result<(), HandFault> {
    bounded(resolvers.len(), RESOLVERS_MAX, "resolvers")?;
    let mut seen = BTreeSet::new();
    for (resolver, clients) in resolvers {
        let fault = |what| Err(HandFault::Resolver { resolver: *resolver, what });
        bounded(clients.len(), CLIENTS_MAX, "clients of one resolver")?;
        if !seen.insert(*resolver) {
            return fault("stands twice in the list");
        }
        if clients.iter().all(|(_, weight)| *weight == 0) {
            return fault("has no client with a weight");
        }
    }
    let clients = resolvers.iter().map(|(_, clients)| clients.len()).sum();
    bounded(clients, CLIENTS_OF_ALL_MAX, "clients of all resolvers")
}

fn learning<'a>(
    domains: impl Iterator<Item = &'a DomainSettings>,
    name: &str,
) -> Result<&'a DomainSettings, HandFault> {
    let domain = find(domains, name)?;
    let algorithm = domain.algorithm.as_str();
    let fault = || HandFault::LearnsNothing { domain: domain.name.clone(), algorithm };
    if learns(domain) { Ok(domain) } else { Err(fault()) }
}

fn has_region<'a>(
    domains: impl Iterator<Item = &'a DomainSettings>,
    region: &Region,
    place: &str,
) -> Result<(), HandFault> {
    let known: BTreeSet<&Region> =
        domains.flat_map(|domain| &domain.regions).map(|region| &region.name).collect();
    if known.contains(region) {
        return Ok(());
    }
    let known: Vec<&str> = known.into_iter().map(Region::as_str).collect();
    let (region, place) = (region.clone(), place.to_owned());
    Err(HandFault::NoRegion { region, place, known: known.join(", ") })
}

const fn configured(is_configured: bool, key: &'static str) -> Result<(), HandFault> {
    if is_configured { Err(HandFault::Configured { key }) } else { Ok(()) }
}

const fn bounded(count: usize, most: usize, what: &'static str) -> Result<(), HandFault> {
    if count > most { Err(HandFault::TooMuch { what, most: most as u64 }) } else { Ok(()) }
}

const fn bounded_ms(over_ms: u64) -> Result<(), HandFault> {
    let what = "seconds that a drain takes";
    if over_ms > OVER_MS_MAX {
        return Err(HandFault::TooMuch { what, most: OVER_MS_MAX / 1_000 });
    }
    Ok(())
}
