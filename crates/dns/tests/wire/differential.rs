//! The comparison with `domain`: random queries that it writes are read alike, random answers that
//! we write are read alike there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dns::{
    Answer, ClientSubnet, Cookie, Edns, ExtendedCode, ExtendedError, Extras, Head, Limit, Name,
    NameBuf, Query, Rcode, Rdata, RecordType, Section, Soa, parse,
};
use proptest::prelude::*;

use crate::oracle::{self, Ask, AskEdns, SeenOpt};

/// Few cases, for the suite's sake; the fuzz loop goes wide.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A name of any bytes, as it stands on the wire.
fn any_name() -> impl Strategy<Value = Vec<u8>> {
    let label = prop_oneof![
        4 => "[a-zA-Z0-9_-]{1,12}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 1..=63),
    ];
    prop::collection::vec(label, 0..=8).prop_map(|labels| {
        let mut wire = Vec::new();
        for label in labels {
            if wire.len() + label.len() < 254 {
                wire.push(u8::try_from(label.len()).unwrap());
                wire.extend(label);
            }
        }
        wire.push(0);
        wire
    })
}

/// A network of any length of either family.
fn any_network() -> impl Strategy<Value = (u8, IpAddr)> {
    prop_oneof![
        (0..=32_u8, any::<[u8; 4]>())
            .prop_map(|(bits, octets)| (bits, Ipv4Addr::from(octets).into())),
        (0..=128_u8, any::<[u8; 16]>())
            .prop_map(|(bits, octets)| (bits, Ipv6Addr::from(octets).into())),
    ]
}

/// An option but a client subnet, which is written from a network: cookies of any length that one
/// has, requests for the server's identifier and the idle time, and unknown ones.
fn any_option() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let bytes = |length| prop::collection::vec(any::<u8>(), length);
    prop_oneof![
        bytes(8..=8).prop_map(|cookie| (10, cookie)),
        bytes(16..=40).prop_map(|cookie| (10, cookie)),
        bytes(0..=2).prop_map(|value| (3, value)),
        Just((11, Vec::new())),
        (any::<u16>(), bytes(0..=40)).prop_map(|(code, value)| (code | 16, value)),
    ]
}

fn any_edns() -> impl Strategy<Value = AskEdns> {
    let options = prop::collection::vec(any_option(), 0..5);
    (any::<u16>(), any::<bool>(), prop::option::of(any_network()), options).prop_map(
        |(udp_size, dnssec_ok, client_subnet, options)| AskEdns {
            udp_size,
            version: 0,
            dnssec_ok,
            client_subnet,
            options,
        },
    )
}

/// A well-formed query of any content.
fn any_ask() -> impl Strategy<Value = Ask> {
    let numbers = (any::<u16>(), any::<u16>(), any::<u16>(), any::<u16>());
    (numbers, any_name(), 0..3_usize, prop::option::of(any_edns())).prop_map(
        |((id, flags, qtype, qclass), name, others, edns)| Ask {
            id,
            // No response, opcode QUERY.
            flags: flags & 0x07ff,
            name,
            qtype,
            qclass,
            others,
            edns,
        },
    )
}

/// The client's network as we read it, in the oracle's terms.
fn network_of(edns: &Edns<'_>) -> Option<(IpAddr, u8)> {
    match edns.client_subnet? {
        ClientSubnet::Network(network) => Some((network.address(), network.length())),
        ClientSubnet::Withheld => None,
    }
}

/// The cookie as we read it, in the oracle's terms: nothing for no server cookie.
fn cookie_of(edns: &Edns<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let cookie = edns.cookie?;
    Some((cookie.client.to_vec(), cookie.server.unwrap_or_default().to_vec()))
}

