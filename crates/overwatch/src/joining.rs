//! An agent that has proven itself: whether it is welcome, and what it is told then.

use std::collections::BTreeSet;
use std::net::IpAddr;

use latency::Position;
use mesh::{Frame, ProvenAgent, Refusal, Welcome};
use model::{AgentId, Time};

use crate::agents::{Admission, Applicant, Life};
use crate::peers::InPerson;
use crate::session::{Session, Stage};
use crate::{Change, Effect, LinkId, Note, Overwatch};

impl Overwatch {
    /// An agent knows both secrets; whether this key may go by this name is decided now.
    pub(crate) fn proven(
        &mut self,
        link: LinkId,
        proven: ProvenAgent,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let Some(address) = self.sessions.get(&link).map(|session| session.address) else { return };
        let (agent, key) = (proven.agent_id.clone(), proven.key);
        self.make_room_for(&agent, now, out);
        let is_known = self.agents.get(&agent).is_some();
        let applicant = Applicant {
            id: &agent,
            key,
            service: &proven.service,
            link,
            grants_all_held: self.grants_all_held(address, &proven),
            life: Life { address, epoch: proven.epoch },
        };
        match self.agents.admit(&applicant, now) {
            Admission::Refused(reason) => {
                self.refuse(link, Refusal::new(reason, agent.as_str()), now, out);
            }
            Admission::Welcome { replaces, is_new_pin } => {
                if let Some(record) = self.agents.get(&agent).filter(|_| is_new_pin) {
                    let pin = record.pin.clone();
                    out.push(Effect::Keep(vec![Change::PutPin(agent.clone(), pin)]));
                }
                if is_known && is_new_pin {
                    self.table.forget(&agent);
                }
                if let Some(replaced) = replaces.filter(|replaced| *replaced != link) {
                    self.sessions.get_mut(&replaced).map(Session::end);
                    out.push(Effect::Close { link: replaced });
                }
                self.counters.joined += 1;
                self.agents.came(&agent, proven.epoch, now);
                let who = (key, proven.service.clone(), proven.epoch);
                let came = InPerson::new(who, address, now);
                self.peers.came(&agent, came, &proven.authority);
                // It says so again if it still strains.
                self.registry.strain(&agent, &[]);
                if let Some(session) = self.sessions.get_mut(&link) {
                    session.speak(proven);
                }
                out.push(Effect::Log(Note::AgentJoined {
                    agent: agent.clone(),
                    is_new: is_new_pin,
                    key,
                }));
                let frame = Frame::Welcome(self.welcome(&agent));
                out.push(Effect::Send { link, frame });
            }
        }
    }

    /// Whether a token grants all that an agent's name stands for: the service it was pinned with
    /// and every backend it holds.
    fn grants_all_held(&self, peer: IpAddr, proven: &ProvenAgent) -> bool {
        let pinned = self.agents.get(&proven.agent_id).map(|record| &record.pin.service);
        let mut granted = proven.authority.grants().iter().map(|grant| &grant.service);
        let held = self.registry.entries().filter(|e| e.agent.as_ref() == Some(&proven.agent_id));
        let mut held = held.map(|entry| &entry.backend);
        pinned.is_none_or(|pinned| granted.any(|service| service == pinned))
            && held.all(|backend| {
                let key = &backend.key;
                let authority = &proven.authority;
                authority.check_claim(&key.service, &backend.region, key.address, peer).is_ok()
            })
    }

    fn welcome(&self, agent: &AgentId) -> Welcome {
        let own = self.probe_sources.iter().copied();
        let all: BTreeSet<IpAddr> = own.chain(self.peers.excluded()).collect();
        Welcome {
            resume: self.resume(agent),
            exclude: all.into_iter().take(mesh::frame::EXCLUDES_MAX).collect(),
            peers: self.peers.told_addresses(),
        }
    }

    /// Where an agent goes on: where the table stands, or from where on it may lack something.
    fn resume(&self, agent: &AgentId) -> Option<Position> {
        let position = self.table.position(agent)?;
        let unsure_from = self.agents.get(agent).and_then(|record| record.unsure_from);
        // In an earlier life it said nothing that it does not say anew. And the table may have gone back since.
        let unsure_from = unsure_from.filter(|from| from.epoch == position.epoch);
        Some(unsure_from.map_or(position, |from| from.min(position)))
    }

    /// Tells every agent and every overwatch the lists anew.
    pub(crate) fn welcome_again(&self, out: &mut Vec<Effect>) {
        for (link, session) in &self.sessions {
            let welcome = match &session.stage {
                Stage::Speaking(speaker) => self.welcome(&speaker.agent),
                Stage::Telling(_) => self.peer_welcome(),
                Stage::Proving(_) | Stage::Ended => continue,
            };
            out.push(Effect::Send { link: *link, frame: Frame::Welcome(welcome) });
        }
    }
}
