//! How keys change: pre-publication, as RFC 7583 times it.
//!
//! A new key first stands in the DNSKEY set until every cache has it. One that signs records only
//! (ZSK) then takes over. One whose digest belongs into the zone above waits for as long as it takes
//! until somebody says that the DS record stands there ([`KeyRing::ds_seen`]); it takes over when
//! every cache has that. The key before it is kept until no cache has a signature of it:
//!
//! ```text
//!            DNSKEY TTL + propagation      (DS seen, DS TTL + propagation)
//! published ------------------------> ready ----------------------------> active
//!   active -- when its successor is --> retired -- longest TTL + propagation --> removed
//! ```
//!
//! Moments are reckoned from the one before, not from when somebody looked: overwatches with equal
//! rings and terms change together, however rarely each looks. A TTL that is lowered makes no wait
//! shorter: caches keep what they have for as long as they were told. Must never draw randomness, read a
//! clock, or move while the clock is behind what it has seen.

use model::Time;

use crate::algorithm::{Algorithm, SECRET_BYTES};
use crate::fault::Fault;
use crate::ring::{DrawError, KEYS_MAX, KeyRing, Layout, Member, State};
use crate::role::Role;

/// When keys change. All times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloverTerms {
    /// How the work is divided among the first keys.
    pub layout: Layout,
    /// Their algorithm. Later keys have that of the key they follow.
    pub algorithm: Algorithm,
    /// How long caches keep the DNSKEY set.
    pub dnskey_ttl_s: u32,
    /// The longest TTL of the zone's records.
    pub zone_ttl_max_s: u32,
    /// How long caches keep the DS set of the zone above.
    pub ds_ttl_s: u32,
    /// How long it takes until all overwatches of the zone have what one has: by export and import.
    pub propagation_s: u32,
    /// After which time a CSK or KSK is followed by a new one; `None`: by command only.
    pub entry_point_age_s: Option<u32>,
    /// After which time a ZSK is followed by a new one; `None`: by command only.
    pub zsk_age_s: Option<u32>,
}

/// A change of one key, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The key.
    pub tag: u16,
    /// Its role.
    pub role: Role,
    /// What it is now; `None`: it is removed.
    pub to: Option<State>,
    /// Since when.
    pub at: Time,
}

