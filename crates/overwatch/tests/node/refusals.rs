//! What is refused: each with exactly one line of the log and one more in a counter, and with
//! nothing left of it in the table.

use latency::{PortReport, Report, ReportRow};
use mesh::{
    AgentIdentity, BackendOffer, Frame, KeyHash, Mac, MeshKeys, Proof, RefusalReason, Registration,
    Tokens,
};
use model::{Rtt, Time};
use overwatch::{Command, Event, LinkId, Note, Said};

use crate::bench::{Bench, LearnedRow, connections, refused};
use crate::settings::{self, APP, EU, SG, START, key_of, parsed, secret, token};

/// Everything that was learned.
fn table(bench: &Bench) -> (Vec<LearnedRow>, Vec<LearnedRow>, usize) {
    let table = bench.overwatch.table();
    (bench.learned(), bench.learned_of("web.demo.local"), table.len())
}

/// A bench where the demo's two agents have reported, and nothing else was logged.
fn learned() -> Bench {
    let mut bench = Bench::demo();
    bench.observe("eu", connections("10.1.2.7", 85, 10));
    bench.observe("sg", connections("10.1.2.7", 220, 10));
    bench.advance(31_000);
    let row = |region: &str, ms| ("10.1.2.0/24".to_owned(), region.to_owned(), ms, 10);
    assert_eq!(bench.learned(), [row("ap-southeast", 220), row("eu-west", 85)]);
    bench.take_notes();
    bench
}

/// That `act` is refused for `reason`, by one line and one count, and that the table stays.
pub(crate) fn check(bench: &mut Bench, reason: RefusalReason, act: impl FnOnce(&mut Bench)) {
    bench.take_notes();
    let before = (table(bench), count(bench, reason));
    act(bench);
    bench.run();
    // That the rest of a registration stands, or that a backend is doubtful once its agent's session
    // ended, is another matter.
    let is_refusal =
        |note: &Note| !matches!(note, Note::Standing { .. } | Note::AgentRegistered { .. });
    let lines: Vec<Note> = bench.take_notes().into_iter().filter(is_refusal).collect();
    let [line] = lines.as_slice() else { panic!("{reason}: not one line but {lines:?}") };
    let (Note::Refused { refusal, .. } | Note::AgentRefused { refusal, .. }) = line else {
        panic!("{reason}: {line:?}")
    };
    assert_eq!(refusal.reason, reason, "{line}");
    assert!(line.to_string().contains(reason.sentence()), "{line}");
    assert_eq!((table(bench), count(bench, reason)), (before.0, before.1 + 1), "{reason}");
}

/// How often somebody was refused for a reason, by us or by an agent.
fn count(bench: &Bench, reason: RefusalReason) -> u64 {
    let counters = bench.overwatch.counters();
    let of = |list: &std::collections::BTreeMap<RefusalReason, u64>| {
        list.get(&reason).copied().unwrap_or(0)
    };
    of(&counters.refusals) + of(&counters.refused_by_agents)
}

pub(crate) fn identity(name: &str) -> AgentIdentity {
    AgentIdentity {
        agent_id: parsed(name),
        epoch: 1_000,
        service: parsed(APP),
        region: parsed("eu-west"),
        keys: MeshKeys::new([settings::MESH_KEY]).unwrap(),
        tokens: vec![secret(settings::TOKEN)],
    }
}

fn hello(name: &str) -> mesh::Hello {
    let region = Some(parsed("eu-west"));
    mesh::Hello { protocol: 1, agent_id: parsed(name), epoch: 1, service: parsed(APP), region }
}

pub(crate) fn offer(service: &str, address: &str) -> BackendOffer {
    let key = key_of(service, address);
    BackendOffer { key, listen_port: 80, weight: 100, check: None, healthy: true }
}

pub(crate) fn registration(region: &str, backends: Vec<BackendOffer>) -> Frame {
    Frame::Registration(Registration {
        region: parsed(region),
        backends,
        heartbeat_ms: 10_000,
        missed_threshold: 3,
        subnet_ttl_ms: 3_600_000,
    })
}

