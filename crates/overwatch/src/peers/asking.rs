//! A session that this overwatch dialled: it asks, and hears what agents said elsewhere.
//!
//! One question is under way at a time, and an answer has a limit, so whoever is slow slows down itself
//! alone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use latency::Position;
use mesh::frame::HAVES_MAX;
use mesh::{
    AgentHave, DialStep, Frame, HandshakeFault, Have, KeyHash, OverwatchId, Peer, PeerHandshake,
    Refusal, RefusalReason, Welcome,
};
use model::{AgentId, Time};

use super::{Hearsay, PeerStatus};
use crate::{Effect, LinkId, Note, Overwatch};

/// How often another overwatch is asked what is new: two overwatches differ for little longer, and
/// what an agent tells to both in the meantime has no need to travel.
const ASK_EVERY_MS: u64 = 1_000;

/// An overwatch that does not answer for this long is not there, whatever its connection says: ten
/// questions' time.
const SILENT_MS: u64 = 10_000;

/// A session that this overwatch dialled.
#[derive(Debug)]
pub(crate) struct Asking {
    /// As dialled.
    pub(crate) address: String,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Proving(Box<PeerHandshake>, KeyHash),
    Standing(Box<Standing>),
    Ended,
}

/// One that stands.
#[derive(Debug)]
struct Standing {
    overwatch: OverwatchId,
    key: KeyHash,
    since: Time,
    heard_at: Time,
    /// Whether an answer is under way.
    awaits: bool,
    next_ask: Time,
    /// What it was told that this one has. Bounded as `hearsay` is.
    said: BTreeMap<AgentId, Has>,
    /// What it says of agents. Bounded by [`crate::agents::Agents::RECORDS_MAX`].
    hearsay: BTreeMap<AgentId, Arc<Hearsay>>,
    exclude: Vec<IpAddr>,
    /// Of whom rows were refused in this answer: it is to be said anew what there is of them here.
    refused: BTreeSet<AgentId>,
}

/// What this overwatch has of an agent: of which key, how far, and a digest of it.
type Has = (KeyHash, Option<Position>, u64);

impl Asking {
    /// Where the other one checks from.
    pub(super) fn excluded(&self) -> impl Iterator<Item = IpAddr> {
        self.standing().into_iter().flat_map(|standing| standing.exclude.iter().copied())
    }

    /// What the other one says of an agent.
    pub(super) fn hearsay(&self, agent: &AgentId) -> Option<&Arc<Hearsay>> {
        self.standing()?.hearsay.get(agent)
    }

    /// Every agent that it speaks of.
    pub(super) fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.standing().into_iter().flat_map(|standing| standing.hearsay.keys())
    }

    pub(super) fn hearsay_mut(&mut self) -> Option<&mut BTreeMap<AgentId, Arc<Hearsay>>> {
        match &mut self.stage {
            Stage::Standing(standing) => Some(&mut standing.hearsay),
            Stage::Proving(..) | Stage::Ended => None,
        }
    }

    /// Rows of an agent were refused: the other one goes on behind them, which would be refused too.
    pub(super) fn refused(&mut self, agent: &AgentId) {
        if let Stage::Standing(standing) = &mut self.stage {
            standing.refused.insert(agent.clone());
        }
    }

    pub(super) fn status(&self) -> Option<PeerStatus> {
        let standing = self.standing()?;
        Some(PeerStatus {
            address: self.address.clone(),
            overwatch_id: Some(standing.overwatch.clone()),
            key: Some(standing.key),
            since: Some(standing.since),
            heard_at: Some(standing.heard_at),
            agents: standing.hearsay.len(),
            fault: None,
        })
    }

    fn standing(&self) -> Option<&Standing> {
        match &self.stage {
            Stage::Standing(standing) => Some(standing),
            Stage::Proving(..) | Stage::Ended => None,
        }
    }
}

impl Overwatch {
    /// A connection that this overwatch dialled stands; nothing is proven.
    pub(crate) fn peer_reached(
        &mut self,
        (link, address): (LinkId, String),
        peer: Peer,
        pinned: Option<KeyHash>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        if peer.key == peer.own_key {
            let is_known = self.peers.own.insert(address, now).is_some();
            out.push(Effect::Close { link });
            self.dial_peers(now, out);
            if !is_known {
                self.welcome_again(out);
            }
            return;
        }
        if self.peers.own.remove(&address).is_some() {
            self.welcome_again(out);
        }
        let key = peer.key;
        match PeerHandshake::start(self.identity.overwatch_id.clone(), peer, pinned) {
            Ok((handshake, hello)) => {
                out.push(Effect::Send { link, frame: hello });
                let stage = Stage::Proving(Box::new(handshake), key);
                self.peers.asking.insert(link, Asking { address, stage });
            }
            Err(fault) => self.not_met(link, &address, &fault, now, out),
        }
    }

