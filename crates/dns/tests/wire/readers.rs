//! Which packets are queries at all: we, `domain` and `hickory-proto` are given the same bent
//! packets. Where one takes what another refuses a ruling must say which standard decides; where
//! all take a packet they must read the same in it.

use std::collections::BTreeSet;
use std::path::Path;

use dns::{Drop, Fault, Why, parse};
use domain::base::iana::Rtype;
use domain::base::opt::UnknownOptData;
use domain::base::{Message, ToName as _};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};

use crate::fuzz_loop::{bend, seeds};

/// How often each seed is bent: 160,000 packets in all, in about a second without optimisation.
const ROUNDS: usize = 4_000;

/// What a reader found in a packet that it takes: identifier, then name in lower case, type and class
/// of the one question, then size, version and DO of the OPT record.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Meaning {
    id: u16,
    question: Option<(Vec<u8>, u16, u16)>,
    edns: Option<(u16, u8, bool)>,
}

type Read = Result<Meaning, String>;

/// Somebody else's reader.
type Reader = (&'static str, fn(&[u8]) -> Read);

const READERS: [Reader; 2] = [("domain", domain_reads), ("hickory", hickory_reads)];

/// A packet that we and another reader judge differently.
struct Case<'a> {
    packet: &'a [u8],
    read: fn(&[u8]) -> Read,
    /// Our fault, or that we take it.
    ours: Result<(), Fault<'a>>,
}