fn row(subnet: &str, ms: u64) -> ReportRow {
    let rtt = Rtt::from_us(ms * 1_000).unwrap();
    ReportRow {
        subnet: parsed(subnet),
        rtt_us: rtt,
        deviation_us: 0,
        min_rtt: rtt,
        samples: 10,
        observed_at: START,
    }
}

fn report(epoch: u64, after: u64, rows: Vec<ReportRow>) -> Frame {
    let ports = vec![PortReport { port: 80, rows, refreshed: Vec::new() }];
    Frame::Report { epoch, report: Report { after, through: after + 1, ports } }
}

/// A third agent that has registered a backend of its own.
pub(crate) fn third(bench: &mut Bench) -> LinkId {
    let (link, said) = bench.join(identity("third"), "10.2.1.12", 3);
    assert!(matches!(said.as_slice(), [Frame::Welcome(_)]), "{said:?}");
    assert_eq!(bench.say(link, registration("eu-west", vec![offer(APP, "10.2.1.12")])), []);
    link
}

#[test]
fn a_wrong_token() {
    let mut bench = learned();
    let mut wrong = settings::agent("new", "eu-west", "10.2.1.12");
    wrong.token = secret("another-token-of-the-app");
    bench.start(wrong, "10.2.1.12", 3);
    check(&mut bench, RefusalReason::WrongToken, |bench| bench.connect("new"));
    assert!(!bench.is_wired("new"));
    // It comes back every few seconds, and is counted each time; nobody says anything anew.
    for _ in 0..50 {
        bench.advance(5_000);
        bench.connect("new");
    }
    assert_eq!(count(&bench, RefusalReason::WrongToken), 51);
    assert_eq!(bench.take_notes(), []);
    let said = bench.hosts["new"].complaints();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("compare agent.identity.service_token"), "{said:?}");
    // Five minutes after the first time both say it once more.
    bench.advance(50_000);
    check(&mut bench, RefusalReason::WrongToken, |bench| bench.connect("new"));
    assert_eq!(bench.hosts["new"].complaints().len(), 2);
}

#[test]
fn a_wrong_mesh_key() {
    let mut bench = learned();
    let mut wrong = settings::agent("new", "eu-west", "10.2.1.12");
    wrong.keys = MeshKeys::new([[8; 32]]).unwrap();
    bench.start(wrong, "10.2.1.12", 3);
    check(&mut bench, RefusalReason::WrongMeshKey, |bench| bench.connect("new"));
    assert_eq!(bench.hosts["new"].pinned, None);
    assert_eq!(bench.hosts["new"].complaints().len(), 1);
}

#[test]
fn somebody_who_knows_no_secret() {
    let mut bench = learned();
    // Makes up a proof.
    check(&mut bench, RefusalReason::WrongToken, |bench| {
        let link = bench.dial("new", "10.2.1.66", 66);
        let hello = hello("new");
        assert!(matches!(bench.say(link, Frame::Hello(hello)).as_slice(), [Frame::Challenge(_)]));
        let proof = Proof { index: 0, mac: Mac::from_bytes([1; 32]) };
        bench.say(link, Frame::Proof(proof));
        assert!(!bench.is_open(link));
    });
    // Speaks before proving anything, and does not stop.
    check(&mut bench, RefusalReason::UnexpectedFrame, |bench| {
        let link = bench.dial("new", "10.2.1.67", 66);
        let effects = [
            registration("eu-west", vec![offer(APP, "10.2.1.67")]),
            report(1, 0, vec![row("10.7.7.0/24", 1)]),
            Frame::Heartbeat,
            Frame::Goodbye,
        ]
        .map(|frame| bench.overwatch.handle(Event::FrameReceived { link, frame }, START));
        let [first, rest @ ..] = effects;
        let notes = first.into_iter().filter_map(|effect| match effect {
            overwatch::Effect::Log(note) => Some(note),
            _ => None,
        });
        bench.put_notes(notes.collect());
        assert!(rest.iter().all(Vec::is_empty), "what comes after the refusal is not heard");
    });
    // Claims a service that nobody has a token for.
    check(&mut bench, RefusalReason::UnknownService, |bench| {
        let service = parsed("db.demo.local");
        bench.join(AgentIdentity { service, ..identity("new") }, "10.2.1.68", 66);
    });
    // Stands where no token is valid.
    check(&mut bench, RefusalReason::UnknownRegion, |bench| {
        let region = parsed("us-east");
        bench.join(AgentIdentity { region, ..identity("new") }, "10.2.1.68", 66);
    });
    // Goes by another name than its certificate.
    check(&mut bench, RefusalReason::NameMismatch, |bench| {
        let link = bench.dial("certificate", "10.2.1.69", 66);
        bench.say(link, Frame::Hello(hello("eu")));
    });
}

