//! Scripted tables from look to look.

use std::net::IpAddr;

use super::*;
use crate::windows::kernel::Kernel;
use crate::windows::scripted::{Calls, Connection, Script};

/// A scripted machine, and a watch over its ports 80 and 443.
struct Bench {
    script: Script,
    functions: Functions,
    watch: Watch,
}

impl Bench {
    fn new() -> Self {
        let script = Script::default();
        let functions = script.functions();
        Self { script, functions, watch: Watch::new() }
    }

    fn connect(&self, local: &str, remote: &str, rtt_us: u32) {
        let connection = Connection::of(local, remote, rtt_us).unwrap();
        self.script.state().connections.push(connection);
    }

    /// The connections that ended, as one line.
    fn look(&mut self, which: Which) -> (Look, String) {
        let mut samples = Vec::new();
        let ports = BTreeSet::from([80, 443]);
        let look = self.watch.look(&self.functions, &ports, which, &mut samples).unwrap();
        assert!(samples.iter().all(|sample| sample.state == SocketState::Closed));
        (look, tell(&samples))
    }

    /// Those that are open, likewise.
    fn open(&self) -> String {
        let mut samples = Vec::new();
        self.watch.open(&mut samples);
        assert!(samples.iter().all(|sample| sample.state == SocketState::Open));
        tell(&samples)
    }
}

fn tell(samples: &[Sample]) -> String {
    let mut lines: Vec<String> = samples
        .iter()
        .map(|sample| {
            let (client, port, cookie) = (sample.client, sample.local.port(), sample.cookie);
            let min = sample.min_rtt_us.map_or("none".to_owned(), |us| us.to_string());
            format!("#{cookie} {client}>{port} {min}")
        })
        .collect();
    lines.sort();
    lines.join(", ")
}

#[test]
fn a_connection_that_ended_counts_with_its_last_reading() {
    let mut bench = Bench::new();
    bench.connect("10.1.1.10:80", "10.1.2.5:50000", 85_000);
    bench.connect("[2001:db8::1]:443", "[2001:db8:2::5]:50000", 220_000);
    bench.connect("[::ffff:10.1.1.10]:80", "[::ffff:10.1.3.5]:50001", 7_000);
    bench.connect("10.1.1.10:22", "10.1.2.5:50001", 85_000);
    let (look, ended) = bench.look(Which::Young);
    assert_eq!((look.open, look.ended, ended.as_str()), (3, 0, ""));
    assert_eq!(bench.open(), "#1 10.1.2.5>80 none, #2 2001:db8:2::5>443 none, #3 10.1.3.5>80 none");
    bench.look(Which::Young);
    assert_eq!(
        bench.open(),
        "#1 10.1.2.5>80 85000, #2 2001:db8:2::5>443 220000, #3 10.1.3.5>80 7000"
    );
    bench.script.state().connections[0].times.min_us = 84_000;
    bench.look(Which::Young);
    bench.script.state().connections.clear();
    let (look, ended) = bench.look(Which::Young);
    assert_eq!((look.ended, look.never_read), (3, 0));
    assert_eq!(ended, "#1 10.1.2.5>80 84000, #2 2001:db8:2::5>443 220000, #3 10.1.3.5>80 7000");
    assert_eq!(bench.look(Which::Young).0, Look::default(), "told once");
}

#[test]
fn one_that_ends_before_it_is_read_is_counted_as_missed() {
    let mut bench = Bench::new();
    bench.connect("10.1.1.10:80", "10.1.2.5:50000", 85_000);
    bench.look(Which::Young);
    bench.script.state().connections.clear();
    let (look, ended) = bench.look(Which::Young);
    assert_eq!((look.ended, look.never_read, ended.as_str()), (1, 1, "#1 10.1.2.5>80 none"));
}

#[test]
fn one_that_is_ending_is_read_a_last_time() {
    let mut bench = Bench::new();
    bench.connect("10.1.1.10:80", "10.1.2.5:50000", 85_000);
    bench.look(Which::Young);
    let mut state = bench.script.state();
    // MIB_TCP_STATE_CLOSE_WAIT.
    state.connections[0].state = 8;
    drop(state);
    let (look, ended) = bench.look(Which::Young);
    assert_eq!((look.ended, look.never_read, ended.as_str()), (1, 0, "#1 10.1.2.5>80 85000"));
    assert_eq!(bench.look(Which::Young).0, Look::default(), "and is no new one then");
}

#[test]
fn the_same_ports_again_are_another_connection() {
    let mut bench = Bench::new();
    bench.connect("10.1.1.10:80", "10.1.2.5:50000", 85_000);
    bench.look(Which::Young);
    bench.look(Which::Young);
    bench.script.state().connections.clear();
    // Gone and there again between two looks; nobody has asked about this one.
    bench.connect("10.1.1.10:80", "10.1.2.5:50000", 40_000);
    let (look, ended) = bench.look(Which::Young);
    assert_eq!((look.open, look.ended, ended.as_str()), (1, 1, "#1 10.1.2.5>80 85000"));
    assert_eq!(bench.open(), "#2 10.1.2.5>80 none");
    bench.look(Which::Young);
    assert_eq!(bench.open(), "#2 10.1.2.5>80 40000");
}

