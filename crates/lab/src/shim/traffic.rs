//! `generate-traffic RATE SECONDS`: clients of this host's networks that open connections to every
//! backend.
//!
//! Each connection is a new one with a single GET. Clients take turns, and so do IPv4 and IPv6.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::Here;
use crate::cli::aligned;
use crate::http::{self, Url};
use crate::sys::{process, tcp_info};
use crate::topology::{Host, Role, Topology};

/// How many clients of each network take turns.
const CLIENTS: u32 = 8;
/// More connections at once than this are not opened; they count as failed.
const OPEN_MAX: usize = 1000;
/// Rates above this would need more than one thread a connection.
const RATE_MAX: u32 = 2000;
/// A connection that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often progress is shown: in place on a terminal, line by line elsewhere.
const PROGRESS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// A connection's thread only sends one request.
const STACK_BYTES: usize = 96 * 1024;

/// What happened with one backend address.
#[derive(Clone, Copy, Default)]
struct Tally {
    done: u64,
    failed: u64,
    min_rtt_us: Option<u32>,
}

type Tallies = Arc<Mutex<BTreeMap<IpAddr, Tally>>>;

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let usage = "usage: generate-traffic RATE SECONDS";
    let [rate, seconds] = args else { bail!("{usage}") };
    let rate: u32 = rate.parse().ok().filter(|r| (1..=RATE_MAX).contains(r)).context(usage)?;
    let seconds: u64 = seconds.parse().ok().filter(|s| *s > 0).context(usage)?;
    let here = Here::find()?;
    process::catch_stop_signals()?;
    process::raise_file_limit()?;
    let routes = routes(&here.topology, here.host()?);
    if routes.is_empty() {
        bail!("there is no backend to connect to");
    }
    crate::say(&format!(
        "{rate} connections per second to each of {} backends for {seconds} s, from {}",
        routes.len(),
        here.host
    ));
    let tallies = generate(&routes, rate, Duration::from_secs(seconds));
    let tallies = tallies.lock().unwrap_or_else(PoisonError::into_inner);
    summarise(&here.topology, &tallies);
    let worked = tallies.values().any(|tally| tally.done > 0);
    Ok(if worked { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One backend: the client and server address of each connection in turn.
struct Route(Vec<(IpAddr, IpAddr)>);

fn routes(topology: &Topology, from: &Host) -> Vec<Route> {
    let clients = clients_of(from);
    let route = |backend: &Host| {
        let mut turns = Vec::new();
        for turn in 0..CLIENTS as usize {
            for server in &backend.addresses {
                let same: Vec<_> =
                    clients.iter().filter(|c| c.is_ipv4() == server.is_ipv4()).collect();
                let client = turn.checked_rem(same.len()).and_then(|turn| same.get(turn));
                turns.extend(client.map(|client| (**client, *server)));
            }
        }
        Route(turns)
    };
    topology.with_role(Role::Backend).map(route).filter(|route| !route.0.is_empty()).collect()
}

/// The host's own addresses and some of each of its networks.
pub(super) fn clients_of(host: &Host) -> Vec<IpAddr> {
    let mut clients = host.addresses.clone();
    for network in &host.networks {
        for number in 100..100 + CLIENTS {
            clients.push(match network.address() {
                IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() | number).into(),
                IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() | u128::from(number)).into(),
            });
        }
    }
    clients.retain(|client| {
        host.addresses.contains(client) || host.networks.iter().any(|net| net.contains(*client))
    });
    clients
}

