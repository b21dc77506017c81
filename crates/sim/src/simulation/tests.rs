//! Restarts, breaks and clocks: what must hold whatever happens between agents and overwatches.

use std::collections::BTreeSet;

use routing::Reason;

use super::*;
use crate::matrix::{Matrix, Path};

/// NOERROR (RFC 1035, 4.1.1).
const NO_ERROR: u8 = 0;

const MINUTE_MS: u64 = 60_000;

/// Ten networks in a city halfway between two sites; the site that is a little nearer takes three
/// times as long.
fn world() -> Arc<World> {
    let mut matrix = Matrix::default();
    let path = |distance_km, min_ms| Path {
        distance_km,
        min_ms,
        average_ms: min_ms + 2.0,
        deviation_ms: 1.0,
    };
    assert!(matrix.insert("Clienton", "Neartown", path(900.0, 90.0)));
    assert!(matrix.insert("Clienton", "Farville", path(1000.0, 30.0)));
    let sites = ["Neartown".to_owned(), "Farville".to_owned()];
    let mut random = Random::new(1, "world");
    Arc::new(World::new(&matrix, &sites, &scenario(), &mut random).unwrap())
}

/// Many strays, so that both sites are measured, and rows that count at once.
fn scenario() -> Scenario {
    Scenario::read(SCENARIO).unwrap()
}

const SCENARIO: &str = "
networks: 10
connections_per_day: 144000
strays: 0.3
ecs: 1
agent_min_samples: 1
domain_min_samples: 1
exploration: {enabled: false}
";

const NEARTOWN: usize = 0;
const FARVILLE: usize = 1;

fn simulation(seed: u64, overwatches: usize, faults: Option<Faults>) -> Simulation {
    let plan = Plan { seed, policy: Policy::Learned, scenario: scenario(), overwatches, faults };
    Simulation::new(world(), plan).unwrap()
}

/// What all ten networks are told.
fn told(simulation: &mut Simulation, overwatch: usize) -> Vec<Told> {
    (0..10).map(|network| simulation.ask(overwatch, network).unwrap().unwrap()).collect()
}

fn learned() -> Told {
    Told {
        rcode: NO_ERROR,
        site: Some(FARVILLE),
        reason: Some(Reason::LearnedLatency),
        shadow: None,
    }
}

fn fallback() -> Told {
    Told { rcode: NO_ERROR, site: Some(NEARTOWN), reason: Some(Reason::GeoFallback), shadow: None }
}

#[test]
fn what_is_learned_is_answered() {
    let mut simulation = simulation(1, 1, None);
    simulation.run_until(CLIENTS_START).unwrap();
    assert_eq!(told(&mut simulation, 0), [fallback(); 10]);
    simulation.run_for(20 * MINUTE_MS).unwrap();
    assert_eq!(told(&mut simulation, 0), [learned(); 10]);
    assert!(simulation.warnings().is_empty(), "{:?}", simulation.warnings());
    let hour = simulation.take_hour();
    assert_eq!(hour.unanswered, 0);
    assert!(hour.strays > 500 && hour.chosen_us.len() > 1_200, "{hour:?}");
}

/// Takes an overwatch that has learned down for so long, and watches it come back.
fn restart(seed: u64, down_ms: u64) {
    let mut simulation = simulation(seed, 1, None);
    simulation.run_for(20 * MINUTE_MS).unwrap();
    assert_eq!(told(&mut simulation, 0), [learned(); 10]);
    simulation.stop_overwatch(0);
    simulation.run_for(down_ms).unwrap();
    assert_eq!(simulation.ask(0, 0).unwrap(), None, "it is down");
    simulation.start_overwatch(0).unwrap();
    assert_eq!(told(&mut simulation, 0), [fallback(); 10], "seed {seed}, down for {down_ms} ms");
    for _ in 0..100 {
        simulation.run_for(100).unwrap();
        let told = told(&mut simulation, 0);
        assert!(told.iter().all(|told| told.rcode == NO_ERROR && told.site.is_some()), "{told:?}");
        let known = [Reason::GeoFallback, Reason::LearnedLatency];
        assert!(
            told.iter().all(|told| told.reason.is_some_and(|r| known.contains(&r))),
            "{told:?}"
        );
    }
    assert_eq!(told(&mut simulation, 0), [learned(); 10], "seed {seed}, down for {down_ms} ms");
}

