//! A port alone is every address of both families, on hosts too where `[::]` is IPv6 alone.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::Command;

use crate::dns_client::{SOA, by_tcp, by_udp};
use crate::world::{DOMAIN, World};

/// Says to the process that it stands in a network of its own.
const INSIDE: &str = "OPENGSLB_TEST_FAMILIES";
const TEST: &str = "families::a_port_alone_is_both_families_where_the_host_would_have_one";
const HOST: &str = r#"
set -e
ip link set lo up
echo 1 > /proc/sys/net/ipv6/bindv6only
OPENGSLB_TEST_FAMILIES=yes "$@"
"#;

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn a_port_alone_is_both_families_where_the_host_would_have_one() {
    if std::env::var_os(INSIDE).is_some() {
        return on_such_a_host();
    }
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", HOST, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .output();
    let output = match run {
        Ok(output) => output,
        Err(error) => return say(&format!("SKIPPED: unshare (of util-linux): {error}")),
    };
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if said.contains("both families, everywhere") {
        assert!(output.status.success(), "{said}");
        return;
    }
    let missing = ["not found", "not permitted", "unshare failed", "Read-only", "nonexistent"];
    assert!(missing.iter().any(|why| said.contains(why)), "{said}");
    say(&format!("SKIPPED: no such host here: {said}"));
}

fn on_such_a_host() {
    let world = World::start_everywhere();
    for family in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let at = |address: SocketAddr| SocketAddr::new(family, address.port());
        for address in [world.mesh, world.api, world.metrics].map(at) {
            let error = TcpStream::connect(address).err();
            assert!(error.is_none(), "{address}: {error:?}\n{}", world.overwatch.log());
        }
        assert_eq!(by_udp(at(world.dns), DOMAIN, SOA).rcode, 0);
        assert_eq!(by_tcp(at(world.dns), DOMAIN, SOA).rcode, 0);
    }
    say("both families, everywhere");
}
