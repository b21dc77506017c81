//! Other settings while overwatch and agents run: what stays, what follows at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use dns::RecordType;
use geo::{CustomMapping, Geo};
use mesh::{MeshKeys, Tokens};
use model::Backend;
use overwatch::{ConfiguredBackend, Event, Reload};
use zone::Steering;

use crate::bench::{Bench, connections, drained};
use crate::settings::{
    self, APP, EU, LEARNED, MESH_KEY, SG, ZoneLines, domain, ip, key_of, parsed, tcp_check, token,
    zones,
};
use crate::wire::Question;

const CLIENT: &str = "10.1.2.7";
const CONFIGURED: &str = "10.2.7.7";

impl Bench {
    /// The overwatch goes by changed settings; they are its own from now on.
    fn reload(&mut self, change: impl FnOnce(&mut overwatch::Settings)) {
        change(&mut self.settings);
        let (settings, geo) = (self.settings.clone(), self.geo());
        self.tell(Event::Reload(Box::new(Reload { settings, geo })));
        self.run();
    }

    /// An agent goes by changed settings; one that hung up comes back.
    fn reload_agent(&mut self, name: &str, settings: agent::Settings) -> bool {
        let reload = agent::Reload { settings, overwatches: Vec::new() };
        self.tell_agent(name, agent::Event::Reload(Box::new(reload)));
        self.run();
        let has_hung_up = !self.is_wired(name);
        if has_hung_up {
            self.connect(name);
        }
        has_hung_up
    }
}

/// The demo, with a client that is known to be near Singapore although geography says Europe.
fn demo() -> Bench {
    let mut bench = Bench::demo();
    bench.observe("eu", connections("10.9.2.7", 250, 20));
    bench.observe("sg", connections("10.9.2.7", 20, 20));
    bench.advance(61_000);
    assert_eq!(bench.steer("10.9.2.7"), (vec![ip(SG)], "learned_latency".to_owned()));
    bench
}

fn configured(address: &str, weight: u32) -> ConfiguredBackend {
    let backend = Backend { key: key_of(APP, address), region: parsed("eu-west"), weight };
    ConfiguredBackend { backend, check: Some(tcp_check()) }
}

#[test]
fn nothing_changed_changes_nothing() {
    let mut bench = demo();
    let (rows, standings) = (bench.learned(), bench.standings());
    bench.take_notes();
    bench.kept_changes = 0;
    bench.reload(|_| ());
    assert_eq!((bench.learned(), bench.standings()), (rows, standings));
    assert_eq!((bench.kept_changes, bench.take_notes()), (0, Vec::new()));
    assert!(bench.is_wired("eu") && bench.is_wired("sg"));
    assert_eq!(bench.steer("10.9.2.7"), (vec![ip(SG)], "learned_latency".to_owned()));
}

