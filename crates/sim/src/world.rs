//! Sites and client networks, and the way between them: what a policy has to deal with, and the
//! same for all policies.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use model::{NameError, Region, Subnet};

use crate::matrix::{Matrix, Path};
use crate::random::Random;

/// All that does not change while the simulation runs.
#[derive(Clone, Debug)]
pub struct World {
    /// The sites, in the order in which they were asked for.
    pub sites: Vec<Site>,
    /// The client networks, the most popular first.
    pub networks: Vec<Network>,
    /// Client cities that the matrix does not know the way to every site for; nobody lives there.
    pub left_out: Vec<String>,
    /// The networks' shares, summed up to each, for drawing by popularity.
    shares: Vec<f64>,
}

/// A place with one server and one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// As the matrix writes it.
    pub name: String,
    /// The same as a region's name.
    pub region: Region,
    /// Its server.
    pub server: Ipv4Addr,
}

/// A client network, all of it in one city.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its addresses, a /24.
    pub subnet: Subnet,
    /// Where it is.
    pub city: String,
    /// The way to each site.
    pub paths: Arc<[Path]>,
    /// The site at the least distance.
    pub nearest: usize,
    /// The site with the least mean round-trip time.
    pub best: usize,
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
    /// Nobody could live anywhere.
    #[error("the matrix has no client city with a way to each of these sites")]
    NoClients,
}

/// The servers' addresses are numbered by one byte.
pub const SITES_MAX: usize = 250;

/// The /24s from 20.0.0.0 to 35.255.255.255.
pub const NETWORKS_MAX: usize = 1 << 20;

/// The first client network.
const FIRST_CLIENT: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 0);

impl World {
    /// A world with `networks` client networks, spread evenly by chance over the matrix's cities.
    /// The popularity of networks follows Zipf's law with exponent 1, as that of web sites and
    /// networks does.
    ///
    /// # Errors
    ///
    /// Sites that the matrix does not have; numbers out of bounds.
    pub fn new(
        matrix: &Matrix,
        sites: &[String],
        networks: usize,
        random: &mut Random,
    ) -> Result<Self, WorldError> {
        if !(1..=NETWORKS_MAX).contains(&networks) {
            return Err(WorldError::NetworkCount(networks));
        }
        let sites = sites_of(matrix, sites)?;
        let mut cities: Vec<(&str, Arc<[Path]>)> = Vec::new();
        let mut left_out = Vec::new();
        for city in matrix.clients() {
            let paths = sites.iter().map(|site| matrix.path(city, &site.name));
            match paths.collect::<Option<Arc<[Path]>>>() {
                Some(paths) => cities.push((city, paths)),
                None => left_out.push(city.to_owned()),
            }
        }
        let mut shares = Vec::new();
        let mut total = 0.0;
        let mut list = Vec::new();
        for number in 0..networks {
            let place = random.index(cities.len());
            let (city, paths) = cities.get(place).ok_or(WorldError::NoClients)?;
            list.push(Network::new(number, city, paths));
            total += 1.0 / (number as f64 + 1.0);
            shares.push(total);
        }
        Ok(Self { sites, networks: list, left_out, shares })
    }

    /// A network by chance, the popular ones more often.
    pub(crate) fn draw_network(&self, random: &mut Random) -> usize {
        let place = random.between(0.0, self.shares.last().copied().unwrap_or_default());
        let found = self.shares.partition_point(|share| *share <= place);
        found.min(self.networks.len().saturating_sub(1))
    }

    /// The way between a network and a site.
    pub(crate) fn path(&self, network: usize, site: usize) -> Option<&Path> {
        self.networks.get(network)?.paths.get(site)
    }

    /// The site whose server has this address.
    pub(crate) fn site_at(&self, server: Ipv4Addr) -> Option<usize> {
        self.sites.iter().position(|site| site.server == server)
    }
}

impl Network {
    fn new(number: usize, city: &str, paths: &Arc<[Path]>) -> Self {
        let offset = u32::try_from(number).unwrap_or_default() << 8;
        let address = Ipv4Addr::from_bits(FIRST_CLIENT.to_bits() + offset);
        Self {
            subnet: Subnet::of(IpAddr::V4(address), 24),
            city: city.to_owned(),
            paths: Arc::clone(paths),
            nearest: least(paths, |path| path.distance_km),
            best: least(paths, |path| path.average_ms),
        }
    }

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
        sites.push(Site { name: name.to_owned(), region, server });
    }
    Ok(sites)
}

/// A city's name in the letters that a region's name may have.
fn region_of(city: &str) -> String {
    let fold = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    city.chars().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cities;

    fn world(sites: &[&str], networks: usize) -> Result<World, WorldError> {
        let sites: Vec<String> = sites.iter().map(ToString::to_string).collect();
        World::new(&cities::matrix(1), &sites, networks, &mut Random::new(1, "world"))
    }

    #[test]
    fn sites_are_found_however_they_are_cased() {
        let world = world(&["sao paulo", "OSLO"], 10).unwrap();
        let names: Vec<&str> = world.sites.iter().map(|site| site.name.as_str()).collect();
        assert_eq!(names, ["Sao Paulo", "Oslo"]);
        assert_eq!(world.sites[0].region.as_str(), "sao-paulo");
        assert_eq!(world.site_at(Ipv4Addr::new(10, 2, 1, 10)), Some(1));
        assert_eq!(world.networks[9].subnet.to_string(), "20.0.9.0/24");
    }

    #[test]
    fn what_cannot_be_simulated_is_refused() {
        let fault = |sites: &[&str], networks| world(sites, networks).unwrap_err().to_string();
        assert_eq!(fault(&["Atlantis"], 1), "the matrix has no site \"Atlantis\"");
        assert_eq!(fault(&["Oslo", "oslo"], 1), "the site \"Oslo\" is named twice");
        assert_eq!(fault(&[], 1), "0 sites, where 1 to 250 can be simulated");
        assert_eq!(fault(&["Oslo"], 0), "0 client networks, where 1 to 1048576 can be simulated");
    }

    #[test]
    fn the_first_network_is_twice_as_popular_as_the_second() {
        let world = world(&["Oslo"], 100).unwrap();
        let mut random = Random::new(1, "popularity");
        let mut drawn = [0u32; 100];
        (0..50_000).for_each(|_| drawn[world.draw_network(&mut random)] += 1);
        let ratio = f64::from(drawn[0]) / f64::from(drawn[1]);
        assert!((ratio - 2.0).abs() < 0.2, "{ratio}");
        assert!(drawn[99] > 0);
    }
}
