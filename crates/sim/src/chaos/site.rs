//! What agents and overwatches are told on bad days. Each agent has a token of its own, good for its own
//! server alone.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use agent::Offer;
use health::{CheckKind, CheckSpec, HeartbeatTerms};
use latency::{Averaging, LearningSettings, RttSource, TableLimits};
use mesh::{MeshKeys, Token, TokenSecret, Tokens};
use model::{AgentId, Backend, BackendKey, Region, Subnet, SubnetWidths};
use overwatch::CheckTerms;
use routing::{
    Algorithm, DomainSettings, ExplorationTerms, HoldTerms, LearningTerms, Names, NonePolicy,
    RegionSettings,
};

use super::clients::NETWORKS;
use super::truth::ALPHA;
use crate::random::Random;
use crate::resolver;
use crate::settings::{self, PORT, SetUpError};

const MESH_KEY: [u8; 32] = [9; 32];

/// Short, so that a stretch of a minute sees agents given up.
pub(super) const HEARTBEAT: HeartbeatTerms =
    HeartbeatTerms { interval_ms: 4_000, missed_threshold: 3 };

/// How many rows nodes may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Of one agent, in its memory and in a table.
    pub(super) of_agent: usize,
    /// Of all agents, in a table.
    pub(super) in_all: usize,
}

impl Room {
    /// In one world of four there is too little for each agent, in one of four too little for all together.
    pub(super) fn by_luck(luck: &mut Random, agents: usize) -> Self {
        let enough = Self::enough(NETWORKS + 8, agents);
        match luck.below(4) {
            0 => Self::enough(NETWORKS / 2 + luck.index(NETWORKS / 2), agents),
            1 => Self { in_all: agents * (NETWORKS / 2 + luck.index(NETWORKS / 4)), ..enough },
            _ => enough,
        }
    }

    /// So much for each agent, and enough for all of them.
    pub(super) const fn enough(of_agent: usize, agents: usize) -> Self {
        Self { of_agent, in_all: of_agent * agents }
    }

    /// Whether all rows of all agents fit.
    pub(super) const fn fits_all(self, agents: usize) -> bool {
        self.in_all >= self.of_agent * agents
    }

    /// Whether all that an agent can see fits.
    pub(super) const fn fits_agent(self) -> bool {
        self.of_agent >= NETWORKS
    }

    const fn limits(self) -> TableLimits {
        let Self { of_agent: rows_per_agent_max, in_all: rows_max } = self;
        TableLimits { rows_per_agent_max, rows_max, ttl_ms: 7 * 86_400_000 }
    }
}

pub(super) fn agent_id(agent: usize) -> Result<AgentId, SetUpError> {
    Ok(format!("agent-{agent}").parse()?)
}

/// Whether an agent is the one of a number.
pub(super) fn is_agent(id: &AgentId, agent: usize) -> bool {
    id.as_str().strip_prefix("agent-").and_then(|number| number.parse().ok()) == Some(agent)
}

pub(super) fn region(agent: usize) -> Result<Region, SetUpError> {
    Ok(format!("region-{}", agent / 2).parse()?)
}

/// Where an agent's machine and server are.
pub(super) fn address(agent: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 2, u8::try_from(agent).unwrap_or(u8::MAX), 10)
}

/// The agent at an address.
pub(super) const fn agent_at(address: Ipv4Addr) -> usize {
    address.octets()[2] as usize
}

/// The agent on whose machine a server stands.
pub(super) const fn agent_of(backend: &BackendKey) -> Option<usize> {
    match backend.address {
        IpAddr::V4(address) => Some(agent_at(address)),
        IpAddr::V6(_) => None,
    }
}

pub(super) fn server(agent: usize) -> Result<BackendKey, SetUpError> {
    Ok(BackendKey { service: settings::service()?, address: address(agent).into(), port: PORT })
}

fn secret(agent: usize) -> TokenSecret {
    TokenSecret::new(format!("the token of agent {agent}"))
}

