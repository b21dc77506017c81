//! Sites, client networks, their resolvers, and the way between them: what a policy has to deal
//! with, and the same for all policies.

mod networks;
mod resolvers;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use model::{NameError, Region, Subnet};

use crate::matrix::{Matrix, Path};
use crate::places::{self, Place};
use crate::providers::Providers;
use crate::random::Random;
use crate::scenario::Scenario;

pub use resolvers::ResolverAt;

/// All that does not change while the simulation runs.
#[derive(Clone, Debug)]
pub struct World {
    /// The sites, in the order in which they were asked for.
    pub sites: Vec<Site>,
    /// The cities that clients live in.
    pub cities: Vec<City>,
    /// Countries and ASes of those cities.
    pub providers: Providers,
    /// The client networks, the most popular first.
    pub networks: Vec<Network>,
    /// The /16s that the networks are in.
    pub blocks: Vec<Block>,
    /// The resolvers that clients ask.
    pub resolvers: Vec<ResolverAt>,
    /// Client cities that the matrix does not know the way to every site for; nobody lives there.
    pub left_out: Vec<String>,
    /// The networks' shares, summed up to each, for drawing by popularity.
    shares: Vec<f64>,
}

/// A place with one server and one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// As the matrix writes it.
    pub name: String,
    /// The same as a region's name.
    pub region: Region,
    /// Its server.
    pub server: Ipv4Addr,
    /// Where it is, where the matrix's distances tell.
    pub place: Option<Place>,
}

/// A place with clients.
#[derive(Clone, Debug, PartialEq)]
pub struct City {
    /// As the matrix writes it.
    pub name: String,
    /// Where it is, where the matrix's distances tell.
    pub place: Option<Place>,
}

/// A client network, all of it in one city.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its addresses, a /24.
    pub subnet: Subnet,
    /// Where it is: a place in [`World::cities`].
    pub city: usize,
    /// Whose it is: a place in the list of [`World::providers`].
    pub provider: usize,
    /// Whom its clients ask: a place in [`World::resolvers`].
    pub resolver: usize,
    /// The way to each site.
    pub paths: Arc<[Path]>,
    /// The site at the least distance.
    pub nearest: usize,
    /// The site with the least mean round-trip time, before any path changes.
    pub best: usize,
}

/// What an AS was given: a /16, most of it in one city.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its addresses.
    pub subnet: Subnet,
    /// Where all of it is that has no clients.
    pub city: usize,
    /// Whose it is.
    pub provider: usize,
}

/// Why there is no such world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Nothing to choose between.
    #[error("{0} sites, where 1 to {SITES_MAX} can be simulated")]
    SiteCount(usize),
    /// Too few or too many.
    #[error("{0} client networks, where 1 to {NETWORKS_MAX} can be simulated")]
    NetworkCount(usize),
    /// Not in the matrix.
    #[error("the matrix has no site {0:?}")]
    UnknownSite(String),
    /// Asked for twice.
    #[error("the site {0:?} is named twice")]
    SiteTwice(String),
    /// A site whose name is no region's.
    #[error("the site {site:?} cannot be a region")]
    Name {
        /// The site.
        site: String,
        /// Why.
        #[source]
        source: NameError,
    },
    /// An event of the scenario at a site that is not there.
    #[error("the scenario speaks of the site {0:?}, which is not in this run")]
    NotInRun(String),
    /// An event of the scenario in a city without clients.
    #[error("the scenario speaks of clients in {0:?}, where nobody lives")]
    NoSuchCity(String),
    /// More sites at random than there are.
    #[error("{asked} sites at random, where the matrix has {there}")]
    TooFewSites {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        there: usize,
    },
    /// Nobody could live anywhere.
    #[error("the matrix has no client city with a way to each of these sites")]
    NoClients,
}

/// The servers' addresses are numbered by one byte.
pub const SITES_MAX: usize = 250;

/// 6,250 /16s: the addresses from 20.0.0.0 to 45.255.255.255.
pub const NETWORKS_MAX: usize = 100_000;

