//! Whole files: examples, the brief's blocks, ten faults, and the proof that every key counts.

mod every_key;

mod faults;

mod files;

use super::*;

/// A load with nothing said on the command line.
fn load_as_is(text: &str) -> Result<Checked, Vec<Fault>> {
    load(text, &Given { file_name: "opengslb.yaml", mode: None, host_name: "host-1" })
}

fn agent(text: &str) -> AgentConfig {
    match load_as_is(text).unwrap().config.mode {
        Mode::Agent(agent) => *agent,
        Mode::Overwatch(_) => panic!("an agent's file"),
    }
}

fn overwatch(text: &str) -> OverwatchConfig {
    match load_as_is(text).unwrap().config.mode {
        Mode::Overwatch(overwatch) => *overwatch,
        Mode::Agent(_) => panic!("an overwatch's file"),
    }
}

const FULL_AGENT: &str = include_str!("../testdata/full-agent.yaml");
const FULL_OVERWATCH: &str = include_str!("../testdata/full-overwatch.yaml");

/// The least that an agent needs.
const LEAST_AGENT: &str = "
mode: agent
agent:
  identity: {service_token: 0123456789abcdef, region: eu-west}
  backends: [{service: app.demo.local, address: 10.2.1.10, port: 80}]
  gossip:
    encryption_key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
    overwatch_nodes: [10.1.1.10:7946]
";

/// The least that an overwatch needs.
const LEAST_OVERWATCH: &str = "
overwatch:
  gossip: {encryption_key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}
";
