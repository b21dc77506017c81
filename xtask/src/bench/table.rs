//! `cargo xtask bench table`: what the overwatch's table costs at full size, and a map of it.
//!
//! Two programs measure, `table_cost` (rows, reports, withdrawals) and `compile_cost` (maps), and say
//! figures, a name and a number a line. Here each goal is a ratio of them, or a figure with a limit that
//! no machine changes. Beside them stands a limit of the same run: a read from memory, a copy of as many bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::{program, report};
use crate::steps::say;

const USAGE: &str = "\
usage: cargo xtask bench table [--networks 12000000] [--agents 8] [--compiled 1000000] [--seconds 3]
                               [--write] [--debug]

  --networks   IPv4 /24s that each agent knows; at most 16000000. A row takes some ten bytes
  --agents     agents that report all of them; at most 16
  --compiled   client networks of the map, each measured in eight regions; at most 2000000
  --seconds    how long rows anywhere arrive
  --write      puts the figures into docs/guide/performance.md
  --debug      measures the debug build: to try the bench, not the table
";

const BEGIN: &str = "<!-- The last run of `cargo xtask bench table --write`. -->\n";
const END: &str = "<!-- End of the table's run. -->\n";

/// How the bench is run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Options {
    networks: usize,
    agents: usize,
    compiled: usize,
    seconds: usize,
    write: bool,
    debug: bool,
}

/// What the programs said.
struct Figures(BTreeMap<String, f64>);

/// What is measured, and what it may be.
struct Goal {
    what: &'static str,
    value: fn(&Figures) -> f64,
    limit: Limit,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
    /// It is only told.
    None,
}

/// In the order of the page.
const GOALS: [Goal; 18] = [
    Goal {
        what: "bytes a row, with what is kept to find it",
        value: |f| f.of("bytes_per_row"),
        limit: Limit::AtMost(10.0),
    },
    Goal {
        what: "bytes a row that the process grew by",
        value: |f| f.of("resident_bytes_per_row"),
        limit: Limit::None,
    },
    Goal {
        what: "rows taken a second, anywhere in the table, changes read",
        value: |f| f.of("updates_per_s"),
        limit: Limit::AtLeast(100_000.0),
    },
    Goal {
        what: "one of these, in reads from memory",
        value: |f| f.ratio("update_apply_ns", "read_ns") + f.ratio("update_changes_ns", "read_ns"),
        limit: Limit::AtMost(30.0),
    },
    Goal {
        what: "rows a second into an empty table",
        value: |f| f.of("filled_rows_per_s"),
        limit: Limit::None,
    },
    Goal {
        what: "a row of an agent that is withdrawn whole, in reads from memory",
        value: |f| f.ratio("withdraw_ns_per_row", "read_ns"),
        limit: Limit::AtMost(4.0),
    },
    Goal {
        what: "the digest of an agent, in reads from memory",
        value: |f| f.ratio("digest_ns", "read_ns"),
        limit: Limit::AtMost(100.0),
    },
    Goal {
        what: "a look for rows that are too old, ms",
        value: |f| f.of("expire_none_ms"),
        limit: Limit::None,
    },
    Goal {
        what: "bytes a row, a million IPv6 /48s of 30,000 providers",
        value: |f| f.of("ipv6_providers_bytes_per_row"),
        limit: Limit::AtMost(16.0),
    },
    Goal {
        what: "bytes a row, a million IPv6 /48s anywhere",
        value: |f| f.of("ipv6_anywhere_bytes_per_row"),
        limit: Limit::AtMost(16.0),
    },
    Goal {
        what: "bytes a row, a million IPv4 networks of five widths",
        value: |f| f.of("ipv4_widths_bytes_per_row"),
        limit: Limit::AtMost(16.0),
    },
    Goal {
        what: "a map of all rows at once, ms",
        value: |f| f.of("compile_all_ms"),
        limit: Limit::None,
    },
    Goal {
        what: "a map after all rows changed, of that",
        value: |f| f.ratio("compile_again_ms", "compile_all_ms"),
        limit: Limit::AtMost(1.0),
    },
    Goal {
        what: "a map after one in a hundred changed, of that",
        value: |f| f.ratio("compile_hundredth_ms", "compile_all_ms"),
        limit: Limit::AtMost(0.03),
    },
    Goal {
        what: "a map after one network's rows changed, of that",
        value: |f| f.ratio("compile_one_ms", "compile_all_ms"),
        limit: Limit::AtMost(0.002),
    },
    Goal {
        what: "the same less the looks of a second, in copies of the map's ranges",
        value: |f| {
            let looks_ms = f.of("compile_none_ms");
            (f.of("compile_one_ms") - looks_ms).max(0.0) / f.of("copy_ms")
        },
        limit: Limit::AtMost(20.0),
    },
    Goal {
        what: "a map with one network that is new, of a map of all rows",
        value: |f| f.ratio("compile_new_ms", "compile_all_ms"),
        limit: Limit::AtMost(0.01),
    },
    Goal { what: "a read from memory, ns", value: |f| f.of("read_ns"), limit: Limit::None },
];

