//! A restart that remembers what was learned: the first answer goes by it, agents go on where they
//! were, and nothing counts that should not.

use dns::RecordType;
use latency::{Loaded, Loading, Table};
use model::AgentId;
use overwatch::{Command, Event, OutsideRow, OutsideSource, Recalled, Replayed, replay};

use crate::bench::{Bench, connections};
use crate::settings::{self, APP, EU, ip, parsed};
use crate::wire::Question;

/// What is on the disk: a snapshot, and the steps of each second since.
struct Disk {
    chunks: Vec<Vec<u8>>,
    batches: Vec<Vec<u8>>,
}

impl Disk {
    /// An overwatch that keeps what it learns, from nothing.
    fn of(bench: &mut Bench) -> Self {
        let table = Table::new(bench.settings.table);
        let dropped = bench.overwatch.recall(Recalled { table, through: None }, bench.now);
        assert_eq!(dropped, []);
        Self { chunks: Vec::new(), batches: Vec::new() }
    }

    fn save(&mut self, bench: &mut Bench) {
        let batch = bench.overwatch.take_steps(bench.now).unwrap();
        self.batches.extend((!batch.is_empty()).then_some(batch));
    }

    fn snapshot(&mut self, bench: &mut Bench) {
        let _ = bench.overwatch.take_steps(bench.now);
        self.chunks = bench.overwatch.table().saved().collect();
        self.batches.clear();
    }

    /// The overwatch ends and begins again with what is here, but for the last batches.
    fn restart(&mut self, bench: &mut Bench, lost: usize) -> Vec<AgentId> {
        self.batches.truncate(self.batches.len() - lost);
        let mut loading = Loading::new(bench.settings.table);
        self.chunks.iter().for_each(|chunk| loading.take(chunk).unwrap());
        let Loaded { mut table, incomplete } = loading.finish();
        assert!(incomplete.is_empty());
        let mut replayed = Replayed::default();
        self.batches.iter().for_each(|batch| replay(&mut table, batch, &mut replayed).unwrap());
        assert_eq!(replayed.refused, 0);
        table.wake(bench.now);
        bench.restart_overwatch();
        let through = replayed.through;
        let dropped = bench.overwatch.recall(Recalled { table, through }, bench.now);
        bench.now = bench.now.plus_ms(1_000);
        bench.tell(Event::Tick);
        dropped
    }
}

/// The demo, learned: from 10.1.2.0/24 West Europe is nearer.
fn learned() -> (Bench, Disk) {
    let mut bench = Bench::new();
    let mut disk = Disk::of(&mut bench);
    bench.start_demo();
    bench.observe("eu", connections("10.1.2.7", 85, 10));
    bench.observe("sg", connections("10.1.2.7", 220, 10));
    bench.advance(31_000);
    disk.save(&mut bench);
    assert_eq!(bench.steer("10.1.2.7"), (vec![ip(EU)], "learned_latency".to_owned()));
    (bench, disk)
}

#[test]
fn the_first_query_is_answered_by_what_was_learned() {
    for down_ms in [0, 1_000, 60_000] {
        let (mut bench, mut disk) = learned();
        let before = bench.learned();
        bench.now = bench.now.plus_ms(down_ms);
        assert_eq!(disk.restart(&mut bench, 0), []);
        assert_eq!(bench.learned(), before);
        // Nobody is back.
        let (answer, reason) = bench.ask(&Question::new(APP, RecordType::A), "10.1.2.7");
        assert_eq!((answer.head.as_str(), reason.as_str()), ("NOERROR aa", "learned_latency"));
        assert_eq!(answer.addresses, [ip(EU)], "after {down_ms} ms");
        // Agents go on where they were: they tell what is new, and nothing twice.
        bench.connect("eu");
        bench.connect("sg");
        let told = bench.hosts["eu"].reports.len();
        bench.observe("eu", connections("10.1.3.7", 30, 10));
        bench.advance(31_000);
        let (_, first) = &bench.hosts["eu"].reports[told];
        assert!(first.after > 0 && first.len() == 1, "{first:?}");
        assert_eq!(bench.learned().len(), before.len() + 1);
        assert_eq!(bench.hosts["eu"].complaints(), [] as [String; 0]);
    }
}

