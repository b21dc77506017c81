//! What the learning of a domain has to say about one client, for those who explain: read from the
//! same values that its cell is judged by. Judges nothing and changes nothing.

use std::net::IpAddr;

use geo::GeoClass;
use model::{Region, Subnet, Time};

use super::Learning;
use super::cells::{Attempt, Cell, CellId};
use super::hold;
use super::prospect::{Prospect, Standing};
use crate::baseline::Base;
use crate::belief::Belief;

/// The story of a client's cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// What the client is judged as.
    pub judged: Judged,
    /// Every allowed region.
    pub outlooks: Vec<Outlook>,
    /// Where it stays, and what would move it.
    pub hold: Option<HoldStory>,
    /// What it tries.
    pub exploration: ExplorationStory,
}

/// Whom a client is judged with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// As a network with rows of its own.
    Network(Subnet),
    /// As one without, of the network around others that have some.
    Around(Subnet),
    /// As one of its class in geography.
    Class,
    /// As the clients of the resolver with this network.
    Clients(Subnet),
}

/// What a region promises to a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Which of the domain's regions, counted from 0.
    pub region: u16,
    /// What is believed.
    pub belief: Belief,
    /// The ends of the interval that decisions go by, in microseconds: nine of ten times lie
    /// inside. Narrower than the belief's own for those judged as many.
    pub interval_us: (u32, u32),
    /// Whether enough was learned to go by it.
    pub is_learned: bool,
    /// Why it is not tried; `None` where it is.
    pub untried: Option<Untried>,
    /// The connections that should have been measured there since it is tried, and were not.
    pub expected: f64,
}

/// Why a region is not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untried {
    /// The client is there.
    Held,
    /// Nothing is, now: see [`ExplorationStory::off`].
    Off,
    /// The time of the region that there is to beat is not known, or over the limit.
    NothingToBeat,
    /// It is over `max_latency_ms`.
    OverLimit,
    /// Even at the better end of its interval it would not be better by the margin.
    NotPromising,
    /// No agent there would measure who comes.
    NoAgent,
    /// It was tried and never measured.
    GivenUp {
        /// Until when it rests.
        until: Time,
    },
    /// Two others promise more, or there is no share left to try it with.
    Behind,
}

/// Why nothing is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// The configuration says so.
    Configured,
    /// An operator said so.
    ByHand,
    /// The domain is frozen.
    Frozen,
    /// The client is pinned.
    Pinned,
}

/// Where a client stays, and what would move it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoldStory {
    /// The region, counted from 0.
    pub region: u16,
    /// When it moved there; `None` where it never moved.
    pub since: Option<Time>,
    /// It leaves for a region with less than this, in microseconds, once that is learned and sure;
    /// `None` where nothing is known of the present one, so that nothing is known to be better.
    pub leaves_below_us: Option<u32>,
    /// Where it would rather be.
    pub wish: Option<u16>,
    /// What it waits for before it may go anywhere.
    pub waits: Option<Waits>,
}

/// Why nobody moves yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// An operator pinned it.
    Pinned,
    /// The domain is frozen.
    Frozen,
    /// It moved just now.
    Dwell {
        /// Until when it stays.
        until: Time,
    },
    /// Enough traffic moved in this minute.
    Budget,
}

/// What a client tries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExplorationStory {
    /// Why nothing is tried; `None` where something may be.
    pub off: Option<Off>,
    /// When the slot ends in which it is decided anew.
    pub slot_ends: Time,
    /// The region whose turn it is in this slot. It gets it if it serves.
    pub this_slot: Option<u16>,
}

impl Untried {
    /// The word of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Off => "exploration_off",
            Self::NothingToBeat => "nothing_to_beat",
            Self::OverLimit => "over_max_latency",
            Self::NotPromising => "not_promising",
            Self::NoAgent => "no_agent",
            Self::GivenUp { .. } => "given_up",
            Self::Behind => "others_first",
        }
    }
}

impl Off {
    /// The word of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configuration",
            Self::ByHand => "operator",
            Self::Frozen => "frozen",
            Self::Pinned => "pinned",
        }
    }
}

impl Waits {
    /// The word of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Frozen => "frozen",
            Self::Dwell { .. } => "dwell",
            Self::Budget => "moves_per_minute",
        }
    }
}

