//! The names that this overwatch is an authority for.
//!
//! A zone knows its apex, its nameserver and the steered names in it. Every name on the way from
//! the apex down to a known one exists too, without data (RFC 4592, 2.2.2; RFC 8020). Static
//! records will stand beside the steered names as another [`Node`].
//!
//! Must never know which answer a steered name gets: that is `resolve`'s.

use std::collections::HashMap;

use dns::{Name, NameBuf, Soa};

/// All zones, by the wire form of their apex in lower case.
#[derive(Debug)]
pub struct Zones {
    zones: HashMap<Box<[u8]>, Zone>,
}

/// One zone.
#[derive(Debug)]
pub struct Zone {
    /// Its name.
    pub apex: NameBuf,
    /// Its nameserver: `ns1` in the zone. It answers with the address that it was asked at, which
    /// is where the nameserver is.
    pub nameserver: NameBuf,
    /// Who to write to: `hostmaster` in the zone.
    pub mailbox: NameBuf,
    /// The TTL of its own records, and of negative answers (RFC 2308, 5), in seconds.
    pub ttl_s: u32,
    /// The names in it, by the wire form in lower case.
    names: HashMap<Box<[u8]>, Node>,
}

/// What stands at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// Something below it exists, and nothing at it (or nothing but SOA and NS at the apex).
    Empty,
    /// The zone's nameserver.
    Nameserver,
    /// A steered name: its place in the view's list of domains.
    Steered(usize),
}

/// Where a name belongs.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// In no zone of ours.
    Outside,
    /// In this zone; nothing stands at it where there is no node.
    Inside(&'a Zone, Option<Node>),
}

/// Why a steered name cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} lies in none of the zones")]
pub struct NoZone(pub String);

impl Zones {
    /// The zones with the steered names in them; a name's number is its place in `steered`.
    ///
    /// # Errors
    ///
    /// A steered name that lies in no zone.
    pub fn new(apexes: &[NameBuf], steered: &[NameBuf], ttl_s: u32) -> Result<Self, NoZone> {
        let zones = apexes.iter().map(|apex| (key(apex.as_name()), Zone::new(apex, ttl_s)));
        let mut zones = Self { zones: zones.collect() };
        for (index, name) in steered.iter().enumerate() {
            let key = key(name.as_name());
            let apex = suffixes(&key).find(|suffix| zones.zones.contains_key(*suffix));
            let zone = apex.and_then(|apex| zones.zones.get_mut(apex));
            let zone = zone.ok_or_else(|| NoZone(name.to_string()))?;
            zone.add(&key, Node::Steered(index));
        }
        Ok(zones)
    }

    /// Where a name belongs: the deepest zone that holds it, and what stands there.
    ///
    /// `key` is the name's wire form in lower case.
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Place<'_> {
        for suffix in suffixes(key) {
            if let Some(zone) = self.zones.get(suffix) {
                return Place::Inside(zone, zone.names.get(key).copied());
            }
        }
        Place::Outside
    }
}

impl Zone {
    fn new(apex: &NameBuf, ttl_s: u32) -> Self {
        let below =
            |label: &str| format!("{label}.{apex}").parse().unwrap_or_else(|_| apex.clone());
        let mut zone = Self {
            apex: apex.clone(),
            nameserver: below("ns1"),
            mailbox: below("hostmaster"),
            ttl_s,
            names: HashMap::new(),
        };
        zone.add(&key(apex.as_name()), Node::Empty);
        zone.add(&key(zone.nameserver.clone().as_name()), Node::Nameserver);
        zone
    }

    /// Puts a node at a name, and makes the names above it exist. A steered name displaces what
    /// was there.
    fn add(&mut self, key: &[u8], node: Node) {
        let depth = suffixes(key).count() - suffixes(self.apex.as_name().as_bytes()).count();
        for above in suffixes(key).take(depth).skip(1) {
            self.names.entry(above.into()).or_insert(Node::Empty);
        }
        self.names.insert(key.into(), node);
    }

    /// The SOA record's data. Nothing is transferred, so the serial never moves, and the times for
    /// secondaries are those that RIPE-203 recommends for small zones. The minimum is the zone's TTL.
    #[must_use]
    pub fn soa(&self) -> Soa<'_> {
        Soa {
            primary: self.nameserver.as_name(),
            mailbox: self.mailbox.as_name(),
            serial: 1,
            refresh_s: 86_400,
            retry_s: 7_200,
            expire_s: 3_600_000,
            minimum_s: self.ttl_s,
        }
    }
}

/// A name's wire form in lower case.
fn key(name: Name<'_>) -> Box<[u8]> {
    name.as_bytes().to_ascii_lowercase().into()
}

/// A wire form and the wire forms of all names above it, the root last.
fn suffixes(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(wire), |wire| {
        let (&length, rest) = wire.split_first()?;
        if length == 0 { None } else { rest.get(usize::from(length)..) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NameBuf {
        text.parse().unwrap()
    }

    fn zones() -> Zones {
        let apexes = [name("demo.local"), name("deep.demo.local")];
        let steered = [
            name("app.demo.local"),
            name("a.b.demo.local"),
            name("demo.local"),
            name("x.deep.demo.local"),
        ];
        Zones::new(&apexes, &steered, 60).unwrap()
    }

    /// The zone of a name and what stands there.
    fn check(text: &str, expect: Option<(&str, Option<Node>)>) {
        let zones = zones();
        let found = match zones.find(&key(name(text).as_name())) {
            Place::Outside => None,
            Place::Inside(zone, node) => Some((zone.apex.to_string(), node)),
        };
        let found = found.as_ref().map(|(apex, node)| (apex.trim_end_matches('.'), *node));
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn names_are_found_in_the_deepest_zone() {
        check("app.demo.local", Some(("demo.local", Some(Node::Steered(0)))));
        check("APP.Demo.LOCAL", Some(("demo.local", Some(Node::Steered(0)))));
        check("b.demo.local", Some(("demo.local", Some(Node::Empty))));
        check("c.b.demo.local", Some(("demo.local", None)));
        check("demo.local", Some(("demo.local", Some(Node::Steered(2)))));
        check("ns1.demo.local", Some(("demo.local", Some(Node::Nameserver))));
        check("x.deep.demo.local", Some(("deep.demo.local", Some(Node::Steered(3)))));
        check("deep.demo.local", Some(("deep.demo.local", Some(Node::Empty))));
        check("local", None);
        check("xdemo.local", None);
        check(".", None);
    }

    #[test]
    fn a_steered_name_needs_a_zone() {
        let error = Zones::new(&[name("demo.local")], &[name("app.example")], 60).unwrap_err();
        assert!(error.to_string().starts_with("app.example"), "{error}");
    }
}
