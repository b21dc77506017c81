//! Each key of `latency_learning`, and `max_latency_ms`, from a socket to the answer: through an
//! agent, the wire, the overwatch and a query. Each test fails if its key is ignored.

use std::net::SocketAddr;

use dns::RecordType;
use latency::{LearningSettings, RttSource};
use model::{Sample, SocketState};
use routing::Algorithm;

use crate::bench::{Bench, LearnedRow, closed, connections};
use crate::settings::{self, APP, EU, SG, START, domain, ip, parsed};
use crate::wire::Question;

/// A bench with one agent of `eu-west` that learns by changed settings.
fn bench(change: impl FnOnce(&mut LearningSettings)) -> Bench {
    let mut bench = Bench::new();
    let mut settings = settings::agent("eu", "eu-west", EU);
    settings.learning.as_mut().map(change).unwrap();
    bench.start(settings, EU, 1);
    bench.connect("eu");
    bench.advance(0);
    bench
}

/// What the overwatch knows, one row a subnet of `eu-west`: subnet, milliseconds, samples.
fn rows(bench: &Bench) -> Vec<(String, u32, u64)> {
    let row = |(subnet, region, ms, samples): LearnedRow| {
        assert_eq!(region, "eu-west");
        (subnet, ms, samples)
    };
    bench.learned().into_iter().map(row).collect()
}

fn row(subnet: &str, ms: u32, samples: u64) -> (String, u32, u64) {
    (subnet.to_owned(), ms, samples)
}

/// When a list of moments lies behind the start, in milliseconds.
fn since_start(moments: impl IntoIterator<Item = model::Time>) -> Vec<u64> {
    moments.into_iter().map(|at| at.ms_since(START)).collect()
}

/// A socket that is open.
fn open(client: &str, cookie: u64, bytes_acked: u64) -> Sample {
    Sample { cookie, bytes_acked, state: SocketState::Open, ..closed(client, 85) }
}

#[test]
fn from_a_socket_to_the_answer() {
    let mut bench = bench(|_| ());
    let (before, reason) = bench.steer("10.1.2.7");
    assert_eq!((before, reason.as_str()), (vec![ip(EU)], "geo_fallback"), "eu-west has a server");
    bench.observe("eu", connections("10.1.2.7", 85, 10));
    bench.advance(31_000);
    assert_eq!(rows(&bench), [row("10.1.2.0/24", 85, 10)]);
    let (after, reason) = bench.steer("10.1.2.7");
    assert_eq!((after, reason.as_str()), (vec![ip(EU)], "learned_latency"));
}

#[test]
fn enabled() {
    let mut bench = Bench::new();
    let mut settings = settings::agent("eu", "eu-west", EU);
    settings.learning = None;
    bench.start(settings, EU, 1);
    bench.connect("eu");
    bench.hosts.get_mut("eu").unwrap().open = vec![open("10.1.2.7", 1, 1_000)];
    bench.observe("eu", connections("10.1.2.7", 85, 10));
    bench.advance(3_600_000);
    assert_eq!(rows(&bench), []);
    let host = &bench.hosts["eu"];
    assert_eq!((host.polls.len(), host.reports.len()), (0, 0));
    assert!(host.agent.learning().is_none());
    // It serves all the same.
    assert_eq!(bench.standing(EU), "healthy");
    assert_eq!(host.complaints(), Vec::<String>::new());
    assert_eq!(host.heartbeats.len(), 360);
}

#[test]
fn poll_interval() {
    for (interval_ms, expect) in
        [(10_000, vec![0, 10_000, 20_000, 30_000]), (17_000, vec![0, 17_000, 34_000])]
    {
        let mut bench = bench(|learning| learning.poll_interval_ms = interval_ms);
        bench.advance(35_000);
        assert_eq!(since_start(bench.hosts["eu"].polls.clone()), expect);
    }
    // It is the interval of the average too: what closed in it is one step.
    for (interval_ms, ms) in [(10_000, 55), (30_000, 100)] {
        let mut bench = bench(|learning| {
            learning.poll_interval_ms = interval_ms;
            learning.ewma_alpha = 0.5;
            learning.report_interval_ms = 60_000;
        });
        bench.advance(1_000);
        bench.observe("eu", connections("10.1.2.7", 10, 5));
        bench.advance(15_000);
        bench.observe("eu", connections("10.1.2.7", 100, 6));
        bench.advance(50_000);
        assert_eq!(rows(&bench), [row("10.1.2.0/24", ms, 11)], "{interval_ms}");
    }
}

