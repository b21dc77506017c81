//! A disk that is slow, full, or gone: nobody waits for it, it is said, and it heals by itself.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use ::overwatch::learned::Learned;
use latency::Lane;
use store::TableFiles;

use super::thread::Between;
use super::*;

const LIMITS: TableLimits =
    TableLimits { rows_per_agent_max: 1_000, rows_max: 2_000, ttl_ms: 86_400_000 };

/// No rest that a test would notice.
const QUICK: Backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));

fn at(s: u64) -> Time {
    Time::from_unix_ms(1_700_000_000_000 + s * 1_000)
}

/// What is wrong with a disk.
#[derive(Default)]
struct Trouble {
    /// Whether it takes anything.
    is_full: AtomicBool,
    /// While this is true a write does not return.
    is_stuck: Mutex<bool>,
    /// While this is true no piece of a snapshot is followed by another.
    holds_pieces: Mutex<bool>,
    goes_on: Condvar,
    /// Tables that were tried.
    tables: AtomicUsize,
    /// Of what time they were, and whether they followed.
    copies: Mutex<Vec<(Time, bool)>>,
    /// Pieces of snapshots that were begun.
    pieces: AtomicUsize,
}

impl Trouble {
    fn wait(&self, while_true: &Mutex<bool>) {
        let stuck = while_true.lock().unwrap();
        drop(self.goes_on.wait_while(stuck, |stuck| *stuck).unwrap());
    }

    fn let_go(&self) {
        *self.holds_pieces.lock().unwrap() = false;
        self.goes_on.notify_all();
    }
}

struct Bad {
    files: TableFiles,
    trouble: Arc<Trouble>,
}

impl Bad {
    fn meet(&self) -> Result<(), TableError> {
        self.trouble.wait(&self.trouble.is_stuck);
        if !self.trouble.is_full.load(Ordering::SeqCst) {
            return Ok(());
        }
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        Err(TableError::Disk { what: "write", path: "learned.1.steps".into(), source })
    }
}

impl Disk for Bad {
    fn append(&mut self, batch: &[u8]) -> Result<(), TableError> {
        self.meet()?;
        self.files.append(batch)
    }

    fn snapshot(&mut self, copy: &TableCopy, between: &mut Between<'_>) -> Result<(), TableError> {
        self.trouble.tables.fetch_add(1, Ordering::SeqCst);
        self.meet()?;
        let Self { files, trouble } = self;
        trouble.copies.lock().unwrap().push((copy.at, copy.follows));
        files.snapshot(copy, &mut |files| {
            trouble.pieces.fetch_add(1, Ordering::SeqCst);
            trouble.wait(&trouble.holds_pieces);
            between(&mut |batch| files.append(batch))
        })
    }

    fn wants_snapshot(&self) -> bool {
        self.files.wants_snapshot()
    }

    fn bytes(&self) -> u64 {
        self.files.bytes()
    }
}

/// A table that is kept on such a disk.
struct World {
    directory: tempfile::TempDir,
    learned: Learned,
    keeper: TableKeeper,
    trouble: Arc<Trouble>,
    second: u64,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (files, _) = TableFiles::open(directory.path(), LIMITS).unwrap();
        let trouble = Arc::new(Trouble::default());
        let disk = Bad { files, trouble: Arc::clone(&trouble) };
        let lock = TableLock::take(directory.path()).unwrap();
        let keeper = TableKeeper::start((disk, lock), QUICK, at(0)).unwrap();
        let mut learned = Learned::new(Table::new(LIMITS));
        learned.keep(Table::new(LIMITS));
        Self { directory, learned, keeper, trouble, second: 0 }
    }

    /// A second in which something changed.
    fn second(&mut self) {
        self.second += 1;
        let lane =
            Lane { services: Vec::new(), region: format!("r{}", self.second).parse().unwrap() };
        self.learned.set_lane(&"web".parse().unwrap(), 80, lane);
        self.look();
    }

    fn look(&mut self) {
        let steps = self.learned.take_steps(at(self.second));
        let Self { learned, keeper, second, .. } = self;
        keeper.keep(steps, || learned.snapshot(), at(*second));
    }

    /// Looks until it is so: each look is the next second, in which nothing happens.
    fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..1_000_000 {
            if is_so(self) {
                return;
            }
            self.second += 1;
            self.look();
            std::thread::yield_now();
        }
        panic!("it never comes to it: {:?}", self.kept());
    }

    /// Waits until a snapshot is in the midst of it.
    fn until_a_piece(&self) {
        while self.trouble.pieces.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
    }

    fn kept(&self) -> Kept {
        self.keeper.kept(at(self.second))
    }

    /// What a restart would find.
    fn found(&self) -> Vec<Vec<u8>> {
        TableFiles::open(self.directory.path(), LIMITS).unwrap().1.table.saved().collect()
    }

    fn is_all_there(&self) -> bool {
        self.found() == self.learned.saved().collect::<Vec<_>>()
    }
}

#[test]
fn what_changes_is_on_the_disk_soon() {
    let mut world = World::new();
    for _ in 0..5 {
        world.second();
    }
    world.until(|world| world.kept().unsaved_ms == 0);
    assert!(world.is_all_there() && world.kept().is_kept);
    assert_eq!((world.kept().snapshots, world.kept().failures), (0, 0));
}

