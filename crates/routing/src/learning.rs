//! What one domain learned, and the map that follows: the one value of a domain that changes.
//!
//! Rows go in as they change, time passes, a map comes out. In the order of the data:
//!
//! - [`terms`]: what an operator says,
//! - `cells`: who is judged as one,
//! - `volume`: how much traffic a cell has,
//! - `prospect`: what a region promises to a cell,
//! - `hold`: whether the cell leaves its region,
//! - `explore`: what it tries,
//! - `judge`: the three together, and the ranking that follows,
//! - `rounds`: whose turn it is to be judged again with nothing new,
//! - `lay`: the map of all that was judged,
//! - `succeed`: what stays where settings change,
//! - `times`: what decisions are explained with,
//! - [`story`]: all that there is to say about one client.
//!
//! A map costs what changed since the last one; where a ranking is new, one walk over all ranges
//! too. Knows no health of servers: each query does.

pub mod terms;

pub(crate) mod cells;

mod volume;

mod prospect;

mod hold;

mod explore;

mod judge;

mod rounds;

mod lay;

mod succeed;

pub(crate) mod times;

pub mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use geo::Geo;
use latency::RowChange;
use model::{RangeMap, Region, Subnet, Time};

use self::cells::{CellId, Cells, Counted};
use self::explore::{Purse, Traffic};
use self::hold::MoveBudget;
use self::prospect::{Prospect, Standing};
use self::rounds::Rounds;
use self::times::Times;
use self::volume::Scale;
use crate::baseline::Baseline;
use crate::belief::{Belief, Beliefs};
use crate::ranking::{RankedRegion, Ranking, RankingId, Rankings, Trial};
use crate::{Algorithm, DomainMap, DomainSettings, shadow};

/// The learning of one domain.
#[derive(Debug)]
pub struct Learning {
    settings: Arc<DomainSettings>,
    geo: Arc<Geo>,
    baseline: Baseline,
    beliefs: Beliefs,
    hand: HandWork,
    /// By region: whether an agent there would measure who comes.
    reports: Vec<bool>,
    cells: Cells,
    /// Rows that changed since the last map: bounded by whoever hands them in between two maps.
    queue: Vec<(Subnet, u16, Counted)>,
    /// Cells to be judged; at most all.
    todo: BTreeSet<CellId>,
    scale: Scale,
    /// Of cells without rows, and of cells with.
    traffic: [Traffic; 2],
    purse: Purse,
    /// In the same order: both kinds of cells stand for the same connections.
    moves: [MoveBudget; 2],
    counted: Sums,
    rounds: Rounds,
    made: Made,
    /// What is written over and over while cells are judged.
    scratch: Scratch,
    /// The same for the algorithm that only decides beside this one.
    shadow: Option<Box<Self>>,
}

/// What operators did by hand, which beats what was learned. Constraints beat both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandWork {
    /// Networks and the region that each is sent to while it is up. The longest prefix counts.
    pub pins: Vec<(Subnet, Region)>,
    /// Resolvers, and whose questions they ask: each client network with its weight. A question
    /// that names no network of its own is decided by what is believed of these together. The
    /// longest prefix counts; one whose weights are all 0 is as if it were not there.
    pub resolvers: BTreeMap<Subnet, Vec<(Subnet, u32)>>,
    /// Nothing moves but what health moves, and nothing is explored.
    pub is_frozen: bool,
    /// Nothing is explored.
    pub is_not_exploring: bool,
}

/// What the learning of a domain did so far. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LearningCounters {
    /// Connections that went to a region because it was tried: an estimate, from the agents' counts
    /// and the shares of their networks' slots.
    pub explored_connections: u64,
    /// What they lost by it together, in milliseconds of round-trip time, as far as is believed.
    pub explored_cost_ms: u64,
    /// Cells that moved to a region which they had tried.
    pub found: u64,
    /// Regions that a cell stopped to try since it never was measured there.
    pub given_up: u64,
    /// Cells that moved.
    pub moved: u64,
    /// Cells that would have moved, had not enough traffic moved already.
    pub moves_put_off: u64,
}

/// Sums behind the counters.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    explored_connections: f64,
    explored_cost_us: f64,
    found: u64,
    given_up: u64,
    moved: u64,
    moves_put_off: u64,
}

