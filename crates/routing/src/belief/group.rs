//! Networks that have something in common, and what their rows add up to by region. Sums of whole
//! numbers: any order of rows leads to the same sums, and a row that goes leaves none of it behind.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;

use geo::GeoClass;
use model::Subnet;

use super::weight::{Contribution, TICK_US};

/// What networks can have in common, the widest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// That they were measured at the region.
    Region,
    /// The country.
    Country,
    /// The autonomous system and the country.
    AsCountry,
    /// The place.
    Place,
    /// The autonomous system and the place.
    AsPlace,
    /// The /16 of IPv4, the /32 of IPv6: what one network operator often has.
    Wide,
    /// The /20 of IPv4, the /40 of IPv6.
    Narrow,
}

/// The groups of a network, by level; `None` where it has none.
pub(super) type Keys = [Option<u64>; Level::COUNT];

/// Those of them that its class decides.
pub(super) type ClassKeys = [Option<u64>; 5];

/// What the rows of a group say about one region.
///
/// Half of all groups are those of a /20, a few networks each: so nothing is kept between the sums. One
/// row weighs below 2^19, and its squared residual has 24 bits more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) region: u16,
    /// The upper part of the weights' sum, of 48 bits,
    weight_high: u16,
    weight_low: u32,
    pub(super) networks: u32,
    /// and that of the squares' sum, of 96.
    squares_high: u32,
    squares_low: u64,
    minutes: u64,
    residual: i64,
    noise: u64,
}

const _: () = assert!(size_of::<Sums>() == 48, "sums have no gaps");

/// What the sums amount to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    /// Rows.
    pub(super) networks: f64,
    /// Rows that are fresh and have many samples, or as many others as weigh the same.
    pub(super) effective: f64,
    /// The mean distance from the line, in microseconds.
    pub(super) residual_us: f64,
    /// How much the networks differ, beyond what few samples explain; in squared microseconds.
    pub(super) spread: f64,
    /// The mean variance of a network because it has few samples, in squared microseconds.
    pub(super) noise: f64,
}

/// All groups. Bounded by the rows: at most [`Level::COUNT`] for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Groups(HashMap<u64, Vec<Sums>, BuildHasherDefault<Mix>>);

impl Level {
    pub(super) const COUNT: usize = 7;
    pub(super) const ALL: [Self; Self::COUNT] = [
        Self::Region,
        Self::Country,
        Self::AsCountry,
        Self::Place,
        Self::AsPlace,
        Self::Wide,
        Self::Narrow,
    ];

    const fn key(self, rest: u64) -> u64 {
        // The rest has 54 bits at most.
        (self as u64) << 61 | rest
    }

    /// The level of a key.
    pub(super) fn of(key: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(key >> 61).ok()?).copied()
    }
}

/// The groups of every network of this class.
pub(super) fn class_keys(class: &GeoClass) -> ClassKeys {
    let country = class.country.map(|country| {
        country.code().bytes().fold(0, |number, letter| number << 8 | u64::from(letter))
    });
    let place = class.place.map(|place| u64::from(place.number()));
    let asn = class.asn.map(|asn| u64::from(asn.get()));
    [
        Some(Level::Region.key(0)),
        country.map(|country| Level::Country.key(country)),
        asn.zip(country).map(|(asn, country)| Level::AsCountry.key(asn << 16 | country)),
        place.map(|place| Level::Place.key(place)),
        asn.zip(place).map(|(asn, place)| Level::AsPlace.key(asn << 21 | place)),
    ]
}

/// The groups of a network, with those of its class.
pub(super) fn keys(subnet: Subnet, of_class: &ClassKeys) -> Keys {
    let [region, country, as_country, place, as_place] = *of_class;
    let wide = prefix(subnet, 16, 32).map(|bits| Level::Wide.key(bits));
    let narrow = prefix(subnet, 20, 40).map(|bits| Level::Narrow.key(bits));
    [region, country, as_country, place, as_place, wide, narrow]
}

/// The first bits of a network, and a bit for the family; `None` where it is wider.
fn prefix(subnet: Subnet, ipv4: u8, ipv6: u8) -> Option<u64> {
    const IPV6: u64 = 1 << 60;
    let (bits, length) = match subnet.address() {
        IpAddr::V4(v4) => (u64::from(v4.to_bits() >> (32 - ipv4)), ipv4),
        #[expect(clippy::cast_possible_truncation, reason = "40 bits at most")]
        IpAddr::V6(v6) => (IPV6 | (v6.to_bits() >> (128 - ipv6)) as u64, ipv6),
    };
    (subnet.length() >= length).then_some(bits)
}

impl Sums {
    const fn none(region: u16) -> Self {
        Self {
            region,
            weight_high: 0,
            weight_low: 0,
            networks: 0,
            squares_high: 0,
            squares_low: 0,
            minutes: 0,
            residual: 0,
            noise: 0,
        }
    }

    const fn weight(&self) -> u64 {
        (self.weight_high as u64) << u32::BITS | self.weight_low as u64
    }

