//! `cargo xtask bench report` and `cargo xtask bench poll`: what an agent costs the server that it is on.
//!
//! One program measures, `agent_cost`, a word at a time. Connections are made in a network namespace of its
//! own, by processes without any capability.

use anyhow::bail;

use super::figures::{Figures, Goal, Limit, Section};
use super::program;

const REPORT_USAGE: &str = "\
usage: cargo xtask bench report [--most 100000] [--seconds 10] [--write] [--debug]

  --most     client networks that the agent learns; at most 100000. Also a tenth of the events that are
             read in each round
  --seconds  how long connections close, at 5,000 a second, and as fast as can be
  --write    puts the figures into docs/guide/performance.md
  --debug    measures the debug build: to try the bench, not the agent
";

const POLL_USAGE: &str = "\
usage: cargo xtask bench poll [--most 100000] [--rounds 15] [--write] [--debug]

  --most     connections that are open; at most 110000. Two files each, in as many processes as it takes
  --rounds   how often they are read, the kernel's part alone and the agent's in turn
  --write    puts the figures into docs/guide/performance.md
  --debug    measures the debug build: to try the bench, not the agent
";

/// The closes of a busy server.
const CLOSES_PER_S: &str = "5000";
/// `net.core.rmem_max` of Debian, where nobody has set it: bytes of a receive buffer, 332 events.
const RECEIVE_BUFFER: &str = "212992";

const REPORT: Section = Section {
    begin: "<!-- The last run of `cargo xtask bench report --write`. -->\n",
    end: "<!-- End of the report's run. -->\n",
    goals: &REPORT_GOALS,
};

const POLL: Section = Section {
    begin: "<!-- The last run of `cargo xtask bench poll --write`. -->\n",
    end: "<!-- End of the poll's run. -->\n",
    goals: &POLL_GOALS,
};

const REPORT_GOALS: [Goal; 15] = [
    Goal {
        what: "MiB that the agent grew by, two overwatches told of everything",
        value: |f| f.of("growth_mib"),
        limit: Limit::AtMost(12.0),
    },
    Goal {
        what: "the most that it was meanwhile, MiB",
        value: |f| f.of("growth_peak_mib"),
        limit: Limit::AtMost(12.0),
    },
    Goal {
        what: "closes a second, of those to be 5,000",
        value: |f| f.of("closes_per_s"),
        limit: Limit::AtLeast(4_900.0),
    },
    Goal {
        what: "of them not seen, with Debian's receive buffer and no capability",
        value: |f| 1.0 - f.ratio("closes_seen", "closes"),
        limit: Limit::AtMost(0.001),
    },
    Goal {
        what: "closes less those seen and those counted as lost",
        value: |f| f.of("closes") - f.of("closes_seen") - f.of("closes_lost"),
        limit: Limit::Exactly(0.0),
    },
    Goal {
        what: "of those seen, counted by the agent",
        value: |f| f.ratio("closes_counted", "closes_seen"),
        limit: Limit::Exactly(1.0),
    },
    Goal {
        what: "closes a second, as many as can be",
        value: |f| f.of("flood_per_s"),
        limit: Limit::None,
    },
    Goal { what: "of them seen", value: |f| f.ratio("flood_seen", "flood"), limit: Limit::None },
    Goal {
        what: "closes less those seen and those counted as lost",
        value: |f| f.of("flood") - f.of("flood_seen") - f.of("flood_lost"),
        limit: Limit::Exactly(0.0),
    },
    Goal {
        what: "of those seen, counted by the agent",
        value: |f| f.ratio("flood_counted", "flood_seen"),
        limit: Limit::Exactly(1.0),
    },
    Goal {
        what: "recorded events read and counted a second, on one core",
        value: |f| 1e9 / f.of("event_count_ns"),
        limit: Limit::AtLeast(200_000.0),
    },
    Goal {
        what: "one of these, in copies of its bytes",
        value: |f| f.ratio("event_count_ns", "event_copy_ns"),
        limit: Limit::AtMost(60.0),
    },
    Goal {
        what: "the same only read, in copies of its bytes",
        value: |f| f.ratio("event_parse_ns", "event_copy_ns"),
        limit: Limit::AtMost(6.0),
    },
    Goal {
        what: "one event read and counted, ns",
        value: |f| f.of("event_count_ns"),
        limit: Limit::None,
    },
    Goal { what: "a copy of its bytes, ns", value: |f| f.of("event_copy_ns"), limit: Limit::None },
];

