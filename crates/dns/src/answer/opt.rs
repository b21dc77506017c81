//! The OPT record that ends an answer, and what it carries (RFC 6891, 6.1).
//!
//! Options keep their room from the start, the client subnet first (RFC 7871), then the cookie (RFC
//! 7873), the idle time of a TCP connection (RFC 7828) and the server's identifier (RFC 5001). They
//! stand in the opposite order. An extended error comes last and keeps no room: where it does not
//! fit beside the records its text goes first, then all of it (RFC 8914, 3).
//!
//! Nothing is said that was not asked for, but for extended errors, which any asker with EDNS gets.

use crate::answer::sink::{Full, Sink};
use crate::answer::{Head, Limit};
use crate::cookie::Cookie;
use crate::edns::{
    CLIENT_SUBNET_BYTES_MAX, COMPACT_OK, ClientSubnet, DNSSEC_OK, EDNS_VERSION, Edns,
};
use crate::extended_error::ExtendedError;
use crate::types::{OptionCode, RecordType};

/// The OPT record without options: the root, type, size, TTL and the length of nothing.
pub(super) const OPT_BYTES: usize = 11;
/// The longest server identifier in bytes. With it and all other options the longest question still
/// fits into 512 bytes: 12 + 259 + 11 + 24 + 28 + 6 + 132 = 472. A longer one is cut.
pub const NSID_BYTES_MAX: usize = 128;
/// What an answer may say in its OPT record besides the client subnet. All of it can be given with
/// each answer: it is left out where nobody asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extras<'a> {
    /// The cookie for this asker. Said where the query has one (RFC 7873, 5.2).
    pub cookie: Option<Cookie>,
    /// Which server this is, at most [`NSID_BYTES_MAX`] bytes. Said where it is asked for (RFC 5001).
    pub nsid: Option<&'a [u8]>,
    /// For how many milliseconds a TCP connection may idle. Said by TCP only, where it is asked for
    /// (RFC 7828, 3.3.1), in tenths of a second rounded down; at most 6,553 seconds can be said.
    pub tcp_idle_ms: Option<u32>,
    /// Why the answer is what it is.
    pub error: Option<ExtendedError>,
}

impl Extras<'_> {
    /// Nothing.
    pub const NONE: Self = Self { cookie: None, nsid: None, tcp_idle_ms: None, error: None };
}

/// The OPT record that will end the answer. Its options are with the sink.
#[derive(Clone, Copy)]
pub(super) struct Opt {
    /// The longest query we take by UDP, in bytes.
    udp_size: u16,
    /// Extended response code, version and flags.
    ttl: u32,
    /// What the query asks for and the answer does not say yet.
    asked: Asked,
    /// The option that keeps no room.
    error: Option<ExtendedError>,
}

/// What of [`Extras`] a query asks for.
#[derive(Clone, Copy)]
struct Asked {
    cookie: bool,
    nsid: bool,
    tcp_idle: bool,
}

impl Opt {
    /// The OPT record for an answer to an asker with `edns`.
    pub(super) fn new(edns: &Edns<'_>, head: Head, limit: Limit) -> Self {
        let flags = match (edns.dnssec_ok, edns.compact_ok) {
            (false, _) => 0,
            (true, false) => DNSSEC_OK,
            (true, true) => DNSSEC_OK | COMPACT_OK,
        };
        let [f0, f1] = flags.to_be_bytes();
        Self {
            udp_size: limit.udp_size,
            ttl: u32::from_be_bytes([head.rcode.high(), EDNS_VERSION, f0, f1]),
            asked: Asked {
                cookie: edns.cookie.is_some(),
                nsid: edns.nsid,
                tcp_idle: edns.tcp_keepalive && limit.by_tcp,
            },
            error: None,
        }
    }

    /// Takes what is asked for of `extras`, as far as `sink` has room that it can keep.
    pub(super) fn carry(&mut self, extras: &Extras<'_>, sink: &mut Sink<'_>) {
        let asked = self.asked;
        self.asked = Asked { cookie: false, nsid: false, tcp_idle: false };
        // What has no room left is not said.
        let mut keep = |code, value: &[u8]| keep_option(sink, code, value).unwrap_or_default();
        if let Some(Cookie(cookie)) = extras.cookie.filter(|_| asked.cookie) {
            keep(OptionCode::COOKIE, &cookie);
        }
        if let Some(idle_ms) = extras.tcp_idle_ms.filter(|_| asked.tcp_idle) {
            let tenths = u16::try_from(idle_ms / 100).unwrap_or(u16::MAX);
            keep(OptionCode::TCP_KEEPALIVE, &tenths.to_be_bytes());
        }
        if let Some(nsid) = extras.nsid.filter(|_| asked.nsid) {
            keep(OptionCode::NSID, nsid.get(..NSID_BYTES_MAX).unwrap_or(nsid));
        }
        self.error = extras.error;
    }

    /// Writes the record (RFC 6891, 6.1.2).
    pub(super) fn put(self, sink: &mut Sink<'_>) -> Result<(), Full> {
        let ([y0, y1], [s0, s1]) = (RecordType::OPT.0.to_be_bytes(), self.udp_size.to_be_bytes());
        let [t0, t1, t2, t3] = self.ttl.to_be_bytes();
        let length = sink.put_kept(&[0, y0, y1, s0, s1, t0, t1, t2, t3])?;
        if let Some(ExtendedError { code, text }) = self.error {
            let mark = sink.mark();
            for text in [text, ""] {
                if put_error(sink, code.0, text).is_ok() {
                    break;
                }
                sink.back_to(mark);
            }
        }
        sink.fill_length(length)
    }
}

/// Keeps room for the client subnet with the answer's scope (RFC 7871, 7.2.1).
pub(super) fn keep_client_subnet(
    sink: &mut Sink<'_>,
    asked: ClientSubnet,
    scope: u8,
) -> Result<(), Full> {
    let mut value = [0; CLIENT_SUBNET_BYTES_MAX];
    let length = asked.write(scope, &mut value);
    keep_option(sink, OptionCode::CLIENT_SUBNET, value.get(..length).unwrap_or_default())
}

fn keep_option(sink: &mut Sink<'_>, code: OptionCode, value: &[u8]) -> Result<(), Full> {
    sink.keep([&code.0.to_be_bytes(), value])
}

/// Writes an extended error (RFC 8914, 2).
fn put_error(sink: &mut Sink<'_>, code: u16, text: &str) -> Result<(), Full> {
    sink.put(&OptionCode::EXTENDED_ERROR.0.to_be_bytes())?;
    let length = sink.reserve_length()?;
    sink.put(&code.to_be_bytes())?;
    sink.put(text.as_bytes())?;
    sink.fill_length(length)
}
