//! Steps done again make the same table; cut ones make an earlier one.

use latency::{PortReport, RefreshRow, ReportRow, TableLimits};
use model::{Rtt, Subnet};
use testkit::{Random, bend};

use super::*;
use crate::learned::Learned;

const LIMITS: TableLimits =
    TableLimits { rows_per_agent_max: 1_000, rows_max: 2_000, ttl_ms: 86_400_000 };

fn at(ms: u64) -> Time {
    Time::from_unix_ms(1_700_000_000_000 + ms)
}

fn agent(name: &str) -> AgentId {
    AgentId::kept(name).unwrap()
}

fn subnet(n: u32) -> Subnet {
    Subnet::of(std::net::Ipv4Addr::from_bits(0x0a00_0000 + (n << 8)).into(), 24)
}

fn report(after: u64, networks: std::ops::Range<u32>, now: Time) -> Report {
    let row = |n: u32| {
        let rtt_us = Rtt::from_us(5_000 + u64::from(n) * 777).unwrap();
        let (subnet, samples) = (subnet(n), n + 1);
        ReportRow { subnet, rtt_us, deviation_us: 90, min_rtt: rtt_us, samples, observed_at: now }
    };
    let refreshed = RefreshRow { subnet: subnet(900), samples: 3, observed_at: now };
    let rows = networks.map(row).collect();
    let port = PortReport { port: 80, rows, refreshed: vec![refreshed] };
    as_it_travels(Report { after, through: after + 1, ports: vec![port] })
}

/// Its times rounded, as an agent's are when they come.
fn as_it_travels(report: Report) -> Report {
    let mut bytes = Vec::new();
    encode(&Frame::Report { epoch: 1, report }, &mut bytes).unwrap();
    read_report(&mut Reader::new(&bytes, "a report")).unwrap().1
}

/// A table that had everything done to it, and what was noted of it, batch by batch.
fn written() -> (Learned, Vec<Vec<u8>>) {
    let mut learned = Learned::new(Table::new(LIMITS));
    learned.keep(Table::new(LIMITS));
    let mut batches = Vec::new();
    let (web, probe, gone) = (agent("web"), agent("outside:probe"), agent("gone"));
    for (nth, id) in (0u64..).zip([&web, &probe, &gone]) {
        let region = "eu".parse().unwrap();
        let services = vec!["app".parse().unwrap(), "other".parse().unwrap()];
        learned.set_ttl(id, 3_600_000);
        learned.set_lane(id, 80, Lane { services: services.clone(), region });
        learned.set_lane(id, 443, Lane { services, region: "us".parse().unwrap() });
        learned.apply(id, 9, &report(0, 0..40, at(nth)), at(nth)).unwrap();
        batches.push(learned.take_steps(at(nth)).unwrap());
    }
    learned.hold(&web, at(5));
    learned.apply(&web, 9, &report(1, 20..60, at(1_000)), at(1_000)).unwrap();
    batches.push(learned.take_steps(at(1_000)).unwrap());
    learned.accept(&web, at(2_000));
    learned.remove_lane(&probe, 80);
    learned.forget(&gone);
    learned.expire(at(3_000));
    let mended = report(0, 0..70, at(3_000));
    learned.mend(&web, 9, mended, at(3_000)).unwrap();
    learned.repeat(&web, 9, &report(0, 0..75, at(3_000)), at(3_000)).unwrap();
    batches.push(learned.take_steps(at(3_000)).unwrap());
    (learned, batches)
}

fn saved(table: &Table) -> Vec<Vec<u8>> {
    table.saved().collect()
}

#[test]
fn steps_done_again_make_the_same_table() {
    let (learned, batches) = written();
    let mut table = Table::new(LIMITS);
    let mut replayed = Replayed::default();
    for batch in &batches {
        replay(&mut table, batch, &mut replayed).unwrap();
    }
    assert_eq!(table.rows_of(&agent("web")), 75);
    assert!(saved(&table) == saved(&learned));
    assert_eq!((replayed.refused, replayed.through), (0, Some(at(3_000))));
    assert_eq!(replayed.steps, 3 * 4 + 2 + 6);
    // A second time what was heard is refused, and the table none the worse.
    let mut again = table.clone();
    replay(&mut again, &batches[3], &mut replayed).unwrap();
    assert_eq!(replayed.refused, 1);
    assert_eq!(again.len(), table.len());
}

