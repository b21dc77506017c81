//! The world of a dialogue, read from its lines and built through the overwatch itself: an agent in
//! each region registers the servers there and reports the rows.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use dns::{NameBuf, RateLimiter, RateLimits};
use dnssec::{Algorithm as KeyAlgorithm, KeyRing, Layout, RolloverTerms};
use geo::{CustomMapping, Geo};
use latency::{PortReport, Report, ReportRow};
use mesh::{AgentIdentity, BackendOffer, Frame, Registration, Tokens};
use model::{Backend, BackendKey, Rtt, SubnetWidths};
use overwatch::{Command, ConfiguredBackend, Event, KeyOrder, Said, SignedZone, Worker};
use routing::{Algorithm, Constraint, DomainSettings, Names, NonePolicy, RegionSettings};
use zone::{AliasTargets, HttpsTerms, Steering};

use crate::bench::Bench;
use crate::settings::{self, START, ZoneLines, parsed};

/// All that is there before the first question.
pub(crate) struct World {
    settings: overwatch::Settings,
    countries: Vec<(model::Subnet, geo::Country)>,
    places: Vec<CustomMapping>,
    /// By region: what its agent offers.
    offers: BTreeMap<String, Vec<BackendOffer>>,
    /// By region and port: what its agent reports.
    rows: BTreeMap<(String, u16), Vec<ReportRow>>,
    /// Answers, names that do not exist and errors a second.
    rates: Option<[NonZeroU32; 3]>,
    zones: Vec<ZoneLines>,
    /// For each domain.
    answers: Vec<Answers>,
    /// The zones that are signed, and how the work is divided among their keys.
    signed: Vec<(NameBuf, Layout)>,
}

/// What a domain answers with: one address, unless lines say else.
#[derive(Default)]
struct Answers {
    count: usize,
    https: Option<HttpsTerms>,
    /// In the order of the domain's regions.
    targets: Vec<NameBuf>,
}

impl Answers {
    /// A name stands for the region that the domain got last; nobody watches its servers.
    fn target(&mut self, domain: &mut DomainSettings, region: &str, name: &str) {
        assert_eq!(domain.regions[self.targets.len()].name.as_str(), region);
        self.targets.push(parsed(name));
        if domain.names == Names::Servers {
            domain.names = Names::Regions { unwatched: Vec::new() };
        }
        if let Names::Regions { unwatched } = &mut domain.names {
            unwatched.push(parsed(region));
        }
    }

    fn steering(self, ttl_s: u32) -> Steering {
        if self.targets.is_empty() {
            return Steering::Addresses { answers: self.count.max(1), https: self.https };
        }
        Steering::Alias(AliasTargets::new(&self.targets, ttl_s))
    }
}

impl<'a> FromIterator<&'a str> for World {
    fn from_iter<T: IntoIterator<Item = &'a str>>(lines: T) -> Self {
        let mut world = Self {
            settings: overwatch::Settings { domains: Vec::new(), ..settings::overwatch() },
            countries: Vec::new(),
            places: Vec::new(),
            offers: BTreeMap::new(),
            rows: BTreeMap::new(),
            rates: None,
            zones: Vec::new(),
            answers: Vec::new(),
            signed: Vec::new(),
        };
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.split_first() {
                None | Some((&"#", _)) => {}
                Some((word, rest)) => world.add(word, rest),
            }
        }
        world
    }
}