#[test]
fn a_restarted_overwatch_falls_back_and_has_learned_again_in_ten_seconds() {
    for seed in 0..5 {
        restart(seed, 1_000);
        restart(seed, 60_000);
    }
}

/// Whether rows have all that was counted: the table keeps counts to within a sixteenth (decision 53).
fn is_all(samples: u64, counted: u64) -> bool {
    samples.abs_diff(counted) * 16 <= counted
}

/// Every sample that an agent counted is in the overwatch's rows, once.
fn check_whole(simulation: &Simulation, overwatch: usize, about: &str) {
    let rows = simulation.rows(overwatch);
    for (site, place) in simulation.world.sites.iter().enumerate() {
        let (admitted, count) = simulation.learned_at(site).unwrap();
        let there: Vec<_> = rows.iter().filter(|(_, region, _)| *region == place.region).collect();
        let samples: u64 = there.iter().map(|(_, _, row)| row.samples).sum();
        let name = &place.name;
        assert!(is_all(samples, admitted), "{about}, {name}: {samples} of {admitted}");
        assert_eq!(there.len(), count, "{about}: {name}");
    }
}

#[test]
fn rows_converge_however_connections_break() {
    let mut broken = 0;
    for seed in 0..20 {
        let faults = Faults { frames_max: 30, unnoticed_ms_max: 20_000 };
        let mut simulation = simulation(seed, 1, Some(faults));
        simulation.run_for(15 * MINUTE_MS).unwrap();
        broken += simulation.network.opened();
        simulation.heal();
        simulation.close_to_clients();
        // Sockets that are open end, the last publication goes out, and one that comes new to all
        // of it hears the same.
        simulation.run_for(60 * MINUTE_MS).unwrap();
        let witness = simulation.add_overwatch().unwrap();
        simulation.run_for(MINUTE_MS).unwrap();
        check_whole(&simulation, 0, &format!("seed {seed}"));
        assert_eq!(simulation.rows(0), simulation.rows(witness), "seed {seed}");
    }
    assert!(broken > 20 * 20, "connections broke: {broken}");
}

#[test]
fn two_overwatches_hold_the_same_rows() {
    let faults = Faults { frames_max: 60, unnoticed_ms_max: 5_000 };
    let mut simulation = simulation(3, 2, Some(faults));
    simulation.run_for(20 * MINUTE_MS).unwrap();
    simulation.stop_overwatch(1);
    simulation.run_for(5 * MINUTE_MS).unwrap();
    simulation.start_overwatch(1).unwrap();
    simulation.heal();
    simulation.close_to_clients();
    simulation.run_for(60 * MINUTE_MS).unwrap();
    check_whole(&simulation, 0, "first");
    assert_eq!(simulation.rows(0), simulation.rows(1));
    assert_eq!(told(&mut simulation, 0), told(&mut simulation, 1));
}

#[test]
fn an_agent_whose_clock_went_back_is_still_heard() {
    let mut simulation = simulation(1, 2, None);
    simulation.run_for(20 * MINUTE_MS).unwrap();
    let before: BTreeSet<Subnet> = simulation.rows(0).iter().map(|(subnet, ..)| *subnet).collect();
    assert_eq!(before.len(), 10);
    simulation.restart_agent(FARVILLE, 60 * MINUTE_MS).unwrap();
    simulation.run_for(30 * MINUTE_MS).unwrap();
    simulation.close_to_clients();
    simulation.run_for(60 * MINUTE_MS).unwrap();
    let (admitted, rows) = simulation.learned_at(FARVILLE).unwrap();
    assert_eq!(rows, 10);
    let region = &simulation.world.sites[FARVILLE].region;
    for overwatch in 0..2 {
        let rows = simulation.rows(overwatch);
        let its = rows.iter().filter(|(_, of, _)| of == region);
        let samples: u64 = its.map(|(_, _, row)| row.samples).sum();
        assert!(is_all(samples, admitted), "overwatch {overwatch} has the new life's rows");
    }
    let refused = simulation.warnings().keys().filter(|warning| warning.contains("refused"));
    assert_eq!(refused.count(), 0, "{:?}", simulation.warnings());
}

