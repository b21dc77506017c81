//! What `lab chaos` was asked for.

use std::time::Duration;

use anyhow::{Context, bail};

use super::fault::Kind;

/// Without `--minutes`.
const MINUTES: f64 = 2.0;
/// Longer runs are for a simulator.
const MINUTES_MAX: f64 = 24.0 * 60.0;
/// With `--etcd`: what operators pin meanwhile, some 5,000 networks, has to fit into the 10,000 that may be.
const MINUTES_ETCD_MAX: f64 = 60.0;
/// Questions a second from each region, without `--rate`.
const RATE: u32 = 100;
/// Beyond that the relay, which is one thread, is what is measured.
const RATE_MAX: u32 = 1000;

pub(super) const USAGE: &str = "\
usage: lab chaos [--minutes N] [--steps N] [--seed N] [--faults kill,pause,partition,slow] [--rate N]
                 [--etcd]";

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Options {
    /// Nothing new begins after that.
    pub(super) length: Duration,
    /// Nor after so many steps.
    pub(super) steps: usize,
    /// `None`: any.
    pub(super) seed: Option<u64>,
    pub(super) kinds: Vec<Kind>,
    /// Questions a second from each region.
    pub(super) rate: u32,
    /// Whether what operators make is in etcd.
    pub(super) etcd: bool,
}

impl Options {
    pub(super) fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut options = Self {
            length: Duration::from_secs_f64(MINUTES * 60.0),
            steps: usize::MAX,
            seed: None,
            kinds: Kind::ALL.to_vec(),
            rate: RATE,
            etcd: false,
        };
        let mut words = args.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if word == "--etcd" {
                options.etcd = true;
                continue;
            }
            if matches!(word, "--help" | "-h") {
                bail!(USAGE);
            }
            let value =
                words.next().with_context(|| format!("{word}: a value is missing\n{USAGE}"));
            match word {
                "--minutes" => options.length = minutes(value?)?,
                "--steps" => options.steps = value?.parse().context("--steps")?,
                "--seed" => options.seed = Some(value?.parse().context("--seed")?),
                "--faults" => options.kinds = kinds(value?)?,
                "--rate" => {
                    let rate = value?.parse().ok().filter(|rate| (1..=RATE_MAX).contains(rate));
                    options.rate = rate.with_context(|| format!("--rate is 1 to {RATE_MAX}"))?;
                }
                _ => bail!("lab chaos has no option {word}\n{USAGE}"),
            }
        }
        if options.etcd && options.length > Duration::from_secs_f64(MINUTES_ETCD_MAX * 60.0) {
            bail!("with --etcd, --minutes is {MINUTES_ETCD_MAX} at most");
        }
        Ok(options)
    }

    /// What has to be said besides the seed to have the same faults again.
    pub(super) fn words(&self) -> String {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.as_str()).collect();
        let minutes = self.length.as_secs_f64() / 60.0;
        let etcd = if self.etcd { " --etcd" } else { "" };
        format!(" --minutes {minutes} --faults {}{etcd}", kinds.join(","))
    }
}

fn minutes(text: &str) -> anyhow::Result<Duration> {
    let minutes: f64 = text.parse().context("--minutes")?;
    if !(0.0..=MINUTES_MAX).contains(&minutes) {
        bail!("--minutes is 0 to {MINUTES_MAX}");
    }
    Ok(Duration::from_secs_f64(minutes * 60.0))
}

fn kinds(text: &str) -> anyhow::Result<Vec<Kind>> {
    let kind = |word: &str| Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
    let known = || Kind::ALL.map(Kind::as_str).join(", ");
    let read =
        |word| kind(word).with_context(|| format!("no fault {word:?}; there are {}", known()));
    text.split(',').map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> anyhow::Result<Options> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let plain = options("").unwrap();
        assert_eq!((plain.length, plain.seed), (Duration::from_secs(120), None));
        assert_eq!(plain.kinds, Kind::ALL);
        let said = options("--etcd --minutes 0.5 --seed 7 --faults pause,kill --rate 20 --steps 2")
            .unwrap();
        assert_eq!((said.length, said.seed, said.rate), (Duration::from_secs(30), Some(7), 20));
        assert!(said.etcd && !plain.etcd);
        assert_eq!((said.kinds, said.steps), (vec![Kind::Pause, Kind::Kill], 2));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            "--minutes",
            "--minutes x",
            "--minutes -1",
            "--minutes 61 --etcd",
            "--faults fire",
            "--rate 0",
            "-v 1",
        ] {
            assert!(options(wrong).is_err(), "{wrong}");
        }
    }
}