impl World {
    fn add(&mut self, word: &str, rest: &[&str]) {
        let last = self.settings.domains.last_mut();
        match (word, rest) {
            ("zone", [name]) => self.zones.push(ZoneLines::new(name)),
            ("record", words) => {
                let zone = self.zones.last_mut().unwrap();
                zone.records.push_str(&format!("{}\n", words.join(" ")));
            }
            ("signed", keys) => {
                let layout = if keys == ["ksk", "zsk"] { Layout::KskZsk } else { Layout::Csk };
                self.signed.push((parsed(&self.zones.last().unwrap().apex), layout));
            }
            ("domain", [name, algorithm, options @ ..]) => {
                self.settings.domains.push(domain_of(name, algorithm, options));
                self.answers.push(Answers::default());
            }
            ("region", [name, options @ ..]) => {
                last.unwrap().regions.push(RegionSettings {
                    name: parsed(name),
                    countries: option(options, "countries").map_or(Vec::new(), list),
                    continents: option(options, "continents").map_or(Vec::new(), list),
                    place: None,
                    capacity: None,
                });
            }
            ("target", [region, name]) => {
                self.answers.last_mut().unwrap().target(last.unwrap(), region, name);
            }
            ("watched", [region]) => {
                let Names::Regions { unwatched } = &mut last.unwrap().names else {
                    panic!("{region} has no target")
                };
                unwatched.retain(|other| other.as_str() != *region);
            }
            ("answers", [count]) => self.answers.last_mut().unwrap().count = parsed(count),
            ("https", [alpn, port @ ..]) => {
                let protocols: Vec<&str> = alpn.split(',').collect();
                let port = port.first().map(|port| parsed(port));
                self.answers.last_mut().unwrap().https = HttpsTerms::new(&protocols, port);
            }
            ("default", [region]) => last.unwrap().default_region = Some(parsed(region)),
            ("limit", [clients, "to", regions @ ..]) => {
                last.unwrap().constraints.push(Constraint {
                    networks: clients.split(',').filter_map(|client| client.parse().ok()).collect(),
                    countries: clients
                        .split(',')
                        .filter_map(|client| client.parse().ok())
                        .collect(),
                    regions: regions.iter().map(|region| parsed(region)).collect(),
                });
            }
            ("country", [network, code]) => self.countries.push((parsed(network), parsed(code))),
            ("place", [network, region]) => self.places.push(CustomMapping {
                subnet: parsed(network),
                region: parsed(region),
                comment: None,
            }),
            ("ecs", ["off"]) => self.settings.answers.ecs.enabled = false,
            ("ecs", ["from", networks @ ..]) => {
                self.settings.answers.ecs.trusted =
                    networks.iter().map(|network| parsed(network)).collect();
            }
            ("explore", [permille]) => {
                let exploration = &mut last.unwrap().learning.exploration;
                exploration.is_enabled = true;
                exploration.budget_ppm = 1_000 * parsed::<u32>(permille);
            }
            ("cookies", ["off"]) => self.settings.answers.cookies = None,
            ("cookies", ["rotated"]) => {
                let before = settings::COOKIE_SECRET;
                let keys = dns::CookieKeys::new([8; 16], Some(before));
                self.settings.answers.cookies = Some(keys);
            }
            ("size", [bytes]) => self.settings.answers.udp_size = parsed(bytes),
            ("nsid", [text]) => self.settings.answers.nsid = Some((*text).to_owned()),
            ("identity", [text]) => self.settings.answers.identity = Some((*text).to_owned()),
            ("version", [text]) => self.settings.answers.version = Some((*text).to_owned()),
            ("rate", [answers, no_names, errors]) => {
                self.rates = Some([answers, no_names, errors].map(|rate| parsed(rate)));
            }
            ("server", [domain, region, address, options @ ..]) => {
                self.server(domain, region, address, options);
            }
            ("row", [domain, region, network, ms, samples]) => {
                let rtt = Rtt::from_us(parsed::<u64>(ms) * 1_000).unwrap();
                let row = ReportRow {
                    subnet: parsed(network),
                    rtt_us: rtt,
                    deviation_us: 0,
                    min_rtt: rtt,
                    samples: parsed(samples),
                    observed_at: START,
                };
                let port = self.port_of(domain);
                self.rows.entry(((*region).to_owned(), port)).or_default().push(row);
            }
            _ => panic!("{word} {rest:?} is no line of a world"),
        }
    }

