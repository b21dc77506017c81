//! The zone, and what the caller knows.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::Name;

/// What is to be looked at, and from where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The zone.
    pub zone: Name,
    /// Where the way to it begins.
    pub start: Start,
    /// The port that nameservers are asked on: 53 in the world.
    pub port: u16,
    /// Steered names in the zone; at most 64 are asked for.
    pub names: Vec<Name>,
    /// Clients that resolvers may ask for; at most 8.
    pub clients: Vec<Network>,
    /// What overwatches say of themselves.
    pub overwatches: Vec<OverwatchSaid>,
    /// The time, in seconds since the epoch modulo 2^32, as signatures count it (RFC 4034, 3.1.5).
    pub now_s: u32,
}

/// Where the way to a zone begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At servers of the root; they are tried in this order.
    Roots(Vec<SocketAddr>),
    /// At a resolver, which finds the parent's servers.
    Resolver(SocketAddr),
}

/// What an overwatch says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverwatchSaid {
    /// Where it was asked.
    pub place: String,
    /// The digest of what decides its answers; or why it did not say.
    pub digest: Result<String, String>,
}

/// A network of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// Its first address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// Its prefix length in bits.
    #[must_use]
    pub const fn length(self) -> u8 {
        self.length
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl FromStr for Network {
    type Err = String;

    /// Takes `192.0.2.0/24`; bits behind the prefix are cleared, as a resolver must (RFC 7871, 6).
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no network, as in 192.0.2.0/24");
        let (address, length) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let length: u8 = length.parse().map_err(|_| wrong())?;
        let address = match address {
            IpAddr::V4(v4) if length <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) if length <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                IpAddr::V6((v6.to_bits() & mask).into())
            }
            _ => return Err(wrong()),
        };
        Ok(Self { address, length })
    }
}
