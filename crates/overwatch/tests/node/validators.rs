//! Signed zones as a validator of somebody else's sees them: `delv`, of BIND, asks a server on the
//! loopback that answers with the query path.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dns::NameBuf;
use dnssec::{Algorithm, KeyRing, Layout, Member, Role, RolloverTerms, State};
use model::Time;
use overwatch::{Asker, Event, Transport, View, Worker, resolve};

use crate::dialogues::{World, give_keys};
use crate::settings::START;

const WORLD: &str = "\
zone demo.local
signed
record www A 192.0.2.10
record www A 192.0.2.9
record alias CNAME www
record dangling CNAME nowhere
record text TXT \"Some text\"
record mail MX 5 WWW
record *.wild A 192.0.2.11
record a.b.deep TXT \"text\"
record open NS ns1.open
record ns1.open A 192.0.2.13
zone in.between.demo.local
record www A 192.0.2.14
domain app.demo.local round-robin
answers 2
https h2
region eu-west
default eu-west
server app.demo.local eu-west 10.2.1.10
server app.demo.local eu-west 10.2.1.11
server app.demo.local eu-west 10.2.1.12
";

/// Name, type, what `delv` says of the answer, and what it must print.
type Question = (&'static str, &'static str, &'static str, &'static str);

const QUESTIONS: &[Question] = &[
    ("www", "A", "fully validated", "192.0.2.9"),
    ("WwW", "A", "fully validated", "192.0.2.10"),
    ("text", "TXT", "fully validated", "Some text"),
    ("mail", "MX", "fully validated", "5 "),
    ("alias", "A", "fully validated", "192.0.2.9"),
    ("x.wild", "A", "fully validated", "192.0.2.11"),
    ("app", "A", "fully validated", "10.2.1."),
    ("app", "HTTPS", "fully validated", "alpn"),
    ("@", "SOA", "fully validated", "hostmaster"),
    ("@", "NS", "fully validated", "ns1"),
    ("@", "DNSKEY", "fully validated", "257 3"),
    ("@", "CDS", "fully validated", "CDS"),
    ("ns1", "A", "fully validated", "127.0.0.1"),
    ("www", "NSEC", "fully validated", "NSEC"),
    ("www", "AAAA", "negative response, fully validated", "-A"),
    ("app", "AAAA", "negative response, fully validated", "-A"),
    ("x.wild", "TXT", "negative response, fully validated", "-T"),
    ("b.deep", "A", "negative response, fully validated", "-A"),
    ("no", "A", "negative response, fully validated", "-A"),
    ("open", "DS", "negative response, fully validated", "-D"),
    // A zone of ours inside, which nobody delegated by hand.
    ("in.between", "DS", "negative response, fully validated", "-D"),
    ("between", "A", "negative response, fully validated", "-A"),
    ("www.in.between", "A", "unsigned answer", "192.0.2.14"),
    ("in.between", "NS", "unsigned answer", "ns1"),
];

/// The time that a system without another clock has: `delv` looks at it, too.
fn system_time() -> Time {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix_ms(u64::try_from(now.as_millis()).unwrap())
}

/// A new ring of keys; its secrets are 1, 2 and so on.
fn ring(terms: (Layout, Algorithm), now: Time) -> KeyRing {
    let mut next = 0;
    let mut draw = || {
        next += 1;
        [next; 32]
    };
    KeyRing::new("demo.local".parse().unwrap(), terms, now, &mut draw).unwrap()
}

/// What is answered while a ring signs.
fn view(ring: &KeyRing) -> Arc<View> {
    let world: World = WORLD.lines().collect();
    let mut bench = world.build();
    // The bench counts from another day; what is signed is dated by this machine's clock.
    bench.tell(Event::ClockRead(system_time()));
    give_keys(&mut bench, KeyRing::from_text(&ring.to_text()).unwrap());
    bench.view
}

/// What a validator trusts while these DS records stand in the zone above.
fn anchors<'a>(members: impl Iterator<Item = &'a Member>) -> String {
    let apex: NameBuf = "demo.local".parse().unwrap();
    let anchor = |member: &Member| {
        let (tag, algorithm) = (member.key.tag(), member.key.algorithm().number());
        let ds = member.key.ds(apex.as_name());
        let digest: String = ds[4..].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("demo.local. static-ds {tag} {algorithm} 2 \"{digest}\";")
    };
    let lines: Vec<String> = members.map(anchor).collect();
    format!("trust-anchors {{ {} }};\n", lines.join(" "))
}

/// Answers questions by UDP until it is told to stop: each from the next of the views, as resolvers
/// that ask several overwatches, or have older answers, see them.
fn serve(views: &[&View], socket: &UdpSocket, is_over: &AtomicBool) {
    let mut workers: Vec<Worker> = views.iter().map(|_| Worker::new(None)).collect();
    let (mut buffer, mut packet, mut turn) = (vec![0; 65_535], [0; 4_096], 0);
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        if is_over.load(Ordering::Acquire) {
            return;
        }
        let local = socket.local_addr().unwrap().ip();
        let (transport, now) = (Transport::Udp, START);
        let asker = Asker { address: from.ip(), local, transport, now };
        turn = (turn + 1) % views.len();
        let worker = &mut workers[turn];
        let reply = resolve(views[turn], &asker, &packet[..length], worker, &mut buffer);
        socket.send_to(reply.bytes, from).unwrap();
    }
}

