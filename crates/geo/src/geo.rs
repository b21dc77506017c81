//! Database and custom networks flattened to disjoint ranges, and the look-up.
//!
//! What routing needs of an address is its [`GeoClass`]: custom region, country, continent, place
//! and autonomous system. There are far fewer of them than networks, so a range carries a number.
//! Never changes once built.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use model::{RangeMap, Region, Subnet};

use crate::database::{self, Database, DatabaseError, Whereabouts};
use crate::{Continent, Country, CustomMapping, Place};

/// Where addresses are.
#[derive(Clone, Debug)]
pub struct Geo {
    classes: Vec<GeoClass>,
    class_map: RangeMap<ClassId>,
}

/// All that routing knows of where an address is. Addresses of one class are treated alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GeoClass {
    /// The region that the operator assigned the network to.
    pub custom_region: Option<Region>,
    /// The country, from the database; also under a custom network.
    pub country: Option<Country>,
    /// The continent, from the database or else by the country.
    pub continent: Option<Continent>,
    /// Where on the globe, from a city database; also under a custom network.
    pub place: Option<Place>,
    /// The autonomous system that announces it.
    pub asn: Option<NonZeroU32>,
}

/// A network and what is known of it, for those who know it without a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The network; of nested ones the longest counts.
    pub subnet: Subnet,
    /// Its country.
    pub country: Option<Country>,
    /// Its autonomous system.
    pub asn: Option<NonZeroU32>,
    /// Where on the globe it is.
    pub place: Option<Place>,
}

/// The number of a class; an index into [`Geo::classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(u32);

/// What is known of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fix<'a> {
    /// The number of its class.
    pub class: ClassId,
    /// The class itself.
    pub class_of: &'a GeoClass,
    /// The widest prefix around the address with the same class. The prefixes of two look-ups
    /// never overlap unless they are equal.
    pub prefix: Subnet,
}

/// Why no geography could be built.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// A database that cannot be used.
    #[error("the {which} database cannot be used")]
    Database {
        /// Which of the two.
        which: Database,
        /// What is wrong with it.
        #[source]
        source: DatabaseError,
    },
    /// More classes than a [`ClassId`] can tell apart.
    #[error(
        "more than {} combinations of custom region, country, place and autonomous system",
        Geo::CLASSES_MAX
    )]
    TooManyClasses,
}

/// What the sweep finds over a range: one layer's word on it.
#[derive(Clone, Copy)]
enum Layer {
    Where(Whereabouts),
    System(NonZeroU32),
    Custom(usize),
}

impl ClassId {
    /// Where the class stands in [`Geo::classes`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Geo {
    /// The most classes: four million, 200 MB of them. The full databases of the Internet have a
    /// few hundred thousand pairs of city and autonomous system. More are refused when the
    /// geography is built.
    pub const CLASSES_MAX: usize = 1 << 22;

    /// How wrong a place may be, in kilometres: what databases are believed. A record that says it
    /// is less accurate has no place.
    pub const PLACE_ERROR_KM: u16 = 500;

    /// Reads the databases and lays the custom networks over them. Without a country (or city)
    /// database only the custom networks are known; without an ASN database no AS is; without a
    /// city database no place is.
    ///
    /// # Errors
    ///
    /// A database that is corrupt or of another kind; more than [`Geo::CLASSES_MAX`] classes.
    pub fn build(
        country_db: Option<&[u8]>,
        asn_db: Option<&[u8]>,
        custom: &[CustomMapping],
    ) -> Result<Self, GeoError> {
        let countries = match country_db {
            Some(bytes) => database::countries(bytes)
                .map_err(|source| GeoError::Database { which: Database::Country, source })?,
            None => Vec::new(),
        };
        let systems = match asn_db {
            Some(bytes) => database::systems(bytes)
                .map_err(|source| GeoError::Database { which: Database::Asn, source })?,
            None => Vec::new(),
        };
        let mut layers = Vec::with_capacity(countries.len() + systems.len() + custom.len());
        layers.extend(countries.into_iter().map(|n| (n.subnet, Layer::Where(n.value))));
        layers.extend(systems.into_iter().map(|n| (n.subnet, Layer::System(n.value))));
        Self::flatten(layers, custom, Self::CLASSES_MAX)
    }

