//! Rings that others share: taken, unless what signs here would be lost by it.
//!
//! etcd may be older than what is here, or somebody else's: restored from a snapshot, left out for months, or begun
//! by an overwatch without keys. A key that is gone cannot be had back, and the zone above may vouch for it alone.
//! So what signs here stays where the ring that is heard of does not follow it, which is a fault until somebody
//! has put it right (docs/decisions/0067-keys-from-etcd.md). Must never keep a ring back that somebody said is to
//! be taken.

use dnssec::{Descent, Fault, KeyRing};
use model::Time;

use super::{SignedZone, Signing, key_of, ring_faults};

impl Signing {
    /// Whether what signs here stays, though this ring is shared; it is remembered as a fault.
    pub(crate) fn stays(&mut self, heard: &KeyRing) -> bool {
        let zone = key_of(heard.apex());
        let Some(own) = self.rings.get(&zone) else { return false };
        match heard.descent(own) {
            Descent::Follows => false,
            other => {
                self.stay.insert(zone, other);
                true
            }
        }
    }

    /// Whether the ring of a zone is this overwatch's word against the others': nobody but an operator knows who
    /// is right.
    pub(crate) fn is_disputed(&self, zone: &str) -> bool {
        self.stay.get(zone) == Some(&Descent::Unrelated)
    }

    /// What is wrong with a zone's keys, by themselves and beside those that are shared.
    pub(crate) fn zone_faults(
        &self,
        zone: &SignedZone,
        ring: Option<&KeyRing>,
        now: Time,
    ) -> Vec<Fault> {
        let name = zone.apex.to_string();
        let beside = match self.stay.get(&key_of(zone.apex.as_name())) {
            Some(Descent::Older) => Some(Fault::KeysOlder { zone: name }),
            Some(Descent::Unrelated) => Some(Fault::KeysUnrelated { zone: name }),
            Some(Descent::Follows) | None => None,
        };
        ring_faults(zone, ring, now).into_iter().chain(beside).collect()
    }
}
