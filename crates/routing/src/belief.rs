//! What is believed about the round-trip time from a client network to a region, and how firmly.
//!
//! Rows of the table go in one by one ([`Beliefs::take`]); out comes, for any network and region, a
//! time with its standard deviation and the source that weighs most. Ranks nothing, knows no health
//! and no constraint.
//!
//! In the order of the data:
//!
//! - `row`: what a network's connections to one region said,
//! - `networks`: whose rows there are,
//! - `line`: what a distance alone lets one expect; every other number is a distance from it,
//! - `weight`: what a row counts, by its samples and its age,
//! - `group`: networks that have something in common, and what their rows add up to,
//! - `spread`: how much networks differ that have something in common,
//! - `prior`: from the line through wider and narrower groups to the network itself,
//! - `around`: all that is the same for every region, and the belief of each,
//! - `clients`: a resolver, by its clients.
//!
//! Sums are of whole numbers. So beliefs depend on the rows alone, not on the order in which they
//! came, to the last bit, once both were refitted: overwatches that have the same rows agree.

mod row;

mod networks;

mod line;

mod weight;

mod group;

mod spread;

mod prior;

mod around;

mod clients;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use geo::{ClassId, Direction, Geo, GeoClass, Place};
use latency::RegionEstimate;
use model::{Subnet, Time};

pub(crate) use self::group::Mix;
use self::group::{ClassKeys, Groups};
use self::line::{Line, Observed};
use self::networks::{Network, Networks, Set};
use self::row::Row;
use self::spread::{Scatter, Spreads};
use self::weight::{Contribution, Epoch};
use crate::DomainSettings;

/// What one domain's rows say, about the networks they were measured in and about all others.
///
/// Memory goes with the rows, 20 bytes each, and with the networks: bounded by the table's own limit.
#[derive(Clone, Debug)]
pub struct Beliefs {
    geo: Arc<Geo>,
    /// By region.
    directions: Vec<Option<Direction>>,
    /// Whether any distance is ever known.
    placed: bool,
    networks: Networks,
    /// The classes that networks with rows were in so far: at most all of the geography.
    kinds: HashMap<ClassId, Kind, BuildHasherDefault<Mix>>,
    groups: Groups,
    line: Line,
    epoch: Epoch,
    spreads: Spreads,
    impossible: usize,
}

/// A class of the geography, as beliefs need it.
#[derive(Clone, Debug, PartialEq)]
struct Kind {
    keys: ClassKeys,
    /// The distances to the regions, by number.
    km: Box<[Option<u16>]>,
}

/// Whom a belief is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The network: a row's own, or any prefix inside the cell that is judged as one.
    pub subnet: Subnet,
    /// Its class in the geography that the beliefs were made with.
    pub class: ClassId,
    /// Whether rows of the network itself, or of one around it, are to be looked for.
    pub has_rows: bool,
}

/// What a row says that the one before it did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Whether it changes what is believed: if not, the network was only seen again.
    pub is_news: bool,
    /// Whether anybody connected since. Counts are rounded and need not show it.
    pub is_seen: bool,
}

/// What came of taking a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) heard: Heard,
    /// The connections that the one before it had counted; `None` where there was none.
    pub(crate) counted: Option<u64>,
    /// Whether the network has rows only now, or none any more.
    pub(crate) turned: bool,
}

/// A time and how firmly it is believed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// The round-trip time, in microseconds.
    pub rtt_us: u32,
    /// Its standard deviation, in microseconds.
    pub deviation_us: u32,
    /// What weighs most in it.
    pub source: Source,
    /// The effective samples of that source: connections of the network itself, networks of a
    /// wider group; both count less as they age, and are rounded up. 0 for a mere distance.
    pub samples: u32,
    /// Effective samples of everything that says more than the country does: the network's own
    /// connections and the networks of the best known narrow group.
    pub evidence: f64,
    /// When that source was last observed, on average for a group; `None` for a mere distance.
    pub observed_at: Option<Time>,
    /// The network's own row, where there is one that is possible.
    pub own: Option<RegionEstimate>,
}

