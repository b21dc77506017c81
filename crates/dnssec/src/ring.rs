//! All keys of a zone, and where each is in its life.
//!
//! The ring is the value that is kept, exported and imported: two overwatches with equal rings sign
//! alike and change at the same moments, because each state says since when it holds, and the next
//! one follows from that and the terms ([`mod@crate::rollover`]). Must never change a state: that is
//! the rollover's.

mod descent;

mod lifetime;

mod text;

use std::sync::Arc;

use dns::{Name, NameBuf};
use model::Time;

use crate::algorithm::{Algorithm, SECRET_BYTES};
use crate::fault::Fault;
use crate::key::{Key, KeyFault};
use crate::role::Role;
use crate::signer::Signer;
pub use descent::Descent;
pub(crate) use descent::FOLLOWED_MAX;
use lifetime::Lifetimes;
pub use text::RingTextError;

/// The most keys of a zone. A KSK and a ZSK that both change have four; a roll that would make more
/// than this is refused.
pub const KEYS_MAX: usize = 8;
/// How often a key is drawn anew because the bytes are no secret or its tag is taken: both are so
/// rare (2^-32, and 8 in 65,536) that as many failures mean broken randomness.
const DRAWS_MAX: usize = 8;

/// The keys of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing {
    pub(crate) apex: NameBuf,
    /// In the order they were made.
    pub(crate) members: Vec<Member>,
    /// The latest time that the ring was moved at: a clock behind it is wrong.
    pub(crate) moved_at: Time,
    /// The tags of entry points that left, oldest first; at most [`FOLLOWED_MAX`].
    pub(crate) followed: Vec<u16>,
    /// When somebody said that it is to be in the place of others.
    pub(crate) replaced_at: Option<Time>,
    /// How long caches may keep what was served; `None` where nothing was yet.
    pub(crate) lifetimes: Option<Lifetimes>,
}

/// One key and where it is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key.
    pub key: Arc<Key>,
    /// When it was made.
    pub created: Time,
    /// Where it is.
    pub state: State,
    /// Since when.
    pub since: Time,
    /// When somebody said that its DS record stands in the zone above.
    pub ds_seen: Option<Time>,
}

/// Where a key is in its life. The names are those of RFC 7583, 3.1; a key that is removed is no
/// longer in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It stands in the DNSKEY set, which not every cache has yet.
    Published,
    /// Every cache that has the set has the key. One whose digest belongs into the zone above waits
    /// until somebody says that it stands there.
    Ready,
    /// It signs.
    Active,
    /// It signs no more, and is kept for the signatures that caches still have.
    Retired,
}

impl State {
    /// The name in text, in lower case; `Display` writes the same.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Ready => "ready",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How the work is divided among a zone's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One key signs all.
    Csk,
    /// One signs the keys, another the rest: the second can change without the zone above.
    KskZsk,
}

impl Layout {
    /// The roles there are.
    #[must_use]
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Self::Csk => &[Role::Csk],
            Self::KskZsk => &[Role::Ksk, Role::Zsk],
        }
    }
}

/// The randomness gave no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// What the last draw was.
    #[error("no secret after {DRAWS_MAX} draws")]
    Secret(#[source] KeyFault),
    /// Tags of keys that the ring has.
    #[error("no key tag that the ring has not, after {DRAWS_MAX} draws")]
    Tags,
}

impl KeyRing {
    /// The first keys of a zone that was unsigned: they sign at once, since no cache knows others.
    /// `draw` gives 32 random bytes that are used for nothing else.
    ///
    /// # Errors
    ///
    /// Randomness that gives no key.
    pub fn new(
        apex: NameBuf,
        (layout, algorithm): (Layout, Algorithm),
        now: Time,
        draw: &mut dyn FnMut() -> [u8; SECRET_BYTES],
    ) -> Result<Self, DrawError> {
        let mut ring = Self {
            apex,
            members: Vec::new(),
            moved_at: now,
            followed: Vec::new(),
            replaced_at: None,
            lifetimes: None,
        };
        for role in layout.roles() {
            let key = ring.draw(algorithm, *role, draw)?;
            ring.members.push(Member::new(key, State::Active, now));
        }
        Ok(ring)
    }

