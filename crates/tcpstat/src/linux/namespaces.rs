//! A kernel that is asked about other network namespaces, as an agent of a whole node asks it.
//!
//! The test runs itself once more in namespaces of its own, made by `unshare`, `nsenter` and `ip`; where one of them
//! is missing or forbidden it says so.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Kernel;
use super::loopback::Server;
use crate::CollectError;

/// Names the other namespace to the process inside.
const OTHER: &str = "TCPSTAT_TEST_NAMESPACE";
const TEST: &str = "linux::namespaces::connections_of_other_namespaces_are_heard_where_asked_for";

/// A namespace for the node, one for a container, and a pair of interfaces that gives the node an id for it.
const SCRIPT: &str = r#"
set -e
ip link set lo up
unshare --net sleep 60 &
sleeper=$!
trap 'kill $sleeper' EXIT
mine=$(readlink /proc/self/ns/net)
until [ "$(readlink /proc/$sleeper/ns/net)" != "$mine" ]; do :; done
ip link add veth0 type veth peer name veth1 netns $sleeper
nsenter --net=/proc/$sleeper/ns/net ip link set lo up
TCPSTAT_TEST_NAMESPACE=/proc/$sleeper/ns/net "$@"
"#;

#[test]
fn connections_of_other_namespaces_are_heard_where_asked_for() {
    if let Some(other) = std::env::var_os(OTHER) {
        return check(&File::open(other).unwrap());
    }
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", SCRIPT, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .output();
    let output = match run {
        Ok(output) => output,
        Err(error) => return println!("SKIPPED: unshare (of util-linux) cannot be run: {error}"),
    };
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if said.contains("heard from another namespace") {
        assert!(output.status.success(), "{said}");
        return;
    }
    let is_missing = ["not found", "Operation not permitted", "unshare failed"];
    assert!(is_missing.iter().any(|why| said.contains(why)), "{said}");
    println!("SKIPPED: no namespaces here: {said}");
}

/// As the node: hears what ends in the container, where it asks for that, and not where it does not.
fn check(other: &File) {
    let node = Kernel::new().hearing_all_namespaces();
    assert_eq!(node.probe().to_string(), "destroy events active; dump active");
    let server = std::thread::scope(|scope| {
        let made = scope.spawn(|| {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(other.as_fd(), kind).unwrap();
            Server::ipv4()
        });
        made.join().unwrap()
    });
    let ports = BTreeSet::from([server.port()]);
    let mut of_all = node.destroy_events(&ports).unwrap();
    let mut of_own = Kernel::new().destroy_events(&ports).unwrap();
    let client = std::thread::scope(|scope| {
        let connected = scope.spawn(|| {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(other.as_fd(), kind).unwrap();
            let connection = server.connect_ipv4();
            let client: SocketAddr = connection.client.local_addr().unwrap();
            connection.close();
            client
        });
        connected.join().unwrap()
    });
    let mut samples = Vec::new();
    for _ in 0..50 {
        of_all.receive(Duration::from_millis(200), &mut samples).unwrap();
        if !samples.is_empty() {
            break;
        }
    }
    assert_eq!(samples.len(), 1);
    assert_eq!((samples[0].client, samples[0].local.port()), (client.ip(), server.port()));
    samples.clear();
    of_own.receive(Duration::ZERO, &mut samples).unwrap();
    assert_eq!(samples, []);
    println!("heard from another namespace");
}

/// Without the right to it the agent is told by name what it lacks, and does not go on with less.
#[test]
fn hearing_them_needs_a_right() {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    let effective = u64::from_str_radix(effective.trim(), 16).unwrap();
    // CAP_NET_BROADCAST is 11 (include/uapi/linux/capability.h).
    let may = effective >> 11 & 1 == 1;
    let kernel = Kernel::new().hearing_all_namespaces();
    match kernel.destroy_events(&BTreeSet::from([1])) {
        Ok(_) => assert!(may),
        Err(CollectError::Call { action, .. }) => {
            assert!(!may && action.contains("CAP_NET_BROADCAST"), "{action}");
            let line = kernel.probe().to_string();
            assert!(line.contains("CAP_NET_BROADCAST") && line.contains("dump active"), "{line}");
        }
        Err(error) => panic!("{error}"),
    }
}
