//! A whole talk that an early build of version 1 had, word for word: its overwatch answers the agent of
//! today, which says what the agent of then said.
//!
//! `mesh/testdata/version-1/nodes.md` says how the talk was written down. It is never written anew.
//! No socket, no clock, no sleep.

#![expect(clippy::unwrap_used, reason = "a test may stop where it is surprised")]

use std::collections::VecDeque;
use std::net::SocketAddr;

use agent::{Agent, Effect, Event, Level, LinkId, Note, Offer, Settings};
use health::{CheckKind, CheckSpec, FailReason, HeartbeatTerms, HttpCheck, Outcome};
use latency::{Averaging, LearningSettings, RttSource};
use mesh::{Exporter, Frame, FrameDecoder, KeyHash, MeshKeys, Peer, TokenSecret, encode};
use model::{Backend, BackendKey, Rtt, Sample, SocketState, SubnetWidths, Time};

const START: Time = Time::from_unix_ms(1_766_138_700_000);
const OVERWATCH_KEY: KeyHash = KeyHash::from_bytes([0xf0; 32]);
const TALK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../mesh/testdata/version-1/nodes.txt");

/// All that is wrong in the talk: a check that fails twice.
const DOWN: &str = "backend web.demo.local at 10.2.1.11:80 is down: connection refused";

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn key_of(service: &str, address: &str) -> BackendKey {
    BackendKey { service: parsed(service), address: parsed(address), port: 80 }
}

fn offer(service: &str, address: &str, listen_port: u16, kind: CheckKind) -> Offer {
    let key = key_of(service, address);
    Offer {
        backend: Backend { key, region: parsed("eu-west"), weight: 100 },
        listen_port,
        check: Some(CheckSpec {
            kind,
            interval_ms: 10_000,
            timeout_ms: 2_000,
            failure_threshold: 2,
            success_threshold: 1,
        }),
    }
}

/// The agent of the talk, in the settings of today.
fn settings() -> Settings {
    let health = HttpCheck {
        path: "/health".to_owned(),
        host: Some("app.demo.local".to_owned()),
        server_name: None,
        status: parsed("2xx,304"),
        body: None,
    };
    Settings {
        agent_id: parsed("eu"),
        region: parsed("eu-west"),
        token: TokenSecret::new("the-token-of-the-app".to_owned()),
        keys: MeshKeys::new([[7; 32]]).unwrap(),
        offers: vec![
            offer("app.demo.local", "10.2.1.10", 80, CheckKind::Http(health)),
            offer("web.demo.local", "10.2.1.11", 8080, CheckKind::Tcp),
        ],
        heartbeat: HeartbeatTerms { interval_ms: 10_000, missed_threshold: 3 },
        learning: Some(LearningSettings {
            poll_interval_ms: 10_000,
            min_connection_age_ms: 5_000,
            widths: SubnetWidths { ipv4: 24, ipv6: 48 },
            ewma_alpha: 0.3,
            averaging: Averaging::Ewma,
            max_subnets: 100_000,
            subnet_ttl_ms: 168 * 3_600_000,
            min_samples: 5,
            report_interval_ms: 30_000,
            rtt_source: RttSource::Min,
            exclude: Vec::new(),
        }),
        predictive: None,
    }
}

/// What TLS tells the agent.
fn peer(link: LinkId) -> Peer {
    let mut exporter = [0; 32];
    exporter[..8].copy_from_slice(&link.to_be_bytes());
    Peer {
        address: parsed("10.1.1.10:7946"),
        name: "overwatch-us-east".to_owned(),
        key: OVERWATCH_KEY,
        own_key: KeyHash::from_bytes([1; 32]),
        exporter: Exporter::from_bytes(exporter),
    }
}

/// Connections that closed.
fn closed(client: &str, port: &str, ms: u32, count: u64) -> Vec<Sample> {
    let local = SocketAddr::new(parsed("10.2.1.10"), parsed(port));
    let sample = |number| Sample {
        client: parsed(client),
        local,
        smoothed_rtt_us: ms * 1_000 + 20_000,
        rtt_deviation_us: 1_000,
        min_rtt_us: Some(ms * 1_000),
        bytes_acked: 1_000,
        data_segments_out: Some(3),
        cookie: 1_000_000 + number,
        state: SocketState::Closed,
    };
    (0..count).map(sample).collect()
}

/// The agent of today, and what it did that the talk has not come to yet.
struct Run {
    agent: Agent,
    now: Time,
    link: LinkId,
    pinned: Option<KeyHash>,
    said: VecDeque<Frame>,
    notes: Vec<Note>,
}

