//! Domain names: borrowed from a packet or owned, and the key they are looked up by.
//!
//! A name is its wire form: labels of 1 to 63 bytes, each behind its length, and an empty label at
//! the end, 255 bytes at most (RFC 1035, 3.1 and 2.3.4). Any byte may stand in a label (RFC 2181,
//! 11). Names are equal when they are equal without case (RFC 1035, 2.3.3; RFC 4343), and each
//! keeps the case it came in.
//!
//! Nothing here follows a name outside its own bytes, but for [`NameBuf::read`], which resolves
//! compression pointers and only ever walks backwards.

mod text;
mod wire;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

pub use text::NameTextError;
pub use wire::NameFault;
pub(crate) use wire::{Step, skip};

/// The longest name in bytes on the wire (RFC 1035, 2.3.4).
pub const NAME_BYTES_MAX: usize = 255;
/// The longest label in bytes (RFC 1035, 2.3.4): its length has six bits.
pub const LABEL_BYTES_MAX: usize = 63;

/// A name that lies in someone else's bytes, checked and uncompressed.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    /// The labels with their lengths, and the empty label at the end.
    wire: &'a [u8],
}

impl<'a> Name<'a> {
    /// The root: no label at all.
    pub const ROOT: Name<'static> = Name { wire: &[0] };

    /// The wire form.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.wire
    }

    /// Whether this is the root.
    #[must_use]
    pub const fn is_root(self) -> bool {
        self.wire.len() <= 1
    }

    /// The labels, the leftmost first, without the empty one at the end.
    #[must_use]
    pub const fn labels(self) -> Labels<'a> {
        Labels { rest: self.wire }
    }

    /// The name without its leftmost label; nothing is above the root.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        let (&length, rest) = self.wire.split_first()?;
        let wire = rest.get(usize::from(length)..)?;
        (length > 0).then_some(Self { wire })
    }

    /// The name and all that are above it, the root last.
    pub fn suffixes(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |name| name.parent())
    }

    /// Whether the name is `zone` or lies below it. All names end with the root.
    #[must_use]
    pub fn ends_with(self, zone: Name<'_>) -> bool {
        self.strip(zone).is_some()
    }

    /// The labels that stand before `zone`: none where the name is `zone` itself. `None` where the
    /// name does not end with `zone`.
    #[must_use]
    pub fn strip(self, zone: Name<'_>) -> Option<Labels<'a>> {
        let before = self.wire.len().checked_sub(zone.wire.len())?;
        // Only a suffix that starts at a label is one; the bytes alone could match inside a label.
        let suffix = self.suffixes().find(|suffix| suffix.wire.len() <= zone.wire.len())?;
        (suffix == zone).then_some(Labels { rest: self.wire.get(..before)? })
    }

    /// The wildcard that would answer for this name: `*` in the place of the leftmost label
    /// (RFC 4592, 2.1.1). The root has none.
    #[must_use]
    pub fn wildcard(self) -> Option<NameBuf> {
        let mut name = NameBuf::ROOT;
        name.push(b"*").ok()?;
        for label in self.parent()?.labels() {
            name.push(label).ok()?;
        }
        Some(name)
    }

    /// A copy that owns its bytes.
    #[must_use]
    pub fn to_buf(self) -> NameBuf {
        let mut buf = NameBuf::ROOT;
        // A name has 1 to 255 bytes, so both halves always fit.
        if let (Some(to), Ok(length)) =
            (buf.wire.get_mut(..self.wire.len()), u8::try_from(self.wire.len()))
        {
            to.copy_from_slice(self.wire);
            buf.length = length;
        }
        buf
    }

    /// What the name is looked up by: the same for every case it may be written in.
    #[must_use]
    pub fn key(self) -> NameKey {
        let mut buf = self.to_buf();
        // The lengths are at most 63 and no letters: all bytes can be folded alike.
        buf.wire.make_ascii_lowercase();
        NameKey(buf)
    }
}

impl PartialEq<Name<'_>> for Name<'_> {
    /// Without case. The lengths are at most 63 and no letters: all bytes can be folded alike.
    fn eq(&self, other: &Name<'_>) -> bool {
        self.wire.eq_ignore_ascii_case(other.wire)
    }
}

impl Eq for Name<'_> {}

/// The labels of a name.
#[derive(Clone, Debug)]
pub struct Labels<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.rest.split_first()?;
        let (label, rest) = rest.split_at_checked(usize::from(length))?;
        self.rest = rest;
        (length > 0).then_some(label)
    }
}

/// A name that owns its bytes, in place: 256 bytes, no heap.
#[derive(Clone)]
pub struct NameBuf {
    /// The wire form and, behind it, zeros.
    wire: [u8; NAME_BYTES_MAX],
    /// How much of it is the name: at least 1, the root's empty label.
    length: u8,
}

impl NameBuf {
    /// The root: no label at all.
    pub const ROOT: Self = Self { wire: [0; NAME_BYTES_MAX], length: 1 };

    /// The name.
    #[must_use]
    pub fn as_name(&self) -> Name<'_> {
        match self.wire.get(..usize::from(self.length)) {
            Some(wire) => Name { wire },
            None => Name::ROOT,
        }
    }

    /// Adds a label at the right end, before the empty one.
    ///
    /// # Errors
    ///
    /// An empty label or one of more than 63 bytes; a name of more than 255 bytes.
    fn push(&mut self, label: &[u8]) -> Result<(), NameFault> {
        if label.is_empty() || label.len() > LABEL_BYTES_MAX {
            return Err(NameFault::Label(label.len()));
        }
        let start = usize::from(self.length) - 1;
        let end = start + 1 + label.len();
        let room = self.wire.get_mut(start..end);
        // The empty label needs a byte behind it: a length of 256 is none.
        let lengths = (u8::try_from(label.len()), u8::try_from(end + 1));
        let (Some((first, rest)), (Ok(label_length), Ok(length))) =
            (room.and_then(<[u8]>::split_first_mut), lengths)
        else {
            return Err(NameFault::TooLong);
        };
        *first = label_length;
        rest.copy_from_slice(label);
        self.length = length;
        Ok(())
    }
}

impl PartialEq for NameBuf {
    /// Without case.
    fn eq(&self, other: &Self) -> bool {
        self.as_name() == other.as_name()
    }
}

impl Eq for NameBuf {}

/// What a name is looked up by: its wire form in lower case.
///
/// It borrows as bytes, so a map may hold its keys in any form of those bytes; the bytes behind
/// each label are in turn the key of the name above.
#[derive(Clone)]
pub struct NameKey(NameBuf);

impl NameKey {
    /// The key's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_name().as_bytes()
    }

    /// The name in lower case.
    #[must_use]
    pub fn as_name(&self) -> Name<'_> {
        self.0.as_name()
    }
}

impl Borrow<[u8]> for NameKey {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for NameKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for NameKey {}

impl PartialOrd for NameKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NameKey {
    /// By the key's bytes, as [`Borrow`] demands; not the canonical order of RFC 4034.
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for NameKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

#[cfg(test)]
mod tests;
