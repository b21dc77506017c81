//! Any bytes at all, as if Windows had written them into its tables and readings.

use std::collections::BTreeSet;

use super::functions::{FamilyFunctions, Functions, Subject, code};
use super::rows::{Family, Row, rows};
use super::watch::{Watch, Which};

/// What is looked at of the input: some dozens of rows. Behind it there is only more of the same.
const BYTES_MAX: usize = 1 << 10;

/// Reads the bytes as both tables and as every reading, twice. Must never panic, and must never find
/// more than could stand there.
pub(crate) fn check(data: &[u8]) {
    let words: Vec<u32> = data.chunks_exact(4).take(BYTES_MAX / 4).filter_map(word).collect();
    let ports: BTreeSet<u16> = rows(Family::Ipv4, &words)
        .chain(rows(Family::Ipv6, &words))
        .map(|r| r.local().port())
        .collect();
    let functions = Functions { ipv4: saying(&words), ipv6: saying(&words) };
    let mut watch = Watch::new();
    let mut samples = Vec::new();
    for which in [Which::Young, Which::All] {
        // A table that wants more room than there may be is an error, and that is well.
        let _ = watch.look(&functions, &ports, which, &mut samples);
    }
    let untimed = watch.open(&mut samples);
    assert!(untimed <= samples.len() as u64, "more without times than there are");
    for sample in samples {
        assert!(ports.contains(&sample.local.port()), "another port");
        assert_eq!(sample.client, sample.client.to_canonical(), "mapped addresses fold");
    }
}

fn word(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

/// A family whose every answer is these words.
fn saying(words: &[u32]) -> FamilyFunctions {
    let table = words.to_vec();
    let list = move |room: &mut [u32], bytes: &mut u32| {
        let Some(room) = room.get_mut(..table.len()) else {
            *bytes = u32::try_from(table.len() * 4).unwrap_or(u32::MAX);
            return code::INSUFFICIENT_BUFFER;
        };
        room.copy_from_slice(&table);
        code::DONE
    };
    let reading = words.to_vec();
    let read = move |_: &Row, _: Subject, is_collected: &mut u8, room: &mut [u64]| {
        *is_collected = reading.first().map_or(1, |word| (word % 3) as u8);
        for (long, word) in room.iter_mut().zip(&reading) {
            *long = u64::from(*word) << 32 | u64::from(!*word);
        }
        code::DONE
    };
    FamilyFunctions {
        list: Some(Box::new(list)),
        switch_on: Some(Box::new(|_, _| code::DONE)),
        read: Some(Box::new(read)),
    }
}