    /// Whether a connection is one that this overwatch dialled.
    pub(crate) fn is_asking(&self, link: LinkId) -> bool {
        self.peers.asking.contains_key(&link)
    }

    /// Takes a frame of an overwatch that was dialled. Says whether a standing may have changed.
    pub(crate) fn on_peer_frame(
        &mut self,
        link: LinkId,
        frame: Frame,
        now: Time,
        out: &mut Vec<Effect>,
    ) -> bool {
        let Some(session) = self.peers.asking.get_mut(&link) else { return false };
        match &mut session.stage {
            Stage::Ended => false,
            Stage::Proving(handshake, key) => {
                let (address, key) = (session.address.clone(), *key);
                match handshake.on_frame(frame, &self.identity) {
                    Ok(DialStep::Prove { send, pin }) => {
                        out.push(Effect::PinPeer { address, key: pin });
                        out.push(Effect::Send { link, frame: send });
                    }
                    Ok(DialStep::Welcomed { overwatch_id, welcome }) => {
                        self.met(link, (overwatch_id, key), welcome, now, out);
                    }
                    Err(fault) => {
                        session.stage = Stage::Ended;
                        self.not_met(link, &address, &fault, now, out);
                    }
                }
                false
            }
            Stage::Standing(standing) => {
                standing.heard_at = now;
                self.on_told(link, frame, now, out)
            }
        }
    }

    /// Takes what an overwatch tells that has proven itself.
    fn on_told(&mut self, link: LinkId, frame: Frame, now: Time, out: &mut Vec<Effect>) -> bool {
        match frame {
            Frame::Welcome(welcome) => self.peer_lists(link, welcome, now, out),
            Frame::Vouched(vouched) => self.vouched(link, vouched, now, out),
            Frame::Relayed { agent_id, key, said } => {
                self.relayed((link, &agent_id, key), *said, now, out);
            }
            Frame::Told { has_more } => {
                let session = self.peers.asking.get_mut(&link);
                if let Some(Asking { stage: Stage::Standing(standing), .. }) = session {
                    standing.awaits = false;
                    // Not before the end of an answer, or the same rows would come at once.
                    if !has_more {
                        let refused = std::mem::take(&mut standing.refused);
                        standing.said.retain(|agent, _| !refused.contains(agent));
                    }
                    standing.next_ask = if has_more { now } else { now.plus_ms(ASK_EVERY_MS) };
                }
                self.ask_peers(now, out);
                return true;
            }
            Frame::Goodbye => {
                out.push(Effect::Close { link });
                self.peer_lost(link, now, out);
                return true;
            }
            Frame::Refused(refusal) => {
                let address = self.peers.asking.get(&link).map(|session| session.address.clone());
                let fault = HandshakeFault::Refused(refusal);
                self.not_met(link, &address.unwrap_or_default(), &fault, now, out);
                self.peer_lost(link, now, out);
                return true;
            }
            frame => {
                let reason = RefusalReason::UnexpectedFrame;
                let refusal = Refusal::new(reason, frame.kind().as_str());
                out.push(Effect::Send { link, frame: Frame::Refused(refusal) });
                out.push(Effect::Close { link });
                self.peer_lost(link, now, out);
                return true;
            }
        }
        false
    }

    fn met(
        &mut self,
        link: LinkId,
        (overwatch, key): (OverwatchId, KeyHash),
        welcome: Welcome,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let Some(session) = self.peers.asking.get_mut(&link) else { return };
        let address = session.address.clone();
        session.stage = Stage::Standing(Box::new(Standing {
            overwatch: overwatch.clone(),
            key,
            since: now,
            heard_at: now,
            awaits: false,
            next_ask: now,
            said: BTreeMap::new(),
            hearsay: BTreeMap::new(),
            exclude: Vec::new(),
            refused: BTreeSet::new(),
        }));
        self.peers.faults.remove(&address);
        out.push(Effect::Log(Note::PeerMet { overwatch: overwatch.to_string(), address }));
        self.peer_lists(link, welcome, now, out);
        self.ask_peers(now, out);
    }

    /// Takes the lists of another overwatch: whom it knows, and where it checks from.
    fn peer_lists(&mut self, link: LinkId, welcome: Welcome, now: Time, out: &mut Vec<Effect>) {
        let Some(session) = self.peers.asking.get_mut(&link) else { return };
        self.peers.named.insert(session.address.clone(), welcome.peers);
        if let Stage::Standing(standing) = &mut session.stage
            && standing.exclude != welcome.exclude
        {
            standing.exclude = welcome.exclude;
            self.welcome_again(out);
        }
        self.dial_peers(now, out);
    }

