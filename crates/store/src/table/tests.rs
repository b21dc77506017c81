//! Whatever a power cut or a bad disk leaves: it opens, what is left was there, and what is missing is
//! said.

use std::collections::BTreeSet;
use std::fs;

use latency::{Lane, PortReport, Report, ReportRow, Table};
use model::{AgentId, Rtt, Subnet, Time};
use overwatch::learned::Learned;
use testkit::{Random, bend};

use super::*;

const LIMITS: TableLimits =
    TableLimits { rows_per_agent_max: 9_000, rows_max: 20_000, ttl_ms: 7 * 86_400_000 };

fn at(s: u64) -> Time {
    Time::from_unix_ms(1_700_000_000_000 + s * 1_000)
}

fn agent(name: &str) -> AgentId {
    AgentId::kept(name).unwrap()
}

/// What is learned, second by second.
struct World {
    directory: tempfile::TempDir,
    learned: Learned,
    files: TableFiles,
    second: u64,
    /// All that was ever so.
    ever: BTreeSet<String>,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (files, found) = TableFiles::open(directory.path(), LIMITS).unwrap();
        assert_eq!((found.table.len(), found.dropped.len()), (0, 0));
        let mut learned = Learned::new(Table::new(LIMITS));
        learned.keep(Table::new(LIMITS));
        let mut world = Self { directory, learned, files, second: 0, ever: BTreeSet::new() };
        for name in ["web", "outside:probe"] {
            let services = vec!["app".parse().unwrap()];
            let lane = Lane { services, region: "eu".parse().unwrap() };
            world.learned.set_lane(&agent(name), 80, lane);
        }
        world
    }

    /// A second in which an agent told of these networks.
    fn tell(&mut self, name: &str, networks: std::ops::Range<u32>) {
        self.tell_only(name, networks);
        let batch = self.learned.take_steps(at(self.second)).unwrap();
        self.files.append(&batch).unwrap();
    }

    fn tell_only(&mut self, name: &str, networks: std::ops::Range<u32>) {
        self.second += 8;
        told(&mut self.learned, name, networks, self.second);
        self.ever.extend(words(&self.learned, name));
    }

    fn copy(&self) -> TableCopy {
        TableCopy { table: self.learned.snapshot(), at: at(self.second), follows: true }
    }

    fn snapshot(&mut self) {
        self.files.snapshot(&self.copy(), &mut |_| Ok(())).unwrap();
    }

    fn names(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn path(&self, generation: u64, kind: Kind) -> PathBuf {
        path_of(self.directory.path(), generation, kind)
    }

    fn open(&self) -> (TableFiles, Found) {
        TableFiles::open(self.directory.path(), LIMITS).unwrap()
    }

    /// Opens what is there; what is found must have been so at some time.
    fn check(&self) -> Found {
        let (files, found) = self.open();
        assert!(files.is_open() || files.wants_snapshot());
        for name in ["web", "outside:probe"] {
            for word in words(&found.table, name) {
                assert!(self.ever.contains(&word), "{word} never was");
            }
        }
        found
    }
}

/// An agent tells of these networks.
fn told(learned: &mut Learned, name: &str, networks: std::ops::Range<u32>, second: u64) {
    let now = at(second);
    let row = |n: u32| {
        let rtt_us = Rtt::from_us(1_000 * (second + u64::from(n % 50) + 1)).unwrap();
        let subnet = Subnet::of(std::net::Ipv4Addr::from_bits(n << 8 | 10 << 24).into(), 24);
        ReportRow { subnet, rtt_us, deviation_us: 9, min_rtt: rtt_us, samples: 3, observed_at: now }
    };
    let after = learned.position(&agent(name)).map_or(0, |position| position.sequence);
    let ports =
        vec![PortReport { port: 80, rows: networks.map(row).collect(), refreshed: Vec::new() }];
    let report = as_it_travels(Report { after, through: after + 1, ports });
    learned.apply(&agent(name), 3, &report, now).unwrap();
}