impl Learning {
    /// The story of a client whose block tries this now; `None` where the domain does not learn, or
    /// has no map yet.
    pub(crate) fn story(&self, this_slot: Option<u16>, client: IpAddr, now: Time) -> Option<Story> {
        if !self.learns() {
            return None;
        }
        let (id, _) = self.cells.map.get(client);
        let cell = self.cells.list.get(id as usize)?;
        let base = self.baseline.get(cell.base)?;
        let (mut beliefs, mut prospects) = (Vec::new(), Vec::new());
        self.foresee((cell, base), now, &mut beliefs, &mut prospects);
        let off = self.off(base);
        let outlook = |prospect: &Prospect| {
            let attempt = cell.attempt_of(prospect.region);
            Outlook {
                region: prospect.region,
                belief: prospect.belief,
                interval_us: prospect.interval_us(),
                is_learned: prospect.is_learned,
                untried: self.untried(prospect, (id, cell, &prospects), off, now),
                expected: attempt.map_or(0.0, |attempt| attempt.expected),
            }
        };
        let slot_ms = self.settings.learning.exploration.slot_ms.max(1);
        Some(Story {
            judged: self.judged((id, cell), base),
            outlooks: prospects.iter().map(outlook).collect(),
            hold: cell
                .held()
                .map(|held| self.hold_story((id, cell), base, (held, &prospects), now)),
            exploration: ExplorationStory {
                off,
                slot_ends: now.plus_ms(slot_ms - now.unix_ms() % slot_ms),
                this_slot,
            },
        })
    }

    /// What geography knows of a client.
    pub(crate) fn class(&self, client: IpAddr) -> &GeoClass {
        self.geo.locate(client).class_of
    }

    /// The narrowest pin around a client.
    pub(crate) fn pin(&self, client: IpAddr) -> Option<(Subnet, &Region)> {
        let around = self.hand.pins.iter().filter(|(network, _)| network.contains(client));
        let pin = around.max_by_key(|(network, _)| network.length());
        pin.map(|(network, region)| (*network, region))
    }

    fn judged(&self, (id, cell): (CellId, &Cell), base: &Base) -> Judged {
        match base.resolver {
            Some(resolver) => Judged::Clients(resolver),
            None if cell.has_rows() => Judged::Network(cell.spot),
            None if self.cells.is_class(id, cell.base) => Judged::Class,
            None => Judged::Around(cell.spot),
        }
    }

    fn off(&self, base: &Base) -> Option<Off> {
        let terms = &self.settings.learning;
        match () {
            () if base.pin.is_some() => Some(Off::Pinned),
            () if terms.is_frozen || self.hand.is_frozen => Some(Off::Frozen),
            () if !terms.exploration.is_enabled => Some(Off::Configured),
            () if self.hand.is_not_exploring => Some(Off::ByHand),
            () => None,
        }
    }

    fn untried(
        &self,
        prospect: &Prospect,
        (id, cell, prospects): (CellId, &Cell, &[Prospect]),
        off: Option<Off>,
        now: Time,
    ) -> Option<Untried> {
        let region = prospect.region;
        let reports = self.reports.get(usize::from(region)) == Some(&true);
        let is_open = off.is_none() && reports;
        if is_open && self.made.trials(id).iter().any(|trial| trial.region == region) {
            return None;
        }
        if cell.held() == Some(region) {
            return Some(Untried::Held);
        }
        if off.is_some() {
            return Some(Untried::Off);
        }
        if prospect.standing == Standing::OverLimit {
            return Some(Untried::OverLimit);
        }
        let current = prospects.iter().find(|prospect| cell.held() == Some(prospect.region));
        let Some(current) = current.filter(|current| current.standing == Standing::Known) else {
            return Some(Untried::NothingToBeat);
        };
        let given_up = cell.attempt_of(region).and_then(Attempt::given_up_until);
        Some(match given_up.filter(|until| now < *until) {
            _ if !prospect.may_beat(current, &self.settings.learning.hold) => Untried::NotPromising,
            _ if !reports => Untried::NoAgent,
            Some(until) => Untried::GivenUp { until },
            None => Untried::Behind,
        })
    }

    fn hold_story(
        &self,
        (id, cell): (CellId, &Cell),
        base: &Base,
        (held, prospects): (u16, &[Prospect]),
        now: Time,
    ) -> HoldStory {
        let terms = &self.settings.learning;
        let current = prospects.iter().find(|prospect| prospect.region == held);
        let known = current.filter(|current| current.standing != Standing::Unknown);
        let wish = hold::wish(prospects, held, &terms.hold);
        let dwell_ends = cell.moved_at().map(|at| at.plus_ms(terms.hold.dwell_ms));
        let waits = match dwell_ends.filter(|until| now < *until) {
            _ if base.pin.is_some() => Some(Waits::Pinned),
            _ if terms.is_frozen || self.hand.is_frozen => Some(Waits::Frozen),
            Some(until) => Some(Waits::Dwell { until }),
            None if wish.is_some() && self.may_move(id, base, now) => Some(Waits::Budget),
            None => None,
        };
        HoldStory {
            region: held,
            since: cell.moved_at(),
            leaves_below_us: known.map(|current| {
                let rtt_us = current.belief.rtt_us;
                rtt_us.saturating_sub(terms.hold.margin_us(rtt_us))
            }),
            wish: wish.filter(|_| base.pin.is_none()),
            waits,
        }
    }
}
