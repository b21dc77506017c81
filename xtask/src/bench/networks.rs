//! The client networks that all maps are of, and the load: questions, each about another of them.
//!
//! The same in every run. Questions are in dnsperf's binary form: each message after its length in
//! two bytes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use testkit::Random;

/// The steered name that is asked for, in wire form; its zone begins at the fifth byte.
const NAME: &[u8] = b"\x03app\x04demo\x05local\x00";
const ZONE_AT: usize = 4;
/// The flag of those who want signatures (DO; RFC 3225, 3).
const DNSSEC_OK: u16 = 1 << 15;
/// Questions for names that nobody has heard of: more than one turn asks, so that none is asked twice
/// in it.
const FLOOD_MAX: usize = 500_000;

/// The files of questions.
pub(super) struct Loads {
    /// The steered name, each time from another learned network.
    pub(super) learned: PathBuf,
    /// The same, each wanting signatures.
    pub(super) signed: PathBuf,
    /// Each time another name that does not exist, from another network.
    pub(super) flood: PathBuf,
}

/// So many IPv4 /24s of the address space in use, in order.
pub(super) fn random(count: usize) -> Vec<[u8; 4]> {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let mut networks = BTreeSet::new();
    while networks.len() < count {
        let [a, b, c, ..] = random.next().to_le_bytes();
        // No loopback, no multicast, nothing reserved.
        if (1..224).contains(&a) && a != 127 {
            networks.insert([a, b, c, 0]);
        }
    }
    networks.into_iter().collect()
}

impl Loads {
    pub(super) fn write(directory: &Path, networks: &[[u8; 4]]) -> anyhow::Result<Self> {
        let mut random = Random::new(0x2545_f491_4f6c_dd1d);
        let mut asked = networks.to_vec();
        for at in (1..asked.len()).rev() {
            let other = usize::try_from(random.next() % (at as u64 + 1))?;
            asked.swap(at, other);
        }
        let learned = directory.join("learned.queries");
        write(&learned, asked.iter().map(|network| query(NAME, *network, 0)))?;
        let signed = directory.join("signed.queries");
        write(&signed, asked.iter().map(|network| query(NAME, *network, DNSSEC_OK)))?;
        let flood = directory.join("flood.queries");
        let names = asked.iter().take(FLOOD_MAX).map(|network| {
            let label = format!("{:016x}", random.next());
            let mut name = vec![16];
            name.extend_from_slice(label.as_bytes());
            name.extend_from_slice(NAME.get(ZONE_AT..).unwrap_or_default());
            query(&name, *network, 0)
        });
        write(&flood, names)?;
        Ok(Self { learned, signed, flood })
    }
}

fn write(path: &Path, messages: impl Iterator<Item = Vec<u8>>) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    for message in messages {
        bytes.extend_from_slice(&u16::try_from(message.len())?.to_be_bytes());
        bytes.extend_from_slice(&message);
    }
    std::fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// A question for A, with these flags of EDNS and a client's /24 (RFC 1035, 4.1; RFC 6891, 6.1.2; RFC
/// 7871, 6). The load tool sets the identifier.
fn query(name: &[u8], network: [u8; 4], flags: u16) -> Vec<u8> {
    let mut message = b"\0\0\x01\0\0\x01\0\0\0\0\0\x01".to_vec();
    message.extend_from_slice(name);
    message.extend_from_slice(b"\0\x01\0\x01");
    // The root, OPT, 1,232 bytes; one option of seven: family 1, a /24.
    message.extend_from_slice(b"\0\0\x29\x04\xd0\0\0");
    message.extend_from_slice(&flags.to_be_bytes());
    message.extend_from_slice(b"\0\x0b\0\x08\0\x07\0\x01\x18\0");
    let [a, b, c, _] = network;
    message.extend_from_slice(&[a, b, c]);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_many_different_ones_and_the_same_each_time() {
        let networks = random(5_000);
        assert_eq!(networks.len(), 5_000);
        assert!(networks.is_sorted() && networks == random(5_000));
    }

    #[test]
    fn a_question_is_as_the_standards_have_it() {
        let message = query(NAME, [198, 51, 100, 0], DNSSEC_OK);
        assert_eq!(message.len(), 12 + 16 + 4 + 11 + 11);
        assert!(message.ends_with(b"\x80\0\0\x0b\0\x08\0\x07\0\x01\x18\0\xc6\x33\x64"));
    }
}
