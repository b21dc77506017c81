//! Real kernels' round-trip times on one machine: namespaces joined by a delaying relay.
//!
//! The tour, in the order in which a lab comes to be:
//!
//! - [`topology`]: what a lab consists of, read from a small YAML file,
//! - `addresses`, [`plan`]: what follows from it: interfaces, addresses, configuration files,
//! - `supervisor`, `init`: making the namespaces, and ending all of them,
//! - `host`, `web`: what runs on a host,
//! - `relay`: the distance between the hosts,
//! - `exec`: commands on a host, from outside,
//! - `shim`: the commands that hosts have: `test-cluster`, `generate-traffic`, look-alikes,
//! - `demo`: a play in steps that are judged; `demo6`: the brief's six steps; `learning`: a map that
//!   is wrong,
//! - `chaos`: bad days, with a judge,
//! - [`alone`]: a network of one process's own, for benches,
//! - `sys`: every contact with the kernel; the only `unsafe`.
//!
//! ```text
//!             wan namespace: init, relay
//!        w0 ────────┬───────── w1 ──────── ...        packet sockets; hold, send on
//!        ║          │           ║
//!       eth0      relay        eth0                   a veth pair a host
//!   overwatch                traffic-eastus  ...      a network namespace a host
//! ```
//!
//! Needs no root, no `ip`, no `tc`, no Docker. Never touches the network of the machine itself,
//! and leaves nothing behind: everything lives in namespaces that end with their first process.

mod yaml;

mod random;

pub mod topology;

mod addresses;

pub mod plan;

mod files;

mod supervisor;

mod init;

mod host;

mod web;

mod relay;

mod exec;

mod http;

mod dns_client;

mod shim;

mod demo;

mod demo6;

mod learning;

mod chaos;

mod cli;

pub mod alone;

mod sys;

use std::io::Write;
use std::process::ExitCode;

/// Runs `opengslb lab ARGS...`; `args` begins behind the word `lab`.
///
/// Must be called while the process has one thread: it enters namespaces.
#[must_use]
pub fn main(args: &[String]) -> ExitCode {
    cli::main(args)
}

/// Runs a command of the lab's hosts if `argv0` is one's name, such as `/…/bin/generate-traffic`;
/// to be called first thing. `args` begins behind the name.
#[must_use]
pub fn shim(argv0: &str, args: &[String]) -> Option<ExitCode> {
    shim::run(argv0.rsplit('/').next().unwrap_or(argv0), args)
}

/// Writes a line to standard output; who does not read it any more is no reason to fail.
fn say(line: &str) {
    say_raw(format!("{line}\n").as_bytes());
}

fn say_raw(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Writes a line to standard error.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
