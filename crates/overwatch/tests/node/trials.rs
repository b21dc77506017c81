//! While a region is tried no answer is kept longer than the decision holds: whether it names servers, or is an alias
//! that is followed, or one that leads elsewhere.

use dns::RecordType;
use overwatch::{Asker, Outcome, Transport, Worker, resolve};

use crate::dialogues::World;
use crate::settings::ip;
use crate::wire::{self, Question};

/// Europe was measured for a client, so that Asia is worth a try.
const WORLD: &str = "\
zone demo.local
record eu A 192.0.2.1
domain app.demo.local learned_latency ttl 300 min 1
explore 100
region eu-west
region ap-southeast
default eu-west
server app.demo.local eu-west 10.2.1.10
server app.demo.local ap-southeast 10.3.1.10
row app.demo.local eu-west 10.1.2.0/24 90 40
";
const TARGETS: &str = "\
target eu-west eu.demo.local
target ap-southeast sg.cdn.example.org
";

#[track_caller]
fn check(more: &str, qtype: RecordType) {
    let (domain, servers) = WORLD.split_at(WORLD.find("default").unwrap());
    let mut bench = [domain, more, servers].concat().lines().collect::<World>().build();
    bench.advance(10_000);
    let packet = Question::new("app.demo.local", qtype).of_network("10.1.2.0/24").to_bytes();
    let mut shortened = 0;
    // Half of them in the second half of a slot.
    for at in 0..200 {
        let now = bench.now.plus_ms(at * 90_000);
        let (address, local) = (ip("192.0.2.99"), ip("10.1.1.10"));
        let asker = Asker { address, local, transport: Transport::Udp, now };
        let mut buffer = vec![0; 65_535];
        let reply = resolve(&bench.view, &asker, &packet, &mut Worker::new(None), &mut buffer);
        let Outcome::Steered { decision, .. } = &reply.outcome else { panic!("not steered") };
        let ttl_s = decision.ttl_s;
        let answer = wire::read(reply.bytes);
        let (_, record) = answer.records.first().unwrap();
        let kept = format!("app.demo.local {ttl_s} ");
        assert!(record.starts_with(&kept), "{record}: {ttl_s} s");
        shortened += u32::from(ttl_s < 300);
    }
    assert!((1..200).contains(&shortened), "{shortened} answers were cut short");
}

#[test]
fn servers_that_are_tried_are_kept_no_longer_than_that() {
    check("", RecordType::A);
}

#[test]
fn an_alias_that_is_tried_is_kept_no_longer_than_that() {
    for qtype in [RecordType::A, RecordType::CNAME, RecordType::ANY] {
        check(TARGETS, qtype);
    }
}
