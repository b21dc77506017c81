//! The DNS server's sockets: packets in, packets out.
//!
//! ```text
//! UDP: a thread a core, each with its own socket and its own handler   -> no lock
//! TCP: tokio, any number of connections, one handler for all of them   -> a short lock
//! ```
//!
//! What a query means is the handler's business: it is handed the bytes and a buffer, and says how
//! many bytes of answer it wrote, or that there is none. Nothing that a stranger sends is logged
//! here; it is counted.

use std::net::SocketAddr;

mod packet;

mod fetch;

mod batch;

pub(crate) mod durations;

mod udp;

mod tcp;

use crate::panics::survived;

pub(crate) use fetch::fetch;
pub use tcp::{TcpCounters, TcpLimits, TcpServer};
pub use udp::{UdpCounters, UdpServer};

/// The longest query that is read. One question with all of EDNS takes some 500 bytes; more is
/// nobody's question to an authority, and is dropped (UDP) or ends the connection (TCP).
pub const QUERY_BYTES_MAX: usize = 4_096;
/// The longest answer over UDP, whatever size the asker offers; a handler sees a buffer of this
/// length.
pub const UDP_ANSWER_BYTES_MAX: usize = 4_096;
/// The longest answer over TCP: what its length field can say (RFC 1035, 4.2.2).
pub const TCP_ANSWER_BYTES_MAX: usize = 65_535;

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Over which transport.
    pub transport: Transport,
    /// Who asked. IPv4 is IPv4, also on a socket for both families.
    pub peer: SocketAddr,
    /// The address of ours that was asked, also on a socket for all addresses.
    pub local: SocketAddr,
}

/// The transport of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram each way.
    Udp,
    /// A stream, with a length before each message.
    Tcp,
}

/// What answers queries.
///
/// Each UDP thread has a clone of its own, all TCP connections share one; so a handler may keep
/// counters and caches without a lock. A handler that panics costs that one answer.
pub trait Handler: Clone + Send + 'static {
    /// Is shown the queries of a batch that has several, and who asks, before it begins: to ask memory
    /// for what they will read. What it finds must not change an answer.
    fn foresee<'q>(&mut self, _queries: impl Iterator<Item = (&'q [u8], SocketAddr)>) {}

    /// Begins a batch of queries. What is the same for all of them, as the time and what is
    /// published, is read here, and let go with what is returned: that answers `(query, how it
    /// came, room for the answer)` with the answer's length, or nothing where there is to be no
    /// answer (over TCP that ends the connection).
    fn batch(&mut self) -> impl FnMut(&[u8], Arrival, &mut [u8]) -> Option<usize>;
}

/// One that reads nothing once for many.
impl<F> Handler for F
where
    F: FnMut(&[u8], Arrival, &mut [u8]) -> Option<usize> + Clone + Send + 'static,
{
    fn batch(&mut self) -> impl FnMut(&[u8], Arrival, &mut [u8]) -> Option<usize> {
        self
    }
}

/// What a handler did with one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handled {
    /// It wrote an answer of so many bytes.
    Answer(usize),
    /// It wrote none.
    Nothing,
    /// It panicked.
    Panic,
}

/// Calls a handler's batch; a panic stays here. A length beyond the buffer is no answer.
fn handle(
    handler: &mut impl FnMut(&[u8], Arrival, &mut [u8]) -> Option<usize>,
    query: &[u8],
    arrival: Arrival,
    answer: &mut [u8],
) -> Handled {
    // What a handler keeps is counters and copies of published values: whole after each step.
    match survived(|| handler(query, arrival, &mut *answer)) {
        Some(Some(length)) if length <= answer.len() => Handled::Answer(length),
        Some(_) => Handled::Nothing,
        None => Handled::Panic,
    }
}