/// Runs it with the words behind `table`.
///
/// # Errors
///
/// A program failed, or a goal was missed.
pub(super) fn run(words: &[String]) -> anyhow::Result<()> {
    let options = parse(words)?;
    let mut figures = Figures(BTreeMap::new());
    let sizes =
        [options.networks, options.agents, options.seconds].map(|number| number.to_string());
    say(&format!("{} networks of {} agents", options.networks, options.agents));
    figures.measure(&build("latency", "table_cost", options.debug)?, &sizes)?;
    say(&format!("a map of {} networks", options.compiled));
    let program = build("routing", "compile_cost", options.debug)?;
    figures.measure(&program, &[options.compiled.to_string()])?;
    let lines = figures.lines();
    lines.iter().for_each(|line| say(line));
    if options.write {
        write(Path::new("docs/guide/performance.md"), &options, &lines)?;
    }
    let missed = figures.missed();
    ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
    Ok(())
}

impl Figures {
    /// Adds what a program says.
    fn measure(&mut self, program: &Path, words: &[String]) -> anyhow::Result<()> {
        let output = Command::new(program).args(words).output();
        let output = output.with_context(|| format!("cannot start {}", program.display()))?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{}: {}: {errors}", program.display(), output.status);
        self.read(&String::from_utf8_lossy(&output.stdout))
    }

    fn read(&mut self, said: &str) -> anyhow::Result<()> {
        for line in said.lines() {
            let (name, value) = line.split_once(' ').with_context(|| line.to_owned())?;
            self.0.insert(name.to_owned(), value.parse().with_context(|| line.to_owned())?);
        }
        Ok(())
    }

    /// A figure; none that was not said meets a goal.
    fn of(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(f64::NAN)
    }

    fn ratio(&self, name: &str, of: &str) -> f64 {
        self.of(name) / self.of(of)
    }

    /// The lines of a table: each figure beside its goal.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec!["| what | measured | goal |".to_owned(), "|---|--:|--:|".to_owned()];
        lines.extend(GOALS.iter().map(|goal| {
            let goal_text = match goal.limit {
                Limit::AtMost(most) => format!("at most {}", number(most)),
                Limit::AtLeast(least) => format!("at least {}", number(least)),
                Limit::None => String::new(),
            };
            format!("| {} | {} | {goal_text} |", goal.what, number((goal.value)(self)))
        }));
        lines
    }

    fn missed(&self) -> Vec<&'static str> {
        let is_met = |goal: &&Goal| {
            let value = (goal.value)(self);
            match goal.limit {
                Limit::AtMost(most) => value <= most,
                Limit::AtLeast(least) => value >= least,
                Limit::None => true,
            }
        };
        GOALS.iter().filter(|goal| !is_met(goal)).map(|goal| goal.what).collect()
    }
}

/// A number with as many digits as say something.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        small if small < 0.1 => 4,
        small if small < 10.0 => 2,
        middle if middle < 1_000.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// Puts the figures into the guide's page, in place of those of the run before.
fn write(page: &Path, options: &Options, lines: &[String]) -> anyhow::Result<()> {
    let Options { networks, agents, compiled, .. } = options;
    let mut figures = format!(
        "\n{}; {networks} networks of {agents} agents, a map of {compiled} networks.\n\n",
        report::machine()
    );
    for line in lines {
        let _ = writeln!(figures, "{line}");
    }
    report::put(page, (BEGIN, END), &format!("{figures}\n"))
}

/// Builds a program; where it is.
fn build(package: &str, name: &str, debug: bool) -> anyhow::Result<PathBuf> {
    let target = program::build(&["-p", package, "--example", name], debug)?;
    Ok(target.join("examples").join(name))
}

fn parse(words: &[String]) -> anyhow::Result<Options> {
    let mut options = Options {
        networks: 12_000_000,
        agents: 8,
        compiled: 1_000_000,
        seconds: 3,
        write: false,
        debug: false,
    };
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let mut number = |most| program::number(word, &mut words, most);
        match word {
            "--networks" => options.networks = number(16_000_000)?,
            "--agents" => options.agents = number(16)?,
            "--compiled" => options.compiled = number(2_000_000)?,
            "--seconds" => options.seconds = number(600)?,
            "--write" => options.write = true,
            "--debug" => options.debug = true,
            _ => bail!("{USAGE}"),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let read =
            |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let given =
            read("--networks 9 --agents 2 --compiled 3 --seconds 4 --write --debug").unwrap();
        let expect =
            Options { networks: 9, agents: 2, compiled: 3, seconds: 4, write: true, debug: true };
        assert_eq!(given, expect);
        for wrong in ["--agents", "--agents 0", "--agents 17", "--networks x", "--no"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_figure_over_its_goal_or_not_told_is_missed() {
        let mut figures = Figures(BTreeMap::new());
        figures.read("bytes_per_row 9.4\nupdates_per_s 99999\n").unwrap();
        let missed = figures.missed();
        assert!(!missed.contains(&GOALS[0].what), "{missed:?}");
        assert!(missed.contains(&GOALS[2].what) && missed.contains(&GOALS[3].what), "{missed:?}");
        assert_eq!(figures.lines()[2], format!("| {} | 9.40 | at most 10.0 |", GOALS[0].what));
        assert!(figures.read("rows many").is_err());
    }
}
