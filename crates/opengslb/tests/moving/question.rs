//! A question by UDP and what matters of its answer, written by hand: not the server's own reading.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// A question for addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) name: &'a str,
    /// What is sent as the client's subnet (RFC 7871), with its width.
    pub(crate) subnet: Option<(IpAddr, u8)>,
    /// Where it comes from.
    pub(crate) from: IpAddr,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) addresses: Vec<IpAddr>,
    /// The scope that the answer holds for; 0 where it says none.
    pub(crate) scope: u8,
}

impl<'a> Question<'a> {
    pub(crate) fn of(name: &'a str) -> Self {
        Self { name, subnet: None, from: Ipv4Addr::LOCALHOST.into() }
    }

    /// Asks once; an answer that is lost is one without addresses.
    pub(crate) fn ask(&self, server: SocketAddr) -> Answer {
        let socket = UdpSocket::bind((self.from, 0)).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let query = self.bytes();
        let mut reply = [0; 1232];
        match socket.send(&query).and_then(|_| socket.recv(&mut reply)) {
            Ok(length) => read(&reply[..length], query.len()),
            Err(_) => Answer::default(),
        }
    }

    /// RFC 1035, 4.1; RFC 6891, 6.1.2; RFC 7871, 6.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        for label in self.name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.as_bytes());
        }
        bytes.extend([0, 0, 1, 0, 1]);
        bytes.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0]);
        match self.subnet {
            Some((IpAddr::V4(address), width)) => {
                let part = &address.octets()[..usize::from(width.div_ceil(8))];
                let length = u8::try_from(part.len()).unwrap() + 4;
                bytes.extend([0, length + 4, 0, 8, 0, length, 0, 1, width, 0]);
                bytes.extend(part);
            }
            _ => bytes.extend([0, 0]),
        }
        bytes
    }
}

/// Every A record behind the question, and the option of the OPT record; names there are pointers or the root.
fn read(reply: &[u8], query_length: usize) -> Answer {
    assert_eq!(reply[..2], [0x12, 0x34], "the id of the question");
    let count = |at: usize| u16::from_be_bytes([reply[at], reply[at + 1]]);
    let question_end = 12 + reply[12..query_length].iter().position(|byte| *byte == 0).unwrap() + 5;
    let (mut at, mut answer) = (question_end, Answer::default());
    for _ in 0..count(6) + count(8) + count(10) {
        // A pointer to an earlier name, labels up to one, or labels up to the root.
        while reply[at] != 0 && reply[at] < 0xc0 {
            at += 1 + usize::from(reply[at]);
        }
        at += if reply[at] == 0 { 1 } else { 2 };
        let (kind, length) = (count(at), usize::from(count(at + 8)));
        let data = &reply[at + 10..at + 10 + length];
        match (kind, data) {
            (1, [a, b, c, d]) => answer.addresses.push(Ipv4Addr::new(*a, *b, *c, *d).into()),
            (41, [0, 8, _, _, _, _, _, scope, ..]) => answer.scope = *scope,
            _ => {}
        }
        at += 10 + length;
    }
    answer
}
