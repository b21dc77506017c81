//! Cookies: a proof that who asks gets what is sent to its address (RFC 7873), in the form that
//! servers of all makes share (RFC 9018, version 1).
//!
//! Rules kept here:
//!
//! - the option has the client's 8 bytes alone, or 8 to 32 of a server behind them; any other length
//!   is malformed (RFC 7873, 5.2.2);
//! - a server cookie is a version, three reserved bytes, a time in seconds and SipHash-2-4 over the
//!   client's cookie, those fields as they came and the client's address (RFC 9018, 4);
//! - it is good for an hour, and five minutes ahead, in serial number arithmetic (RFC 9018, 4.3);
//! - what another server may have issued, of any length and version, is bad, not malformed.
//!
//! Only says what a cookie is; what an asker without a good one gets is the caller's choice:
//! decision record 19. Secrets and time are arguments and never shown.

use std::fmt;
use std::net::IpAddr;

use model::Time;

use crate::siphash::{KEY_BYTES, siphash_2_4};

/// The client's part in bytes (RFC 7873, 4.1).
pub const CLIENT_COOKIE_BYTES: usize = 8;
/// Our part in bytes (RFC 9018, 4).
pub const SERVER_COOKIE_BYTES: usize = 16;
/// Both parts, as an answer carries them.
pub const COOKIE_BYTES: usize = CLIENT_COOKIE_BYTES + SERVER_COOKIE_BYTES;
/// A secret in bytes (RFC 9018, 4.4).
pub const COOKIE_SECRET_BYTES: usize = KEY_BYTES;

/// What servers of all makes share (RFC 9018, 4.1).
const VERSION: u8 = 1;
/// How old a good cookie may be in seconds (RFC 9018, 4.3). One that is older was perhaps seen by
/// others on the way.
const AGE_MAX_S: i32 = 3600;
/// How far ahead its time may be (RFC 9018, 4.3): our clocks may differ that much.
const AHEAD_MAX_S: i32 = 300;
/// What is hashed: client cookie, version, reserved, time, an address of either family.
const HASHED_BYTES_MAX: usize = CLIENT_COOKIE_BYTES + 8 + 16;

/// A query's COOKIE option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieOption<'a> {
    /// The client's cookie.
    pub client: [u8; CLIENT_COOKIE_BYTES],
    /// The server cookie that the client has: none, or 8 to 32 bytes of any server.
    pub server: Option<&'a [u8]>,
}

impl<'a> CookieOption<'a> {
    /// Reads the option's value. `None` for any length but 8 and 16 to 40.
    pub(crate) fn read(value: &'a [u8]) -> Option<Self> {
        let (client, server) = value.split_first_chunk()?;
        let server = match server.len() {
            0 => None,
            8..=32 => Some(server),
            _ => return None,
        };
        Some(Self { client: *client, server })
    }
}

/// What a query's cookie proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieStanding {
    /// Nothing: the query has no cookie, or no EDNS.
    None,
    /// Nothing yet: the client has none of ours.
    ClientOnly,
    /// The asker has had an answer of ours, at its address, within the last hour.
    Good,
    /// Nothing: another address's, too old, under a secret that is gone, or some other server's.
    Bad,
}

/// What an answer's COOKIE option says: the client's cookie and ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie(pub [u8; COOKIE_BYTES]);

/// The secrets behind our cookies.
#[derive(Clone, PartialEq, Eq)]
pub struct CookieKeys {
    issuing: [u8; COOKIE_SECRET_BYTES],
    accepted: Option<[u8; COOKIE_SECRET_BYTES]>,
}

impl CookieKeys {
    /// Cookies are issued under `issuing` and also taken if they are under `accepted`: the secret
    /// before, or the one to come, with which some servers of the zone may issue already (RFC 9018,
    /// 5).
    #[must_use]
    pub const fn new(
        issuing: [u8; COOKIE_SECRET_BYTES],
        accepted: Option<[u8; COOKIE_SECRET_BYTES]>,
    ) -> Self {
        Self { issuing, accepted }
    }

    /// What the cookie of a query from `client` proves.
    #[must_use]
    pub fn judge(
        &self,
        cookie: Option<CookieOption<'_>>,
        client: IpAddr,
        now: Time,
    ) -> CookieStanding {
        let Some(CookieOption { client: client_cookie, server }) = cookie else {
            return CookieStanding::None;
        };
        let Some(server) = server else {
            return CookieStanding::ClientOnly;
        };
        let Some((fields, hash)) = split(server) else {
            return CookieStanding::Bad;
        };
        let [VERSION, _, _, _, t0, t1, t2, t3] = fields else {
            return CookieStanding::Bad;
        };
        let age_s =
            seconds_of(now).wrapping_sub(u32::from_be_bytes([t0, t1, t2, t3])).cast_signed();
        let hashed_alike = |secret| hash_of(secret, client_cookie, fields, client) == hash;
        let in_time = (-AHEAD_MAX_S..=AGE_MAX_S).contains(&age_s);
        // The hash is one number, so how long it takes does not tell where it differs.
        if in_time && (hashed_alike(&self.issuing) || self.accepted.iter().any(hashed_alike)) {
            CookieStanding::Good
        } else {
            CookieStanding::Bad
        }
    }

    /// The cookie for an answer to `client` with this client cookie.
    #[must_use]
    pub fn issue(
        &self,
        client_cookie: [u8; CLIENT_COOKIE_BYTES],
        client: IpAddr,
        now: Time,
    ) -> Cookie {
        let [t0, t1, t2, t3] = seconds_of(now).to_be_bytes();
        let fields = [VERSION, 0, 0, 0, t0, t1, t2, t3];
        let hash = hash_of(&self.issuing, client_cookie, fields, client);
        let parts = [client_cookie, fields, hash.to_le_bytes()];
        let mut cookie = [0; COOKIE_BYTES];
        for (to, part) in cookie.as_chunks_mut().0.iter_mut().zip(parts) {
            *to = part;
        }
        Cookie(cookie)
    }
}

impl fmt::Debug for CookieKeys {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accepted = if self.accepted.is_some() { " and another" } else { "" };
        write!(f, "CookieKeys(one secret{accepted})")
    }
}

/// The fields and the hash of a server cookie that may be ours.
fn split(server: &[u8]) -> Option<([u8; 8], u64)> {
    let (fields, rest) = server.split_first_chunk::<8>()?;
    Some((*fields, u64::from_le_bytes(rest.try_into().ok()?)))
}

/// The time as a cookie says it: 32 bits of seconds, over and over.
fn seconds_of(now: Time) -> u32 {
    let [_, _, _, _, t0, t1, t2, t3] = now.unix_s().to_be_bytes();
    u32::from_be_bytes([t0, t1, t2, t3])
}

/// The hash of RFC 9018, 4.4, the bytes of which stand in a cookie in little-endian order.
fn hash_of(
    secret: &[u8; COOKIE_SECRET_BYTES],
    client_cookie: [u8; CLIENT_COOKIE_BYTES],
    fields: [u8; 8],
    client: IpAddr,
) -> u64 {
    let mut bytes = [0; HASHED_BYTES_MAX];
    let mut length = 0;
    let mut put = |part: &[u8]| {
        if let Some(room) = bytes.get_mut(length..length + part.len()) {
            room.copy_from_slice(part);
            length += part.len();
        }
    };
    put(&client_cookie);
    put(&fields);
    match client {
        IpAddr::V4(v4) => put(&v4.octets()),
        IpAddr::V6(v6) => put(&v6.octets()),
    }
    siphash_2_4(secret, bytes.get(..length).unwrap_or_default())
}

#[cfg(test)]
mod tests;
