//! Where cities are on the globe, from nothing but the distances between them.
//!
//! With unit vectors for cities, the cosine of an angle is a product of two vectors; the angle is
//! the distance divided by the Earth's radius. So the matrix of all cosines has rank 3, and its
//! three strongest eigenvectors are the cities' places, up to a turn and a mirror that no distance
//! shows. Pairs without a distance are filled from the places and the places found again.

use std::collections::BTreeMap;

use crate::matrix::Matrix;

/// The mean radius of the Earth in kilometres (IUGG).
pub const EARTH_RADIUS_KM: f64 = 6371.0;

/// Rounds of filling in and finding again. Each brings the missing pairs nearer to the sphere; with
/// a hundredth of the pairs missing, three are enough.
const ROUNDS: usize = 8;

/// Steps of the power iteration: the third eigenvalue is far above the fourth, which is noise.
const STEPS: usize = 60;

/// What a place may be wrong by: a hundredth of a distance and so many kilometres. Beyond it the
/// distances are those of no globe.
const ERROR_KM_MAX: f64 = 30.0;

/// A place in degrees, in a frame of its own: distances are true, north need not be up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// -90 to 90.
    pub latitude: f64,
    /// -180 to 180.
    pub longitude: f64,
}

impl Place {
    /// Along the great circle, by the haversine formula.
    #[must_use]
    pub fn distance_km(self, other: Self) -> f64 {
        let (here, there) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half = |angle: f64| (angle / 2.0).sin().powi(2);
        let chord = half(there - here)
            + here.cos() * there.cos() * half((other.longitude - self.longitude).to_radians());
        2.0 * EARTH_RADIUS_KM * chord.sqrt().min(1.0).asin()
    }

    fn of([x, y, z]: [f64; 3]) -> Self {
        Self { latitude: z.atan2(x.hypot(y)).to_degrees(), longitude: y.atan2(x).to_degrees() }
    }
}

/// The place of every city and site of a matrix; `None` where no places have these distances.
#[must_use]
pub fn places(matrix: &Matrix) -> Option<BTreeMap<String, Place>> {
    let mut names: Vec<&str> = matrix.clients().chain(matrix.sites()).collect();
    names.sort_unstable();
    names.dedup();
    let known: Vec<Option<f64>> = names
        .iter()
        .flat_map(|client| names.iter().map(|site| distance_km(matrix, client, site)))
        .collect();
    let count = names.len();
    let mut cosines = first_guess(&known, count);
    let mut vectors = Vec::new();
    for _ in 0..ROUNDS {
        vectors = strongest(&cosines, count);
        let pairs = known.iter().zip(cosines.iter_mut()).enumerate();
        for (at, (_, cosine)) in pairs.filter(|(_, (known, _))| known.is_none()) {
            *cosine = product(&vectors[at / count], &vectors[at % count]);
        }
    }
    let places: Vec<Place> = vectors.into_iter().map(Place::of).collect();
    let is_true = |(at, km): (usize, &Option<f64>)| {
        let found = places[at / count].distance_km(places[at % count]);
        km.is_none_or(|km| (found - km).abs() <= ERROR_KM_MAX + 0.01 * km)
    };
    let names = names.into_iter().map(ToOwned::to_owned);
    known.iter().enumerate().all(is_true).then(|| names.zip(places.iter().copied()).collect())
}

/// One way or the other.
fn distance_km(matrix: &Matrix, client: &str, site: &str) -> Option<f64> {
    if client == site {
        return Some(0.0);
    }
    let path = matrix.path(client, site).or_else(|| matrix.path(site, client));
    path.map(|path| path.distance_km)
}

/// The cosines of the known distances; of the others, the one over the nearest common neighbour.
fn first_guess(known: &[Option<f64>], count: usize) -> Vec<f64> {
    let cosine = |km: f64| (km / EARTH_RADIUS_KM).cos();
    let guess = |here: usize, there: usize| {
        let over = |via: usize| Some(known[here * count + via]? + known[via * count + there]?);
        let nearest = (0..count).filter_map(over).min_by(f64::total_cmp);
        // Nobody in common: a quarter of the way around.
        nearest.map_or(0.0, cosine)
    };
    let pair =
        |(at, km): (usize, &Option<f64>)| km.map_or_else(|| guess(at / count, at % count), cosine);
    known.iter().enumerate().map(pair).collect()
}

/// The unit vector of each city, from the three strongest eigenvectors of the cosines: power
/// iteration, one after the other, each kept square to those before.
fn strongest(cosines: &[f64], count: usize) -> Vec<[f64; 3]> {
    let mut vectors = vec![[0.0; 3]; count];
    let mut found: Vec<Vec<f64>> = Vec::new();
    for axis in 0..3 {
        // Any start will do that is square to no eigenvector; these numbers have no pattern.
        let start =
            |i: usize| ((i as f64 + 1.0) * (axis as f64 + 1.0) * 0.754_877_666).fract() - 0.5;
        let mut vector: Vec<f64> = (0..count).map(start).collect();
        let mut strength = 0.0;
        for _ in 0..STEPS {
            let row = |i: usize| dot(&cosines[i * count..(i + 1) * count], &vector);
            let mut next: Vec<f64> = (0..count).map(row).collect();
            for known in &found {
                let part = dot(known, &next);
                next.iter_mut().zip(known).for_each(|(value, known)| *value -= part * known);
            }
            strength = dot(&next, &next).sqrt();
            let length = strength.max(f64::MIN_POSITIVE);
            vector = next.into_iter().map(|value| value / length).collect();
        }
        for (place, value) in vectors.iter_mut().zip(&vector) {
            place[axis] = value * strength.sqrt();
        }
        found.push(vector);
    }
    for vector in &mut vectors {
        let length = product(vector, vector).sqrt().max(f64::MIN_POSITIVE);
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vectors
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn product(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    dot(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cities;
    use crate::matrix::Path;

    /// The distances that the places have, beside those of the matrix.
    fn check(matrix: &Matrix, all: &Matrix, km_max: f64) {
        let places = places(matrix).unwrap();
        for client in all.clients() {
            for site in all.clients() {
                let truth = all.path(client, site).unwrap().distance_km;
                let found = places[client].distance_km(places[site]);
                assert!((found - truth).abs() < km_max, "{client} - {site}: {found} for {truth}");
            }
        }
    }

    #[test]
    fn cities_are_where_their_distances_put_them() {
        let matrix = cities::matrix(1);
        check(&matrix, &matrix, 1.0);
    }

    #[test]
    fn whole_kilometres_and_missing_pairs_are_enough() {
        let all = cities::matrix(1);
        let mut some = Matrix::default();
        let names: Vec<&str> = all.clients().collect();
        for (i, client) in names.iter().enumerate() {
            for (j, site) in names.iter().enumerate() {
                let path = all.path(client, site).unwrap();
                let distance_km = path.distance_km.round();
                // Neither way is known for every twentieth pair.
                if (i + j) % 20 != 0 {
                    some.insert(client, site, Path { distance_km, ..path });
                }
            }
        }
        check(&some, &all, 20.0);
    }

    #[test]
    fn distances_of_no_globe_have_no_places() {
        let mut matrix = cities::matrix(1);
        let path = matrix.path("Oslo", "Tokyo").unwrap();
        matrix.insert("Nowhere", "Oslo", Path { distance_km: 50.0, ..path });
        matrix.insert("Nowhere", "Tokyo", Path { distance_km: 50.0, ..path });
        assert_eq!(places(&matrix), None);
    }
}
