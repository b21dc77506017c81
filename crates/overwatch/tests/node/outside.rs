//! Times from outside: they count as an agent's do, for what the source may speak for and no longer
//! than it is trusted.

use overwatch::{Command, Event, OutsideFault, OutsideRow, OutsideSource, OutsideTaken};

use crate::bench::Bench;
use crate::settings::{self, APP, EU, SG, parsed};

/// Two agents without a connection, and a source for both regions.
fn bench() -> Bench {
    let mut bench = Bench::new();
    for (name, region, address, key) in [("eu", "eu-west", EU, 1), ("sg", "ap-southeast", SG, 2)] {
        bench.start(settings::agent(name, region, address), address, key);
        bench.connect(name);
    }
    bench.advance(0);
    trust(&mut bench, &[source(&["eu-west", "ap-southeast"])]);
    bench
}

fn source(regions: &[&str]) -> OutsideSource {
    let regions = regions.iter().map(|region| parsed(region)).collect();
    OutsideSource { name: parsed("probe"), service: parsed(APP), regions }
}

fn trust(bench: &mut Bench, sources: &[OutsideSource]) {
    bench.tell(Event::OutsideSources(sources.to_vec()));
}

/// `10.1.2.0/24 eu-west 85` a row; a region may be left out.
fn report(bench: &mut Bench, rows: &[&str]) -> Result<OutsideTaken, OutsideFault> {
    let row = |text: &&str| {
        let words: Vec<&str> = text.split(' ').collect();
        let (subnet, ms) = (parsed(words[0]), words.last().unwrap());
        let region = (words.len() == 3).then(|| parsed(words[1]));
        let rtt = model::Rtt::from_us(ms.parse::<u64>().unwrap() * 1_000).unwrap();
        OutsideRow { region, subnet, rtt, samples: 50 }
    };
    let rows = rows.iter().map(row).collect();
    bench.tell(Event::OutsideReport { source: parsed("probe"), rows });
    bench.overwatch.outside_taken(&parsed("probe")).cloned().unwrap()
}

#[test]
fn what_a_source_said_can_be_forgotten_and_said_anew() {
    let mut bench = bench();
    let row = "10.1.2.0/24 eu-west 85";
    report(&mut bench, &[row]).unwrap();
    assert_eq!(
        report(&mut bench, &["10.1.3.0/24 85"]),
        Err(OutsideFault::WhichRegion(parsed("10.1.3.0/24")))
    );
    let source = |bench: &Bench| bench.overwatch.source_list(bench.now).sources.remove(0);
    let told = source(&bench);
    assert_eq!((told.name.as_str(), told.latency_rows), ("probe", 1));
    assert_eq!(told.regions, ["ap-southeast", "eu-west"]);
    assert_eq!(told.last_report, Some(bench.now.to_rfc3339()));
    assert!(told.refused.unwrap().contains("names no region"));
    let said = overwatch::Said { by: "test".to_owned(), ..Default::default() };
    let forget = Command::ForgetSource(parsed("probe"));
    assert_eq!(bench.overwatch.objection(&forget, &said, bench.now), None);
    let nobody = Command::ForgetSource(parsed("nobody"));
    assert!(bench.overwatch.objection(&nobody, &said, bench.now).is_some());
    bench.tell(Event::Command { command: forget, said });
    assert!(learned(&bench).is_empty());
    let told = source(&bench);
    assert_eq!((told.latency_rows, told.last_report, told.refused), (0, None, None));
    report(&mut bench, &[row]).unwrap();
    assert_eq!(learned(&bench).len(), 1);
}

fn learned(bench: &Bench) -> Vec<String> {
    let line = |(subnet, region, ms, samples)| format!("{subnet} {region} {ms} {samples}");
    bench.learned().into_iter().map(line).collect()
}

