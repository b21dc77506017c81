//! The bytes of an MMDB file to networks. Reads everything once; keeps nothing of the file.
//!
//! A file is an operator's, but files get truncated and mixed up: whatever the bytes are, the
//! outcome is networks or an error that says what is wrong, and the work is bounded by the file's
//! own size.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader, WithinOptions};
use model::Subnet;

use crate::{Continent, Country, Geo, Place};

/// Which database is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// Addresses to countries.
    Country,
    /// Addresses to autonomous systems.
    Asn,
}

/// What is wrong with a database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Not an MMDB file, or a damaged one.
    #[error("the file is damaged or no MMDB file")]
    Corrupt(#[source] MaxMindDbError),
    /// More networks than a tree of that many nodes can hold, unless it leads in circles.
    #[error("the file is damaged: its {nodes} tree nodes hold more than {networks_max} networks")]
    Tangled {
        /// How many nodes the file says it has.
        nodes: u32,
        /// How many networks were read before giving up.
        networks_max: usize,
    },
    /// A database of another kind.
    #[error("no record of this {found:?} database has {expected}")]
    WrongKind {
        /// The type that the file says it is.
        found: String,
        /// The fields that were looked for.
        expected: &'static str,
    },
}

/// One network of a database and what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network<T> {
    pub(crate) subnet: Subnet,
    pub(crate) value: T,
}

/// Where a network is. A record may know a part of it alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Whereabouts {
    pub(crate) country: Option<Country>,
    pub(crate) continent: Option<Continent>,
    pub(crate) place: Option<Place>,
}

/// The networks of a country or city database, in MaxMind's schema (`country.iso_code`,
/// `continent.code`, `location.latitude` and `location.longitude` with
/// `location.accuracy_radius`) or the flat one (`country_code`, `continent_code`).
pub(crate) fn countries(bytes: &[u8]) -> Result<Vec<Network<Whereabouts>>, DatabaseError> {
    read(bytes, "country.iso_code or country_code", |record| {
        // The flat one first: such files may hold the country's name where MaxMind has a map.
        let flat: Option<&str> = record.decode_path(&[PathElement::Key("country_code")])?;
        let (country, continent, place): (_, Option<&str>, _) = if flat.is_some() {
            (flat, record.decode_path(&[PathElement::Key("continent_code")])?, None)
        } else {
            (
                record.decode_path(&[PathElement::Key("country"), PathElement::Key("iso_code")])?,
                record.decode_path(&[PathElement::Key("continent"), PathElement::Key("code")])?,
                place_of(record)?,
            )
        };
        // A code that is none, such as an empty one, is what files write for "unknown".
        let country: Option<Country> = country.and_then(|code| code.parse().ok());
        let continent = continent.and_then(|code| code.parse().ok());
        let continent = continent.or_else(|| country.and_then(Country::continent));
        let found = Whereabouts { country, continent, place };
        Ok((found != Whereabouts::default()).then_some(found))
    })
}

/// The coordinates of a record in MaxMind's schema, where it has them and trusts them. Off the
/// globe is unknown.
fn place_of(record: &Record<'_>) -> Result<Option<Place>, MaxMindDbError> {
    const LOCATION: PathElement<'_> = PathElement::Key("location");
    let number = |key| record.decode_path::<f64>(&[LOCATION, PathElement::Key(key)]);
    let (Some(latitude), Some(longitude)) = (number("latitude")?, number("longitude")?) else {
        return Ok(None);
    };
    let accuracy_km: Option<u16> =
        record.decode_path(&[LOCATION, PathElement::Key("accuracy_radius")])?;
    // Beyond it a record names the middle of a country.
    let trusted = accuracy_km.is_none_or(|km| km <= Geo::PLACE_ERROR_KM);
    Ok(Place::new(latitude, longitude).ok().filter(|_| trusted))
}

