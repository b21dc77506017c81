//! `cargo xtask bench table`: what the overwatch's table costs at full size, and a map of it.
//!
//! Four programs measure, `table_cost` (rows, reports, withdrawals), `compile_cost` (maps), `learning_bytes`
//! (what is learned) and `table_file_cost` (the table on disk), and say figures, a name and a number a line. Here
//! each goal is a ratio of them, or a figure with a limit that no machine changes. A cost stands beside a limit of
//! the same run: a read from memory, a copy of as many bytes. So does what a change costs, and not beside a whole map:
//! a slow one would make room for the rest.

use super::figures::{Figures, Goal, Limit, Section};
use super::options::{Size, Usage};
use super::program;
use crate::steps::say;

const USAGE: Usage<4> = Usage {
    bench: "table",
    sizes: [
        Size {
            word: "--networks",
            whole: 12_000_000,
            most: 16_000_000,
            what: "IPv4 /24s that each agent knows; a row takes some ten bytes",
        },
        Size { word: "--agents", whole: 8, most: 16, what: "agents that report all of them" },
        Size {
            word: "--compiled",
            whole: 1_000_000,
            most: 2_000_000,
            what: "networks of the map, of eight regions each, and of what is learned, of three",
        },
        Size { word: "--seconds", whole: 3, most: 600, what: "how long rows anywhere arrive" },
    ],
    has_page: true,
};

const SECTION: Section = Section {
    begin: "<!-- The last run of `cargo xtask bench table --write`. -->\n",
    end: "<!-- End of the table's run. -->\n",
    goals: &GOALS,
};

const GOALS: [Goal; 30] = [
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
        what: "a row of it, in reads from memory",
        value: |f| reads_a_row(f, "compile_all"),
        limit: Limit::AtMost(16.0),
    },
    Goal {
        what: "a row of a map after all rows changed, in reads from memory",
        value: |f| reads_a_row(f, "compile_again"),
        limit: Limit::AtMost(8.0),
    },
    Goal {
        what: "a row of a map after one network in a hundred changed, in reads from memory",
        value: |f| reads_a_row(f, "compile_hundredth"),
        limit: Limit::AtMost(12.0),
    },
    Goal {
        what: "a map after one network's rows changed, in copies of the map's ranges",
        value: |f| f.ratio("compile_one_ms", "copy_ms"),
        limit: Limit::AtMost(10.0),
    },
    Goal {
        what: "of these, the looks of a second",
        value: |f| f.ratio("compile_none_ms", "copy_ms"),
        limit: Limit::None,
    },
    Goal {
        what: "a map with one network that is new, in copies of the map's ranges",
        value: |f| f.ratio("compile_new_ms", "copy_ms"),
        limit: Limit::AtMost(20.0),
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
        what: "a slice of a search, each of its 65,536 looks, in reads from memory",
        value: |f| f.of("slice_ms") * 1e6 / 65_536.0 / f.of("read_ns"),
        limit: Limit::AtMost(4.0),
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

/// What a row costs that a map is made of or made anew for, of this name: in reads from memory of the same
/// program.
fn reads_a_row(figures: &Figures, name: &str) -> f64 {
    let ns = figures.ratio(&format!("{name}_ms"), &format!("{name}_rows")) * 1e6;
    ns / figures.of("compile_read_ns")
}

/// Runs it with the words behind `table`.
///
/// # Errors
///
/// A program failed, or a goal was missed.
pub(super) fn run(words: &[String]) -> anyhow::Result<()> {
    let options = USAGE.read(words)?;
    let example = |package, name| program::example(package, name, options.debug);
    let [networks, agents, compiled, seconds] = options.sizes.map(|size| size.to_string());
    let mut figures = Figures::default();
    say(&format!("{networks} networks of {agents} agents"));
    let words = [networks.clone(), agents.clone(), seconds];
    figures.measure(&example("latency", "table_cost")?, &words)?;
    say(&format!("a map of {compiled} networks"));
    figures.measure(&example("routing", "compile_cost")?, std::slice::from_ref(&compiled))?;
    say("what is learned of them");
    let words = [compiled.clone(), "dense".to_owned()];
    figures.measure(&example("routing", "learning_bytes")?, &words)?;
    say("the table on disk");
    program::within("table", |directory| {
        let words = [networks.clone(), agents.clone(), directory.display().to_string()];
        figures.measure(&example("store", "table_file_cost")?, &words)
    })?;
    let how = format!("{networks} networks of {agents} agents, a map of {compiled} networks");
    SECTION.judge(&figures, &how, options.write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_held_to_reads_from_memory() {
        let mut figures = Figures::default();
        figures
            .read("compile_all_ms 2400\ncompile_all_rows 8000000\ncompile_read_ns 100\n")
            .unwrap();
        assert!((reads_a_row(&figures, "compile_all") - 3.0).abs() < 1e-9);
        assert!(reads_a_row(&figures, "compile_again").is_nan());
    }
}
