//! Checks many targets for a while and says what it took: what `cargo xtask bench health` measures.
//!
//! `check_targets PORTS TARGETS INTERVAL_MS SECONDS tcp|http|bare-tcp|bare-http`, where PORTS is
//! `first-last`; all of them on 127.0.0.1. The targets are spread over the ports. `bare-*` is the
//! limit: the same exchanges one after another by plain system calls, without a schedule, a timeout
//! or a judgement. One line comes out: checks, passed, late, mean lateness in ms, seconds of user
//! and system time, KiB of memory.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use health::{CheckKind, CheckSpec, HttpCheck, Outcome};
use runtime::clock::Clock;
use runtime::probe::{Checker, ProbeLimits, ProbeTarget, Prober};
use tokio::sync::mpsc;

/// Clock ticks a second in /proc (proc(5)).
const TICKS_PER_S: f64 = 100.0;

struct Options {
    ports: std::ops::RangeInclusive<u16>,
    targets: u32,
    interval: Duration,
    lasting: Duration,
}

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [ports, targets, interval_ms, seconds, kind] = words.as_slice() else {
        bail!("check_targets PORTS TARGETS INTERVAL_MS SECONDS tcp|http|bare-tcp|bare-http");
    };
    let (first, last) = ports.split_once('-').context("ports are first-last")?;
    let options = Options {
        ports: first.parse()?..=last.parse()?,
        targets: targets.parse()?,
        interval: Duration::from_millis(interval_ms.parse()?),
        lasting: Duration::from_secs(seconds.parse()?),
    };
    let http = HttpCheck {
        path: "/health".to_owned(),
        host: None,
        server_name: None,
        status: "200-299".parse()?,
        body: None,
    };
    match kind.as_str() {
        "tcp" => checked(&options, &CheckKind::Tcp),
        "http" => checked(&options, &CheckKind::Http(http)),
        "bare-tcp" => bare(&options, false),
        "bare-http" => bare(&options, true),
        _ => bail!("no such kind: {kind}"),
    }
}

/// The address of a target.
fn address(options: &Options, target: u32) -> SocketAddr {
    let ports = options.ports.len().max(1) as u32;
    // Below the number of ports, so it fits.
    let nth = u16::try_from(target % ports).unwrap_or(0);
    (Ipv4Addr::LOCALHOST, options.ports.start().saturating_add(nth)).into()
}

/// What the product does.
fn checked(options: &Options, kind: &CheckKind) -> anyhow::Result<()> {
    let limits = ProbeLimits { targets_max: options.targets as usize, in_flight_max: 512 };
    let spec = CheckSpec {
        kind: kind.clone(),
        interval_ms: u64::try_from(options.interval.as_millis())?,
        timeout_ms: 5_000,
        failure_threshold: 3,
        success_threshold: 2,
    };
    let (to_results, mut results) = mpsc::channel(4_096);
    let prober = Prober::start(Checker::new()?, limits, Clock::start(), to_results)?;
    let targets: BTreeMap<u32, ProbeTarget> = (0..options.targets)
        .map(|key| (key, ProbeTarget { address: address(options, key), spec: spec.clone() }))
        .collect();
    prober.set_targets(targets)?;
    // The first checks come in a burst, and the second between half an interval and one and a half.
    let settled = Instant::now() + options.interval * 2;
    let mut passed = 0u64;
    while Instant::now() < settled {
        results.blocking_recv().context("the prober ended")?;
    }
    let (before, began) = (prober.counters(), used()?);
    let end = Instant::now() + options.lasting;
    let mut checks = 0u64;
    while Instant::now() < end {
        let result = results.blocking_recv().context("the prober ended")?;
        checks += 1;
        passed += u64::from(matches!(result.report.outcome, Outcome::Pass { .. }));
    }
    let (after, ended) = (prober.counters(), used()?);
    let lateness_ms = (after.lateness_ms - before.lateness_ms) as f64 / checks.max(1) as f64;
    report((checks, passed), (after.late - before.late, lateness_ms), (began, ended))
}

/// The limit: nothing but the exchanges, as many a second as the targets would have.
fn bare(options: &Options, is_http: bool) -> anyhow::Result<()> {
    let pause = options.interval / options.targets.max(1);
    let (began, start) = (used()?, Instant::now());
    let (mut checks, mut passed, mut buffer) = (0u32, 0u64, [0u8; 1_024]);
    while start.elapsed() < options.lasting {
        let mut stream = TcpStream::connect(address(options, checks))?;
        if is_http {
            stream.write_all(
                b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
            )?;
            passed += u64::from(stream.read(&mut buffer)? > 0);
        } else {
            passed += 1;
        }
        drop(stream);
        checks += 1;
        let due = start + pause * checks;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    report((checks.into(), passed), (0, 0.0), (began, used()?))
}

fn report(
    (checks, passed): (u64, u64),
    (late, lateness_ms): (u64, f64),
    (began, ended): ([f64; 2], [f64; 2]),
) -> anyhow::Result<()> {
    let (user, system) = (ended[0] - began[0], ended[1] - began[1]);
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let rss = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{checks} {passed} {late} {lateness_ms:.2} {user:.2} {system:.2} {rss}")?;
    Ok(())
}

/// Seconds of user and system time so far.
fn used() -> anyhow::Result<[f64; 2]> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(") ").context("no name in /proc/self/stat")?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let seconds = |at: usize| -> anyhow::Result<f64> {
        Ok(words.get(at).context("a short /proc/self/stat")?.parse::<f64>()? / TICKS_PER_S)
    };
    Ok([seconds(11)?, seconds(12)?])
}
