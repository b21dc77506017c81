//! What this machine itself takes, for costs to stand beside: a read from memory, a copy, and the processor's time of
//! a piece of work. Judges nothing.

use std::hint::black_box;
use std::time::Instant;

use crate::Random;

/// Rounds of which the least counts: what else the machine does only ever adds.
const ROUNDS: usize = 7;
/// Reads of a round.
const READS: usize = 200_000;

/// Nanoseconds of a read of 64 bytes anywhere in so many, which waits for the one before it.
#[must_use]
pub fn read_ns(bytes: usize) -> f64 {
    let mut random = Random::new(0x2545_f491_4f6c_dd1d);
    let lines = vec![[1u64; 8]; bytes / 64];
    let places: Vec<usize> = (0..READS + 2).map(|_| random.below(lines.len())).collect();
    let round = || {
        let mut last = 0;
        for number in 0..READS {
            let at = number + usize::from(black_box(last) == u64::MAX);
            last = places.get(at).and_then(|place| lines.get(*place)).map_or(0, |line| line[0]);
        }
        black_box(last);
    };
    least_s(round) * 1e9 / READS as f64
}

/// Milliseconds of a copy of so many bytes, to memory that was written before.
#[must_use]
pub fn copy_ms(bytes: usize) -> f64 {
    let (from, mut to) = (vec![1u8; bytes], vec![2u8; bytes]);
    let round = || {
        to.copy_from_slice(black_box(&from));
        black_box(&mut to);
    };
    least_s(round) * 1e3
}

fn least_s(mut round: impl FnMut()) -> f64 {
    (0..ROUNDS).map(|_| took_s(&mut round).1).fold(f64::MAX, f64::min)
}

/// Does a piece of work, and says how many seconds this thread had of a processor for it: a busy machine makes it
/// wait besides. By the clock where the system does not tell.
pub fn took_s<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let (began, before) = (Instant::now(), thread_s());
    let done = work();
    let took = match (before, thread_s()) {
        (Some(before), Some(after)) if after > before => after - before,
        _ => began.elapsed().as_secs_f64(),
    };
    (done, took)
}

/// Seconds of a processor that this thread has had (`/proc/thread-self/schedstat`, proc(5)).
fn thread_s() -> Option<f64> {
    // The system reckons it up where a thread lets go of the processor, else at its ticks.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(ns / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_work_takes_longer() {
        let spin = |times: u64| (0..times).fold(1u64, |sum, n| black_box(sum).wrapping_mul(n | 1));
        let (few, many) = (took_s(|| spin(1_000)), took_s(|| spin(10_000_000)));
        assert!(few.0 != 0 && few.1 >= 0.0 && many.1 > few.1, "{few:?} {many:?}");
        assert!(read_ns(1 << 16) > 0.0 && copy_ms(1 << 20) > 0.0);
    }
}
