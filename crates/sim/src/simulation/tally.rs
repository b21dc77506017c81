//! What happened to clients, counted as it happens and summed up by the hour.

mod watched;

use std::collections::BTreeMap;

use model::Time;
use routing::Reason;

use self::watched::Watched;
use super::CLIENTS_START;
use super::visits::Told;
use crate::clients::Connection;
use crate::scenario::Watch;
use crate::world::{World, WorldError};

/// The connections since the last reading.
#[derive(Clone, Debug)]
pub struct Tally {
    hour: Hour,
    /// By network, with ECS and without.
    sent: Vec<[Sent; 2]>,
    /// By network: whether it connected in this hour, and whether it was sent elsewhere.
    seen: Vec<Seen>,
    /// As `sent` was when the first agent began to lie.
    before_lies: Option<Vec<[Sent; 2]>>,
    watched: Watched,
}

/// Where a network was sent, exploring left out.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    /// The site of the last answer.
    last: Option<u16>,
    /// The site before the last switch.
    before: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    has_connected: bool,
    has_switched: bool,
    has_switched_back: bool,
}

/// An hour of connections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hour {
    /// Their round-trip times in microseconds, where they went.
    pub chosen_us: Vec<u32>,
    /// Why they went there.
    pub reasons: BTreeMap<Reason, u64>,
    /// How many went to each site.
    pub by_site: Vec<u64>,
    /// Clients that DNS told nothing.
    pub unanswered: u64,
    /// Clients that were told of a site that was down.
    pub failed: u64,
    /// Clients that did not ask; in none of the above.
    pub strays: u64,
    /// The share of the networks seen that were sent elsewhere than before, exploring left out.
    pub switches: f64,
    /// The share of them that were sent back to the site before.
    pub switches_back: f64,
    /// Queries that reached an overwatch.
    pub queries: u64,
    /// Queries that would have, had there been one answer for the whole world.
    pub single_queries: u64,
    /// Connections whose nearest site is the best one: how many, and what they paid beyond it, in
    /// microseconds.
    pub right: (u64, i64),
    /// The most connections that were open at each site at once.
    pub open_max: Vec<u64>,
    /// By each watch: connections, those that went to its sites, and the sum of their times in
    /// microseconds.
    pub watched: Vec<(u64, u64, u64)>,
    /// What the shadow would have done with the connections that it judged.
    pub shadow: ShadowCounts,
    /// Minute by minute.
    pub minutes: Vec<Minute>,
}

/// What a shadow would have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShadowCounts {
    /// Connections that it judged.
    pub judged: u64,
    /// Those that it would have sent elsewhere.
    pub other: u64,
    /// Those of them whose gain is known.
    pub known: u64,
    /// Their gain together, in microseconds.
    pub gain_us: i64,
}

/// A minute of connections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Minute {
    /// How many went to each site.
    pub by_site: Vec<u64>,
    /// Clients that were told of a site that was down.
    pub failed: u64,
    /// How many went to a site whose agent lies, not to find out, and from a network that went
    /// elsewhere when the first lie began.
    pub drawn: u64,
}

/// What became of one connection.
pub(super) struct Visit {
    pub(super) at: Time,
    pub(super) told: Told,
    pub(super) site: usize,
    pub(super) rtt_us: u32,
    /// What the best site would have taken, where that is the nearest.
    pub(super) right_us: Option<u32>,
    /// Whether the site's agent lies.
    pub(super) is_lied_for: bool,
}

const MINUTE_MS: u64 = 60_000;
const MINUTES: usize = 60;

impl Tally {
    pub(super) fn new(world: &World, watches: &[Watch]) -> Result<Self, WorldError> {
        Ok(Self {
            hour: Hour::of(world.sites.len(), watches.len()),
            sent: vec![[Sent::default(); 2]; world.networks.len()],
            seen: vec![Seen::default(); world.networks.len()],
            before_lies: None,
            watched: Watched::new(world, watches)?,
        })
    }

    /// What was counted since this was last asked.
    pub(super) fn take(&mut self) -> Hour {
        let connected = self.seen.iter().filter(|seen| seen.has_connected).count().max(1) as f64;
        let switched = self.seen.iter().filter(|seen| seen.has_switched).count() as f64;
        let switched_back = self.seen.iter().filter(|seen| seen.has_switched_back).count() as f64;
        self.seen.fill(Seen::default());
        let next = Hour::of(self.hour.by_site.len(), self.hour.watched.len());
        let mut hour = std::mem::replace(&mut self.hour, next);
        (hour.switches, hour.switches_back) = (switched / connected, switched_back / connected);
        hour
    }

