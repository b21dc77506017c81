//! The file over restarts, kills, damage and strangers' files.
//!
//! - `power_cut`: a cut of power at any byte.

mod power_cut;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use dnssec::{Algorithm, KeyRing, Layout};
use health::{HeartbeatTerms, Standing};
use mesh::KeyHash;
use model::{Backend, BackendKey, Time};
use overwatch::{AuditLine, BackendRow, HandItem, HandRow, HealthRow, Pin, PinState, Source};
use redb::StorageBackend;

use super::*;
use crate::Backup;

fn key(number: u32) -> BackendKey {
    BackendKey {
        service: "app.demo.local".parse().unwrap(),
        address: std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into(),
        port: 8080,
    }
}

fn backend(number: u32) -> Change {
    Change::PutBackend(BackendRow {
        backend: Backend { key: key(number), region: "eu-west".parse().unwrap(), weight: number },
        source: Source::Agent {
            id: format!("agent-{number}").parse().unwrap(),
            heartbeat: HeartbeatTerms { interval_ms: 10_000, missed_threshold: 3 },
        },
        check: None,
        override_: None,
        is_draining: false,
    })
}

fn standing(number: u32, standing: Standing) -> Change {
    let since = Time::from_unix_ms(1_766_138_700_000);
    Change::PutHealth(key(number), HealthRow { standing, since, last_up: Some(since) })
}

fn pin(number: u8) -> Change {
    let id = format!("agent-{number}").parse().unwrap();
    let first_seen = Time::from_unix_ms(1_766_138_700_000);
    let blocked = BTreeSet::from([key(1), key(2)]);
    let key_hash = KeyHash::from_bytes([number; 32]);
    Change::PutPin(
        id,
        Pin {
            key: key_hash,
            state: PinState::Revoked,
            service: "app".parse().unwrap(),
            first_seen,
            blocked,
            held: Some(first_seen),
        },
    )
}

fn frozen(name: &str) -> Change {
    let item = HandItem::Frozen { domain: name.to_owned() };
    Change::PutHand(HandRow {
        item,
        since: Time::from_unix_ms(7),
        by: None,
        reason: None,
        until: None,
    })
}

fn overridden(number: u32) -> Change {
    let item = HandItem::Override { backend: key(number), is_up: false };
    let since = Time::from_unix_ms(7);
    let (by, reason) = (Some("deploy".to_owned()), Some("disk".to_owned()));
    Change::PutHand(HandRow { item, since, by, reason, until: Some(since) })
}

fn word(number: u64) -> Change {
    let line = AuditLine {
        at: Time::from_unix_ms(number),
        what: format!("word {number}"),
        by: None,
        reason: None,
    };
    Change::PutAudit(number, line)
}

/// What stands in the file after a restart is what stood in memory before.
fn check(path: &Path, batches: &[Vec<Change>]) {
    let (mut store, mut expect) = Store::open(path).unwrap();
    for batch in batches {
        store.write(batch).unwrap();
        batch.iter().cloned().for_each(|change| expect.apply(change));
    }
    drop(store);
    let (_store, found) = Store::open(path).unwrap();
    assert_eq!(found, expect);
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    assert_eq!(Store::open(&path).unwrap().1, Snapshot::default());
    check(&path, &[vec![backend(1), backend(2), pin(1)], vec![standing(1, Standing::Up)]]);
    check(&path, &[vec![], vec![backend(1), standing(1, Standing::Down), pin(2)]]);
    check(
        &path,
        &[vec![
            Change::RemoveBackend(key(1)),
            Change::RemoveBackend(key(77)),
            Change::RemoveHealth(key(1)),
            backend(3),
            Change::RemoveBackend(key(3)),
        ]],
    );
    let (_store, snapshot) = Store::open(&path).unwrap();
    assert_eq!(snapshot.backends.keys().collect::<Vec<_>>(), [&key(2)]);
    assert_eq!((snapshot.health.len(), snapshot.pins.len()), (0, 2));
}

#[test]
fn what_operators_did_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    check(&path, &[vec![frozen("a"), word(9)], vec![frozen("b"), word(10)]]);
    check(&path, &[vec![Change::RemoveHand("frozen a".to_owned()), Change::RemoveAudit(9)]]);
    let (_store, snapshot) = Store::open(&path).unwrap();
    assert_eq!(snapshot.hand.keys().collect::<Vec<_>>(), ["frozen b"]);
    assert_eq!(snapshot.audit.keys().collect::<Vec<_>>(), [&10]);
}

#[test]
fn words_that_wait_to_be_shared_are_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let waits = |number| match word(number) {
        Change::PutAudit(number, line) => Change::PutUnshared(number, line),
        other => other,
    };
    check(&path, &[vec![waits(1), waits(2)], vec![waits(10), Change::RemoveUnshared(2)]]);
    let (_store, snapshot) = Store::open(&path).unwrap();
    assert_eq!(snapshot.unshared.keys().collect::<Vec<_>>(), [&1, &10]);
    assert_eq!(snapshot.of_operators(), Snapshot::default(), "nobody else's");
}