#[test]
fn a_second_that_was_lost_is_told_again_by_its_agent() {
    let (mut bench, mut disk) = learned();
    bench.observe("eu", connections("10.1.3.7", 30, 10));
    bench.observe("eu", connections("10.1.2.7", 20, 400));
    bench.advance(31_000);
    disk.save(&mut bench);
    let whole = bench.learned();
    disk.restart(&mut bench, 1);
    assert_eq!(bench.learned().len(), whole.len() - 1);
    bench.connect("eu");
    bench.connect("sg");
    bench.advance(1_000);
    assert_eq!(bench.learned(), whole);
}

#[test]
fn it_goes_on_from_a_snapshot_and_through_several_restarts() {
    let (mut bench, mut disk) = learned();
    for round in 0..3u8 {
        if round != 1 {
            disk.snapshot(&mut bench);
        }
        bench.observe("eu", connections(&format!("10.2.{round}.7"), 30, 10));
        bench.advance(31_000);
        disk.save(&mut bench);
        let whole = bench.learned();
        disk.restart(&mut bench, 0);
        assert_eq!(bench.learned(), whole, "round {round}");
        bench.connect("eu");
        bench.connect("sg");
        bench.advance(1_000);
        assert_eq!(bench.learned(), whole);
    }
}

/// A new life of an agent tells all it knows; what it does not know any more ages as it always did.
#[test]
fn an_agent_that_began_anew_meanwhile_replaces_what_it_had_said() {
    let (mut bench, mut disk) = learned();
    bench.cut("eu");
    bench.now = bench.now.plus_ms(5_000);
    bench.start(settings::agent("eu", "eu-west", EU), EU, 1);
    disk.restart(&mut bench, 0);
    bench.connect("eu");
    bench.observe("eu", connections("10.1.2.7", 30, 10));
    bench.observe("eu", connections("10.7.7.7", 30, 10));
    bench.advance(31_000);
    let eu =
        |row: &(String, String, u32, u64)| (row.1 == "eu-west").then(|| (row.0.clone(), row.2));
    let rows: Vec<_> = bench.learned().iter().filter_map(eu).collect();
    assert_eq!(rows, [("10.1.2.0/24".to_owned(), 30), ("10.7.7.0/24".to_owned(), 30)]);
    // Nobody tells of sg any more: its rows go when they are too old, over the restarts.
    bench.stop("sg");
    disk.save(&mut bench);
    bench.now = bench.now.plus_ms(bench.settings.table.ttl_ms);
    disk.restart(&mut bench, 0);
    assert_eq!(bench.learned(), []);
}

/// Operators' words wait for the store; what is lost of the steps must not undo them.
#[test]
fn whom_an_operator_sent_away_is_not_recalled_by_what_was_kept() {
    type Deed = fn(&mut Bench);
    let deeds: [Deed; 3] = [
        |bench| bench.command(Command::Revoke(parsed("eu"))),
        |bench| {
            bench.stop("eu");
            bench.command(Command::Forget(parsed("eu")));
        },
        // The name is another machine's now.
        |bench| {
            bench.stop("eu");
            bench.now = bench.now.plus_ms(3_600_000);
            bench.start(settings::agent("eu", "eu-west", EU), EU, 9);
            bench.connect("eu");
        },
    ];
    for deed in deeds {
        let (mut bench, mut disk) = learned();
        deed(&mut bench);
        disk.save(&mut bench);
        let of_eu = |bench: &Bench| bench.learned().iter().any(|row| row.1 == "eu-west");
        assert!(!of_eu(&bench));
        assert_eq!(disk.restart(&mut bench, 1), [parsed::<AgentId>("eu")]);
        assert!(!of_eu(&bench));
        // What was dropped is dropped on the disk too.
        disk.save(&mut bench);
        disk.restart(&mut bench, 0);
        assert!(!of_eu(&bench));
    }
}