#[test]
fn learned_answers_stay_whatever_else_of_a_domain_changes() {
    let learned = || (vec![ip(SG)], "learned_latency".to_owned());
    let mut bench = demo();
    bench.reload(|settings| settings.domains[0].ttl_s = 5);
    assert_eq!(bench.steer("10.9.2.7"), learned());
    assert_eq!(bench.view.domains[0].map.settings().ttl_s, 5);
    // Another order, one region more, and another place in the list of domains.
    bench.reload(|settings| {
        settings.domains[0].regions.reverse();
        let more = domain(APP, LEARNED).regions.remove(0);
        let more = routing::RegionSettings { name: parsed("us-east"), ..more };
        settings.domains[0].regions.insert(0, more);
        settings.domains.swap(0, 1);
        let steered = [("web.demo.local", Steering::ONE_ADDRESS), (APP, Steering::ONE_ADDRESS)];
        settings.zones = zones(&[ZoneLines::new("demo.local")], &steered);
    });
    assert_eq!(bench.steer("10.9.2.7"), learned());
    // Other geography: learned anew from the same rows, at once.
    let mapping = |subnet: &str, region: &str| CustomMapping {
        subnet: parsed(subnet),
        region: parsed(region),
        comment: None,
    };
    let geo = Geo::build(None, None, &[mapping("10.8.0.0/16", "eu-west")]).unwrap();
    let reload = Reload { settings: bench.settings.clone(), geo: Arc::new(geo) };
    bench.tell(Event::Reload(Box::new(reload)));
    assert_eq!(bench.steer("10.9.2.7"), learned());
    assert_eq!(bench.steer("10.8.2.7"), (vec![ip(EU)], "geo_fallback".to_owned()));
    // A domain that is new for a service has its rows from the first moment.
    bench.reload(|settings| {
        let mut other = domain("other.demo.local", LEARNED);
        other.service = parsed(APP);
        settings.domains.push(other);
        let steered = ["web.demo.local", APP, "other.demo.local"];
        let steered = steered.map(|name| (name, Steering::ONE_ADDRESS));
        settings.zones = zones(&[ZoneLines::new("demo.local")], &steered);
    });
    let question = Question::new("other.demo.local", RecordType::A);
    let (answer, reason) = bench.ask(&question, "10.9.2.7");
    assert_eq!((answer.addresses, reason.as_str()), (vec![ip(SG)], "learned_latency"));
}

#[test]
fn domains_and_zones_leave_and_come_in_one_step() {
    let mut bench = demo();
    let www = Question::new("www.other.test", RecordType::A);
    assert_eq!(bench.ask(&www, CLIENT).1, "refused");
    bench.reload(|settings| {
        settings.domains.remove(0);
        let mut other = ZoneLines::new("other.test");
        "www A 192.0.2.1\n".clone_into(&mut other.records);
        settings.zones = zones(
            &[ZoneLines::new("demo.local"), other],
            &[("web.demo.local", Steering::ONE_ADDRESS)],
        );
    });
    assert_eq!(bench.steer(CLIENT).1, "no name");
    assert_eq!(bench.ask(&www, CLIENT).0.addresses, [ip("192.0.2.1")]);
    assert_eq!(bench.learned().len(), 0, "it is steered no more");
    assert_eq!(bench.overwatch.table().len(), 2, "what was learned is still known");
}

#[test]
fn configured_backends_keep_standing_and_override_and_leave_at_once() {
    let mut bench = Bench::with(|settings| {
        settings.checks.enabled = true;
        settings.backends = vec![configured(CONFIGURED, 100)];
    });
    let key = key_of(APP, CONFIGURED);
    bench.checked(&key, true);
    bench.command(drained(key.clone(), 1_000));
    // Another weight, another pace of checks: it is the same backend, and up.
    bench.reload(|settings| {
        settings.backends[0].backend.weight = 50;
        settings.backends[0].check.as_mut().unwrap().interval_ms = 3_000;
        settings.backends.push(configured(EU, 100));
    });
    assert_eq!(bench.standing(CONFIGURED), "draining");
    assert_eq!(bench.watched[&key].interval_ms, 3_000);
    assert_eq!(bench.kept.backends[&key].backend.weight, 50);
    bench.command(drained(key.clone(), 0));
    assert_eq!(bench.standing(CONFIGURED), "healthy", "the verdict stayed");
    assert_eq!(bench.watched.len(), 2);
    bench.reload(|settings| drop(settings.backends.remove(0)));
    assert_eq!(bench.standing(CONFIGURED), "unknown");
    assert!(!bench.watched.contains_key(&key) && !bench.kept.backends.contains_key(&key));
    bench.reload(|settings| settings.checks.enabled = false);
    assert_eq!(bench.watched, BTreeMap::new());
}

