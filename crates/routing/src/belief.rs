//! What is believed about the round-trip time from a client network to a region, and how firmly.
//!
//! Rows of the table go in one by one ([`Beliefs::take`]); out comes, for any network and region, a
//! time with its standard deviation and the source that weighs most. Ranks nothing, knows no health
//! and no constraint.

use std::collections::BTreeMap;
use std::sync::Arc;

use geo::{ClassId, Geo};
use latency::RegionEstimate;
use model::{Subnet, Time};

use crate::DomainSettings;

/// What one domain's rows say, about the networks they were measured in and about all others.
#[derive(Clone, Debug)]
pub struct Beliefs {
    settings: Arc<DomainSettings>,
    geo: Arc<Geo>,
    rows: BTreeMap<Subnet, Vec<(u16, RegionEstimate)>>,
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
    /// wider group; both count less as they age. 0 for a mere distance.
    pub samples: u32,
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
    /// Every network measured at the region.
    Region,
    /// The distance alone.
    Distance,
    /// Neither rows nor a distance: a guess that is the same for every region.
    Nothing,
}

impl Beliefs {
    /// The beliefs before any row.
    #[must_use]
    pub fn new(settings: &Arc<DomainSettings>, geo: &Arc<Geo>) -> Self {
        Self { settings: Arc::clone(settings), geo: Arc::clone(geo), rows: BTreeMap::new() }
    }

    /// The table's row of a network and a region (counted from 0) changed; `None`: it is gone.
    pub fn take(&mut self, subnet: Subnet, region: u16, row: Option<RegionEstimate>) {
        if usize::from(region) >= self.settings.regions.len() {
            return;
        }
        let rows = self.rows.entry(subnet).or_default();
        rows.retain(|(of, _)| *of != region);
        rows.extend(row.map(|row| (region, row)));
        if rows.is_empty() {
            self.rows.remove(&subnet);
        }
    }

    /// What is believed of one region.
    #[must_use]
    pub fn belief(&self, spot: &Spot, region: u16, _now: Time) -> Belief {
        let rows = self.rows.get(&spot.subnet).filter(|_| spot.has_rows);
        let own = rows.and_then(|rows| rows.iter().find(|(of, _)| *of == region));
        let Some((_, row)) = own else {
            return Belief {
                rtt_us: 60_000,
                deviation_us: 60_000,
                source: Source::Nothing,
                samples: 0,
                observed_at: None,
                own: None,
            };
        };
        Belief {
            rtt_us: row.rtt.us(),
            deviation_us: row.deviation_us,
            source: Source::OwnSubnet,
            samples: u32::try_from(row.samples).unwrap_or(u32::MAX),
            observed_at: Some(row.observed_at),
            own: Some(*row),
        }
    }

    /// What is believed of every region of the domain, by number, into `out`: cheaper than one by
    /// one.
    pub fn all(&self, spot: &Spot, now: Time, out: &mut Vec<Belief>) {
        out.clear();
        let regions = self.settings.regions.iter().zip(0..=u16::MAX);
        out.extend(regions.map(|(_, region)| self.belief(spot, region, now)));
    }

    /// The networks with rows, ascending.
    pub fn subnets(&self) -> impl Iterator<Item = Subnet> + '_ {
        self.rows.keys().copied()
    }

    /// Fits what all rows have in common anew. To be called every few minutes.
    pub fn refit(&mut self) {}

    /// The geography that spots' classes belong to.
    #[must_use]
    pub const fn geo(&self) -> &Arc<Geo> {
        &self.geo
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
            Self::Region => "region",
            Self::Distance => "distance",
            Self::Nothing => "nothing",
        }
    }
}
