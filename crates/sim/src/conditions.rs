//! What is different from hour to hour: the ways of packets, sites that are down, agents that lie.

use model::Time;

use crate::matrix::Path;
use crate::scenario::{LieKind, Scenario};
use crate::world::{World, WorldError};

/// With drift, paths are looked at anew this often: in a quarter of an hour a sine of a day moves
/// by 7 % of its height at most.
const DRIFT_STEP_MS: u64 = 900_000;

const HOUR_MS: f64 = 3_600_000.0;

/// A scenario's events with their times and places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    start: Time,
    drift: f64,
    changes: Vec<Change>,
    outages: Vec<Down>,
    lies: Vec<(usize, Time, LieKind)>,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    at: Time,
    city: Option<usize>,
    site: Option<usize>,
    add_ms: f64,
}

/// A site that is down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Down {
    pub(crate) site: usize,
    pub(crate) from: Time,
    pub(crate) to: Option<Time>,
}

impl Conditions {
    /// The events of a scenario, hours counted from `start`.
    pub(crate) fn new(world: &World, scenario: &Scenario, start: Time) -> Result<Self, WorldError> {
        let at = |hour: f64| start.plus_ms((hour * HOUR_MS) as u64);
        let site = |name: &str| world.site_named(name);
        let city = |name: &str| world.city_named(name);
        let changes = scenario.path_changes.iter().map(|change| {
            Ok(Change {
                at: at(change.at_hour),
                city: change.client.as_deref().map(city).transpose()?,
                site: change.site.as_deref().map(site).transpose()?,
                add_ms: change.add_ms,
            })
        });
        let outages = scenario.outages.iter().map(|outage| {
            let (from, to) = (at(outage.from_hour), outage.to_hour.map(at));
            Ok(Down { site: site(&outage.site)?, from, to })
        });
        let lies =
            scenario.lies.iter().map(|lie| Ok((site(&lie.site)?, at(lie.from_hour), lie.says)));
        Ok(Self {
            start,
            drift: scenario.drift,
            changes: changes.collect::<Result<_, WorldError>>()?,
            outages: outages.collect::<Result<_, WorldError>>()?,
            lies: lies.collect::<Result<_, WorldError>>()?,
        })
    }

    /// The sites that go down and when.
    pub(crate) fn outages(&self) -> &[Down] {
        &self.outages
    }

    /// Whether a site's machines run.
    pub(crate) fn is_up(&self, site: usize, now: Time) -> bool {
        let is_down = |down: &Down| {
            down.site == site && down.from <= now && down.to.is_none_or(|to| now < to)
        };
        !self.outages.iter().any(is_down)
    }

    /// The way between a network and a site, as it is now.
    pub(crate) fn path(
        &self,
        world: &World,
        (network, site): (usize, usize),
        now: Time,
    ) -> Option<Path> {
        let network = world.networks.get(network)?;
        let mut path = *network.paths.get(site)?;
        for change in self.changes.iter().filter(|change| change.at <= now) {
            let is_here = change.city.is_none_or(|city| city == network.city)
                && change.site.is_none_or(|its| its == site);
            if is_here {
                path = path.later(change.add_ms);
            }
        }
        if self.drift > 0.0 {
            let place = world.cities.get(network.city).and_then(|city| city.place);
            let queues = self.queues(place.map_or(0.0, |place| place.longitude), now);
            path.average_ms = path.min_ms + (path.average_ms - path.min_ms) * queues;
            path.deviation_ms *= queues;
        }
        Some(path)
    }

    /// How long queues are, as a share of their length in the mean: longest in the evening.
    fn queues(&self, longitude: f64, now: Time) -> f64 {
        let hours = now.ms_since(self.start) as f64 / HOUR_MS + longitude / 15.0;
        // A sine is highest at a quarter of its period, 6 hours; the evening is at 20.
        let angle = (hours - 14.0) / 24.0 * std::f64::consts::TAU;
        1.0 + self.drift * angle.sin()
    }

    /// What an agent says of a time, in microseconds.
    pub(crate) fn told_us(&self, site: usize, us: u32, now: Time) -> u32 {
        let lie = self.lies.iter().rev().find(|(its, from, _)| *its == site && *from <= now);
        match lie {
            None => us,
            Some((_, _, LieKind::Times(times))) => (f64::from(us) * times).max(1.0) as u32,
            Some((_, _, LieKind::Ms(ms))) => (ms * 1000.0).max(1.0) as u32,
        }
    }

