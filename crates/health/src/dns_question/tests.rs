//! Questions and answers, byte for byte.

use domain::base::iana::{Rcode, Rtype};
use domain::base::{Record, Ttl};
use domain::rdata::{A, Cname};

use super::*;

fn app(rcode: Rcode, answer: Option<&str>) -> DnsCheck {
    DnsCheck {
        name: "app.example.net".to_owned(),
        record_type: Rtype::A,
        rcode,
        answer: answer.map(str::to_owned),
    }
}

/// An answer of an alias and two addresses to the question of `check`.
fn answer(check: &DnsCheck, id: u16, rcode: Rcode) -> Vec<u8> {
    let question = question(check, id).unwrap();
    let question = Message::from_octets(question).unwrap();
    let builder = MessageBuilder::from_target(Vec::new()).unwrap();
    let mut answer = builder.start_answer(&question, rcode).unwrap();
    let target = Name::<Vec<u8>>::from_str("www.example.net").unwrap();
    let owner = name_of(check).unwrap();
    let alias = Record::new(owner, Class::IN, Ttl::from_secs(5), Cname::new(target.clone()));
    answer.push(alias).unwrap();
    for last in [7, 8] {
        let address = A::from_octets(192, 0, 2, last);
        answer.push(Record::new(target.clone(), Class::IN, Ttl::from_secs(5), address)).unwrap();
    }
    answer.finish()
}

#[test]
fn the_question_is_what_every_server_reads() {
    let asked = question(&app(Rcode::NOERROR, None), 0x1234).unwrap();
    let expect = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03app\x07example\x03net\0\0\x01\0\x01";
    assert_eq!(asked, expect);
}

#[test]
fn an_answer_passes_by_its_code_and_what_it_says() {
    let check = |spec: DnsCheck, rcode, expect: Result<(), &str>| {
        let judged = judge(&spec, 7, &answer(&spec, 7, rcode)).unwrap();
        assert_eq!(judged.map_err(|why| why.to_string()), expect.map_err(str::to_owned));
    };
    check(app(Rcode::NOERROR, None), Rcode::NOERROR, Ok(()));
    check(app(Rcode::NOERROR, Some("192.0.2.8")), Rcode::NOERROR, Ok(()));
    check(app(Rcode::NXDOMAIN, None), Rcode::NXDOMAIN, Ok(()));
    check(
        app(Rcode::NOERROR, None),
        Rcode::SERVFAIL,
        Err("wrong answer: SERVFAIL, expected NOERROR"),
    );
    check(
        app(Rcode::NOERROR, Some("192.0.2.9")),
        Rcode::NOERROR,
        Err("wrong answer: no A record says 192.0.2.9"),
    );
    let alias =
        DnsCheck { record_type: Rtype::CNAME, ..app(Rcode::NOERROR, Some("WWW.example.net")) };
    check(alias, Rcode::NOERROR, Ok(()));
}

#[test]
fn what_answers_something_else_is_no_answer() {
    let spec = app(Rcode::NOERROR, None);
    let good = answer(&spec, 7, Rcode::NOERROR);
    assert_eq!(judge(&spec, 8, &good), None, "another number");
    assert_eq!(judge(&spec, 7, &question(&spec, 7).unwrap()), None, "a question");
    let other = DnsCheck { name: "other.example.net".to_owned(), ..spec.clone() };
    assert_eq!(judge(&other, 7, &good), None, "another name");
    for length in 0..30 {
        assert_eq!(judge(&spec, 7, &good[..length]), None, "{length}");
    }
}

#[test]
fn any_bytes_are_judged() {
    let spec = app(Rcode::NOERROR, Some("192.0.2.8"));
    let good = answer(&spec, 0, Rcode::NOERROR);
    crate::fuzz::dns_answer(&good);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..5_000 {
        let mut bytes = good.clone();
        for _ in 0..3 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] = (state >> 24) as u8;
        }
        bytes.truncate((state >> 40) as usize % (good.len() + 1));
        crate::fuzz::dns_answer(&bytes);
    }
}
