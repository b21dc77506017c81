//! `cargo xtask bench health`: what checking ten thousand servers costs.
//!
//! Servers listen on some ports of loopback in this process; the checks run in a process of their own,
//! which says what it took of the processor. Two figures stand beside it: that of a peer as its makers
//! publish it, and a limit of the same run: the same exchanges one after another by plain system
//! calls.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::options::{Size, Usage};
use super::program;
use crate::steps::say;

const USAGE: Usage<3> = Usage {
    bench: "health",
    sizes: [
        Size { word: "--targets", whole: 10_000, most: 50_000, what: "servers that are checked" },
        Size {
            word: "--interval",
            whole: 10,
            most: 3_600,
            what: "seconds from one check of a server to the next",
        },
        Size {
            word: "--seconds",
            whole: 30,
            most: 600,
            what: "how long is measured, after two intervals of settling",
        },
    ],
    has_page: false,
};

/// Ports that listen. Each has its own room for connections that wait to be forgotten (TIME_WAIT): a
/// thousand checks a second leave sixty thousand of them.
const PORTS: u16 = 64;
/// What a peer says of itself: 48 % of a processor and 433 MB for 20,000 checks every 10 seconds.
const PEER_US: f64 = 0.48 * 10.0 / 20_000.0 * 1e6;
const PEER_KIB: f64 = 433.0 * 1_000.0 / 1.024 / 20_000.0;

/// How the bench is run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Options {
    targets: u32,
    interval_s: u32,
    seconds: u32,
}

/// What one process said of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Took {
    checks: f64,
    passed: f64,
    late: f64,
    lateness_ms: f64,
    user_s: f64,
    system_s: f64,
    memory_kib: f64,
}

/// Runs it with the words behind `health`.
///
/// # Errors
///
/// Something is missing, checks failed, or the goal was not met.
pub(super) fn run(words: &[String]) -> anyhow::Result<()> {
    let options = USAGE.read(words)?;
    let program = program::example("runtime", "check_targets", options.debug)?;
    let [targets, interval_s, seconds] = options.sizes;
    let options = Options { targets, interval_s, seconds };
    let ports = listen()?;
    say(&format!(
        "{} servers every {} s for {} s",
        options.targets, options.interval_s, options.seconds
    ));
    say("                 us/check  % of one CPU  KiB/server  late   mean lateness");
    let mut missed = Vec::new();
    for kind in ["tcp", "http"] {
        let bare = measure(&program, &ports, &options, &format!("bare-{kind}"))?;
        let ours = measure(&program, &ports, &options, kind)?;
        say(&bare.line(&format!("{kind}, bare"), &options));
        say(&ours.line(kind, &options));
        let (of_peer, of_bare) = (ours.us() / PEER_US, ours.us() / bare.us());
        let memory = ours.memory_kib / f64::from(options.targets);
        say(&format!(
            "{kind:>12}: {of_peer:.2} of the peer's {PEER_US:.0} us, {of_bare:.2} of the bare \
             exchange, {:.2} of the peer's {PEER_KIB:.0} KiB",
            memory / PEER_KIB
        ));
        if of_peer >= 1.0 || memory >= PEER_KIB {
            missed.push(format!("{kind} costs more than the peer says of itself"));
        }
        // A busy machine is late too: what is meant is a schedule that does not hold.
        if ours.late > ours.checks / 100.0 {
            missed.push(format!("{kind}: {} checks were late by a second", ours.late));
        }
    }
    ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
    Ok(())
}

/// One process, and what it says when it ends.
fn measure(program: &PathBuf, ports: &str, options: &Options, kind: &str) -> anyhow::Result<Took> {
    let mut command = Command::new(program);
    command.args([ports, &options.targets.to_string(), &(options.interval_s * 1_000).to_string()]);
    command.args([&options.seconds.to_string(), kind]);
    let output = command.output().with_context(|| format!("cannot start {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{kind}: {}: {errors}", output.status);
    let took = read(&said).with_context(|| format!("{kind} said {said:?}"))?;
    ensure!(took.passed == took.checks, "{kind}: {} of {} passed", took.passed, took.checks);
    Ok(took)
}

fn read(line: &str) -> Option<Took> {
    let numbers: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [checks, passed, late, lateness_ms, user_s, system_s, memory_kib] = numbers[..] else {
        return None;
    };
    Some(Took { checks, passed, late, lateness_ms, user_s, system_s, memory_kib })
}

impl Took {
    /// Microseconds of processor for one check.
    fn us(&self) -> f64 {
        (self.user_s + self.system_s) * 1e6 / self.checks
    }

    fn line(&self, name: &str, options: &Options) -> String {
        let (user, system) = (self.user_s * 1e6 / self.checks, self.system_s * 1e6 / self.checks);
        format!(
            "{name:>12}  {:>10.1}  {:>12.1}  {:>10.2}  {:>4}  {:>10.2} ms   ({user:.1} user, \
             {system:.1} system, {:.0} checks/s)",
            self.us(),
            (self.user_s + self.system_s) * 100.0 / f64::from(options.seconds),
            self.memory_kib / f64::from(options.targets),
            self.late,
            self.lateness_ms,
            self.checks / f64::from(options.seconds),
        )
    }
}

/// Servers on so many ports in a row, for as long as this process lives: each reads what comes and
/// answers it. The ports as `first-last`.
fn listen() -> anyhow::Result<String> {
    'rows: for _ in 0..100 {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let start = first.local_addr()?.port();
        let Some(last) = start.checked_add(PORTS - 1) else { continue };
        let mut listeners = vec![first];
        for port in start + 1..=last {
            let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else {
                continue 'rows;
            };
            listeners.push(listener);
        }
        for listener in listeners {
            std::thread::spawn(move || serve(&listener));
        }
        return Ok(format!("{start}-{last}"));
    }
    bail!("{PORTS} free ports in a row were not found")
}

fn serve(listener: &TcpListener) {
    let answer = |mut stream: TcpStream| -> std::io::Result<()> {
        let mut head = [0; 1_024];
        // A check of the connection alone says nothing and hangs up.
        if stream.read(&mut head)? > 0 {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n",
            )?;
        }
        Ok(())
    };
    for stream in listener.incoming().flatten() {
        // Whoever hangs up early has what it wanted.
        let _ = answer(stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read() {
        let took = read("1000 1000 3 0.25 0.02 0.08 20480\n").unwrap();
        assert!((took.us() - 100.0).abs() < 1e-9);
        assert_eq!(read("1000 1000"), None);
    }
}
