//! The configuration that an agent runs on, and what the next one changes of it.

use std::net::IpAddr;

use config::{
    AgentConfig, AgentIdentity, Config, LoggingSettings, Made, MetricsSettings, Mode,
    SandboxSettings,
};
use latency::LearningSettings;

use super::super::comparison::Comparison;
use super::super::reload::{Read, Reread, aside};
use super::super::settings;
use super::addresses_of;
use crate::logs::chain;

/// What an agent runs on.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) config: AgentConfig,
    pub(super) logging: LoggingSettings,
    pub(super) metrics: MetricsSettings,
    pub(super) sandbox: SandboxSettings,
}

/// The next configuration, ready to be applied.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What will run; what needs a restart is in it as it was.
    pub(super) running: Running,
    pub(super) settings: ::agent::Settings,
    /// Where the overwatches live.
    pub(super) addresses: Vec<IpAddr>,
    pub(super) comparison: Comparison,
    pub(super) warnings: Vec<String>,
}

impl Running {
    /// Reads what is to run next, and looks the overwatches up: all of it, or every fault.
    pub(super) async fn next(self, read: Read) -> Result<Prepared, Vec<String>> {
        let mut prepared = aside(move || self.read(&read)).await?;
        prepared.addresses = addresses_of(&prepared.running.overwatches()).await;
        Ok(prepared)
    }

    fn read(&self, read: &Read) -> Result<Prepared, Vec<String>> {
        let line = |faults: Vec<config::Fault>| faults.iter().map(ToString::to_string).collect();
        let read =
            read()?.check(&Made::none()).map_err(|faults| -> Vec<String> { line(faults) })?;
        let Reread { config, warnings, .. } = read;
        let Config { mode: Mode::Agent(config), mut logging, mut metrics, mut sandbox } = config
        else {
            let fault = "mode: this process is an agent; an overwatch is another process";
            return Err(vec![fault.to_owned()]);
        };
        let (mut config, mut comparison) = (*config, Comparison::default());
        let sandboxes = (&self.sandbox, &mut sandbox);
        comparison.process((&self.logging, &mut logging), (&self.metrics, &mut metrics), sandboxes);
        compare(&mut comparison, &self.config, &mut config);
        let settings = settings::agent(&config).map_err(|error| vec![chain(&error)])?;
        let running = Self { config, logging, metrics, sandbox };
        Ok(Prepared { running, settings, addresses: Vec::new(), comparison, warnings })
    }

    /// Whom it dials.
    pub(super) fn overwatches(&self) -> Vec<String> {
        self.config.overwatch_nodes.iter().map(ToString::to_string).collect()
    }
}

/// Compares what an agent has. Every field is named here: whoever adds one says whether it is applied
/// or needs a restart.
fn compare(c: &mut Comparison, old: &AgentConfig, new: &mut AgentConfig) {
    let AgentConfig {
        identity,
        backends,
        encryption_keys,
        overwatch_nodes,
        heartbeat_interval_ms,
        missed_threshold,
        learning,
        hears_all_namespaces,
        predictive,
    } = new;
    let AgentIdentity { agent_id, service_token, region, cert_path, key_path } = identity;
    c.fixed("agent.identity.agent_id", &old.identity.agent_id, agent_id);
    c.applied("agent.identity.service_token", &old.identity.service_token, service_token);
    c.applied("agent.identity.region", &old.identity.region, region);
    c.fixed("agent.identity.cert_path", &old.identity.cert_path, cert_path);
    c.fixed("agent.identity.key_path", &old.identity.key_path, key_path);
    let backend = |b: &config::AgentBackend| {
        format!("{} {}", b.service, std::net::SocketAddr::new(b.address, b.port))
    };
    c.named("agent.backends", old.backends.iter(), backends.iter(), backend);
    c.applied("agent.gossip.encryption_key", &old.encryption_keys, encryption_keys);
    let nodes = (old.overwatch_nodes.iter(), overwatch_nodes.iter());
    c.named("agent.gossip.overwatch_nodes", nodes.0, nodes.1, ToString::to_string);
    let key = "agent.heartbeat.interval";
    c.applied(key, &old.heartbeat_interval_ms, heartbeat_interval_ms);
    c.applied("agent.heartbeat.missed_threshold", &old.missed_threshold, missed_threshold);
    c.applied("agent.predictive", &old.predictive, predictive);
    let key = "agent.latency_learning.all_network_namespaces";
    c.fixed(key, &old.hears_all_namespaces, hears_all_namespaces);
    compare_learning(c, &old.learning, learning);
}