/// What may come while a snapshot is written: rows, so many that blocks are divided, an agent that is held,
/// believed again, withdrawn, and back.
fn meanwhile(learned: &mut Learned, nth: u64, second: u64) {
    let (web, probe) = (agent("web"), agent("outside:probe"));
    match nth {
        0 => learned.hold(&web, at(second)),
        1 => told(learned, "web", 0..40, second),
        2 => learned.forget(&probe),
        3 => learned.accept(&web, at(second)),
        4 => told(learned, "web", 3_000..4_100, second),
        5 => {
            let lane = Lane { services: Vec::new(), region: "us".parse().unwrap() };
            learned.set_lane(&probe, 80, lane);
            told(learned, "outside:probe", 0..3, second);
        }
        _ => learned.expire(at(second)),
    }
}

/// Its times rounded, as an agent's are when they come.
fn as_it_travels(report: Report) -> Report {
    let mut bytes = Vec::new();
    mesh::encode(&mesh::Frame::Report { epoch: 3, report }, &mut bytes).unwrap();
    let mut decoder = mesh::FrameDecoder::new();
    decoder.prove();
    decoder.push(&bytes);
    let Ok(Some(mesh::Frame::Report { report, .. })) = decoder.next_frame() else { panic!() };
    report
}

/// Each row of an agent as its last report told it.
fn words(table: &Table, name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut from = None;
    while let Some((epoch, report)) = table.report_after(&agent(name), from, 1_000) {
        for row in report.ports.iter().flat_map(|port| &port.rows) {
            words.push(format!("{name} {epoch} {row:?}"));
        }
        from = Some(latency::Position { epoch, sequence: report.through });
    }
    words
}

fn saved(table: &Table) -> Vec<Vec<u8>> {
    table.saved().collect()
}

/// A snapshot of two agents, and steps behind it.
fn small() -> World {
    let mut world = World::new();
    world.tell("web", 0..8);
    world.tell("outside:probe", 2..5);
    world.snapshot();
    world.tell("web", 5..10);
    world.tell("outside:probe", 1..4);
    world.tell("web", 0..2);
    world
}

#[test]
fn what_was_written_is_there_and_goes_on() {
    let mut world = small();
    for _ in 0..3 {
        let (files, found) = world.open();
        assert!(saved(&found.table) == saved(&world.learned));
        assert!(found.dropped.is_empty() && found.incomplete.is_empty() && files.is_open());
        assert_eq!((found.replayed.refused, found.replayed.through), (0, Some(at(world.second))));
        assert_eq!(files.bytes(), world.files.bytes());
        world.files = files;
        world.tell("web", 100..140);
    }
    // Both files of the first generation are gone, and nobody else reads what is there.
    let names: Vec<String> = fs::read_dir(world.directory.path())
        .unwrap()
        .map(|entry| {
            use std::os::unix::fs::PermissionsExt;
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            entry.file_name().into_string().unwrap()
        })
        .collect();
    assert_eq!(
        BTreeSet::from_iter(names.iter().map(String::as_str)),
        ["learned.2.rows", "learned.2.steps"].into()
    );
    assert_eq!(TableFiles::remove(world.directory.path()).unwrap(), 2);
    assert_eq!(world.open().1.table.len(), 0);
}

