//! Why a client is sent where it is: the decision itself, and beside it every region with what is
//! believed of it, what speaks against it, and what would change the choice.
//!
//! Decides nothing. The choice is [`decide()`]'s own; what stands beside it is read from the same map,
//! pool and learning. For people: it allocates, and costs as much as judging a cell.

use std::net::IpAddr;

use geo::GeoClass;
use model::{Region, Rtt, Subnet, Time};

use crate::algorithm::Algorithm;
use crate::drain::Drained;

use crate::pool::{ServerPool, Tier};
use crate::ranking::Ranking;
use crate::{Decision, DomainMap, Learning, Reason, decide};

pub use crate::learning::story::{
    ExplorationStory, HoldStory, Judged, Off, Outlook, Story, Untried, Waits,
};

/// A decision and what it was made of.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    /// The decision, as a query at this moment gets it. Of those that take turns, the first.
    pub decision: Decision<'a>,
    /// What geography knows of the client.
    pub class: &'a GeoClass,
    /// Every region of the domain: first those the client may use, in the order in which they are
    /// taken; then the others, in the domain's order.
    pub candidates: Vec<Candidate<'a>>,
    /// The pin around the client, where an operator made one. It does nothing where a constraint
    /// forbids the region.
    pub pin: Option<(Subnet, &'a Region)>,
    /// What was learned, where the domain learns.
    pub learned: Option<Story>,
}

/// One region.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Its name.
    pub region: &'a Region,
    /// Whether the client is sent there.
    pub is_chosen: bool,
    /// The reason that it has, or would have, were it the first that serves; `None` where a
    /// constraint forbids it.
    pub reason: Option<Reason>,
    /// What speaks against it; `None` where it merely stands behind the one chosen.
    pub excluded: Option<Excluded>,
    /// The part of its clients that an operator drains, in thousandths, whether or not this client
    /// is one of them.
    pub drained_permille: Option<u16>,
    /// The connect time from the overwatch, where the domain goes by that.
    pub connect_rtt: Option<Rtt>,
    /// What is believed of it for this client, where the domain learns.
    pub outlook: Option<Outlook>,
    /// The share of its slots in which the client's block tries it, in 65,536ths; 0 where it does
    /// not.
    pub trial_share: u16,
}

/// What speaks against a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excluded {
    /// A constraint forbids it to this client.
    Constraint,
    /// No server of it is known.
    NoServer,
    /// None of its servers is up.
    NoneUp,
    /// Its servers are being emptied, each by hand.
    Draining,
    /// An operator drains the region, and this client is in the part that is sent elsewhere.
    Drained,
    /// It has as many connections as it may, and the client is among those sent on.
    Full,
    /// Its servers are doubtful, and another region's are up.
    Doubtful,
    /// It is slower than `max_latency_ms`.
    OverLimit,
}

impl Excluded {
    /// The word of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Constraint => "constraint",
            Self::NoServer => "no_server",
            Self::NoneUp => "no_server_up",
            Self::Draining => "servers_draining",
            Self::Drained => "drained",
            Self::Full => "full",
            Self::Doubtful => "doubtful",
            Self::OverLimit => "over_max_latency",
        }
    }
}

/// Explains where `client` goes at this moment. `map` and `learning` are of one domain, and `pool`
/// is its servers.
#[must_use]
pub fn explain<'a>(
    learning: &'a Learning,
    map: &'a DomainMap,
    pool: &'a ServerPool,
    client: IpAddr,
    now: Time,
) -> Explanation<'a> {
    let decision = decide(map, pool, client, 0, now);
    let (ranking, block) = map.block(client);
    let trial = map.trial(ranking, block, now).map(|(region, _)| region);
    let learned = learning.story(trial, client, now);
    let scene = Scene { map, pool, ranking, drained: pool.drained_for(client, now) };
    let order = pool.order(ranking).iter().map(|ranked| (ranked.region, Some(ranked.reason)));
    let regions = || (0..=u16::MAX).zip(&map.settings().regions).map(|(region, _)| region);
    let is_allowed = |region: u16| ranking.regions().iter().any(|ranked| ranked.region == region);
    let forbidden = regions().filter(|region| !is_allowed(*region)).map(|region| (region, None));
    let of = |(region, reason): (u16, Option<Reason>)| {
        let outlooks = learned.as_ref().map_or(&[][..], |story| &story.outlooks);
        let outlook = outlooks.iter().find(|outlook| outlook.region == region).copied();
        let trial = map.trials(ranking).find(|trial| trial.region == region);
        Some(Candidate {
            region: map.region_name(region)?,
            is_chosen: decision.region_place() == Some(usize::from(region)),
            reason,
            excluded: scene.excluded(region, reason),
            drained_permille: scene.drained.permille(region),
            connect_rtt: match map.settings().algorithm {
                Algorithm::Latency { .. } => pool.connect_rtt(region),
                _ => None,
            },
            outlook,
            trial_share: trial.map_or(0, |trial| trial.share),
        })
    };
    let candidates = order.chain(forbidden).filter_map(of).collect();
    let (class, pin) = (learning.class(client), learning.pin(client));
    Explanation { decision, class, candidates, pin, learned }
}

/// What regions are looked at in.
struct Scene<'a> {
    map: &'a DomainMap,
    pool: &'a ServerPool,
    ranking: &'a Ranking,
    drained: Drained<'a>,
}

impl Scene<'_> {
    fn excluded(&self, region: u16, reason: Option<Reason>) -> Option<Excluded> {
        let Some(reason) = reason else { return Some(Excluded::Constraint) };
        let Some(tier) = self.pool.serving_tier(region) else {
            return Some(self.not_serving(region));
        };
        if self.drained.spilled_from(region) {
            return Some(Excluded::Full);
        }
        if self.drained.from(region) {
            return Some(Excluded::Drained);
        }
        let is_up = |other: u16| {
            self.pool.serving_tier(other) == Some(Tier::Up) && !self.drained.from(other)
        };
        // Where a pin sends, doubtful servers will do.
        let is_pinned = reason == Reason::Pinned;
        let others = self.ranking.regions();
        if tier != Tier::Up && !is_pinned && others.iter().any(|other| is_up(other.region)) {
            return Some(Excluded::Doubtful);
        }
        matches!(reason, Reason::LearnedOverLimit | Reason::LatencyOverLimit)
            .then_some(Excluded::OverLimit)
    }

    fn not_serving(&self, region: u16) -> Excluded {
        let name = self.map.region_name(region);
        let mut servers =
            self.pool.servers().iter().filter(|server| Some(&server.region) == name).peekable();
        if servers.peek().is_none() {
            return Excluded::NoServer;
        }
        let is_draining = servers.any(|server| server.standing == health::Standing::Draining);
        if is_draining { Excluded::Draining } else { Excluded::NoneUp }
    }
}

#[cfg(test)]
mod tests;
