//! Scripted worlds: a good one in which every check is good, and each fault with what is said of it.

mod world;

use proptest::prelude::*;

use crate::finding::Verdict::{Bad, Note, Unknown};
use crate::*;
use world::{World, ip, name};

/// All that is not good: the check, how it stands and words of the line, in order.
#[track_caller]
fn check(change: impl FnOnce(&mut World), expect: &[(Check, Verdict, &str)]) {
    let mut world = World::good();
    change(&mut world);
    let findings = world.look();
    let lines: Vec<String> = findings
        .iter()
        .map(|f| {
            format!(
                "{} {}: {} [{}]",
                f.verdict.as_str(),
                f.check,
                f.found,
                f.next.as_deref().unwrap_or("")
            )
        })
        .collect();
    let lines = lines.join("\n");
    let others: Vec<&Finding> = findings.iter().filter(|f| f.verdict != Verdict::Good).collect();
    assert_eq!(others.len(), expect.len(), "\n{lines}");
    for (finding, (check, verdict, words)) in others.iter().zip(expect) {
        assert_eq!((finding.check, finding.verdict), (*check, *verdict), "\n{lines}");
        assert!(finding.found.contains(words), "{words:?} is not in\n{lines}");
        assert!(finding.next.as_ref().is_some_and(|next| !next.is_empty()), "\n{lines}");
    }
}

#[test]
fn a_good_zone_has_a_line_for_every_check() {
    for start in [None, Some(Start::Resolver(world::socket(9)))] {
        let mut world = World::good();
        if let Some(start) = start {
            world.plan.start = start;
        }
        let findings = world.look();
        let lines: Vec<String> =
            findings.iter().map(|f| format!("{}: {}", f.check, f.found)).collect();
        assert_eq!(
            lines,
            [
                "parent: test, served by 127.0.0.2",
                "delegation: to ns1.demo.test, ns2.demo.test",
                "glue: 127.0.0.3, 127.0.0.4 as the nameservers themselves say",
                "udp: 127.0.0.3, 127.0.0.4 answer with authority",
                "tcp: 127.0.0.3, 127.0.0.4 answer with authority by TCP",
                "edns: 127.0.0.3, 127.0.0.4 answer by the rules of EDNS, and without it",
                "large answers: 127.0.0.3, 127.0.0.4 answer in full by TCP where UDP is too small",
                "serial: 7 everywhere",
                "nameservers: ns1.demo.test, ns2.demo.test in the zone as in test",
                "dnssec: unsigned, and test expects no keys",
                "configuration: abcdef012345 at http://a:8080, http://b:8080",
                "answers: app.demo.test: 10.0.0.1 TTL 60; for 192.0.2.0/24: 10.0.0.1 scope /24",
            ]
        );
        assert!(findings.iter().all(|f| f.verdict == Verdict::Good && f.next.is_none()));
    }
}

#[test]
fn what_the_parent_does_wrong() {
    use Check::{
        Answers, Delegation, Dnssec, Edns, Glue, Large, Nameservers, Parent, Serial, Tcp, Udp,
    };
    let end = |check| (check, Unknown, "");
    check(
        |world| world.delegated.clear(),
        &[(Delegation, Bad, "test does not delegate demo.test")],
    );
    check(
        |world| world.is_parent_silent = true,
        &[(Parent, Bad, "the servers of test cannot be asked: 127.0.0.2: no answer")],
    );
    check(
        |world| drop(world.glue.insert(name("ns2.demo.test"), vec![ip(3)])),
        &[(Glue, Bad, "test says ns2.demo.test is 127.0.0.3; it says 127.0.0.4")],
    );
    check(
        |world| drop(world.glue.remove(&name("ns2.demo.test"))),
        &[(Glue, Bad, "ns2.demo.test lies in demo.test, and test says no address of it")],
    );
    check(
        |world| {
            world.glue.clear();
        },
        &[
            (Glue, Bad, "ns1.demo.test lies in"),
            (Glue, Bad, "ns2.demo.test lies in"),
            end(Udp),
            end(Tcp),
            end(Edns),
            end(Large),
            end(Serial),
            end(Nameservers),
            end(Dnssec),
            end(Answers),
        ],
    );
    check(
        |world| assert!(world.delegated.remove(&name("ns2.demo.test"))),
        &[(Nameservers, Bad, "only in the zone: ns2.demo.test; only in test: none")],
    );
    check(
        |world| {
            world.delegated.insert(name("ns.other.test"));
        },
        &[
            (Glue, Bad, "ns.other.test has no address"),
            (Nameservers, Bad, "only in test: ns.other.test"),
        ],
    );
}

