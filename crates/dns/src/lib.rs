//! Query bytes to a question, an answer to bytes.
//!
//! In the order of the data:
//!
//! - [`types`]: the protocol's numbers with their names,
//! - [`name`]: domain names, borrowed from a packet or owned, and the key they are looked up by,
//! - [`header`]: the first twelve bytes,
//! - [`edns`]: what the asker says about itself: its size, its client's network,
//! - [`query`]: a packet taken apart, or the fault to answer it with,
//! - [`rdata`]: what a record says,
//! - `compress`, private: names that point at names already written,
//! - [`answer`]: the answer put together, cut where it does not fit.
//!
//! Borrowed bytes in, bytes out: nothing here allocates. What the server knows, and which answer a
//! question deserves, is the caller's business; this crate only knows what may stand in a packet.
//!
//! Pure: no socket, file, clock, thread or log. Why the code is our own: decision record 6.

#![forbid(unsafe_code)]

pub mod types;

pub mod name;

pub mod header;

pub mod edns;

pub mod query;

pub mod rdata;

mod compress;

pub mod answer;

#[doc(hidden)]
pub mod fuzz;

pub use answer::{Answer, Head, Limit, NoRoom, Section};
pub use edns::{ClientSubnet, Edns};
pub use name::{Name, NameBuf, NameFault, NameKey, NameTextError};
pub use query::{Drop, Fault, Query, Question, Refusal, Why, parse};
pub use rdata::{Rdata, Soa};
pub use types::{Class, Opcode, OptionCode, Rcode, RecordType};
