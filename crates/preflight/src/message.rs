//! What came back, taken apart. Bytes of strangers: any are taken or refused, none panic.

use std::collections::BTreeSet;
use std::net::IpAddr;

use domain::base::iana::Class;
use domain::base::opt::ClientSubnet;
use domain::base::rdata::ComposeRecordData as _;
use domain::base::record::ParsedRecord;
use domain::base::wire::ParseError;
use domain::base::{Message as Octets, ToName};
use domain::rdata::AllRecordData;

use crate::question::{Question, Transport};
use crate::{Name, RecordType};

/// A response. As long as its bytes: at most 65,535 (RFC 1035, 4.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The code, with the upper bits of the OPT record.
    pub rcode: u16,
    /// It comes from an authority (AA).
    pub is_authoritative: bool,
    /// It did not fit (TC).
    pub is_truncated: bool,
    /// Its OPT record.
    pub opt: Option<Opt>,
    /// The answer.
    pub answer: Vec<Record>,
    /// SOA or a referral.
    pub authority: Vec<Record>,
    /// Glue.
    pub additional: Vec<Record>,
    /// How many bytes it had.
    pub bytes: usize,
}

/// What a server says of itself in an OPT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt {
    /// The highest version it knows.
    pub version: u8,
    /// For how wide a network the answer holds, in bits; `None` where it says nothing about clients.
    pub scope: Option<u8>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose.
    pub owner: Name,
    /// Of which type.
    pub kind: RecordType,
    /// How long it may be kept, in seconds.
    pub ttl_s: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says, as far as a check wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A, AAAA.
    Address(IpAddr),
    /// NS.
    Nameserver(Name),
    /// CNAME.
    Alias(Name),
    /// SOA.
    Serial(u32),
    /// DS (RFC 4034, 5).
    Ds(Ds),
    /// DNSKEY (RFC 4034, 2).
    Key(Key),
    /// RRSIG (RFC 4034, 3).
    Signature(Signature),
    /// NSEC (RFC 4034, 4).
    Denial {
        /// Whether it says that its owner is delegated: it has NS, and no SOA, which the zone below has.
        is_delegated: bool,
    },
    /// Any other.
    Other,
}

/// What a parent says of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ds {
    /// Its tag.
    pub tag: u16,
    /// Its algorithm's number.
    pub algorithm: u8,
    /// The number of the digest's algorithm.
    pub digest_type: u8,
    /// The digest.
    pub digest: Vec<u8>,
}

/// A key of a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its tag.
    pub tag: u16,
    /// Its algorithm's number.
    pub algorithm: u8,
    /// All of its data, of which digests are made.
    pub rdata: Vec<u8>,
}

/// A signature of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The type of the set.
    pub covered: RecordType,
    /// Its algorithm's number.
    pub algorithm: u8,
    /// The TTL that the set was signed with, in seconds.
    pub original_ttl_s: u32,
    /// Until when it holds, in seconds since the epoch modulo 2^32.
    pub expiration_s: u32,
    /// From when.
    pub inception_s: u32,
    /// The tag of its key.
    pub tag: u16,
    /// All of its data but the signature itself, in canonical form: it is signed too.
    pub terms: Vec<u8>,
    /// The signature itself.
    pub bytes: Vec<u8>,
}

/// Why bytes are no answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// They are an answer to another question, or a forged one: the right one may still come.
    Foreign,
    /// They break the format.
    Malformed(String),
}

impl Message {
    /// Reads the answer to `question` that was sent as `id`.
    ///
    /// # Errors
    ///
    /// It is not that.
    pub fn read(bytes: &[u8], question: &Question, id: u16) -> Result<Self, NoAnswer> {
        let message = Octets::from_octets(bytes).map_err(|_| NoAnswer::Foreign)?;
        if message.header().id() != id || !message.header().qr() {
            return Err(NoAnswer::Foreign);
        }
        let malformed = |error: ParseError| NoAnswer::Malformed(error.to_string());
        // An error may come without the question (RFC 1035 leaves it open; FORMERR does).
        if let Some(asked) = message.question().next() {
            let asked = asked.map_err(malformed)?;
            let is_ours = asked.qname().name_eq(&question.name) && asked.qtype() == question.kind;
            if !is_ours {
                return Err(NoAnswer::Foreign);
            }
        }
        let opt = message.opt().map(|opt| Opt {
            version: opt.version(),
            scope: opt
                .opt()
                .iter::<ClientSubnet>()
                .find_map(Result::ok)
                .map(|c| c.scope_prefix_len()),
        });
        let records = |section: Result<_, ParseError>| records(section.map_err(malformed)?);
        let read = Self {
            rcode: message.opt_rcode().to_int(),
            is_authoritative: message.header().aa(),
            is_truncated: message.header().tc(),
            opt,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            bytes: bytes.len(),
        };
        // Of what did not fit, the rest may be cut anywhere; it is asked for again by TCP.
        if read.is_truncated && question.transport == Transport::Udp {
            return Ok(read);
        }
        Ok(Self {
            answer: records(message.answer())?,
            authority: records(message.authority())?,
            additional: records(message.additional())?,
            ..read
        })
    }

