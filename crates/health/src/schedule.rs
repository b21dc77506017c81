//! Which checks are due, spread so that a thousand do not beat together.
//!
//! Each key has its own place in the time after it was added, and its own place in the interval
//! ever after; both come from a hash of the key, so they are the same in each run. The first check
//! of any key is due as soon as its company allows ([`Schedule::first_within_ms`]), the second half
//! to one and a half intervals later, the others one interval apart. A check that is late does not move those after
//! it, and missed ones are not made up for.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use model::Time;

/// The checks of many keys, by when they are due. O(log n) for each operation.
#[derive(Clone, Debug)]
pub struct Schedule<K> {
    entries: BTreeMap<K, Entry>,
    due: BTreeSet<(Time, K)>,
    keys_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    due: Time,
    interval_ms: u64,
    /// Whether the first check is still to come.
    is_first: bool,
}

/// The schedule holds as many keys as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule is full with {keys_max} checks")]
pub struct ScheduleFull {
    /// The limit.
    pub keys_max: usize,
}

impl<K: Ord + Clone + Hash> Schedule<K> {
    /// First checks in a millisecond: five thousand a second, which one core takes, and which few
    /// targets do not notice. Ten thousand have begun after two seconds.
    const FIRST_PER_MS: u64 = 5;

    /// Within how many milliseconds the first checks of so many keys are to begin.
    #[must_use]
    pub const fn first_within_ms(keys: usize) -> u64 {
        let ms = (keys as u64).div_ceil(Self::FIRST_PER_MS);
        if ms == 0 { 1 } else { ms }
    }

    /// A schedule of at most `keys_max` checks.
    #[must_use]
    pub const fn new(keys_max: usize) -> Self {
        Self { entries: BTreeMap::new(), due: BTreeSet::new(), keys_max }
    }

    /// Adds a key, or gives a known one a new interval; either way its next check is a first one,
    /// due within `within_ms` ([`Self::first_within_ms`]) and its interval. Zero of either counts as
    /// one millisecond.
    ///
    /// # Errors
    ///
    /// The schedule is full and the key is new; nothing changed.
    pub fn insert(
        &mut self,
        key: K,
        (interval_ms, within_ms): (u64, u64),
        now: Time,
    ) -> Result<(), ScheduleFull> {
        if self.entries.len() >= self.keys_max && !self.contains(&key) {
            return Err(ScheduleFull { keys_max: self.keys_max });
        }
        self.remove(&key);
        let interval_ms = interval_ms.max(1);
        let within_ms = within_ms.clamp(1, interval_ms);
        let due = now.plus_ms(place_of(&key, FIRST) % within_ms);
        self.due.insert((due, key.clone()));
        self.entries.insert(key, Entry { due, interval_ms, is_first: true });
        Ok(())
    }

    /// Takes a key out; says whether it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        let Some(entry) = self.entries.remove(key) else { return false };
        self.due.remove(&(entry.due, key.clone()))
    }

    /// Whether a key is in it.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// When the next check is due; nothing where there is none.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The check that has been due for longest, if one is, and since when; its next one is set.
    pub fn pop_due(&mut self, now: Time) -> Option<(K, Time)> {
        if self.next_due()? > now {
            return None;
        }
        let (due, key) = self.due.pop_first()?;
        let entry = self.entries.get_mut(&key)?;
        let step_ms = if entry.is_first {
            entry.interval_ms / 2 + place_of(&key, LATER) % entry.interval_ms
        } else {
            entry.interval_ms
        };
        entry.due = after(due.plus_ms(step_ms.max(1)), entry.interval_ms, now);
        entry.is_first = false;
        self.due.insert((entry.due, key.clone()));
        Some((key, due))
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The first moment later than `now` that lies a whole number of intervals behind `due`.
fn after(due: Time, interval_ms: u64, now: Time) -> Time {
    if due > now {
        return due;
    }
    let missed = now.ms_since(due) / interval_ms + 1;
    due.plus_ms(missed.saturating_mul(interval_ms))
}

/// Two independent places of one key.
const FIRST: u8 = 1;
const LATER: u8 = 2;

/// A number that is the same in each run and spread evenly over the keys.
fn place_of<K: Hash>(key: &K, which: u8) -> u64 {
    let mut hasher = Fnv(FNV_OFFSET);
    which.hash(&mut hasher);
    key.hash(&mut hasher);
    hasher.finish()
}

/// FNV-1a's start value and prime for 64 bits.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a with a final mix: the standard library promises the same hash only within one run.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }

    /// FNV leaves the last bytes in the low bits; the mix spreads them before a remainder is taken.
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ (mixed >> 33)
    }
}

#[cfg(test)]
mod tests;