    /// A server: `static` from the configuration, `checked` by the overwatch, `down` by its agent's
    /// word.
    fn server(&mut self, domain: &str, region: &str, address: &str, options: &[&str]) {
        let key = BackendKey { service: parsed(domain), address: parsed(address), port: 443 };
        let weight = option(options, "weight").map_or(100, parsed);
        let check = options.contains(&"checked").then(settings::tcp_check);
        if options.contains(&"static") {
            let backend = Backend { key, region: parsed(region), weight };
            return self.settings.backends.push(ConfiguredBackend { backend, check });
        }
        let listen_port = self.port_of(domain);
        let healthy = !options.contains(&"down");
        let offer = BackendOffer { key, listen_port, weight, check, healthy };
        self.offers.entry(region.to_owned()).or_default().push(offer);
    }

    /// The port that a domain's servers listen on: each domain's rows are its own.
    fn port_of(&self, domain: &str) -> u16 {
        let mut domains = self.settings.domains.iter();
        let place = domains.position(|of| of.service.as_str() == domain).unwrap();
        8_000 + u16::try_from(place).unwrap()
    }

    /// The worker that answers.
    pub(crate) fn worker(&self) -> Worker {
        let limits = self.rates.map(|[answers, no_names, errors]| RateLimits {
            answers_per_s: Some(answers),
            no_names_per_s: Some(no_names),
            referrals_per_s: Some(no_names),
            errors_per_s: Some(errors),
            window_s: NonZeroU32::new(5).unwrap(),
            slip: NonZeroU32::new(2),
            widths: SubnetWidths { ipv4: 24, ipv6: 56 },
            exempt: vec![parsed("10.8.0.0/16")],
            buckets: 64,
        });
        Worker::new(limits.map(|limits| RateLimiter::new(limits, [3; 16])))
    }

    /// Builds it.
    pub(crate) fn build(mut self) -> Bench {
        let everywhere = ["0.0.0.0/0", "::/0"];
        let tokens = self.settings.domains.iter().map(|domain| {
            settings::token(domain.service.as_str(), settings::TOKEN, &[], &everywhere)
        });
        self.settings.tokens = Tokens::new(tokens.collect()).unwrap();
        let domains = self.settings.domains.iter().zip(self.answers);
        let steered: Vec<(&str, Steering)> =
            domains.map(|(of, answers)| (of.name.as_str(), answers.steering(of.ttl_s))).collect();
        self.settings.zones = settings::zones(&self.zones, &steered);
        self.settings.checks.enabled = true;
        self.settings.checks.smoothing_factors =
            self.settings.domains.iter().map(|domain| (domain.service.clone(), 1.0)).collect();
        let service = self.settings.domains[0].service.clone();
        let geo = Geo::from_countries(&self.countries, &self.places).unwrap();
        self.settings.signed = self.signed.iter().map(signed).collect();
        let mut bench = Bench::of(self.settings, Arc::new(geo));
        for ring in rings(&self.signed) {
            give_keys(&mut bench, ring);
        }
        for (key, (region, backends)) in (1..).zip(self.offers) {
            let identity = AgentIdentity {
                agent_id: parsed(&format!("agent-{region}")),
                epoch: 1,
                service: service.clone(),
                region: parsed(&region),
                keys: mesh::MeshKeys::new([settings::MESH_KEY]).unwrap(),
                tokens: vec![settings::secret(settings::TOKEN)],
            };
            let (link, _) = bench.join(identity, "192.0.2.1", key);
            assert_eq!(u64::from(key), link, "the agents' links are the first ones");
            let registration = Registration {
                region: parsed(&region),
                backends,
                heartbeat_ms: 10_000,
                missed_threshold: 3,
                subnet_ttl_ms: 3_600_000,
            };
            assert_eq!(bench.say(link, Frame::Registration(registration)), []);
            let here = self.rows.iter_mut().filter(|((of, _), _)| *of == region);
            let ports = here.map(|((_, port), rows)| {
                rows.sort_by_key(|row| row.subnet);
                PortReport { port: *port, rows: std::mem::take(rows), refreshed: Vec::new() }
            });
            let report = Report { after: 0, through: 1, ports: ports.collect() };
            if !report.is_empty() {
                let said = bench.say(link, Frame::Report { epoch: 1, report });
                assert!(matches!(said.as_slice(), [Frame::Ack(_)]), "{said:?}");
            }
        }
        bench.tell(Event::Tick);
        bench
    }
}