#[test]
fn report_interval() {
    for interval_ms in [30_000, 7_000] {
        let mut bench = bench(|learning| {
            learning.report_interval_ms = interval_ms;
            learning.poll_interval_ms = 1_000;
        });
        // Something new to tell all the time.
        for _ in 0..90 {
            bench.observe("eu", connections("10.1.2.7", 85, 5));
            bench.advance(1_000);
        }
        let reports = bench.hosts["eu"].reports.iter().map(|(at, _)| *at);
        let expect: Vec<u64> =
            (1..).map(|n| n * interval_ms).take_while(|ms| *ms <= 90_000).collect();
        assert_eq!(since_start(reports), expect);
    }
}

#[test]
fn min_connection_age() {
    for (age_ms, samples) in [(5_000, 3), (25_000, 1)] {
        let mut bench = bench(|learning| {
            learning.min_connection_age_ms = age_ms;
            learning.min_samples = 1;
            // The minimum of a busy socket counts once in five minutes, whatever its age.
            learning.rtt_source = RttSource::Smoothed;
        });
        // A socket that transfers all the time: seen first at 10 s, then at 20 and at 30 s.
        for bytes in [1_000, 2_000, 3_000, 4_000] {
            bench.hosts.get_mut("eu").unwrap().open = vec![open("10.1.2.7", 1, bytes)];
            bench.advance(10_000);
        }
        bench.hosts.get_mut("eu").unwrap().open.clear();
        bench.advance(30_000);
        assert_eq!(rows(&bench), [row("10.1.2.0/24", 105, samples)], "{age_ms}");
    }
}

#[test]
fn min_samples_of_the_agent() {
    let mut bench = bench(|learning| learning.min_samples = 8);
    bench.observe("eu", connections("10.1.2.7", 85, 7));
    bench.observe("eu", connections("10.1.3.7", 85, 8));
    bench.advance(61_000);
    assert_eq!(rows(&bench), [row("10.1.3.0/24", 85, 8)]);
    bench.observe("eu", vec![closed("10.1.2.7", 85)]);
    bench.advance(61_000);
    assert_eq!(rows(&bench), [row("10.1.2.0/24", 85, 8), row("10.1.3.0/24", 85, 8)]);
}

#[test]
fn min_samples_of_the_domain() {
    let mut bench = Bench::with(|settings| {
        let algorithm = Algorithm::LearnedLatency { max_latency_ms: None, min_samples: 8 };
        settings.domains = vec![domain(APP, algorithm)];
    });
    bench.start_demo();
    bench.observe("eu", connections("10.1.2.7", 85, 7));
    bench.observe("sg", connections("10.1.2.7", 220, 8));
    bench.advance(31_000);
    assert_eq!(bench.learned().len(), 2, "the table has both");
    assert_eq!(bench.steer("10.1.2.7"), (vec![ip(SG)], "learned_latency".to_owned()));
    bench.observe("eu", vec![closed("10.1.2.7", 85)]);
    bench.advance(31_000);
    assert_eq!(bench.steer("10.1.2.7"), (vec![ip(EU)], "learned_latency".to_owned()));
}

#[test]
fn max_subnets() {
    let mut bench = bench(|learning| learning.max_subnets = 2);
    for subnet in ["10.1.1.7", "10.1.2.7", "10.1.3.7"] {
        bench.observe("eu", connections(subnet, 85, 5));
        bench.advance(1_000);
    }
    bench.advance(30_000);
    // The one seen longest ago made room.
    assert_eq!(rows(&bench), [row("10.1.2.0/24", 85, 5), row("10.1.3.0/24", 85, 5)]);
    assert_eq!(bench.hosts["eu"].agent.learning().unwrap().0.evicted, 1);
}

