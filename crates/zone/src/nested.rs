//! Zones of ours that lie in others of ours: delegated there, also where nobody wrote it.
//!
//! The outer zone must say that the inner one begins: else a signed outer zone proves that the inner one's
//! names do not exist, or are its own and unsigned (RFC 4035, 2.2 and 5.2), and names between the two
//! apexes seem to have nothing below them (RFC 8020, 2). The NS records are those of the inner zone's
//! apex. Must never make a DS record: whoever vouches for keys has to have seen them
//! (docs/decisions/0068-zones-inside-zones.md).

use std::collections::BTreeMap;

use crate::build::link;
use crate::content::{Node, RecordSet, Zone};
use crate::key::Key;
use crate::names::Names;
use crate::record::StoredName;

/// What an outer zone delegates: names, and who serves them.
type Cuts = Vec<(StoredName, RecordSet)>;

/// Delegates each zone in the one around it, unless that delegates the name, or one above it, already.
/// Nothing may stand at or below the name there: that is a fault before.
pub(crate) fn delegate(mut zones: Names<Zone>) -> Names<Zone> {
    let mut missing: BTreeMap<usize, Cuts> = BTreeMap::new();
    for (index, (key, inner)) in zones.iter().enumerate() {
        let Some((at, outer)) = zones.parent(index).and_then(|at| Some((at, zones.get(at)?)))
        else {
            continue;
        };
        let place = outer.names.find(key);
        let above = place.and_then(|place| outer.names.get(place.index));
        if above.is_some_and(|node| node.cut.is_none()) {
            missing.entry(at).or_default().push((inner.apex.clone(), inner.ns.clone()));
        }
    }
    for (at, cuts) in missing {
        if let Some(zone) = zones.get_mut(at) {
            add(zone, cuts);
        }
    }
    zones
}

/// Adds delegations and the names between them and the apex.
fn add(zone: &mut Zone, cuts: Cuts) {
    let mut names = std::mem::replace(&mut zone.names, Names::new(BTreeMap::new())).into_map();
    for (owner, ns) in cuts {
        let inside = owner.as_name().suffixes().skip(1);
        for name in inside.take_while(|name| name.ends_with(zone.apex.as_name())) {
            let between = || Node::new(StoredName::new(name), Box::default());
            names.entry(Key::of(name).as_bytes().into()).or_insert_with(between);
        }
        let key = Key::of(owner.as_name()).as_bytes().into();
        names.insert(key, Node::new(owner, [ns].into()));
    }
    zone.names = Names::new(names);
    link(&mut zone.names);
}
