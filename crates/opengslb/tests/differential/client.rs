//! A question on the wire and a reply taken apart, both by the library `domain`, so that the server's
//! reading of the standards is not tested with itself.

use std::fmt::{self, Display, Formatter};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use domain::base::iana::{Class, OptionCode, Rtype};
use domain::base::rdata::ComposeRecordData as _;
use domain::base::record::ParsedRecord;
use domain::base::{Message, MessageBuilder, Name, ParsedName, ToName as _};
use domain::rdata::AllRecordData;

/// Servers on this machine answer in well under a millisecond.
const TIMEOUT: Duration = Duration::from_secs(5);
/// An option that nobody has defined (RFC 6891, 9: for local use).
const LOCAL_OPTION: u16 = 65_001;

/// What is asked, and how.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) name: Name<Vec<u8>>,
    pub(crate) qtype: Rtype,
    pub(crate) by_tcp: bool,
    pub(crate) recursion_desired: bool,
    pub(crate) checking_disabled: bool,
    pub(crate) edns: Option<Edns>,
}

/// What a question says about its asker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edns {
    pub(crate) udp_size: u16,
    pub(crate) dnssec_ok: bool,
    pub(crate) has_unknown_option: bool,
}

impl Question {
    fn message(&self, id: u16) -> Vec<u8> {
        let mut builder = MessageBuilder::new_vec();
        let header = builder.header_mut();
        header.set_id(id);
        header.set_rd(self.recursion_desired);
        header.set_cd(self.checking_disabled);
        let mut builder = builder.question();
        builder.push((&self.name, self.qtype, Class::IN)).unwrap();
        let mut builder = builder.additional();
        if let Some(edns) = self.edns {
            let opt = builder.opt(|opt| {
                opt.set_udp_payload_size(edns.udp_size);
                opt.set_dnssec_ok(edns.dnssec_ok);
                if edns.has_unknown_option {
                    let code = OptionCode::from_int(LOCAL_OPTION);
                    opt.push_raw_option(code, 3, |target| {
                        target.extend_from_slice(b"any");
                        Ok(())
                    })?;
                }
                Ok(())
            });
            opt.unwrap();
        }
        builder.finish()
    }
}

impl Display for Question {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let transport = if self.by_tcp { "TCP" } else { "UDP" };
        write!(f, "{} {} by {transport}", self.name, self.qtype)?;
        for (is, flag) in [(self.recursion_desired, " RD"), (self.checking_disabled, " CD")] {
            write!(f, "{}", if is { flag } else { "" })?;
        }
        match self.edns {
            None => write!(f, ", no EDNS"),
            Some(Edns { udp_size, dnssec_ok, has_unknown_option }) => {
                let dnssec_ok = if dnssec_ok { " DO" } else { "" };
                let option = if has_unknown_option { " and an unknown option" } else { "" };
                write!(f, ", EDNS {udp_size}{dnssec_ok}{option}")
            }
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// With the upper bits of the OPT record.
    pub(crate) rcode: u16,
    pub(crate) authoritative: bool,
    pub(crate) truncated: bool,
    /// RD, RA, AD and CD.
    pub(crate) other_flags: [bool; 4],
    /// As it is repeated: the case of letters counts.
    pub(crate) question: Vec<u8>,
    /// Version and DO.
    pub(crate) edns: Option<(u8, bool)>,
    pub(crate) answer: Vec<Record>,
    pub(crate) authority: Vec<Record>,
    /// Without the OPT record.
    pub(crate) additional: Vec<Record>,
}

/// One record. Sections are compared as sorted lists of these: the order does not count, but a record
/// that stands there twice does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    /// In lower case.
    pub(crate) owner: Name<Vec<u8>>,
    pub(crate) rtype: Rtype,
    pub(crate) ttl_s: u32,
    /// In canonical form (RFC 4034, 6.2).
    pub(crate) data: Vec<u8>,
}

impl Display for Record {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let data: String = self.data.escape_ascii().to_string().chars().take(60).collect();
        write!(f, "{} {} {} {data}", self.owner, self.ttl_s, self.rtype)
    }
}

/// Asks one server one question.
pub(crate) fn ask(server: SocketAddr, question: &Question, id: u16) -> Result<Reply, String> {
    let query = question.message(id);
    let bytes = if question.by_tcp { by_tcp(server, &query) } else { by_udp(server, &query) };
    let bytes = bytes.map_err(|error| format!("no reply: {error}"))?;
    if bytes.get(..2) != query.get(..2) {
        return Err("the reply has another identifier".to_owned());
    }
    if !question.by_tcp
        && bytes.len() > question.edns.map_or(512, |edns| edns.udp_size.max(512)).into()
    {
        return Err(format!("the reply has {} bytes, more than the asker takes", bytes.len()));
    }
    read(&bytes).map_err(|error| format!("the reply cannot be read: {error}"))
}

fn by_udp(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.send(query)?;
    let mut buffer = vec![0; 65_535];
    let length = socket.recv(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

fn by_tcp(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let length = u16::try_from(query.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length[..], query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn read(bytes: &[u8]) -> Result<Reply, String> {
    let message = Message::from_octets(bytes).map_err(|error| error.to_string())?;
    let parse = |error: domain::base::wire::ParseError| error.to_string();
    let header = message.header();
    if !header.qr() {
        return Err("it is no response".to_owned());
    }
    let mut question = Vec::new();
    for asked in message.question() {
        let asked = asked.map_err(parse)?;
        question.extend_from_slice(asked.qname().to_vec().as_slice());
        question.extend(asked.qtype().to_int().to_be_bytes());
        question.extend(asked.qclass().to_int().to_be_bytes());
    }
    let opts = |record: &ParsedRecord<'_, _>| record.rtype() == Rtype::OPT;
    let (mut sections, mut opt_count) = (Vec::new(), 0);
    for section in [message.answer(), message.authority(), message.additional()] {
        let mut records = Vec::new();
        for record in section.map_err(parse)? {
            let record = record.map_err(parse)?;
            if opts(&record) {
                opt_count += 1;
            } else {
                records.push(canonical(&record)?);
            }
        }
        records.sort();
        sections.push(records);
    }
    if opt_count > 1 {
        return Err("it has more than one OPT record".to_owned());
    }
    let edns = message.opt().map(|opt| (opt.version(), opt.dnssec_ok()));
    let mut sections = sections.into_iter();
    let mut next = || sections.next().unwrap_or_default();
    Ok(Reply {
        rcode: message.opt_rcode().to_int(),
        authoritative: header.aa(),
        truncated: header.tc(),
        other_flags: [header.rd(), header.ra(), header.ad(), header.cd()],
        question,
        edns,
        answer: next(),
        authority: next(),
        additional: next(),
    })
}

fn canonical(record: &ParsedRecord<'_, &[u8]>) -> Result<Record, String> {
    let typed = record.to_any_record::<AllRecordData<_, ParsedName<_>>>();
    let typed = typed.map_err(|error| error.to_string())?;
    if typed.class() != Class::IN {
        return Err(format!("a record has class {}", typed.class()));
    }
    let mut data = Vec::new();
    let Ok(()) = typed.data().compose_canonical_rdata(&mut data);
    let owner = typed.owner().to_canonical_name();
    Ok(Record { owner, rtype: typed.rtype(), ttl_s: typed.ttl().as_secs(), data })
}
