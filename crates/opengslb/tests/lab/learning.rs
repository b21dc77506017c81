//! What is learned, and where clients are sent for it: IPv4 and IPv6 alike.

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::harness::{Lab, PATIENCE, eventually};
use crate::table::{self, Rows};

/// The client networks and what they are from each region, in milliseconds.
const PATHS: [(&str, [u64; 2]); 4] = [
    ("10.1.2.0/24", [85, 220]),
    ("fd00:1:2::/48", [85, 220]),
    ("10.3.2.0/24", [165, 1]),
    ("fd00:3:2::/48", [165, 1]),
];
const REGIONS: [&str; 2] = ["eu-west", "ap-southeast"];

/// Clients, the overwatch's address that they ask, and the region that is nearest.
const CLIENTS: [(&str, &str, &str); 4] = [
    ("traffic-eastus", "10.1.1.10", "eu-west"),
    ("traffic-eastus", "fd00:1:1::10", "eu-west"),
    ("traffic-singapore", "10.1.1.10", "ap-southeast"),
    ("traffic-singapore", "fd00:1:1::10", "ap-southeast"),
];

/// `generate-traffic` on one host, until it is dropped.
struct Traffic(Child);

impl Traffic {
    fn start(lab: &Lab, host: &str) -> Self {
        let mut command = lab.command(host, "exec generate-traffic 5 300");
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Clients make connections until every row is there; then they stop.
#[track_caller]
pub(crate) fn learn(lab: &Lab) -> Rows {
    let traffic = ["traffic-eastus", "traffic-singapore"].map(|host| Traffic::start(lab, host));
    eventually("every path is learned", PATIENCE, || {
        (table::rows(lab).len() == PATHS.len() * REGIONS.len()).then_some(())
    });
    drop(traffic);
    settled(lab)
}

/// The table once nothing changes any more: longer than a poll and a report take.
#[track_caller]
pub(crate) fn settled(lab: &Lab) -> Rows {
    let mut last = table::rows(lab);
    for _ in 0..6 {
        std::thread::sleep(Duration::from_secs(4));
        let before = std::mem::replace(&mut last, table::rows(lab));
        if before == last {
            return last;
        }
    }
    panic!("nobody connects but health checks, and the table still changes: {last:#?}");
}

/// The table, by the brief's own command.
#[track_caller]
pub(crate) fn assert_table(lab: &Lab) {
    let shown = lab.stdout("traffic-eastus", table::CURL);
    table::assert_order_of_keys(&shown);
    let rows = table::rows(lab);
    for (subnet, paths) in PATHS {
        for (region, path_ms) in REGIONS.iter().zip(paths) {
            table::assert_near(&rows, subnet, region, path_ms);
        }
    }
    // Nobody else: not the overwatch, whose checks are connections too, and not the agents.
    assert_eq!(rows.len(), PATHS.len() * REGIONS.len(), "{rows:#?}");
}

/// Before anything is known, geography answers, and this lab's geography is wrong on purpose.
#[track_caller]
pub(crate) fn assert_geography(lab: &Lab) {
    for server in ["10.1.1.10", "fd00:1:1::10"] {
        assert_eq!(region_of(lab, "traffic-eastus", server, "A"), "ap-southeast");
        assert_eq!(region_of(lab, "traffic-eastus", server, "AAAA"), "ap-southeast");
    }
}

/// Every client gets its nearest region, the same for both families, and for the right reason.
#[track_caller]
pub(crate) fn assert_steering(lab: &Lab) {
    for (host, server, nearest) in CLIENTS {
        for kind in ["A", "AAAA"] {
            eventually(&format!("{host} is sent to {nearest}"), Duration::from_secs(5), || {
                (region_of(lab, host, server, kind) == nearest).then_some(())
            });
        }
    }
    let log = lab.log_since_start("overwatch");
    for client in ["10.1.2.10/32", "fd00:1:2::10/128", "10.3.2.10/32", "fd00:3:2::10/128"] {
        let client = format!("routing decision client={client} ");
        let mut decisions = log.lines().filter(|line| line.contains(&client));
        let last = decisions.next_back().unwrap_or_else(|| panic!("no {client}in {log}"));
        assert!(last.contains(" reason=learned_latency "), "{last}");
        assert!(last.contains(" runners_up="), "{last}");
    }
}

/// The brief's commands, to the letter.
#[track_caller]
pub(crate) fn assert_digs(lab: &Lab) {
    let east = lab.stdout("traffic-eastus", "dig @10.1.1.10 app.demo.local A +short");
    assert!(matches!(east.as_str(), "10.2.1.10\n" | "10.2.1.11\n"), "{east}");
    let singapore = lab.stdout("traffic-singapore", "dig @10.1.1.10 app.demo.local A +short");
    assert_eq!(singapore, "10.3.1.10\n");
    let east = lab.stdout("traffic-eastus", "dig @10.1.1.10 app.demo.local +short");
    assert!(east.starts_with("10.2.1."), "{east}");
}

/// Where a client is sent; the addresses of one answer are all of one region.
#[track_caller]
fn region_of(lab: &Lab, host: &str, server: &str, kind: &str) -> &'static str {
    let answer = lab.stdout(host, &format!("dig @{server} app.demo.local {kind} +short"));
    let mut regions: Vec<&str> = answer.lines().map(region_of_address).collect();
    regions.dedup();
    assert_eq!(regions.len(), 1, "{host} asked {server} for {kind}: {answer:?}");
    regions[0]
}

/// The lab's servers.
fn region_of_address(address: &str) -> &'static str {
    match address {
        "10.2.1.10" | "10.2.1.11" | "fd00:2:1::10" | "fd00:2:1::11" => "eu-west",
        "10.3.1.10" | "fd00:3:1::10" => "ap-southeast",
        _ => panic!("{address} is no server of the lab"),
    }
}
