//! The operator's own networks. What they mean is settled where the ranges are made; nothing here
//! decides.

use model::{Region, Subnet};

/// One network that the operator assigned to a region: `custom_mappings` in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomMapping {
    /// The clients.
    pub subnet: Subnet,
    /// Where they belong, whatever the database says.
    pub region: Region,
    /// A note for humans.
    pub comment: Option<String>,
}
