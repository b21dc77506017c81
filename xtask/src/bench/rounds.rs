//! Load on one server after another, round after round, and what each turn cost.
//!
//! The servers take turns of a few seconds, so that what disturbs the machine for longer disturbs them
//! all, and a ratio within one round holds on a noisy machine. The load is a closed loop: four
//! sockets, a hundred questions under way.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::networks::Loads;
use super::ours::Ours;
use super::peers;
use super::process::Process;

/// What one turn came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Turn {
    pub(super) queries_per_s: f64,
    /// Microseconds of processor for each query.
    pub(super) user_us: f64,
    pub(super) system_us: f64,
    /// Answers with another code than was to be expected.
    pub(super) unexpected: u64,
}

/// All turns of one server or load.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) turns: Vec<Turn>,
}

/// What all turns came to.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    /// Ours first, then [`peers::GDNSD`], ours signed, the flood on ours, and the other peers.
    pub(super) rows: Vec<Row>,
    /// Our memory before the first round, in KiB.
    pub(super) memory_kib: u64,
    /// What each flood added to it. Learning goes on beside it and takes and gives back for its own
    /// sake, so only what most floods add is the flood's.
    pub(super) growths_kib: Vec<u64>,
}

/// The row of our server asked by those who want signatures.
pub(super) const SIGNED: &str = "opengslb, signed";
/// The row of our server under the flood.
pub(super) const FLOOD: &str = "opengslb, flood";

impl Turn {
    pub(super) fn cpu_us(&self) -> f64 {
        self.user_us + self.system_us
    }
}

/// Has each server take so many turns of so many seconds.
pub(super) fn run(
    (rounds, seconds): (u32, u32),
    mut loads: Loads,
    ours: &Ours,
    peers: &[Process],
) -> anyhow::Result<Rounds> {
    let (server, learned) = (&ours.server, &loads.learned);
    // What is compared stands side by side, also in time.
    let (gdnsd, others): (Vec<_>, Vec<_>) =
        peers.iter().partition(|peer| peer.name == peers::GDNSD);
    let mut turns: Vec<(&'static str, &Process, PathBuf, &str)> = Vec::new();
    turns.push((server.name, server, learned.clone(), "NOERROR"));
    turns.extend(gdnsd.iter().map(|peer| (peer.name, *peer, learned.clone(), "NOERROR")));
    turns.push((SIGNED, server, loads.signed.clone(), "NOERROR"));
    turns.push((FLOOD, server, loads.flood.clone(), "NXDOMAIN"));
    turns.extend(others.iter().map(|peer| (peer.name, *peer, learned.clone(), "NOERROR")));

    // Once before it counts: caches fill, and what is allocated once is.
    loads.renew_flood()?;
    for (_, process, load, code) in &turns {
        turn(process, load, code, 1)?;
    }
    let memory_kib = server.memory_kib()?;
    let mut growths_kib = Vec::new();
    let mut rows: Vec<Row> =
        turns.iter().map(|(name, ..)| Row { name, turns: Vec::new() }).collect();
    for _ in 0..rounds {
        loads.renew_flood()?;
        for (row, (_, process, load, code)) in rows.iter_mut().zip(&turns) {
            let before = server.memory_kib()?;
            row.turns.push(turn(process, load, code, seconds)?);
            if row.name == FLOOD {
                growths_kib.push(server.memory_kib()?.saturating_sub(before));
            }
        }
    }
    Ok(Rounds { rows, memory_kib, growths_kib })
}

fn turn(process: &Process, load: &Path, code: &str, seconds: u32) -> anyhow::Result<Turn> {
    let mut command = Command::new("dnsperf");
    command.args(["-s", "127.0.0.1", "-p", &process.port.to_string()]);
    command.arg("-B").arg("-d").arg(load);
    command.args(["-l", &seconds.to_string(), "-c", "4", "-T", "1"]);
    let before = process.used();
    let output = command.output().context("cannot start dnsperf")?;
    let after = process.used();
    let text = String::from_utf8_lossy(&output.stdout);
    let completed: f64 = number_behind(&text, "Queries completed:").context("dnsperf")?;
    ensure!(completed > 0.0, "{} answers nothing: {text}", process.name);
    let expected = number_behind(&text, &format!("{code} ")).unwrap_or_default();
    Ok(Turn {
        queries_per_s: number_behind(&text, "Queries per second:").context("dnsperf")?,
        user_us: (after.user - before.user) * 1e6 / completed,
        system_us: (after.system - before.system) * 1e6 / completed,
        unexpected: (completed - expected).max(0.0) as u64,
    })
}

/// The first number behind a word.
fn number_behind(text: &str, word: &str) -> Option<f64> {
    let (_, rest) = text.split_once(word)?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_tools_words_are_understood() {
        let text = "  Queries completed:    200 (100.00%)\n  Response codes:       NOERROR 199 \
                    (99.50%), SERVFAIL 1 (0.50%)\n  Queries per second:   97.5\n";
        let number = |word| number_behind(text, word);
        assert_eq!(number("Queries completed:"), Some(200.0));
        assert_eq!(number("NOERROR "), Some(199.0));
        assert_eq!(number("Queries per second:"), Some(97.5));
        assert_eq!(number("NXDOMAIN "), None);
    }
}