/// The networks of an ASN database (`autonomous_system_number`).
pub(crate) fn systems(bytes: &[u8]) -> Result<Vec<Network<NonZeroU32>>, DatabaseError> {
    read(bytes, "autonomous_system_number", |record| {
        let number: Option<u32> =
            record.decode_path(&[PathElement::Key("autonomous_system_number")])?;
        // AS 0 is nobody's (RFC 7607).
        Ok(number.and_then(NonZeroU32::new))
    })
}

/// One record of a file.
type Record<'a> = LookupResult<'a, &'a [u8]>;

/// Every network whose record says something. Each record is decoded once, however many networks
/// share it.
fn read<T: Copy>(
    bytes: &[u8],
    expected: &'static str,
    decode: impl Fn(&Record<'_>) -> Result<Option<T>, MaxMindDbError>,
) -> Result<Vec<Network<T>>, DatabaseError> {
    let reader = Reader::from_source(bytes).map_err(DatabaseError::Corrupt)?;
    let nodes = reader.metadata().node_count;
    // A tree has one more leaf than nodes. The IPv4 part is met up to three times more, under the
    // prefixes that IPv6 has for IPv4 addresses. The rest is room for a writer that keeps equal
    // subtrees once; beyond it the file is refused.
    let networks_max = (nodes as usize).saturating_add(1).saturating_mul(16);
    // All leaves are asked for, empty and aliased ones too, so that a tangled tree can not keep
    // the walk busy without being counted.
    let all = WithinOptions::default().include_aliased_networks().include_networks_without_data();

    let mut decoded: BTreeMap<usize, Option<T>> = BTreeMap::new();
    let mut networks = Vec::new();
    for (count, record) in reader.networks(all).map_err(DatabaseError::Corrupt)?.enumerate() {
        if count >= networks_max {
            return Err(DatabaseError::Tangled { nodes, networks_max });
        }
        let record = record.map_err(DatabaseError::Corrupt)?;
        let Some(offset) = record.offset() else { continue };
        let value = match decoded.get(&offset) {
            Some(value) => *value,
            None => {
                let value = decode(&record).map_err(DatabaseError::Corrupt)?;
                decoded.insert(offset, value);
                value
            }
        };
        let Some(value) = value else { continue };
        let network = record.network().map_err(DatabaseError::Corrupt)?;
        let subnets = as_clients_have_it(network.ip(), network.prefix());
        networks.extend(subnets.into_iter().flatten().map(|subnet| Network { subnet, value }));
    }
    if networks.is_empty() {
        let found = reader.metadata().database_type.clone();
        return Err(DatabaseError::WrongKind { found, expected });
    }
    Ok(networks)
}

/// A network of the file as the clients in it appear to us: at most one of each family.
///
/// The reader gives what lies under `::/96` as IPv4. The same tree hangs, in most files, under
/// other prefixes too: v4-mapped addresses (`::ffff:0:0/96`) are folded to IPv4, as everywhere
/// here; 6to4 (`2002::/16`) and Teredo (`2001::/32`) are left out, because no path of today uses
/// them and they would triple the map. A record so wide that it covers `::/96` whole speaks for
/// all of IPv4 too.
fn as_clients_have_it(address: IpAddr, length: u8) -> [Option<Subnet>; 2] {
    let subnet = Subnet::of(address, length);
    let IpAddr::V6(first) = subnet.address() else {
        return [Some(subnet), None];
    };
    const MAPPED_BITS: u8 = 96;
    if length >= MAPPED_BITS
        && let Some(v4) = first.to_ipv4_mapped()
    {
        return [Some(Subnet::of(IpAddr::V4(v4), length - MAPPED_BITS)), None];
    }
    let six_to_four = Subnet::of(IpAddr::V6(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0)), 16);
    let teredo = Subnet::of(IpAddr::V6(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0)), 32);
    if six_to_four.covers(subnet) || teredo.covers(subnet) {
        return [None, None];
    }
    let speaks_for_ipv4 = first.is_unspecified() && length <= MAPPED_BITS;
    [Some(subnet), speaks_for_ipv4.then_some(Subnet::ALL_IPV4)]
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Country => "country",
            Self::Asn => "ASN",
        })
    }
}

#[cfg(test)]
mod tests;