#[test]
fn strangers_cannot_fill_the_log() {
    let mut bench = learned();
    for number in 0..3_000 {
        let address = format!("10.99.{}.{}", number / 250, number % 250);
        let link = bench.dial("new", &address, 66);
        let words = mesh::Refusal::new(RefusalReason::WrongToken, "read me, operator");
        bench.say(link, Frame::Refused(words));
    }
    let notes = bench.take_notes();
    assert_eq!(count(&bench, RefusalReason::WrongToken), 3_000);
    assert!(notes.len() <= 1_024, "{}", notes.len());
    assert!(notes.iter().all(|note| !note.to_string().contains("operator")), "{}", notes[0]);
}

#[test]
fn an_impostor_overwatch_with_another_key() {
    let mut bench = learned();
    bench.hosts.get_mut("eu").unwrap().pinned = Some(KeyHash::from_bytes([9; 32]));
    bench.cut("eu");
    let reports = bench.hosts["eu"].reports.len();
    bench.take_notes();
    check(&mut bench, RefusalReason::OverwatchKeyChanged, |bench| bench.connect("eu"));
    let host = &bench.hosts["eu"];
    assert_eq!(host.complaints().len(), 1);
    assert_eq!(host.reports.len(), reports, "it tells an impostor nothing");
}

#[test]
fn an_impostor_overwatch_without_the_secrets() {
    for change in [
        (|settings: &mut overwatch::Settings| {
            settings.keys = MeshKeys::new([[8; 32]]).unwrap();
        }) as fn(&mut overwatch::Settings),
        |settings| {
            let guess = token(APP, "a-guessed-token-text", &[], &[]);
            settings.tokens = Tokens::new(vec![guess]).unwrap();
        },
    ] {
        let mut bench = Bench::with(change);
        bench.start(settings::agent("eu", "eu-west", EU), EU, 1);
        bench.observe("eu", connections("10.1.2.7", 85, 10));
        bench.advance(31_000);
        bench.connect("eu");
        let host = &bench.hosts["eu"];
        assert_eq!((host.pinned, host.reports.len()), (None, 0));
        assert_eq!(host.complaints().len(), 1, "{:?}", host.complaints());
        assert!(!bench.is_wired("eu"));
        assert_eq!(bench.standings(), []);
    }
}

#[test]
fn a_stolen_agent_id_with_another_key() {
    let mut bench = learned();
    check(&mut bench, RefusalReason::AgentKeyChanged, |bench| {
        let (link, said) = bench.join(identity("eu"), EU, 66);
        assert_eq!(refused(&said).map(|r| r.reason), Some(RefusalReason::AgentKeyChanged));
        assert!(!bench.is_open(link));
    });
    assert!(bench.is_wired("eu"), "the holder does not notice");
    assert_eq!(bench.standing(EU), "healthy");
}

