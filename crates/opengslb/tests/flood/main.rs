//! Strangers who ask too much, on loopback, against the built process: its memory, its metrics and its
//! log stay bounded, and honest clients get their answers all the while.
//!
//! With `OPENGSLB_FLOOD=whole` in the environment the counts are those of the nightly run; without
//! it a tenth, which finds the same faults unless they need the whole. One flood at a time: each
//! takes the whole machine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod packets;

mod honest;

mod crowd;

mod server;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crowd::Crowd;
use honest::{Asking, Honest};
use packets::{Edns, Random, query};
use server::{Server, Watch, eventually};

/// What may be added to an idle process: the promise.
const GROWTH_KIB_MAX: u64 = 64 * 1024;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    // A flood that failed does not make the others fail.
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A tenth of a count, unless the whole is asked for.
fn share_of(count: usize) -> usize {
    let is_whole = std::env::var("OPENGSLB_FLOOD").is_ok_and(|value| value == "whole");
    if is_whole { count } else { count / 10 }
}

fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Names that nobody has heard of, names under a wildcard, a steered name from networks nobody has
/// heard of: each question another one.
#[test]
fn a_million_distinct_names_leave_no_trace() {
    let _alone = alone();
    let server = Server::start("");
    let watch = Watch::start(&server);
    let honest = Honest::start(server.dns, [Asking::Udp, Asking::Tcp]);
    let count = share_of(1_000_000);
    let answered = AtomicU64::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (server, answered) = (&server, &answered);
            scope.spawn(move || ask_for_anything(server.dns, seed, count / 4, answered));
        }
    });
    let took = begun.elapsed();
    let honest = honest.stop();
    let growth = watch.stop(&server);
    let answered = answered.into_inner();
    report(&format!(
        "{count} distinct names in {took:.1?}, {answered} answered; {growth}; honest: {honest:?}"
    ));
    honest.iter().for_each(|tally| tally.assert_served(1.0));
    // What the kernel drops for want of room is not asked again.
    assert!(answered * 100 >= count as u64 * 95, "{answered} of {count}");
    growth.assert_bounded(GROWTH_KIB_MAX);
    for kind in ["no_name", "static", "steered", "refused"] {
        let queries = server.metric(&format!("opengslb_dns_queries_total{{status=\"{kind}\"}}"));
        assert!(queries >= count as f64 / 5.0, "{kind}: {queries}");
    }
}

/// Asks in turns of a few, and waits for these answers, so that the server gets as many as it can
/// take and not many more.
fn ask_for_anything(server: SocketAddr, seed: u64, count: usize, answered: &AtomicU64) {
    const TURN: usize = 32;
    let mut random = Random::new(seed);
    let socket = UdpSocket::bind("127.0.0.2:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut buffer = [0; 4096];
    for _ in 0..count.div_ceil(TURN) {
        for kind in 0..TURN {
            let label = format!("{:016x}", random.next());
            let network = u32::try_from(random.next() >> 32).unwrap().to_be_bytes();
            let name = match kind % 4 {
                0 => format!("{label}.flood.test"),
                1 => format!("{label}.wild.flood.test"),
                2 => "app.flood.test".to_owned(),
                _ => format!("{label}.elsewhere.example"),
            };
            let edns = Edns { client_network: Some(network), ..Edns::default() };
            socket.send(&query(1, &name, packets::A, Some(&edns))).unwrap();
        }
        let came = (0..TURN).take_while(|_| socket.recv(&mut buffer).is_ok()).count();
        answered.fetch_add(came as u64, Ordering::Relaxed);
    }
}

/// Nothing, half a question, a byte now and then, answers that nobody reads.
#[test]
fn ten_thousand_connections_that_do_nothing_hold_up_nobody() {
    let _alone = alone();
    let wanted = crowd::possible(10_000);
    let server =
        Server::start(&format!("  tcp: {{max_connections: {wanted}, idle_timeout: 60s}}\n"));
    let watch = Watch::start(&server);
    let honest = Honest::start(server.dns, [Asking::Udp, Asking::Tcp, Asking::OneConnection]);
    let most = server.metric("opengslb_dns_tcp_connections_max");
    let begun = Instant::now();
    let mut crowd = Crowd::gather(server.dns, wanted);
    assert_eq!(most as usize, wanted, "half of the descriptors are enough");
    let open = || server.metric("opengslb_dns_tcp_connections");
    // The kernel greets them before the server has.
    eventually("they are all there", || open() >= most * 0.99);
    // Later ones get places too, and those who ask keep theirs.
    crowd.drip();
    crowd.add(server.dns, wanted / 10);
    crowd.drip();
    let took = begun.elapsed();
    let honest = honest.stop();
    let growth = watch.stop(&server);
    report(&format!("{wanted} connections in {took:.1?}; {growth}; honest: {honest:?}"));
    honest.iter().for_each(|tally| tally.assert_served(1.0));
    assert_eq!(honest[2].connections, 1, "who asks keeps its connection");
    growth.assert_bounded(GROWTH_KIB_MAX);
    assert!(server.metric(&closed("evicted_for_all")) > 0.0);
    drop(crowd);
    eventually("all have gone", || server.metric("opengslb_dns_tcp_connections") < 1.0);
}

/// Questions from sources all over, also from the networks of honest clients: these are limited, but for
/// those that prove where they are.
#[test]
fn forged_sources_hold_up_nobody_who_proves_its_own() {
    let _alone = alone();
    let limits = "  rate_limit: {exempt: [192.0.2.0/24], answers_per_second: 100}\n";
    let server = Server::start(limits);
    let watch = Watch::start(&server);
    let honest =
        Honest::start(server.dns, [Asking::UdpWithCookie, Asking::Tcp, Asking::UdpElsewhere]);
    let (count, sent) = (share_of(2_000_000), AtomicU64::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for seed in 0..2 {
            let (server, sent) = (&server, &sent);
            scope.spawn(move || forge(server.dns, seed, count / 2, sent));
        }
    });
    let took = begun.elapsed();
    let honest = honest.stop();
    let growth = watch.stop(&server);
    report(&format!("{count} questions from anywhere in {took:.1?}; {growth}; honest: {honest:?}"));
    assert_eq!(sent.into_inner() as usize, count);
    honest.iter().for_each(|tally| tally.assert_served(1.0));
    growth.assert_bounded(GROWTH_KIB_MAX);
    // The flood from the honest clients' own network was limited: otherwise this shows nothing.
    for how in ["truncated", "dropped"] {
        let limited =
            server.metric(&format!("opengslb_dns_answers_limited_total{{how=\"{how}\"}}"));
        assert!(limited >= count as f64 / 20.0, "{how}: {limited}");
    }
}