/// A zone that is signed with keys that it is given, and that do not change by themselves.
fn signed((apex, layout): &(NameBuf, Layout)) -> SignedZone {
    let terms = RolloverTerms {
        layout: *layout,
        algorithm: KeyAlgorithm::Ed25519,
        dnskey_ttl_s: 3_600,
        zone_ttl_max_s: 3_600,
        ds_ttl_s: 3_600,
        // A hundred years: rings that are given stay as they are.
        propagation_s: 3_155_760_000,
        entry_point_age_s: None,
        zsk_age_s: None,
    };
    SignedZone { apex: apex.clone(), terms, makes_keys: false }
}

/// Keys of Ed25519, whose signatures are always the same, with the secrets 1, 2 and so on.
fn rings(zones: &[(NameBuf, Layout)]) -> Vec<KeyRing> {
    let mut next = 0;
    let mut draw = || {
        next += 1;
        [next; 32]
    };
    let mut ring = |(apex, layout): &(NameBuf, Layout)| {
        let terms = (*layout, KeyAlgorithm::Ed25519);
        KeyRing::new(apex.clone(), terms, START, &mut draw).unwrap()
    };
    zones.iter().map(&mut ring).collect()
}

/// Gives an overwatch the keys of a zone that it signs.
#[track_caller]
pub(crate) fn give_keys(bench: &mut Bench, ring: KeyRing) {
    let zone = ring.apex().to_buf();
    let order = KeyOrder::Import { zone, ring: Box::new(ring), replaces: true };
    let command = Command::Keys(Box::new(order));
    assert_eq!(bench.overwatch.objection(&command, &Said::default(), bench.now), None);
    bench.tell(Event::Command { command, said: Said::default() });
}

/// The link of a region's agent: they joined in the order of their names.
fn link_of(bench: &Bench, region: &str) -> u64 {
    let agents = bench.overwatch.agent_list(bench.now).agents;
    let place = agents.iter().position(|agent| agent.agent_id == format!("agent-{region}"));
    place.unwrap() as u64 + 1
}

/// The agent of a region says goodbye.
pub(crate) fn goodbye(bench: &mut Bench, region: &str) {
    let link = link_of(bench, region);
    bench.say(link, Frame::Goodbye);
}

/// The session of a region's agent breaks.
pub(crate) fn cut(bench: &mut Bench, region: &str) {
    let link = link_of(bench, region);
    bench.tell(Event::LinkClosed { link, refusal: None });
}

fn domain_of(name: &str, algorithm: &str, options: &[&str]) -> DomainSettings {
    let max_latency_ms = option(options, "max").map(parsed);
    let algorithm = match algorithm {
        "learned_latency" => Algorithm::LearnedLatency {
            max_latency_ms,
            min_samples: option(options, "min").map_or(5, parsed),
        },
        "latency" => Algorithm::Latency { max_latency_ms },
        "geolocation" => Algorithm::Geolocation,
        "round-robin" => Algorithm::RoundRobin,
        "weighted" => Algorithm::Weighted,
        "failover" => Algorithm::Failover,
        word => panic!("{word:?} is no algorithm"),
    };
    DomainSettings {
        name: name.to_owned(),
        service: parsed(option(options, "service").unwrap_or(name.trim_start_matches("*."))),
        names: Names::Servers,
        algorithm,
        shadow: None,
        regions: Vec::new(),
        default_region: None,
        constraints: Vec::new(),
        ttl_s: option(options, "ttl").map_or(30, parsed),
        none_healthy: match option(options, "none") {
            None | Some("last_healthy") => NonePolicy::LastHealthy,
            Some("servfail") => NonePolicy::Servfail,
            Some("all") => NonePolicy::All,
            Some(word) => panic!("{word:?} is no policy"),
        },
        learning: settings::steering(),
    }
}

/// The word behind a key.
fn option<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| *word == key)?;
    words.get(at + 1).copied()
}

fn list<T: std::str::FromStr<Err: std::fmt::Debug>>(words: &str) -> Vec<T> {
    words.split(',').map(parsed).collect()
}