#[test]
fn a_disk_that_does_not_return_holds_nobody_up() {
    let mut world = World::new();
    *world.trouble.is_stuck.lock().unwrap() = true;
    for _ in 0..100 {
        world.second();
    }
    let kept = world.kept();
    assert!(!kept.is_kept && kept.unsaved_ms >= 90_000, "{kept:?}");
    assert_eq!(
        world.trouble.tables.load(Ordering::SeqCst),
        0,
        "no copy is made for a disk that is stuck"
    );
    *world.trouble.is_stuck.lock().unwrap() = false;
    world.trouble.goes_on.notify_all();
    world.until(|world| world.kept().is_kept && world.kept().unsaved_ms == 0);
    assert!(world.is_all_there());
    assert_eq!(world.kept().snapshots, 1, "what was not kept is in a snapshot");
    world.second();
    world.until(|world| world.kept().unsaved_ms == 0);
    assert!(world.is_all_there());
}

#[test]
fn a_full_disk_is_said_and_heals_by_itself() {
    let mut world = World::new();
    world.second();
    world.until(|world| world.kept().unsaved_ms == 0);
    let before = world.found();
    world.trouble.is_full.store(true, Ordering::SeqCst);
    world.second();
    world.until(|world| world.kept().failures > 3);
    let kept = world.kept();
    assert!(!kept.is_kept && kept.unsaved_ms > 0, "{kept:?}");
    assert!(world.found() == before, "what was written is as it was");
    world.second();
    world.trouble.is_full.store(false, Ordering::SeqCst);
    world.until(|world| world.kept().is_kept && world.kept().unsaved_ms == 0);
    assert!(world.is_all_there());
}

#[test]
fn what_was_lost_on_the_way_is_kept_whole() {
    let mut world = World::new();
    world.second();
    // A gap in what was noted, and a doubt.
    world.second += 1;
    world.keeper.keep(None, || world.learned.snapshot(), at(world.second));
    world.until(|world| world.kept().snapshots == 1 && world.kept().is_kept);
    assert!(world.is_all_there());
    world.keeper.doubt();
    assert!(!world.kept().is_kept);
    world.until(|world| world.kept().snapshots == 2 && world.kept().is_kept);
    assert!(world.is_all_there());
}

#[test]
fn at_the_end_all_is_written() {
    let mut world = World::new();
    for _ in 0..QUEUE_SECONDS / 2 {
        world.second();
    }
    let World { keeper, learned, directory, .. } = world;
    drop(keeper.wanted);
    assert_eq!(keeper.ended.recv_timeout(STOP_MAX), Err(RecvTimeoutError::Disconnected));
    let found = TableFiles::open(directory.path(), LIMITS).unwrap().1;
    assert!(found.table.saved().eq(learned.saved()));
}

#[test]
fn the_steps_of_the_second_of_a_snapshot_are_on_the_disk_before_it() {
    let mut world = World::new();
    world.second();
    world.until(|world| world.kept().unsaved_ms == 0);
    world.keeper.state.want_table();
    *world.trouble.holds_pieces.lock().unwrap() = true;
    // In this second both: what changed, and the whole table.
    world.second();
    let sent_at = at(world.second);
    world.until_a_piece();
    assert!(world.is_all_there(), "before the snapshot is");
    world.trouble.let_go();
    world.until(|world| world.kept().snapshots == 1 && world.kept().is_kept);
    assert_eq!(*world.trouble.copies.lock().unwrap(), [(sent_at, true)]);
    world.keeper.doubt();
    world.until(|world| world.kept().snapshots == 2 && world.kept().is_kept);
    assert!(!world.trouble.copies.lock().unwrap()[1].1, "a gap is before it");
}

/// A table in the midst of being written, as a hand-over finds it.
fn in_a_snapshot(begin: impl FnOnce(&mut World)) -> World {
    let mut world = World::new();
    world.second();
    world.until(|world| world.kept().unsaved_ms == 0);
    *world.trouble.holds_pieces.lock().unwrap() = true;
    begin(&mut world);
    world.second();
    world.until_a_piece();
    // A second that comes meanwhile.
    world.second();
    world
}

#[test]
fn a_snapshot_is_given_up_at_the_end_and_no_step_with_it() {
    let world = in_a_snapshot(|world| world.keeper.state.want_table());
    let World { keeper, learned, directory, trouble, .. } = world;
    keeper.state.end();
    trouble.let_go();
    keeper.end();
    assert_eq!(trouble.pieces.load(Ordering::SeqCst), 1, "no more than the piece it was at");
    drop(TableLock::take(directory.path()).unwrap());
    let names = |end: &str| {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(end)).count()
    };
    assert_eq!((names("rows"), names("new")), (0, 0));
    let found = TableFiles::open(directory.path(), LIMITS).unwrap().1;
    assert!(found.dropped.is_empty() && found.table.saved().eq(learned.saved()));
}

#[test]
fn a_snapshot_that_alone_has_all_is_finished_at_the_end() {
    let world = in_a_snapshot(|world| world.keeper.doubt());
    let World { keeper, learned, directory, trouble, .. } = world;
    keeper.state.end();
    trouble.let_go();
    keeper.end();
    let found = TableFiles::open(directory.path(), LIMITS).unwrap().1;
    assert!(found.dropped.is_empty() && found.table.saved().eq(learned.saved()));
}

#[test]
fn who_finds_the_files_held_keeps_all_once_they_are_let_go() {
    let mut world = World::new();
    world.second();
    // The one before writes still: nothing of its files is touched.
    let anew = (Anew::new(world.directory.path()), ());
    let next = TableKeeper::start(anew, QUICK, at(world.second)).unwrap();
    let before = std::mem::replace(&mut world.keeper, next);
    world.keeper.doubt();
    world.until(|world| world.kept().failures > 2);
    assert!(!world.kept().is_kept && world.kept().snapshots == 0);
    before.end();
    world.second();
    world.until(|world| world.kept().is_kept && world.kept().unsaved_ms == 0);
    assert!(world.is_all_there());
    world.second();
    world.until(|world| world.kept().unsaved_ms == 0);
    assert!(world.is_all_there());
}
