//! The OPT record that ends an answer, and what it carries (RFC 6891, 6.1).
//!
//! The options stand in this order, and each keeps its room from the start in the same order: the
//! client subnet (RFC 7871), the cookie (RFC 7873), the idle time of a TCP connection (RFC 7828),
//! the server's identifier (RFC 5001). An extended error comes last and keeps no room: where it does
//! not fit beside the records its text goes first, then all of it (RFC 8914, 3).
//!
//! Nothing is said that was not asked for, but for extended errors, which any asker with EDNS gets.

use crate::answer::sink::{Full, Sink};
use crate::answer::{Head, Limit};
use crate::cookie::{COOKIE_BYTES, Cookie};
use crate::edns::{CLIENT_SUBNET_BYTES_MAX, ClientSubnet, DNSSEC_OK, EDNS_VERSION, Edns};
use crate::extended_error::ExtendedError;
use crate::types::{OptionCode, RecordType};

/// The OPT record without options: the root, type, size, TTL and the length of nothing.
const OPT_BYTES: usize = 11;
/// An option without its value: code and length.
const OPTION_BYTES: usize = 4;
/// The longest server identifier in bytes. With it and all other options the longest question still
/// fits into 512 bytes: 12 + 259 + 11 + 24 + 28 + 6 + 132 = 472. A longer one is cut.
pub const NSID_BYTES_MAX: usize = 128;
/// The value of the idle time, in units of 100 ms (RFC 7828, 3.1).
const KEEPALIVE_BYTES: usize = 2;
/// All options that keep room.
const OPTIONS_BYTES_MAX: usize =
    4 * OPTION_BYTES + CLIENT_SUBNET_BYTES_MAX + COOKIE_BYTES + KEEPALIVE_BYTES + NSID_BYTES_MAX;

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

/// The OPT record that will end the answer.
pub(super) struct Opt {
    /// The longest query we take by UDP, in bytes.
    udp_size: u16,
    /// Extended response code, version and flags.
    ttl: u32,
    /// What the query asks for.
    asked: Asked,
    /// The options that keep room, and behind them nothing.
    options: [u8; OPTIONS_BYTES_MAX],
    /// How much of `options` is used.
    length: usize,
    /// The option that keeps none.
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
        let flags = if edns.dnssec_ok { DNSSEC_OK } else { 0 };
        let [f0, f1] = flags.to_be_bytes();
        let mut opt = Self {
            udp_size: limit.udp_size,
            ttl: u32::from_be_bytes([head.rcode.high(), EDNS_VERSION, f0, f1]),
            asked: Asked {
                cookie: edns.cookie.is_some(),
                nsid: edns.nsid,
                tcp_idle: edns.tcp_keepalive && limit.by_tcp,
            },
            options: [0; OPTIONS_BYTES_MAX],
            length: 0,
            error: None,
        };
        if let Some(client_subnet) = edns.client_subnet {
            opt.push_client_subnet(client_subnet, head.scope);
        }
        opt
    }

    /// The record's length without an extended error.
    pub(super) const fn bytes(&self) -> usize {
        OPT_BYTES + self.length
    }

    /// Takes what is asked for of `extras`, as far as `sink` has room that it can keep.
    pub(super) fn carry(&mut self, extras: &Extras<'_>, sink: &mut Sink<'_>) {
        let asked = self.asked;
        self.asked = Asked { cookie: false, nsid: false, tcp_idle: false };
        if let Some(Cookie(cookie)) = extras.cookie.filter(|_| asked.cookie) {
            self.keep(OptionCode::COOKIE, &cookie, sink);
        }
        if let Some(idle_ms) = extras.tcp_idle_ms.filter(|_| asked.tcp_idle) {
            let tenths = u16::try_from(idle_ms / 100).unwrap_or(u16::MAX);
            self.keep(OptionCode::TCP_KEEPALIVE, &tenths.to_be_bytes(), sink);
        }
        if let Some(nsid) = extras.nsid.filter(|_| asked.nsid) {
            let said = nsid.get(..NSID_BYTES_MAX).unwrap_or(nsid);
            self.keep(OptionCode::NSID, said, sink);
        }
        self.error = extras.error;
    }

    /// Writes the record (RFC 6891, 6.1.2).
    pub(super) fn put(&self, sink: &mut Sink<'_>) -> Result<(), Full> {
        sink.put(&[0])?;
        sink.put(&RecordType::OPT.0.to_be_bytes())?;
        sink.put(&self.udp_size.to_be_bytes())?;
        sink.put(&self.ttl.to_be_bytes())?;
        let length = sink.reserve_length()?;
        sink.put(self.options.get(..self.length).unwrap_or_default())?;
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

    /// Adds an option for which there is room in the message.
    fn keep(&mut self, code: OptionCode, value: &[u8], sink: &mut Sink<'_>) {
        if sink.keep(OPTION_BYTES + value.len()) {
            self.push(code, value);
        }
    }

    fn push_client_subnet(&mut self, asked: ClientSubnet, scope: u8) {
        let mut value = [0; CLIENT_SUBNET_BYTES_MAX];
        let length = asked.write(scope, &mut value);
        self.push(OptionCode::CLIENT_SUBNET, value.get(..length).unwrap_or_default());
    }

    /// Adds an option. There is room for one of each kind at its longest.
    fn push(&mut self, code: OptionCode, value: &[u8]) {
        let end = self.length + OPTION_BYTES + value.len();
        let head = self.options.get_mut(self.length..end).and_then(<[u8]>::split_first_chunk_mut);
        if let (Some((head, to)), Ok(length)) = (head, u16::try_from(value.len())) {
            let ([c0, c1], [l0, l1]) = (code.0.to_be_bytes(), length.to_be_bytes());
            *head = [c0, c1, l0, l1];
            to.copy_from_slice(value);
            self.length = end;
        }
    }
}

/// Writes an extended error (RFC 8914, 2).
fn put_error(sink: &mut Sink<'_>, code: u16, text: &str) -> Result<(), Full> {
    sink.put(&OptionCode::EXTENDED_ERROR.0.to_be_bytes())?;
    let length = sink.reserve_length()?;
    sink.put(&code.to_be_bytes())?;
    sink.put(text.as_bytes())?;
    sink.fill_length(length)
}
