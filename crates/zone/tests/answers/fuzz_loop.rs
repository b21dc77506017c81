//! The fuzz entry in a seeded loop: zone files bent in every way, and random text.

use std::path::Path;

/// How often each seed is bent: some 75,000 texts in all, in under two seconds without optimisation.
const ROUNDS: usize = 1_500;

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

    /// Characters that mean something in a zone file, more often than chance has them.
    fn telling_byte(&mut self) -> u8 {
        let telling = b"\n \t\"();\\@$.#0129*=,:-azA\r\x00\x7f";
        if self.next().is_multiple_of(4) {
            self.next().to_be_bytes()[7] & 0x7f
        } else {
            telling[self.below(telling.len())]
        }
    }
}

/// Records of all types, one a line: what the reader of data understands.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let types = std::fs::read_to_string(folder.join("types.zone")).unwrap();
    let mut seeds: Vec<Vec<u8>> = types.lines().map(Into::into).collect();
    seeds.push(std::fs::read(folder.join("small.zone")).unwrap());
    seeds
}

/// Bends a text: bytes changed, cut out, doubled, cut off.
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
fn no_text_breaks_a_promise() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for seed in seeds() {
        zone::fuzz::fuzz(&seed);
        for _ in 0..ROUNDS {
            let mut bytes = seed.clone();
            bend(&mut random, &mut bytes);
            zone::fuzz::fuzz(&bytes);
        }
    }
    for _ in 0..ROUNDS * 5 {
        let mut bytes: Vec<u8> = (0..random.below(60)).map(|_| random.telling_byte()).collect();
        bytes.splice(0..0, *b"a A ");
        zone::fuzz::fuzz(&bytes);
    }
}
