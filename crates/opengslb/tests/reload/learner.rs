//! Agents in memory that tell what they learned over the real mesh: on loopback no kernel has seen
//! a client that is not this machine itself.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use agent::{Agent, Effect, Event, Offer, Settings};
use health::HeartbeatTerms;
use latency::{Averaging, LearningSettings, RttSource};
use mesh::{MeshKeys, TokenSecret};
use model::{Backend, BackendKey, Sample, SocketState, SubnetWidths, Time};
use runtime::mesh::{self as edge, ClientLimits, Connection, Identity, IdentityFiles, Origin};
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};

use crate::site::{KEY_BYTES, SERVICE, TOKEN};

/// Comes back quickly: a hand-over waits for it.
const LIMITS: ClientLimits = ClientLimits {
    backoff_min: Duration::from_millis(50),
    backoff_max: Duration::from_millis(200),
    ..ClientLimits::STANDARD
};

/// What the kernel has seen since it was asked before: clients and their round-trip times in
/// milliseconds.
pub(crate) type Seen = Box<dyn FnMut() -> Vec<(IpAddr, u32)> + Send>;

/// An agent of one region with one server.
pub(crate) struct Learner {
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
    _files: TempDir,
}

impl Learner {
    pub(crate) fn start(overwatch: SocketAddr, region: &str, server: IpAddr, seen: Seen) -> Self {
        let files = tempfile::tempdir().unwrap();
        let paths = IdentityFiles {
            certificate: files.path().join("agent.crt"),
            key: files.path().join("agent.key"),
        };
        let settings = settings(region, server);
        let identity = Identity::load_or_create(&paths, settings.agent_id.as_str()).unwrap().0;
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(run(settings, identity, overwatch, seen, &stopped));
        });
        Self { stop, thread: Some(thread), _files: files }
    }
}

impl Drop for Learner {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(
    settings: Settings,
    identity: Identity,
    overwatch: SocketAddr,
    mut seen: Seen,
    stop: &Notify,
) {
    let local = settings.offers[0].backend.key.socket();
    let mut agent = Agent::new(settings, [], now());
    let mut cookie = 0;
    let mut look = move || {
        let sample = |(client, rtt_ms)| {
            cookie += 1;
            sample(local, client, rtt_ms, cookie)
        };
        Event::Samples(seen().into_iter().map(sample).collect())
    };
    agent.handle(look(), now());
    let (events, mut inbox) = mpsc::channel(256);
    let _client = edge::client::dial(overwatch.to_string(), &identity, LIMITS, events).unwrap();
    let mut connections: BTreeMap<u64, Connection> = BTreeMap::new();
    loop {
        let wait = agent.next_deadline().ms_since(now());
        let event = tokio::select! {
            () = stop.notified() => return,
            () = tokio::time::sleep(Duration::from_millis(wait)) => Event::Tick,
            event = inbox.recv() => match event.unwrap() {
                edge::Event::Opened { connection, peer, origin } => {
                    let Origin::Dialled { address: dialled } = origin else { continue };
                    let link = connection.id();
                    connections.insert(link, connection);
                    Event::LinkOpened { link, dialled, peer, pinned: None }
                }
                edge::Event::Frame { id, frame, held: _ } => Event::FrameReceived { link: id, frame },
                edge::Event::Closed { id, .. } => {
                    connections.remove(&id);
                    Event::LinkClosed { link: id }
                }
                edge::Event::Failed { .. } => continue,
            },
        };
        let mut effects = VecDeque::from(agent.handle(event, now()));
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Poll => {
                    effects.extend(agent.handle(look(), now()));
                    effects.extend(agent.handle(Event::PollEnded, now()));
                }
                Effect::Send { link, frame } => {
                    if let Some(connection) = connections.get(&link) {
                        connection.send(frame);
                    }
                }
                Effect::Close { link } => drop(connections.remove(&link)),
                Effect::Look | Effect::Pin { .. } | Effect::Dial { .. } | Effect::Log(_) => {}
            }
        }
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Time::from_unix_ms(u64::try_from(since.as_millis()).unwrap())
}

fn settings(region: &str, address: IpAddr) -> Settings {
    let key = BackendKey { service: SERVICE.parse().unwrap(), address, port: 80 };
    let region: model::Region = region.parse().unwrap();
    Settings {
        agent_id: format!("agent-{region}").parse().unwrap(),
        region: region.clone(),
        token: TokenSecret::new(TOKEN.to_owned()),
        keys: MeshKeys::new([KEY_BYTES]).unwrap(),
        offers: vec![Offer {
            backend: Backend { key, region, weight: 100 },
            listen_port: 80,
            check: None,
        }],
        heartbeat: HeartbeatTerms { interval_ms: 5_000, missed_threshold: 6 },
        learning: Some(LearningSettings {
            poll_interval_ms: 1_000,
            min_connection_age_ms: 5_000,
            widths: SubnetWidths { ipv4: 24, ipv6: 48 },
            ewma_alpha: 0.3,
            averaging: Averaging::Ewma,
            max_subnets: 1_000,
            subnet_ttl_ms: 3_600_000,
            min_samples: 1,
            report_interval_ms: 1_000,
            rtt_source: RttSource::Min,
            exclude: Vec::new(),
        }),
        predictive: None,
    }
}

fn sample(local: SocketAddr, client: IpAddr, rtt_ms: u32, cookie: u64) -> Sample {
    Sample {
        client,
        local,
        smoothed_rtt_us: rtt_ms * 1_000,
        rtt_deviation_us: 1_000,
        min_rtt_us: Some(rtt_ms * 1_000),
        bytes_acked: 1_000,
        data_segments_out: Some(3),
        cookie,
        state: SocketState::Closed,
    }
}
