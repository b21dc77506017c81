//! Honest clients: each asks one question after another, as a resolver does, and counts what it gets.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::packets::{A, Answer, Edns, answer, query};

/// How long a client waits before it asks again, and how often it does: a resolver's usual terms.
const TRY: Duration = Duration::from_millis(500);
const TRIES: u32 = 4;
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(5);
/// A share of fewer questions says too little.
const ENOUGH: u64 = 20;
/// The steered name with its one server.
const NAME: &str = "app.flood.test";

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    Udp,
    /// From a network that nobody forges more than others.
    UdpElsewhere,
    UdpWithCookie,
    /// A connection for each question.
    Tcp,
    /// All questions on one connection, as long as the server leaves it open.
    OneConnection,
}

/// What a client got.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) asking: Asking,
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    pub(crate) connections: u64,
    pub(crate) tries: u64,
    pub(crate) slowest: Duration,
}

impl Tally {
    #[track_caller]
    pub(crate) fn assert_served(&self, share: f64) {
        assert!(self.answered as f64 >= self.asked as f64 * share, "{self:?}");
    }
}

/// Clients on threads of their own.
pub(crate) struct Honest {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Tally>>,
}

impl Honest {
    /// Each has had one answer when this returns.
    pub(crate) fn start(server: SocketAddr, kinds: impl IntoIterator<Item = Asking>) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let clients = kinds.into_iter().map(|asking| {
            let mut client = Client::new(server, asking);
            assert!(client.ask(), "{asking:?}: not even before the flood");
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || {
                // A quick flood on a slow machine is over before much was asked.
                while !stop.load(Ordering::Relaxed) || client.tally.asked < ENOUGH {
                    answered.fetch_add(client.ask().into(), Ordering::Relaxed);
                    std::thread::sleep(PAUSE);
                }
                client.tally
            })
        });
        let clients = clients.collect();
        Self { stop, answered, clients }
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(self) -> Vec<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().map(|client| client.join().unwrap()).collect()
    }
}

/// One client.
pub(crate) struct Client {
    server: SocketAddr,
    tally: Tally,
    edns: Edns,
    connection: Option<TcpStream>,
    id: u16,
}

impl Client {
    pub(crate) fn new(server: SocketAddr, asking: Asking) -> Self {
        let tally = Tally {
            asking,
            asked: 0,
            answered: 0,
            connections: 0,
            tries: 0,
            slowest: Duration::ZERO,
        };
        let cookie = (asking == Asking::UdpWithCookie).then(|| b"honestly".to_vec());
        let edns = Edns { cookie, ..Edns::default() };
        Self { server, tally, edns, connection: None, id: 0 }
    }

    /// Asks until there is an answer with a record; says whether there was.
    pub(crate) fn ask(&mut self) -> bool {
        let begun = Instant::now();
        self.tally.asked += 1;
        let is_answered = (0..TRIES).any(|_| {
            self.tally.tries += 1;
            self.once().is_ok_and(|answer| answer.records > 0 && !answer.is_truncated)
        });
        self.tally.answered += u64::from(is_answered);
        self.tally.slowest = self.tally.slowest.max(begun.elapsed());
        is_answered
    }

    /// What the server says of its idle time.
    pub(crate) fn ask_idle_time_ms(&mut self) -> Option<u64> {
        self.edns.asks_idle_time = true;
        self.once().unwrap().idle_time_ms
    }

    /// Waits until the server closes the connection.
    pub(crate) fn wait_for_the_end(&mut self) {
        let mut stream = self.connection.take().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
    }

    fn once(&mut self) -> io::Result<Answer> {
        self.id = self.id.wrapping_add(1);
        let question = query(self.id, NAME, A, Some(&self.edns));
        match self.tally.asking {
            Asking::Udp | Asking::UdpWithCookie => self.by_udp("127.0.0.1:0", &question),
            Asking::UdpElsewhere => self.by_udp("127.77.88.99:0", &question),
            Asking::Tcp => {
                self.connection = None;
                self.by_tcp(&question)
            }
            Asking::OneConnection => self.by_tcp(&question),
        }
    }

    fn by_udp(&mut self, from: &str, question: &[u8]) -> io::Result<Answer> {
        let socket = UdpSocket::bind(from)?;
        socket.connect(self.server)?;
        socket.set_read_timeout(Some(TRY))?;
        socket.send(question)?;
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer)?;
        let answer = answer(&buffer[..length], self.id).ok_or(io::ErrorKind::InvalidData)?;
        if let (Some(mine), Some(fresh)) = (&mut self.edns.cookie, &answer.cookie) {
            mine.clone_from(fresh);
        }
        Ok(answer)
    }

    fn by_tcp(&mut self, question: &[u8]) -> io::Result<Answer> {
        let mut stream = match self.connection.take() {
            Some(stream) => stream,
            None => {
                self.tally.connections += 1;
                let stream = TcpStream::connect_timeout(&self.server, 4 * TRY)?;
                stream.set_read_timeout(Some(4 * TRY))?;
                stream
            }
        };
        let length = u16::try_from(question.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length, question].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut bytes = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut bytes)?;
        // A connection on which something went wrong is not used again.
        self.connection = Some(stream);
        answer(&bytes, self.id).ok_or(io::ErrorKind::InvalidData.into())
    }
}
