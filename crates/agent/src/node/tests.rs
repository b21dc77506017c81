//! The agent by itself: what it wants when, and what an overwatch can make it do. The whole of both
//! nodes is tested with the overwatch.

use std::net::SocketAddr;

use health::{CheckKind, CheckSpec, FailReason, HeartbeatTerms, Outcome};
use latency::{LearningSettings, RttSource};
use mesh::{
    Exporter, KeyHash, MeshKeys, OverwatchHandshake, OverwatchIdentity, OverwatchStep, Peer,
    Refusal, RefusalReason, Token, TokenSecret, Tokens, Welcome,
};
use model::{Backend, Rtt, Sample, SocketState, SubnetWidths};

use super::*;
use crate::Offer;

const START: Time = Time::from_unix_ms(1_766_138_700_000);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn key() -> BackendKey {
    BackendKey { service: "app".parse().unwrap(), address: ip("10.2.1.10"), port: 80 }
}

fn secret() -> TokenSecret {
    TokenSecret::new("the-token-of-the-app".to_owned())
}

fn settings() -> Settings {
    let region = || "eu-west".parse().unwrap();
    Settings {
        agent_id: "eu".parse().unwrap(),
        region: region(),
        token: secret(),
        keys: MeshKeys::new([[7; 32]]).unwrap(),
        offers: vec![Offer {
            backend: Backend { key: key(), region: region(), weight: 100 },
            listen_port: 80,
            check: Some(CheckSpec {
                kind: CheckKind::Tcp,
                interval_ms: 10_000,
                timeout_ms: 2_000,
                failure_threshold: 1,
                success_threshold: 1,
            }),
        }],
        heartbeat: HeartbeatTerms { interval_ms: 15_000, missed_threshold: 3 },
        learning: Some(LearningSettings {
            poll_interval_ms: 10_000,
            min_connection_age_ms: 5_000,
            widths: SubnetWidths { ipv4: 24, ipv6: 48 },
            ewma_alpha: 0.3,
            averaging: latency::Averaging::Ewma,
            max_subnets: 100_000,
            subnet_ttl_ms: 3_600_000,
            min_samples: 1,
            rtt_source: RttSource::Min,
            report_interval_ms: 30_000,
            exclude: Vec::new(),
        }),
        predictive: None,
    }
}

fn agent() -> Agent {
    Agent::new(settings(), [], START)
}

fn peer(name: &str, key: u8, own_key: u8) -> Peer {
    Peer {
        address: SocketAddr::new(ip("10.1.1.10"), 7946),
        name: name.to_owned(),
        key: KeyHash::from_bytes([key; 32]),
        own_key: KeyHash::from_bytes([own_key; 32]),
        exporter: Exporter::from_bytes([9; 32]),
    }
}

/// What an agent sends.
fn sent(effects: Vec<Effect>) -> Vec<Frame> {
    let frames = effects.into_iter().filter_map(|effect| match effect {
        Effect::Send { frame, .. } => Some(frame),
        _ => None,
    });
    frames.collect()
}

/// Brings a session up to the overwatch's welcome; what the agent did about that.
fn join(agent: &mut Agent, link: LinkId, welcome: Welcome) -> Vec<Effect> {
    join_with(agent, link, link, welcome).unwrap()
}

/// The same with this overwatch; what the agent did where it did not get so far.
fn join_with(
    agent: &mut Agent,
    link: LinkId,
    overwatch: u64,
    welcome: Welcome,
) -> Result<Vec<Effect>, Vec<Effect>> {
    let token = Token {
        service: "app".parse().unwrap(),
        secret: secret(),
        regions: Vec::new(),
        networks: Vec::new(),
    };
    let identity = OverwatchIdentity {
        overwatch_id: format!("overwatch-{overwatch}").parse().unwrap(),
        keys: MeshKeys::new([[7; 32]]).unwrap(),
        tokens: Tokens::new(vec![token]).unwrap(),
    };
    let (name, key) = (identity.overwatch_id.to_string(), 100 + u8::try_from(overwatch).unwrap());
    let mut overwatch = OverwatchHandshake::new(peer("eu", 1, key));
    let (dialled, peer) = (format!("overwatch-{link}:7946"), peer(&name, key, 1));
    let opened = Event::LinkOpened { link, dialled, peer, pinned: None };
    let [hello] = <[Frame; 1]>::try_from(sent(agent.handle(opened, START))).unwrap();
    let Ok(OverwatchStep::Send(challenge)) = overwatch.on_frame(hello, &identity) else { panic!() };
    let frame = Event::FrameReceived { link, frame: challenge };
    let effects = agent.handle(frame, START);
    if effects.contains(&Effect::Close { link }) {
        return Err(effects);
    }
    let [proof] = <[Frame; 1]>::try_from(sent(effects)).unwrap();
    assert!(matches!(overwatch.on_frame(proof, &identity), Ok(OverwatchStep::Proven(_))));
    Ok(say(agent, link, Frame::Welcome(welcome)))
}

