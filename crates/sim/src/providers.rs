//! Who announces the clients' networks: countries of near cities, and in each a few ASes that
//! serve several of its cities each.
//!
//! A model: what matters is that an AS is in more than one place, and that a place has more than
//! one AS. Draws from the seed alone.

use crate::places::Place;
use crate::random::Random;

/// Cities up to this far from a country's first one are in it: the size of Germany or of a state.
const COUNTRY_RADIUS_KM: f64 = 700.0;

/// ASes of a country: the one that is everywhere, and its rivals.
const ASES: usize = 3;

/// How likely a rival serves a city.
const RIVAL_SHARE: f64 = 0.5;

/// The first AS number: of those that nobody is given (RFC 6996).
const FIRST_ASN: u32 = 64_512;

/// Countries, as two letters tell them apart.
const COUNTRIES_MAX: usize = 26 * 26;

/// An AS and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its number.
    pub asn: u32,
    /// Its cities, as places in the list of cities.
    pub cities: Vec<usize>,
}

/// Which country each city is in, and which ASes serve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Providers {
    /// By city.
    pub countries: Vec<usize>,
    /// All ASes.
    pub list: Vec<Provider>,
    /// By city: places in `list`; at least one.
    pub by_city: Vec<Vec<usize>>,
}

impl Providers {
    /// Countries and ASes of these cities. Where no places are known all cities are one country.
    #[must_use]
    pub fn new(places: &[Option<Place>], random: &mut Random) -> Self {
        let countries = countries(places);
        let count = countries.iter().max().map_or(0, |most| most + 1);
        let mut list = Vec::new();
        for country in 0..count {
            let within = countries.iter().enumerate().filter(|(_, its)| **its == country);
            let cities: Vec<usize> = within.map(|(city, _)| city).collect();
            for number in 0..ASES {
                let mut served = cities.clone();
                if number > 0 {
                    served.retain(|_| random.chance(RIVAL_SHARE));
                }
                // A rival in one city only would never mix cities; in none it is nobody.
                if number == 0 || served.len() > 1 {
                    let asn = FIRST_ASN + u32::try_from(list.len()).unwrap_or_default();
                    list.push(Provider { asn, cities: served });
                }
            }
        }
        let mut by_city = vec![Vec::new(); places.len()];
        for (number, provider) in list.iter().enumerate() {
            for city in &provider.cities {
                by_city[*city].push(number);
            }
        }
        Self { countries, list, by_city }
    }

    /// The two letters of a country: any two will do.
    #[must_use]
    pub fn code(country: usize) -> String {
        let letter = |number: usize| char::from(b'A' + (number % 26) as u8);
        [letter(country / 26), letter(country)].iter().collect()
    }
}

/// Each city joins the nearest first city of a country, if that is near, or begins a country.
/// A country of one city then joins the nearest other.
fn countries(places: &[Option<Place>]) -> Vec<usize> {
    let mut firsts: Vec<Place> = Vec::new();
    for place in places.iter().flatten() {
        let is_near = |first: &Place| first.distance_km(*place) <= COUNTRY_RADIUS_KM;
        if !firsts.iter().any(is_near) && firsts.len() < COUNTRIES_MAX {
            firsts.push(*place);
        }
    }
    let nearest = |place: &Place, among: &dyn Fn(usize) -> bool| {
        let far = |(_, first): &(usize, &Place)| first.distance_km(*place);
        let found = firsts.iter().enumerate().filter(|(number, _)| among(*number));
        found.min_by(|a, b| far(a).total_cmp(&far(b))).map_or(0, |(number, _)| number)
    };
    let joined: Vec<usize> =
        places.iter().map(|place| place.map_or(0, |place| nearest(&place, &|_| true))).collect();
    let cities_of = |country| joined.iter().filter(|its| **its == country).count();
    let large: Vec<bool> = (0..firsts.len()).map(|country| cities_of(country) > 1).collect();
    if !large.contains(&true) {
        return vec![0; places.len()];
    }
    let joined: Vec<usize> = places
        .iter()
        .zip(joined)
        .map(|(place, country)| match place {
            Some(place) if !large[country] => nearest(place, &|number| large[number]),
            _ => country,
        })
        .collect();
    // Numbered without gaps.
    let mut used: Vec<usize> = joined.clone();
    used.sort_unstable();
    used.dedup();
    joined.iter().map(|country| used.binary_search(country).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_city_has_an_as_and_most_ases_have_cities() {
        let matrix = crate::cities::matrix(1);
        let by_name = crate::places::places(&matrix).unwrap();
        let places: Vec<Option<Place>> = by_name.values().copied().map(Some).collect();
        let providers = Providers::new(&places, &mut Random::new(1, "providers"));
        assert!(providers.by_city.iter().all(|ases| !ases.is_empty()));
        assert!(providers.list.iter().all(|provider| provider.cities.len() > 1));
        assert!(providers.by_city.iter().filter(|ases| ases.len() > 1).count() > 10);
        let names: Vec<&String> = by_name.keys().collect();
        let country =
            |city: &str| providers.countries[names.iter().position(|name| *name == city).unwrap()];
        assert_eq!(country("Amsterdam"), country("Paris"));
        assert_ne!(country("Tokyo"), country("Paris"));
        assert_eq!((Providers::code(0), Providers::code(27)), ("AA".to_owned(), "BB".to_owned()));
    }

    #[test]
    fn without_places_there_is_one_country() {
        let providers = Providers::new(&[None; 3], &mut Random::new(1, "providers"));
        assert_eq!(providers.countries, [0, 0, 0]);
        assert_eq!(providers.list[0].cities, [0, 1, 2]);
    }
}
