//! What ExternalDNS says and hears: the JSON of its webhook, version 1. Pure; nothing is judged here.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// The media type of all bodies, which is the version too.
pub(super) const MEDIA_TYPE: &str = "application/external.dns.webhook+json;version=1";

/// One record of ExternalDNS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Endpoint {
    /// The name.
    #[serde(deserialize_with = "or_default")]
    pub(super) dns_name: String,
    /// Addresses, names, or texts.
    #[serde(deserialize_with = "or_default")]
    pub(super) targets: Vec<String>,
    /// `A`, `CNAME` and so on.
    #[serde(deserialize_with = "or_default")]
    pub(super) record_type: String,
    /// What tells several records of one name and type apart.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub(super) set_identifier: String,
    /// Seconds; 0 where nobody asked for any.
    #[serde(
        rename = "recordTTL",
        deserialize_with = "or_default",
        skip_serializing_if = "is_zero"
    )]
    pub(super) record_ttl: i64,
    /// What its registry knows of it.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    /// What providers are told: annotations `external-dns.alpha.kubernetes.io/webhook-NAME` come as `webhook/NAME`.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub(super) provider_specific: Vec<Property>,
}

/// One thing that a provider is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) value: String,
}

/// `POST /records`. Older releases begin the words with capitals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Changes {
    #[serde(alias = "Create", deserialize_with = "or_default")]
    pub(super) create: Vec<Endpoint>,
    #[serde(alias = "UpdateOld", deserialize_with = "or_default")]
    pub(super) update_old: Vec<Endpoint>,
    #[serde(alias = "UpdateNew", deserialize_with = "or_default")]
    pub(super) update_new: Vec<Endpoint>,
    #[serde(alias = "Delete", deserialize_with = "or_default")]
    pub(super) delete: Vec<Endpoint>,
}

/// `GET /`: the names that this provider is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DomainFilter {
    pub(super) include: Vec<String>,
}

impl Endpoint {
    /// The name as it is compared.
    pub(super) fn name(&self) -> String {
        self.dns_name.trim().trim_end_matches('.').to_ascii_lowercase()
    }

    /// What providers were told under a name.
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        let mut all = self.provider_specific.iter();
        all.find(|property| property.name == name).map(|property| property.value.as_str())
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        let set = if self.set_identifier.is_empty() { "" } else { " of " };
        format!("{} {}{set}{}", self.name(), self.record_type, self.set_identifier)
    }
}

/// Go writes an empty list as `null`.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(ttl: &i64) -> bool {
    *ttl == 0
}
