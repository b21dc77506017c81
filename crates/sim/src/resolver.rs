//! The DNS of a resolver: a query's bytes for a client's network, and what an answer's bytes say.
//!
//! Written by hand and apart from the crate `dns`, so that one misreading cannot hide another.

use std::net::{IpAddr, Ipv4Addr};

use model::Subnet;

/// The name that all clients ask for.
pub(crate) const NAME: &str = "app.example.net";

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The response code.
    pub(crate) rcode: u8,
    /// The first address in it.
    pub(crate) address: Option<Ipv4Addr>,
    /// How long that may be kept, in seconds.
    pub(crate) ttl_s: u32,
    /// For which prefix of the client's network it holds; `None` where it does not say.
    pub(crate) scope: Option<u8>,
}

/// The bytes of a query for the address of [`NAME`], on behalf of an IPv4 client network (RFC 7871,
/// 6) or without saying for whom.
pub(crate) fn query(client: Option<Subnet>, id: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend(id.to_be_bytes());
    // Recursion desired; one question, one additional record.
    bytes.extend([0x01, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    for label in NAME.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or_default());
        bytes.extend(label.bytes());
    }
    // The root; A, IN. OPT at the root, 1232 bytes, no flags.
    bytes.extend([0, 0, 1, 0, 1]);
    bytes.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0]);
    let Some(client) = client else {
        bytes.extend([0, 0]);
        return bytes;
    };
    let octets = match client.address() {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => [0; 4],
    };
    let used = usize::from(client.length().div_ceil(8)).min(octets.len());
    let length = u8::try_from(used).unwrap_or_default() + 4;
    // The option, its family and lengths.
    bytes.extend([0, length + 4, 0, 8, 0, length]);
    bytes.extend([0, 1, client.length(), 0]);
    bytes.extend(octets.iter().take(used));
    bytes
}

/// Reads an answer; `None` where the bytes are none.
pub(crate) fn read(bytes: &[u8]) -> Option<Answer> {
    let mut answer = Answer { rcode: bytes.get(3)? & 0x0f, address: None, ttl_s: 0, scope: None };
    let questions = u16_at(bytes, 4)?;
    let answers = u16_at(bytes, 6)?;
    let others = u32::from(u16_at(bytes, 8)?) + u32::from(u16_at(bytes, 10)?);
    let mut at = 12;
    for _ in 0..questions {
        at = skip_name(bytes, at)? + 4;
    }
    for number in 0..u32::from(answers) + others {
        // Type, class, four bytes of TTL, the length of what follows.
        let record = skip_name(bytes, at)?;
        let length = usize::from(u16_at(bytes, record + 8)?);
        let data = bytes.get(record + 10..record + 10 + length)?;
        match (u16_at(bytes, record)?, <[u8; 4]>::try_from(data)) {
            (1, Ok(octets)) if number < u32::from(answers) && answer.address.is_none() => {
                answer.address = Some(octets.into());
                let ttl = bytes.get(record + 4..record + 8)?;
                answer.ttl_s = ttl.try_into().map_or(0, u32::from_be_bytes);
            }
            (41, _) => answer.scope = scope_in(data),
            _ => {}
        }
        at = record + 10 + length;
    }
    Some(answer)
}

/// The scope in the options of an OPT record (RFC 7871, 6).
fn scope_in(mut options: &[u8]) -> Option<u8> {
    loop {
        let length = usize::from(u16_at(options, 2)?);
        let data = options.get(4..4 + length)?;
        if u16_at(options, 0)? == 8 {
            return data.get(3).copied();
        }
        options = options.get(4 + length..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

/// The place behind a name: behind its root or its first pointer (RFC 1035, 4.1.4).
fn skip_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            0 => return Some(at + 1),
            length if length & 0xc0 == 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(*length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz;
    use crate::random::Random;

    #[test]
    fn a_query_says_what_it_is_for() {
        for text in ["20.1.2.0/24", "20.1.0.0/16", "20.1.2.128/25", "0.0.0.0/0"] {
            let client: Subnet = text.parse().unwrap();
            let bytes = query(Some(client), 7);
            let query = dns::parse(&bytes).unwrap();
            assert_eq!(query.question.name.to_buf().to_string().trim_end_matches('.'), NAME);
            assert_eq!(query.question.qtype, dns::RecordType::A);
            let named = query.edns.and_then(|edns| edns.client_subnet).unwrap();
            // The empty network is the asker's way to say nothing.
            let expect = Some(client).filter(|client| client.length() > 0);
            assert_eq!(named.network().filter(|network| network.length() > 0), expect, "{text}");
        }
        let nobody = query(None, 7);
        assert!(dns::parse(&nobody).unwrap().edns.is_some_and(|edns| edns.client_subnet.is_none()));
    }

    /// One question for `a.`, then two answers: a CNAME behind a pointer, and an address; last an
    /// OPT record with a cookie's option and a scope of 20.
    const ANSWER: &[u8] = b"\0\x07\x84\0\0\x01\0\x02\0\0\0\x01\x01a\0\0\x01\0\x01\
        \xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x03\x01b\0\
        \x01b\0\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x01\x01\x0a\
        \0\0\x29\x04\xd0\0\0\0\0\0\x10\0\x0a\0\x01\x07\0\x08\0\x07\0\x01\x18\x14\x0a\x01\x02";

    #[test]
    fn the_first_address_is_read() {
        let address = Some(Ipv4Addr::new(10, 1, 1, 10));
        let expect = Answer { rcode: 0, address, ttl_s: 60, scope: Some(20) };
        assert_eq!(read(ANSWER), Some(expect));
        let refused = b"\0\x07\x84\x02\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
        let expect = Answer { rcode: 2, address: None, ttl_s: 0, scope: None };
        assert_eq!(read(refused), Some(expect));
        for cut in 12..ANSWER.len() {
            assert_eq!(read(&ANSWER[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn any_bytes_are_an_answer_or_none() {
        let mut random = Random::new(1, "fuzz");
        for _ in 0..100_000 {
            let mut bytes = ANSWER[..random.index(ANSWER.len() + 1)].to_vec();
            for _ in 0..random.below(4) {
                let place = random.index(bytes.len());
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = random.next() as u8;
                }
            }
            fuzz::answer(&bytes);
        }
    }
}