    const fn squares(&self) -> u128 {
        (self.squares_high as u128) << u64::BITS | self.squares_low as u128
    }

    #[expect(clippy::cast_possible_truncation, reason = "the parts of a number")]
    const fn set(&mut self, weight: u64, squares: u128) {
        self.weight_high = (weight >> u32::BITS) as u16;
        self.weight_low = weight as u32;
        self.squares_high = (squares >> u64::BITS) as u32;
        self.squares_low = squares as u64;
    }

    const fn add(&mut self, row: Contribution) {
        self.networks += 1;
        self.set(self.weight() + row.weight, self.squares() + squares_of(row));
        self.minutes += row.weight * row.minute;
        self.residual += row.weight.cast_signed() * row.residual;
        self.noise += row.weight * row.noise;
    }

    const fn take_away(&mut self, row: Contribution) {
        self.networks -= 1;
        self.set(self.weight() - row.weight, self.squares() - squares_of(row));
        self.minutes -= row.weight * row.minute;
        self.residual -= row.weight.cast_signed() * row.residual;
        self.noise -= row.weight * row.noise;
    }

    /// These sums without one of the rows in them.
    pub(super) const fn without(mut self, row: Contribution) -> Self {
        self.take_away(row);
        self
    }

    /// What they amount to; `None` where no row is in them. `networks` is
    /// [`super::weight::Epoch::networks`].
    #[expect(clippy::cast_precision_loss, reason = "53 bits are more than is measured")]
    pub(super) fn moments(&self, networks: f64) -> Option<Moments> {
        if self.networks == 0 || self.weight() == 0 {
            return None;
        }
        let weight = self.weight() as f64;
        let count = f64::from(self.networks);
        let mean = self.residual as f64 / weight;
        let noise = self.noise as f64 / weight;
        // Converting 64 bits is one instruction, 128 many; the same comes of both.
        let squares =
            if self.squares_high == 0 { self.squares_low as f64 } else { self.squares() as f64 };
        let around = (squares / weight - mean * mean).max(0.0);
        let spread = (around * count / (count - 1.0).max(1.0) - noise).max(0.0);
        Some(Moments {
            networks: count,
            effective: weight * networks,
            residual_us: mean * TICK_US,
            spread: spread * TICK_US * TICK_US,
            noise: noise * TICK_US * TICK_US,
        })
    }

    /// The mean minute of observation, for [`super::weight::Epoch::time`].
    pub(super) const fn minute(&self) -> u64 {
        match self.minutes.checked_div(self.weight()) {
            Some(minute) => minute,
            None => 0,
        }
    }
}

const fn squares_of(row: Contribution) -> u128 {
    row.weight as u128 * (row.residual * row.residual).unsigned_abs() as u128
}

impl Groups {
    /// A row of a network with these groups changed.
    pub(super) fn change(
        &mut self,
        keys: &Keys,
        region: u16,
        old: Option<Contribution>,
        new: Option<Contribution>,
    ) {
        for key in keys.iter().flatten() {
            let group = self.0.entry(*key).or_default();
            let place = match group.binary_search_by_key(&region, |sums| sums.region) {
                Ok(place) => place,
                Err(place) => {
                    // Regions are few, and there is no room to spare for more.
                    group.reserve_exact(1);
                    group.insert(place, Sums::none(region));
                    place
                }
            };
            let Some(sums) = group.get_mut(place) else { continue };
            if let Some(new) = new {
                sums.add(new);
            }
            if let Some(old) = old {
                sums.take_away(old);
            }
            if sums.networks == 0 {
                group.remove(place);
            }
            if group.is_empty() {
                self.0.remove(key);
            }
        }
    }

    /// The group of a key, ascending by region; empty where no row is in it.
    pub(super) fn get(&self, key: u64) -> &[Sums] {
        self.0.get(&key).map_or(&[], Vec::as_slice)
    }

    /// All groups, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &[Sums])> {
        self.0.iter().map(|(key, group)| (*key, group.as_slice()))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The sums of one region.
pub(super) fn of_region(group: &[Sums], region: u16) -> Option<&Sums> {
    // They ascend, so it stands no later than its number; where none is missing it stands there.
    let last = group.len().min(usize::from(region) + 1);
    group
        .get(..last)?
        .iter()
        .rev()
        .find(|sums| sums.region <= region)
        .filter(|s| s.region == region)
}

/// Spreads a key's bits over the hash (the finalizer of `SplitMix64`). No secret in it, so that
/// runs repeat: who wants collisions needs completed connections from addresses of their choice,
/// and gets a slow look-up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let number = part.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            self.write_u64(number);
        }
    }

    fn write_u8(&mut self, key: u8) {
        self.write_u64(u64::from(key));
    }

    fn write_u32(&mut self, key: u32) {
        self.write_u64(u64::from(key));
    }

    fn write_usize(&mut self, key: usize) {
        self.write_u64(key as u64);
    }

    fn write_u64(&mut self, key: u64) {
        let mut mixed = self.0 ^ key;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = mixed ^ mixed >> 31;
    }
}