impl Run {
    fn tell(&mut self, event: Event) {
        for effect in self.agent.handle(event, self.now) {
            match effect {
                Effect::Poll => {
                    self.tell(Event::Samples(Vec::new()));
                    self.tell(Event::PollEnded);
                }
                // What the overwatch of then does not know: its decoder skips such frames.
                Effect::Send { frame: Frame::Load(_) | Frame::Condition(_), .. } => {}
                Effect::Send { frame, .. } => self.said.push_back(frame),
                Effect::Pin { key, .. } => self.pinned = Some(key),
                Effect::Log(note) => self.notes.push(note),
                Effect::Close { .. } | Effect::Dial { .. } | Effect::Look => {}
            }
        }
    }

    fn advance(&mut self, end: Time) {
        while self.agent.next_deadline() <= end {
            self.now = self.now.max(self.agent.next_deadline());
            self.tell(Event::Tick);
        }
        self.now = end;
    }

    /// One line of the talk.
    fn follow(&mut self, ms: &str, words: &[&str]) {
        self.advance(START.plus_ms(parsed(ms)));
        match words {
            ["opens", link] => {
                self.link = parsed(link);
                let dialled = "overwatch.demo.local:7946".to_owned();
                let (link, peer, pinned) = (self.link, peer(self.link), self.pinned);
                self.tell(Event::LinkOpened { link, dialled, peer, pinned });
            }
            ["breaks", _] => self.tell(Event::LinkClosed { link: self.link }),
            ["kernel", client, port, ms, count] => {
                self.tell(Event::Samples(closed(client, port, parsed(ms), parsed(count))));
            }
            ["check", service, address, word] => {
                let outcome = match *word {
                    "pass" => Outcome::Pass { connect: Rtt::from_us(1_000).unwrap() },
                    _ => Outcome::Fail(FailReason::Refused),
                };
                self.tell(Event::Checked { backend: key_of(service, address), outcome });
            }
            ["stop"] => self.tell(Event::Stop),
            ["agent", kind, bytes] => {
                let said = self.said.pop_front();
                let mut said = said.unwrap_or_else(|| panic!("at {ms} ms no {kind} is said"));
                // The agent of then did not say where it is; who does not know the field leaves it out.
                if let Frame::Hello(hello) = &mut said {
                    assert_eq!(hello.region.take(), Some(parsed("eu-west")));
                }
                // Times are said coarser than they are known.
                let mut sent = Vec::new();
                encode(&said, &mut sent).unwrap();
                assert_eq!(decoded(&sent), read(bytes), "at {ms} ms");
            }
            ["overwatch", _, bytes] => {
                self.tell(Event::FrameReceived { link: self.link, frame: read(bytes) });
            }
            ["knew", ..] => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The one frame in the bytes.
fn read(hex: &str) -> Frame {
    let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(digit).collect();
    decoded(&bytes)
}

fn decoded(bytes: &[u8]) -> Frame {
    let mut decoder = FrameDecoder::new();
    decoder.prove();
    decoder.push(bytes);
    let frame = decoder.next_frame().unwrap().unwrap_or_else(|| panic!("{bytes:?} is skipped"));
    assert_eq!(decoder.next_frame(), Ok(None));
    frame
}

#[test]
fn an_overwatch_of_version_1_hears_what_it_heard() {
    let agent = Agent::new(settings(), [], START);
    let (said, notes) = (VecDeque::new(), Vec::new());
    let mut run = Run { agent, now: START, link: 0, pinned: None, said, notes };
    let talk = std::fs::read_to_string(TALK).unwrap();
    for line in talk.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        run.follow(words[0], &words[1..]);
    }
    assert!(run.said.is_empty(), "{:?}", run.said);
    assert_eq!(run.pinned, Some(OVERWATCH_KEY));
    let warnings = run.notes.iter().filter(|note| note.level() == Level::Warn);
    assert_eq!(warnings.map(ToString::to_string).collect::<Vec<_>>(), [DOWN]);
    let joined = run.notes.iter().filter_map(|note| match note {
        Note::Joined { resume, .. } => Some(*resume),
        _ => None,
    });
    let joined: Vec<u64> = joined.collect();
    assert!(matches!(joined[..], [0, resume] if resume > 0), "{joined:?}");
    let (_, rows) = run.agent.learning().unwrap();
    assert_eq!(rows, 5, "networks by port");
}
