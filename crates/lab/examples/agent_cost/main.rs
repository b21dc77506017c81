//! What an agent costs, for `cargo xtask bench report` and `cargo xtask bench poll`. Prints figures, a name
//! and a number a line; judges none. Each word is one measurement:
//!
//! - `growth SUBNETS`: memory of an agent that learned so many client networks, told two overwatches,
//! - `parsing EVENTS`: recorded destroy events read and counted, beside a copy of their bytes,
//! - `closes RATE SECONDS BYTES`: connections that close, so many a second, 0 for as many as can be; how many
//!   of them were seen, where a receive buffer may have no more bytes than that,
//! - `dump SOCKETS ROUNDS`: a poll of so many open connections beside the kernel's own dump.
//!
//! These two make connections, in a network namespace of their own and without any capability; `traffic`
//! and `hold` are their other processes. The others have sessions with an overwatch on loopback, behind
//! `127.0.0.1:PORT`, and keep their keys in a directory, the last word:
//!
//! - `wire PORT SUBNETS DIRECTORY`: bytes on the wire for each client network that changed,
//! - `slow PORT SUBNETS DIRECTORY`: memory while the overwatch reads next to nothing,
//! - `many PORT AGENTS SUBNETS SECONDS PID DIRECTORY`: so many agents that report every so many seconds, and
//!   what the overwatch, which is process PID, takes of a processor.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod closes;
mod dump;
mod growth;
mod hold;
mod many;
mod node;
mod parsing;
mod relay;
mod session;
mod slow;
mod traffic;
mod wire;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};
use model::Subnet;
use testkit::Random;

/// Servers are in 64.0.0.0/4, clients in the 80.0.0.0/4 behind it: a million /24s.
const FIRST_BITS: u32 = 64 << 24;
/// Where servers listen, at addresses from the first on.
const PORT: u16 = 8080;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (word, rest) = words.split_first().context("which measurement?")?;
    let numbers: Vec<u32> = rest.iter().map_while(|number| number.parse().ok()).collect();
    let directory = rest.get(numbers.len()).map_or(Path::new("."), Path::new);
    match (word.as_str(), numbers.as_slice()) {
        ("growth", [subnets]) => growth::run(*subnets),
        ("parsing", [events]) => parsing::run(*events),
        ("closes", [rate, seconds, buffer]) => closes::run(*rate, *seconds, *buffer),
        ("traffic", [number, rate, seconds]) => traffic::run(*number, *rate, *seconds),
        ("dump", [sockets, rounds]) => dump::run(*sockets, *rounds),
        ("hold", [number, sockets]) => hold::run(*number, *sockets),
        ("wire", [port, subnets]) => wire::run(*port, *subnets, directory),
        ("slow", [port, subnets]) => slow::run(*port, *subnets, directory),
        ("many", [port, agents, subnets, interval_s, pid]) => {
            many::run(*port, (*agents, *subnets), *interval_s, *pid, directory)
        }
        _ => bail!("there is no measurement {words:?}"),
    }
}

fn figure(name: &str, value: f64) {
    println!("{name} {value}");
}

/// So many different client networks, the same in every run, in no order.
fn networks(count: u32) -> Vec<u32> {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let mut drawn = std::collections::BTreeSet::new();
    let mut networks = Vec::new();
    while networks.len() < count as usize {
        let bits = client_bits(&mut random) & !0xff;
        if drawn.insert(bits) {
            networks.push(bits);
        }
    }
    networks
}

/// Any client's address.
fn client_bits(random: &mut Random) -> u32 {
    let [a, b, c, d, ..] = random.next().to_be_bytes();
    FIRST_BITS | 1 << 28 | u32::from_be_bytes([a, b, c, d]) >> 4
}

/// A server's address.
const fn server(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST_BITS | (number + 1) << 8 | 1)
}

/// A network of this process's own.
fn alone() -> anyhow::Result<()> {
    let network = Subnet::of(Ipv4Addr::from_bits(FIRST_BITS).into(), 3);
    lab::alone::enter(network)
        .context("nobody makes a network namespace here (user namespaces are forbidden)")
}

/// What this process has in memory now, to the page, in KiB; /proc/self/status is a little behind.
fn resident_kib() -> anyhow::Result<f64> {
    kib("/proc/self/smaps_rollup", "Rss:")
}

/// A line of a file of /proc.
fn kib(file: &str, key: &str) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let word = line.and_then(|line| line.split_whitespace().next()).context(key.to_owned())?;
    Ok(word.parse()?)
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Another process of this program; it ends when its input does.
struct Other {
    child: Child,
    output: std::io::BufReader<ChildStdout>,
}

impl Other {
    fn start(words: &[String]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start another process")?;
        let output = child.stdout.take().context("it says nothing")?;
        Ok(Self { child, output: std::io::BufReader::new(output) })
    }

    /// The next line that it says.
    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut self.output, &mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            bail!("a process has ended before its time");
        }
        Ok(line.to_owned())
    }

    /// Lets it begin.
    fn go(&mut self) -> anyhow::Result<()> {
        let input = self.child.stdin.as_mut().context("it does not listen")?;
        Ok(std::io::Write::write_all(input, b"go\n")?)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}
