//! Questions as bytes and answers as words, by the library `domain`: nothing here is written or
//! read by the code under test.

use std::net::IpAddr;

use domain::base::iana::{Class, OptionCode, Rtype};
use domain::base::message_builder::OptBuilder;
use domain::base::opt::{ClientSubnet, UnknownOptData};
use domain::base::{Message, MessageBuilder, Name, ParsedName, Record};
use domain::rdata::AllRecordData;
use model::Subnet;

/// A question.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) qtype: u16,
    pub(crate) qclass: u16,
    /// The sixteen bits behind the identifier.
    pub(crate) flags: u16,
    pub(crate) edns: Option<Edns>,
}

/// What stands in its OPT record.
#[derive(Clone, Debug)]
pub(crate) struct Edns {
    pub(crate) udp_size: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    pub(crate) compact_ok: bool,
    pub(crate) ecs: Option<Subnet>,
    /// Codes and values of hand-made options.
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

/// The identifier of every question.
const ID: u16 = 0x1234;

impl Question {
    pub(crate) fn new(name: &str, qtype: dns::RecordType) -> Self {
        Self { name: name.to_owned(), qtype: qtype.0, qclass: 1, flags: 0, edns: None }
    }

    /// The same with a client network.
    pub(crate) fn of_network(mut self, network: &str) -> Self {
        let ecs = Some(network.parse().unwrap());
        self.edns = Some(Edns { ecs, ..Edns::NONE });
        self
    }

    /// The packet.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut question = MessageBuilder::new_vec().question();
        let (qtype, qclass) = (Rtype::from_int(self.qtype), Class::from_int(self.qclass));
        // A dash is no question.
        if self.name != "-" {
            let name: Name<Vec<u8>> = self.name.parse().unwrap();
            question.push((&name, qtype, qclass)).unwrap();
        }
        let mut additional = question.additional();
        let opt_at = additional.as_slice().len();
        if let Some(edns) = &self.edns {
            additional.opt(|opt| edns.fill(opt)).unwrap();
        }
        let mut bytes = additional.finish();
        bytes[0..2].copy_from_slice(&ID.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.flags.to_be_bytes());
        // The library does not know the flag: it stands beside DO (RFC 9824, 5.1).
        if self.edns.as_ref().is_some_and(|edns| edns.compact_ok) {
            bytes[opt_at + 7] |= 0x40;
        }
        bytes
    }
}

impl Edns {
    /// Nothing but a size.
    pub(crate) const NONE: Self = Self {
        udp_size: 1232,
        version: 0,
        dnssec_ok: false,
        compact_ok: false,
        ecs: None,
        options: Vec::new(),
    };

