//! What agents and overwatches are told: the settings of the product's own example, so that the
//! figures are those an operator would see. Durations are in milliseconds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use agent::Offer;
use geo::{CustomMapping, Geo, GeoError, Placed};
use health::HeartbeatTerms;
use latency::{Averaging, LearningSettings, RttSource, TableLimits};
use mesh::{MeshKeys, SecretError, Token, TokenSecret, Tokens};
use model::{Backend, BackendKey, NameError, Service, Subnet, SubnetWidths};
use overwatch::{AnswerTerms, CheckTerms, EcsPolicy, Enrolment, StaleTerms};
use routing::{
    DomainSettings, ExplorationTerms, HoldTerms, LearningTerms, Names, NonePolicy, RegionSettings,
};
use zone::{SoaValues, Source, SteeredName, Steering, Zone, Zones};

use crate::policies::Policy;
use crate::providers::Providers;
use crate::scenario::Scenario;
use crate::world::{Site, World, WorldError};
use crate::{places, resolver, words};

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
    /// An operator speaks of what is not in the world.
    #[error("the scenario does not fit")]
    World(#[from] WorldError),
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

/// A heartbeat each 10 s, three may be missed.
const HEARTBEAT: HeartbeatTerms = HeartbeatTerms { interval_ms: 10_000, missed_threshold: 3 };

/// The service that clients ask for.
pub(crate) fn service() -> Result<Service, NameError> {
    resolver::NAME.parse()
}

/// The agent of a site; learning where the policy has a use for it.
pub(crate) fn agent(site: &Site, learns: Option<&Scenario>) -> Result<agent::Settings, SetUpError> {
    let key = BackendKey { service: service()?, address: site.server.into(), port: PORT };
    let backend = Backend { key, region: site.region.clone(), weight: 100 };
    Ok(agent::Settings {
        agent_id: format!("agent-{}", site.region).parse()?,
        region: site.region.clone(),
        token: TokenSecret::new(TOKEN.to_owned()),
        keys: MeshKeys::new([MESH_KEY])?,
        offers: vec![Offer { backend, listen_port: PORT, check: None }],
        heartbeat: HEARTBEAT,
        learning: learns.map(learning),
        predictive: None,
    })
}

const fn learning(scenario: &Scenario) -> LearningSettings {
    LearningSettings {
        poll_interval_ms: 10_000,
        min_connection_age_ms: 5_000,
        widths: SubnetWidths { ipv4: 24, ipv6: 48 },
        ewma_alpha: 0.3,
        averaging: if scenario.robust_average { Averaging::Robust } else { Averaging::Ewma },
        max_subnets: 100_000,
        subnet_ttl_ms: 7 * 86_400_000,
        min_samples: scenario.agent_min_samples,
        report_interval_ms: scenario.report_interval_s * 1000,
        rtt_source: RttSource::Min,
        exclude: Vec::new(),
    }
}

/// An overwatch that knows no server: agents bring them.
pub(crate) fn overwatch(
    name: &str,
    domain: DomainSettings,
) -> Result<overwatch::Settings, SetUpError> {
    let token = Token {
        service: service()?,
        secret: TokenSecret::new(TOKEN.to_owned()),
        regions: Vec::new(),
        networks: Vec::new(),
    };
    Ok(overwatch::Settings {
        overwatches: Vec::new(),
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
        domains: vec![domain],
        zones: zones()?,
        signed: Vec::new(),
        answers: AnswerTerms {
            ecs: EcsPolicy { enabled: true, trusted: vec![Subnet::ALL_IPV4, Subnet::ALL_IPV6] },
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

/// The one domain; `None` for the policy that asks nobody.
pub(crate) fn domain(
    world: &World,
    policy: Policy,
    scenario: &Scenario,
) -> Result<Option<DomainSettings>, SetUpError> {
    let Some(algorithm) = policy.algorithm(scenario.domain_min_samples) else { return Ok(None) };
    let capacities = words::capacities(world, &scenario.operator)?;
    let regions = world.sites.iter().zip(capacities).map(|(site, capacity)| RegionSettings {
        name: site.region.clone(),
        countries: Vec::new(),
        continents: Vec::new(),
        place: site.place.and_then(geo_place),
        capacity,
    });
    Ok(Some(DomainSettings {
        name: resolver::NAME.to_owned(),
        service: service()?,
        names: Names::Servers,
        algorithm,
        shadow: policy
            .shadow()
            .filter(|_| scenario.operator.shadow)
            .and_then(|shadow| shadow.algorithm(scenario.domain_min_samples)),
        regions: regions.collect(),
        default_region: None,
        constraints: words::constraints(world, &scenario.operator)?,
        ttl_s: scenario.ttl_s,
        none_healthy: NonePolicy::LastHealthy,
        learning: learning_terms(policy, scenario),
    }))
}

fn learning_terms(policy: Policy, scenario: &Scenario) -> LearningTerms {
    let (exploration, hold) = (scenario.exploration, scenario.hold);
    LearningTerms {
        is_frozen: false,
        exploration: ExplorationTerms {
            is_enabled: exploration.enabled && policy == Policy::Learned,
            budget_ppm: (exploration.budget * 1e6).round() as u32,
            slot_ms: exploration.slot_s * 1000,
        },
        hold: HoldTerms {
            margin_us: (hold.margin_ms * 1e3).round() as u32,
            margin_permille: (hold.margin_percent * 10.0).round() as u32,
            dwell_ms: hold.dwell_s * 1000,
            moved_permille_per_minute: (hold.moved_per_minute * 1e3).round() as u32,
        },
    }
}

/// Perfect geography: the place, country and AS of each client network and each resolver. Where
/// the matrix tells no places, each is mapped by hand to the site at the least distance; so are
/// all for the policy that is to show what geography can do, since a place is a rounded one.
///
/// Without databases that is all there is.
pub(crate) fn geography(
    world: &World,
    policy: Policy,
    has_databases: bool,
) -> Result<Geo, GeoError> {
    let networks = world.networks.iter().map(|network| Located {
        subnet: network.subnet,
        city: network.city,
        provider: network.provider,
    });
    let resolvers = world.resolvers.iter().map(|resolver| Located {
        subnet: Subnet::of(resolver.address.into(), 24),
        city: resolver.city,
        provider: resolver.provider,
    });
    // A database speaks of the whole of what an AS was given, with clients or without.
    let blocks = world.blocks.iter().map(|block| Located {
        subnet: block.subnet,
        city: block.city,
        provider: block.provider,
    });
    let located: Vec<Located> = networks.chain(resolvers).chain(blocks).collect();
    let known = if has_databases { &located[..] } else { &[] };
    let placed: Vec<Placed> = known.iter().map(|located| located.placed(world)).collect();
    let by_hand = policy == Policy::Geolocation || !has_databases;
    let mapped = located.iter().filter(|its| by_hand || its.place(world).is_none());
    let mapped: Vec<CustomMapping> = mapped.filter_map(|located| located.mapped(world)).collect();
    Geo::from_placed(&placed, &mapped)
}

/// A network, and where and whose it is.
struct Located {
    subnet: Subnet,
    city: usize,
    provider: usize,
}

impl Located {
    fn place(&self, world: &World) -> Option<geo::Place> {
        world.cities.get(self.city)?.place.and_then(geo_place)
    }

    fn placed(&self, world: &World) -> Placed {
        let country = world.providers.countries.get(self.city);
        let provider = world.providers.list.get(self.provider);
        Placed {
            subnet: self.subnet,
            country: country.and_then(|country| Providers::code(*country).parse().ok()),
            asn: provider.and_then(|provider| NonZeroU32::new(provider.asn)),
            place: self.place(world),
        }
    }

    fn mapped(&self, world: &World) -> Option<CustomMapping> {
        let there = world.networks.iter().find(|network| network.city == self.city)?;
        let region = world.sites.get(there.nearest)?.region.clone();
        Some(CustomMapping { subnet: self.subnet, region, comment: None })
    }
}

fn geo_place(place: places::Place) -> Option<geo::Place> {
    geo::Place::new(place.latitude, place.longitude).ok()
}

/// The address of an overwatch: in a network of its own.
pub(crate) fn overwatch_address(number: usize) -> IpAddr {
    let host = u8::try_from(number).unwrap_or(u8::MAX);
    Subnet::host(IpAddr::from([10, 255, 0, host])).address()
}
