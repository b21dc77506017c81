//! How much of a region's clients is sent on to their next region since it is full: a share for each
//! region, once a second, from what its agents tell. Knows no client.
//!
//! See `docs/decisions/0039-capacity-in-connections.md`.

use std::collections::BTreeMap;

use model::{Region, Time};

use crate::DomainSettings;

/// How busy a region is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RegionLoad {
    /// Connections that are open.
    pub open: u64,
    /// Connections that close in a second.
    pub closed_per_s: f64,
    /// By how many connections the open ones become more in a second, beyond what may be chance.
    pub growth_per_s: f64,
}

/// What is spilled from the regions of one domain.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// By number of the region; `None` where it has no limit.
    regions: Vec<Option<Limited>>,
    ttl_s: f64,
    /// When it was last reckoned.
    at: Option<Time>,
}

/// What is known of a limited region, for those who ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spill {
    /// The most open connections it is to have.
    pub capacity: u64,
    /// Those it has; `None` where nobody tells.
    pub open: Option<u64>,
    /// The share of its clients that is sent on, from 0 to 1.
    pub share: f64,
}

/// A region with a limit.
#[derive(Clone, Copy, Debug)]
struct Limited {
    capacity: u64,
    open: Option<u64>,
    /// The share of its clients that should be sent on.
    share: f64,
    /// The share that its open connections show: answers live on in caches, and connections on.
    shown: f64,
    /// The share that answers go by: follows in steps, so that few clients go back and forth.
    told: f64,
}

/// What is aimed at, as a part of the capacity: the rest is for what was reckoned wrong.
const AIM: f64 = 0.9;

/// At each look a little less is spilled than it seems right. So overwatches that spill different
/// shares of the same region come to the same within an hour or so; what comes of it is within the
/// room that [`AIM`] leaves, up to five times the capacity.
const YIELD: f64 = 0.02;

/// How fast clients come back, as a share of all in a second: a twentieth in a minute, no stampede.
const BACK_PER_S: f64 = 0.05 / 60.0;

/// The most that is spilled: a region that nobody goes to any more could not tell when it has room.
const SHARE_MAX: f64 = 0.98;

/// The share that answers go by moves when it is off by more than a hundredth.
const STEP: f64 = 0.01;

/// The longest that connections are taken to live, in seconds: those that stay for days would make
/// the reckoning blind to what new ones do.
const LIFE_S_MAX: f64 = 600.0;

/// A pause in the reckoning longer than this counts as this: the clock or the process stood still.
const PAUSE_S_MAX: f64 = 10.0;

impl Capacity {
    /// Nothing is spilled yet.
    #[must_use]
    pub fn new(settings: &DomainSettings) -> Self {
        let limited =
            |capacity| Limited { capacity, open: None, share: 0.0, shown: 0.0, told: 0.0 };
        let regions = settings.regions.iter().map(|region| region.capacity.map(limited));
        Self { regions: regions.collect(), ttl_s: settings.ttl_s.into(), at: None }
    }

    /// The same regions under other settings: what is spilled stays.
    #[must_use]
    pub fn succeed(&self, old: &DomainSettings, new: &DomainSettings) -> Self {
        let mut next = Self { at: self.at, ..Self::new(new) };
        for (limited, region) in next.regions.iter_mut().zip(&new.regions) {
            let place = old.regions.iter().position(|before| before.name == region.name);
            let before = place.and_then(|place| self.regions.get(place).copied().flatten());
            if let (Some(limited), Some(before)) = (limited, before) {
                *limited = Limited { capacity: limited.capacity, ..before };
            }
        }
        next
    }