    /// Whether a site's agent lies.
    pub(crate) fn lies(&self, site: usize, now: Time) -> bool {
        self.lies.iter().any(|(its, from, _)| *its == site && *from <= now)
    }

    /// When paths or sites are next different from now.
    pub(crate) fn next_change(&self, now: Time) -> Option<Time> {
        let changes = self.changes.iter().map(|change| change.at);
        let outages = self.outages.iter().flat_map(|down| [Some(down.from), down.to]).flatten();
        let drift = (self.drift > 0.0).then(|| {
            let step = now.ms_since(self.start) / DRIFT_STEP_MS + 1;
            self.start.plus_ms(step * DRIFT_STEP_MS)
        });
        changes.chain(outages).chain(drift).filter(|at| *at > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cities;
    use crate::random::Random;

    const fn at(hour: u64) -> Time {
        Time::from_unix_ms(hour * 3_600_000)
    }

    fn conditions(text: &str) -> Result<(World, Conditions), WorldError> {
        let mut scenario = Scenario::read(text).unwrap();
        scenario.networks = 50;
        let sites = ["Oslo".to_owned(), "Tokyo".to_owned()];
        let mut random = Random::new(1, "world");
        let world = World::new(&cities::matrix(1), &sites, &scenario, &mut random).unwrap();
        let conditions = Conditions::new(&world, &scenario, at(0))?;
        Ok((world, conditions))
    }

    #[test]
    fn events_come_and_go_at_their_hours() {
        let text = "
path_changes: [{at_hour: 2, site: Tokyo, add_ms: 40}, {at_hour: 4, site: tokyo, add_ms: -9999}]
outages: [{site: Oslo, from_hour: 1, to_hour: 3}]
lies: [{site: Oslo, from_hour: 5, times: 0.5}, {site: Tokyo, from_hour: 5, ms: 1}]
";
        let (world, conditions) = conditions(text).unwrap();
        let path = |site, hour| conditions.path(&world, (7, site), at(hour)).unwrap();
        let plain = world.networks[7].paths.clone();
        assert_eq!((path(0, 9), path(1, 1)), (plain[0], plain[1]));
        assert!((path(1, 3).average_ms - plain[1].average_ms - 40.0).abs() < 1e-9);
        assert!((path(1, 4).min_ms - plain[1].distance_km / 100.0).abs() < 1e-9, "light's own");
        let up: Vec<bool> = (0..5).map(|hour| conditions.is_up(0, at(hour))).collect();
        assert_eq!(up, [true, false, false, true, true]);
        assert!(conditions.is_up(1, at(2)));
        let told = |site, hour| conditions.told_us(site, 80_000, at(hour));
        assert_eq!([told(0, 4), told(0, 5), told(1, 5)], [80_000, 40_000, 1_000]);
        let mut changes = vec![at(0)];
        while let Some(next) = conditions.next_change(*changes.last().unwrap()) {
            changes.push(next);
        }
        assert_eq!(changes, [0, 1, 2, 3, 4].map(at));
    }

    #[test]
    fn queues_grow_by_day_and_mean_what_they_were() {
        let (world, conditions) = conditions("drift: 0.5").unwrap();
        let plain = world.networks[7].paths[1];
        let queue = |hour| {
            let path = conditions.path(&world, (7, 1), at(hour)).unwrap();
            assert_eq!(path.min_ms, plain.min_ms);
            (path.average_ms - path.min_ms) / (plain.average_ms - plain.min_ms)
        };
        let day: Vec<f64> = (0..24).map(queue).collect();
        let most = day.iter().copied().fold(0.0, f64::max);
        let least = day.iter().copied().fold(9.0, f64::min);
        assert!(most > 1.45 && least < 0.55, "{day:?}");
        assert!((day.iter().sum::<f64>() / 24.0 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn an_event_elsewhere_is_refused() {
        let fault = |text| conditions(text).unwrap_err().to_string();
        let expect = "the scenario speaks of the site \"Rome\", which is not in this run";
        assert_eq!(fault("outages: [{site: Rome, from_hour: 1}]"), expect);
        let expect = "the scenario speaks of clients in \"Atlantis\", where nobody lives";
        assert_eq!(fault("path_changes: [{at_hour: 1, client: Atlantis, add_ms: 1}]"), expect);
    }
}
