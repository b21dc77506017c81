//! Connections of a Windows server: rows of its tables, asked to be timed and read through the table
//! of functions that `tcpstat` looks up there, to the agent's aggregates, over the wire into the
//! overwatch's table and the answer. Only the functions themselves are scripted.

use std::collections::BTreeSet;

use model::{Sample, SocketState};
use tcpstat::windows::Kernel;
use tcpstat::windows::functions::Subject;
use tcpstat::windows::scripted::{Connection, Script};

use crate::bench::Bench;
use crate::settings::{self, APP, EU};

/// A Windows server behind the agent `eu`, and what it answers when a subject is switched on.
struct Server {
    bench: Bench,
    script: Script,
    kernel: Kernel,
}

impl Server {
    fn new(answers: &[(Subject, u32)]) -> Self {
        let mut bench = Bench::new();
        bench.start(settings::agent("eu", "eu-west", EU), EU, 1);
        bench.connect("eu");
        bench.advance(0);
        let script = Script::default();
        script.state().switch_on.extend(answers.iter().copied());
        let kernel = Kernel::of(script.functions());
        Self { bench, script, kernel }
    }

    /// Ten clients of each family connect, and somebody else to another port.
    fn ten_clients_of_each_family(&self) {
        let connections = &mut self.script.state().connections;
        for client in 1..=10 {
            let (ipv4, ipv6) = (format!("10.1.2.{client}:5000{}", client % 10), client);
            let ipv6 = format!("[2001:db8:2::{ipv6:x}]:50000");
            connections.extend(Connection::of("10.2.1.10:80", &ipv4, 40_900));
            connections.extend(Connection::of("[2001:db8::10]:80", &ipv6, 220_400));
            connections.extend(Connection::of("10.2.1.10:445", &ipv4, 1_000));
        }
        assert_eq!(connections.len(), 30);
    }

    /// The agent's collector looks at the tables: what ended is told, what is open is what the next
    /// polls show.
    fn look(&mut self) -> u64 {
        let mut samples: Vec<Sample> = Vec::new();
        let ports = BTreeSet::from([80]);
        let stats = self.kernel.dump().unwrap().read(&ports, &mut samples).unwrap();
        let (open, ended) = samples.into_iter().partition(|s| s.state == SocketState::Open);
        self.bench.hosts.get_mut("eu").unwrap().open = open;
        self.bench.observe("eu", ended);
        stats.untimed
    }

    fn learned(&self) -> Vec<(String, u32, u64)> {
        let rows = self.bench.learned_of(APP).into_iter();
        rows.map(|(subnet, _, ms, samples)| (subnet, ms, samples)).collect()
    }
}

#[test]
fn from_the_tables_of_windows_to_the_answer() {
    // ERROR_INVALID_PARAMETER: a Windows that does not know FineRtt.
    let only_path = [(Subject::FineRtt, 87)];
    for (answers, ms) in [(&[][..], 41), (&only_path, 40)] {
        let mut server = Server::new(answers);
        server.ten_clients_of_each_family();
        assert_eq!(server.look(), 20, "they are timed from now on");
        assert_eq!(server.look(), 0, "and are read");
        server.script.state().connections.clear();
        server.look();
        server.bench.advance(31_000);
        let row = |subnet: &str, ms| (subnet.to_owned(), ms, 10);
        let expect = [row("10.1.2.0/24", ms), row("2001:db8:2::/48", 220)];
        assert_eq!(server.learned(), expect, "{answers:?}");
        let (to, reason) = server.bench.steer("10.1.2.7");
        assert_eq!((to, reason.as_str()), (vec![settings::ip(EU)], "learned_latency"));
    }
}

#[test]
fn a_connection_that_stays_open_is_learned_too() {
    let mut server = Server::new(&[]);
    server.ten_clients_of_each_family();
    server.look();
    server.look();
    server.bench.advance(61_000);
    let subnets: Vec<String> = server.learned().into_iter().map(|(subnet, ..)| subnet).collect();
    assert_eq!(subnets, ["10.1.2.0/24", "2001:db8:2::/48"]);
}

#[test]
fn without_times_nothing_is_learned_and_the_connections_are_load() {
    // Not elevated; not supported; a function that is not there.
    for code in [5, 50, 120] {
        let mut server = Server::new(&[(Subject::Data, code)]);
        server.ten_clients_of_each_family();
        assert_eq!((server.look(), server.look()), (20, 20), "{code}");
        server.bench.advance(61_000);
        assert_eq!(server.learned(), [], "{code}");
        let open = &server.bench.hosts.get("eu").unwrap().open;
        assert_eq!(open.len(), 20, "{code}: the ports of others are no load");
    }
}