    /// Reckons anew, about once a second; says whether answers go by other shares now.
    ///
    /// A region of which nobody tells how busy it is, and one that is not up, keep their share.
    pub fn reckon(
        &mut self,
        settings: &DomainSettings,
        loads: &BTreeMap<Region, RegionLoad>,
        is_up: impl Fn(u16) -> bool,
        now: Time,
    ) -> bool {
        let elapsed_s = self.at.map_or(0.0, |at| now.ms_since(at) as f64 / 1_000.0);
        self.at = Some(now);
        let elapsed_s = elapsed_s.min(PAUSE_S_MAX);
        let known: Vec<Option<RegionLoad>> = (0..=u16::MAX)
            .zip(&settings.regions)
            .map(|(at, region)| loads.get(&region.name).copied().filter(|_| is_up(at)))
            .collect();
        let scale = self.overload(&known, is_up);
        let mut is_changed = false;
        for (limited, (load, region)) in
            self.regions.iter_mut().zip(known.iter().zip(&settings.regions))
        {
            let Some(limited) = limited else { continue };
            limited.open = loads.get(&region.name).map(|load| load.open);
            if let Some(load) = load {
                limited.reckon(load, scale, self.ttl_s, elapsed_s);
            }
            is_changed |= limited.tell();
        }
        is_changed
    }

    /// By how much every capacity is exceeded, where all regions that are up have one and all are
    /// full: then each gets its part of what there is. 1 else.
    fn overload(&self, known: &[Option<RegionLoad>], is_up: impl Fn(u16) -> bool) -> f64 {
        let (mut open, mut capacity) = (0.0, 0.0);
        let regions = (0..=u16::MAX).zip(self.regions.iter().zip(known));
        for (_, (limited, load)) in regions.filter(|(at, _)| is_up(*at)) {
            // One without limit, or of which nobody knows, takes the rest.
            let (Some(limited), Some(load)) = (limited, load) else { return 1.0 };
            open += load.open as f64;
            capacity += limited.capacity as f64 * AIM;
        }
        if open > capacity && capacity > 0.0 { open / capacity } else { 1.0 }
    }

    /// The share of each region that answers go by, in 65,536ths; empty where no region has a limit.
    #[must_use]
    pub fn shares(&self) -> Vec<u16> {
        if self.regions.iter().all(Option::is_none) {
            return Vec::new();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to less than 1"
        )]
        let share = |limited: &Option<Limited>| limited.map_or(0, |l| (l.told * 65_536.0) as u16);
        self.regions.iter().map(share).collect()
    }

    /// Each region that has a limit, by its number.
    pub fn spills(&self) -> impl Iterator<Item = (usize, Spill)> {
        let regions = self.regions.iter().enumerate();
        regions.filter_map(|(at, limited)| {
            let Limited { capacity, open, told: share, .. } = (*limited)?;
            Some((at, Spill { capacity, open, share }))
        })
    }
}

impl Limited {
    /// What should be sent on, from how busy the region is.
    ///
    /// Of the clients that want to come, the share that was not sent on is what it has. So it is
    /// known how many want to come, and so what share of them fits.
    fn reckon(&mut self, load: &RegionLoad, scale: f64, ttl_s: f64, elapsed_s: f64) {
        let open = load.open as f64;
        let life_s = if load.closed_per_s > 0.0 { open / load.closed_per_s } else { LIFE_S_MAX };
        let lag_s = ttl_s + life_s.min(LIFE_S_MAX);
        self.shown += (self.share - self.shown) * elapsed_s / (lag_s + elapsed_s);
        // What it will be when an answer given now is over.
        let soon = open + load.growth_per_s * ttl_s;
        let wanted = soon / (1.0 - self.shown);
        let fits = self.capacity as f64 * AIM * scale / wanted.max(1.0);
        let target = (1.0 - fits - YIELD).clamp(0.0, SHARE_MAX);
        self.share = target.max(self.share - BACK_PER_S * elapsed_s);
    }

    /// Moves the share that answers go by, if it is off; says whether it moved.
    fn tell(&mut self) -> bool {
        let is_off =
            (self.share - self.told).abs() >= STEP || (self.share == 0.0 && self.told > 0.0);
        if is_off {
            self.told = self.share;
        }
        is_off
    }
}

#[cfg(test)]
mod tests;
