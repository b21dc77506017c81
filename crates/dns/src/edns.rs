//! What the asker says about itself in an OPT record: EDNS(0) (RFC 6891) with the client's network
//! in it (RFC 7871), its cookie (RFC 7873), and what it wants to hear.
//!
//! Rules kept here:
//!
//! - a size below 512 counts as 512 (RFC 6891, 6.2.3), unknown flags and options are ignored
//!   (6.1.2, 6.1.4), and the options of a version we do not know are not looked at (6.1.3);
//! - a client subnet must have a known family, no scope, exactly the octets that its source length
//!   needs, and no bit behind that length, else the query is malformed (RFC 7871, 6 and 7.2.1);
//! - a cookie has 8 bytes or 16 to 40, else the query is malformed (RFC 7873, 5.2.2);
//! - what stands in a request for the server's identifier is ignored (RFC 5001, 2.2), as is what
//!   stands in a question for the idle time, which a client leaves empty (RFC 7828, 3.2.1);
//! - of two options of one kind the first counts (RFC 7873, 5.2 says so for cookies).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::Subnet;

use crate::cookie::CookieOption;
use crate::types::OptionCode;

/// The version we speak (RFC 6891, 6.1.3).
pub const EDNS_VERSION: u8 = 0;
/// What every asker can take by UDP (RFC 1035, 4.2.1).
pub const UDP_SIZE_MIN: u16 = 512;
/// The DO bit among the OPT record's flags (RFC 3225, 3).
pub(crate) const DNSSEC_OK: u16 = 1 << 15;
/// The CO bit beside it (RFC 9824, 5.1).
pub(crate) const COMPACT_OK: u16 = 1 << 14;
/// The family of IPv4 in a client subnet (RFC 7871, 6).
const FAMILY_IPV4: u16 = 1;
/// The family of IPv6.
const FAMILY_IPV6: u16 = 2;

/// An OPT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns<'a> {
    /// The largest answer in bytes that the asker takes by UDP, at least 512.
    pub udp_size: u16,
    /// The version that the asker speaks. Above [`EDNS_VERSION`] none of the options was read.
    pub version: u8,
    /// The asker wants signatures (DO).
    pub dnssec_ok: bool,
    /// The asker knows compact denials, so a name that does not exist may have the response code that
    /// says so beside one (CO; RFC 9824, 5.1). Means something beside DO only.
    pub compact_ok: bool,
    /// The network of the client that the asker asks for. A server that does not do client subnets
    /// sets it to `None` after parsing: then the answer carries none (RFC 7871, 7.2.1).
    pub client_subnet: Option<ClientSubnet>,
    /// The cookie (RFC 7873): the client's, and perhaps one of a server's.
    pub cookie: Option<CookieOption<'a>>,
    /// The asker wants the server's identifier (RFC 5001).
    pub nsid: bool,
    /// The asker wants to know how long its TCP connection may idle (RFC 7828). By UDP it means
    /// nothing.
    pub tcp_keepalive: bool,
}

/// Why an OPT record's options are malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionFault {
    /// The record ends inside an option.
    #[error("the OPT record ends inside an option")]
    Cut,
    /// A client subnet of fewer than four bytes.
    #[error("a client subnet without its lengths")]
    Short,
    /// Neither IPv4 nor IPv6.
    #[error("a client subnet of the unknown family {0}")]
    Family(u16),
    /// More bits than the family has.
    #[error("a client subnet of {0} bits, more than its family has")]
    Source(u8),
    /// A scope, which is the answer's to give.
    #[error("a query's client subnet with the scope {0}")]
    Scope(u8),
    /// Too many or too few address bytes.
    #[error("a client subnet with {0} address bytes, not as many as its length needs")]
    AddressBytes(usize),
    /// Bits set behind the source length.
    #[error("a client subnet with bits set behind its length")]
    HostBits,
    /// A cookie of a length that none has.
    #[error("a cookie of {0} bytes, where there are 8 or 16 to 40")]
    Cookie(usize),
}

impl<'a> Edns<'a> {
    /// What the fixed fields say: the sender's size stands in the class, version and flags in the
    /// TTL (RFC 6891, 6.1.3).
    pub(crate) fn new(class: u16, ttl: u32) -> Self {
        let [_, version, f0, f1] = ttl.to_be_bytes();
        Self {
            udp_size: class.max(UDP_SIZE_MIN),
            version,
            dnssec_ok: u16::from_be_bytes([f0, f1]) & DNSSEC_OK != 0,
            compact_ok: u16::from_be_bytes([f0, f1]) & COMPACT_OK != 0,
            client_subnet: None,
            cookie: None,
            nsid: false,
            tcp_keepalive: false,
        }
    }

