//! Connections as clients open them: when, from where, and how lucky they are on the way. Where
//! they go is not known here, so every policy meets the same ones.

use std::net::Ipv4Addr;

use model::{Rtt, Time};

use crate::matrix::Path;
use crate::random::Random;
use crate::scenario::{Long, Scenario, Spikes};
use crate::world::World;

/// A stream of connections.
#[derive(Debug)]
pub struct Clients {
    random: Random,
    gap_mean_ms: f64,
    strays: f64,
    ecs: f64,
    long: Long,
    spikes: Spikes,
    /// When the last one came, in milliseconds since the start, with its fraction.
    now_ms: f64,
    start: Time,
}

/// One connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connection {
    /// The client's network.
    pub network: usize,
    /// The client.
    pub client: Ipv4Addr,
    /// The site it goes to whatever DNS says: an answer kept too long, or another's resolver.
    pub stray: Option<usize>,
    /// How its time lies among the path's times, as a standard normal number: the same luck
    /// wherever it goes.
    pub luck: f64,
    /// What it is late for reasons of its own, in milliseconds, wherever it goes.
    pub spike_ms: f64,
    /// How long it stays open, in milliseconds.
    pub lasts_ms: u64,
    /// Whether its resolver sends ECS.
    pub has_ecs: bool,
}

impl Clients {
    /// Connections from `start` on, waiting times exponential.
    #[must_use]
    pub const fn new(random: Random, start: Time, scenario: &Scenario) -> Self {
        Self {
            random,
            gap_mean_ms: 86_400_000.0 / scenario.connections_per_day,
            strays: scenario.strays,
            ecs: scenario.ecs,
            long: scenario.long,
            spikes: scenario.spikes,
            now_ms: 0.0,
            start,
        }
    }

    /// The next connection and its time.
    pub fn next(&mut self, world: &World) -> (Time, Connection) {
        let random = &mut self.random;
        self.now_ms += random.exponential(self.gap_mean_ms);
        let network = world.draw_network(random);
        let client = world.networks.get(network).map(|network| network.draw_client(random));
        // Drawn whether needed or not: a setting changes only what it is about.
        let (is_stray, anywhere) = (random.chance(self.strays), random.index(world.sites.len()));
        let (is_long, seconds) =
            (random.chance(self.long.share), random.exponential(self.long.seconds));
        let (is_late, late_ms) =
            (random.chance(self.spikes.share), random.exponential(self.spikes.ms));
        let has_ecs = random.chance(self.ecs);
        let connection = Connection {
            network,
            client: client.unwrap_or(Ipv4Addr::UNSPECIFIED),
            stray: is_stray.then_some(anywhere),
            luck: random.normal(),
            spike_ms: if is_late { late_ms } else { 0.0 },
            lasts_ms: if is_long { (seconds * 1000.0) as u64 } else { 0 },
            has_ecs,
        };
        (self.start.plus_ms(self.now_ms as u64), connection)
    }
}

impl Connection {
    /// Its round-trip time on this path.
    #[must_use]
    pub fn rtt(&self, path: &Path) -> Option<Rtt> {
        rtt_of(path, self.luck, self.spike_ms)
    }
}

/// The round-trip time of a connection with this luck: the least of the path plus a lognormal
/// part, so that mean and deviation are the path's own and the upper tail is long; plus its spike.
fn rtt_of(path: &Path, luck: f64, spike_ms: f64) -> Option<Rtt> {
    let above_ms = path.average_ms - path.min_ms;
    let extra_ms = if above_ms > 0.0 {
        let spread = (1.0 + (path.deviation_ms / above_ms).powi(2)).ln();
        above_ms * (spread.sqrt() * luck - spread / 2.0).exp()
    } else {
        0.0
    };
    let us = ((path.min_ms + extra_ms + spike_ms) * 1000.0).clamp(1.0, f64::from(Rtt::MAX_US));
    Rtt::from_us(us as u64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cities;

    #[test]
    fn times_have_the_mean_and_deviation_of_their_path() {
        let path = Path { distance_km: 0.0, min_ms: 80.0, average_ms: 85.0, deviation_ms: 4.0 };
        let mut random = Random::new(1, "times");
        let times: Vec<f64> = (0..50_000)
            .map(|_| f64::from(rtt_of(&path, random.normal(), 0.0).unwrap().us()) / 1000.0)
            .collect();
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let variance =
            times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / times.len() as f64;
        assert!((mean - 85.0).abs() < 0.1, "{mean}");
        assert!((variance.sqrt() - 4.0).abs() < 0.2, "{variance}");
        assert!(times.iter().all(|time| *time >= 80.0));
    }

    #[test]
    fn a_path_without_spread_always_takes_its_least() {
        let path = Path { distance_km: 0.0, min_ms: 0.0, average_ms: 0.0, deviation_ms: 9.0 };
        assert_eq!(rtt_of(&path, 3.0, 0.0).map(Rtt::us), Some(1));
        let far = Path { min_ms: 60_000.0, average_ms: 60_000.0, ..path };
        assert_eq!(rtt_of(&far, 3.0, 0.0).map(Rtt::us), Some(Rtt::MAX_US));
    }

    #[test]
    fn clients_come_as_often_as_asked_and_do_what_was_asked() {
        let sites: Vec<String> = vec!["Oslo".to_owned(), "Tokyo".to_owned()];
        let matrix = cities::matrix(1);
        let scenario =
            Scenario { networks: 20, connections_per_day: 480_000.0, ..Scenario::default() };
        let mut random = Random::new(1, "world");
        let world = World::new(&matrix, &sites, &scenario, &mut random).unwrap();
        let (start, hour) = (Time::from_unix_ms(1000), Time::from_unix_ms(3_601_000));
        let come = |strays| {
            let scenario = Scenario { strays, ..scenario.clone() };
            let mut clients = Clients::new(Random::new(1, "clients"), start, &scenario);
            let next = std::iter::from_fn(|| Some(clients.next(&world)));
            next.take_while(|(at, _)| *at <= hour).map(|(_, connection)| connection).collect()
        };
        let (all, some): (Vec<Connection>, Vec<Connection>) = (come(0.0), come(0.25));
        assert!((19_500..20_500).contains(&all.len()), "{}", all.len());
        let share = |which: &dyn Fn(&Connection) -> bool| {
            some.iter().filter(|connection| which(connection)).count() as f64 / some.len() as f64
        };
        let close = |share: f64, expect: f64| assert!((share - expect).abs() < 0.02, "{share}");
        close(share(&|connection| connection.stray.is_some()), 0.25);
        close(share(&|connection| connection.has_ecs), 0.25);
        close(share(&|connection| connection.lasts_ms > 0), 0.05);
        close(share(&|connection| connection.spike_ms > 0.0), 0.01);
        // But for the strays they are the same.
        let kept: Vec<Connection> =
            some.into_iter().map(|connection| Connection { stray: None, ..connection }).collect();
        assert_eq!(kept, all);
    }
}
