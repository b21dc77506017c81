//! A real resolver between the clients and us: Unbound, which tells us its clients' networks (ECS,
//! RFC 7871) and keeps our answers apart by their scopes.
//!
//! It knows the root of the lab and the key of one zone, and nothing else; what it answers, it found by
//! following delegations, and in that zone it validates.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../lab/harness.rs"]
#[expect(dead_code, reason = "the tests of the lab itself use the rest")]
mod harness;

#[path = "../zonemaster/internet.rs"]
mod internet;

use harness::text;
use internet::Internet;

/// Two clients in each of two networks, and where each network's servers are, by IPv4 and by IPv6.
const NETWORKS: &[[&str; 4]] = &[
    ["11.5.3.7", "11.5.3.9", "11.3.1.10", "4000:3:1::10"],
    ["11.5.4.7", "11.5.4.9", "11.4.1.10", "4000:4:1::10"],
    ["4000:5:3::7", "4000:5:3::9", "11.3.1.10", "4000:3:1::10"],
    ["4000:5:4::7", "4000:5:4::9", "11.4.1.10", "4000:4:1::10"],
];

/// Steered below the apex, by an alias, and at the apex.
const NAMES: &[(&str, &str)] = &[
    ("app.gslb.example", ""),
    ("www.gslb.example", "app.gslb.example. "),
    ("gslb.example", ""),
    ("app.signed.example", ""),
    ("www.signed.example", "app.signed.example. "),
    ("signed.example", ""),
];

/// The ports of resolvers, and what each does beyond the usual: the second one asks by TCP only.
const RESOLVERS: &[(u16, &str)] = &[(53, ""), (5300, "tcp-upstream: yes")];

#[test]
fn clients_of_one_resolver_go_to_the_sites_of_their_own_networks() {
    if internet::lacks(&["unbound", "nsd", "dig"]) {
        return;
    }
    let Some(mut internet) = Internet::up("resolver") else { return };
    let anchor = format!("trust-anchor: \"{}\"", internet.vouch());
    for (port, extra) in RESOLVERS {
        let config = unbound(&internet, *port, &format!("{extra}\n    {anchor}"));
        let config = internet.write(&format!("unbound-{port}.conf"), &config);
        internet.serve("resolver", &format!("unbound -c {config}"));
        internet.await_answer(&format!("-p {port} @11.5.0.53 . SOA"));
        assert_kept_apart(&internet, *port);
        assert_alike(&internet, *port);
        assert_validated(&internet, *port);
    }
}

/// What is steered differs between the networks and is the same within each.
#[track_caller]
fn assert_kept_apart(internet: &Internet, port: u16) {
    let before = questions(internet);
    for [client, _, ipv4, ipv6] in NETWORKS {
        assert_steered(internet, (client, port), [ipv4, ipv6]);
    }
    // The neighbours get what their networks got, and we are not asked again.
    let asked = questions(internet);
    assert!(asked > before, "the counters are those of the overwatches");
    for [_, neighbour, ipv4, ipv6] in NETWORKS {
        assert_steered(internet, (neighbour, port), [ipv4, ipv6]);
    }
    assert_eq!(questions(internet), asked, "the resolver had all of it");
}

/// What does not depend on the client is the same for all.
#[track_caller]
fn assert_alike(internet: &Internet, port: u16) {
    for [client, ..] in NETWORKS {
        let from = asker(client, port);
        assert_eq!(internet.dig(&format!("{from} gslb.example MX")), "10 mail.gslb.example.");
        let absent = internet.exec("outside", &format!("dig {from} no.gslb.example A"));
        assert!(text(&absent.stdout).contains("status: NXDOMAIN"), "{}", text(&absent.stdout));
    }
}

/// What is signed is validated, for each network, and nothing else is.
#[track_caller]
fn assert_validated(internet: &Internet, port: u16) {
    let names = NAMES.iter().map(|(name, _)| *name).chain(["no.signed.example", "no.gslb.example"]);
    let asked: Vec<(&str, &str)> = names.flat_map(|name| [(name, "A"), (name, "MX")]).collect();
    for [client, ..] in NETWORKS {
        // All in one run.
        let questions = asked.iter().map(|(name, qtype)| format!("{name} {qtype} +adflag"));
        let questions = questions.collect::<Vec<_>>().join(" ");
        let said = internet.exec("outside", &format!("dig {} {questions}", asker(client, port)));
        let said = text(&said.stdout);
        assert!(!said.contains("SERVFAIL"), "{said}");
        let flags = said.lines().filter_map(|line| line.strip_prefix(";; flags:"));
        let is_validated: Vec<bool> =
            flags.map(|line| line.split(';').next().unwrap().contains(" ad")).collect();
        let is_signed: Vec<bool> =
            asked.iter().map(|(name, _)| name.ends_with(internet::SIGNED)).collect();
        assert_eq!(is_validated, is_signed, "{said}");
    }
}

#[track_caller]
fn assert_steered(internet: &Internet, (client, port): (&str, u16), servers: [&str; 2]) {
    let mut questions = Vec::new();
    let mut expected = Vec::new();
    for (name, alias) in NAMES {
        for (qtype, server) in ["A", "AAAA"].iter().zip(servers) {
            questions.push(format!("{} {name} {qtype}", asker(client, port)));
            expected.push(format!("{alias}{server}"));
        }
    }
    assert_eq!(internet.dig_all(&questions), expected, "{questions:#?}");
}

/// How `dig` asks as a client, at the resolver's address of the client's family.
fn asker(client: &str, port: u16) -> String {
    let resolver = if client.contains(':') { "4000:5::53" } else { "11.5.0.53" };
    format!("-b {client} -p {port} @{resolver}")
}

/// How many questions about steered names both overwatches have answered.
fn questions(internet: &Internet) -> u64 {
    let count = |address: &str| {
        let page = internet.exec("outside", &format!("curl -s http://{address}:9090/metrics"));
        let page = text(&page.stdout);
        let line = page.lines().find(|line| line.starts_with(STEERED));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0, |count| count.parse().unwrap())
    };
    count("11.3.0.10") + count("11.4.0.10")
}

const STEERED: &str = "opengslb_dns_queries_total{status=\"steered\"}";

/// As strict as it can be: minimal names (RFC 9156), random case, nothing below a name that is not there
/// (RFC 8020), every name server's addresses looked up. Sends networks to all addresses of our name
/// servers, as long as the lab's networks are.
fn unbound(internet: &Internet, port: u16, extra: &str) -> String {
    format!(
        "\
server:
    interface: 0.0.0.0@{port}
    interface: ::0@{port}
    {extra}
    access-control: 0.0.0.0/0 allow
    access-control: ::0/0 allow
    chroot: \"\"
    username: \"\"
    pidfile: \"\"
    use-syslog: no
    logfile: \"\"
    do-daemonize: no
    num-threads: 1
    root-hints: \"{hints}\"
    qname-minimisation-strict: yes
    use-caps-for-id: yes
    harden-below-nxdomain: yes
    harden-referral-path: yes
    harden-short-bufsize: yes
    harden-large-queries: yes
    target-fetch-policy: \"-1 -1 -1 -1 -1\"
    module-config: \"subnetcache validator iterator\"
    send-client-subnet: 11.3.0.53
    send-client-subnet: 11.4.0.53
    send-client-subnet: 4000:3::53
    send-client-subnet: 4000:4::53
    max-client-subnet-ipv4: 24
    max-client-subnet-ipv6: 48
remote-control:
    control-enable: no
",
        hints = internet.file("hints.zone")
    )
}
