//! Coordinates, rounded so that one city is one place, and how far two places lie apart. Facts of
//! the sphere only: nothing here knows networks, regions or times.

use std::fmt;

/// A place on the globe, to a quarter of a degree.
///
/// Databases give the parts of one city slightly different coordinates. A quarter of a degree is
/// at most 28 km, 0.3 ms of a round trip through fibre: less than what any other part of a path
/// varies by. So there are at most 721 x 1,440 places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// In quarters of a degree, from -360 to 360, north positive.
    latitude: i16,
    /// In quarters of a degree, from -720 to 719, east positive.
    longitude: i16,
}

/// A [`Place`] made ready for distances: its direction from the middle of the globe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction([f64; 3]);

/// Why a pair of numbers is no place.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PlaceOutside {
    /// Beyond the poles, or not a number.
    #[error("{0} is no latitude: it goes from -90 to 90 degrees")]
    Latitude(f64),
    /// More than half around the globe, or not a number.
    #[error("{0} is no longitude: it goes from -180 to 180 degrees")]
    Longitude(f64),
}

/// The mean radius of the globe (IUGG).
const RADIUS_KM: f64 = 6371.0088;
const QUARTERS: f64 = 4.0;
/// Once around, in quarters of a degree.
const AROUND: i16 = 1440;

impl Place {
    /// The place nearest to these coordinates in degrees.
    ///
    /// # Errors
    ///
    /// A latitude beyond 90 degrees, a longitude beyond 180, either way; no number.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, PlaceOutside> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(PlaceOutside::Latitude(latitude));
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(PlaceOutside::Longitude(longitude));
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 720 either way")]
        let rounded = |degrees: f64| (degrees * QUARTERS).round() as i16;
        let latitude = rounded(latitude);
        let longitude = match rounded(longitude) {
            east if east >= AROUND / 2 => east - AROUND,
            other => other,
        };
        // At a pole every longitude is the same place.
        let longitude = if latitude.abs() == AROUND / 4 { 0 } else { longitude };
        Ok(Self { latitude, longitude })
    }

    /// Degrees north.
    #[must_use]
    pub fn latitude(self) -> f64 {
        f64::from(self.latitude) / QUARTERS
    }

    /// Degrees east.
    #[must_use]
    pub fn longitude(self) -> f64 {
        f64::from(self.longitude) / QUARTERS
    }

    /// A number of its own below 2^21, for keys of tables.
    #[must_use]
    pub const fn number(self) -> u32 {
        (self.latitude + AROUND / 4) as u32 * AROUND as u32 + (self.longitude + AROUND / 2) as u32
    }

    /// The way there from the middle of the globe.
    #[must_use]
    pub fn direction(self) -> Direction {
        let (north, level) = self.latitude().to_radians().sin_cos();
        let (east, front) = self.longitude().to_radians().sin_cos();
        Direction([level * front, level * east, north])
    }

    /// Kilometres along the great circle.
    #[must_use]
    pub fn distance_km(self, other: Self) -> u16 {
        self.direction().distance_km(&other.direction())
    }
}

impl Direction {
    /// Kilometres along the great circle, to the nearest; at most 20,015.
    #[must_use]
    pub fn distance_km(&self, other: &Self) -> u16 {
        let cosine: f64 = self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and half the circumference"
        )]
        let km = (cosine.clamp(-1.0, 1.0).acos() * RADIUS_KM).round() as u16;
        km
    }
}

impl fmt::Display for Place {
    /// Degrees north and east, as in `52.25,4.75`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{},{}", self.latitude(), self.longitude()))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(from: (f64, f64), to: (f64, f64), km: u16) {
        let place = |(latitude, longitude)| Place::new(latitude, longitude).unwrap();
        let found = place(from).distance_km(place(to));
        // Rounding moves either end by 20 km at the most.
        assert!(found.abs_diff(km) <= 40, "{from:?} {to:?}: {found} km");
        assert_eq!(found, place(to).distance_km(place(from)));
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        check((52.37, 4.9), (50.11, 8.68), 365);
        check((38.9, -77.04), (37.77, -122.42), 3_930);
        check((35.68, 139.69), (37.77, -122.42), 8_270);
        check((-23.55, -46.63), (1.35, 103.82), 15_985);
        check((0.0, 179.9), (0.0, -179.9), 22);
        check((0.0, 0.0), (0.0, 180.0), 20_015);
        check((90.0, 17.0), (90.0, -120.0), 0);
        check((90.0, 0.0), (-90.0, 90.0), 20_015);
    }

    #[test]
    fn what_is_not_on_the_globe_says_why() {
        assert_eq!(Place::new(90.1, 0.0), Err(PlaceOutside::Latitude(90.1)));
        assert_eq!(Place::new(0.0, -180.1), Err(PlaceOutside::Longitude(-180.1)));
        assert!(Place::new(f64::NAN, 0.0).is_err() && Place::new(0.0, f64::INFINITY).is_err());
        assert_eq!(Place::new(0.0, 180.0), Place::new(0.0, -180.0));
        assert_eq!(Place::new(52.37, 4.9).unwrap().to_string(), "52.25,5");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn numbers_are_places_own(a in (-360i16..=360, -720i16..720), b in (-360i16..=360, -720i16..720)) {
            let place = |(n, e): (i16, i16)| Place::new(f64::from(n) / 4.0, f64::from(e) / 4.0).unwrap();
            let (a, b) = (place(a), place(b));
            prop_assert_eq!(a == b, a.number() == b.number());
            prop_assert!(a.number() < 1 << 21);
            prop_assert!(a.distance_km(b) <= 20_016);
            prop_assert_eq!(a.distance_km(a), 0);
        }
    }
}
