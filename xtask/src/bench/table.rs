//! `cargo xtask bench table`: what the overwatch's table costs at full size, and a map of it.
//!
//! Four programs measure, `table_cost` (rows, reports, withdrawals), `compile_cost` (maps), `learning_bytes`
//! (what is learned) and `table_file_cost` (the table on disk), and say figures, a name and a number a line. Here
//! each goal is a ratio of them, or a figure with a limit that no machine changes. Beside them stands a limit of the same run: a read from memory, a copy of as many bytes.

use std::fs;
use std::path::Path;

use anyhow::bail;

use super::figures::{Figures, Goal, Limit, Section};
use super::program;
use crate::steps::say;

const USAGE: &str = "\
usage: cargo xtask bench table [--networks 12000000] [--agents 8] [--compiled 1000000] [--seconds 3]
                               [--write] [--debug]

  --networks   IPv4 /24s that each agent knows; at most 16000000. A row takes some ten bytes
  --agents     agents that report all of them; at most 16
  --compiled   client networks of the map, each measured in eight regions, and of what is learned, in three;
               at most 2000000
  --seconds    how long rows anywhere arrive
  --write      puts the figures into docs/guide/performance.md
  --debug      measures the debug build: to try the bench, not the table
";

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

const SECTION: Section = Section {
    begin: "<!-- The last run of `cargo xtask bench table --write`. -->\n",
    end: "<!-- End of the table's run. -->\n",
    goals: &GOALS,
};

const GOALS: [Goal; 28] = [
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
        what: "bytes a network of what is learned, three regions",
        value: |f| f.of("learned_bytes"),
        limit: Limit::AtMost(250.0),
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
    Goal {
        what: "on disk, bytes a row",
        value: |f| f.of("snapshot_bytes_per_row"),
        limit: Limit::AtMost(12.0),
    },
    Goal {
        what: "on disk, bytes of a row that changed",
        value: |f| f.of("steps_bytes_per_row"),
        limit: Limit::AtMost(8.0),
    },
    Goal {
        what: "a table read from disk, ms a million rows",
        value: |f| f.of("load_ms_per_million_rows"),
        limit: Limit::AtMost(1_000.0),
    },
    Goal {
        what: "the same, in reads of its file",
        value: |f| f.of("load_per_read"),
        limit: Limit::AtMost(100.0),
    },
    Goal {
        what: "the same with ten seconds of 100,000 changes behind it, ms a million rows",
        value: |f| f.of("load_with_steps_ms_per_million_rows"),
        limit: Limit::None,
    },
    Goal {
        what: "a table written to disk, ms",
        value: |f| f.of("snapshot_ms"),
        limit: Limit::None,
    },
    Goal {
        what: "the loop stands while a snapshot is taken, in slices of a search",
        value: |f| f.ratio("snapshot_taken_ms", "slice_ms"),
        limit: Limit::AtMost(4.0),
    },
    Goal {
        what: "the longest that a report of 4,096 rows waits for it more, ms",
        value: |f| f.of("snapshot_stop_ms"),
        limit: Limit::None,
    },
    Goal {
        what: "the same, in slices of a search",
        value: |f| f.ratio("snapshot_stop_ms", "slice_ms"),
        limit: Limit::AtMost(200.0),
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
    let mut figures = Figures::default();
    let sizes =
        [options.networks, options.agents, options.seconds].map(|number| number.to_string());
    say(&format!("{} networks of {} agents", options.networks, options.agents));
    figures.measure(&program::example("latency", "table_cost", options.debug)?, &sizes)?;
    say(&format!("a map of {} networks", options.compiled));
    let program = program::example("routing", "compile_cost", options.debug)?;
    figures.measure(&program, &[options.compiled.to_string()])?;
    say("what is learned of them");
    let program = program::example("routing", "learning_bytes", options.debug)?;
    figures.measure(&program, &[options.compiled.to_string(), "dense".to_owned()])?;
    say("the table on disk");
    let program = program::example("store", "table_file_cost", options.debug)?;
    let directory = Path::new("target/bench-table");
    // What an earlier run left.
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory)?;
    let [networks, agents, _] = sizes;
    figures.measure(&program, &[networks, agents, directory.display().to_string()])?;
    fs::remove_dir_all(directory)?;
    let Options { networks, agents, compiled, .. } = options;
    let how = format!("{networks} networks of {agents} agents, a map of {compiled} networks");
    SECTION.judge(&figures, &how, options.write)
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
}