#[test]
fn looking_is_cheap() {
    let mut bench = Bench::new();
    bench.connect("10.1.1.10:80", "10.1.2.5:50000", 85_000);
    for _ in 0..1_000 {
        bench.connect("10.1.1.10:5432", "10.1.9.9:40000", 100);
    }
    let calls = |bench: &Bench| bench.script.state().calls;
    bench.look(Which::Young);
    assert_eq!(calls(&bench), Calls { switched_on: 2, read: 0 }, "only ours are asked about");
    for _ in 0..YOUNG_LOOKS {
        bench.look(Which::Young);
    }
    let young = calls(&bench);
    assert_eq!(young, Calls { switched_on: 2, read: 2 * u64::from(YOUNG_LOOKS) });
    bench.look(Which::Young);
    assert_eq!(calls(&bench), young, "an old one is left alone");
    bench.look(Which::All);
    assert_eq!(calls(&bench).read, young.read + 2, "unless all are read");
}

#[test]
fn one_that_may_not_be_timed_is_asked_once_and_listed_all_the_same() {
    for code in [5, 50, 120] {
        let mut bench = Bench::new();
        bench.script.state().switch_on.insert(Subject::Data, code);
        bench.connect("10.1.1.10:80", "10.1.2.5:50000", 85_000);
        (0..5).for_each(|_| drop(bench.look(Which::All)));
        assert_eq!(bench.open(), "#1 10.1.2.5>80 none");
        assert_eq!(bench.script.state().calls, Calls { switched_on: 1, read: 0 });
        let mut samples = Vec::new();
        assert_eq!(bench.watch.open(&mut samples), 1, "and said to be without times");
        assert_eq!((samples[0].smoothed_rtt_us, samples[0].bytes_acked), (0, 0));
    }
}

#[test]
fn a_table_that_fails_ends_no_connection() {
    let mut bench = Bench::new();
    bench.connect("10.1.1.10:80", "10.1.2.5:50000", 85_000);
    bench.connect("[2001:db8::1]:443", "[2001:db8:2::5]:50000", 220_000);
    bench.look(Which::Young);
    bench.script.state().list.insert(Family::Ipv4, 8);
    bench.script.state().connections.clear();
    let (ports, mut samples) = (BTreeSet::from([80, 443]), Vec::new());
    let failed = bench.watch.look(&bench.functions, &ports, Which::Young, &mut samples);
    assert!(matches!(failed, Err(CollectError::NoTable { function: "GetTcpTable2", .. })));
    assert_eq!(tell(&samples), "#2 2001:db8:2::5>443 none", "the other family was seen");
    assert_eq!(bench.open(), "#1 10.1.2.5>80 none");

    // One that is missing altogether is not asked for.
    bench.functions.ipv4.list = None;
    bench.look(Which::Young);
}

#[test]
fn rows_that_come_while_the_buffer_grows_are_there() {
    let mut bench = Bench::new();
    for port in 0..300 {
        bench.connect("10.1.1.10:80", &format!("10.1.2.5:{}", 40_000 + port), 85_000);
    }
    bench.script.state().late_rows = 3;
    assert_eq!(bench.look(Which::Young).0.open, 300);
}

#[test]
fn ports_that_are_no_longer_ours_end_nothing() {
    let mut bench = Bench::new();
    bench.connect("10.1.1.10:80", "10.1.2.5:50000", 85_000);
    bench.connect("10.1.1.10:443", "10.1.2.5:50000", 85_000);
    bench.look(Which::Young);
    let mut samples = Vec::new();
    let ports = BTreeSet::from([443]);
    bench.watch.look(&bench.functions, &ports, Which::Young, &mut samples).unwrap();
    assert_eq!((tell(&samples), bench.open()), (String::new(), "#2 10.1.2.5>443 85000".to_owned()));
}

#[test]
fn both_sources_name_a_connection_alike() {
    let script = Script::default();
    let connection = Connection::of("10.1.1.10:80", "10.1.2.5:50000", 85_000).unwrap();
    script.state().connections.push(connection);
    let kernel = Kernel::of(script.functions());
    let ports = BTreeSet::from([80]);
    let mut events = kernel.destroy_events(&ports).unwrap();
    let mut samples = Vec::new();
    let stats = kernel.dump().unwrap().read(&ports, &mut samples).unwrap();
    assert_eq!((stats.sockets_seen, stats.samples, stats.untimed), (1, 1, 0));
    script.state().connections.clear();
    // It waits for its next look, and not longer.
    let received = events.receive(std::time::Duration::from_secs(60), &mut samples).unwrap();
    assert_eq!((received.events, events.lost()), (1, 0));
    let [open, closed] = samples[..] else { panic!("{samples:?}") };
    assert_eq!((open.state, closed.state), (SocketState::Open, SocketState::Closed));
    assert_eq!(open.cookie, closed.cookie);
    assert_eq!(closed.client, "10.1.2.5".parse::<IpAddr>().unwrap());
    let waited = events.receive(std::time::Duration::ZERO, &mut samples).unwrap();
    assert_eq!(waited.events, 0, "it is not yet time to look");
}
