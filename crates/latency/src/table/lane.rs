//! Which services an agent's port carries and where it stands: what turns a row of an agent into
//! a row of a region.

use model::{Region, Service};

/// What the rows of one agent's port stand for.
///
/// A kernel sees ports, not host names: a row counts for every service on its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The services behind the port. None where no claim for the port was granted: the rows are
    /// taken all the same, so that one refused claim does not hold up the agent's other ports.
    pub services: Vec<Service>,
    /// The region that the agent speaks for.
    pub region: Region,
}
