//! Signed zones as a validator of somebody else's sees them: `delv`, of BIND, asks a server on the
//! loopback that answers with the query path.

use std::net::UdpSocket;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dns::RecordType;
use dnssec::{Algorithm, KeyRing, Layout};
use model::Time;
use overwatch::{Asker, Event, Signers, Transport, Worker, resolve};

use crate::bench::Bench;
use crate::dialogues::World;

const WORLD: &str = "\
zone demo.local
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
domain app.demo.local round-robin
answers 2
https h2
region eu-west
default eu-west
server app.demo.local eu-west 10.2.1.10
server app.demo.local eu-west 10.2.1.11
server app.demo.local eu-west 10.2.1.12
";

/// What `delv` says of a question, and a line that it must print.
const QUESTIONS: &[(&str, &str, &str, &str)] = &[
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
];

/// The time that a system without another clock has: `delv` looks at it, too.
fn system_time() -> Time {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix_ms(u64::try_from(now.as_millis()).unwrap())
}

/// A zone that is signed, and what a validator trusts.
fn zone(layout: Layout, algorithm: Algorithm) -> (Bench, String) {
    let now = system_time();
    let mut next = 0;
    let mut draw = || {
        next += 1;
        [next; 32]
    };
    let apex = "demo.local".parse().unwrap();
    let ring = KeyRing::new(apex, (layout, algorithm), now, &mut draw).unwrap();
    let signer = ring.signer(3_600).unwrap();
    let ds = &signer.own(RecordType::CDS).unwrap()[0];
    let digest: String = ds[4..].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = ring.members().next().unwrap().key.tag();
    let anchor = format!(
        "trust-anchors {{ demo.local. static-ds {tag} {} 2 \"{digest}\"; }};\n",
        algorithm.number()
    );
    let world: World = WORLD.lines().collect();
    let mut bench = world.build();
    let signers: Signers = std::iter::once(Arc::new(signer)).collect();
    bench.tell(Event::Sign(Arc::new(signers)));
    (bench, anchor)
}

/// Answers questions by UDP until it is told to stop.
fn serve(bench: &Bench, socket: &UdpSocket, is_over: &AtomicBool) {
    let (mut worker, mut buffer, mut packet) = (Worker::new(None), vec![0; 65_535], [0; 4_096]);
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        if is_over.load(Ordering::Acquire) {
            return;
        }
        let local = socket.local_addr().unwrap().ip();
        let (transport, now) = (Transport::Udp, system_time());
        let asker = Asker { address: from.ip(), local, transport, now };
        let reply = resolve(&bench.view, &asker, &packet[..length], &mut worker, &mut buffer);
        socket.send_to(reply.bytes, from).unwrap();
    }
}

#[test]
fn delv_validates_what_is_signed() {
    if Command::new("delv").arg("-v").output().is_err() {
        eprintln!("SKIPPED: there is no delv here (Debian: bind9-dnsutils)");
        return;
    }
    for algorithm in Algorithm::ALL {
        for layout in [Layout::Csk, Layout::KskZsk] {
            let (bench, anchor) = zone(layout, algorithm);
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), anchor).unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let (port, is_over) = (socket.local_addr().unwrap().port(), AtomicBool::new(false));
            std::thread::scope(|scope| {
                scope.spawn(|| serve(&bench, &socket, &is_over));
                let faults = ask_all(port, file.path());
                is_over.store(true, Ordering::Release);
                socket.send_to(&[], socket.local_addr().unwrap()).unwrap();
                assert_eq!(faults, [""; 0], "{algorithm} {layout:?}");
            });
        }
    }
}

/// What `delv` finds wrong.
fn ask_all(port: u16, anchor: &std::path::Path) -> Vec<String> {
    let ask = |(owner, qtype, verdict, line): &(&str, &str, &str, &str)| {
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
    QUESTIONS.iter().filter_map(ask).collect()
}
