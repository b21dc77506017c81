//! The real kernel's lists of real connections.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::SocketState;

use super::*;
use crate::DestroyEvents;
use crate::linux::loopback::{PAYLOAD_BYTES, Server};

fn read(ports: &[u16]) -> (Vec<Sample>, DumpStats) {
    let mut samples = Vec::new();
    let ports = ports.iter().copied().collect();
    let stats = Dump::open().unwrap().read(&ports, &mut samples).unwrap();
    assert_eq!(stats.unreadable, 0);
    (samples, stats)
}

#[test]
fn only_our_ports_are_listed_and_only_the_servers_ends() {
    let (ours, also_ours, other) = (Server::ipv4(), Server::ipv4(), Server::ipv4());
    let open: Vec<_> = [&ours, &other, &also_ours, &other, &ours, &other]
        .iter()
        .map(|server| server.connect_ipv4())
        .collect();
    let (samples, stats) = read(&[ours.port(), also_ours.port()]);
    assert_eq!((stats.sockets_seen, stats.samples), (3, 3), "the kernel itself picks them out");
    for sample in &samples {
        assert_eq!(sample.client, Ipv4Addr::LOCALHOST);
        assert_eq!((sample.bytes_acked, sample.data_segments_out), (PAYLOAD_BYTES as u64, Some(1)));
        assert!(sample.min_rtt_us.unwrap() < 1_000_000);
        assert_eq!(sample.state, SocketState::Open);
    }
    let mut ports: Vec<u16> = samples.iter().map(|sample| sample.local.port()).collect();
    ports.sort_unstable();
    let mut expected = vec![ours.port(), ours.port(), also_ours.port()];
    expected.sort_unstable();
    assert_eq!(ports, expected);
    drop(open);
}

#[test]
fn a_closed_connection_is_not_listed() {
    let server = Server::ipv4();
    let mut events = DestroyEvents::open(&BTreeSet::from([server.port()])).unwrap();
    server.short_connection();
    let mut gone = Vec::new();
    for _ in 0..50 {
        events.receive(Duration::from_millis(200), &mut gone).unwrap();
        if !gone.is_empty() {
            break;
        }
    }
    assert_eq!(gone.len(), 1);
    assert_eq!(read(&[server.port()]), (Vec::new(), DumpStats::default()));
}

#[test]
fn a_connection_keeps_its_cookie_to_the_end() {
    let server = Server::ipv4();
    let mut events = DestroyEvents::open(&BTreeSet::from([server.port()])).unwrap();
    let mut connection = server.connect_ipv4();
    let before = read(&[server.port()]).0[0];
    connection.send_again();
    let after = read(&[server.port()]).0[0];
    assert_eq!(after.cookie, before.cookie);
    assert_eq!(after.bytes_acked, before.bytes_acked + PAYLOAD_BYTES as u64);
    connection.close();
    let mut gone = Vec::new();
    for _ in 0..50 {
        events.receive(Duration::from_millis(200), &mut gone).unwrap();
        if !gone.is_empty() {
            break;
        }
    }
    assert_eq!(gone[0].cookie, before.cookie, "both sources mean the same socket");
    assert_eq!(gone[0].bytes_acked, after.bytes_acked + 1, "the FIN");
}

#[test]
fn a_dual_stack_listener_has_clients_of_both_families() {
    let Some(server) = Server::dual_stack() else { return };
    let _mapped = server.connect(Ipv4Addr::LOCALHOST.into());
    let _ipv6 = server.connect(Ipv6Addr::LOCALHOST.into());
    let (samples, _) = read(&[server.port()]);
    let mut clients: Vec<String> = samples.iter().map(|s| s.client.to_string()).collect();
    clients.sort();
    assert_eq!(clients, ["127.0.0.1", "::1"]);
}

#[test]
fn any_number_of_ports() {
    let (ours, other) = (Server::ipv4(), Server::ipv4());
    let _open = [ours.connect_ipv4(), other.connect_ipv4()];
    assert_eq!(read(&[]), (Vec::new(), DumpStats::default()), "no ports, nothing to ask");
    // Some 2,500 separate ranges around ours: three dumps a family.
    let mut ports: Vec<u16> = (0..5000).step_by(2).filter(|p| *p != other.port()).collect();
    ports.push(ours.port());
    let (samples, _) = read(&ports);
    let at = |port| samples.iter().filter(|sample| sample.local.port() == port).count();
    assert_eq!((at(ours.port()), at(other.port())), (1, 0));
}

#[test]
fn a_long_answer_comes_in_many_datagrams() {
    let server = Server::ipv4();
    let open: Vec<_> = (0..400).map(|_| server.connect_ipv4()).collect();
    let mut dump = Dump::open().unwrap();
    let ports = BTreeSet::from([server.port()]);
    for _ in 0..3 {
        let mut samples = Vec::new();
        let stats = dump.read(&ports, &mut samples).unwrap();
        let mut cookies: Vec<u64> = samples.iter().map(|sample| sample.cookie).collect();
        cookies.sort_unstable();
        cookies.dedup();
        assert_eq!((cookies.len(), stats.samples), (400, 400));
    }
    drop(open);
}

#[test]
fn the_kernels_refusals_are_explained() {
    let kernel = |errno| ReplyError::Kernel(io::Error::from_raw_os_error(errno));
    assert!(matches!(explain(kernel(libc::ENOENT), "IPv4"), CollectError::NoTcpDiag));
    let refused = explain(kernel(libc::EPERM), "IPv6");
    assert_eq!(refused.to_string(), "the kernel refused to list the IPv6 sockets");
    let garbled = explain(ReplyError::Garbled("a word"), "IPv4");
    assert_eq!(garbled.to_string(), "the kernel's dump cannot be read: a word");
}
