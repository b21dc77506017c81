//! A node whose loop finds faults: it goes on, says so to whoever asked, and takes nothing half done for done.
//!
//! Each test is a process of its own, the test binary started anew: where it fails, its log and its count of
//! panics belong to all of a process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use config::{Config, LogFormat, LogLevel, Mode};
use rustix::process::{Signal, getpid, kill_process};
use tempfile::TempDir;

use super::fixture::{config, given};
use super::reload::{Files, Reread};
use super::*;
use crate::panics::{self, faults};

/// Says that this is the process which is to fail.
const INSIDE: &str = "OPENGSLB_TEST_FAULTS";

const OVERWATCH: &str = "\
mode: overwatch
overwatch:
  identity: {node_id: one, region: here, cert_path: DIR/crt, key_path: DIR/key}
  data_dir: DIR
  gossip: {bind_address: \"127.0.0.1:0\", encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=}
  validation: {enabled: false}
dns: {query_log: {socket: DIR/dnstap, sample: 1}, listen_address: \"127.0.0.1:0\", zones: [{name: test, records: [\"www 300 A 192.0.2.1\"]}]}
regions: [{name: here}]
metrics: {enabled: true, address: \"127.0.0.1:0\"}
sandbox: {enabled: false}
";

const AGENT: &str = "\
mode: agent
agent:
  identity: {agent_id: a, service_token: correct-horse-battery-staple, region: here, cert_path: DIR/crt, key_path: DIR/key}
  backends: [{service: app.test, address: 127.0.0.1, port: 9, weight: 1}]
  gossip: {encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=, overwatch_nodes: [\"127.0.0.1:9\"]}
  latency_learning: {enabled: false}
metrics: {enabled: true, address: \"127.0.0.1:0\"}
sandbox: {enabled: false}
";

/// Whether this is a process of the test's own; otherwise one was started, and has ended well.
#[track_caller]
fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let mut inside = Command::new(std::env::current_exe().unwrap());
    inside.args(["--exact", &format!("process::tests::{test}"), "--nocapture"]).env(INSIDE, "1");
    // To read where it failed, as asked, takes longer than all the rest.
    inside.env("RUST_BACKTRACE", "0");
    let output = inside.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// A node that runs on a thread that has the name of a process's first one.
struct Node {
    directory: TempDir,
    /// Its configuration, as it would be read again.
    text: Arc<Mutex<String>>,
}

impl Node {
    fn start(text: &str) -> Self {
        // What the tests themselves find is shown as well.
        let shown = std::panic::take_hook();
        panics::watch();
        let counted = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            counted(info);
            shown(info);
        }));
        let directory = tempfile::tempdir().unwrap();
        let text = text.replace("DIR", &directory.path().display().to_string());
        let whole = config(&text);
        let logs = Logs::start_in(LogLevel::Info, LogFormat::Text, &directory.path().join("log"));
        let ground = ground::Ground::lay(&whole, &[]).unwrap();
        let text = Arc::new(Mutex::new(text));
        let read_again = Arc::clone(&text);
        let read: reload::Read = Arc::new(move || Ok(files(&read_again.lock().unwrap())));
        let Config { mode, logging, metrics, sandbox } = whole;
        let (logs, files) = (Arc::new(logs.unwrap()), read().unwrap());
        let is_taking_over = false;
        let around =
            Around { logging, metrics, sandbox, logs, files, read, is_taking_over, ground };
        let run = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .thread_name(panics::TASKS)
                .enable_all()
                .build()
                .unwrap();
            match mode {
                Mode::Overwatch(config) => runtime.block_on(overwatch::run(*config, around)),
                Mode::Agent(config) => runtime.block_on(agent::run(*config, around)),
            }
        };
        std::thread::Builder::new().name("main".to_owned()).spawn(run).unwrap();
        Self { directory, text }
    }

    /// Its configuration is another one from now on; what it was.
    fn edit(&self, from: &str, to: &str) -> String {
        let mut text = self.text.lock().unwrap();
        let next = text.replace(from, to);
        assert_ne!(*text, next);
        std::mem::replace(&mut *text, next)
    }

    /// What stands behind these words in its log, as soon as they are there.
    #[track_caller]
    fn after(&self, words: &str) -> String {
        let mut found = None;
        eventually(words, || {
            let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap();
            found = log.split_once(words).map(|(_, rest)| rest.lines().next().unwrap().to_owned());
            found.is_some()
        });
        found.unwrap()
    }

    /// What its API says by the control socket.
    fn ask(&self, request: &str, body: &str) -> (u16, String) {
        let socket = UnixStream::connect(self.directory.path().join("control.sock")).unwrap();
        exchange(socket, request, body)
    }

    fn reload(&self) -> (u16, String) {
        self.ask("POST /api/v1/reload", "")
    }

    /// The page of metrics, by its status.
    fn scrape(&self) -> (u16, String) {
        let address: SocketAddr = self.after("serving metrics on ").parse().unwrap();
        exchange(TcpStream::connect(address).unwrap(), "GET /metrics", "")
    }

    /// The page of metrics, which says this.
    #[track_caller]
    fn counts(&self, line: &str) {
        let (status, page) = self.scrape();
        assert!(status == 200 && page.contains(&format!("{line}\n")), "{line} in {status} {page}");
    }

    /// How many addresses a name of the zone `test` has.
    fn addresses(&self, label: &str) -> u8 {
        let address: SocketAddr = self.after("answering DNS on ").parse().unwrap();
        let mut query =
            vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, u8::try_from(label.len()).unwrap()];
        query.extend(label.bytes().chain(*b"\x04test\0\0\x01\0\x01"));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.send_to(&query, address).unwrap();
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).unwrap();
        assert!(length > 12 && answer[1] == 7, "{answer:?}");
        answer[7]
    }
}