#[test]
fn subnet_ttl() {
    for (hours, samples) in [(1, 5), (3, 10)] {
        let mut bench = bench(|learning| learning.subnet_ttl_ms = hours * 3_600_000);
        bench.observe("eu", connections("10.1.2.7", 85, 5));
        bench.advance(2 * 3_600_000);
        // After two hours of silence the row is gone, at the agent and at the overwatch, or it is not.
        let left = if hours < 2 { Vec::new() } else { vec![row("10.1.2.0/24", 85, 5)] };
        assert_eq!(rows(&bench), left, "{hours}");
        let reason = if hours < 2 { "geo_fallback" } else { "learned_latency" };
        assert_eq!(bench.steer("10.1.2.7").1, reason);
        // And a row that comes anew counts from nothing.
        bench.observe("eu", connections("10.1.2.7", 85, 5));
        bench.advance(31_000);
        assert_eq!(rows(&bench), [row("10.1.2.0/24", 85, samples)], "{hours}");
    }
}

#[test]
fn ewma_alpha() {
    for (alpha, ms) in [(0.3, 127), (0.9, 207), (1.0, 220)] {
        let mut bench = bench(|learning| learning.ewma_alpha = alpha);
        bench.observe("eu", connections("10.1.2.7", 87, 5));
        bench.advance(31_000);
        assert_eq!(rows(&bench), [row("10.1.2.0/24", 87, 5)]);
        bench.observe("eu", connections("10.1.2.7", 220, 5));
        bench.advance(31_000);
        let [(_, told, 10)] = rows(&bench)[..] else { panic!("{:?}", rows(&bench)) };
        assert!(told.abs_diff(ms) <= 1, "{alpha}: {told}");
    }
}

#[test]
fn ipv4_prefix() {
    for (length, expect) in [
        (24, vec![row("10.1.2.0/24", 10, 5), row("10.1.3.0/24", 20, 5)]),
        (22, vec![row("10.1.0.0/22", 15, 10)]),
        (16, vec![row("10.1.0.0/16", 15, 10)]),
        (32, vec![row("10.1.2.7/32", 10, 5), row("10.1.3.7/32", 20, 5)]),
    ] {
        let mut bench = bench(|learning| learning.widths.ipv4 = length);
        bench.observe("eu", connections("10.1.2.7", 10, 5));
        bench.observe("eu", connections("10.1.3.7", 20, 5));
        bench.advance(31_000);
        let known = rows(&bench);
        let near = |(a, b): (&(String, u32, u64), &(String, u32, u64))| {
            (&a.0, a.2) == (&b.0, b.2) && a.1.abs_diff(b.1) <= 5
        };
        assert!(known.len() == expect.len() && known.iter().zip(&expect).all(near), "{known:?}");
    }
    // The answer holds for just such a network.
    for length in [16, 22, 24, 32] {
        let mut bench = bench(|learning| learning.widths.ipv4 = length);
        bench.observe("eu", connections("10.1.2.7", 10, 5));
        bench.advance(31_000);
        let question = Question::new(APP, RecordType::A).of_network("10.1.2.7/32");
        let (answer, reason) = bench.ask(&question, "192.0.2.1");
        assert_eq!(answer.ecs, Some(("10.1.2.7/32".to_owned(), length)));
        assert_eq!(reason, "learned_latency");
    }
}

#[test]
fn ipv6_prefix() {
    for (length, subnet) in
        [(48, "2001:db8:7::/48"), (56, "2001:db8:7:4200::/56"), (22, "2001:c00::/22")]
    {
        let mut bench = bench(|learning| learning.widths.ipv6 = length);
        bench.observe("eu", connections("2001:db8:7:42aa::1", 40, 5));
        bench.advance(31_000);
        assert_eq!(rows(&bench), [row(subnet, 40, 5)]);
        for (client, reason) in
            [("2001:db8:7:42bb::2", "learned_latency"), ("2001:1db8::1", "geo_fallback")]
        {
            let network = format!("{client}/128");
            let question = Question::new(APP, RecordType::AAAA).of_network(&network);
            let (answer, because) = bench.ask(&question, "192.0.2.1");
            assert_eq!(because, reason, "{client} by /{length}");
            if reason == "learned_latency" {
                assert_eq!(answer.ecs, Some((network, length)));
            }
        }
    }
}