/// Why no new key is made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollError {
    /// No key of this role signs, so none can be followed.
    #[error("the zone has no active {0}")]
    NoSuchRole(Role),
    /// The last roll is not over.
    #[error("the {role} {tag} is still {state}: one roll at a time")]
    UnderWay {
        /// The role.
        role: Role,
        /// The key that is on its way.
        tag: u16,
        /// Where it is.
        state: State,
    },
    /// Retired keys first have to go.
    #[error("the zone has {KEYS_MAX} keys already")]
    TooMany,
    /// The time is not to be trusted.
    #[error("the clock is wrong")]
    Clock(#[source] Fault),
    /// Randomness that gives no key.
    #[error("no key can be made")]
    Draw(#[source] DrawError),
}

/// Why nobody can have seen a key's DS record, or it does not matter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DsError {
    /// No key has the tag.
    #[error("the zone has no key {0}")]
    NoSuchKey(u16),
    /// A ZSK has no DS record.
    #[error("the key {0} is a ZSK, which has no DS record")]
    NoEntryPoint(u16),
    /// Too early: caches may have a DNSKEY set without the key, and would find the zone bogus.
    #[error("the key {tag} is published until {}: its DS record must not stand above before", .until.to_rfc3339())]
    TooEarly {
        /// The key.
        tag: u16,
        /// When it is ready.
        until: Time,
    },
    /// Too late: the key goes.
    #[error("the key {0} is retired: its DS record should go")]
    TooLate(u16),
    /// The time is not to be trusted.
    #[error("the clock is wrong")]
    Clock(#[source] Fault),
}

impl RolloverTerms {
    pub(crate) const fn ms(seconds: u32) -> u64 {
        seconds as u64 * 1_000
    }

    /// When a key that signs is old enough to be followed.
    #[must_use]
    pub fn ages(&self, member: &Member) -> Option<Time> {
        let is_entry = member.key.role().is_entry_point();
        let age_s = if is_entry { self.entry_point_age_s } else { self.zsk_age_s };
        let is_active = member.state == State::Active;
        Some(member.since.plus_ms(Self::ms(age_s.filter(|_| is_active)?)))
    }
}

impl KeyRing {
    /// When a key leaves its state by itself; `None` where somebody has to say something, or another
    /// key has to come first.
    #[must_use]
    pub fn leaves(&self, member: &Member, terms: &RolloverTerms) -> Option<Time> {
        let forgotten = match member.state {
            State::Published => self.dnskey_end(member.since, terms),
            State::Ready if member.key.role().is_entry_point() => {
                member.ds_seen?.plus_ms(RolloverTerms::ms(terms.ds_ttl_s))
            }
            State::Ready => return Some(member.since),
            State::Active => return None,
            State::Retired => self.records_end(member.since, terms),
        };
        Some(forgotten.plus_ms(RolloverTerms::ms(terms.propagation_s)))
    }

    /// Makes and publishes the key that follows the active one of a role; returns its tag. `draw`
    /// gives 32 random bytes that are used for nothing else.
    ///
    /// # Errors
    ///
    /// See [`RollError`]. Then nothing has changed.
    pub fn roll(
        &mut self,
        role: Role,
        now: Time,
        draw: &mut dyn FnMut() -> [u8; SECRET_BYTES],
    ) -> Result<u16, RollError> {
        if let Some(fault) = self.clock_fault(now) {
            return Err(RollError::Clock(fault));
        }
        if let Some(Member { key, state, .. }) = self.coming(role) {
            return Err(RollError::UnderWay { role, tag: key.tag(), state: *state });
        }
        let is_active = |m: &&Member| m.key.role() == role && m.state == State::Active;
        let active = self.members.iter().find(is_active);
        let algorithm = active.ok_or(RollError::NoSuchRole(role))?.key.algorithm();
        if self.members.len() >= KEYS_MAX {
            return Err(RollError::TooMany);
        }
        let key = self.draw(algorithm, role, draw).map_err(RollError::Draw)?;
        let tag = key.tag();
        self.members.push(Member::new(key, State::Published, now));
        self.moved_at = self.moved_at.max(now);
        Ok(tag)
    }

    /// Somebody saw the key's DS record in the zone above, at all of its name servers. Said twice, the
    /// first time counts.
    ///
    /// # Errors
    ///
    /// See [`DsError`]. Then nothing has changed.
    pub fn ds_seen(&mut self, tag: u16, terms: &RolloverTerms, now: Time) -> Result<(), DsError> {
        if let Some(fault) = self.clock_fault(now) {
            return Err(DsError::Clock(fault));
        }
        let member = self.member(tag).ok_or(DsError::NoSuchKey(tag))?;
        if !member.key.role().is_entry_point() {
            return Err(DsError::NoEntryPoint(tag));
        }
        match member.state {
            State::Published => {
                let until = self.leaves(member, terms).unwrap_or(now);
                Err(DsError::TooEarly { tag, until })
            }
            State::Retired => Err(DsError::TooLate(tag)),
            State::Ready | State::Active => {
                let found = self.members.iter_mut().find(|member| member.key.tag() == tag);
                found.ok_or(DsError::NoSuchKey(tag))?.ds_seen.get_or_insert(now);
                self.moved_at = self.moved_at.max(now);
                Ok(())
            }
        }
    }

    /// Does all that was due by `now`, in its order. Nothing while the clock is behind.
    pub fn advance(&mut self, terms: &RolloverTerms, now: Time) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.clock_fault(now).is_some() {
            return steps;
        }
        self.serve(terms, now);
        // Every step moves a key on, so this ends.
        while let Some((at, index)) = self.first_due(terms).filter(|(at, _)| *at <= now) {
            self.step(index, at, &mut steps);
        }
        if !steps.is_empty() {
            self.moved_at = self.moved_at.max(now);
        }
        steps
    }

    /// The roles whose keys are old enough to be followed: the caller draws and calls
    /// [`KeyRing::roll`]. Of several overwatches of a zone only one may do so.
    #[must_use]
    pub fn aged(&self, terms: &RolloverTerms, now: Time) -> Vec<Role> {
        let is_old = |member: &&Member| {
            let is_due = terms.ages(member).is_some_and(|at| at <= now);
            is_due && self.coming(member.key.role()).is_none()
        };
        self.members.iter().filter(is_old).map(|member| member.key.role()).collect()
    }

    /// When [`KeyRing::advance`] or [`KeyRing::aged`] next has something to say; `None` where only
    /// a command can change anything.
    #[must_use]
    pub fn next_wake(&self, terms: &RolloverTerms) -> Option<Time> {
        let ages = self.members.iter().filter(|member| self.coming(member.key.role()).is_none());
        let first_age = ages.filter_map(|member| terms.ages(member)).min();
        self.first_due(terms).map(|(at, _)| at).into_iter().chain(first_age).min()
    }

    /// The key that will follow the active one of a role.
    fn coming(&self, role: Role) -> Option<&Member> {
        let is_coming = |m: &&Member| m.key.role() == role && m.state < State::Active;
        self.members.iter().find(is_coming)
    }

    /// The first change that comes by itself, and whose.
    fn first_due(&self, terms: &RolloverTerms) -> Option<(Time, usize)> {
        let due = self.members.iter().enumerate();
        due.filter_map(|(index, member)| Some((self.leaves(member, terms)?, index))).min()
    }

    /// Moves one key on.
    fn step(&mut self, index: usize, at: Time, steps: &mut Vec<Step>) {
        let Some(member) = self.members.get_mut(index) else { return };
        let (tag, role) = (member.key.tag(), member.key.role());
        let to = match member.state {
            State::Published => Some(State::Ready),
            State::Ready => Some(State::Active),
            State::Active | State::Retired => None,
        };
        match to {
            None => {
                let gone = self.members.remove(index);
                self.remember(&gone);
            }
            Some(state) => (member.state, member.since) = (state, at),
        }
        steps.push(Step { tag, role, to, at });
        if to != Some(State::Active) {
            return;
        }
        let others = self.members.iter_mut().filter(|other| {
            other.key.role() == role && other.state == State::Active && other.key.tag() != tag
        });
        for other in others {
            (other.state, other.since) = (State::Retired, at);
            steps.push(Step { tag: other.key.tag(), role, to: Some(State::Retired), at });
        }
    }
}

#[cfg(test)]
mod tests;
