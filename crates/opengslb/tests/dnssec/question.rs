//! One question by UDP, and what matters of the answer.

use std::net::UdpSocket;
use std::time::Duration;

/// A loaded machine may be slow; a validator asks others first.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an answer says.
#[derive(Debug)]
pub(crate) struct Said {
    /// The response code.
    pub(crate) rcode: u8,
    /// The AD flag (RFC 4035, 3.2.3).
    pub(crate) is_validated: bool,
    /// How many records the answer and the authority section have.
    pub(crate) counts: [u16; 2],
    /// All of it.
    pub(crate) bytes: Vec<u8>,
}

/// Asks without EDNS; `None` where nobody answers.
pub(crate) fn ask(port: u16, name: &str, qtype: u16) -> Option<Said> {
    ask_with(port, name, qtype, None)
}

/// Asks with these EDNS flags.
pub(crate) fn ask_with(port: u16, name: &str, qtype: u16, flags: Option<u16>) -> Option<Said> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket.send(&query(name, qtype, flags)).unwrap();
    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut answer).ok().filter(|length| *length >= 12)?;
    answer.truncate(length);
    let count = |at: usize| u16::from_be_bytes([answer[at], answer[at + 1]]);
    let (rcode, is_validated) = (answer[3] & 15, answer[3] & 0x20 != 0);
    Some(Said { rcode, is_validated, counts: [count(6), count(8)], bytes: answer })
}

fn query(name: &str, qtype: u16, flags: Option<u16>) -> Vec<u8> {
    // Recursion desired, and AD: tell whether it validated (RFC 6840, 5.7).
    let mut query = vec![0x12, 0x34, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, u8::from(flags.is_some())];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.bytes());
    }
    query.push(0);
    query.extend([qtype.to_be_bytes(), [0, 1]].concat());
    if let Some(flags) = flags {
        query.extend([0, 0, 41, 16, 0, 0, 0]);
        query.extend(flags.to_be_bytes());
        query.extend([0, 0]);
    }
    query
}
