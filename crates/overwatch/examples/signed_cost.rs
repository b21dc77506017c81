//! What signing costs: `cargo run --release -p overwatch --example signed_cost`.
//!
//! The query path alone, without sockets: answers without and with signatures that were made before,
//! in turns, so that the machine's moods hit both; then floods of names that do not exist, of askers
//! who want signatures and of others, and what memory they take.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "an example shows, and stops where it is surprised"
)]

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use dns::{NameBuf, RecordType};
use dnssec::{Algorithm, KeyRing, Layout};
use geo::{CustomMapping, Geo};
use health::Standing;
use model::{Subnet, Time};
use overwatch::{
    AnswerTerms, Asker, DomainView, EcsPolicy, Signers, Transport, View, Worker, resolve,
};
use routing::{
    DomainSettings, ExplorationTerms, HoldTerms, LearningTerms, Names, NonePolicy, RegionSettings,
    Server, ServerPool,
};
use zone::{SoaValues, Source, SteeredName, Steering, Zone, Zones};

/// Rounds of each kind, and questions in one: 20 ms a round or more, so that a timer tick is little.
const ROUNDS: usize = 15;
const QUESTIONS: u32 = 50_000;

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Time::from_unix_ms(u64::try_from(since.as_millis()).unwrap())
}

/// One steered name, `app.example`, with six servers of which an answer names two.
fn view(algorithm: Option<Algorithm>) -> View {
    let region: model::Region = parsed("eu-west");
    let settings = DomainSettings {
        name: "app.example".to_owned(),
        service: parsed("app.example"),
        names: Names::Servers,
        algorithm: routing::Algorithm::Geolocation,
        regions: vec![RegionSettings {
            name: region.clone(),
            countries: Vec::new(),
            continents: Vec::new(),
            place: None,
            capacity: None,
        }],
        default_region: Some(region.clone()),
        constraints: Vec::new(),
        ttl_s: 30,
        shadow: None,
        none_healthy: NonePolicy::LastHealthy,
        learning: LearningTerms {
            is_frozen: false,
            exploration: ExplorationTerms { is_enabled: false, budget_ppm: 1, slot_ms: 60_000 },
            hold: HoldTerms {
                margin_us: 3_000,
                margin_permille: 30,
                dwell_ms: 300_000,
                moved_permille_per_minute: 50,
            },
        },
    };
    let server = |host: u8| Server {
        region: region.clone(),
        address: [192, 0, 2, host].into(),
        port: 443,
        weight: 100,
        standing: Standing::Up,
        last_up: None,
        connect_rtt: None,
    };
    let pool = Arc::new(ServerPool::new(&settings, (1..=6).map(server).collect()));
    let subnet = parsed("10.1.0.0/16");
    let geo = Geo::build(None, None, &[CustomMapping { subnet, region, comment: None }]);
    let map = routing::compile(&Arc::new(settings), &Arc::new(geo.unwrap()), &[], Time::EPOCH);
    let terms = AnswerTerms {
        ecs: EcsPolicy { enabled: true, trusted: vec![Subnet::ALL_IPV4, Subnet::ALL_IPV6] },
        cookies: None,
        udp_size: 1232,
        tcp_idle_ms: None,
        nsid: None,
        version: None,
        identity: None,
    };
    let signer = algorithm.map(|algorithm| {
        let mut draw = || [7; 32];
        let ring = KeyRing::new(parsed("example"), (Layout::Csk, algorithm), now(), &mut draw);
        Arc::new(ring.unwrap().signer(3_600).unwrap())
    });
    View {
        zones: Arc::new(zones()),
        domains: vec![DomainView { map: Arc::new(map), pool }],
        terms: Arc::new(terms),
        signers: Arc::new(signer.into_iter().collect::<Signers>()),
    }
}

fn zones() -> Zones {
    let values = SoaValues {
        nameservers: Vec::new(),
        mailbox: None,
        serial: 1,
        refresh_s: 86_400,
        retry_s: 7_200,
        expire_s: 3_600_000,
        minimum_s: 60,
        ttl_s: 60,
    };
    let steering = Steering::Addresses { answers: 2, https: None };
    let steered = vec![SteeredName { name: parsed("app.example"), index: 0, steering }];
    let (apex, authority) = (parsed("example"), Some(values));
    let source = Source { apex, authority, records: Vec::new(), steered };
    Zones::new(vec![Zone::build(source).unwrap().0]).unwrap()
}

/// A question for an address, with or without the wish for signatures.
fn query(name: &str, dnssec_ok: bool) -> Vec<u8> {
    let name: NameBuf = parsed(name);
    let mut bytes = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    bytes.extend(name.as_name().as_bytes());
    bytes.extend([RecordType::A.0, 1].map(u16::to_be_bytes).concat());
    bytes.extend([0, 0, 41, 4, 208, 0, 0, if dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
    bytes
}

/// Asks many questions; how many microseconds one takes.
fn run(view: &View, worker: &mut Worker, mut packet: impl FnMut(u32) -> Vec<u8>) -> f64 {
    let packets: Vec<Vec<u8>> = (0..QUESTIONS).map(&mut packet).collect();
    let mut buffer = vec![0; 1_232];
    let (address, local) = ([10, 1, 2, 3].into(), [10, 1, 1, 10].into());
    let began = Instant::now();
    // The edge reads the clock once for a batch.
    for batch in packets.chunks(64) {
        let asker = Asker { address, local, transport: Transport::Udp, now: now() };
        for packet in batch {
            std::hint::black_box(resolve(view, &asker, packet, worker, &mut buffer));
        }
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(QUESTIONS)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap()
}

/// Runs two kinds in turns; the medians of both, and of their ratio.
fn compare(mut one: impl FnMut() -> f64, mut other: impl FnMut() -> f64) -> (f64, f64, f64) {
    let pairs: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (one(), other())).collect();
    let (ones, others) = pairs.iter().copied().unzip();
    let ratios = pairs.iter().map(|(one, other)| other / one).collect();
    (median(ones), median(others), median(ratios))
}

/// Memory in use, in kB, where the system says so.
fn memory_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn main() {
    for algorithm in Algorithm::ALL {
        let (plain, signed) = (view(None), view(Some(algorithm)));
        let (mut first, mut second) = (Worker::new(None), Worker::new(None));
        // All that can be said is signed once.
        run(&signed, &mut second, |_| query("app.example", true));
        let (unsigned_us, signed_us, ratio) = compare(
            || run(&plain, &mut first, |_| query("app.example", false)),
            || run(&signed, &mut second, |_| query("app.example", true)),
        );
        println!(
            "{algorithm}: unsigned {unsigned_us:.2} us, signed {signed_us:.2} us, x {ratio:.2}"
        );
        let before_kb = memory_kb();
        let mut serial = 0_u64;
        let mut name = move || {
            serial += 1;
            format!("a{:x}.example", serial.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        };
        for dnssec_ok in [false, true] {
            let mut names = || name();
            let (plain_us, flood_us, ratio) = compare(
                || run(&plain, &mut first, |_| query("app.example", false)),
                || run(&signed, &mut second, |_| query(&names(), dnssec_ok)),
            );
            let wish = if dnssec_ok { "wanting signatures" } else { "wanting none" };
            println!("  flood {wish}: {flood_us:.2} us beside {plain_us:.2} us, x {ratio:.2}");
        }
        println!("  memory {before_kb} kB before the floods, {} kB after", memory_kb());
    }
}