    /// The zone's name.
    #[must_use]
    pub fn apex(&self) -> Name<'_> {
        self.apex.as_name()
    }

    /// The keys in the order they were made.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.iter()
    }

    /// The latest time that it was moved at.
    #[must_use]
    pub const fn moved_at(&self) -> Time {
        self.moved_at
    }

    /// How the work is divided.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let is_csk = |member: &Member| member.key.role() == Role::Csk;
        if self.members.iter().any(is_csk) { Layout::Csk } else { Layout::KskZsk }
    }

    /// The keys whose DS records should stand in the zone above: those that wait for it, or else
    /// those that sign (RFC 7344, 4).
    pub fn wanted_above(&self) -> impl Iterator<Item = &Member> {
        let is_in =
            |member: &&Member, state| member.key.role().is_entry_point() && member.state == state;
        let is_waiting = self.members.iter().any(|member| is_in(&member, State::Ready));
        let state = if is_waiting { State::Ready } else { State::Active };
        self.members.iter().filter(move |member| is_in(member, state))
    }

    /// What signs now. The DNSKEY set and its like are kept for `ttl_s` seconds.
    ///
    /// # Errors
    ///
    /// No key signs the records, or none the keys.
    pub fn signer(&self, ttl_s: u32) -> Result<Signer, Fault> {
        let missing = |role| Fault::KeyMissing { zone: self.apex.to_string(), role };
        let keys = |select: &dyn Fn(&Member) -> bool| -> Vec<Arc<Key>> {
            let selected = self.members.iter().filter(|member| select(member));
            selected.map(|member| Arc::clone(&member.key)).collect()
        };
        let signing = keys(&|m| m.state == State::Active && m.key.role().signs_records());
        let record_key = signing.last().ok_or_else(|| missing(Role::Zsk))?;
        // A new entry point signs the set from the start: its DS record must never be in a cache
        // beside a set that it did not sign (RFC 7583, 2.2, "double KSK").
        let entries = keys(&|m| m.state != State::Retired && m.key.role().is_entry_point());
        if entries.is_empty() {
            return Err(missing(Role::Ksk));
        }
        let published = keys(&|_| true);
        let wanted: Vec<Arc<Key>> = self.wanted_above().map(|m| Arc::clone(&m.key)).collect();
        Ok(Signer::new(&self.apex, Arc::clone(record_key), entries, (&published, &wanted), ttl_s))
    }

    /// A key whose tag no other of the ring has.
    pub(crate) fn draw(
        &self,
        algorithm: Algorithm,
        role: Role,
        draw: &mut dyn FnMut() -> [u8; SECRET_BYTES],
    ) -> Result<Key, DrawError> {
        let mut error = DrawError::Tags;
        for _ in 0..DRAWS_MAX {
            let secret = zeroize::Zeroizing::new(draw());
            match Key::new(algorithm, role, &*secret) {
                Ok(key) if self.member(key.tag()).is_none() => return Ok(key),
                Ok(_) => error = DrawError::Tags,
                Err(fault) => error = DrawError::Secret(fault),
            }
        }
        Err(error)
    }

    /// The key with a tag.
    #[must_use]
    pub fn member(&self, tag: u16) -> Option<&Member> {
        self.members.iter().find(|member| member.key.tag() == tag)
    }
}

impl Member {
    /// A key that was made at `now`.
    pub(crate) fn new(key: Key, state: State, now: Time) -> Self {
        Self { key: Arc::new(key), created: now, state, since: now, ds_seen: None }
    }
}

#[cfg(test)]
mod tests;
