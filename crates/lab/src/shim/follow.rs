//! `follow-dns RATE SECONDS`: a client of this host that knows nothing but the domain's name. It
//! asks the overwatch, keeps the answer for its TTL, and connects where that says.
//!
//! Prints a line whenever the answer leads elsewhere than before.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use domain::base::iana::Rtype;
use domain::rdata::AllRecordData;

use super::{Here, traffic};
use crate::dns_client::{self, Question};
use crate::sys::process;
use crate::topology::{Role, Topology};

/// Rates above this would need more than one thread a connection.
const RATE_MAX: u32 = 100;
/// More connections at once than this are not opened.
const OPEN_MAX: usize = 200;
/// An overwatch is at most a few hundred milliseconds away.
const TIMEOUT: Duration = Duration::from_secs(2);

const USAGE: &str = "usage: follow-dns RATE SECONDS";

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let [rate, seconds] = args else { bail!(USAGE) };
    let rate = rate.parse().ok().filter(|rate| (1..=RATE_MAX).contains(rate)).context(USAGE)?;
    let seconds = seconds.parse().ok().filter(|seconds| *seconds > 0).context(USAGE)?;
    let here = Here::find()?;
    process::catch_stop_signals()?;
    let client = here.host()?.ipv4().context("this host has no IPv4 address")?;
    let overwatch = here.topology.with_role(Role::Overwatch).next().context("no overwatch here")?;
    let question = Question {
        server: SocketAddr::new(overwatch.ipv4().context("the overwatch has no IPv4 address")?, 53),
        name: here.topology.domain.to_string(),
        kind: Rtype::A,
        subnet: None,
        tcp: false,
        timeout: TIMEOUT,
    };
    let follower = Follower { topology: &here.topology, client, question, tally: Arc::default() };
    follower.follow(rate, Duration::from_secs(seconds))?;
    let (done, failed) = follower.tally.counts();
    crate::say(&format!("{done} connections, {failed} failed"));
    Ok(if done > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Tally {
    open: AtomicUsize,
    done: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    fn counts(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

struct Follower<'a> {
    topology: &'a Topology,
    client: IpAddr,
    question: Question,
    tally: Arc<Tally>,
}

impl Follower<'_> {
    fn follow(&self, rate: u32, length: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        let (mut server, mut until) = (None, began);
        for turn in 0u32.. {
            let due = began + Duration::from_secs(1) * turn / rate;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if process::stop_requested() || due >= began + length {
                break;
            }
            if Instant::now() >= until {
                let (answer, ttl) = self.ask()?;
                until = Instant::now() + ttl;
                if server.replace(answer) != Some(answer) {
                    self.tell(began.elapsed(), answer);
                }
            }
            if let Some(server) = server {
                self.connect(server);
            }
        }
        while self.tally.open.load(Ordering::Relaxed) > 0 && !process::stop_requested() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The server to go to, and for how long.
    fn ask(&self) -> anyhow::Result<(IpAddr, Duration)> {
        let answer = dns_client::ask(&self.question)?;
        for record in answer.message.answer()?.limit_to::<AllRecordData<_, _>>() {
            let record = record?;
            if let AllRecordData::A(a) = record.data() {
                let ttl_s = record.ttl().as_secs().into();
                return Ok((a.addr().into(), Duration::from_secs(ttl_s)));
            }
        }
        bail!("{} has no address", self.question.name)
    }

    fn connect(&self, server: IpAddr) {
        let (client, tally) = (self.client, Arc::clone(&self.tally));
        if tally.open.load(Ordering::Relaxed) >= OPEN_MAX {
            tally.failed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        tally.open.fetch_add(1, Ordering::Relaxed);
        std::thread::spawn(move || {
            let worked = traffic::connect(client, server).is_ok();
            let counter = if worked { &tally.done } else { &tally.failed };
            counter.fetch_add(1, Ordering::Relaxed);
            tally.open.fetch_sub(1, Ordering::Relaxed);
        });
    }

    fn tell(&self, elapsed: Duration, server: IpAddr) {
        let host = self.topology.hosts.iter().find(|host| host.addresses.contains(&server));
        let site = host.and_then(|host| self.topology.sites.get(host.site));
        let site = site.map_or("nowhere", |site| site.title.as_str());
        crate::say(&format!("{:>4} s  {server} in {site}", elapsed.as_secs()));
    }
}