fn compare_learning(
    c: &mut Comparison,
    old: &Option<LearningSettings>,
    new: &mut Option<LearningSettings>,
) {
    let (Some(was), Some(learning)) = (old, new.as_mut()) else {
        return c.fixed("agent.latency_learning.enabled", old, new);
    };
    // Rows of other widths would be other rows.
    c.fixed("agent.latency_learning.ipv4_prefix", &was.widths.ipv4, &mut learning.widths.ipv4);
    c.fixed("agent.latency_learning.ipv6_prefix", &was.widths.ipv6, &mut learning.widths.ipv6);
    c.applied("agent.latency_learning", was, learning);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::fixture::config;
    use super::*;

    const FILE: &str = "\
mode: agent
agent:
  identity: {agent_id: one, service_token: correct-horse-battery-staple, region: here, cert_path: /a/crt, key_path: /a/key}
  backends: [{service: app.test, address: 192.0.2.1, port: 80}]
  gossip: {encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=, overwatch_nodes: [\"192.0.2.9:7946\"]}
  heartbeat: {interval: 10s, missed_threshold: 3}
  latency_learning: {enabled: true, ipv4_prefix: 24, ipv6_prefix: 48, poll_interval: 10s}
metrics: {enabled: true, address: \"127.0.0.1:4\"}
sandbox: {enabled: true}
logging: {level: info, format: text}
";

    fn next(text: &str) -> Prepared {
        let Config { mode: Mode::Agent(now), logging, metrics, sandbox } = config(FILE) else {
            unreachable!("the file says agent")
        };
        let text = text.to_owned();
        let check = move |_: &Made| {
            Ok(Reread { config: config(&text), warnings: Vec::new(), entities: Vec::new() })
        };
        let files = super::super::super::reload::Files::new(check);
        let read: Read = Arc::new(move || Ok(files.clone()));
        Running { config: *now, logging, metrics, sandbox }.read(&read).unwrap()
    }

    #[test]
    fn every_key_is_applied_or_named() {
        assert!(next(FILE).comparison.is_empty());
        for (from, to, key, is_applied) in [
            ("agent_id: one", "agent_id: two", "agent.identity.agent_id", false),
            ("/a/crt", "/b/crt", "agent.identity.cert_path", false),
            ("/a/key", "/b/key", "agent.identity.key_path", false),
            ("ipv4_prefix: 24", "ipv4_prefix: 20", "agent.latency_learning.ipv4_prefix", false),
            ("ipv6_prefix: 48", "ipv6_prefix: 40", "agent.latency_learning.ipv6_prefix", false),
            (
                "enabled: true, ipv4",
                "enabled: false, ipv4",
                "agent.latency_learning.enabled",
                false,
            ),
            ("127.0.0.1:4", "127.0.0.1:5", "metrics.address", false),
            ("format: text", "format: json", "logging.format", false),
            ("sandbox: {enabled: true", "sandbox: {enabled: false", "sandbox.enabled", false),
            ("level: info", "level: debug", "logging.level", true),
            ("correct-horse", "another-horse", "agent.identity.service_token", true),
            ("region: here", "region: there", "agent.identity.region", true),
            ("uP2s", "uP3s", "agent.gossip.encryption_key", true),
            ("interval: 10s, missed", "interval: 9s, missed", "agent.heartbeat.interval", true),
            ("threshold: 3", "threshold: 4", "agent.heartbeat.missed_threshold", true),
            ("poll_interval: 10s", "poll_interval: 9s", "agent.latency_learning", true),
            (
                "port: 80",
                "port: 80, weight: 7",
                "agent.backends (app.test 192.0.2.1:80 changed)",
                true,
            ),
            (
                "[\"192.0.2.9:7946\"]",
                "[\"192.0.2.9:7946\", \"192.0.2.8:7946\"]",
                "agent.gossip.overwatch_nodes (192.0.2.8:7946 added)",
                true,
            ),
        ] {
            assert!(FILE.contains(from), "{from}");
            let Comparison { changed, needs_restart } =
                next(&FILE.replacen(from, to, 1)).comparison;
            let key = vec![key.to_owned()];
            let expect = if is_applied { (key, Vec::new()) } else { (Vec::new(), key) };
            assert_eq!((changed, needs_restart), expect, "{from} -> {to}");
        }
    }
}