/// What a belief rests on, the closest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Connections of the network itself.
    OwnSubnet,
    /// Networks of the same wider prefix.
    Prefix,
    /// Networks of the same autonomous system in the same place.
    AsPlace,
    /// Networks of the same place.
    Place,
    /// Networks of the same autonomous system in the same country.
    AsCountry,
    /// Networks of the same country.
    Country,
    /// The clients of a resolver, as an operator weighs them.
    Clients,
    /// Every network measured at the region.
    Region,
    /// The distance alone.
    Distance,
    /// Neither rows nor a distance: a guess that is the same for every region.
    Nothing,
}

impl Beliefs {
    /// The beliefs of a domain before any row.
    #[must_use]
    pub fn new(settings: &DomainSettings, geo: &Arc<Geo>) -> Self {
        Self::of_places(settings.regions.iter().map(|region| region.place), geo)
    }

    /// The beliefs about regions that stand in these places, as far as is known, before any row.
    /// At most 65,536 regions; what stands after them is passed over.
    #[must_use]
    pub fn of_places(places: impl Iterator<Item = Option<Place>>, geo: &Arc<Geo>) -> Self {
        let places = places.take(usize::from(u16::MAX) + 1);
        let directions: Vec<Option<Direction>> =
            places.map(|place| place.map(Place::direction)).collect();
        let placed = directions.iter().any(Option::is_some)
            && geo.classes().iter().any(|class| class.place.is_some());
        Self {
            geo: Arc::clone(geo),
            directions,
            placed,
            networks: Networks::default(),
            kinds: HashMap::default(),
            groups: Groups::default(),
            line: Line::START,
            epoch: Epoch::of(Time::EPOCH),
            spreads: Spreads::start(placed),
            impossible: 0,
        }
    }

    /// The table's row of a network and a region (counted from 0) changed; `None`: it is gone. A
    /// region that the domain does not have is passed over. Tells what the row says that the one
    /// before it did not.
    pub fn take(&mut self, subnet: Subnet, region: u16, row: Option<RegionEstimate>) -> Heard {
        self.take_row(subnet, region, row).heard
    }

    pub(crate) fn take_row(
        &mut self,
        subnet: Subnet,
        region: u16,
        row: Option<RegionEstimate>,
    ) -> Taken {
        if usize::from(region) >= self.directions.len() {
            return Taken::default();
        }
        if self.networks.is_empty() {
            // Nothing was added up yet, so the epoch may begin anywhere.
            self.epoch = row.map_or(self.epoch, |row| Epoch::of(row.observed_at));
        }
        let known = self.networks.get(subnet);
        if known.is_none() && row.is_none() {
            return Taken::default();
        }
        let class = known.map_or_else(|| self.geo.locate(subnet.address()).class, |(of, _)| of);
        let (geo, directions) = (&self.geo, &self.directions);
        let kind =
            self.kinds.entry(class).or_insert_with(|| Kind::of(geo.class(class), directions));
        let keys = group::keys(subnet, &kind.keys);
        let km = kind.km(region);
        let new = row.map(|estimate| Row::new(region, &estimate));
        let Set { old, turned } = self.networks.set((subnet, class), region, new);
        let counted = |row: Option<Row>| row.and_then(|row| self.contribution(&row, km));
        let (taken_away, added) = (counted(old), counted(new));
        self.groups.change(&keys, region, taken_away, added);
        self.impossible += usize::from(new.is_some() && added.is_none());
        self.impossible -= usize::from(old.is_some() && taken_away.is_none());
        let rows = old.zip(new).map(|(old, new)| (old.estimate(), new.estimate()));
        let heard =
            rows.map_or(Heard { is_news: true, is_seen: new.is_some() }, |(old, new)| Heard {
                is_news: weight::is_news(&old, &new),
                is_seen: new.observed_at > old.observed_at || new.samples > old.samples,
            });
        Taken { heard, counted: old.map(|old| old.samples()), turned }
    }

    /// Whether a network has rows.
    pub(crate) fn has_rows(&self, subnet: Subnet) -> bool {
        self.networks.get(subnet).is_some()
    }

    /// The networks that have rows, in no order.
    pub(crate) fn subnets(&self) -> impl Iterator<Item = Subnet> {
        self.networks.iter().map(|network| network.subnet)
    }

    /// How many networks have rows.
    pub(crate) const fn len(&self) -> usize {
        self.networks.len()
    }