#[test]
fn what_does_not_fit_a_datagram_is_asked_for_by_tcp() {
    check(|world| world.is_parent_cut = true, &[]);
}

#[test]
fn a_nameserver_elsewhere_is_found_by_its_own_zone() {
    let change = |world: &mut World| {
        for names in [&mut world.delegated]
            .into_iter()
            .chain(world.servers.values_mut().map(|s| &mut s.names))
        {
            names.remove(&name("ns2.demo.test"));
            names.insert(name("ns.else.test"));
        }
        world.elsewhere = Some((name("ns.else.test"), ip(4)));
    };
    check(change, &[]);
}

#[test]
fn what_a_nameserver_does_wrong() {
    use Check::{Answers, Dnssec, Edns, Large, Nameservers, Serial, Tcp, Udp};
    let second = |world: &mut World, change: fn(&mut world::Served)| {
        change(world.servers.get_mut(&ip(4)).unwrap());
    };
    check(
        |world| second(world, |s| s.is_silent = true),
        &[
            (Udp, Bad, "127.0.0.4 (ns2.demo.test): no answer"),
            (Tcp, Bad, "127.0.0.4 (ns2.demo.test): no answer"),
        ],
    );
    check(
        |world| second(world, |s| s.has_tcp = false),
        &[(Tcp, Bad, "127.0.0.4 (ns2.demo.test): nobody listens")],
    );
    check(
        |world| second(world, |s| s.rcode = 5),
        &[(Udp, Bad, "lame: it refuses"), (Tcp, Bad, "lame: it refuses")],
    );
    check(
        |world| second(world, |s| s.rcode = 2),
        &[(Udp, Bad, "it says SERVFAIL"), (Tcp, Bad, "it says SERVFAIL")],
    );
    check(
        |world| second(world, |s| s.is_authoritative = false),
        &[(Udp, Bad, "without authority"), (Tcp, Bad, "without authority")],
    );
    check(|world| second(world, |s| s.serial = 8), &[(Serial, Bad, "127.0.0.3: 7; 127.0.0.4: 8")]);
    check(
        |world| second(world, |s| assert!(s.names.remove(&name("ns2.demo.test")))),
        &[(Nameservers, Bad, "127.0.0.4: ns1.demo.test")],
    );
    check(
        |world| second(world, |s| s.has_edns = false),
        &[(Edns, Bad, "it ignores EDNS"), (Answers, Note, "127.0.0.4 takes no client networks")],
    );
    check(
        |world| second(world, |s| s.knows_versions = false),
        &[(Edns, Bad, "to EDNS version 1 it says NOERROR")],
    );
    check(
        |world| second(world, |s| s.needs_edns = true),
        &[(Edns, Bad, "without EDNS: no answer")],
    );
    check(
        |world| second(world, |s| s.bytes = 1800),
        &[
            (Edns, Bad, "without EDNS it sends 1800 bytes"),
            (Large, Bad, "1800 bytes in one datagram"),
        ],
    );
    check(
        |world| second(world, |s| s.cuts_silently = true),
        &[(Large, Bad, "does not say so"), (Nameservers, Bad, "127.0.0.4: ns1.demo.test")],
    );
    check(
        |world| second(world, |s| s.keys = vec![world::key(1)]),
        &[(Dnssec, Bad, "keys differ: 127.0.0.3: none; 127.0.0.4: ")],
    );
}

#[test]
fn what_cannot_be_reached_from_here_is_no_fault() {
    let change = |world: &mut World| {
        let v6 = "2001:db8::4".parse().unwrap();
        world.glue.insert(name("ns2.demo.test"), vec![ip(4), v6]);
        for served in world.servers.values_mut() {
            served.addresses.insert(name("ns2.demo.test"), vec![ip(4), v6]);
        }
    };
    check(change, &[(Check::Udp, Unknown, "2001:db8::4: this machine has no way to it")]);
}

#[test]
fn keys_and_what_the_parent_says_of_them() {
    use Check::Dnssec;
    let signed = |world: &mut World| {
        world.servers.values_mut().for_each(|s| s.keys = vec![world::key(1)]);
    };
    check(|world| world.ds = vec![world::ds(1)], &[(Dnssec, Bad, "but demo.test is unsigned")]);
    check(signed, &[(Dnssec, Note, "test does not vouch for")]);
    check(
        |world| {
            signed(world);
            world.ds = vec![world::ds(1), world::ds(2)];
        },
        &[],
    );
    check(
        |world| {
            signed(world);
            world.ds = vec![world::ds(2)];
        },
        &[(Dnssec, Bad, "none fits")],
    );
}