/// An agent; the one that lies offers the server of the first one besides its own.
pub(super) fn agent(agent: usize, lies: bool, room: Room) -> Result<agent::Settings, SetUpError> {
    let region = region(agent)?;
    let offer = |agent: usize| -> Result<Offer, SetUpError> {
        let backend = Backend { key: server(agent)?, region: region.clone(), weight: 100 };
        Ok(Offer { backend, listen_port: PORT, check: Some(check()) })
    };
    let stolen = lies.then(|| offer(0)).transpose()?;
    Ok(agent::Settings {
        agent_id: agent_id(agent)?,
        offers: std::iter::once(offer(agent)?).chain(stolen).collect(),
        token: secret(agent),
        keys: MeshKeys::new([MESH_KEY])?,
        heartbeat: HEARTBEAT,
        learning: Some(learning(room.of_agent)),
        predictive: None,
        region,
    })
}

/// How an agent's server is checked; one result is enough.
const fn check() -> CheckSpec {
    CheckSpec {
        kind: CheckKind::Tcp,
        interval_ms: 2_000,
        timeout_ms: 1_000,
        failure_threshold: 1,
        success_threshold: 1,
    }
}

const fn learning(max_subnets: usize) -> LearningSettings {
    LearningSettings {
        poll_interval_ms: 2_000,
        min_connection_age_ms: 5_000,
        widths: SubnetWidths { ipv4: 24, ipv6: 48 },
        ewma_alpha: ALPHA,
        averaging: Averaging::Ewma,
        max_subnets,
        subnet_ttl_ms: 7 * 86_400_000,
        min_samples: 1,
        report_interval_ms: 4_000,
        rtt_source: RttSource::Min,
        exclude: Vec::new(),
    }
}

/// An overwatch of these agents that knows these others.
pub(super) fn overwatch(
    name: &str,
    agents: usize,
    others: Vec<String>,
    room: Room,
) -> Result<overwatch::Settings, SetUpError> {
    Ok(overwatch::Settings {
        keys: MeshKeys::new([MESH_KEY])?,
        overwatches: others,
        tokens: tokens(agents, |agent| vec![Subnet::host(address(agent).into())])?,
        table: room.limits(),
        checks: CheckTerms {
            enabled: true,
            interval_ms: 2_000,
            timeout_ms: 1_000,
            smoothing_factors: BTreeMap::new(),
        },
        ..settings::overwatch(name, domain(agents)?)?
    })
}

/// A token of each agent, good for servers in these networks.
pub(super) fn tokens(
    agents: usize,
    networks: impl Fn(usize) -> Vec<Subnet>,
) -> Result<Tokens, SetUpError> {
    let token = |agent: usize| -> Result<Token, SetUpError> {
        let (secret, networks) = (secret(agent), networks(agent));
        let (service, regions) = (settings::service()?, vec![region(agent)?]);
        Ok(Token { service, secret, regions, networks })
    };
    Ok(Tokens::new((0..agents).map(token).collect::<Result<_, SetUpError>>()?)?)
}

fn domain(agents: usize) -> Result<DomainSettings, SetUpError> {
    let region = |name| RegionSettings {
        name,
        countries: Vec::new(),
        continents: Vec::new(),
        place: None,
        capacity: None,
    };
    let mut regions = (0..agents).map(self::region).collect::<Result<Vec<Region>, _>>()?;
    regions.dedup();
    Ok(DomainSettings {
        name: resolver::NAME.to_owned(),
        service: settings::service()?,
        names: Names::Servers,
        algorithm: Algorithm::LearnedLatency { max_latency_ms: None, min_samples: 1 },
        shadow: None,
        default_region: regions.first().cloned(),
        regions: regions.into_iter().map(region).collect(),
        constraints: Vec::new(),
        ttl_s: 20,
        none_healthy: NonePolicy::LastHealthy,
        learning: LearningTerms {
            is_frozen: false,
            exploration: ExplorationTerms { is_enabled: true, budget_ppm: 10_000, slot_ms: 60_000 },
            hold: HoldTerms {
                margin_us: 3_000,
                margin_permille: 30,
                dwell_ms: 10_000,
                moved_permille_per_minute: 200,
            },
        },
    })
}
