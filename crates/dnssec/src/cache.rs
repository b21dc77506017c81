//! Signatures that were made, found again by what they sign.
//!
//! A table of fixed size, one for each worker: no lock, and no allocation after the first. What is
//! signed is hashed with a secret of the key, so nobody can choose names whose hashes meet; by
//! accident two meet once in 2^62 look-ups, and then a validator asks elsewhere. Must never outlive
//! its truth: times and key stand in what is signed, so a signature that is out of date is not found.

use dns::siphash::siphash_2_4;

use crate::algorithm::SIGNATURE_BYTES;

/// How many places one hash may be at: with four, a table that is three quarters full loses nearly
/// nothing.
const WAYS: usize = 4;

/// A table of signatures.
pub(crate) struct Cache {
    /// A power of two of them, so that a hash's low bits are a place.
    buckets: Box<[Bucket]>,
    /// Counts look-ups: what was used longest ago is forgotten first.
    clock: u32,
}

/// The places of some hashes. Hashes stand together, so that most look-ups read two cache lines.
#[derive(Clone)]
#[repr(align(64))]
struct Bucket {
    hashes: [u64; WAYS],
    /// When each was used last; 0 where there is none.
    used: [u32; WAYS],
    signatures: [[u8; SIGNATURE_BYTES]; WAYS],
}

impl Cache {
    /// A table for `4 << bits` signatures, of 320 bytes for each four.
    pub(crate) fn new(bits: u32) -> Self {
        let empty =
            Bucket { hashes: [0; WAYS], used: [0; WAYS], signatures: [[0; SIGNATURE_BYTES]; WAYS] };
        Self { buckets: vec![empty; 1 << bits].into(), clock: 0 }
    }

    /// What a message is found by.
    pub(crate) fn hash(secret: &[u8; 16], message: &[u8]) -> u64 {
        siphash_2_4(secret, message)
    }

    /// The signature of what has this hash.
    pub(crate) fn get(&mut self, hash: u64) -> Option<&[u8; SIGNATURE_BYTES]> {
        self.clock = self.clock.checked_add(1).unwrap_or(1);
        let clock = self.clock;
        let Bucket { hashes, used, signatures } = self.bucket(hash)?;
        let ways = hashes.iter().zip(used).zip(signatures.iter());
        let mut found = ways.filter(|((known, used), _)| **known == hash && **used > 0);
        found.next().map(|((_, used), signature)| {
            *used = clock;
            signature
        })
    }

    /// Keeps a signature, in the place of the one that was used longest ago.
    pub(crate) fn put(&mut self, hash: u64, signature: [u8; SIGNATURE_BYTES]) {
        let clock = self.clock.max(1);
        let Some(Bucket { hashes, used, signatures }) = self.bucket(hash) else { return };
        let ways = hashes.iter_mut().zip(used).zip(signatures);
        // The count goes round: what was used before that is older than all since.
        let age = |used: u32| if used == 0 { u32::MAX } else { clock.wrapping_sub(used) };
        if let Some(((known, used), place)) = ways.max_by_key(|((_, used), _)| age(**used)) {
            (*known, *used, *place) = (hash, clock, signature);
        }
    }

    fn bucket(&mut self, hash: u64) -> Option<&mut Bucket> {
        let places = self.buckets.len().saturating_sub(1);
        // The high bits, cut to as many as there are buckets.
        let at = usize::try_from(hash >> 32).unwrap_or(0) & places;
        self.buckets.get_mut(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_is_forgotten() {
        let mut cache = Cache::new(0);
        for hash in 0..4 {
            assert_eq!(cache.get(hash), None);
            cache.put(hash, [u8::try_from(hash).unwrap(); 64]);
        }
        assert_eq!(cache.get(0), Some(&[0; 64]));
        assert_eq!(cache.get(4), None);
        cache.put(4, [4; 64]);
        assert_eq!(cache.get(1), None, "the oldest one");
        for hash in [0, 2, 3, 4] {
            assert_eq!(cache.get(hash), Some(&[u8::try_from(hash).unwrap(); 64]));
        }
    }

    #[test]
    fn a_table_holds_what_it_says() {
        let mut cache = Cache::new(6);
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 0..128 {
            cache.put(hash(n), [1; 64]);
        }
        let kept = (0..128).filter(|n| cache.get(hash(*n)).is_some()).count();
        assert!(kept > 120, "{kept} of 128 in 256 places");
        assert_eq!(size_of::<Bucket>(), 320);
    }

    #[test]
    fn the_count_of_look_ups_may_end() {
        let mut cache = Cache::new(0);
        cache.clock = u32::MAX;
        assert_eq!(cache.get(1), None);
        cache.put(1, [1; 64]);
        assert_eq!(cache.get(1), Some(&[1; 64]));
    }

    #[test]
    fn what_was_used_before_the_count_ended_is_older_than_all_since() {
        let mut cache = Cache::new(0);
        cache.clock = u32::MAX - 4;
        for hash in 0..4 {
            assert_eq!(cache.get(hash), None);
            cache.put(hash, [0; 64]);
        }
        // Beyond the end two names come in turn, and neither drives the other out.
        for hash in [8, 9] {
            assert_eq!(cache.get(hash), None);
            cache.put(hash, [0; 64]);
        }
        for hash in [8, 9, 3, 2] {
            assert!(cache.get(hash).is_some(), "{hash}");
        }
    }
}
