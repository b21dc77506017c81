//! Hand-overs that one of the two does not live to see, or that are refused: whoever goes on has all that
//! it needs.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use crate::asker::ask_once;
use crate::daemon::{Daemon, eventually};
use crate::report;
use crate::site::{Site, WWW};

/// The sockets are one for both processes, so are the local sockets' files: the old one's end takes
/// nothing of the new one's, whose agents are not there yet.
#[test]
fn an_old_process_that_ends_in_the_middle_leaves_the_new_one_its_sockets() {
    let mut site = Site::start();
    let agent = Daemon::start(&site.agent_config("weight: 100", "level: info"), &[]);
    site.overwatch.line("registered 1 backends");
    agent.signal("STOP");
    let next = Daemon::start(&site.config(), &["--take-over"]);
    next.line("hearing agents on ");
    assert!(!next.has("answering DNS on "), "it waits for its agent: {}", next.log());
    site.overwatch.signal("TERM");
    assert!(site.overwatch.end().success(), "{}", site.overwatch.log());
    next.line("is gone; answering at once");
    next.line("answering DNS on ");
    site.overwatch = next;
    // Of every worker.
    for _ in 0..50 {
        assert!(ask_once(site.dns, WWW).1);
    }
    assert_eq!(site.ask_api("GET /api/v1/version").0, 200);
    let errors = site.metric("dns_udp_errors_total{on=\"receive\"}");
    assert_eq!(errors, Some(0), "{}", site.overwatch.log());
    // The next one finds it.
    agent.signal("CONT");
    site.overwatch.line("registered 1 backends");
    let last = Daemon::start(&site.config(), &["--take-over"]);
    last.line("took over from process");
    assert!(site.overwatch.end().success(), "{}", site.overwatch.log());
}

/// What a hand-over cannot do is refused before agents are cut off for it.
#[test]
fn an_address_that_the_old_process_has_in_another_form_is_refused_at_once() {
    let site = Site::learned();
    let port = |what: &str| site.overwatch.word_after(what).rsplit_once(':').unwrap().1.to_owned();
    let mut times = 0;
    for (key, what, part) in [
        ("listen_address: 127.0.0.1:0", "answering DNS on ", "cannot serve DNS on [::]:"),
        (
            "bind_address: \"127.0.0.1:0\"",
            "hearing agents on ",
            "cannot listen for agents on [::]:",
        ),
        (
            "api: {enabled: true, address: \"127.0.0.1:0\"",
            "API on ",
            "cannot serve the API on [::]:",
        ),
        (
            "metrics: {enabled: true, address: \"127.0.0.1:0\"",
            "metrics on ",
            "cannot serve metrics on [::]:",
        ),
    ] {
        let every = format!("\":{}\"", port(what));
        site.change(key, &key.replace("\"127.0.0.1:0\"", &every).replace("127.0.0.1:0", &every));
        let mut next = Daemon::start(&site.config(), &["--take-over"]);
        assert_eq!(next.end().code(), Some(1), "{}", next.log());
        next.hear_out();
        let line = next.line("nothing was taken over");
        let old = format!("process {} has the port", site.overwatch.pid());
        assert!(line.contains(&old) && line.contains(part), "{line}");
        times += 1;
        site.overwatch.lines("nothing was handed over", times);
    }
    assert!(!site.overwatch.has("this process goes on"), "{}", site.overwatch.log());
    assert_eq!(site.overwatch.count("registered 1 backends"), 2, "{}", site.overwatch.log());
}

/// What is read last is tried first as well: nobody's agents are cut off for it.
#[test]
fn a_file_that_only_the_new_process_reads_is_missed_before_anything_is_given_up() {
    let site = Site::start();
    let etcd = "{endpoints: [\"https://127.0.0.1:1\"], ca: /nowhere/etcd-ca.pem}";
    site.change("  data_dir:", &format!("  store: {{etcd: {etcd}}}\n  data_dir:"));
    let mut next = Daemon::start(&site.config(), &["--take-over"]);
    assert_eq!(next.end().code(), Some(1), "{}", next.log());
    next.hear_out();
    assert!(next.has("/nowhere/etcd-ca.pem"), "{}", next.log());
    assert!(!site.overwatch.has("this process goes on"), "{}", site.overwatch.log());
    assert_eq!(site.ask_api("GET /api/v1/version").0, 200);
}

