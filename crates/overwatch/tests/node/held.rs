//! An agent that was honest for long and then is not: held, named, and released by an operator.

use latency::{PortReport, Report, ReportRow, Suspicion};
use mesh::Frame;
use model::{AgentId, Rtt, Time};
use overwatch::{Command, Note, Said};

use crate::bench::{Bench, connections};
use crate::peers::mesh::Mesh;
use crate::settings::{START, parsed};

const HOUR_MS: u64 = 3_600_000;

/// Sixty networks connect to `eu`, so far away.
fn connect_all(bench: &mut Bench, ms: u32) {
    for n in 0..60 {
        bench.observe("eu", connections(&format!("10.9.{n}.7"), ms, 5));
    }
    bench.advance(31_000);
}

/// What is known of the first network, and what is said of the agent: why it is held, and the rows
/// that wait.
fn told(bench: &Bench) -> (u32, Option<String>, usize) {
    let ms = bench.learned().first().map_or(0, |row| row.2);
    let agents = bench.overwatch.agent_list(bench.now).agents;
    let agent = agents.into_iter().find(|agent| agent.agent_id == "eu").unwrap();
    let listed = bench.overwatch.learning_list().held_agents;
    let listed = listed.into_iter().find(|held| held.agent_id == agent.agent_id);
    assert_eq!(listed.map(|listed| listed.held), agent.held);
    (ms, agent.held.map(|held| held.reason), agent.latency_rows_waiting)
}

#[test]
fn an_agent_whose_networks_all_fall_is_held_until_it_is_accepted() {
    let mut bench = Bench::demo();
    connect_all(&mut bench, 80);
    assert_eq!(told(&bench), (80, None, 0));
    let accept = Command::Accept(parsed("eu"));
    let objection = bench.overwatch.objection(&accept, &Said::default(), bench.now).unwrap();
    assert_eq!(objection.to_string(), "the agent is not held: what it says counts");
    bench.advance(7 * HOUR_MS);
    connect_all(&mut bench, 80);
    bench.take_notes();
    for _ in 0..8 {
        connect_all(&mut bench, 40);
    }
    assert_eq!(told(&bench), (80, Some("fell".to_owned()), 60), "what it said before stands");
    let lines: Vec<String> = bench.take_notes().iter().map(Note::to_string).collect();
    let expect = "agent eu is held: 60 networks fell by more than 30 % at once; what it said before \
                  stays in force; where the change is real, say opengslb-cli learning accept eu";
    assert_eq!(lines.iter().filter(|line| *line == expect).count(), 1, "{lines:?}");
    // A restart forgets the rows, and not that the agent is held.
    bench.restart_overwatch();
    bench.connect("eu");
    bench.advance(31_000);
    assert_eq!(told(&bench), (0, Some("before".to_owned()), 60));
    bench.command(accept);
    let (ms, held, waiting) = told(&bench);
    assert!(ms < 56 && held.is_none() && waiting == 0, "{ms} {held:?} {waiting}");
    // Nor does a second restart know of it.
    bench.restart_overwatch();
    bench.connect("eu");
    bench.advance(31_000);
    assert!(told(&bench).1.is_none());
    let stranger = Command::Accept(parsed("nobody"));
    let objection = bench.overwatch.objection(&stranger, &Said::default(), bench.now).unwrap();
    assert_eq!(objection.to_string(), "there is none of that name here");
}

/// Networks of an agent with one and the same time, one report of it.
fn said(networks: &[String], ms: u64, (epoch, after): (u64, u64), now: Time) -> Frame {
    let rtt_us = Rtt::from_us(ms * 1_000).unwrap();
    let row = |network: &String| {
        let (subnet, min_rtt) = (parsed(network), rtt_us);
        let samples = 10_000;
        ReportRow { subnet, rtt_us, deviation_us: 0, min_rtt, samples, observed_at: now }
    };
    let mut rows: Vec<ReportRow> = networks.iter().map(row).collect();
    rows.sort_by_key(|row| row.subnet);
    let ports = vec![PortReport { port: 80, rows, refreshed: Vec::new() }];
    Frame::Report { epoch, report: Report { after, through: after + 1, ports } }
}

/// It tells one overwatch a word, and another one, which has that word from the first, a lie under the same
/// number.
#[test]
fn an_agents_own_word_is_judged_also_where_another_overwatch_was_faster() {
    let check = |networks: &str, ms: u64, expect: Suspicion| {
        let mut mesh = Mesh::new(2);
        let agent = mesh.start(&[0, 1]);
        mesh.advance(5);
        for hours in [0, 7] {
            mesh.now = START.plus_ms(hours * HOUR_MS + 10_000);
            mesh.advance(60);
            for n in 0..60 {
                mesh.observe(agent, connections(&format!("10.9.{n}.7"), 80 + n, 5));
            }
            mesh.advance(60);
        }
        // From now on it says what it wants.
        mesh.hosts[agent].value = None;
        let id: AgentId = parsed("agent-0");
        let at = mesh.at(1).table().position(&id).unwrap();
        assert_eq!(mesh.at(0).table().position(&id), Some(at));
        let (at, now) = ((at.epoch, at.sequence), mesh.now);
        mesh.say_as(agent, 1, said(&["10.77.0.0/24".to_owned()], 90, at, now));
        mesh.advance(3);
        assert_eq!(mesh.at(0).table().position(&id), mesh.at(1).table().position(&id));
        assert_eq!(mesh.at(0).table().rows_of(&id), 61);
        let lies: Vec<String> = (0..60).map(|n| format!("{networks}.{n}.0/24")).collect();
        mesh.say_as(agent, 0, said(&lies, ms, at, now));
        let held = mesh.at(0).table().held(&id).map(|held| (held.why, held.networks));
        assert_eq!(held, Some((expect, 60)));
        assert!(mesh.at(0).table().counters().held == 1);
        assert!(mesh.nodes[0].notes.iter().any(|note| note.to_string().contains("is held")));
    };
    check("10.10", 20, Suspicion::Alike);
    check("10.9", 30, Suspicion::Fell);
}

#[test]
fn how_busy_an_agent_is_is_told() {
    let mut bench = Bench::demo();
    bench.observe("eu", connections("10.9.1.7", 80, 30));
    bench.advance(31_000);
    let agents = bench.overwatch.agent_list(bench.now).agents;
    let agent = agents.iter().find(|agent| agent.agent_id == "eu").unwrap();
    assert_eq!(agent.open_connections, Some(0));
    assert!(agent.closes_per_second.is_some());
}
