//! Fills a running overwatch's table for a bench: three agents, one for each region, that report
//! every network of a list over the mesh, as agents do.
//!
//! `learned_table OVERWATCH NETWORKS DIRECTORY`: the overwatch's `host:port`; a file of IPv4 /24s,
//! four bytes each, ascending; where the agents' keys may be kept. Prints `learned` once all is
//! acknowledged, and holds the sessions until its input ends. The secrets are those of the bench's
//! own overwatch. Never reads the kernel: the times are made up, and the same in every run.

#![expect(clippy::print_stdout, reason = "the bench waits for a line")]

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context as _, bail};
use latency::{PortReport, Report, ReportRow};
use mesh::{
    AgentHandshake, AgentIdentity, BackendOffer, DialStep, Frame, MeshKeys, Registration,
    TokenSecret,
};
use model::{BackendKey, Rtt, Subnet, Time};
use runtime::clock::Clock;
use runtime::mesh::client::{ClientLimits, dial};
use runtime::mesh::{Connection, Event, Identity, IdentityFiles};
use tokio::sync::mpsc;

/// The regions with the address of their one server; the bench's configuration has the same.
const REGIONS: [(&str, [u8; 4]); 3] =
    [("eu-west", [10, 2, 1, 10]), ("us-east", [10, 2, 1, 11]), ("ap-southeast", [10, 2, 1, 12])];
const SERVICE: &str = "app.demo.local";
const PORT: u16 = 80;
/// As in the bench's configuration.
const TOKEN: &str = "a-token-for-the-bench-only";
const MESH_KEY: [u8; 32] = [0; 32];
/// Rows of one report, as agents send them.
const REPORT_ROWS: usize = 4096;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [overwatch, networks, directory] = arguments.as_slice() else {
        bail!("usage: learned_table OVERWATCH NETWORKS DIRECTORY");
    };
    let bytes = std::fs::read(networks).with_context(|| networks.clone())?;
    let networks: Vec<Subnet> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| Subnet::of(Ipv4Addr::from(*bytes).into(), 24))
        .collect();
    let clock = Clock::start();
    let mut reporting = Vec::new();
    for place in 0..REGIONS.len() {
        let agent = Agent::start(overwatch, Path::new(directory), place, clock).await?;
        reporting.push(agent.report(&networks).await?);
    }
    println!("learned");
    // The agents live while somebody holds our input open.
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    ended.await??;
    drop(reporting);
    Ok(())
}

/// One agent's session.
struct Agent {
    place: usize,
    now: Time,
    connection: Connection,
    events: mpsc::Receiver<Event>,
    _client: runtime::mesh::Client,
}

impl Agent {
    /// Joins and registers its server.
    async fn start(
        overwatch: &str,
        directory: &Path,
        place: usize,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let (region, address) = REGIONS[place];
        let name = format!("agent-{region}");
        let (certificate, key) =
            (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")));
        let (identity, _) = Identity::load_or_create(&IdentityFiles { certificate, key }, &name)?;
        let (to_events, mut events) = mpsc::channel(64);
        let client = dial(overwatch.to_owned(), &identity, ClientLimits::STANDARD, to_events)?;
        let now = clock.now();
        let Some(Event::Opened { connection, peer, .. }) = events.recv().await else {
            bail!("{name} finds no overwatch at {overwatch}");
        };
        let identity = AgentIdentity {
            agent_id: name.parse()?,
            epoch: now.unix_ms(),
            service: SERVICE.parse()?,
            region: region.parse()?,
            keys: MeshKeys::new([MESH_KEY])?,
            tokens: vec![TokenSecret::new(TOKEN.to_owned())],
        };
        let (mut handshake, hello) = AgentHandshake::start(identity, peer, None)?;
        connection.send(hello);
        let mut agent = Self { place, now, connection, events, _client: client };
        while let DialStep::Prove { send, .. } = handshake.on_frame(agent.next().await?)? {
            agent.connection.send(send);
        }
        let key = BackendKey { service: SERVICE.parse()?, address: address.into(), port: PORT };
        let backend =
            BackendOffer { key, listen_port: PORT, weight: 100, check: None, healthy: true };
        agent.connection.send(Frame::Registration(Registration {
            region: region.parse()?,
            backends: vec![backend],
            // The bench is over long before the first is due.
            heartbeat_ms: 3_600_000,
            missed_threshold: 3,
            subnet_ttl_ms: 86_400_000,
        }));
        Ok(agent)
    }

    /// Reports all networks, a chunk after the other is acknowledged.
    async fn report(mut self, networks: &[Subnet]) -> anyhow::Result<Self> {
        let mut through = 0;
        for chunk in networks.chunks(REPORT_ROWS) {
            let rows = chunk.iter().map(|subnet| self.row(*subnet));
            let rows = rows.collect::<anyhow::Result<Vec<ReportRow>>>()?;
            let after = through;
            through += chunk.len() as u64;
            let ports = vec![PortReport { port: PORT, rows, refreshed: Vec::new() }];
            let report = Report { after, through, ports };
            self.connection.send(Frame::Report { epoch: self.now.unix_ms(), report });
            loop {
                match self.next().await? {
                    Frame::Ack(position) if position.sequence == through => break,
                    Frame::Refused(refusal) => bail!("the overwatch refuses: {refusal}"),
                    _ => {}
                }
            }
        }
        Ok(self)
    }

    /// A time from 5 to 204 ms by network and region: every network has its own order of regions,
    /// so that no two neighbours fall into one.
    fn row(&self, subnet: Subnet) -> anyhow::Result<ReportRow> {
        let seed = match subnet.address() {
            std::net::IpAddr::V4(address) => u64::from(address.to_bits()),
            std::net::IpAddr::V6(address) => u64::from(address.segments()[0]),
        };
        let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (self.place as u64) << 40;
        let mixed = (mixed ^ mixed >> 31).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let rtt = Rtt::from_us(5_000 + (mixed >> 40) % 200 * 1_000)?;
        Ok(ReportRow {
            subnet,
            rtt_us: rtt,
            deviation_us: 500,
            min_rtt: rtt,
            samples: 100,
            observed_at: self.now,
        })
    }

    async fn next(&mut self) -> anyhow::Result<Frame> {
        loop {
            match self.events.recv().await {
                Some(Event::Frame { frame, .. }) => return Ok(frame),
                Some(Event::Closed { reason, .. }) => bail!("the session was closed: {reason}"),
                Some(_) => {}
                None => bail!("nobody dials any more"),
            }
        }
    }
}
