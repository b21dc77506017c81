//! The other overwatches: those that this one dials and believes, and those that dial it and are told
//! (docs/decisions/0055-overwatches-among-themselves.md).
//!
//! - `asking`: a session that this one dialled: it asks, and hears what agents said elsewhere,
//! - `telling`: a session that another one dialled: it is told what agents said here,
//! - `freshness`: rows that an agent may be about to tell the other one too,
//! - `rest`: how long what was told in vain is not told again,
//! - `hearsay`: what follows from what was heard.
//!
//! Facts go one way on a session, from the dialled to the dialler: who dials in is believed in nothing.

mod asking;

mod freshness;

mod hearsay;

mod rest;

mod telling;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use latency::Position;
use mesh::frame::PEERS_MAX;
use mesh::{Authority, Condition, Grant, KeyHash, Load, OverwatchId, Registration};
use model::{AgentId, Service, Time};

use crate::{Effect, LinkId, Overwatch};

pub(crate) use self::asking::Asking;
use self::freshness::Freshness;
pub(crate) use self::hearsay::Hearsay;
pub(crate) use self::telling::Listener;

/// What this overwatch knows of and through the others.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    /// The addresses that the configuration names.
    configured: BTreeSet<String>,
    /// Those that an overwatch named which was dialled at this address.
    named: BTreeMap<String, Vec<String>>,
    /// Addresses at which this overwatch met itself, and when last. Bounded as the others are: what nobody
    /// names any more is forgotten.
    own: BTreeMap<String, Time>,
    /// What the edge is to dial. At most [`PEERS_MAX`].
    dialled: BTreeSet<String>,
    /// Sessions that this one dialled.
    pub(crate) asking: BTreeMap<LinkId, Asking>,
    /// Why there is no session with an address; bounded as those are.
    pub(crate) faults: BTreeMap<String, String>,
    /// What agents said here in person; bounded by who may be known.
    pub(crate) in_person: BTreeMap<AgentId, InPerson>,
    /// What of hearsay is in force.
    in_force: BTreeMap<AgentId, InForce>,
    digests: BTreeMap<AgentId, Digested>,
    /// Grows with each thing that an agent says.
    said: u64,
    pub(crate) counters: PeerCounters,
}

/// What passed between overwatches so far. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerCounters {
    /// Rows that other overwatches told and the table took.
    pub rows_heard: u64,
    /// Rows that other overwatches were told.
    pub rows_told: u64,
    /// Registrations, conditions and loads that other overwatches told.
    pub facts_heard: u64,
    /// The same that they were told.
    pub facts_told: u64,
    /// What other overwatches told and was not taken.
    pub refused: u64,
}

/// What one agent said here.
#[derive(Clone, Debug)]
pub(crate) struct InPerson {
    key: KeyHash,
    service: Service,
    epoch: u64,
    address: IpAddr,
    /// What its registration needs of what it proved: [`mesh::frame::GRANTS_MAX`] at most.
    grants: Vec<Grant>,
    /// The number of all of the above.
    said: u64,
    registration: Option<(u64, Arc<Registration>)>,
    condition: Option<(u64, Condition)>,
    load: Option<(u64, Load)>,
    rows: Freshness,
}

/// What of an agent is in force that was heard elsewhere.
#[derive(Debug)]
struct InForce {
    registration: Arc<Registration>,
    address: IpAddr,
    condition: Option<Condition>,
    load: Option<Load>,
    /// Whether it was granted since anything last made it worth less.
    is_settled: bool,
}

/// A digest, and what it is of: no row changes without one of these.
#[derive(Debug)]
struct Digested {
    of: (Option<Position>, usize, usize, u64),
    digest: u64,
}

/// A session with another overwatch, for those who look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// As dialled.
    pub address: String,
    /// Who is there; `None` while there is no session.
    pub overwatch_id: Option<OverwatchId>,
    /// Its key, likewise.
    pub key: Option<KeyHash>,
    /// Since when, likewise.
    pub since: Option<Time>,
    /// When it was last heard, likewise.
    pub heard_at: Option<Time>,
    /// How many agents it hears in person.
    pub agents: usize,
    /// Why there is no session, where the other end said so.
    pub fault: Option<String>,
}

impl Peers {
    /// So long an address is not dialled at which this overwatch met itself: names and routes change, and
    /// a connection to itself is cheap.
    const OWN_MS: u64 = 600_000;

    pub(crate) fn new(configured: Vec<String>) -> Self {
        Self { configured: configured.into_iter().collect(), ..Self::default() }
    }