/// What is found of steps that are cut at each byte: exactly what was so when the last whole one was written, and
/// it is said how much is cut off.
#[test]
fn steps_that_are_cut_at_any_byte_lose_the_last_second_alone() {
    let mut world = World::new();
    world.tell("web", 0..8);
    world.tell("outside:probe", 2..5);
    world.snapshot();
    let path = world.path(2, Kind::Steps);
    let mut written = vec![(fs::read(&path).unwrap().len(), saved(&world.learned))];
    for (name, networks) in [("web", 5..10), ("outside:probe", 1..4), ("web", 0..2)] {
        world.tell(name, networks);
        written.push((fs::read(&path).unwrap().len(), saved(&world.learned)));
    }
    let whole = fs::read(&path).unwrap();
    let name = path.display();
    for end in (0..=whole.len()).rev() {
        fs::write(&path, &whole[..end]).unwrap();
        let found = world.check();
        let last = written.iter().rposition(|(length, _)| *length <= end);
        assert!(saved(&found.table) == written[last.unwrap_or(0)].1, "cut at {end}");
        assert!(found.incomplete.is_empty());
        // Of the snapshot's own time nothing but the time is lost.
        let kept = last.map_or(frame::HEADER_BYTES, |last| written[last].0);
        let said = if end < frame::HEADER_BYTES {
            vec![format!("{name}: left out, all {end} bytes: its beginning is damaged")]
        } else if end == kept {
            Vec::new()
        } else {
            vec![format!("{name}: the last {} bytes are no whole step: cut off", end - kept)]
        };
        assert_eq!(found.dropped, said, "cut at {end}");
    }
}

/// Each step by which one snapshot follows another, and each byte of what is written in it: all is there, by the one
/// before or by the new one.
#[test]
fn one_snapshot_follows_another_and_a_cut_at_any_byte_loses_nothing() {
    let mut world = small();
    let before = copy_of(world.directory.path());
    world.snapshot();
    let names = ["learned.3.steps", "learned.3.rows"];
    let [steps, rows] = names.map(|name| fs::read(world.directory.path().join(name)).unwrap());
    let all = saved(&world.learned);
    let open = |directory: &Path| {
        let found = TableFiles::open(directory, LIMITS).unwrap().1;
        assert!(saved(&found.table) == all && found.incomplete.is_empty());
        found.dropped
    };
    let at = |name: &str| before.path().join(name);
    for end in 0..=steps.len() {
        fs::write(at(names[0]), &steps[..end]).unwrap();
        let said = open(before.path());
        let part = match end {
            _ if end < frame::HEADER_BYTES => "its beginning is damaged",
            _ => "are no whole step: cut off",
        };
        let is_whole = [frame::HEADER_BYTES, steps.len()].contains(&end);
        assert_eq!(said.len(), usize::from(!is_whole), "{end}: {said:?}");
        assert!(said.iter().all(|line| line.contains(part)), "{end}: {said:?}");
    }
    for end in 0..=rows.len() {
        fs::write(at(UNFINISHED), &rows[..end]).unwrap();
        assert_eq!(open(before.path()), Vec::<String>::new(), "{end}");
    }
    fs::rename(at(UNFINISHED), at(names[1])).unwrap();
    assert_eq!(open(before.path()), Vec::<String>::new());
    for gone in ["learned.2.rows", "learned.2.steps"] {
        fs::remove_file(at(gone)).unwrap();
        assert_eq!(open(before.path()), Vec::<String>::new(), "{gone}");
    }
}

#[test]
fn a_cut_end_is_cut_off_and_the_next_step_follows() {
    let mut world = small();
    let path = world.path(2, Kind::Steps);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let (files, found) = world.open();
    assert_eq!(found.dropped.len(), 1, "{:?}", found.dropped);
    assert!(found.dropped[0].contains("are no whole step: cut off"));
    // The node begins with what it has, and so does its agent.
    world.learned.keep(found.table);
    world.files = files;
    world.tell("web", 0..9);
    let (_, found) = world.open();
    assert!(found.dropped.is_empty() && saved(&found.table) == saved(&world.learned));
}

#[test]
fn a_snapshot_that_is_cut_at_any_byte_keeps_what_is_before() {
    let world = small();
    let path = world.path(2, Kind::Rows);
    let whole = fs::read(&path).unwrap();
    for end in 0..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let found = world.check();
        let said = found.dropped.join("\n");
        let expect = if end < frame::HEADER_BYTES {
            "left out: its beginning is damaged"
        } else {
            "damaged pieces, and the last "
        };
        assert!(said.contains(expect), "cut at {end}: {said}");
        assert!(!world.open().0.is_open(), "the next thing is a snapshot");
    }
}

