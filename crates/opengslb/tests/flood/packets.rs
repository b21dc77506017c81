//! Questions as bytes, made fast, and what a client must know of an answer.

use domain::base::Message;
use domain::base::iana::OptionCode;
use domain::base::opt::UnknownOptData;

pub(crate) const A: u16 = 1;
pub(crate) const TXT: u16 = 16;

const ECS: u16 = 8;
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;

/// What a question says about its asker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edns {
    /// An IPv4 /24.
    pub(crate) client_network: Option<[u8; 4]>,
    /// The client's cookie, perhaps with the server's.
    pub(crate) cookie: Option<Vec<u8>>,
    pub(crate) asks_idle_time: bool,
}

/// A question's bytes.
pub(crate) fn query(id: u16, name: &str, qtype: u16, edns: Option<&Edns>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(96);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns.is_some())]);
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend_from_slice(&qtype.to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    let Some(edns) = edns else { return bytes };
    let mut options = Vec::new();
    let mut option = |code: u16, data: &[u8]| {
        options.extend_from_slice(&code.to_be_bytes());
        options.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        options.extend_from_slice(data);
    };
    if let Some([a, b, c, _]) = edns.client_network {
        option(ECS, &[0, 1, 24, 0, a, b, c]);
    }
    if let Some(cookie) = &edns.cookie {
        option(COOKIE, cookie);
    }
    if edns.asks_idle_time {
        option(KEEPALIVE, &[]);
    }
    bytes.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0]);
    bytes.extend_from_slice(&u16::try_from(options.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(&options);
    bytes
}

/// What stands in an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) is_truncated: bool,
    pub(crate) records: u16,
    pub(crate) cookie: Option<Vec<u8>>,
    pub(crate) idle_time_ms: Option<u64>,
}

/// Reads an answer to the question of this number.
pub(crate) fn answer(bytes: &[u8], id: u16) -> Option<Answer> {
    let message = Message::from_octets(bytes).ok()?;
    if message.header().id() != id || !message.header().qr() {
        return None;
    }
    let option = |code: u16| {
        let opt = message.opt()?;
        let options = opt.opt().iter::<UnknownOptData<_>>().filter_map(Result::ok);
        let mut of_code = options.filter(|option| option.code() == OptionCode::from_int(code));
        Some(of_code.next()?.as_slice().to_vec())
    };
    let tenths = option(KEEPALIVE).and_then(|data| data.try_into().ok()).map(u16::from_be_bytes);
    Some(Answer {
        is_truncated: message.header().tc(),
        records: message.header_counts().ancount(),
        cookie: option(COOKIE),
        idle_time_ms: tenths.map(|tenths| u64::from(tenths) * 100),
    })
}

/// Numbers that repeat from run to run (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
