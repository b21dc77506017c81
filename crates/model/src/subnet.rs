//! The client network that samples are learned for.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An IP prefix with all host bits zero.
///
/// Ordered by family (IPv4 first), then address, then the wider first: a prefix stands directly
/// before those it covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subnet {
    address: IpAddr,
    length: u8,
}

/// Why a text or a pair is no subnet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubnetError {
    /// More bits than the family has.
    #[error("a prefix of length {length} is longer than the {max} bits of {address}")]
    Length {
        /// The length asked for.
        length: u8,
        /// The most that fits.
        max: u8,
        /// The address.
        address: IpAddr,
    },
    /// Bits set behind the prefix.
    #[error("{address}/{length} has bits set behind its prefix: did you mean {meant}?")]
    HostBits {
        /// The address as given.
        address: IpAddr,
        /// The length as given.
        length: u8,
        /// The same with the bits cleared.
        meant: Subnet,
    },
    /// No `address/length` at all.
    #[error("{0:?} is no network: write address/length, as in 10.1.2.0/24")]
    Text(String),
}

impl Subnet {
    /// All of IPv4.
    pub const ALL_IPV4: Self = Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), length: 0 };
    /// All of IPv6.
    pub const ALL_IPV6: Self = Self { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), length: 0 };

    /// The subnet written `address/length`.
    ///
    /// # Errors
    ///
    /// A length the family does not have; bits set behind the prefix.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, SubnetError> {
        let max = bits_of(address);
        if length > max {
            return Err(SubnetError::Length { length, max, address });
        }
        let meant = Self::of(address, length);
        if meant.address == address {
            Ok(meant)
        } else {
            Err(SubnetError::HostBits { address, length, meant })
        }
    }

    /// The subnet of `length` bits that holds `address`. A length beyond the family's is cut to
    /// it, which yields the address by itself.
    #[must_use]
    pub fn of(address: IpAddr, length: u8) -> Self {
        let length = length.min(bits_of(address));
        let address = match address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask_v4(length))),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask_v6(length))),
        };
        Self { address, length }
    }

    /// An address by itself.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Self::of(address, u8::MAX)
    }

    /// The first address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// The prefix length in bits.
    #[must_use]
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Whether this is an IPv4 network.
    #[must_use]
    pub const fn is_ipv4(self) -> bool {
        self.address.is_ipv4()
    }

    /// The last address.
    #[must_use]
    pub const fn last(self) -> IpAddr {
        match self.address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() | !mask_v4(self.length))),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() | !mask_v6(self.length))),
        }
    }

    /// Whether `address` lies in it. The families never mix.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.is_ipv4() == address.is_ipv4() && Self::of(address, self.length) == self
    }

    /// Whether all of `other` lies in it.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.length <= other.length && self.contains(other.address)
    }
}

impl FromStr for Subnet {
    type Err = SubnetError;

    /// Reads `address/length`; an address without a length is a network of one.
    fn from_str(text: &str) -> Result<Self, SubnetError> {
        let wrong = || SubnetError::Text(text.chars().take(64).collect());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        match length {
            Some(length) => Self::new(address, length.parse().map_err(|_| wrong())?),
            None => Ok(Self::host(address)),
        }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.address, self.length))
    }
}

impl fmt::Debug for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// How wide the networks are that clients are grouped into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubnetWidths {
    /// Prefix length for IPv4 clients; the brief's `ipv4_prefix`, 24 unless told.
    pub ipv4: u8,
    /// Prefix length for IPv6 clients; the brief's `ipv6_prefix`, 48 unless told.
    pub ipv6: u8,
}

impl SubnetWidths {
    /// The network that `client` is counted in.
    #[must_use]
    pub fn subnet_of(self, client: IpAddr) -> Subnet {
        Subnet::of(client, if client.is_ipv4() { self.ipv4 } else { self.ipv6 })
    }
}

/// The bits of an address of this family.
#[must_use]
pub const fn bits_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

const fn mask_v4(length: u8) -> u32 {
    match u32::MAX.checked_shl(32 - length as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

const fn mask_v6(length: u8) -> u128 {
    match u128::MAX.checked_shl(128 - length as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn clients_fall_into_networks_of_the_asked_width() {
        for (ipv4, ipv6, client, expect) in [
            (24, 48, "10.1.2.77", "10.1.2.0/24"),
            (22, 48, "10.1.7.1", "10.1.4.0/22"),
            (0, 48, "10.1.7.1", "0.0.0.0/0"),
            (32, 48, "10.1.7.1", "10.1.7.1/32"),
            (24, 48, "2001:db8:1:2::7", "2001:db8:1::/48"),
            (24, 56, "2001:db8:1:2ff::7", "2001:db8:1:200::/56"),
            (24, 128, "2001:db8::7", "2001:db8::7/128"),
        ] {
            let widths = SubnetWidths { ipv4, ipv6 };
            assert_eq!(widths.subnet_of(client.parse().unwrap()), subnet(expect));
        }
    }

    #[test]
    fn a_wrong_network_says_what_was_meant() {
        let message = |text: &str| text.parse::<Subnet>().unwrap_err().to_string();
        assert_eq!(
            message("10.1.2.3/24"),
            "10.1.2.3/24 has bits set behind its prefix: did you mean 10.1.2.0/24?"
        );
        assert_eq!(
            message("10.0.0.0/33"),
            "a prefix of length 33 is longer than the 32 bits of 10.0.0.0"
        );
        assert!(message("ten/8").starts_with("\"ten/8\" is no network"));
    }

    #[test]
    fn covering_and_order() {
        assert!(subnet("10.0.0.0/8").covers(subnet("10.1.2.0/24")));
        assert!(!subnet("10.1.2.0/24").covers(subnet("10.0.0.0/8")));
        assert!(!subnet("0.0.0.0/0").covers(subnet("::/0")));
        assert!(subnet("10.1.2.0/23") < subnet("10.1.2.0/24"));
        assert!(subnet("255.0.0.0/8") < subnet("::/0"));
        assert_eq!(subnet("10.1.2.0/23").last(), "10.1.3.255".parse::<IpAddr>().unwrap());
        assert_eq!(Subnet::ALL_IPV6.last(), IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)));
    }
}