/// An agent that was taken in by a process which never came to answer is nobody's: neither the old process nor
/// the store knows it.
#[test]
fn what_a_process_took_in_that_never_answered_is_not_in_the_store() {
    let site = Site::start();
    let config = site.agent_config("weight: 100", "level: info");
    let agent = Daemon::start(&config, &[]);
    site.overwatch.line("registered 1 backends");
    agent.signal("STOP");
    let mut next = Daemon::start(&site.config(), &["--take-over"]);
    next.line("hearing agents on ");
    let text = fs::read_to_string(&config).unwrap();
    let text =
        text.replace("agent_id: a", "agent_id: late").replace("/agent/agent.", "/late/late.");
    fs::write(&config, text.replace("127.0.0.11, port: 80", "127.0.0.11, port: 81")).unwrap();
    let mut late = Daemon::start(&config, &[]);
    next.line("registered 1 backends");
    late.signal("KILL");
    late.end();
    assert!(!next.has("answering DNS on "), "{}", next.log());
    next.signal("KILL");
    next.end();
    site.overwatch.line("this process goes on");
    let agents = || site.ask_api("GET /api/v1/overwatch/agents").1;
    eventually("the API is there", || agents().contains("\"a\""));
    assert!(!agents().contains("\"late\""), "{}", agents());
    let backup = site.directory.path().join("backup.json").display().to_string();
    eventually("the store is back", || site.cli(&["backup", &backup]).0 == 0);
    let backup = fs::read_to_string(backup).unwrap();
    assert!(backup.contains("\"a\"") && !backup.contains("\"late\""), "{backup}");
}

/// With process 1 of a container everything in it ends, whoever took over first of all.
#[test]
fn the_first_process_of_a_container_hands_nothing_over() {
    let words = ["unshare", "--pid", "--fork", "--kill-child"];
    let tried = Command::new(words[0]).args(&words[1..]).arg("true").output();
    match tried {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return report(&format!("SKIPPED: no namespace of processes here: {why}"));
        }
        Err(error) => return report(&format!("SKIPPED: unshare (of util-linux): {error}")),
    }
    let mut site = Site::start_by(&words);
    let mut next = Daemon::start(&site.config(), &["--take-over"]);
    assert_eq!(next.end().code(), Some(1), "{}", next.log());
    next.hear_out();
    next.line("cannot take over: refused: it is process 1 of a container");
    site.overwatch.line("nothing was handed over");
    // By its own wish it fares no better.
    let inside = fs::read_to_string(format!("/proc/{0}/task/{0}/children", site.overwatch.pid()));
    let inside = inside.unwrap().trim().to_owned();
    assert!(Command::new("kill").args(["-USR2", &inside]).status().unwrap().success());
    site.overwatch.lines("nothing was handed over", 2);
    eventually("it goes on", || ask_once(site.dns, WWW).1);
    assert!(site.overwatch.is_running(), "{}", site.overwatch.log());
}

/// Whoever is told that something is done may rely on it, though the process that said so never comes to answer.
#[test]
fn what_is_said_to_a_process_that_does_not_answer_yet_waits_for_that() {
    let site = Site::start();
    let agent = Daemon::start(&site.agent_config("weight: 100", "level: info"), &[]);
    site.overwatch.line("registered 1 backends");
    agent.signal("STOP");
    let make = |name: &str| {
        let mut stream =
            UnixStream::connect(site.directory.path().join("data/control.sock")).unwrap();
        let body = format!(r#"{{"name": "{name}", "role": "read"}}"#);
        let head = "POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json";
        let length = body.len();
        let rest = format!("Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(format!("{head}\r\n{rest}").as_bytes()).unwrap();
        stream
    };
    let tokens = || site.ask_api("GET /api/v1/tokens").1;
    let mut next = Daemon::start(&site.config(), &["--take-over"]);
    next.line("hearing agents on ");
    let mut stream = make("early");
    // It is heard, as what it is asked is answered, and it is not said to be done.
    assert_eq!(site.ask_api("GET /api/v1/version").0, 200);
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let nothing = stream.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(nothing, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{nothing}");
    next.signal("KILL");
    next.end();
    site.overwatch.line("this process goes on");
    assert!(!tokens().contains("early"));
    // One that comes to answer does it then.
    let next = Daemon::start(&site.config(), &["--take-over"]);
    next.line("hearing agents on ");
    let mut stream = make("late");
    agent.signal("CONT");
    next.line("took over from process");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(tokens().contains("late"));
}