#[test]
fn a_byte_that_is_another_anywhere_is_found() {
    let world = small();
    for kind in [Kind::Rows, Kind::Steps] {
        let path = world.path(2, kind);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            // A format that is not ours is told apart from damage by the header's checksum.
            let found = world.check();
            assert!(!found.dropped.is_empty(), "{kind:?} at {at}");
        }
        fs::write(&path, &whole).unwrap();
    }
    assert!(world.check().dropped.is_empty());
}

#[test]
fn whatever_stands_there_opens() {
    let world = small();
    let wholes = [Kind::Rows, Kind::Steps].map(|kind| fs::read(world.path(2, kind)).unwrap());
    for seed in 1..200 {
        let mut random = Random::new(seed);
        for (kind, whole) in [Kind::Rows, Kind::Steps].into_iter().zip(&wholes) {
            let mut bytes = whole.clone();
            bend(&mut random, &mut bytes, |random| u8::try_from(random.below(256)).unwrap());
            fs::write(world.path(2, kind), &bytes).unwrap();
        }
        world.check();
    }
    // Files of each other's generations, and no snapshot at all.
    fs::write(world.path(2, Kind::Rows), &wholes[0]).unwrap();
    fs::rename(world.path(2, Kind::Steps), world.path(3, Kind::Steps)).unwrap();
    assert!(!world.check().dropped.is_empty());
    fs::remove_file(world.path(2, Kind::Rows)).unwrap();
    let found = world.check();
    assert_eq!((found.table.len(), found.dropped.len()), (0, 1));
}

#[test]
fn the_same_bytes_behind_their_checksums() {
    let world = small();
    let chunks: Vec<u8> = saved(&world.learned)
        .iter()
        .flat_map(|chunk| {
            let length = u16::try_from(chunk.len()).unwrap().to_le_bytes();
            [&length[..], chunk].concat()
        })
        .collect();
    let files = [Kind::Rows, Kind::Steps].map(|kind| fs::read(world.path(2, kind)).unwrap());
    // The two halves are read as one file each.
    let half = files[0].len().max(files[1].len());
    let halves = files.clone().map(|mut file| {
        file.resize(half, 0);
        file
    });
    for seed in 1..400 {
        let mut random = Random::new(seed);
        for (first, seeds) in
            [(0, halves.concat()), (1, chunks.clone()), (2, files[1][37..].to_vec())]
        {
            let mut bytes = [vec![first], seeds].concat();
            bend(&mut random, &mut bytes, |random| u8::try_from(random.below(256)).unwrap());
            crate::fuzz::table(&bytes);
        }
    }
}

