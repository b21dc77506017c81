//! Connections that close, and how many of them the agent counted: with the product's own threads, its
//! queue and its agent, and no more of a receive buffer than a system of the measurement's choice gives.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use agent::{Agent, Effect, Event};
use anyhow::{Context as _, ensure};
use runtime::clock::Clock;
use runtime::collect::{Collected, Collector};
use tcpstat::Kernel;
use testkit::Random;
use tokio::sync::mpsc;

use super::{Other, PORT, figure};

/// As many messages wait for a real agent's loop.
const QUEUE: usize = 64;
/// How long the last events may take: the reader looks up twice a second.
const SETTLE: Duration = Duration::from_secs(5);
/// How long an event may be on its way when nothing else closes.
const REST: Duration = Duration::from_secs(1);
/// The number of this process's own server; those of the makers are smaller.
const LISTENER: u32 = 100;

pub(super) fn run(rate: u32, seconds: u32, buffer_bytes: u32) -> anyhow::Result<()> {
    super::alone()?;
    // As fast as can be: one for each of two processors.
    let makers = if rate == 0 { 0..2 } else { 0..1 };
    let mut makers: Vec<Other> = makers
        .map(|number| {
            let words = ["traffic".to_owned(), number.to_string(), rate.to_string()];
            Other::start(&[&words[..], &[seconds.to_string()]].concat())
        })
        .collect::<anyhow::Result<_>>()?;
    for maker in &mut makers {
        ensure!(maker.line()? == "ready", "no traffic");
    }
    let counting = Counting::start(i32::try_from(buffer_bytes)?)?;
    let heard = counting.hear()?;
    makers.iter_mut().try_for_each(Other::go)?;
    let (mut closes, mut took) = (0_u64, 0.0_f64);
    for maker in &mut makers {
        let line = maker.line()?;
        let (closed, s) = line.split_once(' ').with_context(|| line.clone())?;
        closes += closed.parse::<u64>()?;
        took = took.max(s.parse()?);
    }
    let made_per_s = closes as f64 / took;
    closes += heard;
    let (seen, lost, counted) = counting.end(closes)?;
    let name = if rate == 0 { "flood" } else { "closes" };
    figure(name, closes as f64);
    figure(&format!("{name}_per_s"), made_per_s);
    figure(&format!("{name}_seen"), seen as f64);
    figure(&format!("{name}_lost"), lost as f64);
    figure(&format!("{name}_counted"), counted as f64);
    Ok(())
}

/// The agent's threads.
struct Counting {
    collector: Arc<Collector>,
    agent: JoinHandle<Agent>,
}

impl Counting {
    fn start(buffer_bytes: i32) -> anyhow::Result<Self> {
        let (to, from) = mpsc::channel(QUEUE);
        let kernel = Kernel::with_receive_buffer(buffer_bytes);
        let collector = Arc::new(Collector::start(&kernel, BTreeSet::from([PORT]), to)?);
        let clock = Clock::start();
        let agent = super::node::agent(clock.now())?;
        let asked = Arc::downgrade(&collector);
        let agent = std::thread::spawn(move || handle(agent, from, clock, &asked));
        Ok(Self { collector, agent })
    }

    /// Closes connections until one is seen: the reader begins to listen in its own time. How many were.
    fn hear(&self) -> anyhow::Result<u64> {
        let address = SocketAddr::from((super::server(LISTENER), PORT));
        let listener = TcpListener::bind(address)?;
        let (mut random, began) = (Random::new(1), Instant::now());
        while self.collector.counters().events == 0 {
            ensure!(began.elapsed() < SETTLE, "no close is seen");
            let (client, accepted) = super::traffic::connect(&listener, address, &mut random)?;
            super::traffic::close(client, accepted)?;
            std::thread::sleep(Duration::from_millis(20));
        }
        // Those that were on their way come now.
        std::thread::sleep(REST);
        Ok(self.collector.counters().events)
    }

    /// Waits until all are accounted for, and not for long; how many were seen, lost, and counted.
    fn end(self, closes: u64) -> anyhow::Result<(u64, u64, u64)> {
        let began = Instant::now();
        let told = || {
            let counters = self.collector.counters();
            (counters.events, counters.lost)
        };
        while told().0 + told().1 < closes && began.elapsed() < SETTLE {
            std::thread::sleep(Duration::from_millis(20));
        }
        // What is too many would come now.
        std::thread::sleep(REST);
        let (seen, lost) = told();
        drop(self.collector);
        let agent = self.agent.join().ok().context("the agent's loop panicked")?;
        let counted = agent.learning().map_or(0, |(counters, _)| counters.admitted);
        Ok((seen, lost, counted))
    }
}

/// The agent's loop.
fn handle(
    mut agent: Agent,
    mut from: mpsc::Receiver<Collected>,
    clock: Clock,
    collector: &Weak<Collector>,
) -> Agent {
    while let Some(collected) = from.blocking_recv() {
        let event = match collected {
            Collected::Samples(samples) => Event::Samples(samples),
            Collected::DumpEnded => Event::PollEnded,
            Collected::DumpFailed => Event::PollFailed,
        };
        agent.handle(event, clock.now());
        if clock.now() >= agent.next_deadline() {
            for effect in agent.handle(Event::Tick, clock.now()) {
                if let (Effect::Poll, Some(collector)) = (effect, collector.upgrade()) {
                    collector.poll();
                }
            }
        }
    }
    agent
}