    /// The serial of a zone's SOA in the answer.
    pub(crate) fn serial(&self, zone: &Name) -> Option<u32> {
        self.answer.iter().filter(|record| record.owner == *zone).find_map(|record| {
            match record.data {
                Data::Serial(serial) => Some(serial),
                _ => None,
            }
        })
    }

    /// The addresses of a name in the answer.
    pub(crate) fn addresses(&self, name: &Name) -> BTreeSet<IpAddr> {
        addresses(&self.answer, name)
    }
}

/// The addresses of a name among records.
pub(crate) fn addresses(records: &[Record], name: &Name) -> BTreeSet<IpAddr> {
    let own = records.iter().filter(|record| record.owner == *name);
    own.filter_map(|record| match record.data {
        Data::Address(address) => Some(address),
        _ => None,
    })
    .collect()
}

/// The nameservers of a name among records.
pub(crate) fn nameservers(records: &[Record], name: &Name) -> BTreeSet<Name> {
    let own = records.iter().filter(|record| record.owner == *name);
    own.filter_map(|record| match &record.data {
        Data::Nameserver(server) => Some(server.clone()),
        _ => None,
    })
    .collect()
}

fn records(
    section: domain::base::message::RecordSection<'_, &[u8]>,
) -> Result<Vec<Record>, NoAnswer> {
    let malformed = |error: ParseError| NoAnswer::Malformed(error.to_string());
    let mut records = Vec::new();
    for record in section {
        let record = record.map_err(malformed)?;
        if record.rtype() != RecordType::OPT && record.class() == Class::IN {
            records.push(taken(&record).map_err(malformed)?);
        }
    }
    Ok(records)
}

fn taken(record: &ParsedRecord<'_, &[u8]>) -> Result<Record, ParseError> {
    let typed = record.to_any_record::<AllRecordData<_, _>>()?;
    let data = match typed.data() {
        AllRecordData::A(a) => Data::Address(a.addr().into()),
        AllRecordData::Aaaa(aaaa) => Data::Address(aaaa.addr().into()),
        AllRecordData::Ns(ns) => Data::Nameserver(ns.nsdname().to_name()),
        AllRecordData::Cname(cname) => Data::Alias(cname.cname().to_name()),
        AllRecordData::Soa(soa) => Data::Serial(soa.serial().into_int()),
        AllRecordData::Ds(ds) => Data::Ds(Ds {
            tag: ds.key_tag(),
            algorithm: ds.algorithm().to_int(),
            digest_type: ds.digest_type().to_int(),
            digest: ds.digest().as_ref().to_vec(),
        }),
        AllRecordData::Dnskey(key) => {
            let mut rdata = Vec::new();
            // A vector takes all bytes.
            let _ = key.compose_rdata(&mut rdata);
            Data::Key(Key { tag: key.key_tag(), algorithm: key.algorithm().to_int(), rdata })
        }
        AllRecordData::Rrsig(rrsig) => {
            let (mut terms, bytes) = (Vec::new(), rrsig.signature().to_vec());
            // A vector takes all bytes; the signature is the last of them.
            let _ = rrsig.compose_canonical_rdata(&mut terms);
            terms.truncate(terms.len().saturating_sub(bytes.len()));
            Data::Signature(Signature {
                covered: rrsig.type_covered(),
                algorithm: rrsig.algorithm().to_int(),
                original_ttl_s: rrsig.original_ttl().as_secs(),
                expiration_s: rrsig.expiration().into_int(),
                inception_s: rrsig.inception().into_int(),
                tag: rrsig.key_tag(),
                terms,
                bytes,
            })
        }
        AllRecordData::Nsec(nsec) => {
            let has = |kind| nsec.types().contains(kind);
            Data::Denial { is_delegated: has(RecordType::NS) && !has(RecordType::SOA) }
        }
        _ => Data::Other,
    };
    let owner = record.owner().to_name();
    Ok(Record { owner, kind: record.rtype(), ttl_s: record.ttl().as_secs(), data })
}