#[test]
fn an_overwatch_that_goes_by_two_addresses_has_one_session_and_that_is_said_once() {
    let mut agent = agent();
    join(&mut agent, 1, welcome());
    let text =
        "overwatch overwatch-1 is at overwatch-2:7946 too; its session is at overwatch-1:7946";
    for expect in [Some(text.to_owned()), None] {
        let effects = join_with(&mut agent, 2, 1, welcome()).unwrap_err();
        let note = effects.iter().find_map(|effect| match effect {
            Effect::Log(note) => Some(note.to_string()),
            _ => None,
        });
        assert_eq!(note, expect, "{effects:?}");
        assert!(effects.contains(&Effect::Close { link: 2 }));
        agent.handle(Event::LinkClosed { link: 2 }, START);
    }
    // Another one at that address, and the first one there once its session is over.
    join_with(&mut agent, 2, 2, welcome()).unwrap();
    agent.handle(Event::LinkClosed { link: 2 }, START);
    agent.handle(Event::LinkClosed { link: 1 }, START);
    join_with(&mut agent, 2, 1, welcome()).unwrap();
}

fn say(agent: &mut Agent, link: LinkId, frame: Frame) -> Vec<Effect> {
    agent.handle(Event::FrameReceived { link, frame }, START)
}

fn welcome() -> Welcome {
    Welcome { resume: None, exclude: Vec::new(), peers: Vec::new() }
}

fn sample() -> Sample {
    Sample {
        client: ip("10.1.2.7"),
        local: SocketAddr::new(ip("10.2.1.10"), 80),
        smoothed_rtt_us: 85_000,
        rtt_deviation_us: 1_000,
        min_rtt_us: Some(85_000),
        bytes_acked: 1_000,
        data_segments_out: Some(3),
        cookie: 1,
        state: SocketState::Closed,
    }
}

/// Lets an agent learn one row and publish it.
fn learn(agent: &mut Agent) {
    agent.handle(Event::Samples(vec![sample()]), START);
    agent.handle(Event::PollEnded, START);
    agent.handle(Event::Tick, START);
}

#[test]
fn that_networks_make_room_is_said_once_and_once_that_they_no_longer_do() {
    let learning = settings().learning.map(|l| LearningSettings { max_subnets: 2, ..l });
    let mut agent = Agent::new(Settings { learning, ..settings() }, [], START);
    let mut lines = Vec::new();
    for (number, hours) in [(1, 0), (2, 0), (3, 0), (4, 0), (4, 0), (4, 2), (4, 2)] {
        let now = START.plus_ms(3_600_000 * hours + 30_000 * lines.len() as u64);
        let client = ip(&format!("10.1.{number}.7"));
        agent.handle(Event::Samples(vec![Sample { client, cookie: number, ..sample() }]), now);
        agent.handle(Event::PollEnded, now);
        let effects = agent.handle(Event::Tick, now);
        let line = |effect: Effect| match effect {
            Effect::Log(note @ (Note::Full { .. } | Note::HasRoom)) => Some(note.to_string()),
            _ => None,
        };
        lines.push(effects.into_iter().find_map(line).unwrap_or_default());
    }
    let full = "latency is learned for as many client networks as may be, 2: those seen longest ago make room: \
        raise agent.latency_learning.max_subnets";
    let has_room = "latency: no client network had to make room for two hours";
    assert_eq!(lines, ["", "", full, "", "", has_room, ""]);
}

