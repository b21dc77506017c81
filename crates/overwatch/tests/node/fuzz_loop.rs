//! The fuzz entry in a seeded loop: questions bent in every way. The seeds are the fuzzer's, and what it
//! once found worth keeping is looked at again.

use std::path::Path;

/// How often each seed is bent: some 30,000 packets, each resolved a dozen times, in a second or two
/// without optimisation.
const ROUNDS: usize = 1_000;

/// Marsaglia's xorshift: the same numbers in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// Bytes that mean something in a message, more often than chance has them.
    fn telling_byte(&mut self) -> u8 {
        let telling = [0, 1, 2, 4, 6, 8, 10, 12, 16, 28, 32, 41, 63, 64, 128, 0xc0, 255, b'a'];
        if self.next().is_multiple_of(3) {
            self.next().to_be_bytes()[7]
        } else {
            telling[self.below(telling.len())]
        }
    }
}

/// The files of a directory of the fuzzer's, always in the same order.
fn packets(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Bends a packet: bytes changed, cut out, doubled, cut off.
fn bend(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 if !bytes.is_empty() => drop(bytes.remove(at)),
            1 => bytes.insert(at, random.telling_byte()),
            2 => bytes.truncate(at),
            3 => bytes.extend_from_within(at..),
            _ if !bytes.is_empty() => bytes[at] = random.telling_byte(),
            _ => (),
        }
    }
}

#[test]
fn no_packet_breaks_a_promise() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    packets("kept/resolve").iter().for_each(|packet| overwatch::fuzz::fuzz(packet));
    for seed in packets("seeds/resolve") {
        overwatch::fuzz::fuzz(&seed);
        for _ in 0..ROUNDS {
            let mut bytes = seed.clone();
            bend(&mut random, &mut bytes);
            overwatch::fuzz::fuzz(&bytes);
        }
    }
}
