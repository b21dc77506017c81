//! `geolocation`: the region that is responsible for the place the client is in.
//!
//! **What.** Each region lists the countries and continents it is responsible for, or says where
//! it stands; custom networks name their region outright.
//!
//! **When.** Where no agent can run, or where the law says which site serves whom (then also see
//! `constraints`, which hold for every algorithm). Geography is a guess about a path: a neighbour
//! may be far away.
//!
//! **Keys.** `regions[].countries`, `regions[].continents`, `regions[].latitude` and `longitude`,
//! `overwatch.geolocation.custom_mappings`, `database_path` and `default_region`. Without a
//! database only custom networks are known; without a city database no distances are.
//!
//! **Order.** The custom network's region; then the regions that list the country; then those
//! that list the continent; then those whose distance is known; then `default_region`; then the
//! rest. Among those of one kind the nearest first, as the great circle goes, then the domain's
//! order. So where nobody lists anything, distance alone decides.
//!
//! **Falls back** along that same order: a client of whom nothing is known goes to
//! `default_region`, and where a region has no healthy server the next one is taken. The reason
//! stays `geolocation`.
//!
//! **Servers** of the region take turns by weight.
//!
//! **Scope.** The widest network around the client that ranks the same regions. Two countries side
//! by side that rank alike are one network.

use geo::{Direction, GeoClass, Place};
use model::Region;

use crate::ranking::RankedRegion;
use crate::{DomainSettings, RegionSettings};

/// How close a region is said to be; the closest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    CustomNetwork,
    Country,
    Continent,
    Distance,
    Default,
    Nothing,
}

impl Claim {
    /// One word.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::CustomNetwork => "mapping",
            Self::Country => "country",
            Self::Continent => "continent",
            Self::Distance => "distance",
            Self::Default => "default_region",
            Self::Nothing => "order",
        }
    }
}

/// The region that geography alone has for a client, and what made it that one; `None` where a domain has
/// no region.
#[must_use]
pub fn region_of<'a>(
    settings: &'a DomainSettings,
    class: &GeoClass,
) -> Option<(&'a Region, &'static str)> {
    let from = class.place.map(Place::direction);
    let claims =
        settings.regions.iter().map(|region| (claim(region, settings, class, from), region));
    // Of equal ones the first.
    let ((claim, _), region) = claims.min_by(|(a, _), (b, _)| a.cmp(b))?;
    Some((&region.name, claim.as_str()))
}

/// What speaks for a region, and how far it is.
fn claim(
    region: &RegionSettings,
    settings: &DomainSettings,
    class: &GeoClass,
    from: Option<Direction>,
) -> (Claim, u16) {
    let km = from.zip(region.place).map(|(from, place)| from.distance_km(&place.direction()));
    let claim = if class.custom_region.as_ref() == Some(&region.name) {
        Claim::CustomNetwork
    } else if class.country.is_some_and(|country| region.countries.contains(&country)) {
        Claim::Country
    } else if class.continent.is_some_and(|there| region.continents.contains(&there)) {
        Claim::Continent
    } else if km.is_some() {
        Claim::Distance
    } else if settings.default_region.as_ref() == Some(&region.name) {
        Claim::Default
    } else {
        Claim::Nothing
    };
    // Among those of one kind, those whose distance is not known come last.
    (claim, km.unwrap_or(u16::MAX))
}

/// Puts the allowed regions, given in the domain's order, in geographic order.
pub(crate) fn rank(regions: &mut [RankedRegion], settings: &DomainSettings, class: &GeoClass) {
    let from = class.place.map(Place::direction);
    regions.sort_by_cached_key(|ranked| match settings.regions.get(usize::from(ranked.region)) {
        Some(region) => claim(region, settings, class, from),
        None => (Claim::Nothing, u16::MAX),
    });
}

#[cfg(test)]
mod tests {
    use geo::{Geo, Placed};
    use model::Subnet;

    use crate::fixture::{constraint, domain, map};
    use crate::{Algorithm, DomainSettings};

    /// `eu-west` stands in Amsterdam, `us-east` in Washington, `ap-southeast` nowhere.
    fn placed_domain() -> DomainSettings {
        let mut settings = domain(Algorithm::Geolocation);
        for (region, place) in settings.regions.iter_mut().zip([(52.4, 4.9), (38.9, -77.0)]) {
            region.place = Some(geo::Place::new(place.0, place.1).unwrap());
        }
        settings
    }

    /// Clients in neighbouring /24s, each of a country (or `-`) and a place; the order expected
    /// for the first, and its block.
    fn check(settings: &DomainSettings, clients: &[(&str, f64, f64)], order: &str, block: &str) {
        let networks = clients.iter().zip(0u8..).map(|((country, north, east), number)| Placed {
            subnet: Subnet::of([10, 0, number, 0].into(), 24),
            country: country.parse().ok(),
            asn: None,
            place: geo::Place::new(*north, *east).ok(),
        });
        let networks: Vec<Placed> = networks.collect();
        let map = map(settings, Geo::from_placed(&networks, &[]).unwrap(), &[]);
        let (ranking, found) = map.block([10, 0, 0, 1].into());
        let names = ranking.regions().iter().map(|r| map.region_name(r.region).unwrap().as_str());
        assert_eq!(names.collect::<Vec<_>>().join(" "), order, "{clients:?}");
        assert_eq!(found.to_string(), block, "{clients:?}");
    }

    #[test]
    fn distance_decides_where_nobody_claims() {
        let settings = placed_domain();
        // Lagos and Bogota: no list names them. A neighbour without a place goes to the default.
        check(&settings, &[("NG", 6.5, 3.4)], "eu-west us-east ap-southeast", "10.0.0.0/24");
        check(&settings, &[("CO", 4.7, -74.1)], "us-east eu-west ap-southeast", "0.0.0.0/0");
        let nowhere = ("CO", f64::NAN, 0.0);
        check(&settings, &[nowhere], "us-east eu-west ap-southeast", "0.0.0.0/0");
    }

    #[test]
    fn lists_beat_distance_and_distance_orders_the_listed() {
        let mut settings = placed_domain();
        // Singapore's own region has no place and comes first all the same.
        let singapore = ("SG", 1.35, 103.8);
        check(&settings, &[singapore], "ap-southeast eu-west us-east", "10.0.0.0/24");
        settings.regions.reverse();
        settings.regions.iter_mut().for_each(|region| region.continents.clear());
        settings
            .regions
            .iter_mut()
            .for_each(|region| region.countries = vec!["CA".parse().unwrap()]);
        let halifax = ("CA", 44.6, -63.6);
        check(&settings, &[halifax], "us-east eu-west ap-southeast", "10.0.0.0/24");
    }

    #[test]
    fn two_places_that_rank_alike_are_one_block() {
        let settings = placed_domain();
        let (lagos, accra, bogota) = (("NG", 6.5, 3.4), ("GH", 5.6, -0.2), ("CO", 4.7, -74.1));
        let order = "eu-west us-east ap-southeast";
        check(&settings, &[lagos, accra], order, "10.0.0.0/23");
        check(&settings, &[lagos, bogota], order, "10.0.0.0/24");
        let only = constraint(&["10.0.1.0/24"], &["us-east"]);
        let constrained = DomainSettings { constraints: vec![only], ..settings };
        check(&constrained, &[lagos, accra], order, "10.0.0.0/24");
    }
}
