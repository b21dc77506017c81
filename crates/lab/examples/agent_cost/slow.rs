//! An overwatch that reads next to nothing, and an agent that goes on learning meanwhile: it must hold one
//! report that awaits its acknowledgement, and not grow. Afterwards the overwatch must get what is true by
//! then, and nothing of what was true in between.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use model::Time;
use runtime::clock::Clock;

use super::node::closed;
use super::relay::Relay;
use super::session::Session;
use super::{figure, networks, resident_kib};

/// From one publication to the next.
const INTERVAL_MS: u64 = 30_000;
/// Publications in which every network has moved, while the overwatch is slow: an hour.
const PUBLICATIONS: u32 = 120;

pub(super) fn run(port: u32, subnets: u32, directory: &Path) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure(port, subnets, directory))
}

async fn measure(port: u32, subnets: u32, directory: &Path) -> anyhow::Result<()> {
    let overwatch = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port)?));
    let relay = Relay::start(overwatch).await?;
    let mut now = Clock::start().now().minus_ms(u64::from(PUBLICATIONS + 10) * INTERVAL_MS);
    let mut session = Session::dial(("agent-slow", 1), relay.address, directory, now)?;
    session.until(now, |session| session.is_joined).await?;
    let networks = networks(subnets);
    // What is allocated once is.
    for turn in 0..4 {
        learn(&mut session, &networks, turn, &mut now).await?;
        session.until(now, |session| session.sent.is_none()).await?;
    }
    let (before_kib, reports, rows) = (resident_kib()?, session.reports, session.rows);
    relay.set_slow(true);
    for turn in 0..PUBLICATIONS {
        learn(&mut session, &networks, turn, &mut now).await?;
    }
    let (pending, growth_kib) = (session.reports - reports, resident_kib()? - before_kib);
    ensure!(session.sent.is_some(), "the overwatch was not slow");
    relay.set_slow(false);
    session.until(now, |session| session.sent.is_none()).await?;
    figure("slow_reports", pending as f64);
    figure("slow_growth_mib", growth_kib / 1024.0);
    figure("slow_rows_told", (session.rows - rows) as f64 / f64::from(subnets));
    Ok(())
}

/// Every network has connections, and another time than before; then a publication is due.
async fn learn(
    session: &mut Session,
    networks: &[u32],
    turn: u32,
    now: &mut Time,
) -> anyhow::Result<()> {
    let us = if turn.is_multiple_of(2) { 20_000 } else { 80_000 };
    let samples = networks.iter().map(|network| closed(network | 7, us, u64::from(*network)));
    session.open = samples.collect();
    *now = now.plus_ms(INTERVAL_MS);
    session.handle(agent::Event::Tick, *now)?;
    // What is to be sent is sent.
    tokio::time::sleep(Duration::from_millis(10)).await;
    session.hear(*now)
}
