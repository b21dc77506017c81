//! A small world with something of everything: zones with a delegation, wildcards and aliases,
//! steered names that learn, that go by geography and that have no server.

use std::num::NonZeroU32;
use std::sync::Arc;

use dns::{CookieKeys, NameBuf, RateLimiter, RateLimits};
use dnssec::{KeyRing, Layout, Signer};
use geo::{Country, CustomMapping, Geo};
use health::Standing;
use latency::RegionEstimate;
use model::{Region, Rtt, Subnet, SubnetWidths, Time};
use routing::{
    Algorithm, Constraint, DomainSettings, ExplorationTerms, HoldTerms, LearningTerms, Names,
    NonePolicy, RegionSettings, Server, ServerPool, compile,
};
use zone::{AliasTargets, HttpsTerms, SoaValues, Source, SteeredName, Steering, Zone, Zones};

use crate::{AnswerTerms, DomainView, EcsPolicy, View, Worker};

/// What stands beside the steered names.
const RECORDS: &str = "\
www CNAME app
away CNAME edge.example.net.
mail MX 10 app
*.wild TXT \"any\"
deep.er.still A 192.0.2.7
sub NS ns.sub
sub NS ns.elsewhere.example.
ns.sub A 192.0.2.53
long TXT \"0123456789012345678901234567890123456789012345678901234567890123456789\"
long TXT \"1123456789012345678901234567890123456789012345678901234567890123456789\"
long TXT \"2123456789012345678901234567890123456789012345678901234567890123456789\"
long TXT \"3123456789012345678901234567890123456789012345678901234567890123456789\"
long TXT \"4123456789012345678901234567890123456789012345678901234567890123456789\"
long TXT \"5123456789012345678901234567890123456789012345678901234567890123456789\"
long TXT \"6123456789012345678901234567890123456789012345678901234567890123456789\"
svc SVCB 1 app alpn=h2
_s._tcp SRV 1 2 443 app
";

/// Who is where by geography, and by the operator's word.
const COUNTRIES: [(&str, &str); 3] =
    [("10.0.0.0/8", "DE"), ("11.0.0.0/8", "SG"), ("2001:db8::/32", "DE")];

/// What was learned: network, region, milliseconds.
const ROWS: [(&str, &str, u64); 5] = [
    ("10.9.9.0/24", "sg", 20),
    ("10.9.9.0/24", "eu", 30),
    ("10.9.0.0/16", "eu", 10),
    ("11.1.2.3/32", "eu", 5),
    ("2001:db8:1::/48", "sg", 7),
];

/// What a steered name answers with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    One,
    /// Two servers, and HTTPS records.
    Two,
    /// There is no server.
    None,
    /// An alias for each region, one of them inside the zone.
    Alias,
}

/// The steered names, how each chooses, and what it answers with.
const DOMAINS: [(&str, Algorithm, Kind); 5] = [
    (
        "app.demo.local",
        Algorithm::LearnedLatency { max_latency_ms: None, min_samples: 1 },
        Kind::Two,
    ),
    ("geo.demo.local", Algorithm::Geolocation, Kind::One),
    ("none.demo.local", Algorithm::RoundRobin, Kind::None),
    ("child.demo.local", Algorithm::Weighted, Kind::One),
    ("*.cdn.demo.local", Algorithm::Geolocation, Kind::Alias),
];

const NOW: Time = Time::from_unix_ms(1_766_138_700_000);

/// The world; `None` would be a fault of these lines.
#[must_use]
pub fn view() -> Option<Arc<View>> {
    let countries =
        COUNTRIES.iter().map(|(network, code)| Some((subnet(network)?, code.parse().ok()?)));
    let countries = countries.collect::<Option<Vec<(Subnet, Country)>>>()?;
    let custom =
        CustomMapping { subnet: subnet("10.8.0.0/16")?, region: region("sg")?, comment: None };
    let geo = Arc::new(Geo::from_countries(&countries, &[custom]).ok()?);
    let domains = DOMAINS.iter().map(|(name, algorithm, kind)| {
        let settings = domain(name, *algorithm, *kind)?;
        let has_servers = matches!(kind, Kind::One | Kind::Two);
        let servers = if has_servers { servers()? } else { Vec::new() };
        let pool = Arc::new(ServerPool::new(&settings, servers));
        let map = Arc::new(compile(&Arc::new(settings), &geo, &rows()?, NOW));
        Some(DomainView { map, pool })
    });
    let terms = AnswerTerms {
        ecs: EcsPolicy { enabled: true, trusted: vec![Subnet::ALL_IPV4, Subnet::ALL_IPV6] },
        cookies: Some(CookieKeys::new([7; 16], Some([8; 16]))),
        udp_size: 1232,
        tcp_idle_ms: Some(10_000),
        nsid: Some("fixture".to_owned()),
        version: None,
        identity: Some("fixture".to_owned()),
    };
    let zones =
        vec![zone("demo.local", RECORDS, &[0, 1, 2, 4])?, zone("child.demo.local", "", &[3])?];
    Some(Arc::new(View {
        zones: Arc::new(Zones::new(zones).ok()?),
        domains: domains.collect::<Option<_>>()?,
        terms: Arc::new(terms),
        signers: Arc::new(std::iter::once(signer()?).collect()),
    }))
}