fn ring(zone: &str, secret: u8) -> KeyRing {
    let terms = (Layout::KskZsk, Algorithm::Ed25519);
    let mut secrets = (secret..).map(|byte| [byte; 32]);
    let mut draw = || secrets.next().unwrap();
    KeyRing::new(zone.parse().unwrap(), terms, Time::from_unix_ms(7), &mut draw).unwrap()
}

#[test]
fn keys_are_there_after_a_restart_and_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let (a, b) = (ring("A.test", 1), ring("b.test", 3));
    check(&path, &[vec![Change::PutKeys(a), Change::PutKeys(b.clone())]]);
    check(&path, &[vec![Change::PutKeys(ring("a.test", 5))]]);
    let (_store, snapshot) = Store::open(&path).unwrap();
    assert_eq!(snapshot.keys.keys().collect::<Vec<_>>(), ["a.test", "b.test"]);
    assert_eq!(snapshot.keys["b.test"], b);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_of_a_release_that_kept_less_is_read_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let (mut store, _) = Store::open(&path).unwrap();
    store.write(&[pin(1)]).unwrap();
    let transaction = store.database().unwrap().begin_write().unwrap();
    for table in [HAND, WORDS, KEYS, UNSHARED_WORDS] {
        assert!(transaction.delete_table(table).unwrap());
    }
    transaction.commit().unwrap();
    drop(store);
    check(&path, &[vec![frozen("a"), word(1)]]);
    assert_eq!(Store::open(&path).unwrap().1.pins.len(), 1);
}

#[test]
fn a_full_table_refuses_the_whole_of_a_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let (mut store, _) = Store::open(&path).unwrap();
    store.rows_max = 2;
    store.write(&[backend(1), backend(2)]).unwrap();
    let error = store.write(&[pin(1), backend(3)]).unwrap_err();
    assert!(error.to_string().contains("holds 2 backends, which is its limit"), "{error}");
    store.write(&[backend(2), Change::RemoveBackend(key(1)), backend(3)]).unwrap();
    drop(store);
    let (_store, snapshot) = Store::open(&path).unwrap();
    assert_eq!(snapshot.backends.keys().collect::<Vec<_>>(), [&key(2), &key(3)]);
    assert_eq!(snapshot.pins.len(), 0, "a refused write leaves nothing behind");
}

#[test]
fn only_the_owner_can_read_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    drop(Store::open(&path).unwrap());
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    drop(Store::open(&path).unwrap());
    assert_eq!(mode(), 0o600);
}

#[test]
fn one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let _first = Store::open(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })));
}

#[test]
fn a_missing_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let error = Store::open(&directory.path().join("no/overwatch.db")).unwrap_err();
    assert!(matches!(&error, StoreError::Open { .. }), "{error}");
    assert!(error.to_string().contains("no/overwatch.db; does its directory exist"), "{error}");
}

#[test]
fn a_later_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let (store, _) = Store::open(&path).unwrap();
    let transaction = store.database().unwrap().begin_write().unwrap();
    transaction.open_table(META).unwrap().insert(FORMAT_ROW, 2).unwrap();
    transaction.commit().unwrap();
    drop(store);
    let error = Store::open(&path).unwrap_err();
    let expect = "has format 2, and this release knows formats up to 1; run the release that";
    assert!(error.to_string().contains(expect), "{error}");
}

#[test]
fn a_row_that_means_nothing_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let (store, _) = Store::open(&path).unwrap();
    let transaction = store.database().unwrap().begin_write().unwrap();
    put(&transaction, HEALTH, "app 10.0.0.1 80", b"{}").unwrap();
    transaction.commit().unwrap();
    drop(store);
    let error = Store::open(&path).unwrap_err();
    let expect = "is damaged: table health, at \"app 10.0.0.1 80\"; `opengslb-cli restore`";
    assert!(error.to_string().contains(expect), "{error}");
}

/// A file that is no store, cut short, or with bytes turned over, never panics and never yields
/// what was not written.
#[test]
fn a_damaged_file_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let (mut store, mut whole) = Store::open(&path).unwrap();
    let batch: Vec<Change> = (1..200).map(backend).chain([pin(1)]).collect();
    store.write(&batch).unwrap();
    batch.into_iter().for_each(|change| whole.apply(change));
    drop(store);
    let bytes = std::fs::read(&path).unwrap();

    let (mut refused, mut unhurt) = (0, 0);
    let mut check = |damaged: &[u8]| {
        std::fs::write(&path, damaged).unwrap();
        match Store::open(&path) {
            // Where only unused pages were hit.
            Ok((_, found)) => {
                unhurt += 1;
                assert_eq!(found, whole);
            }
            Err(error) => {
                let said = error.to_string();
                assert!(said.contains("move it away and start again: lost are"), "{error:?}");
                refused += 1;
            }
        }
    };
    check(b"this is no store at all");
    check(&bytes[..bytes.len() / 2]);
    check(&bytes[..100]);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..300 {
        let mut damaged = bytes.clone();
        for _ in 0..=round / 10 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Most of the file is empty; what was written stands at its front.
            let place = usize::try_from(state >> 8).unwrap() % damaged.len().min(200_000);
            damaged[place] ^= 1 << (state % 8);
        }
        check(&damaged);
    }
    assert!(refused > 100 && unhurt > 0, "both must be seen: {refused}, {unhurt}");
}

