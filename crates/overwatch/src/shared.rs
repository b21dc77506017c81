//! What operators make where several overwatches share it: worked out before it is done, and taken in
//! once it is.
//!
//! With a store that is this overwatch's own a word is carried out and kept. With a shared one the
//! order is turned round: a word is worked out as changes of rows ([`Overwatch::draft`]), somebody else
//! decides whether they come first, and only then they are taken in, by the event that brings what other
//! overwatches made too ([`crate::Event::Shared`]). Must never know where the rows are kept, and
//! never take in a row that somebody did not decide about.

use std::collections::BTreeMap;

use dns::Name;
use model::Time;

use crate::command::ITSELF;
use crate::{Change, Command, Effect, Note, Objection, Overwatch, Said, Secrets, Snapshot};

/// Rings that are put right at once. What is more waits for the next time.
const DRIFT_RINGS_MAX: usize = 40;
/// Rows that are put right at once, with their lines in the list: they go into one transaction, and etcd takes
/// 120 in one. What is more waits for the next time.
const DRIFT_ROWS_MAX: usize = 100;
/// Rows of a word that came to its end: itself, its line, and the oldest line, which goes.
const END_ROWS_MAX: usize = 3;

/// Whose what operators make is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Custody {
    /// This overwatch's alone.
    #[default]
    Alone,
    /// Shared, and another one looks after it.
    Waits,
    /// Shared, and this one looks after it: it makes keys, and takes out what came to its end.
    Holds,
}

impl Snapshot {
    /// Only what operators made.
    #[must_use]
    pub fn of_operators(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            hand: self.hand.clone(),
            audit: self.audit.clone(),
            made: self.made.clone(),
            tokens: self.tokens.clone(),
            ..Self::default()
        }
    }

    /// What leads from here to `wanted`, as far as operators made it. The keys of a zone are changed or
    /// come, and never go: nobody takes keys away from a zone that is signed.
    #[must_use]
    pub fn changes_to(&self, wanted: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.made != wanted.made {
            changes.push(Change::PutMade(wanted.made.clone()));
        }
        let out = &mut changes;
        differing(&self.hand, &wanted.hand, |_, row| Change::PutHand(row), Change::RemoveHand, out);
        let put = |_, token| Change::PutToken(token);
        differing(&self.tokens, &wanted.tokens, put, Change::RemoveToken, out);
        let keys = wanted.keys.iter().filter(|(zone, ring)| self.keys.get(*zone) != Some(ring));
        changes.extend(keys.map(|(_, ring)| Change::PutKeys(ring.clone())));
        differing(&self.audit, &wanted.audit, Change::PutAudit, Change::RemoveAudit, &mut changes);
        changes
    }
}

/// The changes that make one map another.
fn differing<K: Ord + Clone, V: Clone + PartialEq>(
    here: &BTreeMap<K, V>,
    wanted: &BTreeMap<K, V>,
    put: impl Fn(K, V) -> Change,
    remove: impl Fn(K) -> Change,
    changes: &mut Vec<Change>,
) {
    let gone = here.keys().filter(|key| !wanted.contains_key(*key));
    changes.extend(gone.map(|key| remove(key.clone())));
    let others = wanted.iter().filter(|(key, row)| here.get(*key) != Some(row));
    changes.extend(others.map(|(key, row)| put(key.clone(), row.clone())));
}

impl Command {
    /// Whether it is about something that is not shared: it is carried out here, and only the line
    /// that says so is seen elsewhere.
    #[must_use]
    pub const fn is_of_this_overwatch(&self) -> bool {
        !matches!(self, Self::Tokens(_) | Self::Hand(_) | Self::Keys(_))
    }

    /// Such a word as a line of the list.
    fn line(&self) -> String {
        match self {
            Self::Approve { agent, .. } => format!("agent {agent} was approved"),
            Self::Revoke(agent) => format!("agent {agent} was revoked"),
            Self::Accept(agent) => format!("agent {agent} is believed again"),
            Self::Forget(agent) => format!("agent {agent} was forgotten"),
            Self::ForgetSource(source) => format!("source {source} was forgotten"),
            Self::Tokens(_) | Self::Hand(_) | Self::Keys(_) => String::new(),
        }
    }
}

