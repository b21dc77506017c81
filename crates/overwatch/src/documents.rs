//! What the API says, made from the node's state on demand. Nothing here changes anything.
//!
//! - `explain`: where a client is sent, and why,
//! - `learned`: the learned table, by pages,
//! - `sentence`: the same in one sentence,
//! - `by_hand`: what operators did about routing,
//! - `keys`: signed zones,
//! - `peers`: the other overwatches,
//! - `sources`: who reports times that is no agent.

pub(crate) mod explain;

mod sentence;

pub(crate) mod learned;

mod by_hand;

mod keys;

mod peers;

mod sources;

use std::collections::BTreeMap;

use api::agents::{Agent, Agents, Held};
use api::backends::{Backend, Backends, Word};
use api::domains::{Domain, Domains, LatencyConfig, RegionCapacity};
use api::status::{AgentStatus, BackendSummary, ClusterStatus, OverwatchStatus};
use health::{CheckState, CheckStatus, SessionLiveness, Standing, Strain};
use latency::Suspicion;
use model::{AgentId, BackendKey, Region, Time};
use routing::{Algorithm, Capacity, DomainSettings, Names, Spill};

use crate::Overwatch;
use crate::agents::{AgentRecord, PinState};
use crate::registry::Entry;

impl Overwatch {
    /// Every region that has a limit, and what is sent on of it in the domain that does most.
    #[must_use]
    pub fn full_regions(&self) -> BTreeMap<Region, Spill> {
        let mut regions: BTreeMap<Region, Spill> = BTreeMap::new();
        for (domain, capacity) in self.publisher.capacity() {
            for (at, spill) in capacity.spills() {
                let Some(region) = domain.regions.get(at) else { continue };
                let most = regions.entry(region.name.clone()).or_insert(spill);
                most.share = most.share.max(spill.share);
            }
        }
        regions
    }

    /// `GET /api/v1/domains`: sorted by name.
    #[must_use]
    pub fn domain_list(&self) -> Domains {
        let mut domains: Vec<Domain> = self
            .publisher
            .capacity()
            .map(|(domain, capacity)| Domain {
                capacity: capacities(domain, capacity),
                name: domain.name.clone(),
                routing_algorithm: domain.algorithm.as_str().to_owned(),
                regions: domain.regions.iter().map(|region| region.name.to_string()).collect(),
                ttl: domain.ttl_s,
                latency_config: latency_config(domain.algorithm),
                // Where it was read, and what is noted there, the edge knows.
                source: None,
                comment: None,
                file: None,
                line: None,
            })
            .collect();
        domains.sort_by(|a, b| a.name.cmp(&b.name));
        Domains { domains }
    }

    /// `GET /api/v1/overwatch/backends`.
    #[must_use]
    pub fn backend_list(&self, now: Time) -> Backends {
        let backends = self.registry.entries().map(|entry| {
            let record = entry.agent.as_ref().and_then(|id| self.agents.get(id));
            Backend {
                word: self.word_about(&entry.backend.key),
                drained_share: drained_share(entry, now),
                certificate_days_left: self.certificate_days_left(&entry.backend.key, now),
                ..backend(entry, record)
            }
        });
        Backends { backends: backends.collect(), generated_at: now.to_rfc3339() }
    }

    /// What an operator says of a server.
    fn word_about(&self, key: &BackendKey) -> Word {
        self.hand.word_about(key).map_or_else(Word::default, |row| Word {
            reason: row.reason.clone(),
            by: row.by.clone(),
            since: Some(row.since.to_rfc3339()),
            until: row.until.map(Time::to_rfc3339),
        })
    }

    /// `GET /api/v1/overwatch/agents`.
    #[must_use]
    pub fn agent_list(&self, now: Time) -> Agents {
        let agents = self.agents.iter().map(|(id, record)| Agent {
            agent_id: id.to_string(),
            region: record.region.as_ref().map(ToString::to_string),
            status: self.agent_status(id, record, now).to_owned(),
            key_sha256: record.pin.key.to_string(),
            newcomer_key_sha256: record.newcomer.as_ref().map(|(key, _)| key.to_string()),
            last_seen: record.last_seen.map(Time::to_rfc3339),
            backend_count: self.backends_of(id),
            latency_rows: self.table.rows_of(id),
            held: self.held_document(id, record),
            latency_rows_waiting: self.table.rows_waiting(id),
            open_connections: self.loads.of(id, &self.agents, now).map(|load| load.open),
            closes_per_second: self.loads.of(id, &self.agents, now).map(|load| load.closed_per_s),
        });
        Agents { agents: agents.collect(), generated_at: now.to_rfc3339() }
    }

    /// `GET /api/v1/cluster/status`.
    #[must_use]
    pub fn cluster_status(&self, expected_agents: Option<usize>, now: Time) -> ClusterStatus {
        let agents: Vec<AgentStatus> = self
            .agents
            .iter()
            .filter(|(id, record)| self.is_expected(id, record, now))
            .map(|(id, record)| AgentStatus {
                agent_id: id.to_string(),
                region: record.region.as_ref().map(ToString::to_string),
                status: self.agent_status(id, record, now).to_owned(),
                last_seen: record.last_seen.map(Time::to_rfc3339),
                backend_count: self.backends_of(id),
            })
            .collect();
        let healthy_agents = agents.iter().filter(|agent| agent.status == CONNECTED).count();
        let summary = self.backend_summary(now);
        ClusterStatus {
            cluster_healthy: healthy_agents >= expected_agents.unwrap_or(agents.len())
                && summary.healthy == summary.total,
            overwatch: OverwatchStatus {
                node_id: self.identity.overwatch_id.to_string(),
                region: self.region.as_ref().map(ToString::to_string),
                status: "running".to_owned(),
                uptime_seconds: now.ms_since(self.started) / 1000,
            },
            agents,
            expected_agents,
            healthy_agents,
            backend_summary: summary,
            etcd: None,
            generated_at: now.to_rfc3339(),
        }
    }

