//! A DNS client of its own, so that the server's reading of RFC 1035 is not tested with itself.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

pub(crate) const A: u16 = 1;
pub(crate) const CNAME: u16 = 5;
pub(crate) const SOA: u16 = 6;
pub(crate) const TXT: u16 = 16;
pub(crate) const AAAA: u16 = 28;
pub(crate) const HTTPS: u16 = 65;

const TIMEOUT: Duration = Duration::from_secs(5);

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) rcode: u8,
    pub(crate) is_authoritative: bool,
    /// The question, as the server repeats it.
    pub(crate) question: String,
    /// The types of the records in the answer section, and the addresses among them.
    pub(crate) answers: Vec<u16>,
    pub(crate) addresses: Vec<IpAddr>,
    /// The types of the records in the authority section.
    pub(crate) authority: Vec<u16>,
}

pub(crate) fn by_udp(server: SocketAddr, name: &str, kind: u16) -> Reply {
    let any = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(any).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    socket.send(&query(name, kind)).unwrap();
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer).unwrap();
    read(&buffer[..length])
}

pub(crate) fn by_tcp(server: SocketAddr, name: &str, kind: u16) -> Reply {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let query = query(name, kind);
    let length = u16::try_from(query.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length[..], &query].concat()).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).unwrap();
    read(&answer)
}

/// All addresses that a name has in turn: each transport is asked often enough that weighted round
/// robin over a few servers, on each of the server's workers, shows them all.
pub(crate) fn all_addresses(server: SocketAddr, name: &str) -> BTreeSet<IpAddr> {
    let udp = (0..32).map(|_| by_udp(server, name, A));
    let tcp = (0..8).map(|_| by_tcp(server, name, A));
    udp.chain(tcp).flat_map(|reply| reply.addresses).collect()
}

/// RFC 1035, 4.1: a question for one name, recursion not wanted.
fn query(name: &str, kind: u16) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend(1u16.to_be_bytes());
    bytes
}

fn read(bytes: &[u8]) -> Reply {
    assert_eq!(bytes[..2], [0x12, 0x34], "the id of the question");
    assert_eq!(bytes[2] & 0x80, 0x80, "an answer");
    let count = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let (mut at, mut question) = (12, Vec::new());
    for _ in 0..count(4) {
        question.push(name(bytes, &mut at));
        at += 4;
    }
    let (mut answers, mut addresses) = (Vec::new(), Vec::new());
    for _ in 0..count(6) {
        let (kind, data) = record(bytes, &mut at);
        answers.push(kind);
        if let (A, Ok(octets)) = (kind, <[u8; 4]>::try_from(data)) {
            addresses.push(Ipv4Addr::from(octets).into());
        } else if let (AAAA, Ok(octets)) = (kind, <[u8; 16]>::try_from(data)) {
            addresses.push(Ipv6Addr::from(octets).into());
        }
    }
    let authority = (0..count(8)).map(|_| record(bytes, &mut at).0).collect();
    Reply {
        rcode: bytes[3] & 0x0f,
        is_authoritative: bytes[2] & 0x04 != 0,
        question: question.join(" "),
        answers,
        addresses,
        authority,
    }
}

/// A name in the case it has; a pointer ends it (RFC 1035, 4.1.4).
fn name(bytes: &[u8], at: &mut usize) -> String {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(bytes[*at]);
        *at += 1;
        match length {
            0 => return labels.join("."),
            0xc0.. => {
                *at += 1;
                return labels.join(".");
            }
            _ => labels.push(String::from_utf8_lossy(&bytes[*at..*at + length]).into_owned()),
        }
        *at += length;
    }
}

/// A record's type and data.
fn record<'a>(bytes: &'a [u8], at: &mut usize) -> (u16, &'a [u8]) {
    name(bytes, at);
    let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let (kind, length) = (number(*at), usize::from(number(*at + 8)));
    let begin = *at + 10;
    *at = begin + length;
    (kind, &bytes[begin..begin + length])
}