    /// What agents and other overwatches are told: what an operator named here, and no hearsay, so
    /// that an address that is taken out of all configurations is forgotten.
    pub(crate) fn told_addresses(&self) -> Vec<String> {
        let others = self.configured.iter().filter(|address| !self.own.contains_key(*address));
        others.take(PEERS_MAX).cloned().collect()
    }

    /// Forgets where this overwatch met itself if nobody names the address any more.
    fn forget_unnamed(&mut self) {
        let Self { own, configured, named, .. } = self;
        own.retain(|address, _| {
            configured.contains(address) || named.values().flatten().any(|named| named == address)
        });
    }

    /// Every address that is reached from the configured ones by what was named there.
    fn wanted(&self, now: Time) -> BTreeSet<String> {
        let is_own = |address: &String| {
            self.own.get(address).is_some_and(|met_at| now.ms_since(*met_at) < Self::OWN_MS)
        };
        let mut wanted = BTreeSet::new();
        let mut rest: Vec<&String> = self.configured.iter().rev().collect();
        while let Some(address) = rest.pop() {
            if wanted.len() >= PEERS_MAX || is_own(address) {
                continue;
            }
            if wanted.insert(address.clone()) {
                rest.extend(self.named.get(address).into_iter().flatten());
            }
        }
        wanted
    }

    /// Where other overwatches check from.
    pub(crate) fn excluded(&self) -> impl Iterator<Item = IpAddr> {
        self.asking.values().flat_map(Asking::excluded)
    }

    /// The same agent speaks in person: what was heard of it elsewhere is in force no more.
    pub(crate) fn came(&mut self, agent: &AgentId, came: InPerson, authority: &Authority) {
        self.in_force.remove(agent);
        let before = self.in_person.remove(agent);
        // The next words are under way; those before stay until then.
        let before = before.filter(|before| before.key == came.key);
        let (registration, condition, load) = before
            .map(|before| (before.registration, before.condition, before.load))
            .unwrap_or_default();
        self.said += 1;
        let mut came = InPerson { registration, condition, load, said: self.said, ..came };
        if let Some((_, registration)) = &came.registration {
            came.grants = came.needed(registration, authority);
        }
        self.in_person.insert(agent.clone(), came);
    }

    /// An agent said in person what it offers.
    pub(crate) fn registered(
        &mut self,
        agent: &AgentId,
        registration: &Registration,
        authority: &Authority,
    ) {
        self.said += 1;
        let Some(known) = self.in_person.get_mut(agent) else { return };
        let grants = known.needed(registration, authority);
        if known.grants != grants {
            (known.grants, known.said) = (grants, self.said);
        }
        known.registration = Some((self.said, Arc::new(registration.clone())));
    }

    /// What an agent said in person that it offers.
    pub(crate) fn offered_in_person(&self, agent: &AgentId) -> Option<&Arc<Registration>> {
        self.in_person.get(agent)?.registration.as_ref().map(|(_, registration)| registration)
    }

    /// An agent said in person which of its servers strain.
    pub(crate) fn strained(&mut self, agent: &AgentId, condition: &Condition) {
        self.said += 1;
        if let Some(known) = self.in_person.get_mut(agent) {
            known.condition = Some((self.said, condition.clone()));
        }
    }

    /// An agent said in person how busy it is.
    pub(crate) fn loaded(&mut self, agent: &AgentId, load: &Load) {
        self.said += 1;
        if let Some(known) = self.in_person.get_mut(agent) {
            known.load = Some((self.said, load.clone()));
        }
    }

    /// An agent told rows in person, up to here.
    pub(crate) fn reported(&mut self, agent: &AgentId, through: Position, now: Time) {
        if let Some(known) = self.in_person.get_mut(agent) {
            known.rows.told(through, now);
        }
    }

    /// What was heard of an agent elsewhere is to be granted anew when it is there.
    pub(crate) fn weigh_again(&mut self, agent: &AgentId) {
        if let Some(known) = self.in_force.get_mut(agent) {
            known.is_settled = false;
        }
    }

    /// The same for all agents: what may be granted has changed.
    pub(crate) fn weigh_all_again(&mut self) {
        self.in_force.values_mut().for_each(|known| known.is_settled = false);
    }

    /// An agent may not speak any more by the key that it had: what others told of it is not in force. Who
    /// was told that it is there is told that it is not.
    pub(crate) fn silenced(&mut self, agent: &AgentId) {
        self.in_force.remove(agent);
        self.digests.remove(agent);
    }