#[test]
fn the_oracle_needs_no_nodes() {
    let plan = Plan { policy: Policy::Oracle, ..simulation(1, 1, None).plan };
    let refused = Simulation::new(world(), plan).unwrap_err();
    assert_eq!(refused.to_string(), "the policy oracle asks no overwatch");
}

/// A run of one policy with more in its scenario, so many minutes in.
fn run_with(policy: Policy, more: &str, minutes: u64) -> Simulation {
    let scenario = Scenario::read(&format!("{SCENARIO}{more}")).unwrap();
    let plan = Plan { seed: 1, policy, scenario, overwatches: 1, faults: None };
    let mut simulation = Simulation::new(world(), plan).unwrap();
    simulation.run_for(minutes * MINUTE_MS).unwrap();
    simulation
}

#[test]
fn what_an_operator_says_is_answered() {
    let check = |more: &str, minutes: u64, expect: Told| {
        let mut simulation = run_with(Policy::Learned, more, minutes);
        assert_eq!(told(&mut simulation, 0), [expect; 10], "{more} after {minutes} min");
        assert!(simulation.warnings().is_empty(), "{:?}", simulation.warnings());
    };
    let near = |reason| Told { site: Some(NEARTOWN), reason: Some(reason), ..learned() };
    let pins = "pins: [{client: Clienton, site: Neartown, from_hour: 0.4, to_hour: 0.6}]\n";
    check(pins, 20, learned());
    check(pins, 30, near(Reason::Pinned));
    check(pins, 40, learned());
    let rule = "constraints: [{country_of: Clienton, sites: [Neartown]}]\n";
    check(rule, 20, near(Reason::LearnedLatency));
    let drain = "drains: [{site: Farville, at_hour: 0.4, share: 1}]\n";
    check(drain, 30, near(Reason::LearnedLatency));
    check("freezes: [{from_hour: 0}]\n", 20, near(Reason::LearnedLatency));
}

#[test]
fn who_is_sent_back_has_switched_back() {
    let pins = "pins: [{client: Clienton, site: Neartown, from_hour: 1.3, to_hour: 1.6}]\n";
    let mut simulation = run_with(Policy::Learned, pins, 60);
    let learned = simulation.take_hour().switches_back;
    assert!(learned < 0.3, "nobody was anywhere twice: {learned}");
    simulation.run_for(60 * MINUTE_MS).unwrap();
    let pinned = simulation.take_hour();
    assert!(pinned.switches > 0.9 && pinned.switches_back > 0.9, "{}", pinned.switches_back);
}

#[test]
fn a_full_site_sends_clients_on_by_what_its_agent_tells() {
    let open = |more: &str| {
        let long = "long: {share: 1, seconds: 60}\n";
        let mut simulation = run_with(Policy::Learned, &format!("{long}{more}"), 40);
        simulation.take_hour();
        simulation.run_for(20 * MINUTE_MS).unwrap();
        let hour = simulation.take_hour();
        let sent_on = hour.reasons.get(&Reason::Capacity).copied().unwrap_or_default();
        (hour.open_max[FARVILLE], sent_on)
    };
    let (free, nobody) = open("");
    let (limited, some) = open("capacities: [{site: Farville, connections: 60}]\n");
    assert!(free > 80 && nobody == 0, "{free} {nobody}");
    // Whole networks are sent on, of which each has a tenth of the connections.
    assert!(limited < 80 && limited + 15 < free && some > 100, "{limited} {free} {some}");
}

#[test]
fn a_shadow_tells_what_a_change_would_bring() {
    let mut simulation = run_with(Policy::Geolocation, "shadow: true\n", 40);
    simulation.take_hour();
    simulation.run_for(20 * MINUTE_MS).unwrap();
    let hour = simulation.take_hour();
    assert!(hour.reasons.keys().all(|reason| *reason == Reason::Geolocation), "{:?}", hour.reasons);
    let shadow = hour.shadow;
    assert!(shadow.judged > 1_000 && shadow.other == shadow.judged, "{shadow:?}");
    let gain_ms = shadow.gain_us as f64 / shadow.known as f64 / 1000.0;
    assert!((55.0..65.0).contains(&gain_ms), "{gain_ms}");
}