#[test]
fn a_signed_parent_that_knows_of_no_zone() {
    use crate::message::Data;
    let denied = [(Check::Dnssec, Bad, "proves that demo.test is not delegated")];
    let nsec = |owner, is_delegated| (owner, Data::Denial { is_delegated });
    let (is_cut, is_none) = (nsec("demo.test", true), nsec("demo.test", false));
    // Nothing at the name, or between it and a deeper one; a wildcard that stands for it; both said at once.
    let (before, wildcard) = (nsec("a.test", false), nsec("*.test", false));
    let other_cut = nsec("a.test", true);
    for (denial, expect) in [
        (vec![is_cut.clone()], &[][..]),
        (vec![before.clone(), is_cut.clone()], &[]),
        (vec![is_none], &denied),
        (vec![before.clone()], &denied),
        (vec![other_cut.clone()], &denied),
        (vec![before, wildcard], &denied),
        // NSEC3: no more is known than where it is unsigned.
        (vec![("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.test", Data::Other)], &[]),
        // A referral to another zone, by a server that is asked for nothing.
        (vec![other_cut, ("a.test", Data::Nameserver(name("ns.a.test")))], &[]),
    ] {
        check(|world| world.denial = denial, expect);
    }
    // Beside DS records it proves nothing of them.
    check(
        |world| {
            world.servers.values_mut().for_each(|served| served.keys = vec![world::key(1)]);
            world.ds = vec![world::ds(1)];
            world.denial = vec![nsec("a.test", false)];
        },
        &[],
    );
    // Names that do not exist are nothing new in a zone that is not signed.
    check(|world| world.has_no_name = true, &[(Check::Dnssec, Unknown, "says by TCP which keys")]);
    check(
        |world| {
            world.has_no_name = true;
            let signature = world::denial_signature(&world.servers[&ip(3)]);
            world.denial = vec![("demo.test", Data::Signature(signature))];
        },
        &denied,
    );
}

/// The lines about a signed zone, with one server changed.
#[track_caller]
fn check_signed(change: fn(&mut world::Served), expect: &[(Check, Verdict, &str)]) {
    let signed = |world: &mut World| {
        world.servers.values_mut().for_each(|served| served.keys = vec![world::key(1)]);
        world.ds = vec![world::ds(1)];
        change(world.servers.get_mut(&ip(4)).unwrap());
    };
    check(signed, expect);
}

#[test]
fn signatures_hold_now_and_are_of_keys_that_count() {
    use world::{HOUR_S, NOW_S, WEEK_S};
    let mut world = World::good();
    world.servers.values_mut().for_each(|served| served.keys = vec![world::key(1)]);
    world.ds = vec![world::ds(1)];
    let findings = world.look();
    let line = findings.iter().find(|finding| finding.check == Check::Signatures).unwrap();
    assert_eq!((line.verdict, &*line.found), (Verdict::Good, "they hold, and for 7 d yet"));
    let bad = |words| [(Check::Signatures, Bad, words)];
    check_signed(
        |served| served.window.1 = NOW_S.wrapping_sub(3 * HOUR_S),
        &bad(
            "127.0.0.4: the signature of the SOA expired 3 h ago; 127.0.0.4: the signature of the keys",
        ),
    );
    check_signed(
        |served| served.window = (NOW_S + HOUR_S, NOW_S + WEEK_S),
        &bad("the signature of the keys holds in 60 min only"),
    );
    check_signed(
        |served| served.is_forged = true,
        &bad("127.0.0.4: the signature of the keys is wrong"),
    );
    check_signed(
        |served| served.signing = [2, 1],
        &bad("no signature of the keys is by a key that counts"),
    );
    check_signed(
        |served| served.signing = [1, 2],
        &bad("no signature of the SOA is by a key that counts"),
    );
}

