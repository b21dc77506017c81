//! Whose turn it is, whatever else is asked meanwhile.

use std::collections::BTreeMap;
use std::net::IpAddr;

use dns::RecordType;
use overwatch::Worker;
use routing::Algorithm;

use crate::bench::Bench;
use crate::settings::{APP, key_of, parsed};
use crate::wire::Question;

const SERVERS: [&str; 4] = ["10.2.1.50", "10.2.1.51", "2001:db8::50", "2001:db8::51"];

/// How often each server is named first where a client asks for these, a hundred times over.
fn named(algorithm: Algorithm, asked: &[(&str, RecordType)]) -> BTreeMap<IpAddr, usize> {
    let mut bench = Bench::with(|settings| {
        settings.domains[0].algorithm = algorithm;
        settings.domains[0].default_region = Some(parsed("eu-west"));
        for address in SERVERS {
            let (key, region) = (key_of(APP, address), parsed("eu-west"));
            let backend = model::Backend { key, region, weight: 100 };
            settings.backends.push(overwatch::ConfiguredBackend { backend, check: None });
        }
    });
    bench.advance(1_000);
    let (mut worker, mut named) = (Worker::new(None), BTreeMap::new());
    for (name, qtype) in (0..100).flat_map(|_| asked) {
        let (answer, _) = bench.ask_worker(&mut worker, &Question::new(name, *qtype), "10.1.2.7");
        if let Some(first) = answer.addresses.first() {
            *named.entry(*first).or_default() += 1;
        }
    }
    named
}

#[test]
fn each_server_has_its_turns_whatever_else_is_asked() {
    use RecordType as Type;
    let all = BTreeMap::from(SERVERS.map(|server| (parsed(server), 50)));
    for algorithm in [Algorithm::Weighted, Algorithm::RoundRobin, Algorithm::Failover] {
        let pairs = [(APP, Type::A), (APP, Type::AAAA)];
        assert_eq!(named(algorithm, &pairs), all, "{algorithm:?}");
        let browser = [(APP, Type::A), (APP, Type::AAAA), (APP, Type::HTTPS)];
        assert_eq!(named(algorithm, &browser), all, "{algorithm:?}");
        let another = [(APP, Type::A), ("web.demo.local", Type::A), (APP, Type::AAAA)];
        assert_eq!(named(algorithm, &another), all, "{algorithm:?}");
    }
}
