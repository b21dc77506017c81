//! `geolocation`: the region that is responsible for the place the client is in.
//!
//! **What.** Each region lists the countries and continents it is responsible for; custom networks
//! name their region outright.
//!
//! **When.** Where no agent can run, or where the law says which site serves whom (then also see
//! `constraints`, which hold for every algorithm). Geography is a guess about a path: a neighbour
//! may be far away.
//!
//! **Keys.** `regions[].countries`, `regions[].continents`,
//! `overwatch.geolocation.custom_mappings`, `database_path` and `default_region`. Without a
//! database only custom networks are known.
//!
//! **Order.** The custom network's region; then the regions that list the country; then those
//! that list the continent; then `default_region`; then the domain's order, which also breaks
//! ties.
//!
//! **Falls back** along that same order: a client of whom nothing is known goes to
//! `default_region`, and where a region has no healthy server the next one is taken. The reason
//! stays `geolocation`.
//!
//! **Servers** of the region take turns by weight.
//!
//! **Scope.** The widest network around the client that ranks the same regions. Two countries side
//! by side that rank alike are one network.

use geo::GeoClass;

use crate::DomainSettings;
use crate::ranking::RankedRegion;

/// Puts the allowed regions, given in the domain's order, in geographic order.
pub(crate) fn rank(regions: &mut [RankedRegion], settings: &DomainSettings, class: &GeoClass) {
    /// How close a region is said to be; the closest first.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    enum Claim {
        CustomNetwork,
        Country,
        Continent,
        Default,
        Nothing,
    }
    let claim = |ranked: &RankedRegion| {
        let Some(region) = settings.regions.get(usize::from(ranked.region)) else {
            return Claim::Nothing;
        };
        if class.custom_region.as_ref() == Some(&region.name) {
            Claim::CustomNetwork
        } else if class.country.is_some_and(|country| region.countries.contains(&country)) {
            Claim::Country
        } else if class.continent.is_some_and(|there| region.continents.contains(&there)) {
            Claim::Continent
        } else if settings.default_region.as_ref() == Some(&region.name) {
            Claim::Default
        } else {
            Claim::Nothing
        }
    };
    regions.sort_by_key(claim);
}
