//! Signed answers judged by somebody else's code: `domain` takes them apart, puts sets into canonical
//! order and checks signatures, with `ring`. For what no validator at hand asks for, as the CO flag.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use domain::base::iana::Class;
use domain::base::rdata::ComposeRecordData as _;
use domain::base::{
    CanonicalOrd as _, Message, Name, ParsedName, Record, RecordData as _, Rtype, ToName as _, Ttl,
};
use domain::crypto::common::PublicKey;
use domain::rdata::{AllRecordData, Dnskey, Rrsig};

type Data<'a> = AllRecordData<&'a [u8], ParsedName<&'a [u8]>>;
type Signature<'a> = Rrsig<&'a [u8], ParsedName<&'a [u8]>>;

/// Where a set stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Answer,
    Authority,
}

/// A set of an answer. If it has a signature, that is right.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) section: Section,
    /// In lower case.
    pub(crate) owner: String,
    pub(crate) rtype: Rtype,
    /// The data as zone files have it, in canonical order.
    pub(crate) texts: Vec<String>,
    pub(crate) is_signed: bool,
}

/// The keys of a zone.
pub(crate) struct Keys(Vec<Dnskey<Vec<u8>>>);

impl Keys {
    /// Those in an answer, which has to be signed by one of them.
    pub(crate) fn of(answer: &[u8]) -> Result<Self, String> {
        let mut keys = Vec::new();
        for record in records(answer, Section::Answer)? {
            if let AllRecordData::Dnskey(key) = record.data() {
                let public = key.public_key().to_vec();
                let key = Dnskey::new(key.flags(), key.protocol(), key.algorithm(), public);
                keys.push(key.map_err(text)?);
            }
        }
        let keys = Self(keys);
        let is_own = |set: &Set| set.rtype == Rtype::DNSKEY && set.is_signed;
        if !keys.judge(answer)?.iter().any(is_own) {
            return Err("no signed DNSKEY set".to_owned());
        }
        Ok(keys)
    }

    /// The sets of an answer; an error where a signature is wrong, or of none of these keys.
    pub(crate) fn judge(&self, answer: &[u8]) -> Result<Vec<Set>, String> {
        let mut sets = Vec::new();
        for section in [Section::Answer, Section::Authority] {
            let mut plain: BTreeMap<(String, Rtype), Vec<_>> = BTreeMap::new();
            let mut signatures: BTreeMap<(String, Rtype), Vec<_>> = BTreeMap::new();
            for record in records(answer, section)? {
                let owner = record.owner().to_string().to_ascii_lowercase();
                match record.data() {
                    AllRecordData::Rrsig(rrsig) => {
                        let of = (owner, rrsig.type_covered());
                        signatures.entry(of).or_default().push(rrsig.clone());
                    }
                    data => plain.entry((owner, data.rtype())).or_default().push(record),
                }
            }
            for ((owner, rtype), mut own) in plain {
                own.sort_by(|one, other| one.data().canonical_cmp(other.data()));
                let of_it = signatures.remove(&(owner.clone(), rtype)).unwrap_or_default();
                for signature in &of_it {
                    self.verify(signature, &own)
                        .map_err(|why| format!("{owner} {rtype}: {why}"))?;
                }
                let texts = own.iter().map(|record| record.data().to_string()).collect();
                sets.push(Set { section, owner, rtype, texts, is_signed: !of_it.is_empty() });
            }
            if let Some((owner, rtype)) = signatures.keys().next() {
                return Err(format!("a signature of {owner} {rtype}, which is not there"));
            }
        }
        Ok(sets)
    }

    /// RFC 4035, 5.3: the times, the key, and what is signed.
    fn verify(
        &self,
        rrsig: &Signature<'_>,
        set: &[Record<ParsedName<&[u8]>, Data<'_>>],
    ) -> Result<(), String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (from, until) = (rrsig.inception().into_int(), rrsig.expiration().into_int());
        if u64::from(from) > now || u64::from(until) < now {
            return Err(format!("holds from {from} to {until}, now is {now}"));
        }
        let mut data = Vec::new();
        compose_terms(rrsig, &mut data);
        for record in set {
            let owner: Name<Vec<u8>> = record.owner().to_name();
            let extra = owner.label_count() - 1 - usize::from(rrsig.labels());
            if extra > 0 {
                // A wildcard's: it is signed by its own name.
                data.extend(b"\x01*");
            }
            let closest: Vec<_> = owner.iter().skip(extra).collect();
            closest.iter().for_each(|label| label.compose_canonical(&mut data).unwrap());
            record.rtype().compose(&mut data).unwrap();
            Class::IN.compose(&mut data).unwrap();
            rrsig.original_ttl().compose(&mut data).unwrap();
            record.data().compose_canonical_len_rdata(&mut data).unwrap();
        }
        let is_it = |key: &&Dnskey<Vec<u8>>| {
            key.key_tag() == rrsig.key_tag() && key.algorithm() == rrsig.algorithm()
        };
        let key =
            self.0.iter().find(is_it).ok_or(format!("of another key, {}", rrsig.key_tag()))?;
        let public = PublicKey::from_dnskey(key).map_err(text)?;
        public.verify(&data, rrsig.signature()).map_err(text)
    }
}

/// The data of a signature without it (RFC 4034, 3.1.8.1).
fn compose_terms(rrsig: &Signature<'_>, data: &mut Vec<u8>) {
    rrsig.type_covered().compose(data).unwrap();
    data.extend([rrsig.algorithm().to_int(), rrsig.labels()]);
    Ttl::compose(&rrsig.original_ttl(), data).unwrap();
    data.extend(rrsig.expiration().into_int().to_be_bytes());
    data.extend(rrsig.inception().into_int().to_be_bytes());
    data.extend(rrsig.key_tag().to_be_bytes());
    rrsig.signer_name().compose_canonical(data).unwrap();
}

type AnyRecord<'a> = Record<ParsedName<&'a [u8]>, Data<'a>>;

/// The records of a section.
fn records(answer: &[u8], section: Section) -> Result<Vec<AnyRecord<'_>>, String> {
    let message = Message::from_octets(answer).map_err(text)?;
    let section = match section {
        Section::Answer => message.answer(),
        Section::Authority => message.authority(),
    };
    let mut records = Vec::new();
    for record in section.map_err(text)? {
        records.push(record.and_then(|record| record.to_any_record()).map_err(text)?);
    }
    Ok(records)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
