//! `make-connections HOST COUNT [AT_ONCE]`: exactly so many connections to one backend, each with
//! one GET, one after another or several at once.
//!
//! For counting: what was opened here must be what the agent there has seen.

use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::{Here, traffic};
use crate::sys::process;

/// More at once would need more than a thread each.
const AT_ONCE_MAX: u64 = 1000;

const USAGE: &str = "usage: make-connections HOST COUNT [AT_ONCE]";

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (name, count, at_once) = match args {
        [name, count] => (name, count, "1"),
        [name, count, at_once] => (name, count, at_once.as_str()),
        _ => bail!(USAGE),
    };
    let count: u64 = count.parse().context(USAGE)?;
    let at_once = at_once.parse().ok().filter(|n| (1..=AT_ONCE_MAX).contains(n)).context(USAGE)?;
    let here = Here::find()?;
    process::raise_file_limit()?;
    let (_, server) = here.topology.host(name).with_context(|| format!("no host {name:?}"))?;
    let server = *server.addresses.first().context("the host has no address")?;
    let clients = here.host()?.addresses.iter().copied();
    let client = clients.into_iter().find(|client| client.is_ipv4() == server.is_ipv4());
    let tally = make(client.context("no address of the server's family")?, server, count, at_once);
    let failed = tally.failed.into_inner();
    crate::say(&format!(
        "{} connections, {failed} failed, the longest took {:.1} ms",
        count - failed,
        Duration::from_micros(tally.longest_us.into_inner()).as_secs_f64() * 1000.0
    ));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Tally {
    taken: AtomicU64,
    failed: AtomicU64,
    longest_us: AtomicU64,
}

/// `at_once` threads take connections from the count until none is left.
fn make(client: IpAddr, server: IpAddr, count: u64, at_once: u64) -> Tally {
    let tally = Tally::default();
    let work = || {
        while tally.taken.fetch_add(1, Ordering::Relaxed) < count {
            let began = Instant::now();
            if traffic::connect(client, server).is_err() {
                tally.failed.fetch_add(1, Ordering::Relaxed);
            }
            let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            tally.longest_us.fetch_max(took, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(work);
        }
    });
    tally
}
