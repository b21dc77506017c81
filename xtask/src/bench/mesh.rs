//! `cargo xtask bench mesh`: what reports cost on the wire, and one overwatch that a thousand agents report to.
//!
//! The overwatch is the built binary, kept on one core. The agents are values of the product in one process,
//! `agent_cost`, each with its own session: real TLS, over loopback.

use std::path::{Path, PathBuf};

use super::figures::{Figures, Goal, Limit, Section};
use super::options::{Size, Usage};
use super::{overwatch, program};

const USAGE: Usage<2> = Usage {
    bench: "mesh",
    sizes: [
        Size {
            word: "--most",
            whole: 1_000,
            most: 4_000,
            what: "agents of as many networks each; a hundred times as many have their bytes counted",
        },
        Size {
            word: "--interval",
            whole: 30,
            most: 3_600,
            what: "seconds from one report of an agent to the next, of which it takes three",
        },
    ],
    has_page: true,
};

/// As the program's agents have them: `region-0` and on.
const REGIONS: u32 = 8;

const SECTION: Section = Section {
    begin: "<!-- The last run of `cargo xtask bench mesh --write`. -->\n",
    end: "<!-- End of the mesh's run. -->\n",
    goals: &GOALS,
};

const GOALS: [Goal; 12] = [
    Goal {
        what: "bytes on the wire for an IPv4 network that changed, with TLS",
        value: |f| f.of("wire_changed_bytes"),
        limit: Limit::AtMost(8.0),
    },
    Goal {
        what: "the same for one that is new",
        value: |f| f.of("wire_new_bytes"),
        limit: Limit::AtMost(8.0),
    },
    Goal {
        what: "of one core, for all agents",
        value: |f| f.of("many_share"),
        limit: Limit::AtMost(0.9),
    },
    Goal {
        what: "reports of each agent in a report interval",
        value: |f| f.of("many_reports"),
        limit: Limit::AtLeast(0.99),
    },
    Goal { what: "rows told a second", value: |f| f.of("many_rows_per_s"), limit: Limit::None },
    Goal {
        what: "of one core, while all tell everything for the first time",
        value: |f| f.of("many_first_share"),
        limit: Limit::None,
    },
    Goal {
        what: "rows told a second then",
        value: |f| f.of("many_first_rows_per_s"),
        limit: Limit::None,
    },
    Goal {
        what: "the longest wait for an acknowledgement, s",
        value: |f| f.of("many_waited_s"),
        limit: Limit::AtMost(30.0),
    },
    Goal {
        what: "reports sent to an overwatch that reads next to nothing, in 120 publications",
        value: |f| f.of("slow_reports"),
        limit: Limit::Exactly(1.0),
    },
    Goal {
        what: "MiB that the agent grew by meanwhile",
        value: |f| f.of("slow_growth_mib"),
        limit: Limit::AtMost(1.0),
    },
    Goal {
        what: "rows told when it reads again, of those there are",
        value: |f| f.of("slow_rows_told"),
        limit: Limit::AtMost(2.0),
    },
    Goal {
        what: "MiB of memory that the overwatch has in the end",
        value: |f| f.of("overwatch_mib"),
        limit: Limit::None,
    },
];

/// Runs it with the words behind `mesh`.
///
/// # Errors
///
/// A program cannot be built or started, or a goal was missed.
pub(super) fn run(words: &[String]) -> anyhow::Result<()> {
    let options = USAGE.read(words)?;
    let programs = program::agents(options.debug)?;
    let figures =
        program::within("mesh", |directory| measure(&programs, options.sizes, directory))?;
    let [most, interval_s] = options.sizes;
    let how = format!("{most} agents with {most} networks each, reports every {interval_s} s");
    SECTION.judge(&figures, &how, options.write)
}

fn measure(
    (server, program): &(PathBuf, PathBuf),
    [most, interval_s]: [u32; 2],
    directory: &Path,
) -> anyhow::Result<Figures> {
    let regions: Vec<String> = (0..REGIONS).map(|number| format!("region-{number}")).collect();
    let (overwatch, mesh) = overwatch::start(directory, server, &regions)?;
    let mut figures = Figures::default();
    let mut measure = |word: &str, numbers: &[u32]| {
        let numbers = numbers.iter().map(ToString::to_string);
        let mut words = vec![word.to_owned(), mesh.to_string()];
        words.extend(numbers.chain([directory.display().to_string()]));
        figures.try_measure(program, &words);
    };
    measure("wire", &[most * 100]);
    measure("slow", &[most * 10]);
    measure("many", &[most, most, interval_s, overwatch.id()]);
    figures.read(&format!("overwatch_mib {}", overwatch.memory_kib()? / 1024))?;
    Ok(figures)
}