#[test]
fn a_revoked_agent_and_what_was_its_own() {
    let mut bench = learned();
    bench.command(Command::Revoke(parsed("eu")));
    let lines = bench.take_notes();
    let [Note::Refused { .. }, Note::Commanded { .. }] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert!(!bench.is_wired("eu"));
    assert_eq!(bench.learned().len(), 1, "its rows are withdrawn");
    assert_eq!(bench.standing(EU), "unknown");
    // The same again; under another name; with another key.
    check(&mut bench, RefusalReason::AgentRevoked, |bench| bench.connect("eu"));
    check(&mut bench, RefusalReason::AgentRevoked, |bench| {
        bench.join(identity("renamed"), "10.2.1.70", 1);
    });
    check(&mut bench, RefusalReason::AgentRevoked, |bench| {
        bench.join(identity("eu"), "10.2.1.71", 66);
    });
    // A new agent with a new key is welcome, but not to the backend.
    let (link, said) = bench.join(identity("heir"), EU, 5);
    assert!(matches!(said.as_slice(), [Frame::Welcome(_)]), "{said:?}");
    check(&mut bench, RefusalReason::BackendBlocked, |bench| {
        let claim = registration("eu-west", vec![offer(APP, EU)]);
        assert!(refused(&bench.say(link, claim)).is_some());
    });
    assert_eq!(bench.standing(EU), "unknown");
    // All of that holds over a restart, too.
    bench.restart_overwatch();
    check(&mut bench, RefusalReason::AgentRevoked, |bench| bench.connect("eu"));
    let (link, _) = bench.join(identity("heir"), EU, 5);
    check(&mut bench, RefusalReason::BackendBlocked, |bench| {
        bench.say(link, registration("eu-west", vec![offer(APP, EU)]));
    });
    // An operator lets the heir have it.
    bench.command(Command::Approve { agent: parsed("heir"), key: None });
    assert!(!bench.is_open(link), "it offers all again on a new connection");
    let (link, _) = bench.join(identity("heir"), EU, 5);
    assert_eq!(bench.say(link, registration("eu-west", vec![offer(APP, EU)])), []);
    assert_eq!(bench.standing(EU), "healthy");
    bench.connect("eu");
    assert!(!bench.is_wired("eu"), "the old one stays out");
}

#[test]
fn claims_beyond_the_token() {
    // Each claim, why it is refused, and what of the claim would show if it were not.
    let claims = [
        ("db.demo.local", "eu-west", "10.2.1.12", RefusalReason::ServiceNotGranted),
        (APP, "us-east", "10.2.1.12", RefusalReason::RegionNotGranted),
        (APP, "eu-west", "10.66.1.12", RefusalReason::AddressNotGranted),
        (APP, "eu-west", SG, RefusalReason::BackendTaken),
    ];
    for (service, region, address, reason) in claims {
        let mut bench = learned();
        let standings = bench.standings();
        let (link, _) = bench.join(identity("third"), "10.2.1.12", 3);
        let claim = registration(region, vec![offer(service, address)]);
        bench.take_notes();
        let mut replies = Vec::new();
        let before = (table(&bench), count(&bench, reason));
        replies.extend(bench.say(link, claim.clone()));
        assert_eq!(refused(&replies).map(|refusal| refusal.reason), Some(reason));
        let lines = bench.take_notes();
        let refusals: Vec<&Note> =
            lines.iter().filter(|line| matches!(line, Note::Refused { .. })).collect();
        assert_eq!(refusals.len(), 1, "{lines:?}");
        assert!(refusals[0].to_string().contains(address), "{}", refusals[0]);
        assert_eq!(bench.standings(), standings, "{reason}");
        assert!(bench.is_open(link), "one bad claim does not end the session");
        // The same claim again is counted and not logged.
        bench.say(link, claim);
        assert_eq!(bench.take_notes(), []);
        assert_eq!(count(&bench, reason), before.1 + 2);
        // What it reports for that port counts for nobody.
        bench.say(link, report(1_000, 0, vec![row("10.7.7.0/24", 1)]));
        assert_eq!((bench.learned(), bench.learned_of("web.demo.local")), (before.0.0, before.0.1));
    }
}

