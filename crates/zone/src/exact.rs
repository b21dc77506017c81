//! Names that exist, found by a hash: what most questions ask for.
//!
//! One look at a table, where the search by keys takes a step for each doubling of the names. What is
//! not found here may exist all the same: of two names with one hash only the first is kept, and the
//! search finds the other. Must never say that a name does not exist.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use dns::Name;

use crate::content::Zone;
use crate::names::Names;

/// An odd number with its bits spread evenly: 2^64 divided by the golden ratio (Knuth, "The Art of
/// Computer Programming", volume 3, 6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// The bit in which the two cases of a letter differ, in each of eight bytes.
const CASE: u64 = 0x2020_2020_2020_2020;

/// Every name of all zones, by its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exact {
    /// The places of zone and name in their lists.
    places: HashMap<u64, (u32, u32), BuildHasherDefault<AsItIs>>,
}

impl Exact {
    /// The names of these zones. A name that is in several is the deepest one's.
    pub(crate) fn of(zones: &Names<Zone>) -> Self {
        let mut exact = Self::default();
        for (zone_number, (_, zone)) in (0..=u32::MAX).zip(zones.iter()) {
            for (number, (key, node)) in (0..=u32::MAX).zip(zone.names.iter()) {
                let deepest = zones.find(key).and_then(|place| u32::try_from(place.index).ok());
                if deepest == Some(zone_number) {
                    let hash = hash(node.owner.as_bytes());
                    exact.places.entry(hash).or_insert((zone_number, number));
                }
            }
        }
        exact
    }

    /// The places of a name in these zones: that of its zone, and its own there.
    pub(crate) fn find(&self, zones: &Names<Zone>, name: Name<'_>) -> Option<(usize, usize)> {
        let (zone, number) = *self.places.get(&hash(name.as_bytes()))?;
        let (zone, number) = (usize::try_from(zone).ok()?, usize::try_from(number).ok()?);
        let node = zones.get(zone)?.names.get(number)?;
        let is_it = node.owner.as_bytes().eq_ignore_ascii_case(name.as_bytes());
        is_it.then_some((zone, number))
    }
}

/// A hash of a name's wire form that is the same in any case. Nobody but the operator says which names
/// are in the table, so it need not withstand anybody.
fn hash(wire: &[u8]) -> u64 {
    let (words, rest) = wire.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
    let take = |hash: u64, word: &[u8; 8]| {
        ((hash ^ (u64::from_le_bytes(*word) | CASE)).wrapping_mul(SPREAD)).rotate_left(29)
    };
    take(words.iter().fold(0, take), &last).wrapping_mul(SPREAD)
}

/// Takes a number that is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use dns::{NameBuf, RecordType};

    use super::*;
    use crate::{Chain, End, Source, Zones, zone_file};

    fn zone(apex: &str, text: &str) -> Zone {
        let apex: NameBuf = apex.parse().unwrap();
        let text = format!("@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n{text}");
        let records = zone_file::parse(&text, apex.as_name(), 60).unwrap();
        let source = Source { apex, authority: None, records, steered: Vec::new() };
        Zone::build(source).unwrap().0
    }

    #[test]
    fn names_with_one_hash_are_both_found() {
        let (one, other): (NameBuf, NameBuf) =
            ("\\@.example".parse().unwrap(), "`.example".parse().unwrap());
        assert_eq!(hash(one.as_name().as_bytes()), hash(other.as_name().as_bytes()));
        let zones = Zones::new(vec![zone("example", "\\@ A 192.0.2.2\n` A 192.0.2.3\n")]).unwrap();
        for (name, last) in [(&one, 2), (&other, 3)] {
            let lookup = zones.lookup(name.as_name(), RecordType::A, &mut Chain::default());
            let End::Records { set, .. } = lookup.end else { panic!("{name:?}") };
            assert!(set.bytes().eq([&[192, 0, 2, last][..]]), "{name:?}");
        }
    }

    #[test]
    fn every_name_of_the_deepest_zone_is_there_and_no_other() {
        let outer = zone("example", "a.b A 192.0.2.2\nin NS ns.in\nns.in A 192.0.2.3\n");
        let inner = zone("in.example", "ns A 192.0.2.4\n");
        let zones = Names::new(
            [("example", outer), ("in.example", inner)]
                .map(|(apex, zone)| {
                    let apex: NameBuf = apex.parse().unwrap();
                    (crate::key::Key::of(apex.as_name()).as_bytes().into(), zone)
                })
                .into(),
        );
        let exact = Exact::of(&zones);
        for (name, expect) in [
            ("EXAMPLE", Some(0)),
            ("b.example", Some(0)),
            ("A.b.example", Some(0)),
            ("In.example", Some(1)),
            ("ns.in.example", Some(1)),
            ("c.example", None),
            ("b.example.", Some(0)),
            (".", None),
        ] {
            let name: NameBuf = name.parse().unwrap();
            let found = exact.find(&zones, name.as_name());
            assert_eq!(found.map(|(zone, _)| zone), expect, "{}", name.as_name());
        }
    }
}