fn copy_of(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// While a snapshot is written there are files of two generations: a cut at any moment, and at any byte of
/// what came meanwhile, leaves all that was written, and nothing that was not so.
#[test]
fn a_cut_while_a_snapshot_is_written_loses_nothing() {
    let mut world = small();
    told(&mut world.learned, "web", 0..1_000, world.second + 1);
    world.files.append(&world.learned.take_steps(at(world.second)).unwrap()).unwrap();
    let table = world.copy();
    let mut states = vec![saved(&world.learned)];
    let directory = world.directory.path().to_owned();
    let mut before_the_end = None;
    let World { files, learned, second, .. } = &mut world;
    files
        .snapshot(&table, &mut |files| {
            *second += 8;
            meanwhile(learned, states.len() as u64 - 1, *second);
            files.append(&learned.take_steps(at(*second)).unwrap())?;
            let copy = copy_of(&directory);
            let (_, found) = TableFiles::open(copy.path(), LIMITS).unwrap();
            assert!(found.dropped.is_empty(), "{:?}", found.dropped);
            assert!(saved(&found.table) == saved(learned));
            states.push(saved(learned));
            before_the_end = Some(copy);
            Ok(())
        })
        .unwrap();
    assert!(states.len() > 6, "{}", states.len());
    assert!(saved(&world.open().1.table) == saved(&world.learned));
    // Without the snapshot and with it.
    for copy in [before_the_end.unwrap(), copy_of(&directory)] {
        let path = path_of(copy.path(), 3, Kind::Steps);
        let whole = fs::read(&path).unwrap();
        let mut at_state = states.len() - 1;
        for end in (frame::HEADER_BYTES..whole.len()).rev().step_by(7) {
            fs::write(&path, &whole[..end]).unwrap();
            let found = saved(&TableFiles::open(copy.path(), LIMITS).unwrap().1.table);
            while states[at_state] != found {
                assert!(at_state > 0, "cut at {end}: never so");
                at_state -= 1;
            }
        }
        assert_eq!(at_state, 0);
    }
}

#[test]
fn after_any_trouble_steps_wait_for_a_snapshot_and_earlier_ones_stay() {
    let mut world = small();
    let before = saved(&world.learned);
    // A disk that refuses in the midst of a snapshot.
    let (table, names) = (world.copy(), world.names());
    let full = |_: &mut TableFiles| Err(TableError::Closed);
    assert!(world.files.snapshot(&table, &mut { full }).is_err());
    assert!(!world.files.is_open() && world.files.wants_snapshot());
    assert_eq!(world.names(), names, "a disk that stays full has no file more");
    world.tell_only("web", 50..60);
    let batch = world.learned.take_steps(at(world.second)).unwrap();
    assert!(matches!(world.files.append(&batch), Err(TableError::Closed)));
    assert!(saved(&world.check().table) == before, "what was written before is whole");
    // A second refusal, with steps in between that are missing: they must not be done to what came before.
    let (table, path) = (world.copy(), world.path(4, Kind::Steps));
    let (mut once, mut left) = (0, Vec::new());
    let mut later = |files: &mut TableFiles| {
        once += 1;
        files.append(&[at(0).unix_ms().to_le_bytes().to_vec(), vec![9; 9]].concat())?;
        left = fs::read(&path).unwrap();
        if once > 2 { Err(TableError::Closed) } else { Ok(()) }
    };
    assert!(world.files.snapshot(&table, &mut later).is_err());
    assert_eq!(world.names(), names);
    // As a power cut leaves it.
    fs::write(world.path(4, Kind::Steps), left).unwrap();
    let found = world.check();
    assert!(saved(&found.table) == before);
    assert!(found.dropped.iter().any(|line| line.contains("what came before is missing")));
    // Once it succeeds all is there.
    world.snapshot();
    world.tell("web", 60..70);
    let found = world.check();
    assert!(found.dropped.is_empty() && saved(&found.table) == saved(&world.learned));
}

#[test]
fn another_process_goes_on_with_a_snapshot_of_its_own() {
    let mut world = small();
    world.files = TableFiles::anew(world.directory.path()).unwrap();
    assert!(world.files.append(b"x").is_err());
    world.snapshot();
    world.tell("web", 0..3);
    let found = world.check();
    assert!(saved(&found.table) == saved(&world.learned) && found.dropped.is_empty());
    assert!(world.path(3, Kind::Rows).exists() && !world.path(2, Kind::Rows).exists());
}

#[test]
fn a_later_format_is_left_as_it_is() {
    let world = small();
    for kind in [Kind::Rows, Kind::Steps] {
        let path = world.path(2, kind);
        let whole = fs::read(&path).unwrap();
        let mut later = whole.clone();
        later[8] = 2;
        let end = frame::HEADER_BYTES - 4;
        let checksum = crc32fast::hash(&later[..end]).to_le_bytes();
        later[end..frame::HEADER_BYTES].copy_from_slice(&checksum);
        fs::write(&path, &later).unwrap();
        let error = TableFiles::open(world.directory.path(), LIMITS).unwrap_err();
        assert!(error.to_string().contains("is of format 2, and this release knows 1"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), later);
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn steps_become_a_snapshot_before_they_are_long() {
    let mut world = World::new();
    let (mut snapshots, mut most) = (0, 0);
    for second in 0..20 {
        (0..60_000).for_each(|_| world.learned.expire(at(second)));
        let batch = world.learned.take_steps(at(second)).unwrap();
        world.files.append(&batch).unwrap();
        most = most.max(world.files.bytes());
        if world.files.wants_snapshot() {
            world.snapshot();
            snapshots += 1;
        }
    }
    assert_eq!(snapshots, 10);
    assert!(most < STEPS_BYTES_MIN + 1_000_000, "{most}");
}

#[test]
fn a_snapshot_without_a_step_behind_it_says_until_when_it_says_all() {
    let mut world = World::new();
    world.tell("web", 0..8);
    world.snapshot();
    assert_eq!(world.check().replayed.through, Some(at(world.second)));
    // As soon as it has its name: before a power cut nothing else needs to be on the disk.
    let (table, steps) = (world.copy(), world.path(3, Kind::Steps));
    let mut first = Vec::new();
    let mut between = |_: &mut TableFiles| {
        if first.is_empty() {
            first = fs::read(&steps).unwrap();
        }
        Ok(())
    };
    world.files.snapshot(&table, &mut between).unwrap();
    fs::write(world.path(3, Kind::Steps), first).unwrap();
    let found = world.check();
    assert!(found.dropped.is_empty());
    assert_eq!(found.replayed.through, Some(at(world.second)));
}

#[test]
fn a_table_whose_steps_are_missing_does_not_follow() {
    let mut world = small();
    let before = saved(&world.learned);
    // Too much for a queue: this is in the copy alone.
    world.tell_only("web", 20..30);
    let _ = world.learned.take_steps(at(world.second));
    let copy = TableCopy { follows: false, ..world.copy() };
    let (path, mut cut) = (world.path(3, Kind::Steps), Vec::new());
    let World { files, learned, second, .. } = &mut world;
    let refused = files.snapshot(&copy, &mut |files| {
        learned.expire(at(*second));
        files.append(&learned.take_steps(at(*second)).unwrap())?;
        cut = fs::read(&path).unwrap();
        Err(TableError::Closed)
    });
    assert!(refused.is_err() && !path.exists());
    fs::write(&path, cut).unwrap();
    let found = world.check();
    assert!(saved(&found.table) == before, "what was written before, and nothing behind the gap");
    assert!(found.dropped.iter().any(|line| line.contains("what came before is missing")));
}

#[test]
fn a_snapshot_that_is_given_up_leaves_the_steps_open() {
    let mut world = small();
    let copy = world.copy();
    let given_up = world.files.snapshot(&copy, &mut |_| Err(TableError::GivenUp));
    assert!(matches!(given_up, Err(TableError::GivenUp)) && world.files.is_open());
    world.tell("web", 40..44);
    let found = world.check();
    assert!(found.dropped.is_empty() && saved(&found.table) == saved(&world.learned));
    // Without what leads to it nothing can follow.
    let copy = TableCopy { follows: false, ..world.copy() };
    assert!(world.files.snapshot(&copy, &mut |_| Err(TableError::GivenUp)).is_err());
    assert!(!world.files.is_open());
}

#[test]
fn one_at_a_time_writes() {
    let world = small();
    let lock = TableLock::take(world.directory.path()).unwrap();
    let second = TableLock::take(world.directory.path());
    assert!(matches!(second, Err(TableError::Held { .. })));
    drop(lock);
    drop(TableLock::take(world.directory.path()).unwrap());
    TableFiles::remove(world.directory.path()).unwrap();
    assert!(world.names().is_empty());
}

#[test]
fn nobody_goes_on_behind_a_later_format() {
    let world = small();
    let path = world.path(2, Kind::Rows);
    let mut later = fs::read(&path).unwrap();
    later[8] = 2;
    let end = frame::HEADER_BYTES - 4;
    let checksum = crc32fast::hash(&later[..end]).to_le_bytes();
    later[end..frame::HEADER_BYTES].copy_from_slice(&checksum);
    fs::write(&path, &later).unwrap();
    let refused = TableFiles::anew(world.directory.path());
    assert!(matches!(refused, Err(TableError::Newer { .. })));
}
