//! What a client network that changed takes on the wire, with all that TLS adds.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::ensure;
use model::Sample;
use runtime::clock::Clock;
use testkit::Random;

use super::figure;
use super::node::closed;
use super::relay::Relay;
use super::session::Session;

/// From one publication to the next, of which there are two for each visit of all networks.
const INTERVAL_MS: u64 = 30_000;
const TICKS: u64 = 4;
const VISITS: u64 = 3;

pub(super) fn run(port: u32, subnets: u32, directory: &Path) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure(port, subnets, directory))
}

async fn measure(port: u32, subnets: u32, directory: &Path) -> anyhow::Result<()> {
    let overwatch = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port)?));
    let relay = Relay::start(overwatch).await?;
    // Its clock goes fast, and is right in the end.
    let mut now = Clock::start().now().minus_ms(VISITS * TICKS * INTERVAL_MS / 2);
    let mut session = Session::dial(("agent-wire", 0), relay.address, directory, now)?;
    session.until(now, |session| session.is_joined).await?;
    let mut random = Random::new(0x1357_9bdf_0246_8ace);
    let networks = anywhere(subnets, &mut random);
    for visit in 0..VISITS {
        let (bytes, rows) = (relay.to_overwatch(), session.rows);
        // Two polls, and the publication behind them.
        for poll in 0..TICKS {
            if poll < 2 {
                session.open = connections(&networks, (visit, poll), &mut random);
            }
            now = now.plus_ms(INTERVAL_MS / 2);
            session.handle(agent::Event::Tick, now)?;
            session.until(now, |session| session.sent.is_none()).await?;
        }
        let told = session.rows - rows;
        ensure!(told == u64::from(subnets), "{told} rows of {subnets} were told");
        let each = (relay.to_overwatch() - bytes) as f64 / told as f64;
        figure(if visit == 0 { "wire_new_bytes" } else { "wire_changed_bytes" }, each);
    }
    Ok(())
}

/// So many /24s of all that clients can have.
fn anywhere(count: u32, random: &mut Random) -> Vec<u32> {
    let mut drawn = BTreeSet::new();
    while drawn.len() < count as usize {
        let [a, b, c, ..] = random.next().to_be_bytes();
        if (1..224).contains(&a) && a != 127 {
            drawn.insert(u32::from_be_bytes([a, b, c, 0]));
        }
    }
    drawn.into_iter().collect()
}

/// One to eight connections from each network that is seen in a poll: half of them in the first, all in the
/// second. No two take the same time, and each visit finds the way longer or shorter.
fn connections(networks: &[u32], (visit, poll): (u64, u64), random: &mut Random) -> Vec<Sample> {
    let mut samples = Vec::new();
    for network in networks {
        if poll == 0 && random.below(2) == 0 {
            continue;
        }
        let way_us = 5_000 + network.wrapping_mul(0x9e37_79b1) % 200_000;
        let way_us = if visit.is_multiple_of(2) { way_us } else { way_us + way_us / 4 };
        for _ in 0..=random.below(8) {
            let late_us = u32::try_from(random.below(way_us as usize / 8)).unwrap_or(0);
            samples.push(closed(network | 7, way_us + late_us, random.next()));
        }
    }
    samples
}