    /// The lengths, the longest first, that networks with rows around this one may have, its own included.
    pub(crate) fn lengths(&self, subnet: Subnet) -> impl Iterator<Item = u8> + '_ {
        self.networks.lengths(subnet)
    }

    /// What a row over a distance adds to its groups; `None` where it is faster than light and not
    /// used. The same until the next refit, which adds all up anew where it is not.
    fn contribution(&self, row: &Row, km: Option<u16>) -> Option<Contribution> {
        let is_possible = f64::from(row.rtt_us()) >= line::floor_us(km);
        is_possible.then(|| Contribution::new(&row.estimate(), km, &self.line, self.epoch))
    }

    /// Fits what all rows have in common anew: the line and the usual spreads. To be called every
    /// few minutes; walks all rows, and adds all of them up again where the line moved.
    pub fn refit(&mut self) {
        let mut observed = Observed::new();
        let mut newest = Time::EPOCH;
        self.each_possible(|row, km| {
            observed.add(km, row.rtt_us());
            newest = newest.max(row.observed_at());
        });
        let (line, epoch) = (Line::fit(observed), Epoch::of(newest));
        if (line, epoch) != (self.line, self.epoch) {
            (self.line, self.epoch) = (line, epoch);
            self.add_up_again();
        }
        let mut scatter = Scatter::default();
        self.each_possible(|row, km| {
            let residual_us = f64::from(row.rtt_us()) - self.line.expected_us(km);
            scatter.add(&self.line, km, residual_us);
        });
        self.spreads = Spreads::fit(&self.groups, scatter, self.placed);
    }

    /// Every row that is not faster than light, with its distance.
    fn each_possible(&self, mut take: impl FnMut(&Row, Option<u16>)) {
        for Network { class, rows, .. } in self.networks.iter() {
            let Some(kind) = self.kinds.get(&class) else { continue };
            for row in rows {
                let km = kind.km(row.region);
                if f64::from(row.rtt_us()) >= line::floor_us(km) {
                    take(row, km);
                }
            }
        }
    }

    fn add_up_again(&mut self) {
        let mut groups = std::mem::take(&mut self.groups);
        groups.clear();
        for Network { subnet, class, rows } in self.networks.iter() {
            let Some(kind) = self.kinds.get(&class) else { continue };
            let keys = group::keys(subnet, &kind.keys);
            for row in rows {
                let counted = self.contribution(row, kind.km(row.region));
                groups.change(&keys, row.region, None, counted);
            }
        }
        self.groups = groups;
    }

    /// How many rows are not used because light in fibre is not that fast: rows of forged times,
    /// or networks whose place the database has wrong.
    #[must_use]
    pub const fn impossible(&self) -> usize {
        self.impossible
    }

    /// The geography that spots' classes belong to.
    #[must_use]
    pub const fn geo(&self) -> &Arc<Geo> {
        &self.geo
    }
}

impl Kind {
    fn of(class: &GeoClass, directions: &[Option<Direction>]) -> Self {
        let from = class.place.map(Place::direction);
        let km = |to: &Option<Direction>| from.zip(*to).map(|(from, to)| from.distance_km(&to));
        Self { keys: group::class_keys(class), km: directions.iter().map(km).collect() }
    }

    /// The distance to a region, where it is known.
    fn km(&self, region: u16) -> Option<u16> {
        self.km.get(usize::from(region)).copied().flatten()
    }
}

impl Belief {
    /// Standard deviations to either end of the interval: 90 of 100 lie inside, 95 of 100 above
    /// [`Self::low_us`].
    pub const Z: f64 = 1.645;

    /// The optimistic end of the interval, in microseconds.
    #[must_use]
    pub fn low_us(&self) -> u32 {
        self.rtt_us.saturating_sub(self.half_us())
    }

    /// The pessimistic end of the interval, in microseconds.
    #[must_use]
    pub fn high_us(&self) -> u32 {
        self.rtt_us.saturating_add(self.half_us())
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates, and the product is not negative"
    )]
    fn half_us(&self) -> u32 {
        (f64::from(self.deviation_us) * Self::Z).round() as u32
    }
}

impl Source {
    /// The word of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnSubnet => "own_subnet",
            Self::Prefix => "prefix",
            Self::AsPlace => "as_place",
            Self::Place => "place",
            Self::AsCountry => "as_country",
            Self::Country => "country",
            Self::Clients => "clients",
            Self::Region => "region",
            Self::Distance => "distance",
            Self::Nothing => "nothing",
        }
    }
}

#[cfg(test)]
mod tests;
