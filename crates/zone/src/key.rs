//! Names as bytes whose order is the canonical one (RFC 4034, 6.1).
//!
//! The labels from the right to the left, in lower case, each ended by a zero byte. In a label a
//! zero byte is written 1 1 and a one byte 1 2, so the end of a label sorts before all that could
//! follow in it. A name's key therefore begins with the key of every name above it.

use dns::Name;

/// The longest key in bytes: a name has 255, its lengths become the ends of labels, and each of its
/// other bytes at worst takes two. The array is on the stack.
const KEY_BYTES_MAX: usize = 2 * dns::name::NAME_BYTES_MAX;
/// The most labels of a name: 127 of one byte and its length, and the empty one, fill its 255 bytes.
const LABELS_MAX: usize = 127;
/// What ends a label.
const END: u8 = 0;
/// What stands before the two bytes that would be confused with the end, or with itself.
const ESCAPE: u8 = 1;

/// A name's key.
#[derive(Clone)]
pub(crate) struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    length: usize,
}

impl Key {
    /// The key of a name.
    pub(crate) fn of(name: Name<'_>) -> Self {
        let mut key = Self { bytes: [0; KEY_BYTES_MAX], length: 0 };
        let wire = name.as_bytes();
        // Where each label's length stands: a name has at most 255 bytes.
        let mut places = [0_u8; LABELS_MAX];
        let (mut count, mut at) = (0, 0_u8);
        for (place, label) in places.iter_mut().zip(name.labels()) {
            *place = at;
            count += 1;
            at = at.saturating_add(1).saturating_add(u8::try_from(label.len()).unwrap_or(u8::MAX));
        }
        for place in places.iter().take(count).rev() {
            let rest = wire.get(usize::from(*place)..).and_then(<[u8]>::split_first);
            let label = rest.and_then(|(length, rest)| rest.get(..usize::from(*length)));
            key.push_label(label.unwrap_or_default());
        }
        key
    }

    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Adds a label and its end.
    fn push_label(&mut self, label: &[u8]) {
        for byte in label {
            match byte.to_ascii_lowercase() {
                low @ (END | ESCAPE) => {
                    self.push(ESCAPE);
                    self.push(low + 1);
                }
                byte => self.push(byte),
            }
        }
        self.push(END);
    }

    /// Adds a byte. There is always room: see [`KEY_BYTES_MAX`].
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
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
