//! Where a service can be reached.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::{Region, Service};

/// Names one backend everywhere: in the registry, in reports, in overrides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendKey {
    /// The service offered.
    pub service: Service,
    /// The address that DNS answers with.
    pub address: IpAddr,
    /// The port that clients connect to.
    pub port: u16,
}

impl BackendKey {
    /// Address and port, as a check connects to them.
    #[must_use]
    pub const fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

impl fmt::Display for BackendKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.service, self.socket())
    }
}

/// One server of a service, in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Which one.
    pub key: BackendKey,
    /// The site it stands in.
    pub region: Region,
    /// Its share among the servers of its region; 0 takes it out of the answers.
    pub weight: u32,
}