/// The epochs and first sequences of the reports among these frames.
fn reports(frames: &[Frame]) -> Vec<(u64, u64)> {
    let reports = frames.iter().filter_map(|frame| match frame {
        Frame::Report { epoch, report } => Some((*epoch, report.after)),
        _ => None,
    });
    reports.collect()
}

#[test]
fn each_clock_has_its_own_pace_and_a_dump_under_way_is_not_asked_for_again() {
    let mut agent = agent();
    let (mut polls, mut publications, mut now) = (Vec::new(), Vec::new(), START);
    while now < START.plus_ms(60_000) {
        let due = agent.next_deadline();
        now = now.max(due);
        let effects = agent.handle(Event::Tick, now);
        assert!(agent.next_deadline() > now || agent.is_polling, "no busy loop");
        if effects.contains(&Effect::Poll) {
            polls.push(now.ms_since(START));
            // The dump takes its time.
            assert!(agent.next_deadline() > now);
            assert!(!agent.handle(Event::Tick, now).contains(&Effect::Poll));
            agent.handle(Event::PollEnded, now);
        }
        let published = |e: &Effect| matches!(e, Effect::Log(Note::Published { .. }));
        publications.extend(effects.iter().any(published).then(|| now.ms_since(START)));
    }
    assert_eq!(polls, [0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
    assert_eq!(publications, [0, 30_000, 60_000]);
}

#[test]
fn without_learning_only_the_heart_beats() {
    let mut agent = Agent::new(Settings { learning: None, ..settings() }, [], START);
    assert_eq!(agent.next_deadline(), START.plus_ms(15_000));
    assert_eq!(agent.handle(Event::Tick, START.plus_ms(15_000)), []);
    let frames = sent(join(&mut agent, 1, welcome()));
    let [Frame::Registration(registration)] = frames.as_slice() else { panic!("{frames:?}") };
    let mut bytes = Vec::new();
    mesh::encode(&frames[0], &mut bytes).unwrap();
    let mut decoder = mesh::FrameDecoder::new();
    decoder.prove();
    decoder.push(&bytes);
    assert!(decoder.next_frame().is_ok(), "an overwatch takes it: {registration:?}");
}

#[test]
fn one_chunk_is_in_flight_and_an_old_acknowledgement_is_none() {
    let mut agent = agent();
    learn(&mut agent);
    let epoch = START.unix_ms();
    let frames = sent(join(&mut agent, 1, welcome()));
    assert_eq!(reports(&frames), [(epoch, 0)]);
    let ack = |epoch, sequence| Frame::Ack(Position { epoch, sequence });
    assert_eq!(say(&mut agent, 1, ack(epoch - 1, 1)), [], "of an earlier life");
    let again = agent.handle(Event::Tick, START.plus_ms(30_000));
    assert_eq!(reports(&sent(again)), [], "one is in flight");
    assert_eq!(say(&mut agent, 1, ack(epoch, 1)), [], "nothing is left to tell");
    // An overwatch that has it all gets nothing; one that forgot gets all.
    let resume = Some(Position { epoch, sequence: 1 });
    let frames = sent(join(&mut agent, 2, Welcome { resume, ..welcome() }));
    assert_eq!(reports(&frames), []);
    assert_eq!(reports(&sent(join(&mut agent, 3, welcome()))), [(epoch, 0)]);
}

#[test]
fn a_clock_that_went_back_does_not_make_this_life_older_than_the_last() {
    let mut agent = agent();
    learn(&mut agent);
    let later = START.unix_ms() + 5_000;
    let resume = Some(Position { epoch: later, sequence: 77 });
    let effects = join(&mut agent, 1, Welcome { resume, ..welcome() });
    assert!(effects.contains(&Effect::Close { link: 1 }), "it proves itself anew: {effects:?}");
    assert_eq!(sent(effects), []);
    agent.handle(Event::LinkClosed { link: 1 }, START);
    // The handshake says which life it is.
    let peer = peer("overwatch", 2, 1);
    let dialled = "overwatch-2:7946".to_owned();
    let opened = Event::LinkOpened { link: 2, dialled, peer, pinned: None };
    let hello = sent(agent.handle(opened, START));
    assert!(matches!(&hello[..], [Frame::Hello(hello)] if hello.epoch == later + 1), "{hello:?}");
    let frames = sent(join(&mut agent, 3, Welcome { resume, ..welcome() }));
    assert_eq!(reports(&frames), [(later + 1, 0)]);
}

#[test]
fn a_report_that_was_refused_comes_again_with_the_next_publication() {
    let mut agent = agent();
    learn(&mut agent);
    assert_eq!(reports(&sent(join(&mut agent, 1, welcome()))).len(), 1);
    let unknown = Frame::Refused(Refusal::from(RefusalReason::UnknownPort));
    let effects = say(&mut agent, 1, unknown);
    assert!(matches!(effects.as_slice(), [Effect::Log(Note::Refused { .. })]), "{effects:?}");
    let again = agent.handle(Event::Tick, START.plus_ms(30_000));
    assert_eq!(reports(&sent(again)).len(), 1);
}

#[test]
fn an_overwatch_names_no_end_of_peers_and_addresses() {
    let mut agent = agent();
    let mut dialled = 0;
    for round in 0..100_u32 {
        let peers = (0..8).map(|n| format!("peer-{round}-{n}:7946")).collect();
        let exclude = (0..100).map(|n| IpAddr::from((0x0a00_0000 + round * 100 + n).to_be_bytes()));
        let frame = Welcome { resume: None, exclude: exclude.collect(), peers };
        let effects = match round {
            0 => join(&mut agent, 1, frame),
            _ => say(&mut agent, 1, Frame::Welcome(frame)),
        };
        dialled += effects.iter().filter(|e| matches!(e, Effect::Dial { .. })).count();
    }
    assert_eq!((dialled, agent.excluded.len()), (PEERS_MAX, EXCLUDED_MAX));
    // One that is known is not dialled again.
    let peers = vec!["peer-0-0:7946".to_owned()];
    assert_eq!(say(&mut agent, 1, Frame::Welcome(Welcome { peers, ..welcome() })), []);
}

#[test]
fn a_change_of_health_is_told_at_once_and_only_then() {
    let mut agent = agent();
    let healthy = |effects: Vec<Effect>| {
        let frames = sent(effects).into_iter();
        let offers = frames.filter_map(|frame| match frame {
            Frame::Registration(registration) => Some(registration.backends[0].healthy),
            _ => None,
        });
        offers.collect::<Vec<bool>>()
    };
    assert_eq!(healthy(join(&mut agent, 1, welcome())), [false], "not before the first check");
    let pass = || Outcome::Pass { connect: Rtt::from_us(900).unwrap() };
    let mut checked =
        |outcome| healthy(agent.handle(Event::Checked { backend: key(), outcome }, START));
    assert_eq!(checked(pass()), [true]);
    assert_eq!(checked(pass()), [false; 0]);
    assert_eq!(checked(Outcome::Fail(FailReason::Refused)), [false]);
}

#[test]
fn a_clean_stop_says_goodbye_to_everybody_and_nothing_more() {
    let mut agent = agent();
    join(&mut agent, 1, welcome());
    join(&mut agent, 2, welcome());
    let goodbye = |link| [Effect::Send { link, frame: Frame::Goodbye }, Effect::Close { link }];
    assert_eq!(
        agent.handle(Event::Stop, START),
        goodbye(1).into_iter().chain(goodbye(2)).collect::<Vec<_>>()
    );
    assert_eq!(sent(agent.handle(Event::Tick, START.plus_ms(60_000))), []);
}

/// An agent that watches itself, with one session: its load as others see it over virtual time.
struct Strained {
    agent: Agent,
    now: Time,
    cpu: crate::CpuTimes,
    log: Vec<String>,
}

impl Strained {
    fn new() -> Self {
        let limit = |threshold| health::Limit { threshold, bleed_ms: 30_000 };
        let limits =
            [(health::Signal::Cpu, limit(90.0)), (health::Signal::ErrorRate, limit(20.0))].into();
        let predictive =
            crate::Predictive { check_interval_ms: 10_000, limits, error_window_ms: 60_000 };
        let settings = Settings { predictive: Some(predictive), learning: None, ..settings() };
        let mut agent = Agent::new(settings, [], START);
        join(&mut agent, 1, Welcome { resume: None, exclude: Vec::new(), peers: Vec::new() });
        let cpu = crate::CpuTimes { busy: 0, total: 0 };
        Self { agent, now: START, cpu, log: Vec::new() }
    }

    /// Lives on for so many seconds with this much processor time in use; the shares it told.
    fn live(&mut self, seconds: u64, cpu_percent: u64) -> Vec<u16> {
        let end = self.now.plus_ms(seconds * 1_000);
        let mut told = Vec::new();
        while self.agent.next_deadline() <= end {
            let before = self.now;
            self.now = self.agent.next_deadline().max(self.now);
            let ms = self.now.ms_since(before);
            self.cpu.total += ms * 100;
            self.cpu.busy += ms * cpu_percent;
            let mut effects = self.agent.handle(Event::Tick, self.now);
            if effects.contains(&Effect::Look) {
                let vitals = crate::Vitals { cpu: Some(self.cpu), ..crate::Vitals::default() };
                effects.extend(self.agent.handle(Event::Looked(vitals), self.now));
            }
            for effect in effects {
                match effect {
                    Effect::Log(note) => self.log.push(note.to_string()),
                    Effect::Send { frame: Frame::Condition(condition), .. } => {
                        let share = condition.backends.first().map_or(1_000, |b| b.share_permille);
                        if told.last() != Some(&share) {
                            told.push(share);
                        }
                    }
                    _ => {}
                }
            }
        }
        self.now = end;
        told
    }
}

#[test]
fn a_machine_that_strains_tells_step_by_step_and_recovers_step_by_step() {
    let mut strained = Strained::new();
    assert_eq!(strained.live(60, 50), [], "nothing to tell");
    // Nine steps of three seconds after two readings over the limit.
    let down = strained.live(60, 96);
    assert_eq!(down, [900, 800, 700, 600, 500, 400, 300, 200, 100, 0]);
    assert_eq!(strained.live(60, 96), [0], "said again with each heartbeat");
    assert_eq!(strained.live(60, 85), [0], "below the limit, but not by much");
    let up = strained.live(80, 10);
    assert_eq!(up, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
    assert_eq!(strained.live(60, 10), []);
    let expect = [
        "every backend gets less of the clients step by step: cpu was 96.0, its limit is 90",
        "every backend gets no new clients: cpu was 96.0, its limit is 90",
        "every backend gets its whole share again",
    ];
    assert_eq!(strained.log, expect);
}

#[test]
fn checks_that_fail_now_and_then_take_load_off_their_backend() {
    let mut strained = Strained::new();
    let check = |strained: &mut Strained, has_passed: bool| {
        let outcome = match has_passed {
            true => Outcome::Pass { connect: Rtt::from_us(900).unwrap() },
            false => Outcome::Fail(FailReason::Refused),
        };
        let event = Event::Checked { backend: key(), outcome };
        strained.agent.handle(event, strained.now);
    };
    for has_passed in [true, true, false, true] {
        check(&mut strained, has_passed);
    }
    assert_eq!(strained.live(30, 10), [], "too few to say");
    check(&mut strained, false);
    let told = strained.live(21, 10);
    assert_eq!(told.first(), Some(&900), "two of five failed: {told:?}");
    assert!(
        strained.log[0].starts_with("backend app at 10.2.1.10:80 gets less"),
        "{:?}",
        strained.log
    );
    // All of them are too long ago, and it gets its share back.
    let told = strained.live(120, 10);
    assert_eq!(told.last(), Some(&1_000), "{told:?}");
}

#[test]
fn who_joins_later_is_told_too_and_who_reloads_without_it_gets_all() {
    let mut strained = Strained::new();
    strained.live(31, 96);
    let welcome = || Welcome { resume: None, exclude: Vec::new(), peers: Vec::new() };
    let told = sent(join(&mut strained.agent, 2, welcome()));
    assert!(matches!(&told[..], [Frame::Registration(_), Frame::Condition(_)]), "{told:?}");
    let reload = crate::Reload {
        settings: Settings { learning: None, ..settings() },
        overwatches: Vec::new(),
    };
    let told = sent(strained.agent.handle(Event::Reload(Box::new(reload)), strained.now));
    let empty = Frame::Condition(mesh::Condition::default());
    assert_eq!(told.iter().filter(|frame| **frame == empty).count(), 2, "{told:?}");
    assert_eq!(strained.agent.less().count(), 0);
}
