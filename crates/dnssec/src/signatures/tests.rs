//! Signatures against an independent reading of the standard: the library `domain` puts the records
//! in order and checks what was signed.

use super::*;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dns::{Name, NameBuf};
use domain::base::iana::Class;
use domain::base::rdata::{ComposeRecordData as _, ParseAnyRecordData as _};
use domain::base::wire::Compose as _;
use domain::base::{CanonicalOrd as _, ParsedName, Rtype, ToName as _};
use domain::crypto::common::PublicKey;
use domain::dep::octseq::Parser;
use domain::rdata::{AllRecordData, Dnskey};
use proptest::prelude::*;

use crate::ring::{KeyRing, Layout};
use crate::{Algorithm, Role};

type OtherName = domain::base::Name<Vec<u8>>;

const NOW: Time = Time::from_unix_ms(1_766_138_700_000);

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

fn signer(layout: Layout, algorithm: Algorithm) -> Signer {
    let mut next = 0;
    let mut draw = || {
        next += 1;
        [next; 32]
    };
    let ring = KeyRing::new(name("Example.com"), (layout, algorithm), NOW, &mut draw);
    ring.unwrap().signer(3_600).unwrap()
}

/// Records of one type, as the answer has them.
#[derive(Clone, Debug)]
struct Records {
    record_type: RecordType,
    data: Vec<Vec<u8>>,
}

impl Records {
    fn rdata(&self) -> impl Iterator<Item = Rdata<'_>> + Clone {
        let record_type = self.record_type;
        self.data.iter().map(move |bytes| Rdata::Other { record_type, bytes })
    }
}

/// What `domain` says is signed (RFC 4034, 3.1.8.1): the terms, and the records as it orders them.
fn signed_data(owner: Name<'_>, ttl_s: u32, records: &Records, terms: &[u8]) -> Vec<u8> {
    let mut data = terms.to_vec();
    let owner = OtherName::from_octets(owner.as_bytes().to_vec()).unwrap();
    let rtype = Rtype::from_int(records.record_type.0);
    let parse = |bytes: &'_ Vec<u8>| {
        let bytes: &[u8] = Box::leak(bytes.clone().into_boxed_slice());
        let mut parser = Parser::from_ref(bytes);
        type Data<'a> = AllRecordData<&'a [u8], ParsedName<&'a [u8]>>;
        Data::parse_any_rdata(rtype, &mut parser).unwrap()
    };
    let mut sorted: Vec<_> = records.data.iter().map(parse).collect();
    sorted.sort_by(|one, other| one.canonical_cmp(other));
    for record in sorted {
        owner.compose_canonical(&mut data).unwrap();
        rtype.compose(&mut data).unwrap();
        Class::IN.compose(&mut data).unwrap();
        ttl_s.compose(&mut data).unwrap();
        record.compose_canonical_len_rdata(&mut data).unwrap();
    }
    data
}

/// Every signature of a set must be one that `domain` finds right.
fn check(signer: &Signer, owner: &str, records: &Records, signatures: &mut Signatures) {
    let owner = name(owner);
    let set = Set {
        owner: owner.as_name(),
        record_type: records.record_type,
        ttl_s: 300,
        records: records.rdata(),
    };
    let made = signatures.sign(signer, set, Standing::InZone, NOW).unwrap();
    let made: Vec<Rdata<'_>> = made.collect();
    let keys = signer.keys(records.record_type);
    assert_eq!(made.len(), keys.len());
    for (rrsig, key) in made.iter().zip(keys) {
        let Rdata::Other { record_type: RecordType::RRSIG, bytes } = rrsig else { panic!() };
        let (terms, signature) = bytes.split_at(bytes.len() - SIGNATURE_BYTES);
        let data = signed_data(owner.as_name(), 300, records, terms);
        let mut parser = Parser::from_ref(key.dnskey());
        let dnskey = Dnskey::parse(&mut parser).unwrap();
        assert_eq!(dnskey.key_tag(), key.tag());
        let public = PublicKey::from_dnskey(&dnskey).unwrap();
        public.verify(&data, signature).unwrap();
        assert!(public.verify(&data[1..], signature).is_err());
        // Type, algorithm, labels; times around now; tag and signer.
        assert_eq!(terms[..2], records.record_type.0.to_be_bytes());
        assert_eq!(terms[2], key.algorithm().number());
        let asterisk = usize::from(owner.as_name().labels().next() == Some(b"*"));
        assert_eq!(usize::from(terms[3]), owner.as_name().labels().count() - asterisk);
        let [expiration, inception] =
            [8, 12].map(|at| u32::from_be_bytes(terms[at..at + 4].try_into().unwrap()));
        let now_s = u32::try_from(NOW.unix_s()).unwrap();
        assert!(inception + 3 * 3_600 <= now_s && now_s + 6 * 86_400 <= expiration);
        assert_eq!(terms[16..18], key.tag().to_be_bytes());
        assert_eq!(terms[18..], *signer.apex().as_bytes());
    }
}

fn records(record_type: RecordType, data: &[&[u8]]) -> Records {
    Records { record_type, data: data.iter().map(|bytes| bytes.to_vec()).collect() }
}

