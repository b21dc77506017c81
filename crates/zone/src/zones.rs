//! All zones of a server, found by the names in them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use dns::Name;

use crate::content::{Node, Zone};
use crate::exact::Exact;
use crate::fault::ZonesFault;
use crate::key::Key;
use crate::names::{Names, Place};
use crate::nested::delegate;

/// All zones of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zones {
    /// By their apexes.
    zones: Names<Zone>,
    /// The names in them.
    exact: Exact,
}

/// Where a name is, or would be.
pub(crate) struct Located<'a> {
    /// The deepest zone that holds it, and its place among the zones.
    pub(crate) zone: &'a Zone,
    pub(crate) index: usize,
    /// The name in the zone, or its closest encloser.
    pub(crate) place: Place,
}

impl Zones {
    /// Puts zones together. A zone that lies in another one answers for all names in it, and is
    /// delegated there; who did not write that need not.
    ///
    /// # Errors
    ///
    /// A zone given twice; data of an outer zone that an inner one hides. All such faults are told.
    pub fn new(zones: Vec<Zone>) -> Result<Self, Vec<ZonesFault>> {
        let mut faults = Vec::new();
        let mut map: BTreeMap<Box<[u8]>, Zone> = BTreeMap::new();
        for zone in zones {
            match map.entry(Key::of(zone.apex()).as_bytes().into()) {
                Entry::Vacant(free) => {
                    free.insert(zone);
                }
                Entry::Occupied(_) => faults.push(ZonesFault::Twice(zone.apex().to_string())),
            }
        }
        let zones = Names::new(map);
        for (index, (key, zone)) in zones.iter().enumerate() {
            let outer = zones.parent(index).and_then(|outer| zones.get(outer));
            if let Some(outer) = outer {
                faults.extend(hidden(outer, key).map(|owner| ZonesFault::Hidden {
                    owner,
                    outer: outer.apex().to_string(),
                    inner: zone.apex().to_string(),
                }));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let zones = delegate(zones);
        let exact = Exact::of(&zones);
        Ok(Self { zones, exact })
    }

    /// All zones in canonical order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Zone> {
        self.zones.iter().map(|(_, zone)| zone)
    }

    /// The zone that a name lies in: the deepest that holds it.
    #[must_use]
    pub fn zone_of(&self, name: Name<'_>) -> Option<&Zone> {
        self.find(&Key::of(name)).map(|(zone, _)| zone)
    }

    /// Where a name is, or would be; `None` outside of all zones.
    pub(crate) fn locate(&self, name: Name<'_>) -> Option<Located<'_>> {
        if let Some((index, own)) = self.exact.find(&self.zones, name) {
            let place = Place { index: own, is_exact: true };
            return Some(Located { zone: self.zones.get(index)?, index, place });
        }
        let key = Key::of(name);
        let (zone, Place { index, .. }) = self.find(&key)?;
        // The apex is a name of the zone, so there always is one.
        let place = zone.names.find(key.as_bytes())?;
        Some(Located { zone, index, place })
    }

    /// The deepest zone that holds a key, and whether the key is its apex.
    pub(crate) fn find(&self, key: &Key) -> Option<(&Zone, Place)> {
        let place = self.zones.find(key.as_bytes())?;
        Some((self.zones.get(place.index)?, place))
    }

    /// The zone around the one at an entry.
    pub(crate) fn around(&self, index: usize) -> Option<&Zone> {
        self.zones.get(self.zones.parent(index)?)
    }
}

/// The names with data in `outer` at and below the apex of an inner zone, unless that apex or a name
/// above it is delegated there.
fn hidden<'a>(outer: &'a Zone, inner: &'a [u8]) -> impl Iterator<Item = String> + 'a {
    let is_delegated = |node: &Node| {
        let cut = node.cut.and_then(|cut| outer.names.key(cut));
        cut.is_some_and(|cut| inner.starts_with(cut))
    };
    let inside = outer.names.iter().filter(move |(key, node)| {
        key.starts_with(inner) && node.has_data() && !is_delegated(node)
    });
    inside.map(|(_, node)| node.owner.as_name().to_string())
}