#[test]
fn an_agents_backend_that_the_configuration_no_longer_names_is_what_its_agent_says() {
    let mut bench = Bench::with(|settings| {
        let mut backend = configured(EU, 7);
        backend.check = None;
        settings.backends = vec![backend];
    });
    bench.start_demo();
    assert_eq!(bench.kept.backends[&key_of(APP, EU)].backend.weight, 7);
    bench.reload(|settings| settings.backends.clear());
    assert!(!bench.is_wired("eu") && bench.is_wired("sg"), "it is asked again");
    bench.connect("eu");
    assert_eq!(bench.kept.backends[&key_of(APP, EU)].backend.weight, 100);
    assert_eq!(bench.standing(EU), "healthy");
}

#[test]
fn whoever_may_have_proven_a_secret_that_is_gone_proves_itself_again() {
    let regions = ["eu-west", "ap-southeast"];
    let networks = ["10.2.0.0/16", "10.3.0.0/16", "2001:db8::/32"];
    let is_wired = |bench: &Bench| (bench.is_wired("eu"), bench.is_wired("sg"));
    let mut bench = demo();
    // One more token, one more key: nobody has to do anything.
    bench.reload(|settings| {
        let all = [
            (APP, settings::TOKEN),
            ("web.demo.local", settings::TOKEN),
            (APP, "another-token-of-it"),
        ];
        let all = all.map(|(service, text)| token(service, text, &regions, &networks));
        settings.tokens = Tokens::new(all.into()).unwrap();
        settings.keys = MeshKeys::new([MESH_KEY, [8; 32]]).unwrap();
    });
    assert_eq!(is_wired(&bench), (true, true));
    // The old token goes.
    bench.reload(|settings| {
        let all = [("web.demo.local", settings::TOKEN), (APP, "another-token-of-it")];
        let all = all.map(|(service, text)| token(service, text, &regions, &networks));
        settings.tokens = Tokens::new(all.into()).unwrap();
    });
    assert_eq!(is_wired(&bench), (false, false));
    bench.connect("eu");
    assert!(!bench.is_wired("eu"), "with the old token it does not come in");
    let mut agent = settings::agent("sg", "ap-southeast", SG);
    agent.token = settings::secret("another-token-of-it");
    bench.reload_agent("sg", agent.clone());
    bench.connect("sg");
    assert!(bench.is_wired("sg"));
    assert_eq!(bench.steer("10.9.2.7"), (vec![ip(SG)], "learned_latency".to_owned()));
    // The old key goes.
    bench.reload(|settings| settings.keys = MeshKeys::new([[8; 32]]).unwrap());
    assert!(!bench.is_wired("sg"));
    agent.keys = MeshKeys::new([[8; 32]]).unwrap();
    bench.reload_agent("sg", agent);
    assert!(bench.is_wired("sg"));
}

#[test]
fn an_agent_keeps_what_it_learned_and_says_what_is_new() {
    let mut bench = demo();
    let rows = bench.learned();
    let mut settings = settings::agent("eu", "eu-west", EU);
    settings.offers[0].backend.weight = 20;
    settings.offers.push(settings::offer(APP, "eu-west", "10.2.1.11"));
    settings.learning.as_mut().unwrap().report_interval_ms = 5_000;
    assert!(!bench.reload_agent("eu", settings.clone()), "its session stays");
    assert_eq!(bench.kept.backends[&key_of(APP, EU)].backend.weight, 20);
    assert_eq!(bench.standing("10.2.1.11"), "healthy");
    assert_eq!(bench.learned(), rows);
    // Learning goes on from where it was.
    bench.observe("eu", connections("10.9.2.7", 250, 10));
    bench.advance(16_000);
    let samples: Vec<u64> = bench.learned().iter().map(|row| row.3).collect();
    assert_eq!(samples, [20, 30], "{:?}", bench.learned());
    // Another service needs another proof: it hangs up without a goodbye, and is back.
    settings.offers[1] = settings::offer("web.demo.local", "eu-west", "10.2.1.11");
    assert!(bench.reload_agent("eu", settings));
    assert_eq!(bench.hosts["eu"].complaints(), Vec::<String>::new());
    assert_eq!(bench.learned().len(), 2);
    assert_eq!(bench.standing(EU), "healthy");
}
