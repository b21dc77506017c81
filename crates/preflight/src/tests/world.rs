//! A root, a parent and two nameservers that answer by a script.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use crate::message::{Data, Ds, Key, Message, Opt, Record, Signature};
use crate::*;

/// Rounds that a look may take; more is a loop.
const ROUNDS_MAX: usize = 40;

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn ip(last: u8) -> IpAddr {
    [127, 0, 0, last].into()
}

pub(super) fn socket(last: u8) -> SocketAddr {
    (ip(last), 53).into()
}

/// What time it is.
pub(super) const NOW_S: u32 = 5;
/// An hour and a week; now is near the turn of the 32 bits of signatures' times.
pub(super) const HOUR_S: u32 = 3_600;
pub(super) const WEEK_S: u32 = 604_800;

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// A key; its rdata is flags 257, protocol 3, algorithm 15 and bytes.
pub(super) fn key(seed: u8) -> Key {
    let rdata = [&[1, 1, 3, 15][..], pair(seed).public_key().as_ref()].concat();
    Key { tag: u16::from(seed), algorithm: 15, rdata }
}

/// A key's signature of the keys, or of the SOA; of that nobody looks at more than its terms.
fn signature(seed: u8, covered: RecordType, served: &Served) -> Signature {
    let (inception_s, expiration_s) = served.window;
    let mut signature = Signature {
        covered,
        algorithm: 15,
        original_ttl_s: 300,
        expiration_s,
        inception_s,
        tag: u16::from(seed),
        terms: covered.to_int().to_be_bytes().to_vec(),
        bytes: Vec::new(),
    };
    let keys = served.keys.iter().cloned().collect();
    let data = signatures::signed_data(&signature, &name("demo.test"), &keys).unwrap();
    signature.bytes = pair(seed).sign(&data).as_ref().to_vec();
    if served.is_forged {
        signature.bytes[0] ^= 1;
    }
    signature
}

/// One of a denial; nobody verifies it.
pub(super) fn denial_signature(served: &Served) -> Signature {
    signature(1, RecordType::NSEC, served)
}

pub(super) fn ds(seed: u8) -> Ds {
    let owner = b"\x04demo\x04test\x00";
    let digest = digest::digest(&digest::SHA256, &[owner, &key(seed).rdata[..]].concat());
    Ds { tag: u16::from(seed), algorithm: 15, digest_type: 2, digest: digest.as_ref().to_vec() }
}

/// One nameserver.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) is_silent: bool,
    pub(super) has_tcp: bool,
    pub(super) rcode: u16,
    pub(super) is_authoritative: bool,
    pub(super) serial: u32,
    pub(super) names: BTreeSet<Name>,
    pub(super) addresses: BTreeMap<Name, Vec<IpAddr>>,
    pub(super) has_edns: bool,
    pub(super) needs_edns: bool,
    pub(super) knows_versions: bool,
    pub(super) bytes: usize,
    pub(super) cuts_silently: bool,
    pub(super) keys: Vec<Key>,
    /// From when until when its signatures hold.
    pub(super) window: (u32, u32),
    /// The seeds of the keys that sign the keys, and the SOA.
    pub(super) signing: [u8; 2],
    pub(super) is_forged: bool,
    pub(super) steered: Vec<IpAddr>,
    pub(super) steered_rcode: u16,
    pub(super) ttl_s: u32,
    /// Where it names a client: a region is tried until then.
    pub(super) tries_for_s: Option<u32>,
    /// The name is an alias, of a target with another TTL.
    pub(super) is_alias: bool,
    pub(super) scope: Option<u8>,
}

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) is_parent_silent: bool,
    /// Nothing of it fits a datagram.
    pub(super) is_parent_cut: bool,
    pub(super) delegated: BTreeSet<Name>,
    pub(super) glue: BTreeMap<Name, Vec<IpAddr>>,
    pub(super) ds: Vec<Ds>,
    /// What proves that it has none, at which names; nothing where it is unsigned.
    pub(super) denial: Vec<(&'static str, Data)>,
    /// Whether it says by the response code that there is no such name.
    pub(super) has_no_name: bool,
    /// A name of the parent's own zone.
    pub(super) elsewhere: Option<(Name, IpAddr)>,
    pub(super) servers: BTreeMap<IpAddr, Served>,
}