    pub(super) const fn hour(&mut self) -> &mut Hour {
        &mut self.hour
    }

    /// A client was told of a site that was down.
    pub(super) fn fail(&mut self, now: Time) {
        self.hour.failed += 1;
        self.hour.minute(now).failed += 1;
    }

    /// So many connections are open at a site.
    pub(super) fn open(&mut self, site: usize, connections: u64) {
        if let Some(most) = self.hour.open_max.get_mut(site) {
            *most = connections.max(*most);
        }
    }

    pub(super) fn count(&mut self, connection: &Connection, visit: &Visit) {
        let hour = &mut self.hour;
        if let Some(count) = hour.minute(visit.at).by_site.get_mut(visit.site) {
            *count += 1;
        }
        self.watched.count(connection.network, visit, &mut hour.watched);
        if let Some(shadow) = visit.told.shadow {
            hour.shadow.judged += 1;
            hour.shadow.other += u64::from(shadow.is_other);
            hour.shadow.known += u64::from(shadow.is_other && shadow.gain_us.is_some());
            hour.shadow.gain_us += shadow.gain_us.unwrap_or_default();
        }
        hour.chosen_us.push(visit.rtt_us);
        if let Some(count) = hour.by_site.get_mut(visit.site) {
            *count += 1;
        }
        if let Some(right_us) = visit.right_us {
            hour.right.0 += 1;
            hour.right.1 += i64::from(visit.rtt_us) - i64::from(right_us);
        }
        if visit.is_lied_for {
            self.note_lie(connection, visit);
        }
        self.note_site(connection, visit);
    }

    /// A client went to a site whose agent lies: from elsewhere, if its network went there before.
    fn note_lie(&mut self, connection: &Connection, visit: &Visit) {
        let before = self.before_lies.get_or_insert_with(|| self.sent.clone());
        let before = before.get(connection.network).copied().unwrap_or_default();
        let before = before[usize::from(connection.has_ecs)].last;
        let is_from_elsewhere = before.is_some_and(|site| usize::from(site) != visit.site);
        if is_from_elsewhere && !visit.told.reason.is_some_and(is_exploring) {
            self.hour.minute(visit.at).drawn += 1;
        }
    }

    /// Why a client went where it went, and whether that is news.
    fn note_site(&mut self, connection: &Connection, visit: &Visit) {
        let Some(reason) = visit.told.reason else { return };
        *self.hour.reasons.entry(reason).or_default() += 1;
        let network = connection.network;
        let (Some(sent), Some(seen)) = (self.sent.get_mut(network), self.seen.get_mut(network))
        else {
            return;
        };
        seen.has_connected = true;
        if is_exploring(reason) {
            return;
        }
        let site = u16::try_from(visit.site).ok();
        let sent = &mut sent[usize::from(connection.has_ecs)];
        if sent.last.is_some() && sent.last != site {
            seen.has_switched = true;
            seen.has_switched_back |= sent.before == site;
            sent.before = sent.last;
        }
        sent.last = site;
    }
}

impl Hour {
    fn of(sites: usize, watches: usize) -> Self {
        let minute = Minute { by_site: vec![0; sites], ..Minute::default() };
        Self {
            by_site: vec![0; sites],
            open_max: vec![0; sites],
            watched: vec![(0, 0, 0); watches],
            minutes: vec![minute; MINUTES],
            ..Self::default()
        }
    }

    /// The minute of the hour that it is. A run ends with the hour's last moment, which counts to
    /// its last minute.
    fn minute(&mut self, now: Time) -> &mut Minute {
        let minute = now.ms_since(CLIENTS_START).saturating_sub(1) / MINUTE_MS % MINUTES as u64;
        let at = usize::try_from(minute).unwrap_or_default();
        &mut self.minutes[at]
    }

    /// How many went where they went to find out how far it is.
    #[must_use]
    pub fn explored(&self) -> u64 {
        self.reasons
            .iter()
            .filter(|(reason, _)| is_exploring(**reason))
            .map(|(_, count)| count)
            .sum()
    }
}

/// Whether an answer was given to find out, not because it was the best.
fn is_exploring(reason: Reason) -> bool {
    reason.as_str() == "exploration"
}
