//! What a kernel said about one connection.

use std::net::{IpAddr, SocketAddr};

/// One reading of one TCP socket.
///
/// Raw: the times are what the kernel wrote, not yet an [`crate::Rtt`]. `latency` admits or
/// refuses them. Linux fields are those of `struct tcp_info` (include/uapi/linux/tcp.h); other
/// systems fill in what they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The far end. A v4-mapped IPv6 address is already folded to IPv4.
    pub client: IpAddr,
    /// The near end; its port tells which services the connection was for.
    pub local: SocketAddr,
    /// `tcpi_rtt`: the smoothed round-trip time in microseconds; 0 where nothing was measured.
    pub smoothed_rtt_us: u32,
    /// `tcpi_rttvar`: the mean deviation in microseconds.
    pub rtt_deviation_us: u32,
    /// `tcpi_min_rtt`: the least seen in the last 300 s, in microseconds. `None` where the kernel
    /// is too old to say; Linux's `~0` ("not measured") comes through as it is and is refused.
    pub min_rtt_us: Option<u32>,
    /// `tcpi_bytes_acked`: bytes the client acknowledged. The FIN counts as one more once it is
    /// acknowledged: a connection that sent nothing ends with 1, and any that closes cleanly ends
    /// with one more than its payload. 0 where the kernel is too old to count (before Linux 4.1).
    pub bytes_acked: u64,
    /// `tcpi_data_segs_out`: segments sent that carried data. `None` where the kernel is too old.
    pub data_segments_out: Option<u32>,
    /// The kernel's name for the socket, never used twice while the system runs.
    pub cookie: u64,
    /// Whether this was the last reading.
    pub state: SocketState,
}

/// Whether a connection still lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketState {
    /// Read in a dump of established sockets.
    Open,
    /// Read from the destroy event: nothing will follow.
    Closed,
}
