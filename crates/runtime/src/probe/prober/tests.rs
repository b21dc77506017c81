//! Many checks of real listeners on loopback.

use std::time::Duration;

use health::{CheckKind, Outcome};
use tokio::net::TcpListener;

use super::*;

const LIMITS: ProbeLimits = ProbeLimits { targets_max: 100, in_flight_max: 4 };

fn target(address: SocketAddr) -> ProbeTarget {
    let spec = CheckSpec {
        kind: CheckKind::Tcp,
        // The least the schedule knows: these tests would rather not wait for a second.
        interval_ms: 20,
        timeout_ms: 10_000,
        failure_threshold: 1,
        success_threshold: 1,
    };
    ProbeTarget { address, spec }
}

/// One that listens, but says nothing: an HTTP check stays under way until its timeout.
async fn silent() -> (TcpListener, ProbeTarget) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut silent = target(listener.local_addr().unwrap());
    silent.spec.kind = CheckKind::Http(health::HttpCheck {
        path: "/".to_owned(),
        host: None,
        server_name: None,
        status: "200".parse().unwrap(),
        body: None,
    });
    (listener, silent)
}

fn start(limits: ProbeLimits) -> (Prober<u32>, mpsc::Receiver<ProbeResult<u32>>) {
    let (results, received) = mpsc::channel(1);
    let checker = Checker::new().unwrap();
    (Prober::start(checker, limits, Clock::start(), results).unwrap(), received)
}

async fn next(results: &mut mpsc::Receiver<ProbeResult<u32>>) -> ProbeResult<u32> {
    // Far longer than any check here takes; only a failing test waits for it.
    let result = tokio::time::timeout(Duration::from_secs(20), results.recv()).await;
    result.expect("in time").expect("the task lives")
}

#[tokio::test]
async fn targets_are_checked_again_and_again_until_they_are_taken_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (prober, mut results) = start(LIMITS);
    prober.set_targets((0..10).map(|key| (key, target(address))).collect()).unwrap();
    let mut counts = BTreeMap::<u32, u32>::new();
    while counts.len() < 10 || counts.values().any(|count| *count < 3) {
        let result = next(&mut results).await;
        assert!(matches!(result.report.outcome, Outcome::Pass { .. }), "{result:?}");
        *counts.entry(result.key).or_default() += 1;
    }

    prober.set_targets(BTreeMap::from([(3, target(address))])).unwrap();
    // At most the one in the channel and those that were just ending can be of the others.
    let mut others = 0;
    let mut own = 0;
    while own < 5 {
        match next(&mut results).await.key {
            3 => own += 1,
            _ => others += 1,
        }
    }
    assert!(others <= LIMITS.in_flight_max + 1, "{others}");
}

#[tokio::test]
async fn a_changed_target_is_checked_as_changed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (prober, mut results) = start(LIMITS);
    prober.set_targets(BTreeMap::from([(1, target(listener.local_addr().unwrap()))])).unwrap();
    assert!(matches!(next(&mut results).await.report.outcome, Outcome::Pass { .. }));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    prober.set_targets(BTreeMap::from([(1, target(nobody))])).unwrap();
    while matches!(next(&mut results).await.report.outcome, Outcome::Pass { .. }) {}
}