    /// The names of the domains that no known server stands behind.
    #[must_use]
    pub fn domains_without_server(&self) -> Vec<String> {
        let lacks = |name: &model::Service| {
            !self.registry.entries().any(|entry| {
                entry.backend.key.service == *name && entry.standing.0 != Standing::Down
            })
        };
        let needs = |domain: &&DomainSettings| match &domain.names {
            Names::Servers => true,
            Names::Regions { unwatched } => unwatched.is_empty(),
        };
        let domains = self.publisher.domains().filter(needs).filter(|d| lacks(&d.service));
        domains.map(|domain| domain.name.clone()).collect()
    }

    fn backend_summary(&self, now: Time) -> BackendSummary {
        let is_stale = |entry: &Entry| {
            let agent = entry.agent.as_ref();
            entry.standing.0 != Standing::Up
                && agent.is_some_and(|id| self.liveness(id, now) == SessionLiveness::Stale)
        };
        let count = |fits: &dyn Fn(&Entry) -> bool| {
            self.registry.entries().filter(|entry| fits(entry)).count()
        };
        let total = count(&|_| true);
        let healthy = count(&|entry| entry.standing.0 == Standing::Up);
        BackendSummary { total, healthy, unhealthy: total - healthy, stale: count(&is_stale) }
    }

    fn held_document(&self, id: &AgentId, record: &AgentRecord) -> Option<Held> {
        let since = record.pin.held?;
        let before = latency::Held { since, why: Suspicion::Before, networks: 0 };
        Some(held_of(latency::Held { since, ..self.table.held(id).unwrap_or(before) }))
    }

    fn backends_of(&self, agent: &AgentId) -> usize {
        self.registry.entries().filter(|entry| entry.agent.as_ref() == Some(agent)).count()
    }

    /// Whether an agent should be there: one that said goodbye should not, nor one of which nothing is
    /// known since the start.
    fn is_expected(&self, id: &AgentId, record: &AgentRecord, now: Time) -> bool {
        let is_gone = self.liveness(id, now) == SessionLiveness::Gone;
        record.pin.state == PinState::Enrolled && (!is_gone || self.agents.is_there(id, now))
    }

    fn agent_status(&self, id: &AgentId, record: &AgentRecord, now: Time) -> &'static str {
        let is_alive = self.liveness(id, now) == SessionLiveness::Alive;
        match record.pin.state {
            PinState::Revoked => "revoked",
            PinState::Pending => "pending",
            PinState::Enrolled if self.agents.is_there(id, now) && is_alive => CONNECTED,
            PinState::Enrolled => "disconnected",
        }
    }
}

const CONNECTED: &str = "connected";

fn backend(entry: &Entry, agent: Option<&AgentRecord>) -> Backend {
    let validation = entry.validation.as_ref();
    let checked = validation.filter(|state| state.last_checked().is_some());
    let key = &entry.backend.key;
    let (standing, authority) = entry.standing;
    Backend {
        service: key.service.to_string(),
        address: key.address.to_string(),
        port: key.port,
        weight: entry.backend.weight,
        agent_id: entry.agent.as_ref().map(ToString::to_string),
        region: entry.backend.region.to_string(),
        effective_status: standing.as_str().to_owned(),
        authority: authority.as_str().to_owned(),
        word: Word::default(),
        drained_share: None,
        strained_share: entry.less.map(|_| explain::share(entry.left_permille())),
        strain: entry.less.and_then(|less| less.strain).map(strain),
        certificate_days_left: None,
        agent_healthy: entry.claim,
        agent_last_seen: agent.and_then(|record| record.last_seen).map(Time::to_rfc3339),
        validation_healthy: checked.map(|state| state.status() == CheckStatus::Up),
        validation_last_check: checked.and_then(CheckState::last_checked).map(Time::to_rfc3339),
        validation_error: checked.and_then(CheckState::last_error).map(ToString::to_string),
    }
}

fn strain(strain: Strain) -> api::backends::Strain {
    let Strain { signal, value, threshold } = strain;
    api::backends::Strain { signal: signal.as_str().to_owned(), value, threshold }
}

fn drained_share(entry: &Entry, now: Time) -> Option<f64> {
    let permille = entry.spoken.drain.map_or(0, |drain| drain.permille(now));
    (permille > 0).then(|| explain::share(permille))
}

fn held_of(latency::Held { since, why, networks }: latency::Held) -> Held {
    Held { since: since.to_rfc3339(), reason: why.as_str().to_owned(), networks }
}

fn capacities(domain: &DomainSettings, capacity: &Capacity) -> Vec<RegionCapacity> {
    let region = |(at, spill): (usize, Spill)| {
        Some(RegionCapacity {
            region: domain.regions.get(at)?.name.to_string(),
            capacity: spill.capacity,
            open_connections: spill.open,
            spilled_share: spill.share,
        })
    };
    capacity.spills().filter_map(region).collect()
}

fn latency_config(algorithm: Algorithm) -> Option<LatencyConfig> {
    match algorithm {
        Algorithm::LearnedLatency { max_latency_ms, min_samples } => {
            Some(LatencyConfig { max_latency_ms, min_samples: Some(min_samples.into()) })
        }
        Algorithm::Latency { max_latency_ms } => {
            Some(LatencyConfig { max_latency_ms, min_samples: None })
        }
        Algorithm::Geolocation
        | Algorithm::RoundRobin
        | Algorithm::Weighted
        | Algorithm::Failover => None,
    }
}
