//! Real connections over loopback, for the tests of both sources.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// How many bytes a server sends on each connection, in one segment.
pub(super) const PAYLOAD_BYTES: usize = 1000;

/// A server on a port of its own.
pub(super) struct Server {
    listener: TcpListener,
}

/// Both ends of a connection on which the payload was sent and acknowledged.
pub(super) struct Connection {
    pub(super) client: TcpStream,
    pub(super) server: TcpStream,
}

impl Server {
    /// A server on 127.0.0.1.
    pub(super) fn ipv4() -> Self {
        Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap() }
    }

    /// A server on [::], which IPv4 clients reach too; `None` where the system has no IPv6.
    pub(super) fn dual_stack() -> Option<Self> {
        match TcpListener::bind("[::]:0") {
            Ok(listener) => Some(Self { listener }),
            Err(error) => {
                println!("SKIPPED: this system has no IPv6: {error}");
                None
            }
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// One connection to an address of this machine.
    pub(super) fn connect(&self, to: IpAddr) -> Connection {
        let mut client = TcpStream::connect(SocketAddr::new(to, self.port())).unwrap();
        let (mut server, _) = self.listener.accept().unwrap();
        exchange(&mut server, &mut client);
        Connection { client, server }
    }

    /// One connection over IPv4.
    pub(super) fn connect_ipv4(&self) -> Connection {
        self.connect(Ipv4Addr::LOCALHOST.into())
    }

    /// A connection that lives for well under a millisecond.
    pub(super) fn short_connection(&self) {
        self.connect_ipv4().close();
    }
}

impl Connection {
    /// The payload once more.
    pub(super) fn send_again(&mut self) {
        exchange(&mut self.server, &mut self.client);
    }

    /// The client closes first, then the server: when this returns the server's end is gone, or
    /// will be as soon as its FIN is acknowledged.
    pub(super) fn close(mut self) {
        drop(self.client);
        assert_eq!(self.server.read(&mut [0; 8]).unwrap(), 0, "the client's FIN");
    }
}

/// The server sends the payload and the client answers with one byte, which carries the
/// acknowledgement: after it the server's kernel has counted the payload.
fn exchange(server: &mut TcpStream, client: &mut TcpStream) {
    server.write_all(&[b'x'; PAYLOAD_BYTES]).unwrap();
    client.read_exact(&mut [0; PAYLOAD_BYTES]).unwrap();
    client.write_all(b"k").unwrap();
    server.read_exact(&mut [0]).unwrap();
}
