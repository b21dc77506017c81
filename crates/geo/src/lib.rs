//! Where in the world an address is: country, continent, autonomous system, and the region that
//! the operator assigned by hand.
//!
//! In the order of the data:
//!
//! - `place`: countries and continents, and which country lies where,
//! - `location`: coordinates, and how far apart they lie,
//! - `database`: the bytes of an MMDB file to networks,
//! - `custom`: the operator's own networks,
//! - `geo`: all of it flattened to disjoint ranges, and the look-up,
//! - `fuzz`: any bytes at all, for the fuzzer and the tests.
//!
//! Everything is settled when a [`Geo`] is built: a look-up is one search for the class of an
//! address. Custom networks beat the database, the longest custom prefix wins.
//!
//! Pure: reading the file is the caller's. Nothing here knows domains, servers or latency.

#![forbid(unsafe_code)]

mod place;

mod location;

mod database;

mod custom;

mod geo;

#[doc(hidden)]
pub mod fuzz;

#[cfg(test)]
mod mmdb_writer;

pub use custom::CustomMapping;
pub use database::{Database, DatabaseError};
pub use geo::{ClassId, Fix, Geo, GeoClass, GeoError, Placed};
pub use location::{Direction, Place, PlaceOutside};
pub use place::{Continent, Country, PlaceError};
