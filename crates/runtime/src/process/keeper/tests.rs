//! A disk that is slow, or refuses: nothing is lost, nobody is told what is not so, and nobody waits for ever.

use std::sync::atomic::{AtomicU8, Ordering};

use store::StoreError;

use super::*;

/// No rest that a test would notice.
const QUICK: Backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
/// What is wrong with a disk.
const WELL: u8 = 0;
const REFUSES: u8 = 1;
const STUCK: u8 = 2;

/// A disk with something wrong.
struct Bad {
    store: Store,
    wrong: Arc<AtomicU8>,
}

impl Disk for Bad {
    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        while self.wrong.load(Ordering::SeqCst) == STUCK {
            std::thread::yield_now();
        }
        if self.wrong.load(Ordering::SeqCst) == REFUSES && !changes.is_empty() {
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull).into();
            return Err(StoreError::Write { path: "store".into(), source });
        }
        self.store.write(changes)
    }

    fn export(&mut self) -> Result<String, StoreError> {
        self.store.export()
    }

    fn close(&mut self) {
        self.store.close();
    }
}

fn made(text: &str) -> Vec<Change> {
    vec![Change::PutMade(text.to_owned())]
}

/// A store on such a disk.
fn bad(path: &std::path::Path) -> (Keeping, Arc<AtomicU8>) {
    let wrong = Arc::new(AtomicU8::new(WELL));
    let disk = Bad { store: Store::open(path).unwrap().0, wrong: Arc::clone(&wrong) };
    (Keeping::Open(Keeper::start_on(disk, QUICK).unwrap()), wrong)
}

#[tokio::test]
async fn a_disk_that_refuses_is_said_and_what_waits_is_written_once_it_takes_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let (mut keeping, wrong) = bad(&path);
    assert_eq!(written(keeping.keep_now(made("before")).await), Ok(()));
    assert!(keeping.kept().unwrap().is_kept);
    wrong.store(REFUSES, Ordering::SeqCst);
    keeping.keep(made("waits"));
    while keeping.kept().unwrap().failures < 3 {
        tokio::task::yield_now().await;
    }
    assert!(!keeping.kept().unwrap().is_kept);
    // Nobody takes over what is not written.
    let mut keeper = keeping.give().unwrap();
    assert!(keeper.close(STOP_MAX).unwrap_err().contains("is the disk full"));
    keeping.take_back(keeper);
    assert!(keeping.is_open() && Store::open(&path).is_err());
    wrong.store(WELL, Ordering::SeqCst);
    while !keeping.kept().unwrap().is_kept {
        tokio::task::yield_now().await;
    }
    let mut keeper = keeping.give().unwrap();
    assert_eq!(keeper.close(STOP_MAX), Ok(()));
    assert_eq!(Store::open(&path).unwrap().1.made, "waits");
    // What changes while another process has it is written once it is back.
    assert!(keeping.give().is_none());
    keeping.keep(made("meanwhile"));
    keeping.take_back(keeper);
    assert_eq!(written(keeping.keep_now(Vec::new()).await), Ok(()));
    keeping.stop();
    assert_eq!(Store::open(&path).unwrap().1.made, "meanwhile");
}

#[tokio::test]
async fn nobody_waits_for_ever_for_a_disk_that_does_not_return() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let (mut keeping, wrong) = bad(&path);
    wrong.store(STUCK, Ordering::SeqCst);
    keeping.keep(made("waits"));
    let Keeping::Open(keeper) = &mut keeping else { unreachable!() };
    assert_eq!(keeper.close(Duration::from_millis(1)), Err("the disk takes too long".to_owned()));
    keeper.saved_at = Instant::now().checked_sub(SLOW_AFTER).unwrap();
    assert!(!keeping.kept().unwrap().is_kept, "it is said");
    wrong.store(WELL, Ordering::SeqCst);
    // It was closed for nobody: it goes on.
    assert_eq!(written(keeping.keep_now(made("later")).await), Ok(()));
    assert!(Store::open(&path).is_err(), "it is this one's still");
    wrong.store(STUCK, Ordering::SeqCst);
    keeping.keep(made("lost"));
    let Keeping::Open(keeper) = keeping else { unreachable!() };
    keeper.stop(Duration::from_millis(1));
    wrong.store(WELL, Ordering::SeqCst);
}

#[tokio::test]
async fn what_is_said_to_be_written_is_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut keeper = Keeper::start(Store::open(&path).unwrap().0).unwrap();
    keeper.keep(vec![Change::PutMade("first".to_owned())]);
    let answer = keeper.keep_now(vec![Change::PutMade("second".to_owned())]).await;
    assert_eq!(written(answer), Ok(()));
    keeper.stop(STOP_MAX);
    assert_eq!(Store::open(&path).unwrap().1.made, "second");
    // Nobody promises anything while another process has the file.
    let mut away = Keeping::Away(Vec::new());
    assert!(written(away.keep_now(Vec::new()).await).is_err());
}

/// What found no room is neither lost nor overtaken: who waits is not told that it is written.
#[tokio::test]
async fn a_full_queue_makes_nobody_believe_anything() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = Store::open(&path).unwrap().0;
    let (wanted, waiting) = sync_channel(1);
    // A disk that is busy until the test says so.
    let (go, may_go) = sync_channel::<()>(0);
    let (mut keeper, ends) = Keeper::by(wanted);
    let state = Arc::clone(&keeper.state);
    std::thread::spawn(move || {
        let _ = may_go.recv();
        writer::write_all(store, QUICK, &waiting, &state);
        drop(ends);
    });
    keeper.keep(made("taken"));
    keeper.keep(made("held back"));
    assert!(written(keeper.keep_now(Vec::new()).await).is_err());
    assert!(written(keeper.keep_now(made("refused")).await).is_err());
    drop(go);
    // Once the disk is free again what was held back comes first.
    loop {
        if written(keeper.keep_now(Vec::new()).await).is_ok() {
            break;
        }
        tokio::task::yield_now().await;
    }
    keeper.stop(STOP_MAX);
    assert_eq!(Store::open(&path).unwrap().1.made, "held back");
}
