//! What steered names answer with besides one address, asked of a real process.

use std::collections::BTreeSet;

use crate::daemon::eventually;
use crate::dns_client::{A, AAAA, CNAME, HTTPS, SOA, TXT, by_tcp, by_udp};
use crate::world::{Web, World};

#[test]
fn several_servers_a_wildcard_and_an_alias() {
    let world = World::start();
    // An alias needs no server where nobody watches its region; its target is a record of the zone.
    for ask in [by_udp, by_tcp] {
        let reply = ask(world.dns, "cdn.test", A);
        assert_eq!((reply.rcode, &*reply.answers), (0, &[CNAME, A][..]), "{reply:?}");
        assert_eq!(reply.addresses, ["192.0.2.80".parse::<std::net::IpAddr>().unwrap()]);
        assert!(reply.is_authoritative);
        let reply = ask(world.dns, "cdn.test", TXT);
        assert_eq!((&*reply.answers, &*reply.authority), (&[CNAME][..], &[SOA][..]), "{reply:?}");
        assert_eq!(ask(world.dns, "cdn.test", CNAME).answers, [CNAME]);
    }

    // Two of three servers in each answer; every name below the domain has them.
    let webs = [Web::start(51), Web::start(52), Web::start(53)];
    let _agents =
        [("first", 0), ("second", 1), ("third", 2)].map(|(name, at)| world.joined(name, &webs[at]));
    let named = |name: &str| {
        let answers = (0..12).map(|_| by_tcp(world.dns, name, A).addresses);
        answers.map(BTreeSet::from_iter).collect::<BTreeSet<BTreeSet<_>>>()
    };
    eventually("each pair has its turn", || named("Any.app.test").len() == 3);
    assert!(named("a.b.app.test").iter().all(|pair| pair.len() == 2));
    let reply = by_udp(world.dns, "any.app.test", HTTPS);
    assert_eq!((reply.rcode, &*reply.answers), (0, &[HTTPS][..]), "{reply:?}");
    let reply = by_udp(world.dns, "any.app.test", AAAA);
    assert_eq!((&*reply.answers, &*reply.authority), (&[][..], &[SOA][..]), "{reply:?}");
    assert_eq!(by_udp(world.dns, "app.test", A).answers, [A], "one, unless told else");
}
