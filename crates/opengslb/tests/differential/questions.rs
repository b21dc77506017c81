//! The questions: made from the names in the zone files, the same at every run.
//!
//! First every name, with every name above it, is asked for what stands there and for what is
//! special; then chance puts together names (there, below, far below, beside, outside), types, cases
//! of letters, flags, sizes and transports.

use std::collections::{BTreeMap, BTreeSet};

use domain::base::iana::{Class, Rtype};
use domain::base::{Name, ToName as _};
use domain::zonefile::inplace::{Entry, Zonefile};

use crate::client::{Edns, Question};

/// How many are asked.
pub(crate) const COUNT: usize = 15_000;
/// Any number does; it is the same at every run.
const SEED: u64 = 0x0123_4567_89ab_cdef;

/// Asked for at every name.
const EVERYWHERE: &[Rtype] =
    &[Rtype::A, Rtype::NS, Rtype::SOA, Rtype::DS, Rtype::CNAME, Rtype::TXT, Rtype::ANY];
/// Asked for by chance; the last two are types that nobody has defined.
const TYPES: &[Rtype] = &[
    Rtype::A,
    Rtype::AAAA,
    Rtype::NS,
    Rtype::SOA,
    Rtype::TXT,
    Rtype::MX,
    Rtype::SRV,
    Rtype::CAA,
    Rtype::HTTPS,
    Rtype::SVCB,
    Rtype::CNAME,
    Rtype::DNAME,
    Rtype::PTR,
    Rtype::NAPTR,
    Rtype::TLSA,
    Rtype::DS,
    Rtype::DNSKEY,
    Rtype::RRSIG,
    Rtype::NSEC,
    Rtype::ANY,
    Rtype::from_int(65_280),
    Rtype::from_int(4_242),
];
/// Put in front of names.
const LABELS: &[&[u8]] = &[
    b"missing",
    b"www",
    b"*",
    b"ns",
    b"host",
    b"ent",
    b"child",
    b"any",
    b"a b.c",
    b"\x00\xff",
    b"_tcp",
];
/// Names that are nobody's here, some nearly.
const OUTSIDE: &[&[&[u8]]] = &[
    &[],
    &[b"test"],
    &[b"elsewhere", b"invalid"],
    &[b"www", b"elsewhere", b"invalid"],
    &[b"xrich", b"test"],
    &[b"rich", b"test", b"invalid"],
    &[b"www", b"rich.test"],
    &[b"www.rich", b"test"],
];
/// What askers take: nothing sensible, the least, an odd number, the usual ones, all.
const UDP_SIZES: &[u16] = &[0, 512, 700, 1_232, 1_400, 4_096, 65_535];

/// The labels of a name, without the root's, in lower case.
type Labels = Vec<Vec<u8>>;

/// All questions about the zones in these texts.
pub(crate) fn questions(zones: &[(&str, &str)]) -> Vec<Question> {
    let names = names(zones);
    let mut chance = Chance(SEED);
    let mut questions = Vec::new();
    for (name, types) in &names {
        for qtype in EVERYWHERE.iter().chain(types.iter().filter(|t| !EVERYWHERE.contains(t))) {
            questions.push(Question {
                name: to_name(name),
                qtype: *qtype,
                by_tcp: false,
                recursion_desired: false,
                checking_disabled: false,
                edns: Some(Edns { udp_size: 1_232, dnssec_ok: false, has_unknown_option: false }),
            });
        }
    }
    assert!(questions.len() < COUNT, "chance has nothing to do");
    let names: Vec<_> = names.into_iter().collect();
    questions.resize_with(COUNT, || chance.question(&names));
    questions
}

/// All owners with their types, and all names above them.
fn names(zones: &[(&str, &str)]) -> BTreeMap<Labels, BTreeSet<Rtype>> {
    let mut names = BTreeMap::<Labels, BTreeSet<Rtype>>::new();
    for (origin, text) in zones {
        let mut file = Zonefile::from(*text);
        file.set_origin(origin.parse().unwrap());
        file.set_default_class(Class::IN);
        while let Some(entry) = file.next_entry().unwrap() {
            let Entry::Record(record) = entry else { panic!("{entry:?}") };
            let owner = record.owner().to_canonical_name::<Vec<u8>>();
            let mut labels: Labels = owner.iter().map(|label| label.as_slice().to_vec()).collect();
            labels.pop();
            names.entry(labels.clone()).or_default().insert(record.rtype());
            while !labels.is_empty() {
                labels.remove(0);
                names.entry(labels.clone()).or_default();
            }
        }
    }
    names
}

/// A name of labels; what is too long loses labels at the front.
fn to_name(labels: &[Vec<u8>]) -> Name<Vec<u8>> {
    let mut wire: Vec<u8> = Vec::new();
    for label in labels {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend(label);
    }
    wire.push(0);
    Name::from_octets(wire).unwrap_or_else(|_| to_name(&labels[1..]))
}

/// The generator xorshift64*.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        let high = usize::try_from(self.next() >> 33).unwrap();
        high % limit
    }

    /// True so many times in a hundred.
    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn question(&mut self, names: &[(Labels, BTreeSet<Rtype>)]) -> Question {
        let (name, types) = self.one_of(names);
        let labels = self.labels(name);
        let types: Vec<Rtype> = types.iter().copied().collect();
        let qtype = if !types.is_empty() && self.percent(60) {
            *self.one_of(&types)
        } else {
            *self.one_of(TYPES)
        };
        let edns = self.percent(75).then(|| Edns {
            udp_size: *self.one_of(UDP_SIZES),
            dnssec_ok: self.percent(50),
            has_unknown_option: self.percent(10),
        });
        Question {
            name: to_name(&self.cased(labels)),
            qtype,
            by_tcp: self.percent(15),
            recursion_desired: self.percent(30),
            checking_disabled: self.percent(30),
            edns,
        }
    }

    /// The name itself, or one below, far below, beside it or far away.
    fn labels(&mut self, name: &[Vec<u8>]) -> Labels {
        let depth = match self.below(100) {
            0..60 => 0,
            60..78 => 1,
            78..88 => 2 + self.below(4),
            88..89 => 127,
            89..97 => {
                let beside = name.get(1..).unwrap_or_default();
                return [&[self.one_of(LABELS).to_vec()][..], beside].concat();
            }
            _ => return self.one_of(OUTSIDE).iter().map(|label| label.to_vec()).collect(),
        };
        let front: Labels = (0..depth).map(|_| self.one_of(LABELS).to_vec()).collect();
        [&front[..], name].concat()
    }

    /// In lower case, in upper case or in any (draft-vixie-dnsext-dns0x20).
    fn cased(&mut self, mut labels: Labels) -> Labels {
        let upper_percent = *self.one_of(&[0, 50, 50, 100]);
        for byte in labels.iter_mut().flatten() {
            if self.percent(upper_percent) {
                byte.make_ascii_uppercase();
            }
        }
        labels
    }
}