    fn fill<T: domain::base::wire::Composer>(
        &self,
        opt: &mut OptBuilder<'_, T>,
    ) -> Result<(), T::AppendError> {
        opt.set_udp_payload_size(self.udp_size);
        opt.set_version(self.version);
        opt.set_dnssec_ok(self.dnssec_ok);
        if let Some(network) = self.ecs {
            opt.push(&ClientSubnet::new(network.length(), 0, network.address()))?;
        }
        for (code, value) in &self.options {
            opt.push(&UnknownOptData::new(OptionCode::from_int(*code), value).unwrap())?;
        }
        Ok(())
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Response code and flags.
    pub(crate) head: String,
    /// The question as it came back.
    pub(crate) question: String,
    /// Section and record of each.
    pub(crate) records: Vec<(&'static str, String)>,
    /// What the answer section's A and AAAA records say.
    pub(crate) addresses: Vec<IpAddr>,
    /// The client subnet option's network and scope.
    pub(crate) ecs: Option<(String, u8)>,
    /// The other options of the OPT record.
    pub(crate) options: Vec<String>,
    /// The cookie.
    pub(crate) cookie: Vec<u8>,
    /// The EDNS size, where there is an OPT record.
    pub(crate) edns: Option<u16>,
    /// Whether compact denials are understood.
    pub(crate) compact_ok: bool,
    pub(crate) bytes: usize,
}

type Data<'a> = AllRecordData<&'a [u8], ParsedName<&'a [u8]>>;

/// Reads an answer to a question made here.
pub(crate) fn read(bytes: &[u8]) -> Answer {
    let message = Message::from_octets(bytes).unwrap();
    let header = message.header();
    assert_eq!((header.id(), header.qr(), header.ra()), (ID, true, false), "the head's fixed part");
    let flag = |set: bool, name: &'static str| set.then_some(name);
    let flags = [flag(header.aa(), "aa"), flag(header.tc(), "tc"), flag(header.rd(), "rd")];
    let rcode = dns::Rcode(message.opt_rcode().to_int()).to_string();
    let words = [rcode.as_str()].into_iter().chain(flags.into_iter().flatten());
    let question = message.question().map(|question| {
        let question = question.unwrap();
        let (qtype, class) = (question.qtype().to_int(), question.qclass().to_int());
        format!("{} {} {}", question.qname(), dns::Class(class), dns::RecordType(qtype))
    });
    let (_, answer, authority, additional) = message.sections().unwrap();
    let sections = [("answer", answer), ("authority", authority), ("additional", additional)];
    let (mut records, mut addresses) = (Vec::new(), Vec::new());
    let mut compact_ok = false;
    for (section, of) in sections {
        for record in of {
            let record = record.unwrap();
            if record.rtype() == Rtype::OPT {
                compact_ok = record.ttl().as_secs() & 0x4000 > 0;
                continue;
            }
            let record = record.to_any_record::<Data<'_>>().unwrap();
            match (section, record.data()) {
                ("answer", AllRecordData::A(a)) => addresses.push(a.addr().into()),
                ("answer", AllRecordData::Aaaa(aaaa)) => addresses.push(aaaa.addr().into()),
                _ => {}
            }
            records.push((section, show(&record)));
        }
    }
    let opt = message.opt();
    let ecs = opt
        .as_ref()
        .and_then(|opt| opt.opt().client_subnet())
        .map(|ecs| (format!("{}/{}", ecs.addr(), ecs.source_prefix_len()), ecs.scope_prefix_len()));
    let mut cookie = Vec::new();
    let all = opt.as_ref().map(|opt| opt.opt().iter::<UnknownOptData<_>>());
    let options = all.into_iter().flatten().filter_map(|option| {
        let option = option.unwrap();
        let (code, value) = (option.code().to_int(), option.data());
        if code == 10 {
            cookie = value.to_vec();
        }
        show_option(code, value)
    });
    let options = options.collect();
    Answer {
        options,
        cookie,
        head: words.collect::<Vec<_>>().join(" "),
        question: question.collect::<Vec<_>>().join(", "),
        records,
        addresses,
        ecs,
        edns: opt.map(|opt| opt.udp_payload_size()),
        compact_ok,
        bytes: bytes.len(),
    }
}

/// An option but the client subnet, which is shown with the size.
fn show_option(code: u16, value: &[u8]) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match (code, value) {
        (3, value) => Some(format!("nsid {}", text(value))),
        (8, _) => None,
        (10, value) => {
            let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
            Some(format!("answers cookie {hex}"))
        }
        (11, [t0, t1]) => Some(format!("idle {} tenths", u16::from_be_bytes([*t0, *t1]))),
        (15, [c0, c1, rest @ ..]) => {
            let line = format!("error {} {}", u16::from_be_bytes([*c0, *c1]), text(rest));
            Some(line.trim_end().to_owned())
        }
        (code, value) => panic!("option {code}: {value:?}"),
    }
}

/// Bytes as two digits each.
pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn show(record: &Record<ParsedName<&[u8]>, Data<'_>>) -> String {
    let record_type = dns::RecordType(record.rtype().to_int());
    let ttl_s = record.ttl().as_secs();
    format!("{} {ttl_s} {record_type} {}", record.owner(), record.data())
}
