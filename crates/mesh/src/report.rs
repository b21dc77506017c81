//! A [`latency::Report`] as columns of bits, and back (decision 11).
//!
//! Threat model of the way back: the twin comes from an agent that may lie about everything. Memory
//! is bounded by the bytes received and by [`ROWS_MAX`]; every value is checked, so that a `Report`
//! that comes out keeps all that its type promises. Whether its rows may be believed is the table's
//! to say.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};

use model::{RttError, Subnet};

use crate::column::ColumnFault;

pub(crate) use decode::decode;
pub(crate) use encode::encode;

/// Most rows in one report, refreshed ones included: the longest possible ones (IPv6 hosts) take
/// about 0.6 MiB, so that any report fits a frame. An encoder refuses more, a decoder too.
pub const ROWS_MAX: usize = 16_384;

/// Most groups in one report: 1,024 ports, each with both families and both kinds of row. More is
/// refused.
pub const GROUPS_MAX: usize = 4_096;

/// Why a report is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportFault {
    /// It leads back.
    #[error("the report goes from sequence {after} to {through}")]
    Sequence {
        /// Where it starts.
        after: u64,
        /// Where it ends.
        through: u64,
    },
    /// More than [`ROWS_MAX`] rows or [`GROUPS_MAX`] groups.
    #[error("the report holds more rows than a report may")]
    TooManyRows,
    /// Out of order, or one twice.
    #[error("the report's groups are out of order")]
    GroupOrder,
    /// No port.
    #[error("{0} is no port")]
    Port(u32),
    /// Zero, or longer than the family has bits.
    #[error("the report holds a prefix of length {length}")]
    PrefixLength {
        /// The length as sent.
        length: u32,
    },
    /// A group without rows, or without the columns its kind has, or with others.
    #[error("the report holds a group without its rows")]
    GroupShape,
    /// Bytes that are no column.
    #[error("the report's column of {column} is malformed")]
    Column {
        /// Which one.
        column: &'static str,
        /// How.
        source: ColumnFault,
    },
    /// A prefix beyond the last of its length.
    #[error("the report holds a prefix outside its family")]
    Prefix,
    /// A time that is none.
    #[error("the report holds an impossible round-trip time")]
    Rtt(#[source] RttError),
    /// A code that no time has, or a minimum below zero.
    #[error("the report holds a number that stands for no round-trip time")]
    RttCode,
    /// More than the longest round-trip time.
    #[error("the report holds an impossible deviation")]
    Deviation,
    /// None, or more than can be counted.
    #[error("the report holds a row of {0} samples")]
    Samples(u128),
    /// Before the epoch of time.
    #[error("the report holds a row observed before 1970 or after all time")]
    ObservedAt,
    /// One network as a row and as a refreshed row.
    #[error("the report holds {0} twice")]
    Duplicate(Subnet),
}

/// What the rows of a group have in common; groups stand in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey {
    port: u16,
    refreshed: bool,
    ipv6: bool,
    length: u8,
}

impl GroupKey {
    /// The bits of an address of the group's family.
    const fn address_bits(self) -> u8 {
        if self.ipv6 { 128 } else { 32 }
    }
}

/// A subnet's prefix as a number of as many bits as the prefix has.
fn prefix_of(subnet: Subnet) -> u128 {
    let (bits, width) = match subnet.address() {
        std::net::IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        std::net::IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    bits.checked_shr(width - u32::from(subnet.length())).unwrap_or(0)
}

/// The subnet with this prefix; `None` where the prefix has more bits than the length.
fn subnet_of(key: GroupKey, prefix: u128) -> Option<Subnet> {
    let shift = u32::from(key.address_bits().checked_sub(key.length)?);
    let bits = prefix.checked_shl(shift)?;
    if bits >> shift != prefix {
        return None;
    }
    let address = if key.ipv6 {
        Ipv6Addr::from_bits(bits).into()
    } else {
        Ipv4Addr::from_bits(u32::try_from(bits).ok()?).into()
    };
    Subnet::new(address, key.length).ok()
}
