//! An agent with a real session: the product's value behind the product's TLS, its readings made up.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use agent::{Agent, Effect, Event, Note, Settings};
use anyhow::{Context as _, ensure};
use mesh::Frame;
use model::{Sample, Time};
use runtime::mesh::client::{ClientLimits, dial};
use runtime::mesh::{self as edge, Connection, Identity, IdentityFiles};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long an overwatch may keep quiet: it may be busy with what others told it.
const PATIENCE: Duration = Duration::from_secs(60);

/// An agent, its session, and what it said on it.
pub(super) struct Session {
    pub(super) agent: Agent,
    settings: Settings,
    connection: Option<Connection>,
    events: mpsc::Receiver<edge::Event>,
    _client: edge::Client,
    /// Readings that the next poll finds.
    pub(super) open: Vec<Sample>,
    pub(super) is_joined: bool,
    /// Reports sent, and rows in them.
    pub(super) reports: u64,
    pub(super) rows: u64,
    /// When the report was sent that awaits its acknowledgement.
    pub(super) sent: Option<Instant>,
    /// The longest that one waited for it.
    pub(super) waited: Duration,
}

impl Session {
    /// Dials; the agent's life begins `now`.
    pub(super) fn dial(
        (name, number): (&str, u32),
        overwatch: SocketAddr,
        directory: &Path,
        now: Time,
    ) -> anyhow::Result<Self> {
        let file = |end: &str| directory.join(format!("{name}.{end}"));
        let files = IdentityFiles { certificate: file("crt"), key: file("key") };
        let (identity, _) = Identity::load_or_create(&files, name)?;
        let (to_events, events) = mpsc::channel(64);
        let client = dial(overwatch.to_string(), &identity, ClientLimits::STANDARD, to_events)?;
        let settings = super::node::settings(name, number)?;
        Ok(Self {
            agent: Agent::new(settings.clone(), [], now),
            settings,
            connection: None,
            events,
            _client: client,
            open: Vec::new(),
            is_joined: false,
            reports: 0,
            rows: 0,
            sent: None,
            waited: Duration::ZERO,
        })
    }

    /// Reports so often, polls three times as often.
    pub(super) fn report_every(&mut self, interval: Duration, now: Time) -> anyhow::Result<()> {
        let mut settings = self.settings.clone();
        if let Some(learning) = &mut settings.learning {
            learning.report_interval_ms = u64::try_from(interval.as_millis())?;
            learning.poll_interval_ms = learning.report_interval_ms / 3;
        }
        let reload = agent::Reload { settings, overwatches: Vec::new() };
        self.handle(Event::Reload(Box::new(reload)), now)
    }

    /// Hears what there is to hear, until something is so.
    pub(super) async fn until(
        &mut self,
        now: Time,
        is_so: impl Fn(&Self) -> bool,
    ) -> anyhow::Result<()> {
        while !is_so(self) {
            let event = timeout(PATIENCE, self.events.recv()).await;
            let event = event.context("the overwatch keeps quiet")?;
            self.on_event(event.context("nobody dials any more")?, now)?;
        }
        Ok(())
    }

    /// Hears what has come already.
    pub(super) fn hear(&mut self, now: Time) -> anyhow::Result<()> {
        while let Ok(event) = self.events.try_recv() {
            self.on_event(event, now)?;
        }
        Ok(())
    }

    fn on_event(&mut self, event: edge::Event, now: Time) -> anyhow::Result<()> {
        let event = match event {
            edge::Event::Opened { connection, peer, origin } => {
                let edge::Origin::Dialled { address: dialled } = origin else { return Ok(()) };
                let link = connection.id();
                self.connection = Some(connection);
                Event::LinkOpened { link, dialled, peer, pinned: None }
            }
            edge::Event::Frame { id, frame, held: _ } => {
                if matches!(frame, Frame::Ack(_))
                    && let Some(sent) = self.sent.take()
                {
                    self.waited = self.waited.max(sent.elapsed());
                }
                Event::FrameReceived { link: id, frame }
            }
            edge::Event::Closed { id, .. } => {
                (self.is_joined, self.sent, self.connection) = (false, None, None);
                Event::LinkClosed { link: id }
            }
            // A door that has too many strangers before it turns some away: they come again by themselves.
            edge::Event::Failed { .. } => return Ok(()),
        };
        self.handle(event, now)
    }

    /// What the agent's loop does.
    pub(super) fn handle(&mut self, event: Event, now: Time) -> anyhow::Result<()> {
        for effect in self.agent.handle(event, now) {
            match effect {
                Effect::Poll => {
                    let open = std::mem::take(&mut self.open);
                    self.handle(Event::Samples(open), now)?;
                    self.handle(Event::PollEnded, now)?;
                }
                Effect::Send { frame, .. } => {
                    if let Frame::Report { report, .. } = &frame {
                        self.reports += 1;
                        self.rows += report.len() as u64;
                        self.sent = Some(Instant::now());
                    }
                    if let Some(connection) = &self.connection {
                        connection.send(frame);
                    }
                }
                Effect::Log(Note::Joined { .. }) => self.is_joined = true,
                Effect::Log(note) => {
                    ensure!(note.level() != agent::Level::Warn, "the agent says: {note}");
                }
                _ => {}
            }
        }
        Ok(())
    }
}
