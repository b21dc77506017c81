//! Names as bytes whose order is the canonical one (RFC 4034, 6.1).
//!
//! The labels from the right to the left, in lower case, each ended by a zero byte. In a label a
//! zero byte is written 1 1 and a one byte 1 2, so the end of a label sorts before all that could
//! follow in it. A name's key therefore begins with the key of every name above it.

use dns::Name;

/// The longest key in bytes: a name has 255, its lengths become the ends of labels, and each of its
/// other bytes at worst takes two. The array is on the stack.
const KEY_BYTES_MAX: usize = 2 * dns::name::NAME_BYTES_MAX;
/// What ends a label.
const END: u8 = 0;
/// What stands before the two bytes that would be confused with the end, or with itself.
const ESCAPE: u8 = 1;

/// A name's key.
#[derive(Clone)]
pub(crate) struct Key {
    /// The key fills the end of it; what is before are zeros.
    bytes: [u8; KEY_BYTES_MAX],
    start: usize,
}

impl Key {
    /// The key of a name.
    #[inline]
    pub(crate) fn of(name: Name<'_>) -> Self {
        let mut key = Self { bytes: [0; KEY_BYTES_MAX], start: KEY_BYTES_MAX };
        // The leftmost label is the key's last one, so the key is written from its end. There is always
        // room: see [`KEY_BYTES_MAX`].
        let mut room = key.bytes.iter_mut().rev();
        let mut put = |byte| room.next().map_or((), |place| *place = byte);
        for label in name.labels() {
            put(END);
            for byte in label.iter().rev() {
                match byte.to_ascii_lowercase() {
                    low @ (END | ESCAPE) => [low + 1, ESCAPE].into_iter().for_each(&mut put),
                    byte => put(byte),
                }
            }
        }
        key.start = room.len();
        key
    }

    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dns::NameBuf;

    fn key(text: &str) -> Vec<u8> {
        Key::of(text.parse::<NameBuf>().unwrap().as_name()).as_bytes().to_vec()
    }

    #[test]
    fn the_order_is_the_standards_own() {
        // The list of RFC 4034, 6.1.
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
            "zABC.a.EXAMPLE",
            "z.example",
            "\\001.z.example",
            "*.z.example",
            "\\200.z.example",
        ];
        assert!(sorted.map(key).is_sorted());
        let sorted = [".", "a", "\\000.a", "\\000\\000.a", "\\001.a", "\\002.a", "a.a", "b"];
        assert!(sorted.map(key).is_sorted());
    }

    #[test]
    fn a_key_begins_with_the_keys_above() {
        assert_eq!(key("."), b"");
        assert_eq!(key("A.Example"), b"example\0a\0");
        assert!(key("b.a\\.c.example").starts_with(&key("a\\.c.example")));
        assert!(!key("ab.example").starts_with(&key("a.example")));
        assert!(!key("\\000.example").starts_with(&key("example\\000")));
    }

    #[test]
    fn the_longest_names_fit() {
        let labels = "\\001.".repeat(127);
        assert_eq!(key(&labels).len(), 127 * 3);
        let long = format!("{0}.{0}.{0}.{1}", "\\000".repeat(63), "\\000".repeat(61));
        assert_eq!(key(&long).len(), 2 * 250 + 4);
    }
}