/// What the last map was made of.
#[derive(Debug)]
struct Made {
    blocks: Arc<RangeMap<RankingId>>,
    /// Each cell's ranking, by its number: side by side, since a map reads all of them. What geography says
    /// of those that nobody judged.
    chosen: Vec<RankingId>,
    rankings: Arc<Rankings>,
    times: Times,
    /// How many rankings were in use when they were last looked through.
    rankings_used: usize,
    /// Cells whose ranking is newer than the blocks: at most as many as are judged from one map to the
    /// next.
    unlaid: Vec<CellId>,
    /// Where cells are newer than the blocks: as many as networks came or went.
    unlaid_areas: Vec<(IpAddr, IpAddr)>,
    /// When the blocks were last brought up to date.
    laid_at: Option<Time>,
    is_first: bool,
}

#[derive(Debug, Default)]
struct Scratch {
    beliefs: Vec<Belief>,
    prospects: Vec<Prospect>,
    order: Vec<Placed>,
    ranking: Ranking,
}

/// A region's place in a ranking: whether others are taken before, its time in steps, where it stood
/// in geographic order.
type Placed = (bool, (Standing, u32), usize, RankedRegion);

/// With nothing new, cells are looked at again this often: rows age, and savings come in.
const LOOK_EVERY_MS: u64 = 10_000;

/// How often what all rows have in common is fitted anew.
const REFIT_EVERY_MS: u64 = 300_000;

impl Learning {
    /// With nothing learned.
    #[must_use]
    pub fn new(settings: &Arc<DomainSettings>, geo: &Arc<Geo>) -> Self {
        let baseline = Baseline::new(settings, geo, &HandWork::default());
        let blocks = baseline.map.overlay(&RangeMap::filled(()), |base, ()| {
            baseline.get(base).map(|base| base.unlearned)
        });
        let none = RankingId::NONE;
        let blocks = blocks.overlay(&RangeMap::filled(()), |id, ()| id.unwrap_or(none));
        let made = Made {
            blocks: Arc::new(blocks),
            chosen: Vec::new(),
            rankings: Arc::new(baseline.rankings.clone()),
            times: Times::new(settings.regions.len()),
            rankings_used: baseline.rankings.len(),
            unlaid: Vec::new(),
            unlaid_areas: Vec::new(),
            laid_at: None,
            is_first: true,
        };
        Self {
            settings: Arc::clone(settings),
            geo: Arc::clone(geo),
            beliefs: Beliefs::new(settings, geo),
            baseline,
            hand: HandWork::default(),
            reports: vec![false; settings.regions.len()],
            cells: Cells::new(),
            queue: Vec::new(),
            todo: BTreeSet::new(),
            scale: Scale::default(),
            traffic: [Traffic::default(); 2],
            purse: Purse::default(),
            moves: [MoveBudget::FULL; 2],
            counted: Sums::default(),
            rounds: Rounds::default(),
            made,
            scratch: Scratch::default(),
            shadow: shadow::settings(settings).map(|settings| Box::new(Self::new(&settings, geo))),
        }
    }

    /// Takes rows that changed.
    pub fn take(&mut self, changes: impl IntoIterator<Item = RowChange>) {
        if let Some(shadow) = &mut self.shadow {
            let changes: Vec<RowChange> = changes.into_iter().collect();
            shadow.take_rows(changes.iter().cloned());
            self.take_rows(changes);
        } else {
            self.take_rows(changes);
        }
    }

    fn take_rows(&mut self, changes: impl IntoIterator<Item = RowChange>) {
        if !self.learns() {
            return;
        }
        for (subnet, region, row) in changes {
            let Some(region) = self.number(&region) else { continue };
            let taken = self.beliefs.take_row(subnet, region, row);
            let counted = self.cells.count(subnet, taken, row.map(|row| row.samples));
            self.queue.push((subnet, region, counted));
        }
    }

    /// Sets the regions where an agent measures who comes. Others are never tried.
    pub fn report(&mut self, regions: BTreeSet<Region>) {
        if let Some(shadow) = &mut self.shadow {
            shadow.report(regions.clone());
        }
        let of = self.settings.regions.iter().map(|region| regions.contains(&region.name));
        let reports: Vec<bool> = of.collect();
        if reports != self.reports {
            self.reports = reports;
            self.switch();
        }
    }

