//! What is wrong with a zone's signing, by name, for health and for people.
//!
//! A clock that is wrong makes signatures that nobody accepts, and keys that change too early. Must
//! never repair anything: a fault is told, and the rollover stands still while the clock is behind.

use model::Time;

use crate::ring::KeyRing;
use crate::role::Role;
use crate::window::{INCEPTION_BACK_S, Window};

/// By how much clocks of overwatches and of those who validate may differ, in milliseconds. A ring
/// that comes from another overwatch may be that much ahead.
pub const CLOCK_SLACK_MS: u64 = 3_600_000;

/// Something that keeps a zone from being signed well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No key signs what this role signs.
    #[error("{zone}: no {role} signs: import the zone's keys or make some")]
    KeyMissing {
        /// The zone.
        zone: String,
        /// The role; a CSK may take its place.
        role: Role,
    },
    /// The clock is behind a moment that is past.
    #[error(
        "{zone}: the clock says {}, but the keys were used at {}: set the clock",
        .now.to_rfc3339(), .used.to_rfc3339()
    )]
    ClockBehind {
        /// The zone.
        zone: String,
        /// What the clock says.
        now: Time,
        /// When the keys were made or moved.
        used: Time,
    },
    /// Older keys are shared than those that sign here.
    #[error(
        "{zone}: the keys that are shared are older than those that sign here, which stay: has etcd lost its \
         last changes? Whoever looks after it brings these there"
    )]
    KeysOlder {
        /// The zone.
        zone: String,
    },
    /// Other keys are shared than those that sign here.
    #[error(
        "{zone}: the keys that are shared are others than those that sign here, which stay; the zone above \
         vouches for one of them: export the right ones, and import them with --replace"
    )]
    KeysUnrelated {
        /// The zone.
        zone: String,
    },
    /// The machine's clock was set by more than clocks may differ: before or now it is wrong.
    #[error(
        "the machine's clock was set from {} to {}, and signatures are dated by it: if it was set \
         wrong, validators refuse them",
        .before.to_rfc3339(), .now.to_rfc3339()
    )]
    ClockWrong {
        /// What it would say by now.
        before: Time,
        /// What it says.
        now: Time,
    },
    /// It was set by so much that by one of the two times what is signed is expired or not yet valid.
    #[error(
        "the machine's clock was set to {}, where signatures made before hold from {} to {}: before or \
         now it is wrong",
        .now.to_rfc3339(), .inception.to_rfc3339(), .expiration.to_rfc3339()
    )]
    SignaturesInvalid {
        /// From when those made before hold.
        inception: Time,
        /// Until when.
        expiration: Time,
        /// What the clock says.
        now: Time,
    },
}

impl Fault {
    /// All names that there are.
    pub const NAMES: [&'static str; 6] = [
        "key_missing",
        "clock_behind",
        "keys_older",
        "keys_unrelated",
        "clock_wrong",
        "signatures_invalid",
    ];

    /// The name, for metrics and documents: it never changes.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::KeyMissing { .. } => "key_missing",
            Self::ClockBehind { .. } => "clock_behind",
            Self::KeysOlder { .. } => "keys_older",
            Self::KeysUnrelated { .. } => "keys_unrelated",
            Self::ClockWrong { .. } => "clock_wrong",
            Self::SignaturesInvalid { .. } => "signatures_invalid",
        }
    }
}

impl KeyRing {
    /// Whether the clock is behind what the ring has seen. While it is, nothing rolls.
    #[must_use]
    pub fn clock_fault(&self, now: Time) -> Option<Fault> {
        let made = self.members.iter().map(|member| member.created).max();
        let used = made.unwrap_or(Time::EPOCH).max(self.moved_at);
        let is_behind = now.plus_ms(CLOCK_SLACK_MS) < used;
        is_behind.then(|| Fault::ClockBehind { zone: self.apex.to_string(), now, used })
    }

    /// Everything that is wrong: with the keys, and with a clock that says `now`.
    #[must_use]
    pub fn faults(&self, now: Time) -> Vec<Fault> {
        // The TTL is not looked at here.
        self.clock_fault(now).into_iter().chain(self.signer(0).err()).collect()
    }
}

/// What is wrong with a clock that said `before` and was set to `now`; nothing where both are within
/// what clocks may differ.
#[must_use]
pub fn compare_clocks(before: Time, now: Time) -> Option<Fault> {
    let window = Window::at(before);
    let (inception, expiration) = (window.inception(), window.expiration());
    if now < inception || now >= expiration {
        return Some(Fault::SignaturesInvalid { inception, expiration, now });
    }
    let differ = before.ms_since(now).max(now.ms_since(before));
    // Beyond the slack a validator with the right time may already find a signature too young.
    let is_wrong = differ > CLOCK_SLACK_MS.min(u64::from(INCEPTION_BACK_S) * 1_000);
    is_wrong.then_some(Fault::ClockWrong { before, now })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
    use crate::ring::Layout;

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn clocks_that_differ_are_told() {
        let now = Time::from_unix_ms(20_000 * DAY_MS + DAY_MS / 2);
        let name = |set| compare_clocks(now, set).map(|fault| fault.name());
        assert_eq!(name(now), None);
        assert_eq!(name(now.minus_ms(CLOCK_SLACK_MS)), None);
        assert_eq!(name(now.plus_ms(CLOCK_SLACK_MS)), None);
        assert_eq!(name(now.minus_ms(CLOCK_SLACK_MS + 1)), Some("clock_wrong"));
        assert_eq!(name(now.plus_ms(DAY_MS)), Some("clock_wrong"));
        assert_eq!(name(now.minus_ms(DAY_MS)), Some("signatures_invalid"));
        assert_eq!(name(now.plus_ms(8 * DAY_MS)), Some("signatures_invalid"));
        assert_eq!(name(Time::EPOCH), Some("signatures_invalid"));
    }

    #[test]
    fn a_clock_behind_the_keys_is_told() {
        let now = Time::from_unix_ms(20_000 * DAY_MS);
        let terms = (Layout::Csk, Algorithm::Ed25519);
        let mut ring =
            KeyRing::new("example".parse().unwrap(), terms, now, &mut || [7; 32]).unwrap();
        let names = |ring: &KeyRing, now| -> Vec<&str> {
            ring.faults(now).iter().map(Fault::name).collect()
        };
        assert_eq!(names(&ring, now.minus_ms(CLOCK_SLACK_MS)), [""; 0]);
        assert_eq!(names(&ring, now.minus_ms(CLOCK_SLACK_MS + 1)), ["clock_behind"]);
        assert_eq!(names(&ring, Time::EPOCH), ["clock_behind"]);
        ring.members.clear();
        assert_eq!(names(&ring, now), ["key_missing"]);
    }
}
