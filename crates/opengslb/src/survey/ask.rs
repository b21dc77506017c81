//! One question to one server, with bounded patience.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use preflight::message::NoAnswer;
use preflight::{Failure, Message, Question, Transport};

/// Tries by UDP: a lost packet is no silent server.
const TRIES: u32 = 3;
/// Patience for each of them: the slowest path on earth takes a second.
const TRY_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Patience for each step by TCP.
const TCP_TIMEOUT: Duration = Duration::from_secs(4);
/// An answer's largest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Asks, and reads the answer.
///
/// # Errors
///
/// There is none that can be read.
pub(super) fn ask(question: &Question) -> Result<Message, Failure> {
    // A question without an identifier that nobody can guess is not asked.
    let id = random_id().map_err(|_| Failure::NoWay)?;
    let query = question.to_bytes(id).map_err(|_| Failure::NoWay)?;
    match question.transport {
        Transport::Udp => by_udp(question, &query, id),
        Transport::Tcp => {
            let bytes = by_tcp(question.server, &query).map_err(|error| failure(&error))?;
            Message::read(&bytes, question, id).map_err(|why| match why {
                NoAnswer::Foreign => Failure::Malformed("it answers something else".to_owned()),
                NoAnswer::Malformed(what) => Failure::Malformed(what),
            })
        }
    }
}

fn by_udp(question: &Question, query: &[u8], id: u16) -> Result<Message, Failure> {
    let any: IpAddr = if question.server.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).map_err(|_| Failure::NoWay)?;
    socket.connect(question.server).map_err(|error| failure(&error))?;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    for _ in 0..TRIES {
        let until = Instant::now() + TRY_TIMEOUT;
        if let Err(error) = socket.send(query) {
            return Err(failure(&error));
        }
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            // Zero would be for ever.
            let left = left.max(Duration::from_millis(1));
            socket.set_read_timeout(Some(left)).map_err(|error| failure(&error))?;
            let length = match socket.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if is_timeout(&error) => break,
                Err(error) => return Err(failure(&error)),
            };
            match Message::read(buffer.get(..length).unwrap_or_default(), question, id) {
                Ok(message) => return Ok(message),
                // Late, or forged: the right one may still come.
                Err(NoAnswer::Foreign) => {}
                Err(NoAnswer::Malformed(what)) => return Err(Failure::Malformed(what)),
            }
        }
    }
    Err(Failure::Silent)
}

fn by_tcp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, TCP_TIMEOUT)?;
    stream.set_read_timeout(Some(TCP_TIMEOUT))?;
    stream.set_write_timeout(Some(TCP_TIMEOUT))?;
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    // One byte at a time would still end: a server that drips is cut off by the length.
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::UnexpectedEof
        | ErrorKind::BrokenPipe => Failure::Closed,
        ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable | ErrorKind::Unsupported => {
            Failure::NoWay
        }
        _ => Failure::Silent,
    }
}

fn random_id() -> io::Result<u16> {
    let mut id = [0; 2];
    File::open("/dev/urandom")?.read_exact(&mut id)?;
    Ok(u16::from_be_bytes(id))
}