impl World {
    pub(super) fn good() -> Self {
        let names: BTreeSet<Name> = ["ns1.demo.test", "ns2.demo.test"].map(name).into();
        let addresses: BTreeMap<Name, Vec<IpAddr>> =
            names.iter().cloned().zip([vec![ip(3)], vec![ip(4)]]).collect();
        let served = Served {
            is_silent: false,
            has_tcp: true,
            rcode: 0,
            is_authoritative: true,
            serial: 7,
            names: names.clone(),
            addresses: addresses.clone(),
            has_edns: true,
            needs_edns: false,
            knows_versions: true,
            bytes: 100,
            cuts_silently: false,
            keys: Vec::new(),
            window: (NOW_S.wrapping_sub(HOUR_S), NOW_S + WEEK_S),
            signing: [1, 1],
            is_forged: false,
            steered: vec![[10, 0, 0, 1].into()],
            steered_rcode: 0,
            ttl_s: 60,
            tries_for_s: None,
            is_alias: false,
            scope: Some(24),
        };
        let said = |place: &str| OverwatchSaid {
            place: place.into(),
            digest: Ok("abcdef0123456789".into()),
        };
        let plan = Plan {
            zone: name("demo.test"),
            start: Start::Roots(vec![socket(1)]),
            port: 53,
            names: vec![name("app.demo.test")],
            clients: vec!["192.0.2.0/24".parse().unwrap()],
            overwatches: vec![said("http://a:8080"), said("http://b:8080")],
            now_s: NOW_S,
        };
        Self {
            plan,
            is_parent_silent: false,
            is_parent_cut: false,
            delegated: names,
            glue: addresses,
            ds: Vec::new(),
            denial: Vec::new(),
            has_no_name: false,
            elsewhere: None,
            servers: [(ip(3), served.clone()), (ip(4), served)].into(),
        }
    }

    /// Looks until it is done.
    #[track_caller]
    pub(super) fn look(&self) -> Vec<Finding> {
        let mut book = Book::default();
        for _ in 0..ROUNDS_MAX {
            match look(&self.plan, &mut book) {
                Step::Done(findings) => return findings,
                Step::Ask(questions) => {
                    assert!(!questions.is_empty());
                    for question in questions {
                        let reply = self.reply(&question);
                        book.enter(question, reply);
                    }
                }
            }
        }
        panic!("it does not end in {ROUNDS_MAX} rounds");
    }

    fn reply(&self, question: &Question) -> Reply {
        let server = question.server.ip();
        let said = if server == ip(1) {
            referral("test", &[name("ns.test")].into(), &[(name("ns.test"), vec![ip(2)])].into())
        } else if server == ip(2) {
            if self.is_parent_silent {
                return Reply::Failed(Failure::Silent);
            }
            if self.is_parent_cut && question.transport == Transport::Udp {
                return Reply::Message(Rc::new(Message { is_truncated: true, ..answer([]) }));
            }
            self.parent(question)
        } else if server == ip(9) {
            self.resolver(question)
        } else {
            match self.servers.get(&server) {
                Some(served) => return served.reply(question),
                None => return Reply::Failed(Failure::NoWay),
            }
        };
        Reply::Message(Rc::new(said))
    }

    fn parent(&self, question: &Question) -> Message {
        if let Some((_, address)) =
            self.elsewhere.as_ref().filter(|(name, _)| *name == question.name)
        {
            let is_a = question.kind == RecordType::A;
            return answer(is_a.then(|| record(&question.name, Data::Address(*address))));
        }
        if question.kind == RecordType::DS {
            let ds = self.ds.iter().map(|ds| record(&question.name, Data::Ds(ds.clone())));
            let denial = self.denial.iter().map(|(owner, data)| record(&name(owner), data.clone()));
            let rcode = if self.has_no_name { 3 } else { 0 };
            return Message { rcode, authority: denial.collect(), ..answer(ds) };
        }
        if self.delegated.is_empty() || !question.name.ends_with(&name("demo.test")) {
            return Message { rcode: 3, ..answer([]) };
        }
        referral("demo.test", &self.delegated, &self.glue)
    }

    /// Knows the parent alone.
    fn resolver(&self, question: &Question) -> Message {
        assert!(question.recursion_desired);
        let nameserver = Data::Nameserver(name("ns.test"));
        let is = |text, kind| question.name == name(text) && question.kind == kind;
        if is("test", RecordType::NS) {
            answer([record(&question.name, nameserver)])
        } else if is("ns.test", RecordType::A) {
            answer([record(&question.name, Data::Address(ip(2)))])
        } else {
            answer([])
        }
    }
}

