//! What agents and overwatches are told: the settings of the product's own example, so that the
//! figures are those an operator would see. Durations are in milliseconds.

use std::collections::BTreeMap;
use std::net::IpAddr;

use agent::Offer;
use geo::{CustomMapping, Geo, GeoError};
use health::HeartbeatTerms;
use latency::{LearningSettings, RttSource, TableLimits};
use mesh::{MeshKeys, SecretError, Token, TokenSecret, Tokens};
use model::{Backend, BackendKey, NameError, Service, Subnet, SubnetWidths};
use overwatch::{AnswerTerms, CheckTerms, EcsPolicy, Enrolment, StaleTerms};
use routing::{Algorithm, DomainSettings, Names, NonePolicy, RegionSettings};
use zone::{SoaValues, Source, SteeredName, Steering, Zone, Zones};

use crate::resolver;
use crate::world::{Site, World};

/// Why nodes cannot be set up: a fault of these settings.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// A name outside the grammar.
    #[error("a name in the simulator's settings is none")]
    Name(#[from] NameError),
    /// Keys or tokens that cannot be used.
    #[error("the simulator's secrets cannot be used")]
    Secret(#[from] SecretError),
    /// Geography that cannot be built.
    #[error("the client networks cannot be mapped")]
    Geo(#[from] GeoError),
    /// A zone that cannot be built.
    #[error("the simulator's zone cannot be built")]
    Zone,
}

/// Where the server of each site listens.
pub(crate) const PORT: u16 = 443;

/// The zone around the one domain.
const ZONE: &str = "example.net";

/// Of no worth: nothing here leaves the process.
const MESH_KEY: [u8; 32] = [7; 32];
const TOKEN: &str = "a token of the simulator";

/// The connections that a row needs, at agent and domain.
pub(crate) const MIN_SAMPLES: u32 = 5;

/// A heartbeat each 10 s, three may be missed.
const HEARTBEAT: HeartbeatTerms = HeartbeatTerms { interval_ms: 10_000, missed_threshold: 3 };

/// The service that clients ask for.
pub(crate) fn service() -> Result<Service, NameError> {
    resolver::NAME.parse()
}

/// The agent of a site; learning where the policy has a use for it.
pub(crate) fn agent(site: &Site, min_samples: Option<u32>) -> Result<agent::Settings, SetUpError> {
    let key = BackendKey { service: service()?, address: site.server.into(), port: PORT };
    let backend = Backend { key, region: site.region.clone(), weight: 100 };
    Ok(agent::Settings {
        agent_id: format!("agent-{}", site.region).parse()?,
        region: site.region.clone(),
        token: TokenSecret::new(TOKEN.to_owned()),
        keys: MeshKeys::new([MESH_KEY])?,
        offers: vec![Offer { backend, listen_port: PORT, check: None }],
        heartbeat: HEARTBEAT,
        learning: min_samples.map(learning),
    })
}

const fn learning(min_samples: u32) -> LearningSettings {
    LearningSettings {
        poll_interval_ms: 10_000,
        min_connection_age_ms: 5_000,
        widths: SubnetWidths { ipv4: 24, ipv6: 48 },
        ewma_alpha: 0.3,
        max_subnets: 100_000,
        subnet_ttl_ms: 7 * 86_400_000,
        min_samples,
        report_interval_ms: 30_000,
        rtt_source: RttSource::Min,
        exclude: Vec::new(),
    }
}

/// An overwatch that knows no server: agents bring them.
pub(crate) fn overwatch(
    world: &World,
    name: &str,
    algorithm: Algorithm,
) -> Result<overwatch::Settings, SetUpError> {
    let token = Token {
        service: service()?,
        secret: TokenSecret::new(TOKEN.to_owned()),
        regions: Vec::new(),
        networks: Vec::new(),
    };
    Ok(overwatch::Settings {
        node_id: name.parse()?,
        region: None,
        keys: MeshKeys::new([MESH_KEY])?,
        tokens: Tokens::new(vec![token])?,
        enrolment: Enrolment::Auto,
        // Servers do not fail here, so nobody checks them.
        checks: CheckTerms {
            enabled: false,
            interval_ms: 30_000,
            timeout_ms: 5_000,
            smoothing_factors: BTreeMap::new(),
        },
        stale: StaleTerms { threshold_ms: 30_000, remove_after_ms: 300_000 },
        table: TableLimits {
            rows_per_agent_max: 100_000,
            rows_max: 12_000_000,
            ttl_ms: 7 * 86_400_000,
        },
        backends: Vec::new(),
        domains: vec![domain(world, algorithm)?],
        zones: zones()?,
        answers: AnswerTerms {
            ecs: EcsPolicy { enabled: true, trusted: Vec::new() },
            cookies: None,
            udp_size: 1232,
            tcp_idle_ms: None,
            nsid: None,
            version: None,
            identity: None,
        },
    })
}

/// The one zone, with the one domain in it.
fn zones() -> Result<Zones, SetUpError> {
    let name = |text: &str| text.parse().map_err(|_| SetUpError::Zone);
    let source = Source {
        apex: name(ZONE)?,
        authority: Some(SoaValues {
            nameservers: Vec::new(),
            mailbox: None,
            serial: 1,
            refresh_s: 86_400,
            retry_s: 7_200,
            expire_s: 3_600_000,
            minimum_s: 60,
            ttl_s: 60,
        }),
        records: Vec::new(),
        steered: vec![SteeredName {
            name: name(service()?.as_str())?,
            index: 0,
            steering: Steering::ONE_ADDRESS,
        }],
    };
    let (zone, _) = Zone::build(source).map_err(|_| SetUpError::Zone)?;
    Zones::new(vec![zone]).map_err(|_| SetUpError::Zone)
}

fn domain(world: &World, algorithm: Algorithm) -> Result<DomainSettings, NameError> {
    let regions = world.sites.iter().map(|site| RegionSettings {
        name: site.region.clone(),
        countries: Vec::new(),
        continents: Vec::new(),
        place: None,
    });
    Ok(DomainSettings {
        name: resolver::NAME.to_owned(),
        service: service()?,
        names: Names::Servers,
        algorithm,
        regions: regions.collect(),
        default_region: None,
        constraints: Vec::new(),
        ttl_s: 60,
        none_healthy: NonePolicy::LastHealthy,
    })
}

/// Perfect geography: each client network is mapped by hand to the site at the least distance.
pub(crate) fn geography(world: &World) -> Result<Geo, GeoError> {
    let mapped = world.networks.iter().filter_map(|network| {
        let region = world.sites.get(network.nearest)?.region.clone();
        Some(CustomMapping { subnet: network.subnet, region, comment: None })
    });
    Geo::build(None, None, &mapped.collect::<Vec<_>>())
}

/// The address of an overwatch: in a network of its own.
pub(crate) fn overwatch_address(number: usize) -> IpAddr {
    let host = u8::try_from(number).unwrap_or(u8::MAX);
    Subnet::host(IpAddr::from([10, 255, 0, host])).address()
}