    /// Knows nothing of an agent any more; what it says again is heard again.
    pub(crate) fn forget(&mut self, agent: &AgentId) {
        self.in_person.remove(agent);
        self.in_force.remove(agent);
        self.digests.remove(agent);
    }
}

impl InForce {
    /// Whether it is this that an agent said, from this address.
    fn is_of(&self, registration: &Arc<Registration>, address: IpAddr) -> bool {
        let is_same = Arc::ptr_eq(&self.registration, registration);
        self.address == address && (is_same || self.registration == *registration)
    }
}

impl InPerson {
    pub(crate) fn new(
        (key, service, epoch): (KeyHash, Service, u64),
        address: IpAddr,
        now: Time,
    ) -> Self {
        let (registration, condition, load) = (None, None, None);
        let (grants, said, rows) = (Vec::new(), 0, Freshness::new(now));
        Self { key, service, epoch, address, grants, said, registration, condition, load, rows }
    }

    /// What of an authority these claims need.
    fn needed(&self, registration: &Registration, authority: &Authority) -> Vec<Grant> {
        let claims = registration.backends.iter().map(|offer| &offer.key);
        let claims = claims.map(|key| (&key.service, key.address));
        authority.needed(&registration.region, claims, self.address).grants().to_vec()
    }
}

impl Overwatch {
    /// Tells the edge whom to dial, where that changed.
    pub(crate) fn dial_peers(&mut self, now: Time, out: &mut Vec<Effect>) {
        let wanted = self.peers.wanted(now);
        self.peers.named.retain(|address, _| wanted.contains(address));
        self.peers.faults.retain(|address, _| wanted.contains(address));
        if wanted != self.peers.dialled {
            self.peers.dialled.clone_from(&wanted);
            out.push(Effect::DialPeers(wanted));
        }
    }

    /// Goes by another list of overwatches from now on, and by other keys.
    pub(crate) fn reload_peers(
        &mut self,
        configured: Vec<String>,
        is_key_gone: bool,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        self.peers.configured = configured.into_iter().collect();
        self.dial_peers(now, out);
        self.welcome_again(out);
        let links = self.peers.asking.iter();
        let unfounded = links
            .filter(|(_, session)| is_key_gone || !self.peers.dialled.contains(&session.address));
        out.extend(unfounded.map(|(link, _)| Effect::Close { link: *link }));
    }

    /// The other overwatches that this one dials, sorted by address.
    #[must_use]
    pub fn peer_list(&self) -> Vec<PeerStatus> {
        let status = |address: &String| {
            let mut sessions = self.peers.asking.values().filter(|s| s.address == *address);
            let status = sessions.find_map(Asking::status);
            status.unwrap_or_else(|| PeerStatus {
                address: address.clone(),
                overwatch_id: None,
                key: None,
                since: None,
                heard_at: None,
                agents: 0,
                fault: self.peers.faults.get(address).cloned(),
            })
        };
        self.peers.dialled.iter().map(status).collect()
    }

    /// What passed between overwatches so far.
    #[must_use]
    pub const fn peer_counters(&self) -> PeerCounters {
        self.peers.counters
    }

    /// A digest of all rows that agents told, here or elsewhere: the same in two overwatches that hold the
    /// same. As it was when the other overwatches were last asked; 0 where there are none.
    #[must_use]
    pub fn rows_digest(&self) -> u64 {
        let digests = self.peers.digests.values();
        digests.fold(0, |sum: u64, known| sum.wrapping_add(known.digest))
    }

    /// The digest of an agent's rows; walks them only where something changed.
    pub(crate) fn digest_of(&mut self, agent: &AgentId) -> u64 {
        let table = &self.table;
        let rows = (table.rows_of(agent), table.rows_waiting(agent));
        let of = (table.position(agent), rows.0, rows.1, self.peers.counters.rows_heard);
        if let Some(known) = self.peers.digests.get(agent).filter(|known| known.of == of) {
            return known.digest;
        }
        let digest = table.digest(agent);
        self.peers.digests.insert(agent.clone(), Digested { of, digest });
        digest
    }

    /// Time passed: asks whom it is time to ask, and gives up who is silent.
    pub(crate) fn look_after_peers(&mut self, now: Time, out: &mut Vec<Effect>) {
        self.peers.forget_unnamed();
        self.dial_peers(now, out);
        self.give_up_silent_peers(now, out);
        self.weigh_all(now, out);
        self.grant_again(now);
        self.ask_peers(now, out);
    }
}
