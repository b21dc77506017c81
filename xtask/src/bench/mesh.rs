//! `cargo xtask bench mesh`: what reports cost on the wire, and one overwatch that a thousand agents report to.
//!
//! The overwatch is the built binary, kept on one core. The agents are values of the product in one process,
//! `agent_cost`, each with its own session: real TLS, over loopback.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::figures::{Figures, Goal, Limit, Section};
use super::process::{Process, free_port};
use super::program;

const USAGE: &str = "\
usage: cargo xtask bench mesh [--most 1000] [--interval 30] [--write] [--debug]

  --most     agents that report to one overwatch, each of as many client networks; at most 4000. A
             hundred times as many are the networks whose bytes are counted
  --interval seconds from one report of an agent to the next; it takes three of them
  --write    puts the figures into docs/guide/performance.md
  --debug    measures the debug build: to try the bench, not the mesh
";

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

/// How the bench is run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Options {
    most: u32,
    interval: u32,
    write: bool,
    debug: bool,
}

/// Runs it with the words behind `mesh`.
///
/// # Errors
///
/// A program cannot be built or started, or a goal was missed.
pub(super) fn run(words: &[String]) -> anyhow::Result<()> {
    let options = parse(words)?;
    let programs = program::agents(options.debug)?;
    let directory = PathBuf::from("target/bench-mesh").join(std::process::id().to_string());
    fs::create_dir_all(&directory).context("cannot make the directory of the bench")?;
    let directory = fs::canonicalize(directory)?;
    let measured = measure(&programs, &options, &directory);
    // What a run leaves is of no use to anybody.
    drop(fs::remove_dir_all(&directory));
    let Options { most, interval, write, .. } = options;
    let how = format!("{most} agents with {most} networks each, reports every {interval} s");
    SECTION.judge(&measured?, &how, write)
}

fn measure(
    (server, program): &(PathBuf, PathBuf),
    options: &Options,
    directory: &Path,
) -> anyhow::Result<Figures> {
    let Options { most, interval, .. } = *options;
    let (overwatch, mesh) = start(server, directory)?;
    let mut figures = Figures::default();
    let mut measure = |word: &str, numbers: &[u32]| {
        let numbers = numbers.iter().map(ToString::to_string);
        let mut words = vec![word.to_owned(), mesh.to_string()];
        words.extend(numbers.chain([directory.display().to_string()]));
        figures.try_measure(program, &words);
    };
    measure("wire", &[most * 100]);
    measure("slow", &[most * 10]);
    measure("many", &[most, most, interval, overwatch.id()]);
    figures.read(&format!("overwatch_mib {}", overwatch.memory_kib()? / 1024))?;
    Ok(figures)
}

/// An overwatch on one core, and the port of its mesh.
fn start(program: &Path, directory: &Path) -> anyhow::Result<(Process, u16)> {
    let (dns, mesh) = (free_port()?, free_port()?);
    let config = directory.join("opengslb.yaml");
    fs::write(&config, configuration(directory, dns, mesh))?;
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600))?;
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program).arg("--config").arg(&config);
    let mut overwatch = Process::start("opengslb", dns, directory, &mut command)?;
    overwatch.wait_until_up(directory)?;
    Ok((overwatch, mesh))
}

/// The program's agents have the same names and secrets.
fn configuration(directory: &Path, dns: u16, mesh: u16) -> String {
    let directory = directory.display();
    let regions: Vec<String> = (0..8).map(|number| format!("region-{number}")).collect();
    let listed: Vec<String> = regions.iter().map(|name| format!("{{name: {name}}}")).collect();
    let (regions, listed) = (regions.join(", "), listed.join(", "));
    format!(
        "mode: overwatch
overwatch:
  data_dir: {directory}/data
  identity:
    node_id: bench
    cert_path: {directory}/bench.crt
    key_path: {directory}/bench.key
  agent_tokens:
    - {{service: app.demo.local, token: a-token-for-the-bench-only, networks: [10.0.0.0/8]}}
  gossip:
    bind_address: 127.0.0.1:{mesh}
    encryption_key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
  validation: {{enabled: false}}
dns:
  listen_address: 127.0.0.1:{dns}
  zones: [demo.local]
regions: [{listed}]
domains:
  - name: app.demo.local
    routing_algorithm: learned_latency
    regions: [{regions}]
"
    )
}

fn parse(words: &[String]) -> anyhow::Result<Options> {
    let mut options = Options { most: 1_000, interval: 30, write: false, debug: false };
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--most" => options.most = program::number(word, &mut words, 4_000)?,
            "--interval" => options.interval = program::number(word, &mut words, 3_600)?,
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
        assert_eq!(
            read("").unwrap(),
            Options { most: 1_000, interval: 30, write: false, debug: false }
        );
        let given = read("--most 9 --interval 2 --write --debug").unwrap();
        assert_eq!(given, Options { most: 9, interval: 2, write: true, debug: true });
        for wrong in ["mesh", "--most", "--most 0", "--most 4001", "--seconds 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