fn assert_reads_alike(query: &Query<'_>, packet: &[u8]) {
    let seen = oracle::read_query(packet).unwrap();
    assert_eq!(seen.id, query.header.id);
    assert_eq!(seen.questions.len(), 1);
    let numbers = format!("{} {}", query.question.qclass, query.question.qtype);
    assert_eq!(seen.questions[0].1, numbers);
    let edns = query.edns.as_ref();
    assert_eq!(seen.opt.is_some(), edns.is_some());
    if let (Some(opt), Some(edns)) = (seen.opt, edns) {
        assert_eq!((opt.udp_size.max(512), opt.version), (edns.udp_size, edns.version));
        assert_eq!(opt.dnssec_ok, edns.dnssec_ok);
        assert_eq!(opt.client_subnet.map(|(ip, source, _)| (ip, source)), network_of(edns));
        assert_eq!(opt.cookie, cookie_of(edns));
        let asks = |code| opt.codes.contains(&code);
        assert_eq!((asks(3), asks(11)), (edns.nsid, edns.tcp_keepalive));
    }
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn what_domain_writes_we_read(ask in any_ask()) {
        let packet = ask.to_bytes();
        let query = parse(&packet).unwrap();
        prop_assert_eq!(query.header.id, ask.id);
        prop_assert_eq!(query.header.flags.0, ask.flags);
        prop_assert_eq!(query.question.name.as_bytes(), &ask.name[..]);
        prop_assert_eq!((query.question.qtype.0, query.question.qclass.0), (ask.qtype, ask.qclass));
        prop_assert_eq!(query.edns.is_some(), ask.edns.is_some());
        if let (Some(edns), Some(asked)) = (query.edns, &ask.edns) {
            let network = asked.client_subnet.map(|(bits, address)| model::Subnet::of(address, bits));
            let read = network_of(&edns).map(|(ip, bits)| model::Subnet::new(ip, bits).unwrap());
            prop_assert_eq!(read, network);
            let asks = |option| asked.options.iter().find(|(code, _)| *code == option);
            let cookie = asks(10).map(|(_, value)| (value[..8].to_vec(), value[8..].to_vec()));
            prop_assert_eq!(cookie_of(&edns), cookie);
            prop_assert_eq!((edns.nsid, edns.tcp_keepalive), (asks(3).is_some(), asks(11).is_some()));
        }
        assert_reads_alike(&query, &packet);
    }

    /// What we take, `domain` takes with the same meaning, whatever was done to the bytes.
    #[test]
    fn what_we_take_domain_reads_alike(
        ask in any_ask(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut packet = ask.to_bytes();
        for (place, byte) in places {
            let at = place.index(packet.len());
            packet[at] = byte;
        }
        if let Ok(query) = parse(&packet) {
            assert_reads_alike(&query, &packet);
        }
    }
}

/// A set of records, its names not yet borrowed.
#[derive(Clone, Debug)]
struct Set {
    section: usize,
    owner: usize,
    ttl_s: u32,
    records: Vec<Record>,
}

/// A record's data; names are places in a list.
#[derive(Clone, Debug)]
enum Record {
    A([u8; 4]),
    Aaaa([u8; 16]),
    Ns(usize),
    Cname(usize),
    Soa(usize, usize, u32),
    Txt(Vec<u8>),
    Other(Vec<u8>),
}

fn any_set() -> impl Strategy<Value = Set> {
    let record = prop_oneof![
        any::<[u8; 4]>().prop_map(Record::A),
        any::<[u8; 16]>().prop_map(Record::Aaaa),
        any::<usize>().prop_map(Record::Ns),
        any::<usize>().prop_map(Record::Cname),
        (any::<usize>(), any::<usize>(), any::<u32>()).prop_map(|(a, b, n)| Record::Soa(a, b, n)),
        prop::collection::vec(any::<u8>(), 0..600).prop_map(Record::Txt),
        prop::collection::vec(any::<u8>(), 0..60).prop_map(Record::Other),
    ];
    (0..3_usize, any::<usize>(), any::<u32>(), prop::collection::vec(record, 1..4))
        .prop_map(|(section, owner, ttl_s, records)| Set { section, owner, ttl_s, records })
}

/// The names an answer speaks of: the question's, those above it and below it, and others, in
/// changing case.
fn names_for(question: Name<'_>, others: &[Vec<u8>]) -> Vec<NameBuf> {
    let mut names: Vec<NameBuf> = question.suffixes().map(Name::to_buf).collect();
    names.extend(question.suffixes().filter_map(Name::wildcard));
    names.extend(names.clone().iter().map(|name| name.as_name().key().as_name().to_buf()));
    names.extend(others.iter().map(|wire| Name::split_from(wire).unwrap().0.to_buf()));
    names
}

impl Record {
    fn rdata<'a>(&'a self, names: &'a [NameBuf]) -> Rdata<'a> {
        let name = |place: usize| names[place % names.len()].as_name();
        match self {
            Self::A(octets) => Rdata::A((*octets).into()),
            Self::Aaaa(octets) => Rdata::Aaaa((*octets).into()),
            Self::Ns(place) => Rdata::Ns(name(*place)),
            Self::Cname(place) => Rdata::Cname(name(*place)),
            Self::Soa(primary, mailbox, serial) => Rdata::Soa(Soa {
                primary: name(*primary),
                mailbox: name(*mailbox),
                serial: *serial,
                refresh_s: 1,
                retry_s: 2,
                expire_s: 3,
                minimum_s: 4,
            }),
            Self::Txt(text) => Rdata::Txt(text),
            Self::Other(bytes) => Rdata::Other { record_type: RecordType(65_280), bytes },
        }
    }
}

/// A record's data as it stands on the wire with its names written out.
fn bytes_of(rdata: &Rdata<'_>) -> Vec<u8> {
    match rdata {
        Rdata::A(address) => address.octets().to_vec(),
        Rdata::Aaaa(address) => address.octets().to_vec(),
        Rdata::Ns(name) | Rdata::Cname(name) => name.as_bytes().to_vec(),
        Rdata::Soa(soa) => {
            let numbers = [soa.serial, soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s];
            let numbers = numbers.map(u32::to_be_bytes).concat();
            [soa.primary.as_bytes(), soa.mailbox.as_bytes(), &numbers].concat()
        }
        Rdata::Txt([]) => vec![0],
        Rdata::Txt(text) => {
            let strings = text.chunks(255);
            strings.flat_map(|part| [&[u8::try_from(part.len()).unwrap()], part].concat()).collect()
        }
        Rdata::Other { bytes, .. } => bytes.to_vec(),
    }
}

/// Everything but the case of names: a pointer takes the case of what it points at.
type Said = (&'static str, Vec<u8>, (u16, u16, u32), Vec<u8>);

const SECTIONS: [(Section, &str); 3] = [
    (Section::Answer, "answer"),
    (Section::Authority, "authority"),
    (Section::Additional, "additional"),
];

/// What an answer may carry, borrowed from the bytes of an identifier.
type Carried = ([u8; 24], Vec<u8>, u32, Option<(u16, usize)>);

/// The texts of extended errors are the program's own.
const TEXTS: [&str; 3] = ["", "not one of our zones", "long enough to be left out of full answers"];

fn any_carried() -> impl Strategy<Value = Carried> {
    let nsid = prop::collection::vec(any::<u8>(), 0..200);
    let error = prop::option::of((any::<u16>(), 0..TEXTS.len()));
    (any::<[u8; 24]>(), nsid, any::<u32>(), error)
}

fn extras_of((cookie, nsid, idle_ms, error): &Carried) -> Extras<'_> {
    let error =
        error.map(|(code, text)| ExtendedError { code: ExtendedCode(code), text: TEXTS[text] });
    let cookie = Some(Cookie(*cookie));
    Extras { cookie, nsid: Some(nsid), tcp_idle_ms: Some(*idle_ms), error }
}

/// What is asked for is said as it was given. Of an extended error, which is given to anybody, as
/// much is left out as has no room in `free` bytes.
fn assert_carried(seen: &SeenOpt, edns: &Edns<'_>, extras: &Extras<'_>, tcp: bool, free: usize) {
    let cookie = extras.cookie.filter(|_| edns.cookie.is_some());
    let cookie = cookie.map(|Cookie(cookie)| (cookie[..8].to_vec(), cookie[8..].to_vec()));
    assert_eq!(seen.cookie, cookie);
    let nsid = extras.nsid.filter(|_| edns.nsid).map(|nsid| nsid[..nsid.len().min(128)].to_vec());
    assert_eq!(seen.nsid, nsid);
    let idle = extras.tcp_idle_ms.filter(|_| edns.tcp_keepalive && tcp);
    let tenths = idle.map(|idle_ms| u16::try_from(idle_ms / 100).unwrap_or(u16::MAX));
    assert_eq!(seen.tcp_idle, tenths.map(Some));
    match (&seen.error, extras.error) {
        (None, None) => (),
        (None, Some(_)) => assert!(free < 6),
        (Some((code, text)), Some(error)) => {
            assert_eq!(*code, error.code.0);
            assert!(text == error.text || (text.is_empty() && free < error.text.len()));
        }
        (Some(seen), None) => panic!("{seen:?} was never said"),
    }
}

/// Adds the sets and returns what of them must be in the message.
fn add_all(answer: &mut Answer<'_>, sets: &[Set], names: &[NameBuf], class: u16) -> Vec<Said> {
    let mut said = Vec::new();
    for set in sets {
        let (section, word) = SECTIONS[set.section];
        let owner = names[set.owner % names.len()].as_name();
        let records: Vec<_> = set.records.iter().map(|record| record.rdata(names)).collect();
        let was_cut = answer.is_truncated();
        let added = answer.add(section, owner, set.ttl_s, records.iter().copied());
        assert!(added || answer.is_truncated() || section == Section::Additional);
        assert!(!(added && was_cut));
        if added {
            said.extend(records.iter().map(|rdata| {
                let numbers = (rdata.record_type().0, class, set.ttl_s.min(0x7fff_ffff));
                let owner = owner.as_bytes().to_ascii_lowercase();
                (word, owner, numbers, bytes_of(rdata).to_ascii_lowercase())
            }));
        }
    }
    said
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn what_we_write_domain_reads(
        ask in any_ask(),
        sets in prop::collection::vec(any_set(), 0..8),
        others in prop::collection::vec(any_name(), 1..4),
        (rcode, authoritative, scope) in (0..0xfff_u16, any::<bool>(), any::<u8>()),
        (tcp, carried) in (any::<bool>(), any_carried()),
    ) {
        let packet = ask.to_bytes();
        let query = parse(&packet).unwrap();
        let names = names_for(query.question.name, &others);
        let mut sets = sets;
        sets.sort_by_key(|set| set.section);
        let edns = query.edns.as_ref();
        let limit = if tcp { Limit::tcp(1232) } else { Limit::udp(edns, 1232) };
        let head = Head { rcode: Rcode(rcode), authoritative, scope };
        let mut buffer = vec![0xff; 65_535];
        let mut answer = Answer::to_query(&query, head, limit, &mut buffer);
        let extras = extras_of(&carried);
        answer.carry(&extras);
        let class = if ask.qclass == 255 { 1 } else { ask.qclass };
        let said = add_all(&mut answer, &sets, &names, class);
        let cut = answer.is_truncated();
        let bytes = answer.finish();

        prop_assert!(bytes.len() <= limit.bytes());
        let seen = oracle::read(bytes).unwrap();
        prop_assert_eq!(seen.id, ask.id);
        let has = |word: &str| seen.head.split(' ').any(|flag| flag == word);
        let flags = [has("qr"), has("aa"), has("tc"), has("rd"), has("ra"), has("ad"), has("cd")];
        let recursion_desired = ask.flags & 0x0100 != 0;
        let expect = [true, authoritative, cut, recursion_desired, false, false, false];
        prop_assert_eq!(flags, expect, "{}", seen.head);
        let sayable = if edns.is_none() && rcode > 15 { 2 } else { rcode };
        prop_assert_eq!(seen.rcode, sayable);
        // The question is the asker's, byte for byte.
        let question_end = 12 + ask.name.len() + 4;
        prop_assert_eq!(&bytes[12..question_end], &packet[12..question_end]);
        let read: Vec<Said> = seen.records.iter().map(|record| {
            let (owner, data) = (record.owner.to_ascii_lowercase(), record.data.to_ascii_lowercase());
            (record.section, owner, record.numbers, data)
        }).collect();
        prop_assert_eq!(read, said);
        prop_assert_eq!(seen.opt.is_some(), edns.is_some());
        if let (Some(opt), Some(edns)) = (seen.opt, edns) {
            prop_assert!(opt.last);
            assert_carried(&opt, edns, &extras, tcp, limit.bytes() - bytes.len());
            prop_assert_eq!((opt.udp_size, opt.version), (1232, 0));
            prop_assert_eq!(opt.dnssec_ok, edns.dnssec_ok);
            let network = network_of(edns).map(|(address, source)| {
                let bits = if address.is_ipv4() { 32 } else { 128 };
                (address, source, if source == 0 { 0 } else { scope.min(bits) })
            });
            prop_assert_eq!(opt.client_subnet, network);
        }
    }
}

/// A pointer has fourteen bits (RFC 1035, 4.1.4): what stands beyond them cannot be pointed at.
#[test]
fn names_beyond_a_pointers_reach_are_written_out() {
    let packet = b"\0\x07\0\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\xff\0\x01";
    let query = parse(packet).unwrap();
    let name: NameBuf = "far.away".parse().unwrap();
    // From a name that begins well before the limit to one that begins well behind it.
    for fill in 16_300..16_400 {
        let mut buffer = vec![0; 65_535];
        let head = Head { rcode: Rcode::NOERROR, authoritative: true, scope: 0 };
        let mut answer = Answer::to_query(&query, head, Limit::tcp(1232), &mut buffer);
        let bytes = vec![0; fill];
        let other = Rdata::Other { record_type: RecordType(65_280), bytes: &bytes };
        assert!(answer.add(Section::Answer, query.question.name, 60, [other]));
        let records = [Rdata::Ns(name.as_name()); 2];
        assert!(answer.add(Section::Answer, name.as_name(), 60, records));
        let seen = oracle::read(answer.finish()).unwrap();
        for record in &seen.records[1..] {
            assert_eq!(record.text, "far.away 60 IN NS far.away.", "behind {fill} bytes");
        }
    }
}

proptest! {
    #![proptest_config(cases(400))]

    /// Texts: what we show of any name reads back, and plain names are shown as `domain` shows them.
    #[test]
    fn names_are_shown_and_read_back(wire in any_name()) {
        let (name, _) = Name::split_from(&wire).unwrap();
        let text = name.to_string();
        let read: NameBuf = text.parse().unwrap();
        prop_assert_eq!(read.as_name().as_bytes(), &wire[..]);
        let theirs = domain::base::Name::from_octets(wire.clone()).unwrap();
        if !text.contains('\\') && !name.is_root() {
            prop_assert_eq!(text, theirs.to_string());
        }
        let theirs_read: domain::base::Name<Vec<u8>> = name.to_string().parse().unwrap();
        prop_assert_eq!(theirs_read, theirs);
    }
}
