//! What an operator can say about keys, and what speaks against it.
//!
//! An order is carried out whole or objected to. Must never take keys that would leave the zone
//! without a valid chain, unless it is told to ([`KeyOrder::Import`]).

use std::sync::Arc;

use dns::{Name, NameBuf};
use dnssec::{Descent, DsError, Fault, KeyRing, Layout, Member, Role, RollError, State};
use model::Time;

use super::secrets::Secrets;
use super::{Signing, key_of};
use crate::{Change, Effect, Overwatch};

/// An operator's word about keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOrder {
    /// Make the key that follows the active one.
    Roll {
        /// The zone.
        zone: NameBuf,
        /// Which key; `None` where the zone has one only.
        role: Option<Role>,
        /// What it is made of.
        secrets: Secrets,
    },
    /// The DS record of a key stands in the zone above.
    DsSeen {
        /// The zone.
        zone: NameBuf,
        /// Which key; `None` for the one that waits for it.
        tag: Option<u16>,
    },
    /// Sign with these keys, which come from another overwatch.
    Import {
        /// The zone.
        zone: NameBuf,
        /// Its keys.
        ring: Box<KeyRing>,
        /// Take them though they are others than those that sign now, or older.
        replaces: bool,
    },
}

/// Why an order is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// No such zone, or it is not signed.
    #[error("{0} is no zone that is signed here: see dns.zones[].dnssec")]
    NotSigned(String),
    /// It has no keys yet.
    #[error("{0} has no keys yet: import them")]
    NoKeys(String),
    /// A KSK and a ZSK are there.
    #[error("{0} has a KSK and a ZSK: say which, --ksk or --zsk")]
    WhichRole(String),
    /// What is done by a wrong clock is not undone by setting it right.
    #[error("no key moves by a clock that may be wrong: {0}")]
    Clock(Fault),
    /// Nobody waits for a DS record.
    #[error("no key of {0} waits for its DS record")]
    NoneWaits(String),
    /// Too few random bytes.
    #[error("too few random bytes for a key")]
    Secrets,
    /// No new key.
    #[error("no key is made: {0}")]
    Roll(RollError),
    /// The DS record cannot have been seen.
    #[error("{0}")]
    Ds(DsError),
    /// The keys of another zone.
    #[error("these are the keys of {0}")]
    OtherZone(String),
    /// They cannot sign now.
    #[error("these keys cannot sign: {0}")]
    Unfit(Fault),
    /// The zone above vouches for none of them, as far as is known here.
    #[error(
        "{0} is signed with other keys, and none of them is among these: resolvers would take its \
         answers for forged ones until the DS record above is changed; --replace does it all the same"
    )]
    OtherKeys(String),
    /// They were exported before the last change.
    #[error("the keys of {0} here have changed since these were exported; --replace takes these")]
    Older(String),
}

impl KeyOrder {
    fn zone(&self) -> Name<'_> {
        match self {
            Self::Roll { zone, .. } | Self::DsSeen { zone, .. } | Self::Import { zone, .. } => {
                zone.as_name()
            }
        }
    }
}

