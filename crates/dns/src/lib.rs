//! Query bytes to a question, an answer to bytes.
//!
//! In the order of the data:
//!
//! - [`types`]: the protocol's numbers with their names,
//! - [`name`]: domain names, borrowed from a packet or owned, and the key they are looked up by,
//! - [`header`]: the first twelve bytes,
//! - [`siphash`]: a short keyed hash,
//! - [`cookie`]: whether the asker is where it says it is,
//! - [`edns`]: what the asker says about itself: its size, its client's network, its cookie,
//! - [`query`]: a packet taken apart, or the fault to answer it with,
//! - [`chaos`]: questions about the server itself,
//! - [`rdata`]: what a record says,
//! - `compress`, private: names that point at names already written,
//! - [`extended_error`]: why an answer is what it is, for people,
//! - [`answer`]: the answer put together, cut where it does not fit,
//! - [`rate_limit`]: whether it is sent at all.
//!
//! Borrowed bytes in, bytes out: nothing on a query's way allocates. What the server knows, and which answer a
//! question deserves, is the caller's business; this crate only knows what may stand in a packet.
//!
//! Pure: no socket, file, clock, thread or log. Why the code is our own: decision record 6.

#![forbid(unsafe_code)]

pub mod types;

pub mod name;

pub mod header;

pub mod siphash;

pub mod cookie;

pub mod edns;

pub mod query;

pub mod chaos;

pub mod rdata;

mod compress;

pub mod extended_error;

pub mod answer;

pub mod rate_limit;

#[doc(hidden)]
pub mod fuzz;

pub use answer::{Answer, Extras, Head, Limit, NSID_BYTES_MAX, Section};
pub use chaos::ServerFact;
pub use cookie::{Cookie, CookieKeys, CookieOption, CookieStanding};
pub use edns::{ClientSubnet, Edns};
pub use extended_error::{ExtendedCode, ExtendedError};
pub use name::{Name, NameBuf, NameFault, NameKey, NameTextError};
pub use query::{Drop, Fault, Query, Question, Refusal, Why, parse, peek_network};
pub use rate_limit::{Account, RateCounters, RateLimiter, RateLimits, Verdict};
pub use rdata::{Rdata, Soa};
pub use types::{Class, Opcode, OptionCode, Rcode, RecordType};
