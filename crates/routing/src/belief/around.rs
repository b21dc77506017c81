//! A network with all that is the same for every region: its groups, the rows around it, what the
//! time takes from weights. And from that the belief of one region after another.

use std::borrow::Cow;

use latency::RegionEstimate;
use model::{Subnet, Time};

use super::group::{self, Keys, Level, Sums};
use super::prior::Prior;
use super::weight::Contribution;
use super::{Belief, Beliefs, Kind, Network, Spot, line};

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
    own: [Option<(&'a Network, Keys)>; WIDTHS_MAX],
    now: Time,
    /// What turns weights into networks now.
    effective: f64,
}

/// A network's own row of a region, with the groups that it is in.
type Own<'a> = (&'a RegionEstimate, Contribution, &'a Keys);

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
            let is_ipv4 = spot.subnet.is_ipv4();
            let widths = self.widths.range((is_ipv4, 0)..=(is_ipv4, spot.subnet.length())).rev();
            let networks = widths.filter_map(|((_, length), _)| {
                let subnet = Subnet::of(spot.subnet.address(), *length);
                let network = self.networks.get(&subnet)?;
                let keys_of = self.kinds.get(&network.class)?;
                Some((network, group::keys(subnet, &keys_of.keys)))
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
        let km = regions.map(|region| around.kind.km.get(usize::from(region)).copied().flatten());
        let own = regions.map(|region| around.own(region));
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
                prior.measure(row, around.now);
            }
            prior.belief(line::floor_us(km), own.map(|(row, ..)| *row))
        })
    }
}

impl Around<'_> {
    /// The row of the narrowest network that has one of this region which is possible.
    fn own(&self, region: u16) -> Option<Own<'_>> {
        self.own.iter().flatten().find_map(|(network, keys)| {
            let row = network.rows.iter().find(|row| row.region == region)?;
            Some((&row.estimate, row.counted?, keys))
        })
    }
}