#[test]
fn held_or_not_is_what_the_operator_said_last() {
    const HOUR_MS: u64 = 3_600_000;
    let connect_all = |bench: &mut Bench, ms: u32| {
        for n in 0..60 {
            bench.observe("eu", connections(&format!("10.9.{n}.7"), ms, 5));
        }
        bench.advance(31_000);
    };
    let mut bench = Bench::new();
    let mut disk = Disk::of(&mut bench);
    bench.start_demo();
    connect_all(&mut bench, 80);
    bench.advance(7 * HOUR_MS);
    connect_all(&mut bench, 80);
    (0..8).for_each(|_| connect_all(&mut bench, 40));
    disk.save(&mut bench);
    let is_held = |bench: &Bench| bench.overwatch.table().held(&parsed("eu")).is_some();
    let ms = |bench: &Bench| bench.learned().first().map_or(0, |row| row.2);
    assert!(is_held(&bench) && ms(&bench) == 80);
    // What is kept apart is so over a restart.
    disk.restart(&mut bench, 0);
    assert!(is_held(&bench) && ms(&bench) == 80);
    assert_eq!(bench.overwatch.table().rows_waiting(&parsed("eu")), 60);
    bench.command(Command::Accept(parsed("eu")));
    assert!(ms(&bench) < 56);
    disk.save(&mut bench);
    // The word is in the store, and the step is lost.
    disk.restart(&mut bench, 1);
    assert!(!is_held(&bench) && ms(&bench) < 56, "{}", ms(&bench));
}

fn source(service: &str, regions: &[&str]) -> Event {
    let regions = regions.iter().map(|region| parsed(region)).collect();
    Event::OutsideSources(vec![OutsideSource {
        name: parsed("probe"),
        service: parsed(service),
        regions,
    }])
}

fn report(bench: &mut Bench, region: &str, subnet: &str, ms: u64) {
    let rtt = model::Rtt::from_us(ms * 1_000).unwrap();
    let row = OutsideRow { region: Some(parsed(region)), subnet: parsed(subnet), rtt, samples: 50 };
    bench.tell(Event::OutsideReport { source: parsed("probe"), rows: vec![row] });
    bench.overwatch.outside_taken(&parsed("probe")).unwrap().as_ref().unwrap();
}

#[test]
fn what_sources_from_outside_said_is_recalled_as_long_as_they_are_trusted() {
    let both = ["eu-west", "ap-southeast"];
    let setup = || {
        let mut bench = Bench::new();
        let mut disk = Disk::of(&mut bench);
        bench.tell(source(APP, &both));
        report(&mut bench, "eu-west", "10.1.2.0/24", 20);
        report(&mut bench, "ap-southeast", "10.1.2.0/24", 220);
        disk.save(&mut bench);
        (bench, disk)
    };
    let rows = |bench: &Bench| -> Vec<String> {
        bench.learned().iter().map(|row| format!("{} {} {}", row.0, row.1, row.2)).collect()
    };
    let (eu, sg) = ("10.1.2.0/24 eu-west 20", "10.1.2.0/24 ap-southeast 220");
    for (trusted, expect) in [
        (Some((APP, &both[..])), vec![sg, eu]),
        (Some((APP, &both[..1])), vec![eu]),
        (Some(("other.demo.local", &both[..])), vec![]),
        (None, vec![]),
    ] {
        let (mut bench, mut disk) = setup();
        assert_eq!(disk.restart(&mut bench, 0), []);
        match trusted {
            Some((service, regions)) => bench.tell(source(service, regions)),
            None => bench.tell(Event::OutsideSources(Vec::new())),
        }
        assert_eq!(rows(&bench), expect, "{trusted:?}");
    }
    // And they go on.
    let (mut bench, mut disk) = setup();
    disk.restart(&mut bench, 0);
    bench.tell(source(APP, &both));
    report(&mut bench, "ap-southeast", "10.1.9.0/24", 30);
    report(&mut bench, "eu-west", "10.1.2.0/24", 25);
    disk.save(&mut bench);
    disk.restart(&mut bench, 0);
    bench.tell(source(APP, &both));
    assert_eq!(rows(&bench), [sg, "10.1.2.0/24 eu-west 25", "10.1.9.0/24 ap-southeast 30"]);
}
