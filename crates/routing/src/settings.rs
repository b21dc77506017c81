//! What an operator says about a domain, checked by `config`. Holds no defaults and decides
//! nothing.

use geo::{Continent, Country, Place};
use model::{Region, Service, Subnet};

use crate::{Algorithm, LearningTerms};

/// One domain that is steered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainSettings {
    /// The name that is answered for, as it is shown: a domain name, or a wildcard.
    pub name: String,
    /// The service whose backends answer, and whose round-trip times were learned. Several domains
    /// may have one service.
    pub service: Service,
    /// What an answer names.
    pub names: Names,
    /// How a region is chosen.
    pub algorithm: Algorithm,
    /// What is decided beside it, for comparison, and never answered.
    pub shadow: Option<Algorithm>,
    /// The regions that may be chosen, in the operator's order. At most 65,536; what stands after
    /// them is never chosen.
    pub regions: Vec<RegionSettings>,
    /// Where geography sends a client of whom it knows nothing else.
    pub default_region: Option<Region>,
    /// Which clients may only use some of the regions. The first that matches a client counts;
    /// where none does, all regions are allowed.
    pub constraints: Vec<Constraint>,
    /// How long resolvers may keep an answer, in seconds.
    pub ttl_s: u32,
    /// What is answered when no server is healthy.
    pub none_healthy: NonePolicy,
    /// How it explores and holds, where it learns.
    pub learning: LearningTerms,
}

/// What an answer names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// Servers, by their addresses.
    Servers,
    /// The region, by a name that stands for it. So it may be chosen without a server that is known.
    Regions {
        /// The regions whose servers nobody tells of: they count as up, always.
        unwatched: Vec<Region>,
    },
}

/// A region as geography sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionSettings {
    /// Its name.
    pub name: Region,
    /// The countries it is responsible for.
    pub countries: Vec<Country>,
    /// The continents it is responsible for, where no region lists the country.
    pub continents: Vec<Continent>,
    /// Where on the globe it stands, as far as the operator says.
    pub place: Option<Place>,
    /// The most open connections it is to have; above it new clients go to their next region.
    pub capacity: Option<u64>,
}

/// A rule of law or tenancy: these clients, these regions only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Clients in any of these networks,
    pub networks: Vec<Subnet>,
    /// or in any of these countries,
    pub countries: Vec<Country>,
    /// may use these regions and no others, not even when all of them are down. A name that the
    /// domain does not have allows nothing.
    pub regions: Vec<Region>,
}

/// What is answered when no allowed region has a healthy server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonePolicy {
    /// The servers last seen up; all of them where none ever was.
    LastHealthy,
    /// SERVFAIL, so that the resolver asks elsewhere.
    Servfail,
    /// All servers.
    All,
}