#[test]
fn overwatches_that_go_by_different_files() {
    use Check::Configuration;
    let said = |place: &str, digest: Result<&str, &str>| OverwatchSaid {
        place: place.into(),
        digest: digest.map(str::to_owned).map_err(str::to_owned),
    };
    check(
        |world| world.plan.overwatches = vec![said("a", Ok("11")), said("b", Ok("22"))],
        &[(Configuration, Bad, "a: 11; b: 22")],
    );
    check(
        |world| world.plan.overwatches = vec![said("a", Ok("11")), said("b", Err("refused"))],
        &[(Configuration, Bad, "b: refused"), (Configuration, Unknown, "only a was asked")],
    );
    check(|world| world.plan.overwatches.clear(), &[(Configuration, Unknown, "no overwatch")]);
}

#[test]
fn what_resolvers_see() {
    use Check::Answers;
    let all = |world: &mut World, change: fn(&mut world::Served)| {
        world.servers.values_mut().for_each(change);
    };
    check(|world| world.plan.names.clear(), &[(Answers, Unknown, "no steered name")]);
    check(
        |world| all(world, |s| s.steered.clear()),
        &[(Answers, Bad, "127.0.0.3 has no address for it, 127.0.0.4 has no address")],
    );
    check(|world| all(world, |s| s.ttl_s = 0), &[(Answers, Note, "TTL 0")]);
    check(|world| all(world, |s| s.ttl_s = 3600), &[(Answers, Note, "TTL 3600")]);
    check(|world| all(world, |s| s.scope = None), &[(Answers, Note, "takes no client networks")]);
    check(
        |world| world.servers.get_mut(&ip(4)).unwrap().ttl_s = 30,
        &[(Answers, Bad, "TTLs differ, 127.0.0.4: 30; 127.0.0.3: 60")],
    );
    // Neither what an alias leads to nor a region that is tried is a fault.
    check(|world| all(world, |s| s.is_alias = true), &[]);
    check(|world| all(world, |s| s.tries_for_s = Some(9)), &[]);
    check(
        |world| world.servers.get_mut(&ip(4)).unwrap().steered_rcode = 2,
        &[(Answers, Bad, "127.0.0.4 says SERVFAIL for A")],
    );
}

#[test]
fn networks_are_read_and_masked() {
    for (text, expect) in [
        ("192.0.2.77/24", Some("192.0.2.0/24")),
        ("0.0.0.0/0", Some("0.0.0.0/0")),
        ("2001:db8::1/32", Some("2001:db8::/32")),
        ("192.0.2.0", None),
        ("192.0.2.0/33", None),
        ("::/129", None),
        ("x/1", None),
    ] {
        let read = text.parse::<Network>().ok().map(|network| network.to_string());
        assert_eq!(read.as_deref(), expect, "{text}");
    }
}

#[test]
fn an_answer_is_read_back_and_another_one_is_foreign() {
    use message::{Data, NoAnswer};
    let server = world::socket(3);
    let client = "192.0.2.0/24".parse().unwrap();
    let edns = Some(Edns { version: 0, udp_size: 1232, dnssec_ok: true, client: Some(client) });
    let asked = Question::new(server, &name("App.demo.test"), RecordType::A).with(edns);
    let mut bytes = asked.to_bytes(77).unwrap();
    assert_eq!(Message::read(&bytes, &asked, 77), Err(NoAnswer::Foreign), "a question");
    // QR and AA; one answer, by a pointer to the question's name.
    bytes[2] |= 0x84;
    let opt = bytes.split_off(bytes.len() - 11 - 11);
    bytes[7] = 1;
    bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1]);
    bytes.extend(opt);
    let read = Message::read(&bytes, &asked, 77).unwrap();
    assert!(read.is_authoritative && !read.is_truncated && read.rcode == 0, "{read:?}");
    assert_eq!(read.answer[0].data, Data::Address("10.0.0.1".parse().unwrap()));
    assert_eq!((read.answer[0].ttl_s, &read.answer[0].owner), (60, &name("app.demo.test")));
    assert_eq!(read.opt.map(|opt| (opt.version, opt.scope)), Some((0, Some(0))));
    assert_eq!(Message::read(&bytes, &asked, 78), Err(NoAnswer::Foreign));
    let other = Question::new(server, &name("b.demo.test"), RecordType::A);
    assert_eq!(Message::read(&bytes, &other, 77), Err(NoAnswer::Foreign));
    bytes.truncate(bytes.len() - 30);
    assert!(matches!(Message::read(&bytes, &asked, 77), Err(NoAnswer::Malformed(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_or_refused(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz::fuzz(&data);
        // With a head that promises an answer the records are read too.
        let head = [0, 7, 0x84, 0, 0, 0, 0, 2, 0, 1, 0, 1];
        fuzz::fuzz(&[&head[..], &data].concat());
    }
}