impl Signing {
    /// The ring after an order, and what was done.
    pub(crate) fn after(&self, order: &KeyOrder, now: Time) -> Result<(KeyRing, String), KeyFault> {
        let (name, doubt) = (order.zone().to_string(), self.clock_fault(now));
        let now = self.time(now);
        let (zone, ring) = self.zone(order.zone()).ok_or(KeyFault::NotSigned(name.clone()))?;
        let movable = || match doubt {
            Some(fault) => Err(KeyFault::Clock(fault)),
            None => ring.cloned().ok_or(KeyFault::NoKeys(name.clone())),
        };
        match order {
            KeyOrder::Roll { role, secrets, .. } => {
                let mut ring = movable()?;
                let role = match (role, ring.layout()) {
                    (Some(role), Layout::KskZsk) => *role,
                    (Some(Role::Zsk), Layout::Csk) => Role::Zsk,
                    (_, Layout::Csk) => Role::Csk,
                    (None, Layout::KskZsk) => return Err(KeyFault::WhichRole(name)),
                };
                let mut secrets = secrets.clone();
                let tag = ring.roll(role, now, &mut || secrets.draw()).map_err(KeyFault::Roll)?;
                if !secrets.is_enough() {
                    return Err(KeyFault::Secrets);
                }
                Ok((ring, format!("{name}: the {role} {tag} is published")))
            }
            KeyOrder::DsSeen { tag, .. } => {
                let mut ring = movable()?;
                let tag =
                    tag.or_else(|| waiting(&ring)).ok_or(KeyFault::NoneWaits(name.clone()))?;
                ring.ds_seen(tag, &zone.terms, now).map_err(KeyFault::Ds)?;
                Ok((ring, format!("{name}: the DS record of key {tag} is seen")))
            }
            KeyOrder::Import { ring: import, replaces, .. } => {
                check_import(import, order.zone(), ring.filter(|_| !replaces), now)?;
                let tags: Vec<String> = import.members().map(|m| m.key.tag().to_string()).collect();
                let mut import = KeyRing::clone(import);
                if *replaces {
                    // Later than all that was done with those here, whoever's clock is ahead.
                    let done = ring.map_or(Time::EPOCH, KeyRing::said_at);
                    import.replace(now.max(done.plus_ms(1)));
                }
                if let Some(ring) = ring {
                    import.take_over(ring);
                }
                Ok((import, format!("{name}: keys were imported: {}", tags.join(", "))))
            }
        }
    }
}

/// The entry point that waits for its DS record: one that comes before one that signs.
pub(crate) fn waiting(ring: &KeyRing) -> Option<u16> {
    let is_waiting = |member: &&Member| {
        let is_there = matches!(member.state, State::Ready | State::Active);
        member.key.role().is_entry_point() && is_there && member.ds_seen.is_none()
    };
    ring.members().filter(is_waiting).min_by_key(|m| m.state).map(|m| m.key.tag())
}

fn check_import(
    import: &KeyRing,
    zone: Name<'_>,
    ours: Option<&KeyRing>,
    now: Time,
) -> Result<(), KeyFault> {
    if key_of(import.apex()) != key_of(zone) {
        return Err(KeyFault::OtherZone(import.apex().to_string()));
    }
    if let Some(fault) = import.faults(now).into_iter().next() {
        return Err(KeyFault::Unfit(fault));
    }
    let Some(ours) = ours else { return Ok(()) };
    let is_entry = |member: &&Member| member.key.role().is_entry_point();
    let is_common = |member: &Member| {
        let theirs = import.member(member.key.tag());
        theirs.is_some_and(|theirs| theirs.key.dnskey() == member.key.dnskey())
    };
    if !ours.members().filter(is_entry).any(is_common) {
        return Err(KeyFault::OtherKeys(zone.to_string()));
    }
    // Each overwatch moves its ring itself: what somebody did is what counts, as with those that are shared.
    if import.descent(ours) == Descent::Older {
        return Err(KeyFault::Older(zone.to_string()));
    }
    Ok(())
}

impl Overwatch {
    /// What speaks against an order about keys.
    pub(crate) fn key_objection(&self, order: &KeyOrder, now: Time) -> Option<KeyFault> {
        self.signing.after(order, now).err()
    }

    /// Carries it out; what was done.
    pub(crate) fn key_order(
        &mut self,
        order: &KeyOrder,
        now: Time,
        out: &mut Vec<Effect>,
    ) -> Option<String> {
        let (ring, what) = self.signing.after(order, now).ok()?;
        out.push(Effect::Keep(vec![Change::PutKeys(ring.clone())]));
        self.signing.stay.remove(&key_of(order.zone()));
        self.signing.rings.insert(key_of(order.zone()), ring);
        self.publisher.sign(Arc::new(self.signing.signers()));
        self.look_after_keys(now, out);
        Some(what)
    }

    /// A zone's keys as text, secrets included: for the control socket alone.
    ///
    /// # Errors
    ///
    /// It is not signed, or has no keys.
    pub fn export_keys(&self, zone: Name<'_>) -> Result<zeroize::Zeroizing<String>, KeyFault> {
        let (_, ring) =
            self.signing.zone(zone).ok_or_else(|| KeyFault::NotSigned(zone.to_string()))?;
        Ok(ring.ok_or_else(|| KeyFault::NoKeys(zone.to_string()))?.to_text())
    }
}
