//! Names that point at names already written (RFC 1035, 4.1.4).
//!
//! Remembers where suffixes of names stand in the message, the question's first, and finds the
//! longest that a new name ends with. Case does not matter: a name that points at the question
//! takes the asker's case (RFC 4343, 4.1).
//!
//! It only ever makes messages shorter. What it forgets, it merely does not compress.

use crate::name::{Name, Step};

/// How many suffixes are remembered: an `ip6.arpa` name has 35, and the few other names of an
/// answer share most of theirs. Beyond it names are written out.
const PLACES_MAX: usize = 48;
/// The first offset that a pointer's fourteen bits cannot hold.
const OFFSET_END: usize = 0x4000;

/// Where suffixes of names stand in a message.
pub(crate) struct Suffixes {
    /// The places, in the order they were written.
    places: [Place; PLACES_MAX],
    /// How many of them count.
    used: usize,
}

/// Where one suffix stands.
#[derive(Clone, Copy)]
struct Place {
    /// The offset of its first label.
    offset: u16,
    /// Its length in bytes, uncompressed: most names are told apart by it. A byte would do, but leave
    /// one between each two places, and then they are not zeroed in one go.
    length: u16,
}

/// How a name is written: so many of its bytes, then a pointer or nothing.
pub(crate) struct Plan<'n> {
    /// The name's first labels.
    pub(crate) plain: &'n [u8],
    /// The two bytes that stand for the rest.
    pub(crate) pointer: Option<[u8; 2]>,
}

impl Suffixes {
    /// Nothing remembered.
    pub(crate) const fn new() -> Self {
        Self { places: [Place { offset: 0, length: 0 }; PLACES_MAX], used: 0 }
    }

    /// How many are remembered; [`Suffixes::forget_after`] goes back to it.
    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    /// Forgets all but the first `used`.
    pub(crate) fn forget_after(&mut self, used: usize) {
        self.used = self.used.min(used);
    }

    /// How to write `name` at the end of `message`.
    pub(crate) fn plan<'n>(&self, message: &[u8], name: Name<'n>) -> Plan<'n> {
        let whole = name.as_bytes();
        let known = name.suffixes().filter(|suffix| !suffix.is_root()).find_map(|suffix| {
            let offset = self.find(message, suffix)?;
            Some((whole.len() - suffix.as_bytes().len(), offset))
        });
        let (plain, pointer) = match known {
            Some((before, offset)) => (before, Some((offset | 0xc000).to_be_bytes())),
            None => (whole.len(), None),
        };
        Plan { plain: whole.get(..plain).unwrap_or(whole), pointer }
    }

    /// Remembers the suffixes of `name` that begin in the first `plain` bytes of what was written
    /// of it at `start`.
    pub(crate) fn remember(&mut self, name: Name<'_>, start: usize, plain: usize) {
        let whole = name.as_bytes().len();
        for suffix in name.suffixes().filter(|suffix| !suffix.is_root()) {
            let length = suffix.as_bytes().len();
            let before = whole - length;
            let offset = start + before;
            if before >= plain || offset >= OFFSET_END {
                return;
            }
            let (Some(place), Ok(offset), Ok(length)) =
                (self.places.get_mut(self.used), u16::try_from(offset), u16::try_from(length))
            else {
                return;
            };
            *place = Place { offset, length };
            self.used += 1;
        }
    }

    /// The offset of a suffix that stands in the message.
    fn find(&self, message: &[u8], suffix: Name<'_>) -> Option<u16> {
        let length = suffix.as_bytes().len();
        let places = self.places.get(..self.used)?.iter();
        places
            .filter(|place| usize::from(place.length) == length)
            .find(|place| stands_at(message, place.offset.into(), suffix))
            .map(|place| place.offset)
    }
}

/// Whether `name` stands at `offset` of `message`, which we wrote: its pointers go backwards.
fn stands_at(message: &[u8], offset: usize, name: Name<'_>) -> bool {
    let whole = name.as_bytes();
    // Mostly it is the question's, which is written out.
    if message.get(offset..offset + whole.len()).is_some_and(|it| it.eq_ignore_ascii_case(whole)) {
        return true;
    }
    let mut at = offset;
    for label in name.labels() {
        let Some((start, found)) = label_at(message, at) else {
            return false;
        };
        if !found.eq_ignore_ascii_case(label) {
            return false;
        }
        at = start + found.len();
    }
    // The lengths are equal, so where all labels match the end does, too.
    true
}

/// The label at `at` or where the pointer there leads, and where its bytes begin.
fn label_at(message: &[u8], mut at: usize) -> Option<(usize, &[u8])> {
    loop {
        match Step::of(*message.get(at)?).ok()? {
            Step::Label(length) => {
                let start = at + 1;
                return Some((start, message.get(start..start + length)?));
            }
            Step::Pointer(high) => {
                let to = usize::from(u16::from_be_bytes([high, *message.get(at + 1)?]));
                at = Some(to).filter(|to| *to < at)?;
            }
            Step::End => return None,
        }
    }
}
