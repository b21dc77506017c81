//! Whole files: examples, the brief's blocks, ten faults, and the proof that every key counts.

mod checks;

mod every_key;

mod faults;

mod files;

mod include;

mod made;

mod etcd;

mod steering;

mod signing;

mod zones;

use super::*;

/// What the tests know besides a file.
fn given(file_name: &str, mode: Option<ModeName>) -> Given<'_> {
    Given {
        file_name,
        mode,
        host_name: "host-1",
        read_zone_file: &read_zone_file,
        includes: &includes,
    }
}

/// The files that those of the tests include.
fn includes(file: &str, pattern: &str) -> Result<Vec<Included>, String> {
    let found = |names: &[(&str, &str)]| {
        let file = |(name, text): &(&str, &str)| Included {
            name: (*name).to_owned(),
            text: (*text).to_owned().into(),
        };
        Ok(names.iter().map(file).collect())
    };
    match pattern {
        "more-*.yaml" => {
            found(&[("more-1.yaml", "domains: [{name: more.demo.local, regions: [eu-west]}]\n")])
        }
        pattern => include::find(file, pattern),
    }
}

/// The zone files of the tests, by their names.
fn read_zone_file(path: &str) -> Result<String, String> {
    match path {
        "/etc/opengslb/demo.zone" => Ok("www 300 A 192.0.2.1\nmail MX 10 mx1\n".to_owned()),
        "own-soa.zone" => Ok("$TTL 1h\n@ SOA ns.example.org. root 7 1d 2h 1w 60\n\
                              @ NS ns.example.org.\n"
            .to_owned()),
        "faulty.zone" => Ok("www A 192.0.2.1\nbad A nowhere\n\nworse\n".to_owned()),
        "hidden.zone" => Ok("app TXT here\napp A 192.0.2.1\n".to_owned()),
        path => Err(format!("no file {path}")),
    }
}

/// A load with nothing said on the command line.
fn load_as_is(text: &str) -> Result<Checked, Vec<Fault>> {
    load(text, &given("opengslb.yaml", None))
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