    /// The same from a list instead of a database, for those who know their networks' countries.
    ///
    /// # Errors
    ///
    /// More than [`Geo::CLASSES_MAX`] classes.
    pub fn from_countries(
        countries: &[(Subnet, Country)],
        custom: &[CustomMapping],
    ) -> Result<Self, GeoError> {
        let placed: Vec<Placed> = countries
            .iter()
            .map(|(subnet, country)| Placed {
                subnet: *subnet,
                country: Some(*country),
                asn: None,
                place: None,
            })
            .collect();
        Self::from_placed(&placed, custom)
    }

    /// The same from a list of all that can be known of a network.
    ///
    /// # Errors
    ///
    /// More than [`Geo::CLASSES_MAX`] classes.
    pub fn from_placed(placed: &[Placed], custom: &[CustomMapping]) -> Result<Self, GeoError> {
        let mut layers = Vec::with_capacity(placed.len() * 2 + custom.len());
        for network in placed {
            let continent = network.country.and_then(Country::continent);
            let (country, place) = (network.country, network.place);
            layers.push((network.subnet, Layer::Where(Whereabouts { country, continent, place })));
            layers.extend(network.asn.map(|asn| (network.subnet, Layer::System(asn))));
        }
        Self::flatten(layers, custom, Self::CLASSES_MAX)
    }

    fn flatten(
        mut layers: Vec<(Subnet, Layer)>,
        custom: &[CustomMapping],
        classes_max: usize,
    ) -> Result<Self, GeoError> {
        layers.extend(custom.iter().enumerate().map(|(i, m)| (m.subnet, Layer::Custom(i))));
        layers.sort_by_key(|(subnet, _)| *subnet);

        let mut classes = Classes { ids: BTreeMap::new(), max: classes_max, overflowed: false };
        let class_map = RangeMap::from_covering(&layers, |covering| {
            let mut class = GeoClass {
                custom_region: None,
                country: None,
                continent: None,
                place: None,
                asn: None,
            };
            // The widest stands first, so the last word of each layer is the longest prefix's.
            for (_, layer) in covering {
                match *layer {
                    Layer::Where(found) => {
                        class.country = found.country;
                        class.continent = found.continent;
                        class.place = found.place;
                    }
                    Layer::System(asn) => class.asn = Some(asn),
                    Layer::Custom(i) => {
                        class.custom_region = custom.get(i).map(|m| m.region.clone());
                    }
                }
            }
            classes.id_of(class)
        });
        let classes = classes.into_list()?;
        Ok(Self { classes, class_map })
    }

    /// What is known of an address. A v4-mapped IPv6 address is the caller's to fold.
    #[must_use]
    pub fn locate(&self, address: IpAddr) -> Fix<'_> {
        let (class, prefix) = self.class_map.get(address);
        Fix { class, class_of: self.class(class), prefix }
    }

    /// The class of a number that this geography gave.
    ///
    /// # Panics
    ///
    /// Where the number came from another geography that had more classes.
    #[must_use]
    pub fn class(&self, id: ClassId) -> &GeoClass {
        &self.classes[id.index()]
    }

    /// Every class, by number.
    #[must_use]
    pub fn classes(&self) -> &[GeoClass] {
        &self.classes
    }

    /// The class of every address there is.
    #[must_use]
    pub const fn class_map(&self) -> &RangeMap<ClassId> {
        &self.class_map
    }
}

/// Gives each distinct class its number.
struct Classes {
    ids: BTreeMap<GeoClass, u32>,
    max: usize,
    overflowed: bool,
}

impl Classes {
    /// The number of a class; any number once there are too many, as nothing will be built then.
    fn id_of(&mut self, class: GeoClass) -> ClassId {
        if let Some(id) = self.ids.get(&class) {
            return ClassId(*id);
        }
        match u32::try_from(self.ids.len()) {
            Ok(id) if self.ids.len() < self.max => {
                self.ids.insert(class, id);
                ClassId(id)
            }
            _ => {
                self.overflowed = true;
                ClassId(0)
            }
        }
    }

    fn into_list(self) -> Result<Vec<GeoClass>, GeoError> {
        if self.overflowed {
            return Err(GeoError::TooManyClasses);
        }
        let mut list: Vec<(u32, GeoClass)> =
            self.ids.into_iter().map(|(class, id)| (id, class)).collect();
        list.sort_by_key(|(id, _)| *id);
        Ok(list.into_iter().map(|(_, class)| class).collect())
    }
}

#[cfg(test)]
mod tests;
