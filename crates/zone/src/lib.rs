//! Zone files to zones; a question to the records, the delegation or the absence that answers it.
//!
//! In the order of the data:
//!
//! - [`record`]: one record, as it was written,
//! - [`zone_file`]: a zone file, or a line of configuration, to records,
//! - `key`, private: names as bytes whose order is the canonical one,
//! - `names`, private: names in that order, and the search among them,
//! - [`steering`]: what a name answers with that somebody else answers for,
//! - [`fault`]: what a zone may not be,
//! - `build`, private: records and steered names checked and put in order,
//! - [`content`]: one zone as it is served,
//! - `nested`, private: zones that lie in others of ours, delegated there,
//! - `exact`, private: the names that exist in all zones, by a hash,
//! - [`zones`]: all zones of a server,
//! - [`lookup`]: the algorithm: which of all this answers a question,
//! - [`additional`]: the addresses that belong beside an answer,
//! - `types_at`, private: which types a name has, for denials.
//!
//! A zone holds static records and, beside them, names that are *steered*: who answers for those
//! is somebody else's business, this crate only says that it is their turn.
//!
//! Pure: no socket, file, clock, thread or log. Why names are kept as they are: decision record 17.

#![forbid(unsafe_code)]

pub mod record;

pub mod zone_file;

mod key;

mod names;

pub mod steering;

pub mod fault;

mod build;

pub mod content;

mod nested;

mod exact;

pub mod zones;

pub mod lookup;

pub mod additional;

mod types_at;

#[doc(hidden)]
pub mod fuzz;

pub use additional::{Addresses, Extra};
pub use build::Source;
pub use content::{RecordSet, SoaValues, Zone};
pub use fault::{Rule, Warning, ZoneFault, ZoneWarning, ZonesFault};
pub use lookup::{Chain, End, Link, Lookup};
pub use record::Record;
pub use steering::{AliasTargets, HttpsTerms, SteeredName, Steering};
pub use zones::Zones;