/// What signs the outer zone: with Ed25519, so that an answer is the same each time.
fn signer() -> Option<Arc<Signer>> {
    let terms = (Layout::Csk, dnssec::Algorithm::Ed25519);
    let ring = KeyRing::new("demo.local".parse().ok()?, terms, NOW, &mut || [7; 32]).ok()?;
    Some(Arc::new(ring.signer(3_600).ok()?))
}

/// A worker that sends one answer of a kind a second, and cuts every second one beyond.
pub(super) fn limited_worker() -> Worker {
    let one = Some(NonZeroU32::MIN);
    let limits = RateLimits {
        answers_per_s: one,
        no_names_per_s: one,
        referrals_per_s: one,
        errors_per_s: one,
        window_s: NonZeroU32::MIN,
        slip: NonZeroU32::new(2),
        widths: SubnetWidths { ipv4: 24, ipv6: 56 },
        exempt: Vec::new(),
        buckets: 4,
    };
    Worker::new(Some(RateLimiter::new(limits, [3; 16])))
}

fn domain(name: &str, algorithm: Algorithm, kind: Kind) -> Option<DomainSettings> {
    let of = |name, country: &str| {
        let countries = vec![country.parse().ok()?];
        Some(RegionSettings {
            name: region(name)?,
            countries,
            continents: Vec::new(),
            place: None,
            capacity: None,
        })
    };
    let bound = Constraint {
        networks: vec![subnet("10.66.0.0/16")?],
        countries: Vec::new(),
        regions: vec![region("sg")?],
    };
    Some(DomainSettings {
        name: name.to_owned(),
        service: name.trim_start_matches("*.").parse().ok()?,
        names: match kind {
            Kind::Alias => Names::Regions { unwatched: vec![region("eu")?, region("sg")?] },
            _ => Names::Servers,
        },
        algorithm,
        regions: vec![of("eu", "DE")?, of("sg", "SG")?],
        default_region: region("eu"),
        constraints: vec![bound],
        ttl_s: 30,
        shadow: None,
        none_healthy: NonePolicy::Servfail,
        learning: LearningTerms {
            is_frozen: false,
            exploration: ExplorationTerms { is_enabled: true, budget_ppm: 10_000, slot_ms: 60_000 },
            hold: HoldTerms {
                margin_us: 3_000,
                margin_permille: 30,
                dwell_ms: 300_000,
                moved_permille_per_minute: 50,
            },
        },
    })
}

fn servers() -> Option<Vec<Server>> {
    let addresses = [("eu", "10.2.1.10"), ("sg", "10.3.1.10"), ("eu", "2001:db8:2::10")];
    let server = |(name, address): (&str, &str)| {
        Some(Server {
            region: region(name)?,
            address: address.parse().ok()?,
            port: 443,
            weight: 100,
            standing: Standing::Up,
            last_up: Some(NOW),
            connect_rtt: None,
        })
    };
    addresses.into_iter().map(server).collect()
}

fn rows() -> Option<Vec<(Subnet, Region, RegionEstimate)>> {
    let row = |(network, name, ms): (&str, &str, u64)| {
        let rtt = Rtt::from_us(ms * 1_000).ok()?;
        let estimate =
            RegionEstimate { rtt, deviation_us: 0, samples: 9, observed_at: NOW, agents: 1 };
        Some((subnet(network)?, region(name)?, estimate))
    };
    ROWS.into_iter().map(row).collect()
}

fn zone(apex: &str, records: &str, steered: &[usize]) -> Option<Zone> {
    let apex: NameBuf = apex.parse().ok()?;
    let authority = Some(SoaValues {
        nameservers: Vec::new(),
        mailbox: None,
        serial: 1,
        refresh_s: 86_400,
        retry_s: 7_200,
        expire_s: 3_600_000,
        minimum_s: 60,
        ttl_s: 60,
    });
    let records = zone::zone_file::parse(records, apex.as_name(), 60).ok()?;
    let steered = steered.iter().map(|&index| {
        let (name, _, kind) = DOMAINS.get(index)?;
        Some(SteeredName { name: name.parse().ok()?, index, steering: steering(*kind)? })
    });
    let steered = steered.collect::<Option<_>>()?;
    Some(Zone::build(Source { apex, authority, records, steered }).ok()?.0)
}

fn steering(kind: Kind) -> Option<Steering> {
    Some(match kind {
        Kind::One | Kind::None => Steering::ONE_ADDRESS,
        Kind::Two => Steering::Addresses { answers: 2, https: HttpsTerms::new(&["h2"], None) },
        Kind::Alias => {
            let targets = ["mail.demo.local".parse().ok()?, "edge.example.net".parse().ok()?];
            Steering::Alias(AliasTargets::new(&targets, 30))
        }
    })
}

fn subnet(text: &str) -> Option<Subnet> {
    text.parse().ok()
}

fn region(name: &str) -> Option<Region> {
    name.parse().ok()
}
