//! Valid inputs bent: nearer to what a parser gets wrong than random bytes are.

use crate::Random;

/// Changes, cuts out, doubles or cuts off some bytes, up to five times. `byte` draws what is put in:
/// bytes that mean something to the parser should come more often than chance has them.
pub fn bend(random: &mut Random, bytes: &mut Vec<u8>, byte: impl Fn(&mut Random) -> u8) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 if !bytes.is_empty() => drop(bytes.remove(at)),
            1 => bytes.insert(at, byte(random)),
            2 => bytes.truncate(at),
            3 => bytes.extend_from_within(at..),
            _ => {
                if let Some(changed) = bytes.get_mut(at) {
                    *changed = byte(random);
                }
            }
        }
    }
}