fn generate(routes: &[Route], rate: u32, length: Duration) -> Tallies {
    let (tallies, open) = (Tallies::default(), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let terminal = std::io::stdout().is_terminal();
    let every = if terminal { PROGRESS.0 } else { PROGRESS.1 };
    let mut shown = began;
    for turn in 0u32.. {
        let due = began + Duration::from_secs(1) * turn / rate;
        while Instant::now() < due && !process::stop_requested() {
            let left = due.saturating_duration_since(Instant::now());
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
        if process::stop_requested() || due >= began + length {
            break;
        }
        for route in routes {
            open_one(route, turn as usize, &tallies, &open);
        }
        if shown.elapsed() >= every {
            shown = Instant::now();
            progress(began.elapsed(), &tallies, terminal);
        }
    }
    let until = Instant::now() + TIMEOUT;
    while open.load(Ordering::Relaxed) > 0 && Instant::now() < until && !process::stop_requested() {
        std::thread::sleep(Duration::from_millis(10));
    }
    progress(began.elapsed(), &tallies, terminal);
    if terminal {
        crate::say("");
    }
    tallies
}

fn open_one(route: &Route, turn: usize, tallies: &Tallies, open: &Arc<AtomicUsize>) {
    let place = turn.checked_rem(route.0.len()).unwrap_or(0);
    let Some(&(client, server)) = route.0.get(place) else { return };
    if open.load(Ordering::Relaxed) >= OPEN_MAX {
        return count(tallies, server, None);
    }
    open.fetch_add(1, Ordering::Relaxed);
    let (counted, finished) = (Arc::clone(tallies), Arc::clone(open));
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        count(&counted, server, connect(client, server).ok());
        finished.fetch_sub(1, Ordering::Relaxed);
    });
    if thread.is_err() {
        open.fetch_sub(1, Ordering::Relaxed);
        count(tallies, server, None);
    }
}

/// One connection with one GET; what its kernel measured.
pub(super) fn connect(client: IpAddr, server: IpAddr) -> anyhow::Result<Option<u32>> {
    let stream = tcp_info::connect_from(client, SocketAddr::new(server, 80), TIMEOUT)?;
    let host = server.to_string();
    let response = http::exchange(&stream, &Url { host: &host, port: 80, path: "/" })?;
    if response.status != 200 {
        bail!("status {}", response.status);
    }
    Ok(tcp_info::min_rtt_us(&stream)?)
}

fn count(tallies: &Tallies, server: IpAddr, rtt: Option<Option<u32>>) {
    let mut tallies = tallies.lock().unwrap_or_else(PoisonError::into_inner);
    let tally = tallies.entry(server).or_default();
    match rtt {
        Some(rtt) => {
            tally.done += 1;
            tally.min_rtt_us = tally.min_rtt_us.into_iter().chain(rtt).min();
        }
        None => tally.failed += 1,
    }
}

fn progress(elapsed: Duration, tallies: &Tallies, terminal: bool) {
    let tallies = tallies.lock().unwrap_or_else(PoisonError::into_inner);
    let done: u64 = tallies.values().map(|tally| tally.done).sum();
    let failed: u64 = tallies.values().map(|tally| tally.failed).sum();
    let text = format!("{:>4} s  {done} connections, {failed} failed", elapsed.as_secs());
    if terminal {
        crate::say_raw(format!("\r{text}\x1b[K").as_bytes());
    } else {
        crate::say(&text);
    }
}

fn summarise(topology: &Topology, tallies: &BTreeMap<IpAddr, Tally>) {
    let mut rows = vec![["BACKEND", "ADDRESS", "CONNECTIONS", "FAILED", "RTT"].map(str::to_owned)];
    for (address, tally) in tallies {
        let host = topology.hosts.iter().find(|host| host.addresses.contains(address));
        rows.push([
            host.map_or_else(String::new, |host| host.name.clone()),
            address.to_string(),
            tally.done.to_string(),
            tally.failed.to_string(),
            tally.min_rtt_us.map_or("-".into(), |us| format!("{:.1} ms", f64::from(us) / 1000.0)),
        ]);
    }
    for line in aligned(&rows) {
        crate::say(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::DEMO6;

    #[test]
    fn clients_lie_in_the_hosts_networks_and_match_the_servers_family() {
        let topology: Topology = DEMO6.parse().unwrap();
        let (_, host) = topology.host("traffic-eastus").unwrap();
        let routes = routes(&topology, host);
        assert_eq!(routes.len(), 3);
        for (client, server) in routes.iter().flat_map(|route| &route.0) {
            assert_eq!(client.is_ipv4(), server.is_ipv4());
            assert!(host.networks.iter().any(|network| network.contains(*client)), "{client}");
        }
        let v4 = clients_of(host).iter().filter(|client| client.is_ipv4()).count();
        assert_eq!(v4, 9);
    }
}
