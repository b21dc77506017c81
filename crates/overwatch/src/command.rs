//! An operator's word: what speaks against it, and how it is carried out. What was done is kept in a
//! list, with whoever said it.

use std::collections::BTreeSet;

use mesh::{Refusal, RefusalReason};
use model::{AgentId, BackendKey, Time};

use crate::agents::Objection;
use crate::{ApiToken, Change, Command, Effect, Note, Overwatch};

impl Overwatch {
    /// What speaks against carrying out a command; without, it will be.
    #[must_use]
    pub fn objection(&self, command: &Command, now: Time) -> Option<Objection> {
        let is_known = match command {
            Command::Approve { agent, key } => return self.agents.objection(agent, *key),
            Command::Revoke(agent) => self.agents.get(agent).is_some(),
            Command::Accept(agent) if self.agents.get(agent).is_some() => {
                return (!self.is_held(agent)).then_some(Objection::NotHeld);
            }
            Command::Accept(_) => false,
            Command::Override { backend, .. } | Command::Drain { backend, .. } => {
                self.registry.get(backend).is_some()
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

    /// The number of the last change that anybody made; it only grows, over restarts too.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.hand.revision()
    }

    /// The tokens of the API that operators made, sorted by name.
    pub fn tokens(&self) -> impl Iterator<Item = &ApiToken> {
        self.tokens.iter()
    }

    pub(crate) fn command(&mut self, command: Command, by: &str, now: Time, out: &mut Vec<Effect>) {
        if self.objection(&command, now).is_some() {
            return;
        }
        let what = match command {
            Command::Approve { agent, key } => {
                let changed = self.agents.approve(&agent, key, now);
                let pins = changed.iter().filter_map(|id| {
                    Some(Change::PutPin(id.clone(), self.agents.get(id)?.pin.clone()))
                });
                out.push(Effect::Keep(pins.collect()));
                // What was refused before is offered anew on a new connection.
                let link = self.agents.get(&agent).and_then(|record| record.link);
                out.extend(link.map(|link| Effect::Close { link }));
                format!("agent {agent} was approved")
            }
            Command::Revoke(agent) => self.revoke(&agent, now, out),
            Command::Accept(agent) => self.accept(&agent, now, out),
            Command::Override { backend, is_up } => {
                self.registry.set_override(&backend, is_up);
                let what = match is_up {
                    Some(true) => "overridden to up",
                    Some(false) => "overridden to down",
                    None => "no longer overridden",
                };
                let line = format!("backend {backend} is {what}");
                self.touched.insert(backend);
                line
            }
            Command::Drain { backend, is_draining } => {
                self.registry.set_draining(&backend, is_draining);
                let what = if is_draining { "being drained" } else { "no longer drained" };
                let line = format!("backend {backend} is {what}");
                self.touched.insert(backend);
                line
            }
            Command::Keys(order) => match self.key_order(&order, now, out) {
                Some(what) => what,
                None => return,
            },
            Command::Tokens(order) => {
                let (what, change) = self.tokens.carry_out(order, by, now);
                out.push(Effect::Keep(vec![change]));
                what
            }
            Command::Hand(order) => {
                let done = self.hand.carry_out(order, self.publisher.domains(), now);
                // What speaks against it was found above.
                let Ok((what, changes)) = done else { return };
                out.push(Effect::Keep(changes));
                // Within this event, not with the next tick.
                self.learn(now);
                what
            }
        };
        out.push(Effect::Keep(self.hand.note(&what, by, now)));
        out.push(Effect::Log(Note::Commanded { what, by: by.to_owned() }));
    }

    /// Throws an agent out: its session, its backends and its rows.
    fn revoke(&mut self, agent: &AgentId, now: Time, out: &mut Vec<Effect>) -> String {
        let held = self.registry.entries().filter(|entry| entry.agent.as_ref() == Some(agent));
        let held: BTreeSet<BackendKey> = held.map(|entry| entry.backend.key.clone()).collect();
        let link = self.agents.revoke(agent, held.clone()).flatten();
        if let Some(link) = link {
            let refusal = Refusal::new(RefusalReason::AgentRevoked, agent.as_str());
            self.refuse(link, refusal, now, out);
        }
        self.registry.release(agent, |_| true);
        self.table.forget(agent);
        self.touched.extend(held);
        if let Some(record) = self.agents.get(agent) {
            out.push(Effect::Keep(vec![Change::PutPin(agent.clone(), record.pin.clone())]));
        }
        format!("agent {agent} was revoked; its backends are blocked and its rows withdrawn")
    }
}
