//! SipHash-2-4 (Aumasson and Bernstein, 2012): a short keyed hash that strangers cannot steer.
//!
//! Only the one-shot form. Where the bytes come from and what the hash proves is the caller's
//! business.

/// A key in bytes.
pub const KEY_BYTES: usize = 16;

/// The hash's four words.
struct State([u64; 4]);

impl State {
    /// One SipRound.
    const fn round(&mut self) {
        let Self([v0, v1, v2, v3]) = self;
        *v0 = v0.wrapping_add(*v1);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v0 = v0.rotate_left(32);
        *v2 = v2.wrapping_add(*v3);
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.wrapping_add(*v3);
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.wrapping_add(*v1);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v2 = v2.rotate_left(32);
    }

    /// Takes in a word: two rounds.
    const fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }
}

/// The hash of `data` under `key`.
#[must_use]
pub fn siphash_2_4(key: &[u8; KEY_BYTES], data: &[u8]) -> u64 {
    let key = u128::from_le_bytes(*key);
    let (low, high) = (key as u64, (key >> 64) as u64);
    let mut state = State([
        low ^ 0x736f_6d65_7073_6575,
        high ^ 0x646f_7261_6e64_6f6d,
        low ^ 0x6c79_6765_6e65_7261,
        high ^ 0x7465_6462_7974_6573,
    ]);
    let (words, rest) = data.as_chunks::<8>();
    words.iter().for_each(|word| state.absorb(u64::from_le_bytes(*word)));
    // The last word: what is left, and the length's low byte on top.
    let mut last = (data.len() as u64) << 56;
    for (place, byte) in rest.iter().enumerate() {
        last |= u64::from(*byte) << (8 * place);
    }
    state.absorb(last);
    state.0[2] ^= 0xff;
    (0..4).for_each(|_| state.round());
    state.0.iter().fold(0, |hash, word| hash ^ word)
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher as _;

    use super::*;

    fn counting<const N: usize>() -> [u8; N] {
        std::array::from_fn(|place| u8::try_from(place).unwrap())
    }

    /// The paper's appendix A, and the first and last of its authors' list of vectors.
    #[test]
    fn the_authors_vectors_hold() {
        let key = counting::<16>();
        assert_eq!(siphash_2_4(&key, &counting::<15>()), 0xa129_ca61_49be_45e5);
        assert_eq!(siphash_2_4(&key, &[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(siphash_2_4(&key, &counting::<63>()), 0x958a_324c_eb06_4572);
    }

    #[test]
    #[expect(deprecated, reason = "no longer promised to stay as it is, and the same today")]
    fn the_standard_librarys_hash_is_the_same() {
        let bytes = counting::<256>();
        for length in 0..bytes.len() {
            let (low, high) = (!(length as u64), (length as u64) << 56);
            let mut theirs = std::hash::SipHasher::new_with_keys(low, high);
            theirs.write(&bytes[..length]);
            let key = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
            assert_eq!(siphash_2_4(&key, &bytes[..length]), theirs.finish(), "{length} bytes");
        }
    }
}
