//! Clients by TCP that take places and give nothing for it.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::packets::{TXT, query};
use crate::report;

/// Connections of one source: what the server allows by default.
const PER_ADDRESS: usize = 16;
/// What this test needs besides the crowd.
const OWN_DESCRIPTORS: usize = 500;

/// As many of these connections as this process may have; says so where that is fewer.
pub(crate) fn possible(wanted: usize) -> usize {
    let limit = runtime::limits::raise_open_files().unwrap_or(u64::MAX);
    let most = usize::try_from(limit).unwrap() - OWN_DESCRIPTORS;
    // The server gives half of its own to DNS.
    let most = most.min(usize::try_from(limit / 2).unwrap());
    if most < wanted {
        report(&format!("SMALLER: {most} connections, not {wanted}: {limit} files may be open"));
    }
    wanted.min(most)
}

/// Open connections.
pub(crate) struct Crowd {
    members: Vec<TcpStream>,
}

impl Crowd {
    pub(crate) fn gather(server: SocketAddr, count: usize) -> Self {
        let mut crowd = Self { members: Vec::new() };
        crowd.add(server, count);
        crowd
    }

    /// More of them, from many addresses.
    pub(crate) fn add(&mut self, server: SocketAddr, count: usize) {
        let whole = framed(&query(7, "big.flood.test", TXT, None));
        for _ in 0..count {
            let number = self.members.len();
            let mut stream = connect(server, u32::try_from(number / PER_ADDRESS).unwrap());
            // The server may have closed it already: then it is no longer slow.
            let _ = match number % 20 {
                // Asks for much, and reads nothing.
                0 => stream.write_all(&whole.repeat(200)),
                // Half a question, and a byte of it from time to time.
                1..=9 => stream.write_all(&whole[..whole.len() / 2]),
                // A length and nothing behind it.
                10..=14 => stream.write_all(&whole[..2]),
                _ => Ok(()),
            };
            self.members.push(stream);
        }
    }

    /// Everybody who is in the middle of something sends one byte more.
    pub(crate) fn drip(&mut self) {
        let is_slow = |number: &usize| (1..=14).contains(&(number % 20));
        for number in (0..self.members.len()).filter(is_slow) {
            let _ = self.members[number].write_all(&[0]);
        }
    }
}

fn connect(server: SocketAddr, source: u32) -> TcpStream {
    let source = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + source);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // What the server sends is not to be read, and little of it is to lie around.
    socket.set_recv_buffer_size(4096).unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    socket.into()
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}
