//! The fuzz entry in a seeded loop: valid queries bent in every way, and random bytes.

use crate::oracle::{Ask, AskEdns};

/// How often each seed is bent: 180,000 messages in all, in about two seconds without optimisation.
const ROUNDS: usize = 20_000;

/// Marsaglia's xorshift: the same numbers in each run.
pub(crate) struct Random(pub(crate) u64);

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

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[7]
    }

    /// Bytes that mean something in a message, more often than chance has them.
    fn telling_byte(&mut self) -> u8 {
        let telling = [0, 1, 2, 4, 8, 16, 32, 41, 63, 64, 128, 192, 0xc0, 12, 255];
        if self.next().is_multiple_of(3) { self.byte() } else { telling[self.below(telling.len())] }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let ask = Ask {
        id: 7,
        flags: 0x0100,
        name: b"\x03App\x04demo\x05local\x00".to_vec(),
        qtype: 1,
        qclass: 1,
        others: 0,
        edns: None,
    };
    let edns = |client_subnet, options| {
        Some(AskEdns { udp_size: 4096, version: 0, dnssec_ok: true, client_subnet, options })
    };
    let client = |source, text: &str| Some((source, text.parse().unwrap()));
    let deep = [b"\x01a".repeat(127), vec![0]].concat();
    let asks = [
        ask.clone(),
        Ask { edns: edns(client(24, "10.1.2.0"), Vec::new()), ..ask.clone() },
        Ask { edns: edns(client(48, "2001:db8:1::"), vec![(10, vec![1; 8])]), ..ask.clone() },
        Ask {
            others: 2,
            edns: edns(None, vec![(3, Vec::new()), (65001, vec![9; 5])]),
            ..ask.clone()
        },
        Ask {
            edns: edns(None, vec![(10, vec![1; 24]), (3, Vec::new()), (11, Vec::new())]),
            ..ask.clone()
        },
        Ask { name: b"\x07version\x04bind\x00".to_vec(), qclass: 3, qtype: 16, ..ask.clone() },
        Ask { name: deep, edns: edns(client(0, "::"), Vec::new()), ..ask },
    ];
    asks.iter().map(Ask::to_bytes).chain([b"a\\.b.\\065.example".to_vec()]).collect()
}

/// Bends a message: bytes changed, cut out, doubled, cut off.
pub(crate) fn bend(random: &mut Random, bytes: &mut Vec<u8>) {
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
fn no_bytes_break_a_promise() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for seed in seeds() {
        dns::fuzz::fuzz(&seed);
        for _ in 0..ROUNDS {
            let mut bytes = seed.clone();
            bend(&mut random, &mut bytes);
            dns::fuzz::fuzz(&bytes);
        }
    }
    for _ in 0..ROUNDS {
        let bytes: Vec<u8> = (0..random.below(80)).map(|_| random.telling_byte()).collect();
        dns::fuzz::fuzz(&bytes);
    }
}
