//! A network with all that is the same for every region: its groups, the rows around it, what the
//! time takes from weights. And from that the belief of one region after another.

use std::borrow::Cow;

use latency::RegionEstimate;
use model::{Subnet, Time};

use super::group::{self, Keys, Level, Sums};
use super::prior::Prior;
use super::row::Row;
use super::weight::Contribution;
use super::{Belief, Beliefs, Kind, Spot, line};

/// Networks may nest where agents count in networks of different widths: rows of so many widths
/// around a spot are looked at, the narrowest first.
const WIDTHS_MAX: usize = 4;

/// So many regions are believed of together: what a processor has in hand at a time.
const TOGETHER: usize = 8;

/// Everything about a spot that is the same for all regions.
struct Around<'a> {
    kind: Cow<'a, Kind>,
    keys: Keys,
    groups: [&'a [Sums]; Level::COUNT],
    own: [Option<OwnRows<'a>>; WIDTHS_MAX],
    now: Time,
    /// What turns weights into networks now.
    effective: f64,
}

/// The rows of the network, or of one around it, with its class and its groups.
#[derive(Clone, Copy)]
struct OwnRows<'a> {
    rows: &'a [Row],
    kind: &'a Kind,
    keys: Keys,
}

/// A network's own row of a region, what it adds to groups, and which those are.
type Own<'a> = (RegionEstimate, Contribution, &'a Keys);

impl Beliefs {
    /// What is believed of one region. A region that the domain does not have is a mere guess.
    #[must_use]
    pub fn belief(&self, spot: &Spot, region: u16, now: Time) -> Belief {
        let [belief] = self.believe(&self.around(spot, now), region);
        belief
    }

    /// What is believed of every region of the domain, by number, into `out`: cheaper than one by
    /// one.
    pub fn all(&self, spot: &Spot, now: Time, out: &mut Vec<Belief>) {
        out.clear();
        let around = self.around(spot, now);
        let mut left = self.directions.len();
        for first in (0..=u16::MAX).step_by(TOGETHER) {
            let beliefs: [Belief; TOGETHER] = self.believe(&around, first);
            out.extend(beliefs.iter().take(left));
            left = left.saturating_sub(TOGETHER);
            if left == 0 {
                return;
            }
        }
    }

    fn around(&self, spot: &Spot, now: Time) -> Around<'_> {
        let kind = self.kinds.get(&spot.class).map_or_else(
            || Cow::Owned(Kind::of(self.geo.class(spot.class), &self.directions)),
            Cow::Borrowed,
        );
        let keys = group::keys(spot.subnet, &kind.keys);
        let mut own = [None; WIDTHS_MAX];
        if spot.has_rows {
            let networks = self.networks.lengths(spot.subnet).filter_map(|length| {
                let subnet = Subnet::of(spot.subnet.address(), length);
                let (class, rows) = self.networks.get(subnet)?;
                let kind = self.kinds.get(&class)?;
                Some(OwnRows { rows, kind, keys: group::keys(subnet, &kind.keys) })
            });
            own.iter_mut().zip(networks).for_each(|(place, found)| *place = Some(found));
        }
        Around {
            kind,
            groups: keys.map(|key| key.map_or(&[][..], |key| self.groups.get(key))),
            keys,
            own,
            now,
            effective: self.epoch.networks(now),
        }
    }

    /// What is believed of some regions that follow one another. What a level says of one region
    /// does not wait for what it says of the next, so a processor has several in hand.
    fn believe<const N: usize>(&self, around: &Around<'_>, first: u16) -> [Belief; N] {
        let regions: [u16; N] = std::array::from_fn(|nth| {
            // Beyond the last number nothing is known, and nobody asks.
            first.saturating_add(u16::try_from(nth).unwrap_or(u16::MAX))
        });
        let km = regions.map(|region| around.kind.km(region));
        let own = regions.map(|region| self.own(around, region));
        let mut priors = km.map(|km| Prior::of_distance(&self.line, &self.spreads, km));
        let groups = around.keys.iter().zip(around.groups);
        for (level, (key, group)) in Level::ALL.into_iter().zip(groups) {
            for ((prior, region), own) in priors.iter_mut().zip(regions).zip(&own) {
                let Some(sums) = group::of_region(group, region) else { continue };
                // What others say: the network's own row speaks for itself below.
                let others = match own {
                    Some((_, counted, keys)) if keys.contains(key) => sums.without(*counted),
                    _ => *sums,
                };
                if let Some(moments) = others.moments(around.effective) {
                    let observed_at = || self.epoch.time(others.minute());
                    prior.narrow(level, &moments, &self.spreads, observed_at);
                }
            }
        }
        let mut nth = 0;
        priors.map(|mut prior| {
            let (km, own) = (km.get(nth).copied().flatten(), own.get(nth).copied().flatten());
            nth += 1;
            if let Some((row, ..)) = own {
                prior.measure(&row, around.now);
            }
            prior.belief(line::floor_us(km), own.map(|(row, ..)| row))
        })
    }

    /// The row of the narrowest network that has one of this region which is possible.
    fn own<'a>(&self, around: &'a Around<'_>, region: u16) -> Option<Own<'a>> {
        around.own.iter().flatten().find_map(|OwnRows { rows, kind, keys }| {
            let row = rows.iter().find(|row| row.region == region)?;
            Some((row.estimate(), self.contribution(row, kind.km(region))?, keys))
        })
    }
}
