//! A query allocates nothing, whatever it is answered with: an allocator that counts, and the whole
//! way from bytes to bytes.

#![expect(clippy::unwrap_used, reason = "a test may stop where it is surprised")]

use std::num::NonZeroU32;
use std::sync::Arc;

use dns::{CookieKeys, NameBuf, RateLimiter, RateLimits, RecordType};
use dnssec::KeyRing;
use geo::{CustomMapping, Geo};
use health::Standing;
use model::{SubnetWidths, Time};
use overwatch::{
    AnswerTerms, Asker, DomainView, EcsPolicy, Outcome, Signers, Transport, View, Worker, resolve,
};
use routing::{
    Algorithm, DomainMap, DomainSettings, ExplorationTerms, HoldTerms, LearningTerms, Names,
    NonePolicy, RegionSettings, Server, ServerPool,
};
use testkit::{CountingHeap, allocations};
use zone::{
    AliasTargets, HttpsTerms, SoaValues, Source, SteeredName, Steering, Zone, Zones, zone_file,
};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// Steered names: addresses with HTTPS, an alias, and a wildcard.
fn steerings() -> Vec<(&'static str, Steering)> {
    let https = HttpsTerms::new(&["h2", "h3"], Some(8443));
    let targets: [NameBuf; 2] = [parsed("www.example"), parsed("no.such.example")];
    vec![
        ("app.example", Steering::Addresses { answers: 4, https }),
        ("alias.example", Steering::Alias(AliasTargets::new(&targets, 30))),
        ("*.any.example", Steering::ONE_ADDRESS),
    ]
}

fn zones() -> Zones {
    let apex: NameBuf = parsed("example");
    let text = "www A 192.0.2.1\nal CNAME www\nmx MX 1 www\nto-app CNAME app\nto-alias CNAME alias\n\
                *.w TXT x\na.b.c TXT x\ndel NS ns.del\nns.del A 192.0.2.2\n";
    let records = zone_file::parse(text, apex.as_name(), 60).unwrap();
    let steered = (0..).zip(steerings());
    let steered = steered.map(|(index, (name, steering))| SteeredName {
        name: parsed(name),
        index,
        steering,
    });
    let values = SoaValues {
        nameservers: Vec::new(),
        mailbox: None,
        serial: 1,
        refresh_s: 2,
        retry_s: 3,
        expire_s: 4,
        minimum_s: 5,
        ttl_s: 6,
    };
    let steered = steered.collect();
    let source = Source { apex, authority: Some(values), records, steered };
    Zones::new(vec![Zone::build(source).unwrap().0]).unwrap()
}