#[test]
fn rtt_source() {
    for (source, ms) in [(RttSource::Min, 85), (RttSource::Smoothed, 105)] {
        let mut bench = bench(|learning| learning.rtt_source = source);
        bench.observe("eu", connections("10.1.2.7", 85, 5));
        bench.advance(31_000);
        let [(_, told, 5)] = rows(&bench)[..] else { panic!("{:?}", rows(&bench)) };
        assert!(told.abs_diff(ms) <= 1, "{source:?}: {told}");
    }
}

#[test]
fn exclude() {
    let mut bench = bench(|learning| learning.exclude = vec![parsed("10.1.2.0/25")]);
    bench.observe("eu", connections("10.1.2.7", 85, 5));
    bench.observe("eu", connections("10.1.2.200", 40, 6));
    bench.advance(31_000);
    assert_eq!(rows(&bench), [row("10.1.2.0/24", 40, 6)]);
}

#[test]
fn max_latency_ms() {
    for (max_latency_ms, address, reason) in [
        (None, EU, "learned_latency"),
        (Some(300), EU, "learned_latency"),
        (Some(80), SG, "geo_fallback"),
    ] {
        let mut bench = Bench::with(|settings| {
            let algorithm = Algorithm::LearnedLatency { max_latency_ms, min_samples: 5 };
            settings.domains = vec![domain(APP, algorithm)];
        });
        bench.start_demo();
        bench.observe("eu", connections("10.9.1.7", 85, 5));
        bench.advance(31_000);
        assert_eq!(bench.steer("10.9.1.7"), (vec![ip(address)], reason.to_owned()));
        // The API tells the limit.
        let told = bench.overwatch.domain_list().domains[0].latency_config.clone().unwrap();
        assert_eq!((told.max_latency_ms, told.min_samples), (max_latency_ms, Some(5)));
    }
}

#[test]
fn what_the_overwatch_checks_from_is_not_learned_from() {
    let mut bench = bench(|_| ());
    bench.tell(overwatch::Event::ProbeSource(ip("10.1.1.10")));
    bench.run();
    bench.observe("eu", connections("10.1.1.10", 85, 5));
    bench.observe("eu", connections("10.1.1.11", 85, 6));
    bench.advance(31_000);
    assert_eq!(rows(&bench), [row("10.1.1.0/24", 85, 6)]);
    // A source that was known before the agent came is told with the welcome.
    bench.start(settings::agent("sg", "ap-southeast", SG), SG, 2);
    bench.connect("sg");
    bench.observe("sg", connections("10.1.1.10", 1, 5));
    bench.advance(61_000);
    assert_eq!(bench.learned().len(), 1);
    // And while the overwatch is away it still counts: its checks may still be under way.
    bench.cut("sg");
    bench.observe("sg", connections("10.1.1.10", 1, 5));
    bench.connect("sg");
    bench.advance(61_000);
    assert_eq!(bench.learned().len(), 1);
}

#[test]
fn what_an_agent_checks_itself_is_not_learned_from() {
    let mut bench = bench(|_| ());
    // Its own address and the loopback.
    let mut own = connections(EU, 1, 10);
    own.extend(connections("127.0.0.1", 1, 10));
    bench.observe("eu", own);
    // The overwatches' addresses that were known at start.
    bench.advance(61_000);
    assert_eq!(rows(&bench), []);
    assert_eq!(bench.hosts["eu"].agent.learning().unwrap().0.admitted, 0);
}

