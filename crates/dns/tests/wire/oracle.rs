//! The oracle: what the library `domain` reads in a message, and queries that it writes.
//!
//! Must not call the code under test, but for the names of numbers.

use std::net::IpAddr;

use dns::{Opcode, OptionCode, Rcode, RecordType};
use domain::base::iana::{Class, OptionCode as OracleCode, Rtype};
use domain::base::message_builder::OptBuilder;
use domain::base::opt::{ClientSubnet, UnknownOptData};
use domain::base::record::ComposeRecord as _;
use domain::base::{Message, MessageBuilder, Name, ParsedName, Record, ToName};
use domain::rdata::{A, AllRecordData};

/// A query as `domain` writes it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) id: u16,
    /// The sixteen bits as they are, the opcode in them.
    pub(crate) flags: u16,
    pub(crate) name: Vec<u8>,
    pub(crate) qtype: u16,
    pub(crate) qclass: u16,
    /// How many A records stand before the OPT record.
    pub(crate) others: usize,
    pub(crate) edns: Option<AskEdns>,
}

/// An OPT record as `domain` writes it.
#[derive(Clone, Debug)]
pub(crate) struct AskEdns {
    pub(crate) udp_size: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    /// Source length and address.
    pub(crate) client_subnet: Option<(u8, IpAddr)>,
    /// Codes and values.
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

impl Ask {
    /// The packet.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let name = Name::from_octets(self.name.clone()).unwrap();
        let mut question = MessageBuilder::new_vec().question();
        question.push((&name, Rtype::from_int(self.qtype), Class::from_int(self.qclass))).unwrap();
        let mut additional = question.additional();
        for _ in 0..self.others {
            let data = A::from_octets(192, 0, 2, 1);
            additional.push(Record::new(&name, Class::IN, Default::default(), data)).unwrap();
        }
        if let Some(edns) = &self.edns {
            additional.opt(|opt| edns.fill(opt)).unwrap();
        }
        let mut bytes = additional.finish();
        bytes[0..2].copy_from_slice(&self.id.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.flags.to_be_bytes());
        bytes
    }
}

impl AskEdns {
    fn fill<T: domain::base::wire::Composer>(
        &self,
        opt: &mut OptBuilder<'_, T>,
    ) -> Result<(), T::AppendError> {
        opt.set_udp_payload_size(self.udp_size);
        opt.set_version(self.version);
        opt.set_dnssec_ok(self.dnssec_ok);
        if let Some((source, address)) = self.client_subnet {
            opt.push(&ClientSubnet::new(source, 0, address))?;
        }
        for (code, value) in &self.options {
            opt.push(&UnknownOptData::new(OracleCode::from_int(*code), value).unwrap())?;
        }
        Ok(())
    }
}

/// What `domain` reads in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: u16,
    /// The flags that are set, in the header's order, the opcode unless it is QUERY, and the
    /// response code.
    pub(crate) head: String,
    pub(crate) rcode: u16,
    /// Name in its case, type and class.
    pub(crate) questions: Vec<(String, String)>,
    pub(crate) records: Vec<SeenRecord>,
    pub(crate) opt: Option<SeenOpt>,
}

/// A record but OPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenRecord {
    pub(crate) section: &'static str,
    /// The owner's wire form.
    pub(crate) owner: Vec<u8>,
    /// Type, class, TTL.
    pub(crate) numbers: (u16, u16, u32),
    /// The data, names written out.
    pub(crate) data: Vec<u8>,
    /// The whole as text.
    pub(crate) text: String,
}

/// An OPT record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenOpt {
    pub(crate) udp_size: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    /// Address, source and scope of the first client subnet; `None` if it is malformed, too.
    pub(crate) client_subnet: Option<(IpAddr, u8, u8)>,
    /// Client's part and server's part of the first cookie; `None` if it is malformed, too.
    pub(crate) cookie: Option<(Vec<u8>, Vec<u8>)>,
    /// The first server identifier.
    pub(crate) nsid: Option<Vec<u8>>,
    /// Code and text of the first extended error.
    pub(crate) error: Option<(u16, String)>,
    /// The idle time in tenths of a second; `Some(None)` where it is asked for.
    pub(crate) tcp_idle: Option<Option<u16>>,
    /// The codes of all options.
    pub(crate) codes: Vec<u16>,
    /// All options as text.
    pub(crate) options: Vec<String>,
    /// Whether it is the message's last record.
    pub(crate) last: bool,
}

/// Reads a message, or says why not.
pub(crate) fn read(bytes: &[u8]) -> Result<Seen, String> {
    read_with(bytes, read_records)
}

/// Reads a message without looking into its records, as one reads a query.
pub(crate) fn read_query(bytes: &[u8]) -> Result<Seen, String> {
    read_with(bytes, |_| Ok(Vec::new()))
}

type Records = Result<Vec<SeenRecord>, domain::base::wire::ParseError>;

