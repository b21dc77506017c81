//! Which types a name has: what a denial says of it (RFC 4034, 4.1.2; RFC 9824, 3).
//!
//! What is steered, or answers with the address that was asked, has every type that somebody may be
//! given. At a delegation only NS and DS are the zone's. Must never look at what an answer was.

use dns::{Name, RecordType};

use crate::content::{Node, Zone};
use crate::key::Key;
use crate::steering::Steering;

/// What a name that answers with addresses may have besides its records.
const ADDRESSES: &[RecordType] = &[RecordType::A, RecordType::AAAA];
const ADDRESSES_AND_HTTPS: &[RecordType] = &[RecordType::A, RecordType::AAAA, RecordType::HTTPS];
const ALIAS: &[RecordType] = &[RecordType::CNAME];

impl Zone {
    /// The types at a name, or at the wildcard that answers for it, in no order; some may come twice.
    /// None at an empty non-terminal, and none at a name that does not exist.
    pub fn types_at(&self, name: Name<'_>) -> impl Iterator<Item = RecordType> + Clone {
        let node = self.node_for(&Key::of(name));
        let sets = node.map_or(&[][..], |node| &node.sets);
        let is_cut = node.is_some_and(|node| node.cut.is_some());
        let is_ours =
            move |own: &RecordType| !is_cut || matches!(*own, RecordType::NS | RecordType::DS);
        let special = node.map_or(&[][..], special);
        sets.iter().map(|set| set.record_type).filter(is_ours).chain(special.iter().copied())
    }

    /// What stands at a name, or the wildcard below its closest encloser.
    fn node_for(&self, key: &Key) -> Option<&Node> {
        let place = self.names.find(key.as_bytes())?;
        let node = self.names.get(place.index)?;
        if place.is_exact { Some(node) } else { self.names.get(node.wildcard?) }
    }
}

/// The types of a name that has them without records.
const fn special(node: &Node) -> &'static [RecordType] {
    match &node.steered {
        Some((_, Steering::Alias(_))) => ALIAS,
        Some((_, Steering::Addresses { https: Some(_), .. })) => ADDRESSES_AND_HTTPS,
        Some((_, Steering::Addresses { https: None, .. })) => ADDRESSES,
        None if node.is_own_address => ADDRESSES,
        None => &[],
    }
}

#[cfg(test)]
mod tests {
    use dns::NameBuf;

    use super::*;
    use crate::fuzz::values;
    use crate::{HttpsTerms, Source, SteeredName, zone_file};

    fn zone() -> Zone {
        let apex: NameBuf = "example".parse().unwrap();
        let text = "www A 192.0.2.1\nwww TXT x\n*.w TXT x\na.b TXT x\n\
                    del NS ns.del\ndel DS 1 13 2 00\nns.del A 192.0.2.2\napp TXT x\n";
        let records = zone_file::parse(text, apex.as_name(), 60).unwrap();
        let steering = |https| Steering::Addresses { answers: 1, https };
        let steered = [("app", steering(HttpsTerms::new(&["h2"], None))), ("one", steering(None))];
        let steered = (0..).zip(steered).map(|(index, (name, steering))| SteeredName {
            name: format!("{name}.example").parse().unwrap(),
            index,
            steering,
        });
        let steered = steered.collect();
        Zone::build(Source { apex, authority: Some(values()), records, steered }).unwrap().0
    }

    #[test]
    fn a_name_has_the_types_that_it_may_answer_with() {
        let zone = zone();
        for (name, expect) in [
            ("example", "NS SOA"),
            ("WWW.example", "A TXT"),
            ("x.y.w.example", "TXT"),
            ("*.w.example", "TXT"),
            ("b.example", ""),
            ("no.example", ""),
            ("ns1.example", "A AAAA"),
            ("app.example", "A TXT AAAA HTTPS"),
            ("one.example", "A AAAA"),
            ("del.example", "NS DS"),
            ("ns.del.example", ""),
        ] {
            let name: NameBuf = name.parse().unwrap();
            let mut types: Vec<RecordType> = zone.types_at(name.as_name()).collect();
            types.sort_unstable();
            let types: Vec<String> = types.iter().map(ToString::to_string).collect();
            assert_eq!(types.join(" "), expect, "{}", name.as_name());
        }
    }
}
