//! A digest of what decides answers, so that overwatches can be compared. See decision 25.
//!
//! It never takes in a secret, nor what may differ between overwatches: where they listen, where their
//! files lie, who they are.

use std::fmt::{self, Write as _};

use aws_lc_rs::digest::{Context, SHA256};
use config::{DnsSettings, GeographySettings, OverwatchConfig};
use dnssec::RolloverTerms;

/// SHA-256 over the settings as they are understood, and over the databases' bytes.
pub(super) struct Digest(Context);

impl Digest {
    /// Begins with the configuration. Every field is named here: whoever adds one says whether
    /// it decides answers.
    pub(super) fn of(config: &OverwatchConfig) -> Self {
        let OverwatchConfig {
            identity: _,
            enrolment,
            agent_tokens,
            gossip_address: _,
            encryption_keys: _,
            overwatch_nodes: _,
            validation,
            stale,
            geography,
            data_dir: _,
            // A restart answers alike in the end, with it or without.
            persists_table: _,
            // What each has room for; it should be the same.
            table_rows_max,
            table_rows_per_agent_max,
            dns,
            regions,
            servers,
            domains,
            // Nothing goes by it.
            domain_comments: _,
            smoothing_factors,
            api: _,
            // Where it is kept, not what it is.
            etcd: _,
        } = config;
        let GeographySettings {
            // What is in them is added by `bytes`.
            database_path: _,
            asn_database_path: _,
            default_region,
            custom_mappings,
        } = geography;
        // Most of it says how answers travel, and who gives them.
        let DnsSettings {
            listen_address: _,
            zones,
            signed,
            ecs_enabled,
            ecs_trusted,
            udp_size: _,
            nsid: _,
            identity: _,
            version: _,
            cookies_enabled: _,
            cookie_secrets: _,
            tcp: _,
            rate_limits: _,
            query_log: _,
        } = dns;
        let mut digest = Self(Context::new(&SHA256));
        digest.words(&(enrolment, validation, stale, default_region, custom_mappings));
        digest.words(&(ecs_enabled, ecs_trusted, regions, servers, domains, smoothing_factors));
        digest.words(&(zones, table_rows_max, table_rows_per_agent_max));
        for zone in signed {
            // One overwatch makes the keys, and so only it knows their ages.
            let terms = RolloverTerms { entry_point_age_s: None, zsk_age_s: None, ..zone.terms };
            digest.words(&(&zone.apex, terms));
        }
        for zone in signed {
            // Who makes the keys, the answers do not show.
            digest.words(&(&zone.apex, &zone.terms));
        }
        for token in agent_tokens {
            digest.words(&(&token.service, &token.regions, &token.networks));
        }
        digest
    }

    /// Takes in a value as `Debug` writes it: each field by name, none left out.
    fn words(&mut self, value: &impl fmt::Debug) {
        // The sink takes everything.
        let _ = writeln!(self, "{value:?}");
    }

    /// Of one file alone.
    pub(super) fn of_file(bytes: &[u8]) -> String {
        let mut digest = Self(Context::new(&SHA256));
        digest.bytes(bytes);
        digest.finish()
    }

    /// Takes in a file.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&bytes.len().to_be_bytes());
        self.0.update(bytes);
    }

    /// 64 hexadecimal digits.
    pub(super) fn finish(self) -> String {
        self.0.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::config;
    use super::*;

    const FILE: &str = "\
mode: overwatch
overwatch:
  identity: {node_id: one}
  data_dir: /var/lib/one
  agent_tokens: [{service: app.test, token: correct-horse-battery-staple, networks: [192.0.2.0/24]}]
  gossip: {bind_address: \"127.0.0.1:1\", encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=}
  geolocation: {default_region: here}
dns:
  listen_address: 127.0.0.1:2
  nsid: one
  zones: [{name: test, records: [\"www 300 A 192.0.2.1\"]}]
regions: [{name: here}]
domains: [{name: app.test, routing_algorithm: failover, regions: [here], ttl: 30}]
api: {enabled: false}
";

    fn digest(text: &str) -> String {
        let config::Mode::Overwatch(overwatch) = config(text).mode else { unreachable!() };
        Digest::of(&overwatch).finish()
    }

    #[track_caller]
    fn check(from: &str, to: &str, is_same: bool) {
        let text = FILE.replace(from, to);
        assert_ne!(text, FILE, "{from} is not there");
        assert_eq!(digest(&text) == digest(FILE), is_same, "{from} -> {to}");
    }

    #[test]
    fn what_may_differ_between_overwatches_does_not_count_and_what_decides_answers_does() {
        assert_eq!(digest(FILE).len(), 64);
        check("node_id: one", "node_id: two", true);
        check("/var/lib/one", "/var/lib/two", true);
        check("127.0.0.1:1", "127.0.0.1:3", true);
        check("127.0.0.1:2", "127.0.0.1:4", true);
        check("nsid: one", "nsid: two", true);
        check("api: {enabled: false}", "api: {enabled: true}", true);
        check("correct-horse", "another-horse", true);
        check("ttl: 30", "ttl: 31", false);
        check("failover", "weighted", false);
        check("192.0.2.1\"", "192.0.2.2\"", false);
        check("[192.0.2.0/24]", "[192.0.2.0/25]", false);
        check("dns:\n", "dns:\n  ecs: {enabled: false}\n", false);
    }

    #[test]
    fn databases_count_by_what_is_in_them() {
        let with = |files: &[&str]| {
            let mut digest = Digest(Context::new(&SHA256));
            files.iter().for_each(|file| digest.bytes(file.as_bytes()));
            digest.finish()
        };
        assert_eq!(with(&["a", "b"]), with(&["a", "b"]));
        assert_ne!(with(&["a", "b"]), with(&["ab", ""]));
    }
}
