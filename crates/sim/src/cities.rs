//! A ping matrix for those who have none: well-known cities, the distance between them, light in
//! fibre, and a model of detours and last miles drawn from a seed.
//!
//! A model, not a measurement: good for judging the learning, not for choosing sites.

use crate::matrix::{Matrix, Path};
use crate::random::Random;

/// Name, latitude and longitude in degrees.
const CITIES: [(&str, f64, f64); 60] = [
    ("Amsterdam", 52.37, 4.90),
    ("Athens", 37.98, 23.73),
    ("Atlanta", 33.75, -84.39),
    ("Auckland", -36.85, 174.76),
    ("Bangkok", 13.76, 100.50),
    ("Barcelona", 41.39, 2.17),
    ("Bogota", 4.71, -74.07),
    ("Bucharest", 44.43, 26.10),
    ("Buenos Aires", -34.60, -58.38),
    ("Cairo", 30.04, 31.24),
    ("Cape Town", -33.92, 18.42),
    ("Chicago", 41.88, -87.63),
    ("Copenhagen", 55.68, 12.57),
    ("Dallas", 32.78, -96.80),
    ("Delhi", 28.61, 77.21),
    ("Denver", 39.74, -104.99),
    ("Dubai", 25.20, 55.27),
    ("Dublin", 53.35, -6.26),
    ("Frankfurt", 50.11, 8.68),
    ("Helsinki", 60.17, 24.94),
    ("Hong Kong", 22.32, 114.17),
    ("Istanbul", 41.01, 28.98),
    ("Jakarta", -6.21, 106.85),
    ("Johannesburg", -26.20, 28.05),
    ("Karachi", 24.86, 67.01),
    ("Kyiv", 50.45, 30.52),
    ("Lagos", 6.52, 3.38),
    ("Lima", -12.05, -77.04),
    ("Lisbon", 38.72, -9.14),
    ("London", 51.51, -0.13),
    ("Los Angeles", 34.05, -118.24),
    ("Madrid", 40.42, -3.70),
    ("Manila", 14.60, 120.98),
    ("Melbourne", -37.81, 144.96),
    ("Mexico City", 19.43, -99.13),
    ("Miami", 25.76, -80.19),
    ("Milan", 45.46, 9.19),
    ("Montreal", 45.50, -73.57),
    ("Moscow", 55.76, 37.62),
    ("Mumbai", 19.08, 72.88),
    ("Nairobi", -1.29, 36.82),
    ("New York", 40.71, -74.01),
    ("Osaka", 34.69, 135.50),
    ("Oslo", 59.91, 10.75),
    ("Paris", 48.86, 2.35),
    ("Perth", -31.95, 115.86),
    ("San Francisco", 37.77, -122.42),
    ("Santiago", -33.45, -70.67),
    ("Sao Paulo", -23.55, -46.63),
    ("Seattle", 47.61, -122.33),
    ("Seoul", 37.57, 126.98),
    ("Singapore", 1.35, 103.82),
    ("Stockholm", 59.33, 18.07),
    ("Sydney", -33.87, 151.21),
    ("Taipei", 25.03, 121.57),
    ("Tokyo", 35.68, 139.65),
    ("Toronto", 43.65, -79.38),
    ("Vienna", 48.21, 16.37),
    ("Warsaw", 52.23, 21.01),
    ("Washington", 38.91, -77.04),
];

/// Eight sites as an operator would choose them, for both this matrix and measured ones.
pub const DEFAULT_SITES: [&str; 8] = [
    "Washington",
    "San Francisco",
    "Dallas",
    "Amsterdam",
    "Frankfurt",
    "Singapore",
    "Tokyo",
    "Sao Paulo",
];

/// The mean radius of the Earth in kilometres (IUGG).
const EARTH_RADIUS_KM: f64 = 6371.0;

/// Kilometres of fibre that a round trip covers in a millisecond: light goes 200 km a millisecond
/// in glass, there and back.
const ROUND_TRIP_KM_PER_MS: f64 = 100.0;

/// One pair in ten takes a way that no map shows, as in measured data: by another continent, or by
/// a provider who peers far away.
const LONG_WAY_ROUND: f64 = 0.1;