/// Clients of 10.1.0.0/16 go to the first region, all others to the second.
fn domain(name: &str, steering: &Steering) -> DomainView {
    let region = |name| RegionSettings {
        name: parsed(name),
        countries: Vec::new(),
        continents: Vec::new(),
        place: None,
        capacity: None,
    };
    let unwatched = vec![parsed("eu-west"), parsed("us-east")];
    let settings = DomainSettings {
        name: name.to_owned(),
        service: parsed(name.trim_start_matches("*.")),
        names: match steering {
            Steering::Alias(_) => Names::Regions { unwatched },
            Steering::Addresses { .. } => Names::Servers,
        },
        algorithm: Algorithm::LearnedLatency { max_latency_ms: Some(300), min_samples: 5 },
        regions: vec![region("eu-west"), region("us-east")],
        default_region: Some(parsed("us-east")),
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
    let server = |(region, address): (&str, String)| Server {
        region: parsed(region),
        address: parsed(&address),
        port: 443,
        weight: if address.ends_with('1') { 300 } else { 100 },
        standing: Standing::Up,
        last_up: None,
        connect_rtt: None,
    };
    let servers = ["eu-west", "us-east"].into_iter().flat_map(|region| {
        let of = move |host| [format!("192.0.2.{host}"), format!("2001:db8::{host}")];
        (1..=6).flat_map(of).map(move |address| server((region, address)))
    });
    let pool = Arc::new(ServerPool::new(&settings, servers.collect()));
    DomainView { map: map(settings), pool }
}

fn map(settings: DomainSettings) -> Arc<DomainMap> {
    let custom =
        CustomMapping { subnet: parsed("10.1.0.0/16"), region: parsed("eu-west"), comment: None };
    let geo = Arc::new(Geo::build(None, None, &[custom]).unwrap());
    Arc::new(routing::compile(&Arc::new(settings), &geo, &[], Time::EPOCH))
}

fn view(signers: Signers) -> View {
    let domains = steerings().iter().map(|(name, steering)| domain(name, steering)).collect();
    let terms = AnswerTerms {
        ecs: EcsPolicy { enabled: true, trusted: vec![parsed("10.0.0.0/8")] },
        cookies: Some(CookieKeys::new([7; 16], None)),
        udp_size: 1232,
        tcp_idle_ms: Some(10_000),
        nsid: Some("one".to_owned()),
        version: None,
        identity: Some("one".to_owned()),
    };
    View { zones: Arc::new(zones()), domains, terms: Arc::new(terms), signers: Arc::new(signers) }
}

fn worker() -> Worker {
    let rate = NonZeroU32::new(1_000);
    let limits = RateLimits {
        answers_per_s: rate,
        no_names_per_s: rate,
        referrals_per_s: rate,
        errors_per_s: rate,
        window_s: NonZeroU32::MIN,
        slip: NonZeroU32::new(2),
        widths: SubnetWidths { ipv4: 24, ipv6: 56 },
        exempt: Vec::new(),
        buckets: 64,
    };
    Worker::new(Some(RateLimiter::new(limits, [3; 16])))
}

/// A question with the client's network, a cookie and a wish for the server's name (RFC 1035, 4.1; RFC
/// 6891, 6.1.2; RFC 7871, 6; RFC 7873, 4.1; RFC 5001, 2.1).
fn query(name: &str, qtype: RecordType, signed: bool) -> Vec<u8> {
    let name: NameBuf = parsed(name);
    let mut bytes = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    bytes.extend(name.as_name().as_bytes());
    bytes.extend([qtype.0, 1].map(u16::to_be_bytes).concat());
    let options: [&[u8]; 3] = [
        &[0, 8, 0, 7, 0, 1, 24, 0, 10, 1, 2],
        &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0, 3, 0, 0],
    ];
    let options = options.concat();
    let dnssec_ok = if signed { 0x80 } else { 0 };
    bytes.extend([0, 0, 41, 4, 208, 0, 0, dnssec_ok, 0, 0, u8::try_from(options.len()).unwrap()]);
    bytes.extend(options);
    bytes
}

/// The response code, the number of answers, and whether somebody was steered.
fn ask(view: &View, worker: &mut Worker, packet: &[u8], buffer: &mut [u8]) -> (u8, u8, bool) {
    let (address, local) = ([10, 1, 2, 3].into(), [10, 1, 1, 10].into());
    let now = Time::from_unix_ms(1_766_138_700_000);
    let asker = Asker { address, local, transport: Transport::Udp, now };
    let reply = resolve(view, &asker, packet, worker, buffer);
    let is_steered = matches!(reply.outcome, Outcome::Steered { .. });
    (reply.bytes[3] & 0x0f, reply.bytes[7], is_steered)
}