#[test]
fn a_thousand_bad_claims_are_one_frame_and_a_thousand_counts() {
    let mut bench = learned();
    let (link, _) = bench.join(identity("third"), "10.2.1.12", 3);
    let claims = (0..1_000).map(|n| offer(APP, &format!("10.66.{}.{}", n / 250, n % 250)));
    let mut claims: Vec<BackendOffer> = claims.collect();
    claims.push(offer(APP, "10.2.1.12"));
    bench.take_notes();
    let said = bench.say(link, registration("eu-west", claims));
    let [Frame::Refused(refusal)] = said.as_slice() else { panic!("{} frames", said.len()) };
    assert!(refusal.to_string().contains("and 999 more"), "{refusal}");
    assert_eq!(count(&bench, RefusalReason::AddressNotGranted), 1_000);
    let refusals = bench.take_notes().into_iter().filter(|n| matches!(n, Note::Refused { .. }));
    assert_eq!(refusals.count(), 1);
    assert_eq!(bench.standing("10.2.1.12"), "healthy", "the one good claim stands");
}

#[test]
fn a_token_without_networks_speaks_for_its_own_machine_only() {
    let mut bench = Bench::with(|settings| {
        settings.tokens = Tokens::new(vec![token(APP, settings::TOKEN, &[], &[])]).unwrap();
    });
    let (link, _) = bench.join(identity("third"), "10.2.1.12", 3);
    assert_eq!(bench.say(link, registration("anywhere", vec![offer(APP, "10.2.1.12")])), []);
    check(&mut bench, RefusalReason::AddressNotGranted, |bench| {
        let offers = vec![offer(APP, "10.2.1.12"), offer(APP, "10.2.1.13")];
        bench.say(link, registration("anywhere", offers));
    });
    assert_eq!(
        (bench.standing("10.2.1.12"), bench.standing("10.2.1.13")),
        ("healthy".into(), "unknown".into())
    );
}

#[test]
fn stale_and_repeated_reports() {
    let mut bench = learned();
    let link = third(&mut bench);
    let said = bench.say(link, report(1_000, 0, vec![row("10.7.7.0/24", 30)]));
    assert!(matches!(said.as_slice(), [Frame::Ack(_)]), "{said:?}");
    let known = table(&bench);
    // The same again; a gap; an earlier life. Each ends the session, which goes on elsewhere.
    for (epoch, after, reason) in [
        (1_000, 0, RefusalReason::SequenceGap),
        (1_000, 7, RefusalReason::SequenceGap),
        (999, 0, RefusalReason::StaleEpoch),
    ] {
        bench.advance(300_000);
        let link = third(&mut bench);
        check(&mut bench, reason, |bench| {
            bench.say(link, report(epoch, after, vec![row("10.7.7.0/24", 1)]));
        });
        assert!(!bench.is_open(link), "{reason}");
        assert_eq!(table(&bench), known);
    }
    assert_eq!(bench.overwatch.table().counters().refused["out_of_sequence"], 2);
    assert_eq!(bench.overwatch.table().counters().refused["stale_epoch"], 1);
    // And where it left off it goes on.
    let link = third(&mut bench);
    let said = bench.say(link, report(1_000, 1, vec![row("10.7.8.0/24", 30)]));
    assert!(matches!(said.as_slice(), [Frame::Ack(_)]), "{said:?}");
}

#[test]
fn impossible_rows() {
    let wide = |subnet| vec![row(subnet, 1)];
    let mut absurd = row("10.7.7.0/24", 1);
    absurd.deviation_us = Rtt::MAX_US + 1;
    let mut empty = row("10.7.7.0/24", 1);
    empty.samples = 0;
    let rows = [
        (wide("0.0.0.0/0"), "too_wide"),
        (wide("::/0"), "too_wide"),
        (wide("10.0.0.0/7"), "too_wide"),
        (vec![absurd], "deviation_too_long"),
        (vec![empty], "no_samples"),
        (vec![row("10.7.8.0/24", 1), row("10.7.7.0/24", 1)], "unordered"),
        (vec![row("10.7.7.0/24", 1), row("10.7.7.0/24", 2)], "unordered"),
        // One bad row among good ones takes the whole report with it.
        (vec![row("10.0.0.0/7", 1), row("10.7.7.0/24", 2)], "too_wide"),
    ];
    for (rows, word) in rows {
        let mut bench = learned();
        let link = third(&mut bench);
        check(&mut bench, RefusalReason::InvalidReport, |bench| {
            // Past the codec, which would have refused most of them already.
            let frame = report(1_000, 0, rows.clone());
            let effects = bench.overwatch.handle(Event::FrameReceived { link, frame }, bench.now);
            bench.follow(effects);
        });
        assert_eq!(bench.overwatch.table().counters().refused[word], 1, "{word}");
        assert!(!bench.is_open(link));
        // No other session noticed.
        assert!(bench.is_wired("eu") && bench.is_wired("sg"));
    }
}

