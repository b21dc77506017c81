//! `cargo xtask bench report` and `cargo xtask bench poll`: what an agent costs the server that it is on.
//!
//! One program measures, `agent_cost`, a word at a time. Connections are made in a network namespace of its
//! own, by processes without any capability.

use super::figures::{Figures, Goal, Limit, Section};
use super::options::{Size, Usage};
use super::program;

const REPORT_USAGE: Usage<2> = Usage {
    bench: "report",
    sizes: [
        Size {
            word: "--most",
            whole: 100_000,
            most: 100_000,
            what: "client networks that the agent learns; ten events of each are read",
        },
        Size {
            word: "--seconds",
            whole: 10,
            most: 60,
            what: "how long connections close, at 5,000 a second, and as fast as can be",
        },
    ],
    has_page: true,
};

const POLL_USAGE: Usage<2> = Usage {
    bench: "poll",
    sizes: [
        Size {
            word: "--most",
            whole: 100_000,
            // The agent remembers 114,688 open connections.
            most: 110_000,
            what: "connections that are open, two files each, in as many processes as it takes",
        },
        Size {
            word: "--rounds",
            whole: 15,
            most: 1_000,
            what: "how often they are read, the kernel's part alone and the agent's in turn",
        },
    ],
    has_page: true,
};

/// The closes of a busy server.
const CLOSES_PER_S: u32 = 5_000;
/// `net.core.rmem_max` of Debian, where nobody has set it: bytes of a receive buffer, 332 events.
const RECEIVE_BUFFER: u32 = 212_992;

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

/// Runs it with the words behind `report`.
///
/// # Errors
///
/// A program cannot be built, or a goal was missed.
pub(super) fn report(words: &[String]) -> anyhow::Result<()> {
    let options = REPORT_USAGE.read(words)?;
    let (_, program) = program::agents(options.debug)?;
    let [most, seconds] = options.sizes;
    let mut figures = Figures::default();
    let mut measure = |word: &str, numbers: &[u32]| {
        let words = [word.to_owned()].into_iter().chain(numbers.iter().map(ToString::to_string));
        figures.try_measure(&program, &words.collect::<Vec<_>>());
    };
    measure("growth", &[most]);
    measure("parsing", &[most * 10]);
    measure("closes", &[CLOSES_PER_S, seconds, RECEIVE_BUFFER]);
    measure("closes", &[0, seconds, RECEIVE_BUFFER]);
    let how = format!("{most} client networks, connections for {seconds} s");
    REPORT.judge(&figures, &how, options.write)
}

/// Runs it with the words behind `poll`.
///
/// # Errors
///
/// A program cannot be built, or a goal was missed.
pub(super) fn poll(words: &[String]) -> anyhow::Result<()> {
    let options = POLL_USAGE.read(words)?;
    let (_, program) = program::agents(options.debug)?;
    let [most, rounds] = options.sizes;
    let mut figures = Figures::default();
    figures.try_measure(&program, &["dump".to_owned(), most.to_string(), rounds.to_string()]);
    let how = format!("{most} open connections, {rounds} rounds");
    POLL.judge(&figures, &how, options.write)
}
