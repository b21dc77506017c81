//! One DNS question over UDP or TCP, as `dig` asks it.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use domain::base::iana::Rtype;
use domain::base::opt::ClientSubnet;
use domain::base::{Message, MessageBuilder, Name};
use domain::rdata::AllRecordData;
use model::Subnet;

/// What we say we can take over UDP: what fits every path (DNS flag day 2020).
const UDP_PAYLOAD_BYTES: u16 = 1232;
/// As `dig`: three tries over UDP.
const TRIES: u32 = 3;

/// A question and how to ask it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) server: SocketAddr,
    pub(crate) name: String,
    pub(crate) kind: Rtype,
    /// The client network to name in the question (RFC 7871).
    pub(crate) subnet: Option<Subnet>,
    pub(crate) tcp: bool,
    /// For each try.
    pub(crate) timeout: Duration,
}

/// An answer and how it came.
pub(crate) struct Answer {
    pub(crate) message: Message<Vec<u8>>,
    pub(crate) took: Duration,
}

/// Asks; over TCP too where the answer did not fit.
pub(crate) fn ask(question: &Question) -> anyhow::Result<Answer> {
    let id = random_id()?;
    let query = build(question, id)?;
    let began = Instant::now();
    let mut message =
        if question.tcp { over_tcp(question, &query)? } else { over_udp(question, &query, id)? };
    if message.header().tc() && !question.tcp {
        message = over_tcp(question, &query)?;
    }
    if message.header().id() != id || !message.header().qr() {
        bail!("{} answered something else", question.server);
    }
    Ok(Answer { message, took: began.elapsed() })
}

/// The answer section as `dig +short` prints it.
pub(crate) fn short(message: &Message<Vec<u8>>) -> anyhow::Result<Vec<String>> {
    let records = message.answer()?.limit_to::<AllRecordData<_, _>>();
    records.map(|record| Ok(record?.data().to_string())).collect()
}

/// The question as it travels.
pub(crate) fn build(question: &Question, id: u16) -> anyhow::Result<Vec<u8>> {
    let name: Name<Vec<u8>> =
        question.name.parse().with_context(|| format!("{:?} is no domain name", question.name))?;
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(id);
    builder.header_mut().set_rd(true);
    let mut builder = builder.question();
    builder.push((name, question.kind))?;
    let mut builder = builder.additional();
    builder.opt(|opt| {
        opt.set_udp_payload_size(UDP_PAYLOAD_BYTES);
        match question.subnet {
            Some(net) => opt.push(&ClientSubnet::new(net.length(), 0, net.address())),
            None => Ok(()),
        }
    })?;
    Ok(builder.finish())
}

fn over_udp(question: &Question, query: &[u8], id: u16) -> anyhow::Result<Message<Vec<u8>>> {
    let any: IpAddr = match question.server {
        SocketAddr::V4(_) => IpAddr::from([0; 4]),
        SocketAddr::V6(_) => IpAddr::from([0; 16]),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(question.server)?;
    let mut buffer = [0; 4096];
    let mut last = None;
    for _ in 0..TRIES {
        socket.send(query)?;
        let until = Instant::now() + question.timeout;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            match socket.recv(&mut buffer) {
                Ok(length) => {
                    let octets = buffer.get(..length).unwrap_or_default().to_vec();
                    match Message::from_octets(octets) {
                        Ok(message) if message.header().id() == id => return Ok(message),
                        // Somebody else's or a late answer.
                        _ => {}
                    }
                }
                Err(error) => {
                    let refused = error.kind() == std::io::ErrorKind::ConnectionRefused;
                    last = Some(error);
                    if refused {
                        break;
                    }
                }
            }
        }
    }
    match last {
        Some(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Err(error).with_context(|| format!("{}", question.server))
        }
        _ => bail!("no servers could be reached ({} timed out)", question.server),
    }
}

fn over_tcp(question: &Question, query: &[u8]) -> anyhow::Result<Message<Vec<u8>>> {
    let mut stream = TcpStream::connect_timeout(&question.server, question.timeout)?;
    stream.set_read_timeout(Some(question.timeout))?;
    let length = u16::try_from(query.len())?.to_be_bytes();
    stream.write_all(&[&length, query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut octets = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut octets)?;
    Message::from_octets(octets).map_err(|_| anyhow::anyhow!("the answer is too short"))
}

fn random_id() -> anyhow::Result<u16> {
    let mut id = [0; 2];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut id)?;
    Ok(u16::from_be_bytes(id))
}
