//! How two rings of one zone stand to each other where several overwatches share one: whether the one that is
//! heard of follows the one that is here.
//!
//! What the clock alone does to a ring counts for nothing here: each overwatch does that by itself. What counts
//! is what somebody did: keys that were made, DS records that were seen, keys that were put in the place of
//! others. Must never change a ring but for the word that it replaces others.

use model::Time;

use crate::ring::{KeyRing, Member};

/// How many keys that are gone a ring remembers; a zone has one or two entry points at a time, and a roll of one
/// takes days. Whoever missed more than this is told that the rings have nothing to do with each other.
pub(crate) const FOLLOWED_MAX: usize = 8;

/// How a ring that is heard of stands to the one that is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descent {
    /// It knows all that this one knows, or somebody said that it replaces what there is.
    Follows,
    /// Of one line with this one, which knows more.
    Older,
    /// Neither follows the other: no entry point is in both, and none of either followed one of the other.
    Unrelated,
}

impl KeyRing {
    /// How this ring stands to `own`.
    #[must_use]
    pub fn descent(&self, own: &Self) -> Descent {
        if self.members == own.members || self.replaced_at > Some(own.said_at()) {
            return Descent::Follows;
        }
        if !self.knows_of(own) && !own.knows_of(self) {
            return Descent::Unrelated;
        }
        if self.said_at() < own.said_at() { Descent::Older } else { Descent::Follows }
    }

    /// When somebody last did something with it. It only grows: a key leaves the ring when a later one has its
    /// place.
    #[must_use]
    pub fn said_at(&self) -> Time {
        let times = self.members.iter().flat_map(|m| [Some(m.created), m.ds_seen]);
        times.chain([self.replaced_at]).flatten().max().unwrap_or(Time::EPOCH)
    }

    /// Somebody said that this ring is to be in the place of whatever others have.
    pub fn replace(&mut self, now: Time) {
        self.replaced_at = Some(now);
    }

    /// Whether an entry point of `other` is in here, or was.
    fn knows_of(&self, other: &Self) -> bool {
        let is_known = |theirs: &Member| {
            let tag = theirs.key.tag();
            let ours = self.member(tag).is_some_and(|m| m.key.dnskey() == theirs.key.dnskey());
            ours || self.followed.contains(&tag)
        };
        other.members.iter().filter(|m| m.key.role().is_entry_point()).any(is_known)
    }

    /// A key has left the ring.
    pub(crate) fn remember(&mut self, gone: &Member) {
        if gone.key.role().is_entry_point() {
            self.followed.push(gone.key.tag());
            let over = self.followed.len().saturating_sub(FOLLOWED_MAX);
            self.followed.drain(..over);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
    use crate::ring::Layout;
    use crate::role::Role;
    use crate::rollover::RolloverTerms;

    const HOUR_MS: u64 = 3_600_000;
    const TERMS: RolloverTerms = RolloverTerms {
        layout: Layout::Csk,
        algorithm: Algorithm::Ed25519,
        dnskey_ttl_s: 600,
        zone_ttl_max_s: 1_200,
        ds_ttl_s: 1_800,
        propagation_s: 60,
        entry_point_age_s: None,
        zsk_age_s: None,
    };

    fn at(hour: u64) -> Time {
        Time::from_unix_ms(1_766_138_700_000 + hour * HOUR_MS)
    }

    fn ring(byte: u8, made: Time) -> KeyRing {
        let wanted = (Layout::Csk, Algorithm::Ed25519);
        KeyRing::new("demo.test".parse().unwrap(), wanted, made, &mut || [byte; 32]).unwrap()
    }

    /// The ring after a whole roll of its key, which begins at an hour and takes six.
    fn rolled(ring: &KeyRing, byte: u8, hour: u64) -> [KeyRing; 4] {
        let mut published = ring.clone();
        let tag = published.roll(Role::Csk, at(hour), &mut || [byte; 32]).unwrap();
        let mut seen = published.clone();
        seen.advance(&TERMS, at(hour + 1));
        seen.ds_seen(tag, &TERMS, at(hour + 1)).unwrap();
        let mut active = seen.clone();
        active.advance(&TERMS, at(hour + 3));
        let mut alone = active.clone();
        alone.advance(&TERMS, at(hour + 6));
        assert_eq!(alone.members.len(), 1);
        [published, seen, active, alone]
    }

    #[track_caller]
    fn check(heard: &KeyRing, own: &KeyRing, expect: Descent) {
        assert_eq!(heard.descent(own), expect);
        // All of it survives being kept and shared.
        let read = |ring: &KeyRing| KeyRing::from_text(&ring.to_text()).unwrap();
        assert_eq!(read(heard).descent(&read(own)), expect);
    }

    #[test]
    fn what_followed_is_taken_and_what_was_before_is_older() {
        let first = ring(1, at(0));
        let steps = rolled(&first, 2, 10);
        let twice = rolled(&steps[3], 3, 30);
        let line: Vec<&KeyRing> = [&first].into_iter().chain(&steps).chain(&twice).collect();
        for (number, earlier) in line.iter().enumerate() {
            for later in &line[number..] {
                check(later, earlier, Descent::Follows);
            }
        }
        // What was done since is not known to what is older, however long ago.
        for own in [&steps[1], &steps[2], &steps[3], &twice[0], &twice[3]] {
            check(&first, own, Descent::Older);
            check(&steps[0], own, Descent::Older);
        }
        // What the clock alone did is done again.
        check(&steps[1], &steps[2], Descent::Follows);
        check(&steps[2], &steps[3], Descent::Follows);
    }

    #[test]
    fn a_clock_that_moved_the_ring_here_does_not_outdo_a_word() {
        let [mut own, ..] = rolled(&ring(1, at(0)), 2, 10);
        own.advance(&TERMS, at(12));
        let mut heard = own.clone();
        let tag = heard.members[1].key.tag();
        heard.ds_seen(tag, &TERMS, at(11)).unwrap();
        assert!(own.moved_at() >= heard.moved_at());
        check(&heard, &own, Descent::Follows);
        check(&own, &heard, Descent::Older);
    }

    #[test]
    fn others_are_taken_where_somebody_said_so_later() {
        let (own, mut other) = (ring(1, at(0)), ring(2, at(5)));
        check(&other, &own, Descent::Unrelated);
        check(&own, &other, Descent::Unrelated);
        other.replace(at(6));
        check(&other, &own, Descent::Follows);
        check(&own, &other, Descent::Unrelated);
        // A word from before what was done here says nothing about it.
        let [.., own] = rolled(&own, 3, 10);
        check(&other, &own, Descent::Unrelated);
        // Two that were rolled apart have nothing in common any more.
        let first = ring(1, at(0));
        let ([.., one], [.., two]) = (rolled(&first, 2, 10), rolled(&first, 3, 20));
        check(&two, &one, Descent::Unrelated);
    }

    #[test]
    fn only_the_last_of_those_gone_are_remembered() {
        let mut ring = ring(1, at(0));
        for byte in 2..20 {
            [.., ring] = rolled(&ring, byte, u64::from(byte) * 10);
        }
        assert_eq!(ring.followed.len(), FOLLOWED_MAX);
        assert_eq!(KeyRing::from_text(&ring.to_text()).unwrap(), ring);
    }
}
