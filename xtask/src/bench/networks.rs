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
/// Questions for names that nobody has heard of, for each second of a turn: more than one processor answers,
/// so that none is asked twice.
const FLOOD_PER_S: usize = 250_000;

/// The files of questions.
pub(super) struct Loads {
    /// The steered name, each time from another learned network.
    pub(super) learned: PathBuf,
    /// The same, each wanting signatures.
    pub(super) signed: PathBuf,
    /// Each time another name that does not exist, from another network.
    pub(super) flood: PathBuf,
    /// Questions in it.
    floods: usize,
    /// The networks that ask, in no order.
    asking: Vec<[u8; 4]>,
    random: Random,
}

/// So many IPv4 /24s of the address space in use, in order.
pub(super) fn random(count: u32) -> Vec<[u8; 4]> {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let mut networks = BTreeSet::new();
    while networks.len() < count as usize {
        let [a, b, c, ..] = random.next().to_le_bytes();
        // No loopback, no multicast, nothing reserved.
        if (1..224).contains(&a) && a != 127 {
            networks.insert([a, b, c, 0]);
        }
    }
    networks.into_iter().collect()
}

impl Loads {
    /// Those of the steered name, for servers that know these networks; a flood is to last so long.
    pub(super) fn write(
        directory: &Path,
        networks: &[[u8; 4]],
        seconds: u32,
    ) -> anyhow::Result<Self> {
        let mut random = Random::new(0x2545_f491_4f6c_dd1d);
        let mut asking = networks.to_vec();
        for at in (1..asking.len()).rev() {
            asking.swap(at, random.below(at + 1));
        }
        let file = |name: &str| directory.join(format!("{name}.queries"));
        let (learned, signed, flood) = (file("learned"), file("signed"), file("flood"));
        write(&learned, asking.iter().map(|network| query(NAME, *network, 0)))?;
        write(&signed, asking.iter().map(|network| query(NAME, *network, DNSSEC_OK)))?;
        let floods = FLOOD_PER_S * seconds as usize;
        Ok(Self { learned, signed, flood, floods, asking, random })
    }

    /// Writes the next flood, of names that were never asked for: what a server kept of one before would
    /// answer it, and no longer show in its memory.
    pub(super) fn renew_flood(&mut self) -> anyhow::Result<()> {
        let names = self.asking.iter().cycle().take(self.floods).map(|network| {
            let label = format!("{:016x}", self.random.next());
            let mut name = vec![16];
            name.extend_from_slice(label.as_bytes());
            name.extend_from_slice(NAME.get(ZONE_AT..).unwrap_or_default());
            query(&name, *network, 0)
        });
        write(&self.flood, names)
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
    fn no_flood_asks_for_a_name_of_another() {
        let directory = std::env::temp_dir().join(format!("bench-loads-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let mut loads = Loads::write(&directory, &random(10), 1).unwrap();
        loads.floods = 100;
        let mut asked = BTreeSet::new();
        for _ in 0..2 {
            loads.renew_flood().unwrap();
            let bytes = std::fs::read(&loads.flood).unwrap();
            // Behind the length in two bytes, twelve of the head, and the length of the label.
            let questions = bytes.chunks(2 + 12 + 29 + 4 + 11 + 11);
            asked.extend(questions.map(|question| question[15..31].to_vec()));
        }
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(asked.len(), 200);
        assert!(asked.iter().flatten().all(u8::is_ascii_hexdigit));
    }

    #[test]
    fn a_question_is_as_the_standards_have_it() {
        let message = query(NAME, [198, 51, 100, 0], DNSSEC_OK);
        assert_eq!(message.len(), 12 + 16 + 4 + 11 + 11);
        assert!(message.ends_with(b"\x80\0\0\x0b\0\x08\0\x07\0\x01\x18\0\xc6\x33\x64"));
    }
}
