//! `opengslb-sim chaos`: many seeds of bad days, as many at a time as there are processors.

use std::io::Write as _;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::bail;
use opengslb_sim::chaos::partition::{BYTES_PER_MS, FACTOR, FLOOR_BYTES, Healed, Partition};
use opengslb_sim::chaos::{ChaosSettings, ChaosSummary, chaos};

/// Which seeds, and how large the worlds are.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The seeds, both ends included, as in 1..20; or one.
    #[arg(long, value_name = "A..B", default_value = "1..20", value_parser = range)]
    seeds: RangeInclusive<u64>,
    /// Agents in each world.
    #[arg(long, value_name = "N", default_value_t = ChaosSettings::SHORT.agents)]
    agents: usize,
    /// Overwatches in each world.
    #[arg(long, value_name = "N", default_value_t = ChaosSettings::SHORT.overwatches)]
    overwatches: usize,
    /// Minutes of virtual time in each world.
    #[arg(long, value_name = "N", default_value_t = ChaosSettings::SHORT.minutes)]
    minutes: u64,
    /// Instead of that: one partition after the other, and what each heal costs.
    #[arg(long)]
    partitions: bool,
}

fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text} is no seed"));
    match text.split_once("..") {
        Some((first, last)) => Ok(number(first)?..=number(last)?),
        None => number(text).map(|seed| seed..=seed),
    }
}

/// Lives through all of them. Each that breaks something is named with a line that does it again.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if options.partitions {
        return partitions();
    }
    let Options { seeds, agents, overwatches, minutes, partitions: _ } = options;
    let settings = ChaosSettings { agents: *agents, overwatches: *overwatches, minutes: *minutes };
    let (next, end) = (AtomicU64::new(*seeds.start()), *seeds.end());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let (mut all, mut broken) = (ChaosSummary::default(), 0u64);
    thread::scope(|scope| {
        let work = || {
            let (mut sum, mut broken) = (ChaosSummary::default(), 0u64);
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed > end {
                    return (sum, broken);
                }
                match chaos(seed, settings) {
                    Ok(summary) => add(&mut sum, summary),
                    Err(error) => {
                        broken += 1;
                        say(&format!(
                            "{error}\n  again: opengslb-sim chaos --seeds {seed} --agents {agents} \
                             --overwatches {overwatches} --minutes {minutes}"
                        ));
                    }
                }
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            // A worker that panicked has said so.
            let (sum, of_it) = worker.join().unwrap_or((ChaosSummary::default(), 1));
            add(&mut all, sum);
            broken += of_it;
        }
    });
    let ChaosSummary { steps, faults, heals, rows_told, answers, .. } = all;
    let ChaosSummary { checks, evicted, no_room, refused, .. } = all;
    say(&format!(
        "{agents} agents, {overwatches} overwatches, {minutes} min: {steps} steps, {faults} faults, \
         {heals} heals, {answers} answers, {checks} checks by overwatches, {rows_told} rows told \
         among them, {evicted} rows made room, {no_room} found none, {refused} words were not kept"
    ));
    if broken > 0 {
        bail!("{broken} seeds of {seeds:?} broke something");
    }
    Ok(())
}

fn partitions() -> anyhow::Result<()> {
    say(&format!(
        "each connection carries {} Mbit/s each way; a heal may take {FACTOR} times the bytes of what differs, \
         and {FLOOR_BYTES}",
        BYTES_PER_MS * 8 / 1_000
    ));
    say(Healed::HEADER);
    for partition in Partition::shown() {
        say(&partition.heal()?.to_string());
    }
    Ok(())
}

fn add(sum: &mut ChaosSummary, other: ChaosSummary) {
    sum.steps += other.steps;
    sum.faults += other.faults;
    sum.heals += other.heals;
    sum.rows_told += other.rows_told;
    sum.answers += other.answers;
    sum.checks += other.checks;
    sum.evicted += other.evicted;
    sum.no_room += other.no_room;
    sum.refused += other.refused;
}

fn say(line: &str) {
    // Nobody is left to tell if it is closed.
    let _ = writeln!(std::io::stdout(), "{line}");
}