    /// Sets what operators did by hand.
    pub fn set_hand_work(&mut self, hand: HandWork) {
        if let Some(shadow) = &mut self.shadow {
            shadow.set_hand_work(hand.clone());
        }
        if hand == self.hand {
            return;
        }
        if (&hand.pins, &hand.resolvers) != (&self.hand.pins, &self.hand.resolvers) {
            self.baseline.lay(&self.settings, &self.geo, &hand);
            self.cells.outdate();
            // Their numbers begin with the baseline's.
            self.keep_rankings();
            self.judge_touched(&hand);
        }
        self.hand = hand;
        self.switch();
    }

    /// What may be tried, or who may move, is switched: read at once where it is read. Cells come to
    /// it in the next round.
    fn switch(&mut self) {
        self.rounds.is_switched = true;
        self.cells.wake_all();
    }

    /// Every cell is looked at as soon as can be: what all are judged by is another.
    fn look_at_all(&mut self) {
        self.rounds.hurry(self.cells.list.len());
        self.switch();
    }

    /// Whether it is time for a map: something changed, and the last one was long enough ago for its
    /// ranges. What an operator did does not wait.
    #[must_use]
    pub fn is_due(&self, now: Time) -> bool {
        if self.shadow.as_ref().is_some_and(|shadow| shadow.is_due(now)) {
            return true;
        }
        let Some(at) = self.rounds.compiled_at else { return true };
        let waited_ms = now.ms_since(at);
        // What is left of the last round has waited already.
        if self.is_left() || self.rounds.is_switched {
            return true;
        }
        let (pause_ms, rows_pause_ms) = rounds::pauses_ms(self.made.blocks.len());
        if self.made.is_unlaid() && self.made.has_waited(pause_ms, now) {
            return true;
        }
        let has_rows = !self.queue.is_empty() || self.cells.is_stale();
        let looks = self.learns() && waited_ms >= LOOK_EVERY_MS;
        (has_rows && waited_ms >= rows_pause_ms) || looks
    }

    /// Brings everything up to date; tells whether the map is a new one.
    pub fn compile(&mut self, now: Time) -> bool {
        let is_shadow_new = self.shadow.as_mut().is_some_and(|shadow| shadow.compile(now));
        self.compile_own(now) || is_shadow_new
    }

    fn compile_own(&mut self, now: Time) -> bool {
        let is_first = std::mem::take(&mut self.made.is_first);
        if !self.learns() {
            let is_new = is_first || self.cells.is_stale();
            self.rounds = Rounds::of(now);
            self.lay_unlearned();
            self.cells.settle();
            return is_new;
        }
        self.pass(now);
        let is_laid = self.cells.is_stale() && self.lay_cells();
        self.work_off(now);
        let mut todo = self.next_todo();
        let turns = self.rounds.next(self.cells.list.len(), todo.len(), now);
        todo.extend(turns.filter(|id| self.cells.has_turn(*id)));
        let changed = self.judge_all(&todo, now);
        self.made.unlaid.extend(changed.ranked);
        self.rounds.compiled_at = Some(now);
        let is_switched = std::mem::take(&mut self.rounds.is_switched);
        // While a large table is judged round by round, maps follow at their own pace.
        let (pause_ms, _) = rounds::pauses_ms(self.made.blocks.len());
        let has_waited = self.made.has_waited(pause_ms, now);
        if !is_first && !is_laid && !has_waited && (is_switched || self.is_left()) {
            return is_switched;
        }
        let is_ranked = self.made.is_unlaid();
        if is_laid {
            self.lay_blocks();
        } else if is_ranked {
            self.lay_changed();
        }
        self.made.laid_at = Some(now);
        is_first || is_laid || is_ranked || changed.is_timed || is_switched
    }

    /// The map as it was last made.
    #[must_use]
    pub fn map(&self) -> DomainMap {
        DomainMap {
            settings: Arc::clone(&self.settings),
            blocks: Arc::clone(&self.made.blocks),
            rankings: Arc::clone(&self.made.rankings),
            cells: Arc::clone(&self.cells.map),
            times: self.made.times.clone(),
            tried: self.tried(),
            shadow: self.shadow.as_ref().map(|shadow| Arc::new(shadow.map())),
        }
    }

    /// What is believed, for those who explain.
    #[must_use]
    pub const fn beliefs(&self) -> &Beliefs {
        &self.beliefs
    }

