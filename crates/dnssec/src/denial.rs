//! The record that says what is not there: compact denial of existence (RFC 9824).
//!
//! One NSEC record at the very name that was asked for. It says that the next name is the one that
//! follows at once, so nothing is said of any other, and which types stand at this one. A name that
//! does not exist has the type NXNAME and no other (3.1); an empty non-terminal has none (3.2). Must
//! never say that a type is absent that somebody may be given: what is steered has all its types,
//! but for the one that is denied.

use dns::name::{LABEL_BYTES_MAX, NAME_BYTES_MAX};
use dns::{Name, Rdata, RecordType};

/// Room for the data of an NSEC record: the next name and a bitmap of 20 windows. Types of further
/// windows, which nobody has, are left out.
const NSEC_BYTES_MAX: usize = NAME_BYTES_MAX + 20 * (2 + WINDOW_BYTES_MAX);
/// The bytes of one window of the bitmap, for 256 types (RFC 4034, 4.1.2).
const WINDOW_BYTES_MAX: usize = 32;

/// The data of an NSEC record, on the stack.
pub struct Nsec {
    bytes: [u8; NSEC_BYTES_MAX],
    length: usize,
}

impl Nsec {
    /// The record of a name that exists. `types` are in rising order and may be none; `denied` is
    /// left out of them, RRSIG and NSEC are added.
    #[must_use]
    pub fn existing(
        owner: Name<'_>,
        apex: Name<'_>,
        types: impl Iterator<Item = RecordType> + Clone,
        denied: RecordType,
    ) -> Self {
        let mut nsec = Self::of(owner, apex);
        nsec.put_types(types.filter(|record_type| *record_type != denied));
        nsec
    }

    /// The record of a name that does not exist (RFC 9824, 3.1).
    #[must_use]
    pub fn absent(owner: Name<'_>, apex: Name<'_>) -> Self {
        let mut nsec = Self::of(owner, apex);
        nsec.put_types(std::iter::once(RecordType::NXNAME));
        nsec
    }

    /// The record for an answer.
    #[must_use]
    pub fn rdata(&self) -> Rdata<'_> {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        Rdata::Other { record_type: RecordType::NSEC, bytes }
    }

    /// With the next name, and no types yet.
    fn of(owner: Name<'_>, apex: Name<'_>) -> Self {
        let mut nsec = Self { bytes: [0; NSEC_BYTES_MAX], length: 0 };
        // In lower case, so that the case in which a name is asked for makes no other record.
        let key = owner.key();
        nsec.put_next(key.as_name(), apex);
        nsec
    }

    /// Writes the name that follows `owner` at once in the canonical order: the zero byte below it;
    /// where that is too long, the next name beside it, or above (RFC 4471, 3.1.2). After the last
    /// name of the zone comes its apex.
    fn put_next(&mut self, owner: Name<'_>, apex: Name<'_>) {
        if owner.as_bytes().len() + 2 <= NAME_BYTES_MAX {
            self.put(&[1, 0]);
            return self.put(owner.as_bytes());
        }
        let is_first = |name: Name<'_>| name.as_bytes().len() == owner.as_bytes().len();
        let inside =
            owner.suffixes().take_while(|name| name.as_bytes().len() > apex.as_bytes().len());
        for name in inside {
            let (Some(label), Some(above)) = (name.labels().next(), name.parent()) else { break };
            let has_room = label.len() < LABEL_BYTES_MAX && name.as_bytes().len() < NAME_BYTES_MAX;
            if has_room && is_first(name) {
                return self.put_label(&[label, &[0]], above);
            }
            // The last byte that has a next one; what stands behind it goes.
            if let Some(at) = label.iter().rposition(|byte| *byte != u8::MAX)
                && let (before, Some(byte)) = (label.get(..at).unwrap_or_default(), label.get(at))
            {
                return self.put_label(&[before, &[after(*byte)]], above);
            }
        }
        self.put(apex.as_bytes());
    }

    fn put_label(&mut self, parts: &[&[u8]; 2], above: Name<'_>) {
        let [before, last] = parts;
        self.put(&[u8::try_from(before.len() + last.len()).unwrap_or(0)]);
        self.put(before);
        self.put(last);
        self.put(above.as_bytes());
    }

    /// Writes the bitmap of `types` in rising order, with RRSIG and NSEC (RFC 4034, 4.1.2).
    fn put_types(&mut self, types: impl Iterator<Item = RecordType> + Clone) {
        let own = [RecordType::RRSIG, RecordType::NSEC];
        let mut types = own.into_iter().chain(types).map(|RecordType(number)| number.to_be_bytes());
        let all = types.clone();
        let mut window = types.next().map(|[window, _]| window);
        while let Some(this) = window {
            let mut bits = [0_u8; WINDOW_BYTES_MAX];
            for [_, low] in all.clone().filter(|[other, _]| *other == this) {
                if let Some(byte) = bits.get_mut(usize::from(low / 8)) {
                    *byte |= 0x80 >> (low % 8);
                }
            }
            let length = bits.iter().rposition(|byte| *byte > 0).map_or(0, |last| last + 1);
            if self.length + 2 + length <= NSEC_BYTES_MAX {
                self.put(&[this, u8::try_from(length).unwrap_or(0)]);
                self.put(bits.get(..length).unwrap_or_default());
            }
            window = all.clone().map(|[other, _]| other).filter(|other| *other > this).min();
        }
    }

    /// Adds bytes. There is always room: see [`NSEC_BYTES_MAX`].
    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
            self.length = end;
        }
    }
}

/// The byte after another one that is not the last, in an order that knows no capitals.
const fn after(byte: u8) -> u8 {
    if byte == b'@' { b'[' } else { byte.saturating_add(1) }
}

#[cfg(test)]
mod tests;
