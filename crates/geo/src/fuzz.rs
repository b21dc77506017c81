//! Any bytes at all as a database. Must never panic; asserts what holds for every database that
//! can be read.

use std::net::IpAddr;

use model::Subnet;

use crate::Geo;

/// Reads the bytes as a country database and as an ASN database.
///
/// # Panics
///
/// Where a geography that could be built breaks a promise.
pub fn fuzz(data: &[u8]) {
    for built in [Geo::build(Some(data), None, &[]), Geo::build(None, Some(data), &[])] {
        let Ok(geo) = built else { continue };
        for (first, last, class) in geo.class_map().iter().take(1000) {
            assert_eq!(geo.class(class), geo.locate(first).class_of);
            let ends: [IpAddr; 2] = [first, last];
            let scopes: [Subnet; 2] = ends.map(|address| geo.locate(address).prefix);
            assert!(scopes[0].contains(first) && scopes[1].contains(last));
            assert!(scopes[0].last() <= last && scopes[1].address() >= first);
        }
    }
}