impl Served {
    fn reply(&self, question: &Question) -> Reply {
        if self.is_silent || (self.needs_edns && question.edns.is_none()) {
            return Reply::Failed(Failure::Silent);
        }
        if question.transport == Transport::Tcp && !self.has_tcp {
            return Reply::Failed(Failure::Closed);
        }
        let mut said = self.message(question);
        said.is_authoritative = self.is_authoritative;
        said.bytes = self.bytes;
        let client = question.edns.and_then(|edns| edns.client);
        if question.edns.is_some() && self.has_edns {
            said.opt = Some(Opt { version: 0, scope: client.and(self.scope) });
        }
        if question.edns.is_some_and(|edns| edns.version > 0) && self.knows_versions {
            said.rcode = 16;
        }
        if self.cuts_silently && question.transport == Transport::Udp {
            said.answer.truncate(1);
        }
        Reply::Message(Rc::new(said))
    }

    fn message(&self, question: &Question) -> Message {
        let own = |data| record(&question.name, data);
        if self.rcode != 0 {
            return Message { rcode: self.rcode, ..answer([]) };
        }
        if question.name == name("app.demo.test") {
            let is_a = question.kind == RecordType::A;
            let steered = self.steered.iter().filter(|_| is_a).map(|a| own(Data::Address(*a)));
            let client = question.edns.and_then(|edns| edns.client);
            let ttl_s = self.tries_for_s.filter(|_| client.is_some()).unwrap_or(self.ttl_s);
            let steered = steered.map(|record| Record { ttl_s, ..record });
            let target = name("eu.demo.test");
            let alias = Record { ttl_s, ..own(Data::Alias(target.clone())) };
            let alias = self.is_alias.then_some(alias);
            let steered = steered.map(|record| match self.is_alias {
                true => Record { owner: target.clone(), ttl_s: 7, ..record },
                false => record,
            });
            let steered: Vec<Record> = alias.into_iter().chain(steered).collect();
            return Message { rcode: self.steered_rcode, ..answer(steered) };
        }
        let addresses = self.addresses.get(&question.name).cloned().unwrap_or_default();
        let is_v4 = question.kind == RecordType::A;
        match question.kind {
            RecordType::SOA => answer(
                [own(Data::Serial(self.serial))].into_iter().chain(self.signatures(question)),
            ),
            RecordType::NS => answer(self.names.iter().map(|n| own(Data::Nameserver(n.clone())))),
            RecordType::DNSKEY => {
                let keys = self.keys.iter().map(|key| own(Data::Key(key.clone())));
                answer(keys.chain(self.signatures(question)))
            }
            RecordType::A | RecordType::AAAA => answer(
                addresses
                    .into_iter()
                    .filter(|a| a.is_ipv4() == is_v4)
                    .map(|a| own(Data::Address(a))),
            ),
            _ => answer([]),
        }
    }
}

impl Served {
    /// Of what was asked for, where the zone is signed and the asker wants them.
    fn signatures(&self, question: &Question) -> Option<Record> {
        let wants = question.edns.is_some_and(|edns| edns.dnssec_ok) && !self.keys.is_empty();
        let [of_keys, of_soa] = self.signing;
        let seed = if question.kind == RecordType::DNSKEY { of_keys } else { of_soa };
        let signed = || Data::Signature(signature(seed, question.kind, self));
        wants.then(|| record(&question.name, signed()))
    }
}

fn record(owner: &Name, data: Data) -> Record {
    // The type counts for nobody who reads what is in it.
    Record { owner: owner.clone(), kind: RecordType::NULL, ttl_s: 300, data }
}

fn answer(records: impl IntoIterator<Item = Record>) -> Message {
    Message {
        rcode: 0,
        is_authoritative: true,
        is_truncated: false,
        opt: None,
        answer: records.into_iter().collect(),
        authority: Vec::new(),
        additional: Vec::new(),
        bytes: 100,
    }
}

fn referral(cut: &str, names: &BTreeSet<Name>, glue: &BTreeMap<Name, Vec<IpAddr>>) -> Message {
    let authority = names.iter().map(|n| record(&name(cut), Data::Nameserver(n.clone())));
    let additional = glue
        .iter()
        .filter(|(owner, _)| names.contains(*owner))
        .flat_map(|(owner, all)| all.iter().map(|a| record(owner, Data::Address(*a))));
    Message {
        is_authoritative: false,
        authority: authority.collect(),
        additional: additional.collect(),
        ..answer([])
    }
}
