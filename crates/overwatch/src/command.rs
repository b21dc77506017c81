//! An operator's word: what speaks against it, and how it is carried out. What was done is kept in a
//! list, with whoever said it.

use std::collections::BTreeSet;

use mesh::{Refusal, RefusalReason};
use model::{AgentId, BackendKey, Time};

use crate::agents::Objection;
use crate::{ApiToken, Change, Command, Custody, Effect, HandOrder, Note, Overwatch, Said};

/// Who takes back what ends by itself.
pub(crate) const ITSELF: &str = "its own end";

impl Overwatch {
    /// What speaks against carrying out a command; without, it will be.
    #[must_use]
    pub fn objection(&self, command: &Command, said: &Said, now: Time) -> Option<Objection> {
        let speech = match command {
            Command::Hand(order) => said.check(order),
            _ => said.check_alone(),
        };
        if let Err(fault) = speech {
            return Some(fault.into());
        }
        let is_known = match command {
            Command::Approve { agent, key } => return self.agents.objection(agent, *key),
            Command::Revoke(agent) => self.agents.get(agent).is_some(),
            Command::Accept(agent) if self.agents.get(agent).is_some() => {
                return (!self.is_held(agent)).then_some(Objection::NotHeld);
            }
            Command::Accept(source) if self.outside_ids().any(|known| known == *source) => {
                return self.table.held(source).is_none().then_some(Objection::NotHeld);
            }
            Command::Accept(_) => false,
            Command::Forget(agent) => return self.objection_to_forget(agent, now),
            Command::ForgetSource(source) => self.outside.contains_key(source),
            // What was said of a server that left can still be taken back.
            Command::Hand(
                HandOrder::Override { backend, .. } | HandOrder::Empty { backend, .. },
            ) if self.registry.get(backend).is_none()
                && self.hand.word_about(backend).is_none() =>
            {
                false
            }
            Command::Keys(order) => return self.key_objection(order, now).map(Objection::from),
            Command::Tokens(order) => return self.tokens.objection(order).map(Objection::from),
            Command::Hand(order) => {
                let fault = order.check(&self.hand, self.publisher.domains(), now).err();
                return fault.map(Objection::from);
            }
        };
        (!is_known).then_some(Objection::Unknown)
    }

    /// What it calls itself.
    pub(crate) fn node_id(&self) -> &str {
        self.identity.overwatch_id.as_str()
    }

    /// The number of the last change that anybody made; it only grows, over restarts too.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.hand.revision()
    }

    /// The tokens of the API that operators made, sorted by name.
    pub fn tokens(&self) -> impl Iterator<Item = &ApiToken> {
        self.tokens.iter()
    }

    pub(crate) fn command(
        &mut self,
        command: Command,
        said: &Said,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        if self.objection(&command, said, now).is_some() {
            return;
        }
        let what = match command {
            Command::Approve { agent, key } => {
                // What was refused before is offered anew on a new connection; and where another key has
                // the name from now on, the old one's ends.
                self.disconnect_agent(&agent, now, out);
                let before = self.agents.get(&agent).map(|record| record.pin.key);
                let changed = self.agents.approve(&agent, key, now);
                if self.agents.get(&agent).map(|record| record.pin.key) != before {
                    // What the other key said is not this one's word.
                    self.table.forget(&agent);
                    self.peers.silenced(&agent);
                }
                let pins = changed.iter().filter_map(|id| {
                    Some(Change::PutPin(id.clone(), self.agents.get(id)?.pin.clone()))
                });
                out.push(Effect::Keep(pins.collect()));
                format!("agent {agent} was approved")
            }
            Command::Revoke(agent) => self.revoke(&agent, now, out),
            Command::Accept(agent) => self.accept(&agent, now, out),
            Command::Forget(agent) => {
                self.forget(&agent, now, out);
                format!("agent {agent} was forgotten; its name and its backends are free")
            }
            Command::ForgetSource(source) => self.forget_outside(&source),
            Command::Keys(order) => match self.key_order(&order, now, out) {
                Some(what) => what,
                None => return,
            },
            Command::Tokens(order) => {
                let (what, change) = self.tokens.carry_out(order, &said.by, now);
                out.push(Effect::Keep(vec![change]));
                what
            }
            Command::Hand(order) => {
                let done = self.hand.carry_out(order, self.publisher.domains(), (said, now));
                // What speaks against it was found above.
                let Ok((what, changes)) = done else { return };
                out.push(Effect::Keep(changes));
                self.touched.extend(self.registry.speak(self.hand.spoken()));
                // Within this event, not with the next tick.
                self.learn(now);
                what
            }
        };
        self.note(what, said, now, out);
    }

    /// Keeps and logs what was done.
    pub(crate) fn note(&mut self, what: String, said: &Said, now: Time, out: &mut Vec<Effect>) {
        if self.custody != Custody::Alone {
            // The line comes with the rows, for all overwatches alike.
            return;
        }
        out.push(Effect::Keep(self.hand.note(&what, said, now)));
        let Said { by, reason, .. } = said.clone();
        out.push(Effect::Log(Note::Commanded { what, by, reason }));
    }

    /// Takes back what has come to its end by itself.
    pub(crate) fn sweep(&mut self, now: Time, out: &mut Vec<Effect>) {
        let (lines, over) = self.hand.sweep(now);
        if over.is_empty() {
            return;
        }
        out.push(Effect::Keep(over));
        self.touched.extend(self.registry.speak(self.hand.spoken()));
        for what in lines {
            self.note(what, &Said { by: ITSELF.to_owned(), ..Said::default() }, now, out);
        }
    }

    /// An agent that is there would be back at once; one that is gone may be forgotten.
    fn objection_to_forget(&self, agent: &AgentId, now: Time) -> Option<Objection> {
        if self.agents.get(agent).is_none() {
            return Some(Objection::Unknown);
        }
        self.agents.is_there(agent, now).then_some(Objection::IsThere)
    }

    /// Throws an agent out: its session, its backends and its rows.
    fn revoke(&mut self, agent: &AgentId, now: Time, out: &mut Vec<Effect>) -> String {
        let held = self.registry.entries().filter(|entry| entry.agent.as_ref() == Some(agent));
        let held: BTreeSet<BackendKey> = held.map(|entry| entry.backend.key.clone()).collect();
        if let Some(link) = self.agents.revoke(agent, held.clone()).flatten() {
            let refusal = Refusal::new(RefusalReason::AgentRevoked, agent.as_str());
            self.refuse(link, refusal, now, out);
        }
        self.registry.release(agent, |_| true);
        self.table.forget(agent);
        self.peers.silenced(agent);
        self.touched.extend(held);
        if let Some(record) = self.agents.get(agent) {
            out.push(Effect::Keep(vec![Change::PutPin(agent.clone(), record.pin.clone())]));
        }
        format!("agent {agent} was revoked; its backends are blocked and its rows withdrawn")
    }
}
