//! Servers that strain lose their share step by step, over the mesh, and certificates that end.

use std::sync::Arc;

use agent::{CpuTimes, Predictive, Vitals};
use geo::{CustomMapping, Geo};
use health::{Limit, Signal};
use model::Time;
use overwatch::{Event, Note};

use crate::bench::Bench;
use crate::settings::{self, EU, SG, parsed};

const DAY_MS: u64 = 86_400_000;

/// The two agents of the demo, of which `eu` watches its machine.
fn watched() -> Bench {
    // All of 10/8 is near eu: enough networks to see a tenth of them move.
    let (subnet, region) = (parsed("10.0.0.0/8"), parsed("eu-west"));
    let custom = CustomMapping { subnet, region, comment: None };
    let geo = Geo::build(None, None, &[custom]).unwrap();
    let mut bench = Bench::of(settings::overwatch(), Arc::new(geo));
    let agents = [("eu", "eu-west", EU, 1), ("sg", "ap-southeast", SG, 2)];
    for (name, region, address, key) in agents {
        let mut settings = settings::agent(name, region, address);
        if name == "eu" {
            let limit = Limit { threshold: 90.0, bleed_ms: 30_000 };
            let limits = [(Signal::Cpu, limit)].into();
            settings.predictive =
                Some(Predictive { check_interval_ms: 10_000, limits, error_window_ms: 60_000 });
        }
        bench.start(settings, address, key);
        bench.connect(name);
    }
    bench.advance(2_000);
    bench.take_notes();
    bench
}

/// Lets `seconds` go by with this much processor time in use at `eu`.
fn live(bench: &mut Bench, cpu: &mut CpuTimes, seconds: u64, percent: u64) {
    for _ in 0..seconds {
        cpu.total += 100;
        cpu.busy += percent;
        if (bench.now.unix_ms() / 1_000).is_multiple_of(10) {
            let vitals = Vitals { cpu: Some(*cpu), ..Vitals::default() };
            bench.tell_agent("eu", agent::Event::Looked(vitals));
        }
        bench.advance(1_000);
    }
}

/// How many of 400 networks near `eu` are sent to it.
fn at_eu(bench: &Bench) -> usize {
    let client = |n: u32| std::net::Ipv4Addr::from_bits(0x0a00_0007 + (n << 12)).to_string();
    let is_eu = |n: &u32| bench.steer(&client(*n)).0 == [EU.parse::<std::net::IpAddr>().unwrap()];
    (0..400).filter(is_eu).count()
}

/// What is said of `eu`'s server: its status, whose word that is, its share and what strains.
fn told(bench: &Bench) -> (String, String, Option<f64>, Option<String>) {
    let backends = bench.overwatch.backend_list(bench.now).backends;
    let eu = backends.into_iter().find(|backend| backend.address == EU).unwrap();
    let strain = eu.strain.map(|strain| strain.signal);
    (eu.effective_status, eu.authority, eu.strained_share, strain)
}

#[test]
fn a_server_that_strains_is_left_by_steps_and_comes_back_by_steps() {
    let mut bench = watched();
    let mut cpu = CpuTimes { busy: 0, total: 0 };
    let whole = at_eu(&bench);
    assert!(whole > 300, "{whole} of 400 networks are near eu");
    live(&mut bench, &mut cpu, 30, 50);
    assert_eq!(at_eu(&bench), whole);
    // Step by step: never more than two tenths within four seconds.
    let (mut before, mut steps) = (whole, 0);
    for _ in 0..15 {
        live(&mut bench, &mut cpu, 4, 97);
        let now = at_eu(&bench);
        assert!(now <= before, "{now} after {before}");
        assert!(before - now <= whole * 3 / 10, "a cliff from {before} to {now}");
        steps += usize::from(now < before);
        before = now;
    }
    assert_eq!(before, 0);
    assert!(steps >= 6, "{steps} steps");
    let (status, by, share, strain) = told(&bench);
    assert_eq!((status.as_str(), by.as_str()), ("draining", "draining"));
    assert_eq!((share, strain.as_deref()), (Some(0.1), Some("cpu")));
    live(&mut bench, &mut cpu, 90, 10);
    assert_eq!(told(&bench), ("healthy".to_owned(), told(&bench).1, None, None));
    // What went away comes back bit by bit, as after any absence.
    live(&mut bench, &mut cpu, 400, 10);
    assert_eq!(at_eu(&bench), whole);
    let lines: Vec<String> = bench.take_notes().iter().map(Note::to_string).collect();
    let said = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    let began = "1 backends of agent eu get less of the clients: cpu was 97.0, its limit is 90";
    assert_eq!(said(began), 1, "{lines:?}");
    assert_eq!(said("all backends of agent eu get their whole share again"), 1, "{lines:?}");
}

#[test]
fn the_last_server_is_never_drained_by_strain() {
    let mut bench = watched();
    let mut cpu = CpuTimes { busy: 0, total: 0 };
    live(&mut bench, &mut cpu, 60, 97);
    assert_eq!(told(&bench).0, "draining");
    bench.stop("sg");
    bench.advance(3_000);
    assert_eq!(told(&bench).0, "healthy");
    assert_eq!(at_eu(&bench), 400, "it is all there is");
}

#[test]
fn who_starts_anew_or_is_gone_strains_no_more() {
    let mut bench = watched();
    let mut cpu = CpuTimes { busy: 0, total: 0 };
    live(&mut bench, &mut cpu, 40, 97);
    assert!(told(&bench).2.is_some());
    bench.stop("eu");
    bench.advance(3_000);
    assert!(told(&bench).2.is_none(), "{:?}", told(&bench));
}

#[test]
fn a_certificate_that_ends_is_said_once_and_shown() {
    let mut bench = Bench::with(|settings| settings.checks.enabled = true);
    let mut eu = settings::agent("eu", "eu-west", EU);
    eu.offers[0].check = Some(settings::tcp_check());
    bench.start(eu, EU, 1);
    bench.connect("eu");
    bench.advance(2_000);
    let backend = bench.watched.keys().next().expect("something is checked").clone();
    let days = |bench: &Bench| {
        let backends = bench.overwatch.backend_list(bench.now).backends;
        let shown = backends.iter().find(|b| b.address == backend.address.to_string()).unwrap();
        shown.certificate_days_left
    };
    let see = |bench: &mut Bench, ends: Time| {
        bench.tell(Event::CertificateSeen { backend: backend.clone(), ends });
        let lines: Vec<String> = bench.take_notes().iter().map(Note::to_string).collect();
        lines.into_iter().filter(|line| line.contains("certificate")).collect::<Vec<_>>()
    };
    let now = bench.now;
    assert!(see(&mut bench, now.plus_ms(22 * DAY_MS)).is_empty());
    assert_eq!(days(&bench), Some(22));
    let expect = format!("backend {backend} shows a certificate that ends in 20 days");
    assert_eq!(see(&mut bench, now.plus_ms(21 * DAY_MS - 1)), [expect]);
    assert!(see(&mut bench, now.plus_ms(21 * DAY_MS - 1)).is_empty(), "once");
    let expect = format!("backend {backend} shows a certificate that ended 1 days ago");
    assert_eq!(see(&mut bench, now.minus_ms(1)), [expect]);
    assert_eq!(days(&bench), Some(-1));
    assert_eq!(bench.overwatch.certificates(bench.now), (Some(-1), 1));
}
