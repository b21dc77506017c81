//! The fuzz entry in a seeded loop: questions bent in every way. The seeds are the fuzzer's, and what it
//! once found worth keeping is looked at again.

use std::path::Path;

use testkit::{Random, bend};

/// How often each seed is bent: some 30,000 packets, each resolved a dozen times, in a second or two
/// without optimisation.
const ROUNDS: usize = 1_000;

/// Bytes that mean something in a message, more often than chance has them.
fn telling_byte(random: &mut Random) -> u8 {
    let telling = [0, 1, 2, 4, 6, 8, 10, 12, 16, 28, 32, 41, 63, 64, 128, 0xc0, 255, b'a'];
    if random.next().is_multiple_of(3) { random.byte() } else { *random.one_of(&telling) }
}

/// The files of a directory of the fuzzer's, always in the same order.
fn packets(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn no_packet_breaks_a_promise() {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    packets("kept/resolve").iter().for_each(|packet| overwatch::fuzz::fuzz(packet));
    for seed in packets("seeds/resolve") {
        overwatch::fuzz::fuzz(&seed);
        for _ in 0..ROUNDS {
            let mut bytes = seed.clone();
            bend(&mut random, &mut bytes, telling_byte);
            overwatch::fuzz::fuzz(&bytes);
        }
    }
}
