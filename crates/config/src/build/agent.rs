//! The settings that only an agent reads.

use health::{Limit, Signal};
use latency::{Averaging, LearningSettings, RttSource};
use model::SubnetWidths;

use super::check::check_spec;
use crate::section::Section;
use crate::settings::{AgentBackend, AgentConfig, AgentIdentity, PredictiveSettings};

/// `agent`.
pub(super) fn agent(root: &Section) -> Option<AgentConfig> {
    let agent = root.section("agent");
    let (gossip, heartbeat) = (agent.section("gossip"), agent.section("heartbeat"));
    Some(AgentConfig {
        identity: identity(agent.section("identity"))?,
        backends: agent.sections("backends").map(backend).collect::<Option<_>>()?,
        encryption_keys: gossip.list("encryption_key")?,
        overwatch_nodes: gossip.list("overwatch_nodes")?,
        heartbeat_interval_ms: heartbeat.ms("interval")?,
        missed_threshold: heartbeat.get("missed_threshold")?,
        learning: learning(agent.section("latency_learning"))?,
        hears_all_namespaces: agent.section("latency_learning").get("all_network_namespaces")?,
        predictive: predictive(agent.section("predictive"))?,
    })
}

fn identity(section: &Section) -> Option<AgentIdentity> {
    Some(AgentIdentity {
        agent_id: section.get("agent_id")?,
        service_token: section.get("service_token")?,
        region: section.get("region")?,
        cert_path: section.get("cert_path")?,
        key_path: section.get("key_path")?,
    })
}

fn backend(section: &Section) -> Option<AgentBackend> {
    Some(AgentBackend {
        service: section.get("service")?,
        address: section.get("address")?,
        port: section.get("port")?,
        listen_port: section.get("listen_port")?,
        weight: section.get("weight")?,
        check: check_spec(section.section("health_check"), None)?,
    })
}

/// `Some(None)` where learning is off.
fn learning(section: &Section) -> Option<Option<LearningSettings>> {
    let settings = LearningSettings {
        poll_interval_ms: section.ms("poll_interval")?,
        min_connection_age_ms: section.ms("min_connection_age")?,
        widths: SubnetWidths {
            ipv4: section.get("ipv4_prefix")?,
            ipv6: section.get("ipv6_prefix")?,
        },
        ewma_alpha: section.get("ewma_alpha")?,
        averaging: match section.text("average")? {
            "ewma" => Averaging::Ewma,
            "robust" => Averaging::Robust,
            _ => return None,
        },
        max_subnets: section.get("max_subnets")?,
        subnet_ttl_ms: section.ms("subnet_ttl")?,
        min_samples: section.get("min_samples")?,
        report_interval_ms: section.ms("report_interval")?,
        rtt_source: match section.text("rtt_source")? {
            "min" => RttSource::Min,
            "smoothed" => RttSource::Smoothed,
            _ => return None,
        },
        exclude: section.list("exclude")?,
    };
    Some(section.get::<bool>("enabled")?.then_some(settings))
}

/// `Some(None)` where servers keep their share until they fail.
fn predictive(section: &Section) -> Option<Option<PredictiveSettings>> {
    let limit = |signal: Signal| {
        let section = section.section(signal.as_str());
        let (threshold, bleed_ms) = (section.get("threshold")?, section.ms("bleed_duration")?);
        Some((signal, Limit { threshold, bleed_ms }))
    };
    let settings = PredictiveSettings {
        check_interval_ms: section.ms("check_interval")?,
        limits: Signal::ALL.into_iter().map(limit).collect::<Option<_>>()?,
        error_window_ms: section.section(Signal::ErrorRate.as_str()).ms("window")?,
    };
    Some(section.get::<bool>("enabled")?.then_some(settings))
}
