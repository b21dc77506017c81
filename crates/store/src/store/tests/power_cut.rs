//! A disk whose power is cut at any byte of any write, or that had some of its writes in another order: the file
//! opens, has all that was called written and nothing by halves, and says that it was cut.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use testkit::Random;

use super::*;

/// What a disk is told.
#[derive(Clone, Debug)]
enum Told {
    Write(usize, Vec<u8>),
    Length(usize),
    Sync,
}

thread_local! {
    /// All that the disks of this test were told.
    static TOLD: RefCell<Vec<Told>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that are copied before one of them is written.
const PIECE: usize = 4096;

/// A file, and in memory what is written over it: what was cut is there for the next look.
#[derive(Debug)]
struct Disk {
    file: File,
    over: Mutex<(usize, BTreeMap<usize, Vec<u8>>)>,
}

impl Disk {
    fn over(&self) -> MutexGuard<'_, (usize, BTreeMap<usize, Vec<u8>>)> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn piece(&self, number: usize) -> Vec<u8> {
        let mut bytes = vec![0; PIECE];
        let mut read = 0;
        while let Ok(more @ 1..) =
            self.file.read_at(&mut bytes[read..], (number * PIECE + read) as u64)
        {
            read += more;
        }
        bytes
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

impl StorageBackend for Disk {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.over().0 as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        let over = self.over();
        if place(offset) + out.len() > over.0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let mut done = 0;
        while done < out.len() {
            let (number, from) = ((place(offset) + done) / PIECE, (place(offset) + done) % PIECE);
            let piece = over.1.get(&number).cloned().unwrap_or_else(|| self.piece(number));
            let count = (PIECE - from).min(out.len() - done);
            out[done..done + count].copy_from_slice(&piece[from..from + count]);
            done += count;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        TOLD.with_borrow_mut(|told| told.push(Told::Length(place(len))));
        self.over().0 = place(len);
        Ok(())
    }

    fn sync_data(&self) -> std::io::Result<()> {
        TOLD.with_borrow_mut(|told| told.push(Told::Sync));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        TOLD.with_borrow_mut(|told| told.push(Told::Write(place(offset), data.to_vec())));
        let mut over = self.over();
        for (at, byte) in (place(offset)..).zip(data) {
            let piece = over.1.entry(at / PIECE).or_insert_with(|| self.piece(at / PIECE));
            piece[at % PIECE] = *byte;
        }
        Ok(())
    }
}

fn take_disk(builder: &Builder, file: File) -> Result<Database, DatabaseError> {
    let length = place(file.metadata().map_err(StorageError::Io)?.len());
    builder.create_with_backend(Disk { file, over: Mutex::new((length, BTreeMap::new())) })
}

/// What lies on the disk, in a file.
struct Platter {
    file: File,
    path: PathBuf,
    shown: Vec<u8>,
}

impl Platter {
    fn new(directory: &Path) -> Self {
        let path = directory.join("cut");
        let file = File::options().create_new(true).read(true).write(true).open(&path).unwrap();
        Self { file, path, shown: Vec::new() }
    }

    /// Opens what this leaves.
    fn open(&mut self, image: &[u8]) -> (Store, Snapshot) {
        if self.file.metadata().unwrap().len() != image.len() as u64 {
            self.shown.clear();
            self.file.set_len(image.len() as u64).unwrap();
        }
        for (number, piece) in image.chunks(PIECE).enumerate() {
            let from = number * PIECE;
            if self.shown.get(from..from + piece.len()) != Some(piece) {
                self.file.write_all_at(piece, from as u64).unwrap();
            }
        }
        self.shown = image.to_vec();
        Store::open_by(&self.path, take_disk).unwrap()
    }
}

fn does(told: &Told, image: &mut Vec<u8>) {
    match told {
        Told::Write(at, bytes) => {
            image.resize(image.len().max(at + bytes.len()), 0);
            image[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Told::Length(length) => image.resize(*length, 0),
        Told::Sync => {}
    }
}

/// Of the bytes that a page is cut at, so many are passed over: whatever is left of it, its checksum is
/// another. With 1 it is each byte, which takes minutes; what counts is cut at each byte all the same.
const PAGE_STEP: usize = 97;

/// All that is different from one byte to the next while `told` is done to an image: each of the header, which
/// says what counts, and some of each page.
fn each_cut(told: &[Told], image: &mut Vec<u8>, mut see: impl FnMut(usize, &[u8])) {
    for (number, told) in told.iter().enumerate() {
        if let Told::Write(at, bytes) = told {
            let mut others = 0;
            for (at, byte) in (*at..).zip(bytes) {
                if image.len() <= at {
                    image.resize(at + 1, 0);
                }
                if image[at] != *byte {
                    if at < HEADER_MAX || others % PAGE_STEP == 0 {
                        see(number, image);
                    }
                    others += 1;
                    image[at] = *byte;
                }
            }
        } else {
            see(number, image);
            does(told, image);
        }
    }
    see(told.len(), image);
}

/// A life: the file is made, some changes are written one after another, it is closed. What the disk was told,
/// how much of it when each was called written, and what was in it then.
fn life(path: &Path) -> (Vec<Told>, Vec<(usize, Snapshot)>) {
    TOLD.take();
    let told = || TOLD.with_borrow(Vec::len);
    let (mut store, mut rows) = Store::open_by(path, take_disk).unwrap();
    let mut written = vec![(told(), rows.clone())];
    for batch in [
        vec![backend(1), standing(1, Standing::Up), pin(1)],
        vec![Change::RemoveBackend(key(1)), frozen("a"), word(1)],
    ] {
        store.write(&batch).unwrap();
        batch.into_iter().for_each(|change| rows.apply(change));
        written.push((told(), rows.clone()));
    }
    drop(store);
    (TOLD.take(), written)
}

/// What may be found once so much was done: what was called written last, or what was being written.
fn may_be(written: &[(usize, Snapshot)], done: usize) -> Vec<&Snapshot> {
    let last = written.iter().rposition(|(told, _)| *told <= done);
    let from = last.unwrap_or(0);
    written.iter().skip(from).take(2).map(|(_, rows)| rows).collect()
}

#[test]
fn a_cut_at_any_byte_of_any_write_opens_with_all_that_was_called_written() {
    let directory = tempfile::tempdir().unwrap();
    let (told, written) = life(&directory.path().join("life"));
    let mut platter = Platter::new(directory.path());
    let (made, last) = (written[0].0, written.last().unwrap().0);
    let (mut cuts, mut seen) = (0, BTreeSet::new());
    let mut image = Vec::new();
    each_cut(&told, &mut image, |done, image| {
        let (store, found) = platter.open(image);
        let may_be = may_be(&written, done);
        assert!(may_be.contains(&&found), "{done} of {}: {found:?}", told.len());
        let is_in_use = (made..=last).contains(&done);
        assert!(!is_in_use || store.mended() == Some(Mended::NotClosed), "{done}");
        seen.insert(store.mended());
        cuts += 1;
    });
    assert!(cuts > 150, "{cuts}");
    assert_eq!(seen, [None, Some(Mended::NotClosed), Some(Mended::NeverMade)].into());
    let (store, found) = platter.open(&image);
    assert_eq!((store.mended(), &found), (None, &written.last().unwrap().1));
}

/// Until it is told to wait, a disk writes in whatever order it likes, or half of it.
#[test]
fn a_cut_among_writes_in_any_order_opens_with_all_that_was_called_written() {
    let directory = tempfile::tempdir().unwrap();
    let (told, written) = life(&directory.path().join("life"));
    let mut platter = Platter::new(directory.path());
    let mut random = Random::new(1);
    let (mut image, mut begins) = (Vec::new(), 0);
    for (number, is_end) in told.iter().map(|told| matches!(told, Told::Sync)).enumerate() {
        if !is_end {
            continue;
        }
        let group = &told[begins..number];
        for _ in 0..4 {
            let mut cut = image.clone();
            for told in group {
                match told {
                    Told::Write(..) if random.below(2) == 0 => {}
                    Told::Write(at, bytes) if random.below(4) == 0 => {
                        let length = random.below(bytes.len());
                        does(&Told::Write(*at, bytes[..length].to_vec()), &mut cut);
                    }
                    told => does(told, &mut cut),
                }
            }
            let found = platter.open(&cut).1;
            assert!(may_be(&written, begins).contains(&&found), "{begins} to {number}: {found:?}");
        }
        group.iter().for_each(|told| does(told, &mut image));
        begins = number + 1;
    }
}

/// What puts it right may be cut off as well.
#[test]
fn a_cut_while_a_cut_file_is_put_right_loses_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let (told, written) = life(&directory.path().join("life"));
    let mut platter = Platter::new(directory.path());
    let from = written[1].0;
    let mut images = Vec::new();
    let mut image = Vec::new();
    each_cut(&told, &mut image, |done, image| {
        if done > from && done < written[2].0 {
            images.push(image.to_vec());
        }
    });
    for first in images.iter().step_by(images.len() / 2) {
        TOLD.take();
        let (store, found) = platter.open(first);
        drop(store);
        let told = TOLD.take();
        each_cut(&told, &mut first.clone(), |done, image| {
            assert_eq!(platter.open(image).1, found, "{done} of {}", told.len());
        });
    }
}

/// Only a file in which there never was anything is made anew.
#[test]
fn a_file_that_lost_its_beginning_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let (mut store, _) = Store::open(&path).unwrap();
    store.write(&[pin(1)]).unwrap();
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    for lost in [1, MAGIC.len(), HEADER_MAX] {
        let mut bytes = whole.clone();
        bytes[..lost].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        let error = Store::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{lost}: {error:?}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}
