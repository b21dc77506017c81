//! The agent that is measured: the product's own value, with the settings that nobody has changed, and
//! what stands in for an overwatch at the other end of its sessions.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use agent::{Agent, Effect, Event, Offer, Settings};
use anyhow::{Context as _, bail};
use health::HeartbeatTerms;
use latency::{Averaging, LearningSettings, Position, RttSource};
use mesh::{
    Exporter, Frame, KeyHash, MeshKeys, OverwatchHandshake, OverwatchIdentity, OverwatchStep, Peer,
    Token, TokenSecret, Tokens, Welcome,
};
use model::{Backend, BackendKey, Region, Sample, SocketState, SubnetWidths, Time};

use super::PORT;

const SERVICE: &str = "app.demo.local";
const AGENT: &str = "agent";
const OVERWATCH: &str = "overwatch";
/// The bench's configuration of an overwatch has the same: so many regions, `region-0` and on, and the
/// agents' servers in 10.0.0.0/8.
const REGIONS: u32 = 8;
const BACKENDS: u32 = 10 << 24 | 1 << 16;

/// An agent that starts now.
pub(super) fn agent(now: Time) -> anyhow::Result<Agent> {
    Ok(Agent::new(settings(AGENT, 0)?, [], now))
}

/// The settings of the agent of this name and number, which say nothing but what they must.
pub(super) fn settings(name: &str, number: u32) -> anyhow::Result<Settings> {
    let region: Region = format!("region-{}", number % REGIONS).parse()?;
    let address = Ipv4Addr::from_bits(BACKENDS + number).into();
    let key = BackendKey { service: SERVICE.parse()?, address, port: PORT };
    let backend = Backend { key, region: region.clone(), weight: 100 };
    Ok(Settings {
        agent_id: name.parse()?,
        region,
        token: secret(),
        keys: MeshKeys::new([[0; 32]])?,
        offers: vec![Offer { backend, listen_port: PORT, check: None }],
        heartbeat: HeartbeatTerms { interval_ms: 10_000, missed_threshold: 3 },
        learning: Some(LearningSettings {
            poll_interval_ms: 10_000,
            min_connection_age_ms: 5_000,
            widths: SubnetWidths { ipv4: 24, ipv6: 48 },
            ewma_alpha: 0.3,
            averaging: Averaging::Ewma,
            max_subnets: 100_000,
            subnet_ttl_ms: 7 * 86_400_000,
            min_samples: 1,
            report_interval_ms: 30_000,
            rtt_source: RttSource::Min,
            exclude: Vec::new(),
        }),
        predictive: None,
    })
}

fn secret() -> TokenSecret {
    TokenSecret::new("a-token-for-the-bench-only".to_owned())
}

/// A connection that closed, and took so long.
pub(super) fn closed(client: u32, us: u32, cookie: u64) -> Sample {
    Sample {
        client: IpAddr::V4(Ipv4Addr::from_bits(client)),
        local: SocketAddr::new(Ipv4Addr::new(10, 2, 1, 10).into(), PORT),
        smoothed_rtt_us: us + us / 8,
        rtt_deviation_us: us / 16,
        min_rtt_us: Some(us),
        bytes_acked: 1_000,
        data_segments_out: Some(1),
        cookie,
        state: SocketState::Closed,
    }
}

/// What became of the reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) reports: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// The other end of an agent's sessions: takes every report, as fast as it comes.
pub(super) struct Overwatches {
    pub(super) told: Told,
    /// The bytes of the last frame; as at a connection, its memory is used again.
    bytes: Vec<u8>,
}

impl Overwatches {
    pub(super) const fn new() -> Self {
        Self { told: Told { reports: 0, rows: 0, bytes: 0 }, bytes: Vec::new() }
    }

    /// One more overwatch, which knows nothing yet: hears all that the agent knows.
    pub(super) fn join(&mut self, agent: &mut Agent, link: u64, now: Time) -> anyhow::Result<()> {
        let token = Token {
            service: SERVICE.parse()?,
            secret: secret(),
            regions: Vec::new(),
            networks: Vec::new(),
        };
        let identity = OverwatchIdentity {
            overwatch_id: OVERWATCH.parse()?,
            keys: MeshKeys::new([[0; 32]])?,
            tokens: Tokens::new(vec![token])?,
        };
        // Each has its own key, or they would be one.
        let key = u8::try_from(link)?.saturating_add(2);
        let mut handshake = OverwatchHandshake::new(peer(AGENT, 1, key));
        let (dialled, peer) = (format!("overwatch-{link}:7946"), peer(OVERWATCH, key, 1));
        let mut effects =
            agent.handle(Event::LinkOpened { link, dialled, peer, pinned: None }, now);
        loop {
            let sent = effects.into_iter().find_map(|effect| match effect {
                Effect::Send { frame, .. } => Some(frame),
                _ => None,
            });
            let frame = match handshake.on_frame(sent.context("the agent says nothing")?, &identity)
            {
                Ok(OverwatchStep::Send(frame)) => frame,
                Ok(OverwatchStep::Proven(_)) => break,
                other => bail!("{other:?}"),
            };
            effects = agent.handle(Event::FrameReceived { link, frame }, now);
        }
        let welcome = Welcome { resume: None, exclude: Vec::new(), peers: Vec::new() };
        let effects =
            agent.handle(Event::FrameReceived { link, frame: Frame::Welcome(welcome) }, now);
        self.follow(agent, effects, now)
    }

    /// Takes what the agent says, until it says no more; a poll finds nothing.
    pub(super) fn follow(
        &mut self,
        agent: &mut Agent,
        effects: Vec<Effect>,
        now: Time,
    ) -> anyhow::Result<()> {
        let mut events: Vec<Event> = Vec::new();
        let mut effects = effects;
        loop {
            for effect in effects {
                match effect {
                    Effect::Poll => events.push(Event::PollEnded),
                    Effect::Send { link, frame } => events.extend(self.take(link, &frame)?),
                    _ => {}
                }
            }
            let Some(event) = events.pop() else { return Ok(()) };
            effects = agent.handle(event, now);
        }
    }

    /// The bytes that would travel, and the acknowledgement that would come back.
    fn take(&mut self, link: u64, frame: &Frame) -> anyhow::Result<Option<Event>> {
        self.bytes.clear();
        mesh::encode(frame, &mut self.bytes)?;
        let Frame::Report { epoch, report } = frame else { return Ok(None) };
        self.told.reports += 1;
        self.told.rows += report.len() as u64;
        self.told.bytes += self.bytes.len() as u64;
        let position = Position { epoch: *epoch, sequence: report.through };
        Ok(Some(Event::FrameReceived { link, frame: Frame::Ack(position) }))
    }
}

fn peer(name: &str, key: u8, own_key: u8) -> Peer {
    Peer {
        address: SocketAddr::from(([10, 1, 1, 10], 7946)),
        name: name.to_owned(),
        key: KeyHash::from_bytes([key; 32]),
        own_key: KeyHash::from_bytes([own_key; 32]),
        exporter: Exporter::from_bytes([9; 32]),
    }
}