impl World {
    /// A world with client networks spread by chance over the matrix's cities. The popularity of
    /// networks follows Zipf's law with exponent 1, as that of web sites and networks does.
    ///
    /// # Errors
    ///
    /// Sites that the matrix does not have; numbers out of bounds.
    pub fn new(
        matrix: &Matrix,
        sites: &[String],
        scenario: &Scenario,
        random: &mut Random,
    ) -> Result<Self, WorldError> {
        if !(1..=NETWORKS_MAX).contains(&scenario.networks) {
            return Err(WorldError::NetworkCount(scenario.networks));
        }
        let places = places::places(matrix);
        let place_of = |name: &str| places.as_ref().and_then(|all| all.get(name)).copied();
        let mut sites = sites_of(matrix, sites)?;
        for site in &mut sites {
            site.place = place_of(&site.name);
        }
        let (mut cities, mut ways, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for name in matrix.clients() {
            let paths = sites.iter().map(|site| matrix.path(name, &site.name));
            match paths.collect::<Option<Arc<[Path]>>>() {
                Some(paths) => {
                    cities.push(City { name: name.to_owned(), place: place_of(name) });
                    ways.push(paths);
                }
                None => left_out.push(name.to_owned()),
            }
        }
        let of_cities: Vec<Option<Place>> = cities.iter().map(|city| city.place).collect();
        let providers = Providers::new(&of_cities, random);
        let map = networks::Map { ways: &ways, providers: &providers };
        let (mut networks, blocks) = networks::networks(&map, scenario, random)?;
        let resolvers = resolvers::resolvers(&mut networks, &providers, scenario, random);
        let mut total = 0.0;
        let zipf = (1..=networks.len()).map(|rank| {
            total += 1.0 / rank as f64;
            total
        });
        let shares = zipf.collect();
        Ok(Self { sites, cities, providers, networks, blocks, resolvers, left_out, shares })
    }

    /// The share of all connections that a network has.
    #[must_use]
    pub fn share_of(&self, network: usize) -> f64 {
        let total = self.shares.last().copied().unwrap_or(1.0);
        1.0 / (network as f64 + 1.0) / total
    }

    /// A network by chance, the popular ones more often.
    pub(crate) fn draw_network(&self, random: &mut Random) -> usize {
        let place = random.between(0.0, self.shares.last().copied().unwrap_or_default());
        let found = self.shares.partition_point(|share| *share <= place);
        found.min(self.networks.len().saturating_sub(1))
    }

    /// A site by its name, in any case.
    pub(crate) fn site_named(&self, name: &str) -> Result<usize, WorldError> {
        let found = self.sites.iter().position(|site| site.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| WorldError::NotInRun(name.to_owned()))
    }

    /// A client city by its name, in any case.
    pub(crate) fn city_named(&self, name: &str) -> Result<usize, WorldError> {
        let found = self.cities.iter().position(|city| city.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| WorldError::NoSuchCity(name.to_owned()))
    }

    /// The site whose server has this address.
    pub(crate) fn site_at(&self, server: Ipv4Addr) -> Option<usize> {
        self.sites.iter().position(|site| site.server == server)
    }
}

impl Network {
    /// A client in it: not the first and the last address.
    pub(crate) fn draw_client(&self, random: &mut Random) -> Ipv4Addr {
        let host = u32::try_from(1 + random.below(254)).unwrap_or(1);
        match self.subnet.address() {
            IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() | host),
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        }
    }
}

/// The first of the sites with the least value.
fn least(paths: &[Path], value: impl Fn(&Path) -> f64) -> usize {
    let sites = paths.iter().map(value).enumerate();
    sites.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(site, _)| site)
}

fn sites_of(matrix: &Matrix, names: &[String]) -> Result<Vec<Site>, WorldError> {
    if !(1..=SITES_MAX).contains(&names.len()) {
        return Err(WorldError::SiteCount(names.len()));
    }
    let mut sites: Vec<Site> = Vec::new();
    for (number, asked) in (1u8..).zip(names) {
        let name = matrix.site(asked).ok_or_else(|| WorldError::UnknownSite(asked.clone()))?;
        if sites.iter().any(|site| site.name == name) {
            return Err(WorldError::SiteTwice(name.to_owned()));
        }
        let region = region_of(name)
            .parse()
            .map_err(|source| WorldError::Name { site: name.to_owned(), source })?;
        let server = Ipv4Addr::new(10, number, 1, 10);
        sites.push(Site { name: name.to_owned(), region, server, place: None });
    }
    Ok(sites)
}

/// So many sites of a matrix by chance, each once.
///
/// # Errors
///
/// Fewer in the matrix.
pub fn random_sites(
    matrix: &Matrix,
    count: usize,
    random: &mut Random,
) -> Result<Vec<String>, WorldError> {
    let mut names: Vec<&str> = matrix.sites().collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < count {
        return Err(WorldError::TooFewSites { asked: count, there: names.len() });
    }
    random.shuffle(&mut names);
    Ok(names.into_iter().take(count).map(ToOwned::to_owned).collect())
}

/// A city's name in the letters that a region's name may have.
fn region_of(city: &str) -> String {
    let fold = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    city.chars().map(fold).collect()
}

#[cfg(test)]
mod tests;
