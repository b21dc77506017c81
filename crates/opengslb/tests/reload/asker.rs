//! Clients that ask one question after another, without a pause, and count what they do not get.
//!
//! Each waits for its answer before it asks again, so what is on its way is bounded by the number of
//! clients, and one lost datagram is one lost query: nothing is asked twice over UDP.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::proof::{Keys, Section};

/// Nothing on loopback takes this long, unless it is lost.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// A socket for each question: another port, so another of the server's sockets.
    Udp,
    /// The same, with signatures, which have to be right.
    Signed,
    /// A connection for each question.
    Tcp,
    /// One connection for as long as the server leaves it open. Where the server closes it before it
    /// answers, the question is asked again on another, as RFC 7766 (6.2.4) has it.
    OneConnection,
}

/// What clients got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) asked: u64,
    /// Without an answer.
    pub(crate) lost: u64,
    /// Answers that were not the address that was learned, or the record that stands; or that were to
    /// be signed, and were not by the keys that there were at first.
    pub(crate) wrong: u64,
}

/// What is asked, and what is the only right answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) name: &'static str,
    pub(crate) address: [u8; 4],
}

/// Clients on threads of their own.
pub(crate) struct Askers {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Tally>>,
}

impl Askers {
    /// `zone` is the one that is signed.
    pub(crate) fn start(
        server: SocketAddr,
        zone: &'static str,
        questions: &[(Asking, Expected)],
    ) -> Self {
        let keys = Arc::new(ask_keys(server, zone));
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = questions.iter().map(|(asking, expected)| {
            let (asking, expected, keys) = (*asking, *expected, Some(Arc::clone(&keys)));
            let mut client = Client { server, asking, expected, keys, connection: None };
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            std::thread::spawn(move || {
                let mut tally = Tally::default();
                while !stop.load(Ordering::Relaxed) {
                    client.ask(&mut tally);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
                tally
            })
        });
        let threads = threads.collect();
        Self { stop, asked, threads }
    }

    /// How many questions were asked so far.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// All of them together.
    pub(crate) fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let tallies = self.threads.into_iter().map(|thread| thread.join().unwrap());
        tallies.fold(Tally::default(), |sum, one| Tally {
            asked: sum.asked + one.asked,
            lost: sum.lost + one.lost,
            wrong: sum.wrong + one.wrong,
        })
    }
}

struct Client {
    server: SocketAddr,
    asking: Asking,
    expected: Expected,
    keys: Option<Arc<Keys>>,
    connection: Option<TcpStream>,
}

impl Client {
    fn ask(&mut self, tally: &mut Tally) {
        tally.asked += 1;
        let id = u16::try_from(tally.asked & 0xffff).unwrap();
        let is_signed = self.asking == Asking::Signed;
        let question = query(id, (self.expected.name, A), is_signed);
        let answer = match self.asking {
            Asking::Udp | Asking::Signed => self.by_udp(&question),
            Asking::Tcp => {
                self.connection = None;
                self.by_tcp(&question)
            }
            Asking::OneConnection => {
                let had_connection = self.connection.is_some();
                self.by_tcp(&question).or_else(|error| {
                    if had_connection { self.by_tcp(&question) } else { Err(error) }
                })
            }
        };
        match answer {
            Err(_) => tally.lost += 1,
            Ok(bytes) => {
                let is_right = bytes.get(..2) == Some(&id.to_be_bytes()[..])
                    && bytes.windows(4).any(|window| window == self.expected.address)
                    && (!is_signed || self.is_proven(&bytes));
                tally.wrong += u64::from(!is_right);
            }
        }
    }

    /// Whether all of the answer is signed by the keys that there were at first.
    fn is_proven(&self, bytes: &[u8]) -> bool {
        let sets = self.keys.as_ref().and_then(|keys| keys.judge(bytes).ok()).unwrap_or_default();
        let mut answer = sets.iter().filter(|set| set.section == Section::Answer).peekable();
        answer.peek().is_some() && answer.all(|set| set.is_signed)
    }

    fn by_udp(&self, question: &[u8]) -> io::Result<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(self.server)?;
        socket.set_read_timeout(Some(LOST_AFTER))?;
        socket.send(question)?;
        let mut buffer = vec![0; 4096];
        let length = socket.recv(&mut buffer)?;
        buffer.truncate(length);
        Ok(buffer)
    }

    fn by_tcp(&mut self, question: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = match self.connection.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect_timeout(&self.server, LOST_AFTER)?;
                stream.set_read_timeout(Some(LOST_AFTER))?;
                stream
            }
        };
        let length = u16::try_from(question.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length, question].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut bytes = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut bytes)?;
        self.connection = Some(stream);
        Ok(bytes)
    }
}

/// What a zone shows.
fn ask_keys(server: SocketAddr, zone: &'static str) -> Keys {
    let expected = Expected { name: zone, address: [0; 4] };
    let client = Client { server, asking: Asking::Signed, expected, keys: None, connection: None };
    Keys::of(&client.by_udp(&query(7, (zone, DNSKEY), true)).unwrap()).unwrap()
}

/// A, DNSKEY.
const A: u16 = 1;
const DNSKEY: u16 = 48;

/// One question; the asker's network is told as 10.1.2.0/24 (RFC 7871). With signatures, or without.
fn query(id: u16, (name, qtype): (&str, u16), is_signed: bool) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    // The root, type and class; then OPT with 1232 bytes, DO or not (RFC 3225), and one option.
    bytes.push(0);
    bytes.extend([qtype.to_be_bytes(), [0, 1]].concat());
    let flags = if is_signed { 0x80 } else { 0 };
    bytes.extend([0, 0, 41, 0x04, 0xd0, 0, 0, flags, 0, 0, 11]);
    bytes.extend([0, 8, 0, 7, 0, 1, 24, 0, 10, 1, 2]);
    bytes
}

/// One answer: its response code, and whether it has this address in it.
pub(crate) fn ask_once(server: SocketAddr, expected: Expected) -> (u8, bool) {
    let client = Client { server, asking: Asking::Udp, expected, keys: None, connection: None };
    let bytes = client.by_udp(&query(7, (expected.name, A), false)).unwrap();
    (bytes[3] & 0x0f, bytes.windows(4).any(|window| window == expected.address))
}