const POLL_GOALS: [Goal; 4] = [
    Goal {
        what: "a poll, every connection read, of the kernel's own dump",
        value: |f| f.of("dump_read_ratio"),
        limit: Limit::AtMost(1.15),
    },
    Goal {
        what: "the same, and each counted by the agent",
        value: |f| f.of("dump_whole_ratio"),
        limit: Limit::AtMost(1.15),
    },
    Goal {
        what: "the kernel's own dump, ms of processor",
        value: |f| f.of("dump_bare_ms"),
        limit: Limit::None,
    },
    Goal {
        what: "processes that hold the connections",
        value: |f| f.of("holders"),
        limit: Limit::None,
    },
];

/// How a bench is run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Options {
    most: u32,
    /// Seconds of each measurement, or rounds.
    times: u32,
    write: bool,
    debug: bool,
}

/// Runs it with the words behind `report`.
///
/// # Errors
///
/// A program cannot be built, or a goal was missed.
pub(super) fn report(words: &[String]) -> anyhow::Result<()> {
    let standard = Options { most: 100_000, times: 10, write: false, debug: false };
    let options = parse(words, standard, ("--seconds", 60, 100_000), REPORT_USAGE)?;
    let (_, program) = program::agents(options.debug)?;
    let Options { most, times, .. } = options;
    let seconds = times.to_string();
    let mut figures = Figures::default();
    let mut measure = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        figures.try_measure(&program, &words);
    };
    measure(&["growth", &most.to_string()]);
    measure(&["parsing", &(most * 10).to_string()]);
    measure(&["closes", CLOSES_PER_S, &seconds, RECEIVE_BUFFER]);
    measure(&["closes", "0", &seconds, RECEIVE_BUFFER]);
    let how = format!("{most} client networks, connections for {times} s");
    REPORT.judge(&figures, &how, options.write)
}

/// Runs it with the words behind `poll`.
///
/// # Errors
///
/// A program cannot be built, or a goal was missed.
pub(super) fn poll(words: &[String]) -> anyhow::Result<()> {
    let standard = Options { most: 100_000, times: 15, write: false, debug: false };
    // The agent remembers 114,688 open connections.
    let options = parse(words, standard, ("--rounds", 1_000, 110_000), POLL_USAGE)?;
    let (_, program) = program::agents(options.debug)?;
    let Options { most, times, .. } = options;
    let mut figures = Figures::default();
    figures.try_measure(&program, &["dump".to_owned(), most.to_string(), times.to_string()]);
    let how = format!("{most} open connections, {times} rounds");
    POLL.judge(&figures, &how, options.write)
}

/// The options, where `times` are called so and both have a limit.
fn parse(
    words: &[String],
    standard: Options,
    (times, times_max, most_max): (&str, u32, u32),
    usage: &str,
) -> anyhow::Result<Options> {
    let mut options = standard;
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--most" => options.most = program::number(word, &mut words, most_max)?,
            _ if word == times => options.times = program::number(word, &mut words, times_max)?,
            "--write" => options.write = true,
            "--debug" => options.debug = true,
            _ => bail!("{usage}"),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let read = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let standard = Options { most: 5, times: 6, write: false, debug: false };
            parse(&words, standard, ("--rounds", 10, 1_000), POLL_USAGE)
        };
        let standard = Options { most: 5, times: 6, write: false, debug: false };
        assert_eq!(read("").unwrap(), standard);
        let given = read("--most 9 --rounds 2 --write --debug").unwrap();
        assert_eq!(given, Options { most: 9, times: 2, write: true, debug: true });
        for wrong in ["poll", "--most", "--most 0", "--most 1001", "--rounds 11", "--seconds 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