/// Every question from another socket, a quarter of them from the honest clients' network. After each turn it
/// waits for an answer that is not limited, so that the server keeps up.
fn forge(server: SocketAddr, seed: u64, count: usize, sent: &AtomicU64) {
    const TURN: usize = 100;
    let mut random = Random::new(seed);
    let mut pace = honest::Client::new(server, Asking::UdpWithCookie);
    for _ in 0..count / TURN {
        for _ in 0..TURN {
            let [_, b, c, d, kind, ..] = random.next().to_be_bytes();
            let own = kind % 4 == 0;
            let source =
                if own { Ipv4Addr::new(127, 0, 0, d) } else { Ipv4Addr::new(127, b, c, d) };
            // Not every address can be one's own: no host has the last of all.
            let Ok(socket) = UdpSocket::bind((source, 0)) else { continue };
            // Each is counted for itself, so each source brings the limiter six accounts.
            let name = match kind / 4 % 6 {
                _ if own => "app.flood.test".to_owned(),
                0 => "app.flood.test".to_owned(),
                1 => "static.flood.test".to_owned(),
                2 => "big.flood.test".to_owned(),
                3 => format!("{:08x}.wild.flood.test", random.next() >> 32),
                4 => format!("{:08x}.flood.test", random.next() >> 32),
                _ => "www.elsewhere.example".to_owned(),
            };
            socket.send_to(&query(2, &name, packets::A, Some(&Edns::default())), server).unwrap();
        }
        sent.fetch_add(TURN as u64, Ordering::Relaxed);
        pace.ask();
    }
}

/// Few file descriptors, and many who want one.
#[test]
fn a_process_without_file_descriptors_serves_on() {
    let _alone = alone();
    let needed = Server::start("").descriptors();
    let server = Server::start_with_descriptors(needed + 10);
    assert!(server.log().contains("at most "), "{}", server.log());
    let most = server.metric("opengslb_dns_tcp_connections_max");
    assert_eq!(most as usize, (needed + 10) / 2);
    let honest = Honest::start(server.dns, [Asking::Udp, Asking::Tcp]);
    let processor_ms = server.processor_ms();
    let begun = Instant::now();
    let crowd = Crowd::gather(server.dns, 500);
    eventually("honest clients are answered in it", || honest.answered() > 200);
    let (took_ms, honest) = (begun.elapsed().as_millis(), honest.stop());
    let processor_ms = server.processor_ms() - processor_ms;
    honest.iter().for_each(|tally| tally.assert_served(1.0));
    drop(crowd);
    let series = "opengslb_dns_tcp_accept_errors_total{why=\"no_descriptor\"}";
    eventually("the lack is counted", || server.metric(series) > 0.0);
    assert!(server.metric(&closed("evicted_for_descriptors")) > 0.0);
    report(&format!("{processor_ms} ms of processor in {took_ms} ms; honest: {honest:?}"));
}

/// What clients are told of the idle time (RFC 7828) is what they get.
#[test]
fn the_idle_time_that_is_told_is_the_one_that_is_kept() {
    let _alone = alone();
    let server = Server::start("  tcp: {idle_timeout: 1500ms}\n");
    let mut client = honest::Client::new(server.dns, Asking::OneConnection);
    assert_eq!(client.ask_idle_time_ms(), Some(1_500));
    let begun = Instant::now();
    client.wait_for_the_end();
    let idle = begun.elapsed();
    assert!(idle >= Duration::from_millis(1_450) && idle < Duration::from_secs(10), "{idle:?}");
    assert!(server.metric(&closed("idle")) >= 1.0);
}

fn closed(why: &str) -> String {
    format!("opengslb_dns_tcp_closed_total{{why=\"{why}\"}}")
}
