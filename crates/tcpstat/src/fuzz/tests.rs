//! The fuzzers' door, walked through many times with a fixed seed.

use testkit::Random;

use super::fuzz;
use crate::netlink::testdata;

/// Numbers that lengths, types and flags break on.
const EDGES: [u8; 8] = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] = random.byte(),
            1 => bytes[at] = EDGES[random.below(EDGES.len())],
            2 => bytes[at] ^= 1 << random.below(8),
            3 => bytes.truncate(at),
            // Within the headers, where the structure is.
            _ => {
                let at = random.below(bytes.len().min(104));
                bytes[at] = EDGES[random.below(EDGES.len())];
            }
        }
    }
}

#[test]
fn no_bytes_break_the_reader() {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let recordings = [
        testdata::DESTROY_IPV4,
        testdata::DESTROY_IPV6,
        testdata::DESTROY_MAPPED,
        testdata::DESTROY_LISTENER,
        testdata::DUMP_SOCKETS,
        testdata::DUMP_DONE,
        testdata::DUMP_NO_PROTOCOL,
        testdata::DUMP_BAD_FILTER,
    ]
    .map(testdata::bytes);
    for recording in &recordings {
        fuzz(recording);
        for _ in 0..30_000 {
            let mut bytes = recording.clone();
            mutate(&mut bytes, &mut random);
            fuzz(&bytes);
        }
    }
    for _ in 0..50_000 {
        let length = random.below(200);
        let bytes: Vec<u8> = (0..length).map(|_| random.byte()).collect();
        fuzz(&bytes);
    }
}