/// What was logged about limits since the last time.
fn limits(bench: &mut Bench) -> Vec<String> {
    let notes = bench.take_notes().into_iter();
    let limits = notes.filter(|note| matches!(note, Note::Limit(_)));
    limits.map(|note| note.to_string()).collect()
}

#[test]
fn of_more_rows_than_there_is_room_for_some_are_taken_and_that_is_said_once() {
    type Limited = (fn(&mut overwatch::Settings), &'static str, &'static str);
    let cases: [Limited; 2] = [
        (
            |settings| settings.table.rows_per_agent_max = 3,
            "an agent has more learned rows than are kept of one, 3: third; those observed longest ago make room: \
             raise overwatch.latency_table.max_rows_per_agent, or lower that agent's \
             agent.latency_learning.max_subnets",
            "no learned rows had to make room for two hours of third",
        ),
        (
            |settings| settings.table.rows_max = 3,
            "the table of learned rows is full: 3; new rows are left out, known ones stay fresh: raise \
             overwatch.latency_table.max_rows",
            "the table of learned rows had room for all new ones for two hours",
        ),
    ];
    for (limit, begins, ends) in cases {
        let mut bench = Bench::with(limit);
        let link = third(&mut bench);
        let many = |after| {
            let rows = (0..5).map(|n| row(&format!("10.7.{}.0/24", 10 * after + n), 1));
            report(1_000, after, rows.collect())
        };
        let mut lines = Vec::new();
        for after in 0..10 {
            let said = bench.say(link, many(after));
            assert!(matches!(said.as_slice(), [Frame::Ack(_)]), "{said:?}");
            assert_eq!(bench.overwatch.table().len(), 3);
            bench.advance(60_000);
            lines.extend(limits(&mut bench));
        }
        assert_eq!(lines, [begins]);
        assert!(bench.is_open(link));
        bench.advance(7_200_000);
        assert_eq!(limits(&mut bench), [ends]);
        bench.advance(3_600_000);
        assert_eq!(limits(&mut bench), [""; 0]);
    }
}

#[test]
fn of_each_agent_that_is_full_it_is_said() {
    let mut bench = Bench::with(|settings| settings.table.rows_per_agent_max = 3);
    let mut lines = Vec::new();
    let mut links = Vec::new();
    for number in 3..9u8 {
        let (name, address) = (format!("a{number}"), format!("10.2.1.{number}"));
        let (link, _) = bench.join(identity(&name), &address, number);
        bench.say(link, registration("eu-west", vec![offer(APP, &address)]));
        links.push(link);
    }
    let mut full = |bench: &mut Bench, links: &[LinkId]| {
        let rows: Vec<_> = (0..5).map(|n| row(&format!("10.7.{n}.0/24"), 1)).collect();
        for link in links {
            let said = bench.say(*link, report(1_000, 0, rows.clone()));
            assert!(matches!(said.as_slice(), [Frame::Ack(_)]), "{said:?}");
        }
        bench.advance(1_000);
        let who = limits(bench).into_iter();
        let who =
            who.map(|line| line.split_once(": ").unwrap().1.split(';').next().unwrap().to_owned());
        lines.extend(who);
        bench.advance(59_000);
    };
    full(&mut bench, &links[..1]);
    full(&mut bench, &links[1..2]);
    full(&mut bench, &links[2..]);
    assert_eq!(lines, ["a3", "a4", "a5, a6, a7 and 1 more"]);
}