impl Overwatch {
    /// What a word would change, with the line that says so; nothing is changed yet.
    ///
    /// # Errors
    ///
    /// Something speaks against it.
    pub fn draft(
        &self,
        command: &Command,
        said: &Said,
        now: Time,
    ) -> Result<Vec<Change>, Objection> {
        if let Some(objection) = self.objection(command, said, now) {
            return Err(objection);
        }
        let mut hand = self.hand.clone();
        let (what, mut changes) = match command.clone() {
            Command::Hand(order) => hand
                .carry_out(order, self.publisher.domains(), (said, now))
                .map_err(Objection::from)?,
            Command::Tokens(order) => {
                let (what, change) = self.tokens.clone().carry_out(order, &said.by, now);
                (what, vec![change])
            }
            Command::Keys(order) => {
                let (ring, what) = self.signing.after(&order, now).map_err(Objection::from)?;
                (what, vec![Change::PutKeys(ring)])
            }
            of_agents => (format!("{}, at {}", of_agents.line(), self.node_id()), Vec::new()),
        };
        changes.extend(hand.note(&what, said, now));
        Ok(changes)
    }

    /// The line that says that something was done which is no word.
    #[must_use]
    pub fn draft_line(&self, what: &str, said: &Said, now: Time) -> Vec<Change> {
        self.hand.clone().note(what, said, now)
    }

    /// The keys that a zone has to have, made of these random bytes; nothing where it needs none, or none
    /// can be made.
    #[must_use]
    pub fn draft_keys(&self, apex: Name<'_>, secrets: Secrets, now: Time) -> Vec<Change> {
        let made = self.signing.made(apex, secrets, now).and_then(Result::ok);
        made.into_iter().map(Change::PutKeys).collect()
    }

    /// What time alone has changed here, and `known`, what the others see, does not say yet: keys that moved, or
    /// that etcd has lost, and words that came to their end. Not keys that others know otherwise.
    #[must_use]
    pub fn drift(&self, known: &Snapshot, now: Time) -> Vec<Change> {
        let rings = self.signing.rings().filter(|(zone, ring)| {
            known.keys.get(*zone) != Some(ring) && !self.signing.is_disputed(zone)
        });
        let rings = rings.take(DRIFT_RINGS_MAX).map(|(_, ring)| Change::PutKeys(ring.clone()));
        let (mut changes, mut hand): (Vec<_>, _) = (rings.collect(), self.hand.clone());
        let said = Said { by: ITSELF.to_owned(), ..Said::default() };
        let over = known.hand.iter().filter(|(name, _)| !self.hand.has(name));
        for (name, row) in over {
            if changes.len() + END_ROWS_MAX > DRIFT_ROWS_MAX {
                break;
            }
            changes.push(Change::RemoveHand(name.clone()));
            if row.until.is_some_and(|until| until <= now) {
                changes.extend(hand.note(&row.line_of_end(), &said, now));
            }
        }
        changes
    }

    /// Whose what operators make is from now on.
    pub(crate) const fn set_custody(&mut self, custody: Custody) {
        self.custody = custody;
        self.signing.set_waiting(matches!(custody, Custody::Waits));
    }

    /// Takes in rows that were decided about; but no keys that would take the place of others here which they do
    /// not follow.
    pub(crate) fn take_shared(
        &mut self,
        mut changes: Vec<Change>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let signing = &mut self.signing;
        changes.retain(|change| !matches!(change, Change::PutKeys(ring) if signing.stays(ring)));
        let (mut is_spoken, mut is_signed) = (false, false);
        for change in &mut changes {
            match change {
                Change::PutHand(_) | Change::RemoveHand(_) => {
                    self.hand.take(change);
                    is_spoken = true;
                }
                Change::PutAudit(_, line) => {
                    let (what, by) = (line.what.clone(), line.by.clone().unwrap_or_default());
                    let reason = line.reason.clone();
                    out.push(Effect::Log(Note::Commanded { what, by, reason }));
                    self.hand.take(change);
                }
                Change::RemoveAudit(_) => self.hand.take(change),
                Change::PutToken(_) | Change::RemoveToken(_) => self.tokens.take(change),
                Change::PutKeys(ring) => {
                    out.extend(self.signing.take(ring).map(Effect::Log));
                    is_signed = true;
                }
                // Configuration is checked, and comes as such; the rest is nobody else's.
                _ => {}
            }
        }
        if !changes.is_empty() {
            out.push(Effect::Keep(changes));
        }
        if is_spoken {
            self.touched.extend(self.registry.speak(self.hand.spoken()));
            self.learn(now);
        }
        if is_signed {
            self.sign_anew(now, out);
        }
    }
}
