//! Whole files of the former program's shape, and what is reported of them.

use super::*;
use crate::note::Note;

const KEY: &str = "uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=";
const TERMS: Terms<'_> = Terms { mesh_key: KEY, address: None, is_part: false };

const OVERWATCH: &str = "
mode: overwatch

dns: {listen_address: '0.0.0.0:53', default_ttl: 30, zones: [demo.test], return_last_healthy: false}
overwatch:
  agent_tokens: {app.demo.test: 'a-token-of-sixteen'}
  geolocation: {ecs_enabled: true, default_region: eu}
  dnssec: {enabled: false, security_acknowledgment: yes i know}
  gossip: {bind_address: '0.0.0.0:7946', probe_interval: 1s}
regions:
  - name: eu
    colour: blue
    servers: [{address: 192.0.2.1}, {address: 192.0.2.2, health_check: {type: tcp}}]
    health_check: {type: http, interval: 5s, timeout: 2s, failure_threshold: 2}
domains:
  - {name: app.demo.test, routing_algorithm: latency, regions: [eu]}
  - {name: www.else.test, routing_algorithm: failover, regions: [eu]}
";

const AGENT: &str = "
mode: agent
agent:
  identity: {service_token: another-token-of-some-length, region: eu}
  backends: [{service: app.demo.test, address: 127.0.0.1, port: 80}]
  gossip: {overwatch_nodes: ['192.0.2.53:7946']}
";

fn files(texts: &[&str]) -> Vec<Brought> {
    let file = |(at, text): (usize, &&str)| Brought {
        name: format!("{at}.yaml"),
        text: (*text).to_owned(),
    };
    texts.iter().enumerate().map(file).collect()
}

#[track_caller]
fn has(notes: &[Note], kind: Kind, place: &str) {
    assert!(
        notes.iter().any(|note| note.kind == kind && note.place == place),
        "{kind:?} {place}: {notes:#?}"
    );
}

#[test]
fn a_set_becomes_a_set_that_fits_together() {
    let address = Some([192, 0, 2, 1].into());
    let made = import(&files(&[OVERWATCH, AGENT]), &Terms { address, ..TERMS }).unwrap();
    let [overwatch, agent] = &made[..] else { panic!("{made:?}") };
    for file in &made {
        let todo: Vec<_> = file.notes.iter().filter(|note| note.kind == Kind::ToDo).collect();
        assert!(todo.is_empty(), "{todo:#?}\n{}", file.text);
        assert!(file.text.contains(KEY), "{}", file.text);
    }
    for part in [
        "none_healthy: servfail",
        "    - service: app.demo.test\n      token: a-token-of-sixteen\n",
        "      token: another-token-of-some-length\n      regions:\n        - eu\n      networks:\n        - 192.0.2.1\n",
        "path: /\n",
        "type: tcp",
        "max_latency_ms: 500",
        "    - www.else.test\n",
        "ecs:\n    enabled: true\n",
    ] {
        assert!(overwatch.text.contains(part), "{part:?} is not in\n{}", overwatch.text);
    }
    assert!(agent.text.contains("address: 192.0.2.1"), "{}", agent.text);
    let notes = &overwatch.notes;
    has(notes, Kind::Dropped, "overwatch.dnssec");
    has(notes, Kind::Dropped, "overwatch.gossip.probe_interval");
    has(notes, Kind::Dropped, "regions[].colour");
    has(notes, Kind::Changed, "regions[].health_check");
    has(notes, Kind::Changed, "overwatch.validation.enabled");
    has(notes, Kind::Changed, "domains[].routing_algorithm");
    has(notes, Kind::Changed, "domains[].routing_algorithm: latency");
    has(notes, Kind::Added, "dns.zones");
    has(&agent.notes, Kind::Changed, "agent.latency_learning.enabled");
}

#[test]
fn what_somebody_has_to_do_is_said() {
    let made = import(&files(&[AGENT]), &TERMS).unwrap();
    has(&made[0].notes, Kind::ToDo, "agent.backends[].address");
    let bad = AGENT.replace("port: 80", "port: eighty");
    let made = import(&files(&[&bad]), &TERMS).unwrap();
    assert!(
        made[0].notes.iter().any(|note| note.kind == Kind::ToDo && note.what.contains("eighty"))
    );
    let other =
        AGENT.replace("overwatch_nodes", &format!("encryption_key: {KEY}, overwatch_nodes"));
    let third = other.replace("uP2s", "uP2t");
    let made = import(&files(&[&other, &third]), &TERMS).unwrap();
    has(&made[1].notes, Kind::ToDo, "agent.gossip.encryption_key");
}

#[test]
fn a_part_stays_a_part() {
    let part = "regions: [{name: us, servers: [{address: 192.0.2.9}]}]\n";
    let made = import(&files(&[part]), &Terms { is_part: true, ..TERMS }).unwrap();
    assert!(
        !made[0].text.contains("gossip") && made[0].text.contains("192.0.2.9"),
        "{}",
        made[0].text
    );
}
