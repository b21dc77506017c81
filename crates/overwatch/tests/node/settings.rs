//! An overwatch and agents as a site would set them up. Every test changes only what it is about.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use dns::{CookieKeys, NameBuf};
use geo::{CustomMapping, Geo};
use health::{CheckKind, CheckSpec, HeartbeatTerms};
use latency::{LearningSettings, RttSource, TableLimits};
use mesh::{MeshKeys, Token, TokenSecret, Tokens};
use model::{Backend, BackendKey, Subnet, SubnetWidths, Time};
use overwatch::{AnswerTerms, CheckTerms, EcsPolicy, Enrolment, StaleTerms};
use routing::{
    Algorithm, DomainSettings, ExplorationTerms, HoldTerms, LearningTerms, Names, NonePolicy,
    RegionSettings,
};
use zone::{SoaValues, Source, SteeredName, Steering, Zone, Zones};

/// When every test begins.
pub(crate) const START: Time = Time::from_unix_ms(1_766_138_700_000);

pub(crate) const APP: &str = "app.demo.local";
pub(crate) const EU: &str = "10.2.1.10";
pub(crate) const SG: &str = "10.3.1.10";
/// What `app.demo.local` may be served with.
pub(crate) const TOKEN: &str = "the-token-of-the-app";
pub(crate) const MESH_KEY: [u8; 32] = [7; 32];
/// What cookies are made with.
pub(crate) const COOKIE_SECRET: [u8; 16] = [7; 16];

pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error:?}"))
}

/// `SERVICE ADDRESS`, at port 80.
pub(crate) fn key_of(service: &str, address: &str) -> BackendKey {
    BackendKey { service: parsed(service), address: parsed(address), port: 80 }
}

pub(crate) fn secret(text: &str) -> TokenSecret {
    TokenSecret::new(text.to_owned())
}

/// A token that is good for a service in these regions and networks.
pub(crate) fn token(service: &str, text: &str, regions: &[&str], networks: &[&str]) -> Token {
    Token {
        service: parsed(service),
        secret: secret(text),
        regions: regions.iter().map(|region| parsed(region)).collect(),
        networks: networks.iter().map(|network| parsed(network)).collect(),
    }
}

/// Nothing is tried: what a test did not measure stays unknown.
pub(crate) fn steering() -> LearningTerms {
    LearningTerms {
        is_frozen: false,
        exploration: ExplorationTerms { is_enabled: false, budget_ppm: 10_000, slot_ms: 60_000 },
        hold: HoldTerms {
            margin_us: 3_000,
            margin_permille: 30,
            dwell_ms: 300_000,
            moved_permille_per_minute: 50,
        },
    }
}

/// A domain of two regions; geography sends everybody it does not know to `ap-southeast`.
pub(crate) fn domain(name: &str, algorithm: Algorithm) -> DomainSettings {
    let region = |name| RegionSettings {
        name: parsed(name),
        countries: Vec::new(),
        continents: Vec::new(),
        place: None,
        capacity: None,
    };
    DomainSettings {
        name: name.to_owned(),
        service: parsed(name),
        names: Names::Servers,
        algorithm,
        regions: vec![region("eu-west"), region("ap-southeast")],
        default_region: Some(parsed("ap-southeast")),
        constraints: Vec::new(),
        ttl_s: 30,
        shadow: None,
        none_healthy: NonePolicy::LastHealthy,
        learning: steering(),
    }
}

pub(crate) const LEARNED: Algorithm =
    Algorithm::LearnedLatency { max_latency_ms: Some(300), min_samples: 5 };

/// The overwatch: two regions, no checks of its own.
pub(crate) fn overwatch() -> overwatch::Settings {
    let regions = ["eu-west", "ap-southeast"];
    let networks = ["10.2.0.0/16", "10.3.0.0/16", "2001:db8::/32"];
    let tokens = vec![
        token(APP, TOKEN, &regions, &networks),
        token("web.demo.local", TOKEN, &regions, &networks),
    ];
    let domains = vec![domain(APP, LEARNED), domain("web.demo.local", LEARNED)];
    overwatch::Settings {
        overwatches: Vec::new(),
        node_id: parsed("overwatch-us-east"),
        region: Some(parsed("us-east")),
        keys: MeshKeys::new([MESH_KEY]).unwrap(),
        tokens: Tokens::new(tokens).unwrap(),
        enrolment: Enrolment::Auto,
        checks: CheckTerms {
            enabled: false,
            interval_ms: 10_000,
            timeout_ms: 2_000,
            smoothing_factors: BTreeMap::new(),
        },
        stale: StaleTerms { threshold_ms: 30_000, remove_after_ms: 3_600_000 },
        table: TableLimits {
            rows_per_agent_max: 10_000,
            rows_max: 100_000,
            ttl_ms: 168 * 3_600_000,
        },
        backends: Vec::new(),
        signed: Vec::new(),
        zones: zones(
            &[ZoneLines::new("demo.local")],
            &[(APP, Steering::ONE_ADDRESS), ("web.demo.local", Steering::ONE_ADDRESS)],
        ),
        domains,
        answers: AnswerTerms {
            ecs: EcsPolicy { enabled: true, trusted: vec![Subnet::ALL_IPV4, Subnet::ALL_IPV6] },
            cookies: Some(CookieKeys::new(COOKIE_SECRET, None)),
            udp_size: 1232,
            tcp_idle_ms: Some(10_000),
            nsid: None,
            version: None,
            identity: None,
        },
    }
}

