//! Many agents that report to one overwatch, each with a session of its own over TLS on loopback, and how
//! much of a processor the overwatch takes for them.
//!
//! They join one after another within one report interval, so that their reports are spread as those of
//! real agents are. In the interval behind it each tells all of its networks for the first time. What is
//! measured is the next one: every agent had connections from all of its networks; one of ten has another
//! time than before, the others were only seen again.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use runtime::clock::Clock;
use testkit::Random;

use super::node::closed;
use super::session::Session;
use super::{figure, networks};

/// All client networks that there are; an agent knows some of them.
const NETWORKS: u32 = 100_000;
/// One network of so many has moved.
const MOVED_OF: usize = 10;
/// Clock ticks a second in /proc (proc(5)).
const TICKS_PER_S: f64 = 100.0;
const LOOK: Duration = Duration::from_millis(5);

pub(super) fn run(
    port: u32,
    (agents, subnets): (u32, u32),
    interval_s: u32,
    pid: u32,
    directory: &Path,
) -> anyhow::Result<()> {
    let files = lab::alone::raise_file_limit()?;
    ensure!(
        files > u64::from(agents) + 64,
        "{agents} sessions need more open files than this system allows ({files}): raise it (ulimit -Hn)"
    );
    let overwatch = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port)?));
    let mut crowd = Crowd {
        networks: networks(NETWORKS),
        clock: Clock::start(),
        random: Random::new(0x2545_f491_4f6c_dd1d),
        sessions: Vec::new(),
        interval: Duration::from_secs(interval_s.into()),
    };
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(
        async {
            crowd.join(overwatch, agents, subnets, directory).await?;
            for name in ["many_first", "many"] {
                let (began, before) = (Instant::now(), used_s(pid)?);
                let told = crowd.told();
                crowd.live(began + crowd.interval).await?;
                let (took, used) = (began.elapsed().as_secs_f64(), used_s(pid)? - before);
                let (reports, rows) = crowd.told();
                figure(&format!("{name}_share"), used / took);
                figure(&format!("{name}_reports"), (reports - told.0) as f64 / f64::from(agents));
                figure(&format!("{name}_rows_per_s"), (rows - told.1) as f64 / took);
            }
            crowd.check()?;
            figure("many_waited_s", crowd.waited().as_secs_f64());
            anyhow::Ok(())
        },
    )
}

/// One agent and its networks.
struct Member {
    session: Session,
    networks: Vec<u32>,
}

struct Crowd {
    networks: Vec<u32>,
    clock: Clock,
    random: Random,
    sessions: Vec<Member>,
    /// From one report to the next.
    interval: Duration,
}

impl Crowd {
    /// All of them, one after another.
    async fn join(
        &mut self,
        overwatch: SocketAddr,
        agents: u32,
        subnets: u32,
        directory: &Path,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        for number in 0..agents {
            let now = self.clock.now();
            let name = format!("agent-{number}");
            let mut session = Session::dial((&name, number + 16), overwatch, directory, now)?;
            session.report_every(self.interval, now)?;
            let known = (0..subnets)
                .filter_map(|_| self.networks.get(self.random.below(self.networks.len())).copied());
            let mut member = Member { session, networks: known.collect() };
            member.connect(&mut self.random);
            self.sessions.push(member);
            self.live(began + self.interval * (number + 1) / agents).await?;
        }
        Ok(())
    }

    /// Whether all sessions stand.
    fn check(&self) -> anyhow::Result<()> {
        let all = self.sessions.iter().all(|member| member.session.is_joined);
        ensure!(all, "not every agent has a session");
        Ok(())
    }

    /// Every agent does what is due, until then.
    async fn live(&mut self, until: Instant) -> anyhow::Result<()> {
        loop {
            let now = self.clock.now();
            for member in &mut self.sessions {
                let reports = member.session.reports;
                member.session.hear(now)?;
                if now >= member.session.agent.next_deadline() && member.session.is_joined {
                    member.session.handle(agent::Event::Tick, now)?;
                }
                if member.session.reports > reports && member.session.open.is_empty() {
                    member.connect(&mut self.random);
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }

    /// Reports and rows so far.
    fn told(&self) -> (u64, u64) {
        let of = |told: (u64, u64), member: &Member| {
            (told.0 + member.session.reports, told.1 + member.session.rows)
        };
        self.sessions.iter().fold((0, 0), of)
    }

    /// The longest that a report waited, or still waits.
    fn waited(&self) -> Duration {
        let of = |member: &Member| {
            let waits = member.session.sent.map_or(Duration::ZERO, |sent| sent.elapsed());
            member.session.waited.max(waits)
        };
        self.sessions.iter().map(of).max().unwrap_or_default()
    }
}

impl Member {
    /// What the next poll finds: every network had a connection.
    fn connect(&mut self, random: &mut Random) {
        let samples = self.networks.iter().map(|network| {
            let us = 5_000 + network.wrapping_mul(0x9e37_79b1) % 200_000;
            let moved = if random.below(MOVED_OF) == 0 { us / 2 } else { 0 };
            closed(network | 7, us + moved, random.next())
        });
        self.session.open = samples.collect();
    }
}

/// Seconds of processor that a process has had.
fn used_s(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("no process")?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| words.get(at).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((ticks(11) + ticks(12)) / TICKS_PER_S)
}
