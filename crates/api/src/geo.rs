//! `GET /api/v1/geo/test`: where geography has an address, and what it would do with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an address is, as far as mappings and databases know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeoTest {
    /// The address.
    pub address: String,
    /// The widest network around it of which the same is known.
    pub network: String,
    /// The region of the mapping that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapped_region: Option<String>,
    /// The country: two letters (ISO 3166-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The continent: two letters, as in `regions[].continents`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continent: Option<String>,
    /// The autonomous system that announces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// Degrees, north positive, to a quarter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees, east positive, to a quarter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// The domains, sorted by name. What is learned, pinned, drained or down counts for nothing here:
    /// `explain` has the rest.
    pub domains: Vec<GeoDomain>,
}

/// Where geography alone would send the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GeoDomain {
    /// The domain.
    pub domain: String,
    /// The region.
    pub region: String,
    /// What made it that one: `mapping`, `country`, `continent`, `distance`, `default_region`, or
    /// `order` where nothing speaks for any.
    pub by: String,
}