/// A zone and its own records, in the form of zone files.
pub(crate) struct ZoneLines {
    pub(crate) apex: String,
    pub(crate) records: String,
}

impl ZoneLines {
    /// A zone without records.
    pub(crate) fn new(apex: &str) -> Self {
        Self { apex: apex.to_owned(), records: String::new() }
    }
}

/// The zones with the domains in them.
pub(crate) fn zones(zones: &[ZoneLines], steered: &[(&str, Steering)]) -> Zones {
    let apexes: Vec<NameBuf> = zones.iter().map(|zone| parsed(&zone.apex)).collect();
    let deepest = |name: &NameBuf| {
        let holds = |apex: &&NameBuf| name.as_name().ends_with(apex.as_name());
        apexes.iter().filter(holds).max_by_key(|apex| apex.as_name().as_bytes().len()).cloned()
    };
    let build = |lines: &ZoneLines| {
        let apex: NameBuf = parsed(&lines.apex);
        let named = steered.iter().map(|(name, steering)| (parsed::<NameBuf>(name), steering));
        let here = named.enumerate().filter(|(_, (name, _))| deepest(name).as_ref() == Some(&apex));
        let steered = here.map(|(index, (name, steering))| {
            let steering = steering.clone();
            SteeredName { name, index, steering }
        });
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
        let records = zone::zone_file::parse(&lines.records, apex.as_name(), 60).unwrap();
        let steered = steered.collect();
        Zone::build(Source { apex, authority: Some(values), records, steered }).unwrap().0
    };
    Zones::new(zones.iter().map(build).collect()).unwrap()
}

/// Clients of `10.9.0.0/16` belong to `eu-west`.
pub(crate) fn geography() -> Arc<Geo> {
    let custom =
        CustomMapping { subnet: parsed("10.9.0.0/16"), region: parsed("eu-west"), comment: None };
    Arc::new(Geo::build(None, None, &[custom]).unwrap())
}

/// The brief's settings.
pub(crate) fn learning() -> LearningSettings {
    LearningSettings {
        poll_interval_ms: 10_000,
        min_connection_age_ms: 5_000,
        widths: SubnetWidths { ipv4: 24, ipv6: 48 },
        ewma_alpha: 0.3,
        averaging: latency::Averaging::Ewma,
        max_subnets: 100_000,
        subnet_ttl_ms: 168 * 3_600_000,
        min_samples: 5,
        report_interval_ms: 30_000,
        rtt_source: RttSource::Min,
        exclude: Vec::new(),
    }
}

/// An agent with one backend of the app on its own machine.
pub(crate) fn agent(name: &str, region: &str, address: &str) -> agent::Settings {
    agent::Settings {
        agent_id: parsed(name),
        region: parsed(region),
        token: secret(TOKEN),
        keys: MeshKeys::new([MESH_KEY]).unwrap(),
        offers: vec![offer(APP, region, address)],
        heartbeat: HeartbeatTerms { interval_ms: 10_000, missed_threshold: 3 },
        learning: Some(learning()),
        predictive: None,
    }
}

/// A backend without a check.
pub(crate) fn offer(service: &str, region: &str, address: &str) -> agent::Offer {
    let key = key_of(service, address);
    agent::Offer {
        listen_port: key.port,
        backend: Backend { key, region: parsed(region), weight: 100 },
        check: None,
    }
}

/// A check of a port.
pub(crate) fn tcp_check() -> CheckSpec {
    CheckSpec {
        kind: CheckKind::Tcp,
        interval_ms: 10_000,
        timeout_ms: 2_000,
        failure_threshold: 2,
        success_threshold: 1,
    }
}

/// An address of a text, for those who need one.
pub(crate) fn ip(text: &str) -> IpAddr {
    parsed(text)
}
