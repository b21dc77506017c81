//! Both sources as a user without any capability: what an operator's agent should be.
//!
//! As root the test runs itself once more through `setpriv`, as user 65534 with empty capability
//! sets. As anyone else it is that process already.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use model::SocketState;

use super::loopback::{PAYLOAD_BYTES, Server};
use super::{DestroyEvents, Dump, Kernel};

/// Set in the process that has given everything away.
const INNER: &str = "TCPSTAT_TEST_UNPRIVILEGED";
const TEST: &str = "linux::unprivileged::both_sources_work_without_any_privilege";

#[test]
fn both_sources_work_without_any_privilege() {
    let has_none = capabilities().iter().all(|(_, set)| *set == 0);
    if std::env::var_os(INNER).is_some() {
        assert!(has_none && status("Uid").starts_with("65534"), "{:?}", capabilities());
    }
    if has_none {
        return check_sources();
    }
    if !status("Uid").starts_with('0') {
        println!("SKIPPED: only root can give away the capabilities {:?}", capabilities());
        return;
    }
    run_as_nobody();
}

/// One connection, while it is open from a dump and at its end from its event.
fn check_sources() {
    assert_eq!(Kernel::new().probe().to_string(), "destroy events active; dump active");
    let server = Server::ipv4();
    let ports = BTreeSet::from([server.port()]);
    let mut events = DestroyEvents::open(&ports).unwrap();
    let mut samples = Vec::new();

    let connection = server.connect_ipv4();
    let listed = Dump::open().unwrap().read(&ports, &mut samples).unwrap();
    assert_eq!((listed.sockets_seen, samples.len()), (1, 1));
    assert_eq!(samples[0].bytes_acked, PAYLOAD_BYTES as u64);
    assert_eq!(samples[0].state, SocketState::Open);

    connection.close();
    for _ in 0..50 {
        if events.receive(Duration::from_millis(200), &mut samples).unwrap().events > 0 {
            break;
        }
    }
    assert_eq!((samples.len(), events.lost()), (2, 0));
    assert_eq!(samples[1].bytes_acked, PAYLOAD_BYTES as u64 + 1);
    assert_eq!(samples[1].state, SocketState::Closed);
    assert_eq!(samples[1].cookie, samples[0].cookie);
    println!("seen without privilege, {} bytes of buffer", events.buffer_bytes());
}

/// Runs this test again with nothing left to give away.
fn run_as_nobody() {
    // A copy where anyone may run it: a checkout below /root is closed to others.
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = directory.path().join("unprivileged");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"])
        .args(["--inh-caps=-all", "--no-new-privs", "--"])
        .arg(&program)
        .args(["--exact", TEST, "--nocapture"])
        .current_dir("/")
        .env(INNER, "1")
        .output();
    let output = match run {
        Ok(output) => output,
        Err(error) => return println!("SKIPPED: setpriv (of util-linux) cannot be run: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("seen without privilege"), "{said}\n{complained}");
}

/// The sets of this process that give it rights now or later.
fn capabilities() -> Vec<(&'static str, u64)> {
    ["CapPrm", "CapEff", "CapInh", "CapAmb"]
        .map(|name| (name, u64::from_str_radix(&status(name), 16).unwrap()))
        .to_vec()
}

/// A line of /proc/self/status without its name.
fn status(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap().trim().to_owned()
}
