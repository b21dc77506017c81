//! Entries for fuzzing: any bytes as the files of a table; no panic, and what comes out is a table.

use latency::{Loading, Table, TableLimits};
use model::Time;
use overwatch::Replayed;

use crate::table::frame::Header;
use crate::table::{Kind, read};

/// Small, so that the limits are met.
const LIMITS: TableLimits =
    TableLimits { rows_per_agent_max: 2_000, rows_max: 3_000, ttl_ms: 86_400_000 };

/// Reads bytes as a snapshot and as steps; and as what is in them, behind their checksums. The first byte
/// says which.
///
/// # Panics
///
/// Where what was read does not come back when it is saved.
pub fn table(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let mut table = match first % 4 {
        0 => files(data),
        1 => chunks(data),
        _ => Table::new(LIMITS),
    };
    if first % 4 == 2 {
        let _ = overwatch::replay(&mut table, data, &mut Replayed::default());
    }
    table.wake(Time::from_unix_ms(1_700_000_000_000));
    let mut again = Loading::new(LIMITS);
    let all_taken = table.saved().all(|chunk| again.take(&chunk).is_ok());
    assert!(all_taken && again.finish().table.len() == table.len());
}

/// Half of them as a snapshot, half as steps.
fn files(data: &[u8]) -> Table {
    let (mut rows, mut steps) = data.split_at(data.len() / 2);
    let mut table = Table::new(LIMITS);
    let generation = generation_of(rows);
    if let Ok(Ok(header)) = Header::read(&mut rows, (Kind::Rows, generation))
        && let Ok((loaded, _)) = read::read_rows(rows, header, LIMITS)
    {
        table = loaded.table;
    }
    let generation = generation_of(steps);
    if let Ok(Ok(header)) = Header::read(&mut steps, (Kind::Steps, generation)) {
        let _ = read::read_steps(steps, header, &mut table, &mut Replayed::default());
    }
    table
}

/// As the header says it.
fn generation_of(file: &[u8]) -> u64 {
    let generation = file.get(12..20).and_then(|bytes| bytes.try_into().ok());
    generation.map_or(0, u64::from_le_bytes)
}

/// Each behind its length.
fn chunks(mut data: &[u8]) -> Table {
    let mut loading = Loading::new(LIMITS);
    while let Some(([low, high], rest)) = data.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (chunk, rest) = rest.split_at(length);
        let _ = loading.take(chunk);
        data = rest;
    }
    loading.finish().table
}