/// Networks with one and the same time, told again by an agent whose others are known for long: from it itself that
/// holds it, from another table it does not; and so too when it is done again.
#[test]
fn who_told_it_again_is_kept_too() {
    for (is_own, expect) in [(true, Some(60)), (false, None)] {
        let (mut learned, web) = (Learned::new(Table::new(LIMITS)), agent("web"));
        learned.keep(Table::new(LIMITS));
        let services = vec!["app".parse().unwrap()];
        learned.set_lane(&web, 80, Lane { services, region: "eu".parse().unwrap() });
        let later = at(7 * 3_600_000);
        learned.apply(&web, 9, &report(0, 0..60, at(0)), at(0)).unwrap();
        learned.apply(&web, 9, &report(1, 0..60, later), later).unwrap();
        let mut lie = report(1, 100..160, later);
        let alike = lie.ports[0].rows[0].rtt_us;
        lie.ports[0].rows.iter_mut().for_each(|row| row.rtt_us = alike);
        if is_own {
            learned.repeat(&web, 9, &lie, later).unwrap();
        } else {
            learned.mend(&web, 9, lie, later).unwrap();
        }
        let networks = |table: &Table| table.held(&web).map(|held| held.networks);
        assert_eq!(networks(&learned), expect);
        let mut table = Table::new(LIMITS);
        replay(&mut table, &learned.take_steps(later).unwrap(), &mut Replayed::default()).unwrap();
        assert_eq!(networks(&table), expect);
        assert!(saved(&table) == saved(&learned));
    }
}

#[test]
fn what_the_table_refuses_is_not_noted_and_nothing_is_where_nothing_is_kept() {
    let mut learned = Learned::new(Table::new(LIMITS));
    learned.expire(at(0));
    assert_eq!((learned.steps_len(), learned.take_steps(at(0))), (0, Some(Vec::new())));
    learned.keep(Table::new(LIMITS));
    assert!(learned.apply(&agent("web"), 1, &report(0, 0..4, at(0)), at(0)).is_err());
    assert_eq!(learned.take_steps(at(0)), Some(Vec::new()));
    // A lane that stays what it was is no step.
    let lane = Lane { services: vec!["app".parse().unwrap()], region: "eu".parse().unwrap() };
    learned.set_lane(&agent("web"), 80, lane.clone());
    assert!(!learned.take_steps(at(0)).unwrap().is_empty());
    learned.set_lane(&agent("web"), 80, lane);
    assert_eq!(learned.take_steps(at(0)), Some(Vec::new()));
}

#[test]
fn a_batch_that_is_cut_does_what_comes_before_the_cut_and_says_so() {
    let (_, batches) = written();
    for batch in &batches {
        let mut whole = 0;
        for end in 0..batch.len() {
            let (mut table, mut replayed) = (Table::new(LIMITS), Replayed::default());
            whole += usize::from(replay(&mut table, &batch[..end], &mut replayed).is_ok());
            assert!(table.len() <= 80);
        }
        // Only between two steps.
        assert!(whole <= 12, "{whole}");
    }
}

#[test]
fn any_bytes_are_a_batch_or_none() {
    let (_, batches) = written();
    for seed in 1..300 {
        let mut random = Random::new(seed);
        let mut table = Table::new(LIMITS);
        for batch in &batches {
            let mut batch = batch.clone();
            bend(&mut random, &mut batch, |random| u8::try_from(random.below(256)).unwrap());
            let _ = replay(&mut table, &batch, &mut Replayed::default());
        }
        assert!(table.len() <= LIMITS.rows_max);
    }
}

/// Nobody takes them: they end somewhere, and it is known.
#[test]
fn steps_that_nobody_takes_are_a_gap() {
    let mut steps = Steps { bytes: vec![0; WAITING_BYTES_MAX - 4], has_gap: false };
    steps.push(&Step::Expire { now: at(0) });
    steps.push(&Step::Forget { agent: &agent("a") });
    assert_eq!(steps.len(), WAITING_BYTES_MAX - 4);
    assert_eq!(steps.take(at(0)), None);
    steps.push(&Step::Expire { now: at(0) });
    assert_eq!(steps.take(at(1)).map(|batch| batch.len()), Some(8 + 9));
}