#[test]
fn a_report_before_the_registration_or_for_another_port() {
    let mut bench = learned();
    let (link, _) = bench.join(identity("third"), "10.2.1.12", 3);
    check(&mut bench, RefusalReason::UnknownPort, |bench| {
        bench.say(link, report(1_000, 0, vec![row("10.7.7.0/24", 1)]));
    });
    assert!(bench.is_open(link));
}

#[test]
fn an_observation_in_the_future_is_none() {
    let mut bench = learned();
    let link = third(&mut bench);
    let mut ahead = row("10.7.7.0/24", 30);
    ahead.observed_at = Time::from_unix_ms(u64::MAX / 2);
    bench.say(link, report(1_000, 0, vec![ahead]));
    let page = bench.overwatch.latency_page(&overwatch::LatencyWanted::default(), usize::MAX);
    let entries = page.unwrap().entries;
    let entry = entries.iter().find(|entry| entry.subnet == "10.7.7.0/24").unwrap();
    // Kept to eight seconds.
    let now = Time::from_unix_ms(bench.now.unix_ms() / 8_000 * 8_000);
    assert_eq!(entry.last_updated, now.to_rfc3339());
}

#[test]
fn frames_out_of_place_end_a_session_and_count_as_one_refusal() {
    let mut bench = learned();
    let link = third(&mut bench);
    check(&mut bench, RefusalReason::UnexpectedFrame, |bench| {
        bench.say(link, Frame::Ack(latency::Position { epoch: 1, sequence: 1 }));
    });
    bench.advance(5_000);
    assert_eq!(bench.standing("10.2.1.12"), "doubtful", "as after any broken session");
    let agents = bench.overwatch.agent_list(bench.now).agents;
    let third = agents.iter().find(|agent| agent.agent_id == "third").unwrap();
    assert_eq!(third.status, "disconnected");
}

/// A bench whose mesh has a second service with a token of its own.
fn with_a_second_service(enrolment: overwatch::Enrolment) -> Bench {
    let mut bench = Bench::with(|settings| {
        settings.tokens = Tokens::new(vec![
            token(APP, settings::TOKEN, &[], &["10.0.0.0/8"]),
            token("db.demo.local", "the-token-of-the-database", &[], &["10.66.0.0/16"]),
        ])
        .unwrap();
        settings.enrolment = enrolment;
    });
    bench.start_demo();
    bench
}

/// Somebody with the mesh key and the other service's token who calls himself `eu`.
fn thief() -> AgentIdentity {
    AgentIdentity {
        service: parsed("db.demo.local"),
        tokens: vec![secret("the-token-of-the-database")],
        ..identity("eu")
    }
}

#[test]
fn a_token_of_another_service_never_gets_at_a_name() {
    let mut bench = with_a_second_service(overwatch::Enrolment::Auto);
    bench.observe("eu", connections("10.1.2.7", 85, 10));
    bench.advance(31_000);
    let before = (bench.standings(), bench.learned());
    // The real one is away for a moment.
    bench.cut("eu");
    bench.join(thief(), "10.66.0.1", 66);
    bench.connect("eu");
    assert!(bench.is_wired("eu"), "{:?}", bench.hosts["eu"].complaints());
    bench.advance(1_000);
    assert_eq!((bench.standings(), bench.learned()), before);
    assert_eq!(bench.overwatch.counters().refusals[&RefusalReason::AgentKeyChanged], 1);
}

#[test]
fn a_stranger_never_unseats_an_approved_agent() {
    let mut bench = with_a_second_service(overwatch::Enrolment::Approve);
    for name in ["eu", "sg"] {
        bench.command(Command::Approve { agent: parsed(name), key: None });
        bench.connect(name);
    }
    bench.cut("eu");
    // The right token does not help either: an operator has not seen the key.
    bench.join(identity("eu"), EU, 66);
    bench.join(thief(), "10.66.0.1", 67);
    bench.connect("eu");
    assert!(bench.is_wired("eu"), "{:?}", bench.hosts["eu"].complaints());
    let yes = Command::Approve { agent: parsed("eu"), key: None };
    assert_eq!(
        bench.overwatch.objection(&yes, &Said::default(), bench.now),
        Some(overwatch::Objection::WhichKey)
    );
}