/// What that adds to a round trip, in milliseconds: a hub 1,500 to 7,500 km off the way.
const LONG_WAY_MS: (f64, f64) = (30.0, 150.0);

/// The matrix of every city to every other, and to itself.
#[must_use]
pub fn matrix(seed: u64) -> Matrix {
    let mut random = Random::new(seed, "cities");
    let last_miles_ms: Vec<f64> = CITIES.iter().map(|_| 1.0 + random.exponential(4.0)).collect();
    let mut matrix = Matrix::default();
    for (i, here) in CITIES.iter().enumerate() {
        for (j, there) in CITIES.iter().enumerate().skip(i) {
            let distance_km = distance_km(here, there);
            let fibre_ms = fibre_ms(distance_km, &mut random);
            // Either city's clients to the other's site: the same way, another last mile.
            for (client, site, last_mile_ms) in
                [(here, there, last_miles_ms.get(i)), (there, here, last_miles_ms.get(j))]
            {
                let last_mile_ms = last_mile_ms.copied().unwrap_or_default();
                matrix.insert(
                    client.0,
                    site.0,
                    path(distance_km, fibre_ms + last_mile_ms, &mut random),
                );
            }
        }
    }
    matrix
}

/// A round trip through the cables between two cities, in milliseconds.
fn fibre_ms(distance_km: f64, random: &mut Random) -> f64 {
    // Cables follow coasts and railways, and meet in few places.
    let detour = 1.15 + random.exponential(0.3).min(1.5);
    let (least_ms, most_ms) = LONG_WAY_MS;
    // Inside a city nobody goes abroad.
    let goes_round = random.chance(LONG_WAY_ROUND) && distance_km > 0.0;
    let round_ms = if goes_round { random.between(least_ms, most_ms) } else { 0.0 };
    distance_km * detour / ROUND_TRIP_KM_PER_MS + round_ms
}

/// What queues on the way add to the least time: on most paths next to nothing, on a few a lot, and
/// there in bursts.
fn path(distance_km: f64, min_ms: f64, random: &mut Random) -> Path {
    let queues_ms = (0.1 + 0.4 * (1.4 * random.normal()).exp()).min(min_ms);
    let deviation_ms = queues_ms * random.between(0.8, 2.5);
    Path { distance_km, min_ms, average_ms: min_ms + queues_ms, deviation_ms }
}

/// Along the great circle, by the haversine formula.
fn distance_km(here: &(&str, f64, f64), there: &(&str, f64, f64)) -> f64 {
    let (latitude, longitude) = (here.1.to_radians(), here.2.to_radians());
    let (other_latitude, other_longitude) = (there.1.to_radians(), there.2.to_radians());
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let chord = half(other_latitude - latitude)
        + latitude.cos() * other_latitude.cos() * half(other_longitude - longitude);
    2.0 * EARTH_RADIUS_KM * chord.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kilometres(client: &str, site: &str) -> f64 {
        matrix(1).path(client, site).unwrap().distance_km
    }

    #[test]
    fn distances_are_those_of_a_globe() {
        for (client, site, expect) in
            [("London", "Paris", 344.0), ("New York", "London", 5570.0), ("Tokyo", "Tokyo", 0.0)]
        {
            assert!((kilometres(client, site) - expect).abs() < 5.0, "{client} - {site}");
            assert_eq!(kilometres(client, site), kilometres(site, client));
        }
    }

    #[test]
    fn nothing_is_faster_than_light_and_the_default_sites_are_there() {
        let matrix = matrix(7);
        for site in DEFAULT_SITES {
            assert_eq!(matrix.site(site), Some(site));
            for client in matrix.clients() {
                let path = matrix.path(client, site).unwrap();
                assert!(path.min_ms > path.distance_km / ROUND_TRIP_KM_PER_MS, "{client} {path:?}");
                assert!(path.average_ms > path.min_ms && path.deviation_ms > 0.0);
            }
        }
    }

    #[test]
    fn another_seed_is_another_world() {
        assert_eq!(matrix(1), matrix(1));
        assert_ne!(matrix(1), matrix(2));
    }
}
