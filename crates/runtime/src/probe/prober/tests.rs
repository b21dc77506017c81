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

#[tokio::test]
async fn no_more_checks_run_at_a_time_than_allowed() {
    // These listen, but say nothing: an HTTP check stays under way until its timeout.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut silent = target(listener.local_addr().unwrap());
    silent.spec.kind = CheckKind::Http(health::HttpCheck {
        path: "/".to_owned(),
        host: None,
        server_name: None,
        status: "200".parse().unwrap(),
        body: None,
    });
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