#[test]
fn a_thousand_short_connections_are_a_thousand_samples() {
    let mut bench = bench(|_| ());
    for _ in 0..20 {
        bench.observe("eu", connections("10.1.2.7", 2, 50));
        bench.advance(700);
    }
    bench.advance(61_000);
    assert_eq!(rows(&bench), [row("10.1.2.0/24", 2, 1_000)]);
}

#[test]
fn two_services_on_one_port_learn_together() {
    let mut bench = Bench::new();
    let mut settings = settings::agent("eu", "eu-west", EU);
    settings.offers.push(settings::offer("web.demo.local", "eu-west", EU));
    bench.start(settings, EU, 1);
    bench.connect("eu");
    bench.observe("eu", connections("10.1.2.7", 85, 5));
    bench.advance(31_000);
    let expect = [("10.1.2.0/24".to_owned(), "eu-west".to_owned(), 85, 5)];
    assert_eq!(bench.learned(), expect);
    assert_eq!(bench.learned_of("web.demo.local"), expect);
    for name in [APP, "web.demo.local"] {
        let (answer, reason) = bench.ask(&Question::new(name, RecordType::A), "10.1.2.7");
        assert_eq!((answer.addresses, reason.as_str()), (vec![ip(EU)], "learned_latency"));
    }
}

#[test]
fn an_agent_on_the_proxy_learns_for_the_servers_behind_it() {
    let mut bench = Bench::new();
    let mut settings = settings::agent("proxy", "eu-west", "10.2.1.1");
    settings.offers = ["10.2.1.10", "10.2.1.11"]
        .map(|address| agent::Offer {
            listen_port: 8_443,
            ..settings::offer(APP, "eu-west", address)
        })
        .into();
    bench.start(settings, "10.2.1.1", 1);
    bench.connect("proxy");
    // Clients end at the proxy's port; what the proxy opens to its servers is nobody's client.
    let at = |port: u16| {
        let local = SocketAddr::new(ip("10.2.1.1"), port);
        connections("10.1.2.7", 85, 5).into_iter().map(move |sample| Sample { local, ..sample })
    };
    bench.observe("proxy", at(8_443).collect());
    bench.observe("proxy", at(80).collect());
    bench.advance(31_000);
    assert_eq!(rows(&bench), [row("10.1.2.0/24", 85, 5)]);
    let mut answers: Vec<_> =
        bench.overwatch.backend_list(bench.now).backends.into_iter().collect();
    answers.retain(|backend| backend.effective_status == "healthy");
    assert_eq!(answers.len(), 2);
    assert_eq!(bench.steer("10.1.2.7").1, "learned_latency");
}

#[test]
fn a_full_table_goes_in_chunks_and_a_reconnect_goes_on_from_there() {
    let mut bench = bench(|_| ());
    let clients = (0..10_000).map(|n: u32| format!("10.{}.{}.7", 100 + n / 256, n % 256));
    let samples = clients.flat_map(|client| connections(&client, 85, 5)).collect();
    bench.observe("eu", samples);
    bench.advance(31_000);
    assert_eq!(bench.learned().len(), 10_000);
    let sizes: Vec<usize> = bench.hosts["eu"].reports.iter().map(|(_, r)| r.len()).collect();
    assert_eq!(sizes, [4_096, 4_096, 1_808]);
    // Nothing is sent twice.
    bench.cut("eu");
    bench.connect("eu");
    assert_eq!(bench.hosts["eu"].reports.len(), 3);
    // A new agent process is a new life: everything comes again, and the old rows stay until then.
    let resumed =
        bench.hosts["eu"].notes.iter().any(|note| note.to_string().contains("go on after 10000"));
    assert!(resumed, "{:?}", bench.hosts["eu"].notes);
}

#[test]
fn few_addresses_behind_most_samples_are_told_once() {
    let mut bench = bench(|_| ());
    for _ in 0..20 {
        bench.observe("eu", connections("10.1.2.7", 85, 200));
        bench.advance(10_000);
    }
    let lines: Vec<String> = bench.hosts["eu"].complaints();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("latency") && lines[0].contains("10.1.2.7"), "{lines:?}");
}