/// Why such a packet is judged as we judge it.
struct Ruling {
    /// The standard that decides.
    standard: &'static str,
    says: &'static str,
    holds: fn(&Case<'_>) -> bool,
}

const RULINGS: &[Ruling] = &[
    Ruling {
        standard: "RFC 1035, 4.1.1",
        says: "a response is no query; the others read both",
        holds: |case| case.ours == Err(Fault::Drop(Drop::Response)),
    },
    Ruling {
        standard: "RFC 1035, 4.1.1; RFC 6895, 2.2",
        says: "an opcode but QUERY is NOTIMP, whatever else stands in such a message",
        holds: |case| refused(case, |why| matches!(why, Why::Opcode(_))),
    },
    Ruling {
        standard: "RFC 1035, 4.1.4",
        says: "a pointer points at a prior occurrence of a name; before the question there is none",
        holds: |case| refused(case, |why| matches!(why, Why::QuestionName(_))),
    },
    Ruling {
        standard: "RFC 1035, 4.1",
        says: "a message is its header and what its counts announce: bytes behind them are none of it",
        holds: |case| refused(case, |why| matches!(why, Why::Trailing(_))),
    },
    Ruling {
        standard: "RFC 6891, 6.1.2",
        says: "an OPT record's owner is the root, written out",
        holds: |case| refused(case, |why| matches!(why, Why::OptOwner)),
    },
    Ruling {
        standard: "RFC 7871, 6 and 7.2.1; RFC 7873, 5.2.2; RFC 6891, 6.1.2",
        says: "a malformed client subnet, cookie or list of options is FORMERR",
        holds: |case| refused(case, |why| matches!(why, Why::Options(_))),
    },
    Ruling {
        standard: "RFC 9619, 4; RFC 7873, 5.4",
        says: "a query has one question, or none and a cookie",
        holds: |case| refused(case, |why| matches!(why, Why::Questions(_) | Why::CookieOnly)),
    },
    Ruling {
        standard: "RFC 6891, 6.1.3",
        says: "another version of EDNS is BADVERS; it can be read",
        holds: |case| refused(case, |why| matches!(why, Why::Version(_))),
    },
    Ruling {
        standard: "RFC 1035, 4.1.3; RFC 3597, 3",
        says: "a record's frame is enough to pass over it: all but OPT mean nothing in a query, so \
               neither their data nor where their owners' pointers lead is looked at",
        holds: |case| case.ours.is_ok() && (case.read)(&without_others(case.packet)).is_ok(),
    },
    Ruling {
        standard: "RFC 7873, 5.2",
        says: "of two options of one kind the first counts; so it is kept with client subnets",
        holds: |case| case.ours.is_ok() && client_subnets(case.packet) > 1,
    },
    Ruling {
        standard: "RFC 7871, 7.1.2",
        says: "a client subnet of length 0 withholds the client; its family is only a SHOULD",
        holds: |case| parse(case.packet).is_ok_and(|query| withholds(&query)),
    },
];

fn withholds(query: &dns::Query<'_>) -> bool {
    query.edns.and_then(|edns| edns.client_subnet) == Some(dns::ClientSubnet::Withheld)
}

/// The packet without its records but OPT.
fn without_others(packet: &[u8]) -> Vec<u8> {
    let (mut at, mut kept) = (12, packet[..12].to_vec());
    at = name_end(packet, at) + 4;
    kept.extend(&packet[12..at]);
    let mut opts = 0;
    while at < packet.len() {
        let head = name_end(packet, at);
        let number = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
        let end = head + 10 + number(head + 8);
        if number(head) == usize::from(Rtype::OPT.to_int()) {
            kept.extend(&packet[at..end]);
            opts += 1;
        }
        at = end;
    }
    kept[6..12].copy_from_slice(&[0, 0, 0, 0, 0, opts]);
    kept
}

/// Where a name ends, that is known to end.
fn name_end(packet: &[u8], mut at: usize) -> usize {
    loop {
        match packet[at] {
            0 => return at + 1,
            0xc0.. => return at + 2,
            length => at += 1 + usize::from(length),
        }
    }
}

fn client_subnets(packet: &[u8]) -> usize {
    let opt = Message::from_octets(packet).unwrap().opt();
    let options = opt.iter().flat_map(|opt| opt.opt().iter::<UnknownOptData<_>>());
    options.filter(|option| option.as_ref().is_ok_and(|option| option.code().to_int() == 8)).count()
}

/// We refuse for such a reason what they take.
fn refused(case: &Case<'_>, is: impl Fn(Why) -> bool) -> bool {
    matches!(&case.ours, Err(Fault::Refuse(refusal)) if is(refusal.why))
}

/// Every record's frame, and the options of the OPT record. It does not look into data.
fn domain_reads(packet: &[u8]) -> Read {
    let message = Message::from_octets(packet).map_err(|error| error.to_string())?;
    let parse = |error: domain::base::wire::ParseError| error.to_string();
    let mut questions = Vec::new();
    for question in message.question() {
        let question = question.map_err(parse)?;
        let name = question.qname().to_vec().as_slice().to_ascii_lowercase();
        questions.push((name, question.qtype().to_int(), question.qclass().to_int()));
    }
    let (_, answer, authority, additional) = message.sections().map_err(parse)?;
    let mut opts = 0;
    for (number, section) in [answer, authority, additional].into_iter().enumerate() {
        for record in section {
            let is_opt = record.map_err(parse)?.rtype() == Rtype::OPT;
            opts += usize::from(is_opt);
            if is_opt && (number < 2 || opts > 1) {
                return Err("an OPT record too many".to_owned());
            }
        }
    }
    let opt = message.opt();
    if opts > 0 && opt.is_none() {
        return Err("an OPT record that cannot be read".to_owned());
    }
    for option in opt.iter().flat_map(|opt| opt.opt().iter::<UnknownOptData<_>>()) {
        option.map_err(parse)?;
    }
    let edns = opt.map(|opt| (opt.udp_payload_size().max(512), opt.version(), opt.dnssec_ok()));
    Ok(Meaning { id: message.header().id(), question: only(questions), edns })
}

/// Everything, the data of known types among it.
fn hickory_reads(packet: &[u8]) -> Read {
    let mut decoder = BinDecoder::new(packet);
    let message = hickory_proto::op::Message::read(&mut decoder);
    let message = message.map_err(|error| format!("{error:?}: {error}"))?;
    if !decoder.is_empty() {
        return Err("bytes behind the last record".to_owned());
    }
    let questions = message.queries.iter().map(|query| {
        let mut name = Vec::new();
        for label in query.name.iter() {
            name.push(u8::try_from(label.len()).unwrap());
            name.extend(label.to_ascii_lowercase());
        }
        name.push(0);
        (name, u16::from(query.query_type), u16::from(query.query_class))
    });
    let edns = message.edns.as_ref();
    let edns = edns.map(|edns| (edns.max_payload(), edns.version(), edns.flags().dnssec_ok));
    Ok(Meaning { id: message.metadata.id, question: only(questions.collect()), edns })
}

fn only<T>(mut list: Vec<T>) -> Option<T> {
    list.pop().filter(|_| list.is_empty())
}

/// The same in our terms.
fn meaning_of(query: &dns::Query<'_>) -> Meaning {
    let question = query.question;
    let name = question.name.as_bytes().to_ascii_lowercase();
    Meaning {
        id: query.header.id,
        question: Some((name, question.qtype.0, question.qclass.0)),
        edns: query.edns.map(|edns| (edns.udp_size, edns.version, edns.dnssec_ok)),
    }
}

/// Compares one packet; keeps which rulings it needed.
fn compare(packet: &[u8], needed: &mut BTreeSet<&'static str>) {
    let ours = parse(packet);
    for (reader, read) in READERS {
        let theirs = read(packet);
        if let (Ok(query), Ok(theirs)) = (&ours, &theirs) {
            assert_eq!(meaning_of(query), *theirs, "{reader} reads {packet:02x?}");
            continue;
        }
        if ours.is_err() && theirs.is_err() {
            continue;
        }
        let case = Case { packet, read, ours: ours.map(|_| ()) };
        let Some(ruling) = RULINGS.iter().find(|ruling| (ruling.holds)(&case)) else {
            panic!("{reader}: we {:?}, they {theirs:?}: {packet:02x?}", case.ours);
        };
        needed.insert(ruling.standard);
    }
}

/// The questions that the fuzzer of the query path begins with, two in a packet and none among them.
fn questions() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/resolve");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn readers_agree_or_a_standard_decides() {
    let mut random = testkit::Random::new(0x2545_f491_4f6c_dd1d);
    let mut needed = BTreeSet::new();
    for seed in seeds().into_iter().chain(questions()) {
        compare(&seed, &mut needed);
        for _ in 0..ROUNDS {
            let mut packet = seed.clone();
            bend(&mut random, &mut packet);
            compare(&packet, &mut needed);
        }
    }
    for ruling in RULINGS {
        let is_needed = needed.contains(ruling.standard);
        assert!(is_needed, "nothing needs the ruling of {}: {}", ruling.standard, ruling.says);
    }
}