/// A timeout as long as the interval is allowed: then a check that times out ends when the next is due.
#[tokio::test]
async fn a_check_that_takes_its_whole_timeout_costs_no_other_its_turn() {
    let (_listener, mut silent) = silent().await;
    (silent.spec.interval_ms, silent.spec.timeout_ms) = (50, 50);
    let (prober, mut results) = start(LIMITS);
    prober.set_targets(BTreeMap::from([(1, silent)])).unwrap();
    next(&mut results).await;
    let began = Instant::now();
    for _ in 0..20 {
        next(&mut results).await;
    }
    // Twice that long if every other one were left out.
    assert!(began.elapsed() < Duration::from_millis(20 * 50 * 8 / 5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn no_more_checks_run_at_a_time_than_allowed() {
    let (listener, mut silent) = silent().await;
    silent.spec.timeout_ms = 100;
    let (prober, mut results) = start(LIMITS);
    prober.set_targets((0..20).map(|key| (key, silent.clone())).collect()).unwrap();
    let mut open = Vec::new();
    // One result waits in the channel; the others cannot be handed over and keep their places.
    while open.len() < LIMITS.in_flight_max + 1 {
        open.push(listener.accept().await.unwrap());
    }
    let more = tokio::time::timeout(Duration::from_millis(500), listener.accept()).await;
    assert!(more.is_err(), "one check too many");
    assert!(matches!(next(&mut results).await.report.outcome, Outcome::Fail(_)));
    listener.accept().await.unwrap();
}

#[tokio::test]
async fn too_many_targets_are_said_and_the_first_are_checked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (prober, mut results) = start(ProbeLimits { targets_max: 2, ..LIMITS });
    let refused = prober.set_targets((0..3).map(|key| (key, target(address))).collect());
    assert_eq!(refused, Err(ScheduleFull { keys_max: 2 }));
    for _ in 0..10 {
        assert!(next(&mut results).await.key < 2);
    }
    prober.set_targets((1..3).map(|key| (key, target(address))).collect()).unwrap();
    while next(&mut results).await.key != 2 {}
}

#[tokio::test]
async fn the_task_ends_with_either_side() {
    let (prober, mut results) = start(LIMITS);
    drop(prober);
    assert_eq!(results.recv().await, None);

    let (mut prober, results) = start(LIMITS);
    drop(results);
    let thread = prober.thread.take().unwrap();
    tokio::task::spawn_blocking(|| thread.join()).await.unwrap().unwrap();
}

#[tokio::test]
async fn programs_that_are_slow_keep_no_other_check_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut slow = target(address);
    slow.spec.kind = CheckKind::Command(health::CommandCheck {
        program: "/bin/sleep".to_owned(),
        arguments: vec!["300".to_owned()],
    });
    slow.spec.timeout_ms = 300_000;
    // Far more of them than checks may be under way.
    let (prober, mut results) =
        start(ProbeLimits { in_flight_max: COMMANDS_MAX + 1, targets_max: 200 });
    let mut targets: BTreeMap<u32, ProbeTarget> = (0..100).map(|key| (key, slow.clone())).collect();
    prober.set_targets(targets.clone()).unwrap();
    targets.insert(100, target(address));
    prober.set_targets(targets).unwrap();
    for _ in 0..5 {
        assert_eq!(next(&mut results).await.key, 100);
    }
}

#[tokio::test]
async fn a_fault_in_a_check_fails_it_and_no_other_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good = listener.local_addr().unwrap();
    let poisoned = SocketAddr::new(good.ip(), crate::probe::checker::FAULT);
    let (prober, mut results) = start(LIMITS);
    prober.set_targets([(1, target(poisoned)), (2, target(good))].into()).unwrap();
    let mut counts = [0; 2];
    while counts.iter().any(|count| *count < 3) {
        let ProbeResult { key, report } = next(&mut results).await;
        let passes = matches!(report.outcome, Outcome::Pass { .. });
        assert_eq!(passes, key == 2, "{report:?}");
        counts[key as usize - 1] += 1;
    }
}

/// A key that cannot be copied once, on the thread of the checks.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Fragile(u32);

static IS_FRAGILE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        let is_there = std::thread::current().name() == Some("checks");
        assert!(!is_there || !IS_FRAGILE.swap(false, Ordering::SeqCst), "as asked");
        Self(self.0)
    }
}

#[tokio::test]
async fn a_fault_of_the_whole_begins_all_checks_anew() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (to, mut results) = mpsc::channel(1);
    let checker = Checker::new().unwrap();
    let prober = Prober::start(checker, LIMITS, Clock::start(), to).unwrap();
    prober.set_targets((0..3).map(|key| (Fragile(key), target(address))).collect()).unwrap();
    assert!(results.recv().await.is_some());
    IS_FRAGILE.store(true, Ordering::SeqCst);
    let mut seen = std::collections::BTreeSet::new();
    while IS_FRAGILE.load(Ordering::SeqCst) || seen.len() < 3 {
        let result = tokio::time::timeout(Duration::from_secs(20), results.recv()).await;
        let key = result.expect("in time").expect("the thread lives").key;
        if !IS_FRAGILE.load(Ordering::SeqCst) {
            seen.insert(key);
        }
    }
}