/// The texts of a configuration without other files.
fn files(text: &str) -> Files {
    let text = text.to_owned();
    Files::new(move |made| {
        let checked = config::load_with(&text, made, &given())?;
        let (config, entities) = (checked.config, checked.entities);
        Ok(Reread { config, warnings: Vec::new(), entities })
    })
}

/// Asks over a stream; the status, and what follows the head.
fn exchange(mut stream: impl Read + Write, request: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let head = "Host: one\r\nConnection: close\r\nContent-Type: application/json";
    write!(stream, "{request} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// Waits until something is so.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..4_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("not in twenty seconds: {what}");
}

/// It failed, says so, and nothing of it is called done.
#[track_caller]
fn assert_failed((status, body): (u16, String)) {
    assert!(faults::was_met(), "{body}");
    assert!(status == 500 && body.contains("/api/docs#problem-failed"), "{status} {body}");
}

#[test]
fn an_overwatch_goes_on_after_a_fault_in_its_loop() {
    if !is_inside("an_overwatch_goes_on_after_a_fault_in_its_loop") {
        return;
    }
    let node = Node::start(OVERWATCH);
    assert_eq!(node.addresses("www"), 1);

    faults::put("question");
    assert_failed(node.ask("GET /api/v1/domains", ""));
    assert_eq!(node.ask("GET /api/v1/domains", "").0, 200);
    assert_eq!(node.addresses("www"), 1);
    node.counts("opengslb_panics_total{thread=\"node\"} 1");
    faults::put("numbers");
    assert_eq!(node.scrape().0, 503);
    node.counts("opengslb_panics_total{thread=\"node\"} 2");

    // A word that was not carried out is not said to be.
    let token = || node.ask("POST /api/v1/tokens", r#"{"name": "deploy", "role": "read"}"#);
    faults::put("command");
    assert_failed(token());
    let (_, tokens) = node.ask("GET /api/v1/tokens", "");
    assert!(!tokens.contains("deploy"), "{tokens}");
    assert_eq!(token().0, 201);

    // Nor is a configuration: the next reload takes it all the same.
    let ran = node.edit("192.0.2.1\"", "192.0.2.1\", \"new 300 A 192.0.2.2\"");
    faults::put("reload");
    assert_failed(node.reload());
    node.after("the configuration was not reloaded: this program failed");
    assert_eq!(node.addresses("new"), 0);
    node.counts("opengslb_config_reloads_total{result=\"refused\"} 1");
    let (status, changed) = node.reload();
    assert!(status == 200 && changed.contains("test changed"), "{changed}");
    assert_eq!(node.addresses("new"), 1);

    // What is there again as it was is sent to a node that may have taken half of another one.
    let runs = std::mem::replace(&mut *node.text.lock().unwrap(), ran);
    faults::put("reload");
    assert_failed(node.reload());
    *node.text.lock().unwrap() = runs;
    faults::put("reload");
    assert_failed(node.reload());
    assert!(node.reload().1.contains("\"changed\":[]"));
    faults::put("reload");
    assert_eq!(node.reload().0, 200);
    assert!(!faults::was_met(), "once it has all of it nothing is sent");

    // What is made through the API neither, and the next one has its turn.
    assert_failed(node.ask("PUT /api/v1/regions/there", "{}"));
    assert_eq!(node.ask("GET /api/v1/regions/there", "").0, 404);
    assert_eq!(node.ask("PUT /api/v1/regions/there", "{}").0, 201);
    assert_eq!(node.addresses("www"), 1);
    node.counts("opengslb_panics_total{thread=\"node\"} 7");
}

/// Each thread and each task that accepts or writes: it fails, and fails again, so it was begun anew.
#[test]
fn every_loop_of_an_overwatch_is_begun_anew_after_a_fault() {
    if !is_inside("every_loop_of_an_overwatch_is_begun_anew_after_a_fault") {
        return;
    }
    let node = Node::start(OVERWATCH);
    let at = |words| node.after(words).parse::<SocketAddr>().unwrap();
    let (mesh, dns) = (at("hearing agents on "), at("answering DNS on "));
    let knock = |at: SocketAddr| drop(TcpStream::connect(at).unwrap());
    let provoke = |place| match place {
        "mesh" => knock(mesh),
        "dns_tcp" => knock(dns),
        "http" => drop(node.scrape()),
        "store" => {
            node.ask("POST /api/v1/tokens", r#"{"name": "other", "role": "read"}"#);
            node.ask("DELETE /api/v1/tokens/other", "");
        }
        _ => {}
    };
    for (place, thread) in [
        ("mesh", "tasks"),
        ("dns_tcp", "tasks"),
        ("http", "tasks"),
        ("store", "store"),
        ("query_log", "query_log"),
    ] {
        let panics = || {
            let counted = panics::counters().into_iter().find(|(word, _)| *word == thread);
            counted.unwrap().1
        };
        let before = panics();
        for _ in 0..2 {
            faults::put(place);
            eventually(place, || {
                provoke(place);
                faults::was_met()
            });
        }
        eventually("both are counted", || panics() == before + 2);
    }
    assert_eq!(node.addresses("www"), 1);
    let (status, said) = node.ask("POST /api/v1/tokens", r#"{"name": "deploy", "role": "read"}"#);
    assert_eq!(status, 201, "{said}");
    assert_eq!(node.scrape().0, 200);
}

#[test]
fn an_agent_goes_on_after_a_fault_in_its_loop() {
    if !is_inside("an_agent_goes_on_after_a_fault_in_its_loop") {
        return;
    }
    let node = Node::start(AGENT);
    faults::put("numbers");
    assert_eq!(node.scrape().0, 503);
    node.counts("opengslb_panics_total{thread=\"node\"} 1");
    faults::put("event");
    eventually("the node is called", faults::was_met);
    node.counts("opengslb_panics_total{thread=\"node\"} 2");

    let reload = || kill_process(getpid(), Signal::HUP).unwrap();
    let ran = node.edit("weight: 1", "weight: 2");
    faults::put("reload");
    reload();
    node.after("the configuration was not reloaded: this program failed");
    node.counts("opengslb_config_reloads_total{result=\"refused\"} 1");
    // What is there again as it was is sent all the same.
    *node.text.lock().unwrap() = ran;
    faults::put("reload");
    reload();
    eventually("it is sent again", faults::was_met);
    let refused = "opengslb_config_reloads_total{result=\"refused\"} 2\n";
    eventually("that is told", || node.scrape().1.contains(refused));
    reload();
    node.after("the configuration was read again: nothing changed");
}
