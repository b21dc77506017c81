//! The forms of values that only configuration knows: durations, listening addresses, secrets.
//!
//! Each reads what its `Display` writes. Secrets have no `Display`, and their `Debug` is three
//! stars: a secret can be used, never shown.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// What is printed in the place of a secret.
pub const HIDDEN: &str = "***";

/// Milliseconds, written with units: `500ms`, `10s`, `5m`, `168h`, `7d`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milliseconds(pub u64);

/// The units, the longest word first, so that `ms` is not read as `m`.
const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl FromStr for Milliseconds {
    /// What was wrong, to stand behind the value.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("found {text} without a unit: write {text}s for seconds"));
        }
        let wrong = || format!("found {}", clip(text));
        let (mut rest, mut total) = (text, 0u64);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let number: u64 = number.parse().map_err(|_| wrong())?;
            let unit = UNITS.iter().find(|(word, _)| tail.starts_with(word));
            let (word, ms) = unit.ok_or_else(wrong)?;
            total =
                number.checked_mul(*ms).and_then(|ms| total.checked_add(ms)).ok_or_else(wrong)?;
            rest = tail.strip_prefix(word).unwrap_or_default();
        }
        if text.is_empty() { Err(wrong()) } else { Ok(Self(total)) }
    }
}

impl fmt::Display for Milliseconds {
    /// In the longest unit that needs no fraction, hours at most: `168h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ms) = *self;
        let shown = |unit: &&(&str, u64)| unit.0 != "d" && ms.is_multiple_of(unit.1) && ms > 0;
        match UNITS.iter().rev().find(shown) {
            Some((word, unit)) => write!(f, "{}{word}", ms / unit),
            None => write!(f, "{ms}ms"),
        }
    }
}

/// Where to listen: `:53` (every address of both families), `10.1.1.10:53`, `[::1]:53`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address; `None` is every address of both families.
    pub address: Option<IpAddr>,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl FromStr for Listen {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(port) = text.strip_prefix(':') {
            return Ok(Self { address: None, port: digits(port)? });
        }
        let socket: SocketAddr = text.parse().map_err(drop)?;
        Ok(Self { address: Some(socket.ip()), port: socket.port() })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{}", SocketAddr::new(address, self.port)),
            None => write!(f, ":{}", self.port),
        }
    }
}

/// Where to connect to: `10.1.1.10:7946`, `[2001:db8::1]:7946`, `overwatch.example:7946`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// An address without brackets, or a host name.
    pub host: String,
    /// The port; never 0.
    pub port: u16,
}

impl FromStr for HostPort {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (host, port) = text.rsplit_once(':').ok_or(())?;
        let port = digits(port).ok().filter(|port| *port > 0).ok_or(())?;
        let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']').ok_or(())) {
            Some(v6) => v6?.parse::<std::net::Ipv6Addr>().map_err(drop)?.to_string(),
            None => host.parse::<model::Service>().map_err(drop)?.as_str().to_owned(),
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// An endpoint of etcd: `https://10.0.0.1:2379`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdEndpoint {
    /// Whether it is spoken to over TLS.
    pub is_tls: bool,
    /// Where it is.
    pub at: HostPort,
}

impl FromStr for EtcdEndpoint {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (scheme, at) = text.split_once("://").ok_or(())?;
        let is_tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(()),
        };
        Ok(Self { is_tls, at: at.strip_suffix('/').unwrap_or(at).parse()? })
    }
}

impl fmt::Display for EtcdEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_tls { "https" } else { "http" }, self.at)
    }
}

/// A text that must never be shown; wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself, for the one who needs it. Never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// The SHA-256 of a secret, in 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

impl FromStr for Sha256 {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut hash = [0; 32];
        let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.len() != 2 * hash.len() || !is_hexadecimal {
            return Err(());
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).ok_or(())?;
            *byte = u8::from_str_radix(digits, 16).map_err(drop)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// A key that all members of a mesh share: 32 bytes, written in base64. Wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct MeshKey(Zeroizing<[u8; 32]>);

impl MeshKey {
    /// The bytes, for the one who needs them. Never log them.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for MeshKey {
    /// What was wrong, without any of the key.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = STANDARD.decode(text).map_err(|_| "found what is no base64".to_owned())?;
        let bytes = Zeroizing::new(bytes);
        let key = bytes.as_slice().try_into().map(|key: [u8; 32]| Self(Zeroizing::new(key)));
        key.map_err(|_| format!("found base64 of {} bytes", bytes.len()))
    }
}

impl fmt::Debug for MeshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// The secret of DNS cookies: 16 bytes (RFC 9018, 4.4), written in hexadecimal as other servers do.
#[derive(Clone, PartialEq, Eq)]
pub struct CookieSecret(Zeroizing<[u8; 16]>);

impl CookieSecret {
    /// The bytes, for the one who needs them. Never log them.
    #[must_use]
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for CookieSecret {
    /// What was wrong, without any of the secret.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err("found what is not 32 hexadecimal digits".to_owned());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| "found no number".to_owned())?;
        Ok(Self(Zeroizing::new(number.to_be_bytes())))
    }
}

impl fmt::Debug for CookieSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Decimal digits only: `u16::from_str` would take a plus sign.
fn digits(text: &str) -> Result<u16, ()> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().map_err(drop) } else { Err(()) }
}

/// A foreign text in quotes, cut and escaped so that it fits on a line of the terminal.
#[must_use]
pub(crate) fn clip(text: &str) -> String {
    /// Enough to recognise what was written; a whole PEM file helps nobody.
    const SHOWN_MAX: usize = 60;
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

#[cfg(test)]
mod tests;
