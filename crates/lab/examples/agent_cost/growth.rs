//! How much memory an agent needs for what it learned: that of the process with it, less that of the
//! process before.
//!
//! Every client network has three connections, in three different hours; then a second overwatch comes and
//! is told everything. What the kernel's readers and the sessions need does not depend on how much is
//! learned, and is not here.

use anyhow::ensure;
use model::Time;

use super::node::{Overwatches, agent, closed};
use super::{figure, kib, networks, resident_kib};

/// As many connections come in one message of the kernel's readers.
const CHUNK: usize = 4096;
/// How often each network is seen.
const VISITS: u32 = 3;
/// So many polls for one visit of all networks.
const POLLS: usize = 360;
const POLL_MS: u64 = 10_000;
const START: Time = Time::from_unix_ms(1_766_138_700_000);

pub(super) fn run(subnets: u32) -> anyhow::Result<()> {
    // Code and the heap's beginning are there already, in a real agent too.
    learn(&networks(64))?;
    let networks = networks(subnets);
    let before = resident_kib()?;
    // Where the kernel forgets no peak, that of the start stands.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (agent, learned_kib, rows) = learn(&networks)?;
    let (after, peak) = (resident_kib()?, peak_kib()?);
    ensure!(agent.learning().is_some_and(|(_, known)| known == networks.len()), "not all is known");
    ensure!(rows >= 2 * networks.len() as u64, "not all was told twice: {rows} rows");
    figure("growth_learned_mib", (learned_kib - before) / 1024.0);
    figure("growth_mib", (after - before) / 1024.0);
    figure("growth_peak_mib", (peak - before) / 1024.0);
    Ok(())
}

/// An agent that knows these networks and told two overwatches; the process's memory before the second
/// of them, and how many rows were told.
fn learn(networks: &[u32]) -> anyhow::Result<(agent::Agent, f64, u64)> {
    let mut now = START;
    let mut agent = agent(now)?;
    let mut overwatches = Overwatches::new();
    overwatches.join(&mut agent, 1, now)?;
    let in_poll = networks.len().div_ceil(POLLS).max(1);
    for visit in 0..VISITS {
        for seen in networks.chunks(in_poll) {
            for chunk in seen.chunks(CHUNK) {
                let samples = chunk.iter().map(|network| {
                    // Every network has its own time, and moves a little at each visit.
                    let us = 5_000 + network.wrapping_mul(0x9e37_79b1) % 200_000;
                    closed(network | 7, us + us / 20 * visit, u64::from(*network))
                });
                agent.handle(agent::Event::Samples(samples.collect()), now);
            }
            now = now.plus_ms(POLL_MS);
            let effects = agent.handle(agent::Event::Tick, now);
            overwatches.follow(&mut agent, effects, now)?;
        }
    }
    for _ in 0..3 {
        now = now.plus_ms(POLL_MS);
        let effects = agent.handle(agent::Event::Tick, now);
        overwatches.follow(&mut agent, effects, now)?;
    }
    let learned_kib = resident_kib()?;
    overwatches.join(&mut agent, 2, now)?;
    Ok((agent, learned_kib, overwatches.told.rows))
}

fn peak_kib() -> anyhow::Result<f64> {
    kib("/proc/self/status", "VmHWM:")
}
