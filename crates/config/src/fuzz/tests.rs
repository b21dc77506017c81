//! The fuzz entry on mutated files and on noise.

use super::*;

/// xorshift64* (Vigna 2016): enough to vary bytes, the same on every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }
}

/// Texts that YAML and the table care about.
const PIECES: [&str; 24] = [
    ":",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "  ",
    "\t",
    "&a ",
    "*a",
    "!!str ",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "? ",
    "---\n",
    "...\n",
    "<<: ",
    "# ",
    "%TAG ! x\n",
    "\u{0}",
    "\u{feff}",
];

#[test]
fn mutated_files_never_panic() {
    let files = [
        include_str!("../../testdata/ten-faults.yaml"),
        "overwatch: &a\n  gossip: {encryption_key: [a, *b]}\nx: *a\n",
        "mode: agent\nagent: {backends: [{port: 80, weight: -1}]}\n",
    ];
    let mut noise = Noise(0x6f70_656e_6773_6c62);
    for round in 0..1_500 {
        let mut data = files[round % files.len()].as_bytes().to_vec();
        for _ in 0..=noise.below(4) {
            let at = noise.below(data.len());
            match noise.below(4) {
                0 => data[at] = noise.below(256) as u8,
                1 => data.truncate(at.max(1)),
                2 => drop(data.drain(at..(at + noise.below(20)).min(data.len()))),
                _ => {
                    let piece = PIECES[noise.below(PIECES.len())];
                    data.splice(at..at, piece.bytes());
                }
            }
            if data.is_empty() {
                data.push(b'\n');
            }
        }
        fuzz(&data);
    }
}

#[test]
fn full_files_and_their_mutants_never_panic() {
    let files = [
        include_str!("../../testdata/full-agent.yaml"),
        include_str!("../../testdata/full-overwatch.yaml"),
    ];
    files.iter().for_each(|file| fuzz(file.as_bytes()));
    let mut noise = Noise(7);
    for round in 0..200 {
        let mut data = files[round % files.len()].as_bytes().to_vec();
        let at = noise.below(data.len());
        let piece = PIECES[noise.below(PIECES.len())];
        data.splice(at..at, piece.bytes());
        fuzz(&data);
    }
}

#[test]
fn noise_never_panics() {
    let mut noise = Noise(42);
    for _ in 0..20_000 {
        let length = noise.below(24);
        let data: Vec<u8> = match noise.below(2) {
            0 => (0..length).map(|_| noise.below(256) as u8).collect(),
            _ => (0..length).flat_map(|_| PIECES[noise.below(PIECES.len())].bytes()).collect(),
        };
        fuzz(&data);
    }
}