/// How many writes the disk of the test below takes until it refuses one.
static TAKES: AtomicU64 = AtomicU64::new(u64::MAX);

/// A disk that refuses one write, and takes the next ones.
#[derive(Debug)]
struct Refusing(FileBackend);

impl StorageBackend for Refusing {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        if TAKES.fetch_sub(1, Ordering::SeqCst) == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        self.0.write(offset, data)
    }
}

fn take_refusing(builder: &Builder, file: File) -> Result<Database, DatabaseError> {
    builder.create_with_backend(Refusing(FileBackend::new(file)?))
}

#[test]
fn one_error_of_the_disk_is_one_refused_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let (mut store, _) = Store::open_by(&path, take_refusing).unwrap();
    store.write(&[pin(1)]).unwrap();
    // Wherever in a write it refuses.
    for takes in 0..4 {
        TAKES.store(takes, Ordering::SeqCst);
        let error = store.write(&[pin(2), word(takes)]).unwrap_err();
        assert!(matches!(error, StoreError::Write { .. }), "{error:?}");
        store.write(&[pin(2), word(takes)]).unwrap();
        assert!(store.export().unwrap().contains("agent-2"));
    }
    drop(store);
    let (_store, found) = Store::open(&path).unwrap();
    assert_eq!((found.pins.len(), found.audit.len()), (2, 4));
}

#[test]
fn one_that_was_closed_is_opened_again_and_not_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    let (mut store, _) = Store::open(&path).unwrap();
    store.close();
    let (other, _) = Store::open(&path).unwrap();
    assert!(matches!(store.write(&[pin(3)]), Err(StoreError::InUse { .. })), "it is another's");
    drop(other);
    store.write(&[pin(3)]).unwrap();
    // What is gone is not made anew: a file with the last changes alone is no store.
    store.close();
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(store.write(&[pin(4)]), Err(StoreError::Open { .. })));
    assert!(!path.exists());
}

const CHILD: &str = "STORE_TEST_CHILD";

/// Not a test by itself: the writer that the next test kills.
#[test]
fn child_writes_until_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let (mut store, _) = Store::open(Path::new(&path)).unwrap();
    for number in 1.. {
        store.write(&[backend(number), standing(number, Standing::Up)]).unwrap();
        println!("\nwritten {number}");
    }
}

#[test]
fn a_killed_writer_loses_nothing_that_it_called_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overwatch.db");
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::child_writes_until_killed", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut written = lines.map_while(Result::ok).filter_map(|line| {
            line.strip_prefix("written ").and_then(|number| number.parse::<u32>().ok())
        });
        assert!(written.by_ref().any(|number| number == round * 20));
        child.kill().unwrap();
        let last = written.last().unwrap_or(round * 20);
        child.wait().unwrap();
        let (_store, snapshot) = Store::open(&path).unwrap();
        for number in 1..=last {
            assert!(snapshot.backends.contains_key(&key(number)), "{number} of {last}");
            assert!(snapshot.health.contains_key(&key(number)), "{number} of {last}");
        }
    }
}

#[test]
fn a_backup_is_the_store_in_another_form() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(&directory.path().join("one")).unwrap();
    let all = [
        backend(1),
        standing(1, Standing::Up),
        pin(1),
        frozen("a"),
        overridden(2),
        word(9),
        Change::PutKeys(ring("demo.test", 1)),
        Change::PutMade(r#"{"revision":1}"#.to_owned()),
    ];
    store.write(&all).unwrap();
    let text = store.export().unwrap();
    drop(store);
    let (_, expect) = Store::open(&directory.path().join("one")).unwrap();
    let (backup, read) = Backup::read(&text).unwrap();
    assert_eq!(read, expect);
    // What was there before is not there any more.
    let (mut other, _) = Store::open(&directory.path().join("two")).unwrap();
    other.write(&[backend(7), frozen("b")]).unwrap();
    other.replace(&backup).unwrap();
    drop(other);
    assert_eq!(Store::open(&directory.path().join("two")).unwrap().1, expect);
    // Whole or not at all.
    let refused = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in {text}");
        Backup::read(&text.replacen(from, to, 1)).unwrap_err().to_string()
    };
    assert_eq!(refused("opengslb store", "else"), "it is no backup of a store");
    assert_eq!(refused("{", "["), "it is no backup of a store");
    assert!(refused("\"format\": 1", "\"format\": 9").contains("formats up to 1"));
    assert!(refused("\"pins\"", "\"pens\"").contains("\"pens\""));
    assert!(refused("eu-west", "eu west").contains("table backends means nothing"));
}