fn read_with(
    bytes: &[u8],
    read_records: impl Fn(&Message<&[u8]>) -> Records,
) -> Result<Seen, String> {
    let message = Message::from_octets(bytes).map_err(|error| error.to_string())?;
    let header = message.header();
    let flag = |set: bool, name: &'static str| set.then_some(name);
    let flags = [
        flag(header.qr(), "qr"),
        flag(header.aa(), "aa"),
        flag(header.tc(), "tc"),
        flag(header.rd(), "rd"),
        flag(header.ra(), "ra"),
        flag(header.z(), "z"),
        flag(header.ad(), "ad"),
        flag(header.cd(), "cd"),
    ];
    let rcode = message.opt_rcode().to_int();
    let words = flags.into_iter().flatten().chain([""]).collect::<Vec<_>>().join(" ");
    let opcode = match Opcode(header.opcode().to_int()) {
        Opcode::QUERY => String::new(),
        opcode => format!("{opcode} "),
    };
    let mut questions = Vec::new();
    for question in message.question() {
        let question = question.map_err(|error| error.to_string())?;
        let (qtype, class) = (question.qtype().to_int(), question.qclass().to_int());
        let numbers = format!("{} {}", dns::Class(class), RecordType(qtype));
        questions.push((show(question.qname()), numbers));
    }
    Ok(Seen {
        id: header.id(),
        head: format!("{words}{opcode}{}", Rcode(rcode)),
        rcode,
        questions,
        records: read_records(&message).map_err(|error| error.to_string())?,
        opt: read_opt(&message),
    })
}

type Data<'a> = AllRecordData<&'a [u8], ParsedName<&'a [u8]>>;

fn read_records(message: &Message<&[u8]>) -> Records {
    let (_, answer, authority, additional) = message.sections()?;
    let sections = [("answer", answer), ("authority", authority), ("additional", additional)];
    let mut records = Vec::new();
    for (name, section) in sections {
        for record in section {
            let record = record?;
            if record.rtype() == Rtype::OPT {
                continue;
            }
            let record = record.to_any_record::<Data<'_>>()?;
            records.push(seen(name, &record));
        }
    }
    Ok(records)
}

fn seen(section: &'static str, record: &Record<ParsedName<&[u8]>, Data<'_>>) -> SeenRecord {
    let numbers = (record.rtype().to_int(), record.class().to_int(), record.ttl().as_secs());
    let mut whole = Vec::new();
    record.compose_record(&mut whole).unwrap();
    let owner = record.owner().to_vec().as_slice().to_vec();
    let data = whole.split_off(owner.len() + 10);
    let (record_type, class) = (RecordType(numbers.0), dns::Class(numbers.1));
    let owner_text = show(record.owner());
    let text = format!("{owner_text} {} {class} {record_type} {}", numbers.2, record.data());
    SeenRecord { section, owner, numbers, data, text }
}

fn read_opt(message: &Message<&[u8]>) -> Option<SeenOpt> {
    let opt = message.opt()?;
    let last = message.additional().ok()?.last()?.ok()?.rtype() == Rtype::OPT;
    let options = opt.opt();
    let ecs = options.client_subnet();
    let cookie = options.cookie().map(|cookie| {
        let server = cookie.server().map(|server| server.as_ref().to_vec());
        (cookie.client().into_octets().to_vec(), server.unwrap_or_default())
    });
    let error = options.extended_error().map(|error| {
        let text = error.text_slice().unwrap_or_default();
        (error.code().to_int(), String::from_utf8(text.to_vec()).unwrap())
    });
    let mut seen = SeenOpt {
        udp_size: opt.udp_payload_size(),
        version: opt.version(),
        dnssec_ok: opt.dnssec_ok(),
        client_subnet: ecs.map(|ecs| (ecs.addr(), ecs.source_prefix_len(), ecs.scope_prefix_len())),
        cookie,
        nsid: options.nsid().map(|nsid| nsid.as_slice().to_vec()),
        error,
        tcp_idle: options.tcp_keepalive().map(|keepalive| keepalive.timeout().map(u16::from)),
        codes: Vec::new(),
        options: Vec::new(),
        last,
    };
    let unknown: Vec<_> = options.iter::<UnknownOptData<_>>().filter_map(Result::ok).collect();
    seen.codes = unknown.iter().map(|option| option.code().to_int()).collect();
    seen.options = unknown.iter().map(|option| seen.show(option)).collect();
    Some(seen)
}

impl SeenOpt {
    /// An option as text, in the form that is known of its kind.
    fn show(&self, option: &UnknownOptData<&[u8]>) -> String {
        let code = OptionCode(option.code().to_int());
        let said = match code {
            OptionCode::CLIENT_SUBNET => self
                .client_subnet
                .map(|(address, source, scope)| format!("{address}/{source} scope {scope}")),
            OptionCode::COOKIE => self
                .cookie
                .as_ref()
                .map(|(client, server)| format!("{} {}", hex(client), hex(server))),
            OptionCode::NSID => self.nsid.as_deref().map(|nsid| nsid.escape_ascii().to_string()),
            OptionCode::EXTENDED_ERROR => {
                self.error.as_ref().map(|(code, text)| format!("{code} {text:?}"))
            }
            OptionCode::TCP_KEEPALIVE => {
                self.tcp_idle.flatten().map(|tenths| format!("{}00 ms", tenths))
            }
            _ => None,
        };
        format!("{code} {}", said.unwrap_or_else(|| format!("{:02x?}", option.data())))
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name as text, the root as a dot.
fn show(name: &ParsedName<&[u8]>) -> String {
    let text = name.to_string();
    if text.is_empty() { ".".to_owned() } else { text }
}
