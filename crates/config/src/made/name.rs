//! What can be made through the API, and by which name each goes: the keys that tell two apart.

use std::fmt;

use crate::keys;
use crate::kind::{Kind, Scalar};

/// What can be made. In this order they are merged: a server needs its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// An item of `regions`.
    Region,
    /// An item of `regions[].servers`, with the region that it stands in.
    Server,
    /// An item of `domains`.
    Domain,
    /// An item of `overwatch.geolocation.custom_mappings`.
    Mapping,
}

impl EntityKind {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Region, Self::Server, Self::Domain, Self::Mapping];

    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Server => "server",
            Self::Domain => "domain",
            Self::Mapping => "mapping",
        }
    }

    /// The word for several.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Region => "regions",
            Self::Server => "servers",
            Self::Domain => "domains",
            Self::Mapping => "mappings",
        }
    }

    /// The path of its keys in the table of keys.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Region => "regions[]",
            Self::Server => "regions[].servers[]",
            Self::Domain => "domains[]",
            Self::Mapping => "overwatch.geolocation.custom_mappings[]",
        }
    }

    /// The keys that tell two of them apart.
    #[must_use]
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Region | Self::Domain => &["name"],
            Self::Server => &["service", "address", "port"],
            Self::Mapping => &["cidr"],
        }
    }

    /// The value of one of its scalar keys in its printed form, or what was found instead.
    pub(crate) fn normal(self, key: &str, text: &str) -> Result<String, String> {
        let key = keys::children(self.path()).into_iter().find(|known| known.name() == key);
        match key.map(|key| key.kind) {
            Some(Kind::One(scalar)) => check(&scalar, text),
            _ => Ok(text.to_owned()),
        }
    }
}

fn check(scalar: &Scalar, text: &str) -> Result<String, String> {
    scalar.check(text).map_err(|found| format!("expected {}, {found}", scalar.expected()))
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One of them by its name: a domain by its name, a server by service, address and port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityName {
    kind: EntityKind,
    /// The values of [`EntityKind::names`], in their printed form.
    parts: Vec<String>,
}

/// What a server of the file that names no service has in its place: it serves all domains of its
/// region.
pub const ANY_SERVICE: &str = "*";

impl EntityName {
    /// The name that these values make.
    ///
    /// # Errors
    ///
    /// A value that cannot be one, in the words of the table of keys.
    pub fn new(kind: EntityKind, values: &[&str]) -> Result<Self, String> {
        let keys = kind.names();
        if values.len() != keys.len() {
            return Err(format!("a {kind} goes by {}", keys.join(", ")));
        }
        let normal = |(key, value): (&&str, &&str)| {
            if kind == EntityKind::Server && *key == "service" && *value == ANY_SERVICE {
                return Ok(ANY_SERVICE.to_owned());
            }
            kind.normal(key, value).map_err(|why| format!("{key}: {why}"))
        };
        let parts = keys.iter().zip(values).map(normal).collect::<Result<_, _>>()?;
        Ok(Self { kind, parts })
    }

    /// The name that [`Self::text`] shows.
    ///
    /// # Errors
    ///
    /// As for [`Self::new`].
    pub fn from_text(kind: EntityKind, text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(' ').collect();
        Self::new(kind, &parts)
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> EntityKind {
        self.kind
    }

    /// The name alone: none of its parts has a space.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts.join(" ")
    }

    /// Each key that is part of the name, and its value.
    pub fn keys(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.kind.names().iter().copied().zip(self.parts.iter().map(String::as_str))
    }
}

impl fmt::Display for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.text())
    }
}
