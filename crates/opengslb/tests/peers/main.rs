//! Overwatches as real processes that know each other, and agents: all answer alike, also after one of
//! them was killed, while one is handed over to another process, and while the mesh key changes.
//!
//! - `changing`: hand-overs and keys,
//! - `daemon`: one process, what it says, how it ends,
//! - `site`: an overwatch with what it needs, and an agent,
//! - `learner`: an agent in memory that tells what it learned over the real mesh. It dials one overwatch
//!   and none of those that it is told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../process/daemon.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod daemon;
#[path = "../reload/files.rs"]
mod files;

#[path = "../reload/learner.rs"]
mod learner;

mod changing;

mod site;

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use daemon::eventually;
use learner::{Learner, Seen};
use site::Overwatch;

/// Geography sends everybody to `eu-west`, 127.0.0.11; only who has learned better says this.
const LEARNED: [u8; 4] = [127, 0, 0, 12];

/// Where one overwatch hears something, all of them know it after this long.
const ALIKE_AFTER: Duration = Duration::from_secs(10);

/// What agents are yet to see.
type Clients = Arc<Mutex<Vec<(IpAddr, u32)>>>;

/// Twenty connections from each of these networks.
fn connect(clients: &Clients, networks: std::ops::Range<u8>, rtt_ms: u32) {
    let client = |network| ([10, 1, network, 7].into(), rtt_ms);
    let all = networks.flat_map(|network| std::iter::repeat_n(client(network), 20));
    clients.lock().unwrap().extend(all);
}

fn seen(clients: &Clients) -> Seen {
    let clients = Arc::clone(clients);
    Box::new(move || std::mem::take(&mut clients.lock().unwrap()))
}

/// Waits until all hold the same and answer by what was learned; says how long that took.
#[track_caller]
fn assert_alike_soon(overwatches: &[Overwatch], before: &(String, String), what: &str) {
    let began = Instant::now();
    eventually("all hold the same", || {
        let first = overwatches[0].digests();
        first != *before && overwatches.iter().all(|overwatch| overwatch.digests() == first)
    });
    let took = began.elapsed();
    assert!(took < ALIKE_AFTER, "{what}: {took:?}");
    let _ = writeln!(std::io::stderr(), "{what}: alike after {:.1} s", took.as_secs_f64());
    for overwatch in overwatches {
        eventually("it answers by what was learned", || overwatch.sends_to(LEARNED));
    }
}

#[test]
fn three_overwatches_answer_alike_whoever_hears_the_agents() {
    let mut all: Vec<Overwatch> = ["one", "two", "three"].map(Overwatch::start).into();
    let addresses: Vec<SocketAddr> = all.iter().map(|overwatch| overwatch.mesh).collect();
    // The same list everywhere: each finds itself in it.
    all.iter().for_each(|overwatch| overwatch.know(&addresses));
    for overwatch in &all {
        eventually("it reaches the others", || {
            let ready = overwatch.api("ready");
            (ready["peers_known"].as_u64(), ready["peers_connected"].as_u64()) == (Some(2), Some(2))
        });
    }
    let nothing = all[0].digests();
    // Two agents, which know the first one alone.
    let (eu, ap) = (Clients::default(), Clients::default());
    connect(&eu, 0..50, 180);
    connect(&ap, 0..50, 20);
    let at = |last: u8| IpAddr::from([127, 0, 0, last]);
    let _agents = [
        Learner::start(addresses[0], "eu-west", at(11), seen(&eu)),
        Learner::start(addresses[0], "ap-southeast", at(12), seen(&ap)),
    ];
    assert_alike_soon(&all, &nothing, "an agent that reaches one of three");

    let (code, said) = all[2].cli(&["peers"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("connected").count(), 2, "{said}");
    assert_eq!(said.matches("disconnected").count(), 0, "{said}");

    // One dies; meanwhile more is learned.
    let before = all[0].digests();
    all[2].kill();
    eventually("the others miss it", || all[0].api("ready")["peers_connected"].as_u64() == Some(1));
    assert_eq!(all[0].api("ready")["ready"].as_bool(), Some(true), "they answer all the same");
    let (code, said) = all[0].cli(&["peers"]);
    assert!(code == 1 && said.contains("disconnected"), "{code}: {said}");
    connect(&ap, 50..90, 20);
    eventually("it is learned", || all[0].digests() != before);
    all[2].revive(&addresses);
    assert_alike_soon(&all, &before, "an overwatch that lost its table");

    // The only one that heard the agents dies: the others know what they know.
    all[0].kill();
    for overwatch in &all[1..] {
        assert!(overwatch.sends_to(LEARNED), "{}", overwatch.process.log());
    }
}