/// Asks all questions of a server with these views; what `delv` finds wrong.
fn faults(views: &[&View], anchor: &str, questions: &[Question]) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), anchor).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (port, is_over) = (socket.local_addr().unwrap().port(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| serve(views, &socket, &is_over));
        let faults = ask_all(port, file.path(), questions);
        is_over.store(true, Ordering::Release);
        socket.send_to(&[], socket.local_addr().unwrap()).unwrap();
        faults
    })
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn has_delv() -> bool {
    let is_here = Command::new("delv").arg("-v").output().is_ok();
    if !is_here {
        eprintln!("SKIPPED: there is no delv here (Debian: bind9-dnsutils)");
    }
    is_here
}

#[test]
fn delv_validates_what_is_signed() {
    for algorithm in Algorithm::ALL.into_iter().filter(|_| has_delv()) {
        for layout in [Layout::Csk, Layout::KskZsk] {
            let ring = ring((layout, algorithm), system_time());
            let anchor = anchors(ring.wanted_above());
            let found = faults(&[&view(&ring)], &anchor, QUESTIONS);
            assert_eq!(found, [""; 0], "{algorithm} {layout:?}");
        }
    }
}

#[test]
fn delv_finds_another_key_wrong() {
    if has_delv() {
        let (one, other) = ((Layout::Csk, Algorithm::Ed25519), Algorithm::EcdsaP256Sha256);
        let anchor = anchors(ring((Layout::Csk, other), system_time()).wanted_above());
        let found = faults(&[&view(&ring(one, system_time()))], &anchor, &QUESTIONS[..1]);
        assert_eq!(found.len(), 1);
    }
}

/// Two overwatches with one ring, one of them a step behind, or a resolver with answers from before
/// a step: at each step of a roll all is valid under what the zone above has then.
#[test]
fn delv_validates_while_keys_change() {
    let terms = RolloverTerms {
        layout: Layout::Csk,
        algorithm: Algorithm::EcdsaP256Sha256,
        dnskey_ttl_s: 3_600,
        zone_ttl_max_s: 60,
        ds_ttl_s: 3_600,
        propagation_s: 60,
        entry_point_age_s: None,
        zsk_age_s: None,
    };
    let start = system_time().minus_ms(30 * 86_400_000);
    let at = |minutes: u64| start.plus_ms(minutes * 60_000);
    let mut keys = ring((terms.layout, terms.algorithm), start);
    let mut stages = vec![KeyRing::from_text(&keys.to_text()).unwrap()];
    let tag = keys.roll(Role::Csk, at(60), &mut || [9; 32]).unwrap();
    for minute in [120, 240, 310, 390, 480] {
        if minute == 310 {
            keys.ds_seen(tag, &terms, at(300)).unwrap();
        }
        keys.advance(&terms, at(minute));
        stages.push(KeyRing::from_text(&keys.to_text()).unwrap());
    }
    let states: Vec<Vec<State>> =
        stages.iter().map(|ring| ring.members().map(|member| member.state).collect()).collect();
    let (published, ready) = (State::Published, State::Ready);
    let (active, retired) = (State::Active, State::Retired);
    let waiting = vec![active, ready];
    let moving = [vec![active, published], waiting.clone(), waiting, vec![retired, active]];
    let expect = [vec![vec![active]], moving.to_vec(), vec![vec![active]]].concat();
    assert_eq!(states, expect);
    if !has_delv() {
        return;
    }
    let questions = [QUESTIONS[0], QUESTIONS[6], QUESTIONS[10], QUESTIONS[18]];
    for pair in stages.windows(2) {
        let [before, after] = pair else { unreachable!("pairs") };
        let views = [view(before), view(after)];
        // The zone above has the old one's until the new one is wanted, and either from then on.
        for anchor in [anchors(before.wanted_above()), anchors(after.wanted_above())] {
            let found = faults(&[&views[0], &views[1]], &anchor, &questions);
            assert_eq!(found, [""; 0], "{before:?} and {after:?}");
        }
    }
}

/// What `delv` finds wrong.
fn ask_all(port: u16, anchor: &Path, questions: &[Question]) -> Vec<String> {
    let ask = |(owner, qtype, verdict, line): &Question| {
        let name =
            if *owner == "@" { "demo.local".to_owned() } else { format!("{owner}.demo.local") };
        let mut delv = Command::new("delv");
        delv.args(["@127.0.0.1", "-p", &port.to_string(), "+root=demo.local", "-a"]);
        let output = delv.arg(anchor).args([name.as_str(), *qtype]).output().unwrap();
        let texts = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&texts);
        let is_right = text.contains(&format!("; {verdict}")) && text.contains(line);
        (!is_right).then(|| format!("{name} {qtype}: expected {verdict} and {line}:\n{text}"))
    };
    questions.iter().filter_map(ask).collect()
}