#[test]
fn what_a_source_reports_steers_like_what_an_agent_learned() {
    let mut bench = bench();
    assert_eq!(bench.steer("10.1.2.7").1, "geo_fallback");
    let taken = report(&mut bench, &["10.1.2.0/24 eu-west 20", "10.1.2.0/24 ap-southeast 220"]);
    assert_eq!(taken, Ok(OutsideTaken { rows: 2, waiting: 0, left_out: 0, is_held: false }));
    assert_eq!(learned(&bench), ["10.1.2.0/24 ap-southeast 220 50", "10.1.2.0/24 eu-west 20 50"]);
    bench.advance(1_000);
    let (servers, reason) = bench.steer("10.1.2.7");
    assert_eq!((servers, reason.as_str()), (vec![settings::ip(EU)], "learned_latency"));
    // A later report replaces the row, and leaves the others.
    report(&mut bench, &["10.1.2.0/24 eu-west 25"]).unwrap();
    assert_eq!(learned(&bench), ["10.1.2.0/24 ap-southeast 220 50", "10.1.2.0/24 eu-west 25 50"]);
}

#[test]
fn a_report_is_taken_whole_or_refused_whole() {
    let mut bench = bench();
    for (rows, expect) in [
        (&["10.1.2.0/24 eu-west 20", "10.1.3.0/24 us-east 20"][..], "no region us-east"),
        (&["10.1.2.0/24 eu-west 20", "10.1.3.0/24 20"], "names no region"),
        (&["10.1.2.0/24 eu-west 20", "10.1.2.0/24 eu-west 30"], "10.1.2.0/24 is there twice"),
        (&["10.1.2.0/24 eu-west 20", "0.0.0.0/0 eu-west 30"], "0.0.0.0/0 is wider"),
    ] {
        let fault = report(&mut bench, rows).unwrap_err();
        assert!(fault.to_string().contains(expect), "{rows:?}: {fault}");
        assert!(learned(&bench).is_empty(), "{rows:?}");
    }
    // With one region it need not be named.
    trust(&mut bench, &[source(&["eu-west"])]);
    report(&mut bench, &["10.1.2.0/24 20"]).unwrap();
    assert_eq!(learned(&bench), ["10.1.2.0/24 eu-west 20 50"]);
}

#[test]
fn what_a_source_said_goes_with_its_trust() {
    let mut bench = bench();
    let both = ["10.1.2.0/24 eu-west 20", "10.1.2.0/24 ap-southeast 220"];
    report(&mut bench, &both).unwrap();
    // The same again changes nothing.
    trust(&mut bench, &[source(&["ap-southeast", "eu-west"])]);
    assert_eq!(learned(&bench).len(), 2);
    trust(&mut bench, &[source(&["ap-southeast"])]);
    assert_eq!(learned(&bench), ["10.1.2.0/24 ap-southeast 220 50"]);
    // A region that comes back begins anew, and reports go on.
    trust(&mut bench, &[source(&["ap-southeast", "eu-west"])]);
    assert_eq!(learned(&bench).len(), 1);
    report(&mut bench, &both).unwrap();
    assert_eq!(learned(&bench).len(), 2);
    trust(&mut bench, &[]);
    assert!(learned(&bench).is_empty());
    bench.tell(Event::OutsideReport { source: parsed("probe"), rows: Vec::new() });
    assert!(bench.overwatch.outside_taken(&parsed("probe")).is_none());
}

#[test]
fn a_source_is_held_and_accepted_as_an_agent_is() {
    let mut bench = bench();
    let rows = |ms: u32| -> Vec<String> {
        (0..100).map(|n| format!("10.1.{n}.0/24 eu-west {}", ms + n)).collect()
    };
    let send = |bench: &mut Bench, ms| {
        let rows = rows(ms);
        report(bench, &rows.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
    };
    // Long enough for what is usual to be known.
    for _ in 0..8 {
        send(&mut bench, 200);
        bench.advance(3_600_000);
    }
    // All fall at once: a lie, or a new cable.
    assert!(send(&mut bench, 20).is_held);
    let held: Vec<String> =
        bench.overwatch.learning_list().held_agents.into_iter().map(|held| held.agent_id).collect();
    assert_eq!(held, ["outside:probe"]);
    let accept = Command::Accept(model::AgentId::of_source(&parsed("probe")));
    bench.command(accept);
    assert!(bench.overwatch.learning_list().held_agents.is_empty());
    assert!(learned(&bench).iter().any(|row| row.contains("10.1.0.0/24 eu-west 20 ")));
}
