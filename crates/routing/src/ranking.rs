//! Regions in order, each with the reason it would be chosen for.
//!
//! Equal rankings are kept once and go by a number: there are millions of networks and few
//! rankings. A ranking holds no times and no health, so that neighbours who are sent to the same
//! place are one block (docs/decisions/0008-blocks-and-scopes.md).

use std::collections::BTreeMap;

use model::Rtt;

use crate::Reason;

/// A region's place in a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RankedRegion {
    /// Which of the domain's regions, counted from 0.
    pub region: u16,
    /// The reason of the decision where this region is chosen.
    pub reason: Reason,
}

/// A region that a block is sent to in some of its slots, so that it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trial {
    /// Which of the domain's regions, counted from 0.
    pub region: u16,
    /// The share of the slots, in 65,536ths.
    pub share: u16,
}

/// The regions that a client may use, the best first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ranking {
    regions: Vec<RankedRegion>,
    /// At most two.
    trials: Vec<Trial>,
    set: usize,
}

/// The number of a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RankingId(u32);

/// Every ranking of a domain, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rankings {
    list: Vec<Ranking>,
    ids: BTreeMap<Ranking, RankingId>,
}

impl Trial {
    /// One that gets this share of the slots, from 0 to 1; none where it is less than can be told.
    ///
    /// The share is cut to steps of a half or a third, so that cells with nearly the same share
    /// are one block.
    pub(crate) fn new(region: u16, share: f64) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast saturates, and no share is negative"
        )]
        let share = (share * 65_536.0) as u16;
        let step = 1 << share.checked_ilog2()?.saturating_sub(1);
        Some(Self { region, share: share / step * step })
    }

    /// The share, from 0 to 1.
    pub(crate) fn part(self) -> f64 {
        f64::from(self.share) / 65_536.0
    }
}

impl RankingId {
    /// That of nobody.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

impl Ranking {
    const NOBODY: Self = Self { regions: Vec::new(), trials: Vec::new(), set: 0 };

    /// Of these regions, which are those of `set`, in this order.
    pub(crate) const fn new(regions: Vec<RankedRegion>, trials: Vec<Trial>, set: usize) -> Self {
        Self { regions, trials, set }
    }

    /// Becomes another ranking.
    pub(crate) fn set_to(
        &mut self,
        regions: impl Iterator<Item = RankedRegion>,
        trials: impl Iterator<Item = Trial>,
        set: usize,
    ) {
        self.regions.clear();
        self.regions.extend(regions);
        self.trials.clear();
        self.trials.extend(trials);
        self.set = set;
    }

    /// The regions in order; empty where a constraint leaves none.
    #[must_use]
    pub fn regions(&self) -> &[RankedRegion] {
        &self.regions
    }

    /// The region that an operator pinned the client to, where one did.
    pub(crate) fn pinned(&self) -> Option<RankedRegion> {
        self.regions.first().copied().filter(|first| first.reason == Reason::Pinned)
    }

    /// What is tried beside them, at most two regions.
    #[must_use]
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// Which of the domain's sets of allowed regions these are, in some order.
    pub(crate) const fn set(&self) -> usize {
        self.set
    }
}

impl Rankings {
    /// The number of this ranking, a new one where it is new.
    pub(crate) fn id_of(&mut self, ranking: &Ranking) -> RankingId {
        if let Some(id) = self.ids.get(ranking) {
            return *id;
        }
        // Each number stands for at least one range of addresses; memory ends long before they do.
        let id = RankingId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(ranking.clone());
        self.ids.insert(ranking.clone(), id);
        id
    }

    /// The number of this ranking, if it has one.
    pub(crate) fn find(&self, ranking: &Ranking) -> Option<RankingId> {
        self.ids.get(ranking).copied()
    }

    /// The ranking of a number that this gave.
    pub(crate) fn get(&self, id: RankingId) -> &Ranking {
        const NOBODY: &Ranking = &Ranking::NOBODY;
        self.list.get(id.0 as usize).unwrap_or(NOBODY)
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.list.len()
    }
}

/// Ranking by time, as learned latency and active latency both do it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByTime {
    /// A region whose time is longer counts only where nothing else does; `None`: no limit.
    pub(crate) max_latency_ms: Option<u32>,
    /// The reason of a region with a time.
    pub(crate) known: Reason,
    /// The reason of a region with a time over the limit.
    pub(crate) over_limit: Reason,
}

impl ByTime {
    /// Puts `regions` in the order of their times: those with a time, the shortest first; then
    /// those without, as they stood; last those over the limit, the shortest first. Ties keep the
    /// order they stood in.
    pub(crate) fn rank(self, regions: &mut [RankedRegion], time_of: impl Fn(u16) -> Option<Rtt>) {
        #[derive(PartialEq, Eq, PartialOrd, Ord)]
        enum Place {
            Known(Rtt),
            Unknown,
            OverLimit(Rtt),
        }
        let place = |region: u16| match (time_of(region), self.max_latency_ms) {
            (None, _) => Place::Unknown,
            (Some(time), Some(ms)) if u64::from(time.us()) > u64::from(ms) * 1000 => {
                Place::OverLimit(time)
            }
            (Some(time), _) => Place::Known(time),
        };
        // Few regions: asking for a time again costs less than a list of them.
        regions.sort_by_key(|ranked| place(ranked.region));
        for ranked in regions {
            match place(ranked.region) {
                Place::Known(_) => ranked.reason = self.known,
                Place::Unknown => {}
                Place::OverLimit(_) => ranked.reason = self.over_limit,
            }
        }
    }
}