    /// Reads the options.
    pub(crate) fn read_options(&mut self, mut rdata: &'a [u8]) -> Result<(), OptionFault> {
        if self.version != EDNS_VERSION {
            return Ok(());
        }
        while let Some((&[c0, c1, l0, l1], rest)) = rdata.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let (value, rest) = rest.split_at_checked(length).ok_or(OptionFault::Cut)?;
            match OptionCode(u16::from_be_bytes([c0, c1])) {
                OptionCode::CLIENT_SUBNET if self.client_subnet.is_none() => {
                    self.client_subnet = Some(ClientSubnet::read(value)?);
                }
                OptionCode::COOKIE if self.cookie.is_none() => {
                    let cookie = CookieOption::read(value);
                    self.cookie = Some(cookie.ok_or(OptionFault::Cookie(value.len()))?);
                }
                OptionCode::NSID => self.nsid = true,
                OptionCode::TCP_KEEPALIVE => self.tcp_keepalive = true,
                _ => (),
            }
            rdata = rest;
        }
        if rdata.is_empty() { Ok(()) } else { Err(OptionFault::Cut) }
    }
}

/// A client's network in a query (RFC 7871, 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientSubnet {
    /// IPv4 or IPv6, of any length that the family has. Length 0 asks that no client's address be
    /// used (RFC 7871, 7.1.2).
    Network(Subnet),
    /// Family 0 with length 0 and no address. The same wish as length 0, as `dig +subnet=0` writes
    /// it; the family is only a SHOULD there (RFC 7871, 7.1.2).
    Withheld,
}

/// The most bytes a client subnet option's value takes: its lengths and an IPv6 address.
pub(crate) const CLIENT_SUBNET_BYTES_MAX: usize = 4 + 16;

impl ClientSubnet {
    /// The network to answer for. `None` where the asker withholds it: then no client's address
    /// may decide, and the answer's scope is 0.
    #[must_use]
    pub fn network(self) -> Option<Subnet> {
        match self {
            Self::Network(subnet) => Some(subnet).filter(|subnet| subnet.length() > 0),
            Self::Withheld => None,
        }
    }

    /// Reads the option's value in a query.
    pub(crate) fn read(value: &[u8]) -> Result<Self, OptionFault> {
        let (&[f0, f1, source, scope], address) =
            value.split_first_chunk().ok_or(OptionFault::Short)?;
        if scope != 0 {
            return Err(OptionFault::Scope(scope));
        }
        match u16::from_be_bytes([f0, f1]) {
            FAMILY_IPV4 => {
                let octets = octets::<4>(source, address)?;
                Self::network_of(Ipv4Addr::from(octets).into(), source)
            }
            FAMILY_IPV6 => {
                let octets = octets::<16>(source, address)?;
                Self::network_of(Ipv6Addr::from(octets).into(), source)
            }
            0 if source == 0 && address.is_empty() => Ok(Self::Withheld),
            family => Err(OptionFault::Family(family)),
        }
    }

    /// The network of these bits, none of them behind its length.
    fn network_of(address: IpAddr, source: u8) -> Result<Self, OptionFault> {
        Subnet::new(address, source).map(Self::Network).map_err(|_| OptionFault::HostBits)
    }

    /// Writes the option's value for an answer that holds for `scope` bits; returns its length.
    ///
    /// Family, source and address are the query's (RFC 7871, 7.2.1). The scope is cut to the bits
    /// of the family, and is 0 where the query's source is.
    pub(crate) fn write(self, scope: u8, to: &mut [u8; CLIENT_SUBNET_BYTES_MAX]) -> usize {
        let [f0, f1, source_to, scope_to, address_to @ ..] = to;
        let Self::Network(subnet) = self else {
            [*f0, *f1, *source_to, *scope_to] = [0; 4];
            return 4;
        };
        let (family, bits) = if subnet.is_ipv4() { (FAMILY_IPV4, 32) } else { (FAMILY_IPV6, 128) };
        [*f0, *f1] = family.to_be_bytes();
        *source_to = subnet.length();
        *scope_to = if subnet.length() == 0 { 0 } else { scope.min(bits) };
        match subnet.address() {
            IpAddr::V4(v4) => {
                let [a, b, c, d, ..] = address_to;
                [*a, *b, *c, *d] = v4.octets();
            }
            IpAddr::V6(v6) => *address_to = v6.octets(),
        }
        4 + bytes_of(subnet.length())
    }
}

/// The bytes that a prefix of this length takes.
const fn bytes_of(bits: u8) -> usize {
    bits.div_ceil(8) as usize
}

/// The address whose first bytes these are. There must be as many as the length needs.
fn octets<const N: usize>(source: u8, address: &[u8]) -> Result<[u8; N], OptionFault> {
    let mut octets = [0; N];
    let room = octets.get_mut(..bytes_of(source)).ok_or(OptionFault::Source(source))?;
    if room.len() != address.len() {
        return Err(OptionFault::AddressBytes(address.len()));
    }
    room.copy_from_slice(address);
    Ok(octets)
}