    /// What happened so far.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative")]
    pub const fn counters(&self) -> LearningCounters {
        let Sums { found, given_up, moved, moves_put_off, .. } = self.counted;
        LearningCounters {
            explored_connections: self.counted.explored_connections as u64,
            explored_cost_ms: (self.counted.explored_cost_us / 1000.0) as u64,
            found,
            given_up,
            moved,
            moves_put_off,
        }
    }

    /// The share of connections that trials get now, from 0 to 1: an estimate, the larger of what
    /// resolvers that name their clients' networks get and of what others do.
    #[must_use]
    pub fn explored_share(&self) -> f64 {
        let [without, with] = &self.traffic;
        if self.is_trying_off() { 0.0 } else { without.spent_share().max(with.spent_share()) }
    }

    /// Whether nothing is tried, whatever cells would.
    fn is_trying_off(&self) -> bool {
        let terms = &self.settings.learning;
        let is_frozen = terms.is_frozen || self.hand.is_frozen;
        is_frozen || self.hand.is_not_exploring || !terms.exploration.is_enabled
    }

    /// By region: whether it may be tried now.
    fn tried(&self) -> Vec<bool> {
        let is_on = !self.is_trying_off();
        self.reports.iter().map(|reports| is_on && *reports).collect()
    }

    /// The settings that it was made of.
    #[must_use]
    pub const fn settings(&self) -> &Arc<DomainSettings> {
        &self.settings
    }

    fn learns(&self) -> bool {
        matches!(self.settings.algorithm, Algorithm::LearnedLatency { .. })
    }

    fn number(&self, name: &Region) -> Option<u16> {
        let mut numbered = (0..=u16::MAX).zip(&self.settings.regions);
        numbered.find(|(_, region)| region.name == *name).map(|(number, _)| number)
    }

    /// Time passes for the budgets.
    fn pass(&mut self, now: Time) {
        let spent = self.explored_share();
        let terms = &self.settings.learning;
        self.purse.refill(&terms.exploration, spent, now);
        for moves in &mut self.moves {
            moves.refill(&terms.hold, now);
        }
        let refitted_ms = now.ms_since(*self.rounds.refitted_at.get_or_insert(now));
        if refitted_ms >= REFIT_EVERY_MS {
            self.beliefs.refit();
            self.rounds.refitted_at = Some(now);
        }
        if let Some(divisor) = self.scale.restart(now) {
            for cell in &mut self.cells.list {
                cell.volume /= divisor;
            }
            self.add_up();
        }
    }

    /// The traffic of all cells anew.
    fn add_up(&mut self) {
        self.traffic = [Traffic::default(); 2];
        for (id, cell) in (0..).zip(&self.cells.list) {
            let [without, with] = &mut self.traffic;
            let traffic = if cell.has_rows() { with } else { without };
            traffic.add(cell.volume, self.made.trying(id));
        }
    }

    /// Whether cells are left that should have been judged for the last map.
    fn is_left(&self) -> bool {
        !self.todo.is_empty() || self.rounds.is_hurried()
    }

    /// The cells to be judged for this map: all there are, or as many as fit.
    fn next_todo(&mut self) -> BTreeSet<CellId> {
        let later = self.todo.iter().nth(self.rounds.judged_max).copied();
        let later = later.map(|later| self.todo.split_off(&later)).unwrap_or_default();
        std::mem::replace(&mut self.todo, later)
    }
}

impl Made {
    /// Whether anything is newer than the blocks.
    const fn is_unlaid(&self) -> bool {
        !self.unlaid.is_empty() || !self.unlaid_areas.is_empty()
    }

    /// Whether the blocks were laid that long ago.
    fn has_waited(&self, pause_ms: u64, now: Time) -> bool {
        self.laid_at.is_none_or(|at| now.ms_since(at) >= pause_ms)
    }

    fn chosen(&self, id: CellId) -> RankingId {
        self.chosen.get(id as usize).copied().unwrap_or(RankingId::NONE)
    }

    /// What a cell tries now: its ranking says it.
    fn trials(&self, id: CellId) -> &[Trial] {
        self.rankings.get(self.chosen(id)).trials()
    }

    /// The share of its slots that a cell tries something in.
    fn trying(&self, id: CellId) -> f64 {
        self.trials(id).iter().map(|trial| trial.part()).sum()
    }
}

#[cfg(test)]
mod tests;