    /// There is no session with this address, and why.
    fn not_met(
        &mut self,
        link: LinkId,
        address: &str,
        fault: &HandshakeFault,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        if let Some(refusal) = fault.refusal() {
            out.push(Effect::Send { link, frame: Frame::Refused(refusal) });
        }
        out.push(Effect::Close { link });
        let why = match fault {
            // The other one's words say what to do already.
            HandshakeFault::Refused(refusal) => refusal.to_string(),
            fault => format!("{fault}: {}", fault.reason().sentence()),
        };
        if self.news.is_news(address, fault.reason(), now) {
            let (address, why) = (address.to_owned(), why.clone());
            out.push(Effect::Log(Note::PeerNotMet { address, why }));
        }
        self.peers.faults.insert(address.to_owned(), why);
    }

    /// A session that this overwatch dialled is over: what was heard on it is hearsay no more.
    pub(crate) fn peer_lost(&mut self, link: LinkId, now: Time, out: &mut Vec<Effect>) {
        let Some(session) = self.peers.asking.get_mut(&link) else { return };
        let address = session.address.clone();
        let Stage::Standing(standing) = std::mem::replace(&mut session.stage, Stage::Ended) else {
            return;
        };
        let Standing { overwatch, hearsay, exclude: _, .. } = *standing;
        out.push(Effect::Log(Note::PeerLost { overwatch: overwatch.to_string(), address }));
        for agent in hearsay.keys() {
            self.weigh(agent, now, out);
        }
    }

    /// Gives up who does not answer; the edge dials again.
    pub(super) fn give_up_silent_peers(&mut self, now: Time, out: &mut Vec<Effect>) {
        let is_silent = |session: &Asking| {
            let standing = session.standing();
            standing.is_some_and(|standing| now.ms_since(standing.heard_at) >= SILENT_MS)
        };
        let silent = self.peers.asking.iter().filter(|(_, session)| is_silent(session));
        for link in silent.map(|(link, _)| *link).collect::<Vec<_>>() {
            out.push(Effect::Close { link });
            self.peer_lost(link, now, out);
        }
    }

    /// Asks every overwatch that it is time to ask, and says how far this one heard each agent.
    pub(super) fn ask_peers(&mut self, now: Time, out: &mut Vec<Effect>) {
        let is_due = |standing: &&Standing| !standing.awaits && now >= standing.next_ask;
        if !self.peers.asking.values().filter_map(Asking::standing).any(|s| is_due(&s)) {
            return;
        }
        let have = self.has_of_all();
        for (link, session) in &mut self.peers.asking {
            let Stage::Standing(standing) = &mut session.stage else { continue };
            if !is_due(&&**standing) {
                continue;
            }
            (standing.awaits, standing.next_ask) = (true, now.plus_ms(ASK_EVERY_MS));
            let news = standing.news(&have);
            let mut chunks = news.chunks(HAVES_MAX).peekable();
            loop {
                let agents = chunks.next().unwrap_or_default().to_vec();
                let asks = chunks.peek().is_none();
                out.push(Effect::Send { link: *link, frame: Frame::Have(Have { agents, asks }) });
                if asks {
                    break;
                }
            }
        }
    }

    /// What this overwatch has of each agent. Rows of those that offer nothing would have no place here.
    fn has_of_all(&mut self) -> Vec<(AgentId, Has)> {
        let offering = self.agents.iter().filter(|(_, record)| !record.ports.is_empty());
        let offering: Vec<(AgentId, KeyHash)> =
            offering.map(|(agent, record)| (agent.clone(), record.pin.key)).collect();
        let has = offering.into_iter().map(|(agent, key)| {
            let (position, digest) = (self.table.position(&agent), self.digest_of(&agent));
            (agent, (key, position, digest))
        });
        has.collect()
    }
}

impl Standing {
    /// What of it the other one was not told yet; from now on it was.
    fn news(&mut self, have: &[(AgentId, Has)]) -> Vec<AgentHave> {
        let news = have.iter().filter(|(agent, has)| self.said.get(agent) != Some(has));
        let news: Vec<&(AgentId, Has)> = news.collect();
        self.said.extend(news.iter().map(|(agent, has)| (agent.clone(), *has)));
        // Some offer nothing any more.
        if self.said.len() > have.len() {
            self.said = have.iter().cloned().collect();
        }
        let of = |(agent_id, (key, position, digest)): &(AgentId, Has)| AgentHave {
            agent_id: agent_id.clone(),
            key: Some(*key),
            position: *position,
            digest: *digest,
        };
        news.into_iter().map(of).collect()
    }
}