#[test]
fn the_count_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn no_query_allocates() {
    let (view, mut worker, mut buffer) = (view(Signers::default()), worker(), vec![0; 1_232]);
    for (name, qtype, expect) in [
        // Static: records, aliases, wildcards, nothing, a referral, an address of our own.
        ("www.example", "A", (0, 1, false)),
        ("al.example", "A", (0, 2, false)),
        ("mx.example", "MX", (0, 1, false)),
        ("x.w.example", "TXT", (0, 1, false)),
        ("c.example", "A", (0, 0, false)),
        ("no.example", "A", (3, 0, false)),
        ("x.del.example", "A", (0, 0, false)),
        ("ns1.example", "A", (0, 1, false)),
        ("example", "SOA", (0, 1, false)),
        ("example.org", "A", (5, 0, false)),
        ("example", "AXFR", (5, 0, false)),
        // Steered: four servers, HTTPS, a wildcard, through an alias.
        ("app.example", "A", (0, 4, true)),
        ("App.Example", "AAAA", (0, 4, true)),
        ("app.example", "HTTPS", (0, 1, true)),
        ("app.example", "ANY", (0, 4, true)),
        ("x.any.example", "A", (0, 1, true)),
        ("to-app.example", "A", (0, 5, true)),
        // Steered aliases: followed, and not.
        ("alias.example", "A", (0, 2, true)),
        ("alias.example", "CNAME", (0, 1, true)),
        ("alias.example", "TXT", (0, 1, true)),
        ("to-alias.example", "A", (0, 3, true)),
    ] {
        let packet = query(name, parsed(qtype), false);
        let mut found = (0, 0, false);
        // The second time, too: nothing is put off.
        for _ in 0..2 {
            let count = allocations(|| found = ask(&view, &mut worker, &packet, &mut buffer));
            assert_eq!((found, count), (expect, 0), "{name} {qtype}");
        }
    }
    // What is no question is answered, or not, without an allocation too.
    for packet in [&[][..], &[0; 12], &query("www.example", RecordType::A, false)[..30]] {
        let asker = Asker {
            address: [10, 1, 2, 3].into(),
            local: [10, 1, 1, 10].into(),
            transport: Transport::Tcp,
            now: Time::EPOCH,
        };
        let mut length = 0;
        let count = allocations(|| {
            length = resolve(&view, &asker, packet, &mut worker, &mut buffer).bytes.len();
        });
        assert_eq!((length > 0, count), (packet.len() >= 12, 0), "{packet:?}");
    }
}

/// What signs the zone, with the algorithm whose signatures are made with random numbers.
fn signers() -> Signers {
    let terms = (dnssec::Layout::KskZsk, dnssec::Algorithm::EcdsaP256Sha256);
    let mut next = 0;
    let mut draw = || {
        next += 1;
        [next; 32]
    };
    let ring = KeyRing::new(parsed("example"), terms, Time::EPOCH, &mut draw).unwrap();
    std::iter::once(Arc::new(ring.signer(60).unwrap())).collect()
}

#[test]
fn no_signed_answer_allocates_once_it_was_signed() {
    let (view, mut buffer) = (view(signers()), vec![0; 1_232]);
    // Without limits: the room for signatures is made with the first.
    let mut worker = Worker::new(None);
    ask(&view, &mut worker, &query("example", RecordType::SOA, true), &mut buffer);
    for (name, qtype, expect) in [
        ("www.example", "A", (0, 2, false)),
        ("al.example", "A", (0, 4, false)),
        ("mx.example", "MX", (0, 2, false)),
        ("x.w.example", "TXT", (0, 2, false)),
        ("c.example", "A", (0, 0, false)),
        ("no.example", "A", (0, 0, false)),
        ("x.del.example", "A", (0, 0, false)),
        ("ns1.example", "A", (0, 2, false)),
        ("example", "DNSKEY", (0, 3, false)),
        ("example", "CDS", (0, 2, false)),
        ("www.example", "NSEC", (0, 2, false)),
        ("www.example", "RRSIG", (0, 1, false)),
        ("app.example", "A", (0, 5, true)),
        ("app.example", "HTTPS", (0, 2, true)),
        ("app.example", "TXT", (0, 0, false)),
        ("x.any.example", "A", (0, 2, true)),
        ("alias.example", "A", (0, 4, true)),
    ] {
        let packet = query(name, parsed(qtype), true);
        // Servers take turns: all that can be given is signed first.
        for _ in 0..64 {
            ask(&view, &mut worker, &packet, &mut buffer);
        }
        for _ in 0..64 {
            let mut found = (0, 0, false);
            let count = allocations(|| found = ask(&view, &mut worker, &packet, &mut buffer));
            assert_eq!((found, count), (expect, 0), "{name} {qtype}");
        }
    }
}