#[test]
fn what_is_signed_validates() {
    for algorithm in Algorithm::ALL {
        for layout in [Layout::Csk, Layout::KskZsk] {
            let (signer, mut signatures) = (signer(layout, algorithm), Signatures::new());
            let mut check =
                |owner, records: &Records| check(&signer, owner, records, &mut signatures);
            let a = records(RecordType::A, &[&[10, 0, 0, 2], &[10, 0, 0, 1], &[9, 9, 9, 9]]);
            check("WWW.Example.com", &a);
            check("*.example.com", &a);
            check("example.com", &records(RecordType::NS, &[b"\x03NS2\x01A\0", b"\x02nS\0"]));
            check("m.example.com", &records(RecordType::MX, &[b"\0\x0a\x01B\0", b"\0\x05\x01C\0"]));
            let srv: &[&[u8]] = &[b"\0\0\0\0\0\x50\x02Ab\0", b"\0\0\0\0\0\x50\x01z\0"];
            check("_x.example.com", &records(RecordType::SRV, srv));
            check("t.example.com", &records(RecordType::TXT, &[b"\x01b", b"\x01B\x00", b"\x00"]));
            check(
                "h.example.com",
                &records(RecordType::HTTPS, &[b"\0\x01\x01H\0\0\x01\0\x03\x02h2"]),
            );
            for own in Signer::own_types() {
                let data = signer.own(*own).unwrap().iter().map(|data| data.to_vec()).collect();
                check("example.com", &Records { record_type: *own, data });
            }
            let nsec = crate::Nsec::absent(name("No.example.com").as_name(), signer.apex());
            let Rdata::Other { bytes, .. } = nsec.rdata() else { panic!() };
            check("No.example.com", &records(RecordType::NSEC, &[bytes]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_set_validates(
        data in proptest::collection::btree_set(proptest::collection::vec(any::<u8>(), 0..40), 1..20),
        owner in "[a-zA-Z*]{1,20}(\\.[a-zA-Z]{1,9}){0,3}",
    ) {
        let records = Records {
            record_type: RecordType(65_280),
            data: data.into_iter().collect(),
        };
        let signer = signer(Layout::Csk, Algorithm::Ed25519);
        check(&signer, &format!("{owner}.example.com"), &records, &mut Signatures::new());
    }
}

/// RFC 8080, 6.1: the only signature there is of this key over this set with these times.
#[test]
fn the_signature_of_the_standard_is_made() {
    let secret = STANDARD.decode("ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=").unwrap();
    let key = Key::new(Algorithm::Ed25519, Role::Csk, &secret).unwrap();
    let mut message = Message::new();
    let (owner, mail) = (name("example.com"), b"\0\x0a\x04mail\x07example\x03com\0");
    let mx = records(RecordType::MX, &[mail]);
    let set = Set {
        owner: owner.as_name(),
        record_type: mx.record_type,
        ttl_s: 3_600,
        records: mx.rdata(),
    };
    message.put(set, owner.as_name(), Window::at(NOW));
    message.by(&key);
    let mut bytes = message.as_bytes().to_vec();
    bytes[8..12].copy_from_slice(&1_440_021_600_u32.to_be_bytes());
    bytes[12..16].copy_from_slice(&1_438_207_200_u32.to_be_bytes());
    let expect =
        "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==";
    let signature = key.sign(&bytes).unwrap();
    assert_eq!(STANDARD.encode(signature), expect);
}

/// Asks for an address's signature; whether it was made anew is seen by P-256, which never makes one
/// twice.
fn sign(
    signatures: &mut Signatures,
    signer: &Signer,
    host: u16,
    at: (Standing, Time),
) -> Option<Vec<u8>> {
    let owner = name(&format!("a{host}.example.com"));
    let address = [Rdata::A(Ipv4Addr::LOCALHOST)];
    let set = Set {
        owner: owner.as_name(),
        record_type: RecordType::A,
        ttl_s: 30,
        records: address.into_iter(),
    };
    let mut made = signatures.sign(signer, set, at.0, at.1).ok()?;
    let Some(Rdata::Other { bytes, .. }) = made.next() else { panic!() };
    Some(bytes.to_vec())
}

#[test]
fn what_was_signed_is_found_for_a_day() {
    let signer = signer(Layout::Csk, Algorithm::EcdsaP256Sha256);
    let mut signatures = Signatures::new();
    let mut at = |now| sign(&mut signatures, &signer, 1, (Standing::InZone, now)).unwrap();
    let first = at(NOW);
    assert_eq!(at(NOW.plus_ms(3_600_000)), first);
    let tomorrow = at(NOW.plus_ms(86_400_000));
    assert_ne!(tomorrow, first);
    assert_eq!(at(NOW.plus_ms(86_400_000)), tomorrow);
}

#[test]
fn made_up_names_cost_the_others_nothing() {
    let signer = signer(Layout::Csk, Algorithm::EcdsaP256Sha256);
    let mut signatures = Signatures::new();
    let mut ask = |host, standing, now| sign(&mut signatures, &signer, host, (standing, now));
    let first = ask(0, Standing::InZone, NOW);
    let made = (1..=3_000).filter(|host| ask(*host, Standing::StrayByUdp, NOW).is_some()).count();
    assert_eq!(made, STRAYS_PER_S_MAX as usize);
    // What was made is found, by TCP all are made, and names of the zone always.
    assert!(ask(2_000, Standing::StrayByUdp, NOW).is_some());
    assert!(ask(3_000, Standing::Stray, NOW).is_some());
    assert!(ask(3_001, Standing::InZone, NOW).is_some());
    assert_eq!(ask(0, Standing::InZone, NOW), first);
    // In the next second there is room again.
    assert!(ask(4_000, Standing::StrayByUdp, NOW.plus_ms(1_000)).is_some());
}
