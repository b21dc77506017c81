//! The built binary under a service manager: what it is told, in which order, and by which process.
//! The manager is a socket of the test's own.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::daemon::{Daemon, PATIENCE};
use crate::dns_client::{A, by_udp};
use crate::world::{Ended, KEY, write};

/// A service manager, and a directory for the process that it watches.
struct Manager {
    socket: UnixDatagram,
    directory: TempDir,
}

impl Manager {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, directory }
    }

    /// Starts a process that is to give a sign of life within a second.
    fn start(&self, config: &Path) -> Daemon {
        let socket = self.directory.path().join("notify").display().to_string();
        let environment = [("NOTIFY_SOCKET", socket.as_str()), ("WATCHDOG_USEC", "1000000")];
        Daemon::start_with(config, &[], &environment)
    }

    /// The next message, line by line.
    #[track_caller]
    fn next(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).unwrap();
        let text = str::from_utf8(&buffer[..length]).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// The next message that has a line which begins so; that line's rest. Signs of life may come
    /// before it, and nothing else.
    #[track_caller]
    fn hears(&self, begin: &str) -> String {
        loop {
            let message = self.next();
            if let Some(rest) = message.iter().find_map(|line| line.strip_prefix(begin)) {
                return rest.to_owned();
            }
            assert!(message.contains(&"WATCHDOG=1".to_owned()), "{begin} is due: {message:?}");
        }
    }

    fn overwatch(&self, ttl: u32) -> PathBuf {
        let data = self.directory.path().join("data");
        let data = data.display();
        let text = format!(
            "\
mode: overwatch
overwatch:
  identity: {{node_id: one, cert_path: {data}/overwatch.crt, key_path: {data}/overwatch.key}}
  data_dir: {data}
  gossip: {{bind_address: \"127.0.0.1:0\", encryption_key: {KEY}}}
dns: {{listen_address: \"127.0.0.1:0\", tcp: {{idle_timeout: 1s}}}}
regions: [{{name: here}}]
domains: [{{name: app.test, regions: [here], ttl: {ttl}}}]
logging: {{level: info, format: text}}
"
        );
        write(self.directory.path(), "overwatch", &text)
    }

    fn agent(&self) -> PathBuf {
        let files = self.directory.path().join("agent");
        let files = files.display();
        let text = format!(
            "\
mode: agent
agent:
  identity:
    agent_id: a
    service_token: correct-horse-battery-staple
    region: here
    cert_path: {files}/agent.crt
    key_path: {files}/agent.key
  backends: [{{service: app.test, address: 127.0.0.11, port: 80}}]
  gossip: {{encryption_key: {KEY}, overwatch_nodes: [\"127.0.0.1:9\"]}}
logging: {{level: info, format: text}}
"
        );
        write(self.directory.path(), "agent", &text)
    }
}

#[track_caller]
fn started(manager: &Manager) -> Daemon {
    let overwatch = manager.start(&manager.overwatch(30));
    overwatch.line("answering DNS on ");
    overwatch
}

#[test]
fn an_overwatch_is_ready_lives_reloads_and_stops() {
    let manager = Manager::new();
    let mut overwatch = started(&manager);
    assert_eq!(manager.hears("READY="), "1");
    // It answers by then, whatever it answers.
    let dns = overwatch.word_after("answering DNS on ").parse().unwrap();
    assert_eq!(by_udp(dns, "app.test", A).question, "app.test");
    for _ in 0..3 {
        let status = manager.hears("STATUS=");
        assert_eq!(status, "answering DNS; 0 of 0 agents there, 0 of 0 backends in the answers");
    }

    manager.overwatch(31);
    overwatch.signal("HUP");
    assert_eq!(manager.hears("RELOADING="), "1");
    assert_eq!(manager.hears("READY="), "1");
    overwatch.line("the configuration was reloaded");
    // One that has faults is read to its end as well.
    write(manager.directory.path(), "overwatch", "mode: overwatch\nno_such_key: 1\n");
    overwatch.signal("HUP");
    assert_eq!(manager.hears("RELOADING="), "1");
    assert_eq!(manager.hears("READY="), "1");

    overwatch.signal("TERM");
    assert_eq!(manager.hears("STOPPING="), "1");
    assert!(overwatch.end().success());
}

#[test]
fn an_agent_is_ready_lives_and_stops() {
    let manager = Manager::new();
    let mut agent = manager.start(&manager.agent());
    assert_eq!(manager.hears("READY="), "1");
    let status = manager.hears("STATUS=");
    assert!(status.starts_with("0 of 1 overwatches there"), "{status}");
    // It cannot hand over, says so, and goes on.
    agent.signal("USR2");
    agent.line("an agent has nothing to hand over");
    agent.signal("TERM");
    assert_eq!(manager.hears("STOPPING="), "1");
    assert!(agent.end().success());
}

/// A new process in the same service: the manager is told which one it is, by the one that it was.
#[test]
fn an_overwatch_is_followed_by_a_new_process() {
    let manager = Manager::new();
    let mut old = started(&manager);
    assert_eq!(manager.hears("READY="), "1");
    old.signal("USR2");
    let mut heard = Vec::new();
    // The new one says it too, for a manager that listens to all of the service.
    let next = loop {
        let message = manager.next();
        let pid = message.iter().find_map(|line| line.strip_prefix("MAINPID="));
        if let Some(pid) = pid {
            break Ended(pid.to_owned());
        }
        heard.push(message);
    };
    assert!(old.end().success(), "{}", old.log());
    old.line("took over from process");
    assert!(heard.iter().flatten().all(|line| line != "STOPPING=1"), "{heard:?}");
    // It is the one that gives signs of life now, and that ends.
    while manager.socket.set_nonblocking(true).is_ok()
        && manager.socket.recv(&mut [0; 4096]).is_ok()
    {}
    manager.socket.set_nonblocking(false).unwrap();
    assert!(manager.hears("STATUS=").starts_with("answering DNS; "));
    assert!(Command::new("kill").args(["-TERM", &next.0]).status().unwrap().success());
    assert_eq!(manager.hears("STOPPING="), "1");
}
