//! Whether what is signed validates now, as a resolver finds whose clock is right (RFC 4035, 5.3).
//!
//! The set of keys is verified whole; of everything else one set is looked at, the SOA: by which key it
//! is signed, and when. Clocks that are wrong are seen here, and keys that an overwatch has not got.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use domain::base::ToName as _;

use crate::book::Book;
use crate::finding::{Check, Finding, list};
use crate::message::{Data, Key, Message, Signature};
use crate::nameservers::Server;
use crate::plan::Plan;
use crate::question::{Edns, Question};
use crate::{Name, RecordType};

/// Where the public key begins in a DNSKEY record's data (RFC 4034, 2.1).
const PUBLIC_AT: usize = 4;
/// The numbers of the algorithms that are verified here (RFC 6605, RFC 8080).
const ECDSA_P256: u8 = 13;
const ED25519_NUMBER: u8 = 15;

/// A zone whose servers all have these keys.
pub(crate) struct Signed {
    /// Its keys.
    pub(crate) keys: BTreeSet<Key>,
    /// Those that the parent vouches for; all where it vouches for none.
    pub(crate) trusted: BTreeSet<Key>,
}

/// Looks at the signatures of all servers.
pub(crate) fn signatures(
    (plan, book): (&Plan, &mut Book),
    signed: &Signed,
    servers: &[Server],
) -> Option<Finding> {
    let (zone, now_s) = (&plan.zone, plan.now_s);
    let edns = Some(Edns { dnssec_ok: true, ..Edns::PLAIN });
    let ask = |server: &Server, kind| Question::new(server.socket, zone, kind).with(edns).by_tcp();
    let mut ask_all = |kind| {
        let questions: Vec<Question> = servers.iter().map(|server| ask(server, kind)).collect();
        book.ask_all_in_full(questions)
    };
    let (of_keys, of_soa) = (ask_all(RecordType::DNSKEY), ask_all(RecordType::SOA));
    let mut faults: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
    let mut left_s = u32::MAX;
    for (server, (keys, soa)) in servers.iter().zip(of_keys?.iter().zip(&of_soa?)) {
        // Who does not answer is in another line.
        let keys = keys.message().map(|said| of_all_keys(said, signed, (zone, now_s)));
        let soa = soa.message().map(|said| of_soa_record(said, signed, (zone, now_s)));
        for judged in keys.into_iter().chain(soa) {
            match judged {
                Ok(left) => left_s = left_s.min(left),
                Err(why) => drop(faults.entry(why).or_default().insert(server.socket.ip())),
            }
        }
    }
    let check = Check::Signatures;
    if faults.is_empty() {
        let found = format!("they hold, and for {} yet", span(left_s));
        return Some(Finding::good(check, found));
    }
    let each = faults.iter().map(|(why, at)| format!("{}: {why}", list(at)));
    let found =
        format!("{}: validating resolvers answer SERVFAIL", each.collect::<Vec<_>>().join("; "));
    let next = "compare this machine's clock and those of the overwatches (NTP), and see what \
                `opengslb-cli dnssec status` says on each";
    Some(Finding::bad(check, found, next))
}

/// For how many seconds the signature of a server's keys still holds; or what is wrong with it.
fn of_all_keys(said: &Message, signed: &Signed, at: (&Name, u32)) -> Result<u32, String> {
    let found: Vec<&Signature> = of_type(said, at.0, RecordType::DNSKEY)
        .filter(|signature| is_by(signature, &signed.trusted).is_some())
        .collect();
    let left_s = longest("the keys", &found, at.1)?;
    let is_wrong = |signature: &&Signature| {
        let key = is_by(signature, &signed.trusted);
        key.and_then(|key| verify(signature, key, (at.0, &signed.keys))) == Some(false)
    };
    if found.iter().any(is_wrong) {
        return Err("the signature of the keys is wrong".to_owned());
    }
    Ok(left_s)
}

/// The same for its SOA record, which is not verified.
fn of_soa_record(said: &Message, signed: &Signed, at: (&Name, u32)) -> Result<u32, String> {
    let found: Vec<&Signature> = of_type(said, at.0, RecordType::SOA)
        .filter(|signature| is_by(signature, &signed.keys).is_some())
        .collect();
    longest("the SOA", &found, at.1)
}

/// The signatures of a set of the zone's apex.
fn of_type<'a>(
    said: &'a Message,
    zone: &'a Name,
    kind: RecordType,
) -> impl Iterator<Item = &'a Signature> {
    said.answer.iter().filter(move |record| record.owner == *zone).filter_map(move |record| {
        match &record.data {
            Data::Signature(signature) if signature.covered == kind => Some(signature),
            _ => None,
        }
    })
}

/// The key of a signature.
fn is_by<'a>(signature: &Signature, keys: &'a BTreeSet<Key>) -> Option<&'a Key> {
    keys.iter().find(|key| key.tag == signature.tag && key.algorithm == signature.algorithm)
}

/// For how long the best of a set's signatures still holds.
fn longest(what: &str, signatures: &[&Signature], now_s: u32) -> Result<u32, String> {
    let mut why = format!("no signature of {what} is by a key that counts");
    let mut left_s = None;
    for signature in signatures {
        // Times are counted modulo 2^32 and compared as serials (RFC 4034, 3.1.5).
        let until = signature.expiration_s.wrapping_sub(now_s).cast_signed();
        let since = now_s.wrapping_sub(signature.inception_s).cast_signed();
        if until < 0 {
            why = format!("the signature of {what} expired {} ago", span(until.unsigned_abs()));
        } else if since < 0 {
            why = format!("the signature of {what} holds in {} only", span(since.unsigned_abs()));
        } else {
            left_s = left_s.max(Some(until.unsigned_abs()));
        }
    }
    left_s.ok_or(why)
}

/// Whether a signature of the keys is right; `None` where its algorithm is not known here.
fn verify(signature: &Signature, key: &Key, (zone, keys): (&Name, &BTreeSet<Key>)) -> Option<bool> {
    let public = key.rdata.get(PUBLIC_AT..)?;
    let data = signed_data(signature, zone, keys)?;
    let is_right = match signature.algorithm {
        ECDSA_P256 => {
            // An uncompressed point, as SEC 1 writes it.
            let point = [&[4], public].concat();
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
            public.verify(&data, &signature.bytes).is_ok()
        }
        ED25519_NUMBER => {
            UnparsedPublicKey::new(&ED25519, public).verify(&data, &signature.bytes).is_ok()
        }
        _ => return None,
    };
    Some(is_right)
}

/// What a signature of the keys is made of (RFC 4034, 3.1.8.1 and 6.3); none for a key that is too long
/// to be one.
pub(crate) fn signed_data(
    signature: &Signature,
    zone: &Name,
    keys: &BTreeSet<Key>,
) -> Option<Vec<u8>> {
    let owner = zone.to_canonical_name::<Vec<u8>>().into_octets();
    let mut rdata: Vec<&[u8]> = keys.iter().map(|key| &*key.rdata).collect();
    rdata.sort_unstable();
    let mut data = signature.terms.clone();
    for rdata in rdata {
        data.extend(&owner);
        // DNSKEY, IN.
        data.extend([0, 48, 0, 1]);
        data.extend(signature.original_ttl_s.to_be_bytes());
        data.extend(u16::try_from(rdata.len()).ok()?.to_be_bytes());
        data.extend(rdata);
    }
    Some(data)
}

/// A time in one unit.
fn span(seconds: u32) -> String {
    match seconds {
        0..600 => format!("{seconds} s"),
        600..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
