//! A cell's prospects, its move, its trials, and the ranking that follows.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{RangeMap, Time};

use super::cells::{Attempt, Cell, CellId};
use super::explore::{self, Traffic};
use super::prospect::Prospect;
use super::{Learning, Scratch, hold};
use crate::baseline::Base;
use crate::belief::{Belief, Spot};
use crate::ranking::{RankedRegion, RankingId, Trial};
use crate::{Algorithm, HandWork, Reason, slot};

/// After so many connections that should have been measured and were not, a region is given up: an
/// agent that is there but does not see them, or a network whose resolver asks for somebody else.
const EXPECTED_MAX: f64 = 32.0;

/// But not before so many of its slots should have been trials: slots are drawn, and in a busy
/// network a single one that did not come is worth many connections. All four stay away once in
/// fifty times.
const SLOTS_MIN: f64 = 4.0;

/// How long it is not tried again.
const GIVEN_UP_MS: u64 = 24 * 3_600_000;

/// What became of the cells that were judged.
#[derive(Clone, Debug, Default)]
pub(super) struct Changed {
    /// Those whose ranking is a new one; some may stand here twice.
    pub(super) ranked: Vec<CellId>,
    /// A time is.
    pub(super) is_timed: bool,
}

/// A cell that would rather be elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    /// Who moves first where not all may: the same on every overwatch, and no part of the world
    /// before another.
    lot: u64,
    cell: CellId,
    target: u16,
}

impl Traffic {
    /// A cell with this traffic, of which trials get this share.
    pub(super) fn add(&mut self, volume: f64, share: f64) {
        self.all += volume;
        if share > 0.0 {
            self.trying += volume;
            self.spent += volume * share;
        }
    }

    /// A cell with this traffic is gone.
    pub(super) fn remove(&mut self, volume: f64, share: f64) {
        self.all = (self.all - volume).max(0.0);
        if share > 0.0 {
            self.trying = (self.trying - volume).max(0.0);
            self.spent = (self.spent - volume * share).max(0.0);
        }
    }

    /// The same cell tries otherwise.
    fn change(&mut self, volume: f64, before: f64, after: f64) {
        let trying = |share: f64| if share > 0.0 { volume } else { 0.0 };
        self.trying = (self.trying + trying(after) - trying(before)).max(0.0);
        self.spent = (self.spent + volume * (after - before)).max(0.0);
    }
}

impl Learning {
    /// Counts the connections of the rows that changed, and says which cells they concern.
    pub(super) fn work_off(&mut self, now: Time) {
        let scale = self.scale.of(now);
        let mut concerned = Vec::new();
        for (subnet, region, counted) in std::mem::take(&mut self.queue) {
            let (base, _) = self.baseline.map.get(subnet.address());
            self.cells.concerned(subnet, base, &mut concerned);
            let connections = counted.connections as f64;
            for (nth, id) in concerned.iter().enumerate() {
                let Some(cell) = self.cells.list.get_mut(*id as usize) else { continue };
                let [without, with] = &mut self.traffic;
                let traffic = if cell.has_rows() { with } else { without };
                traffic.add(connections * scale, self.made.trying(*id));
                cell.volume += connections * scale;
                let is_own = nth == 0 && cell.spot == subnet;
                if counted.heard.is_news && is_own {
                    self.todo.insert(*id);
                } else if counted.heard.is_news {
                    cell.hear();
                }
                if counted.heard.is_seen
                    && let Some(attempt) = cell.attempt_mut(region)
                {
                    attempt.restart();
                }
                if !counted.is_new {
                    self.expect(*id, connections, is_own, now);
                }
            }
        }
    }

    /// A cell had connections: a part of them should be measured where it tries something.
    fn expect(&mut self, id: CellId, connections: f64, is_own: bool, now: Time) {
        let (is_off, reports) = (self.is_trying_off(), &self.reports);
        let is_tried =
            |trial: &&Trial| !is_off && reports.get(usize::from(trial.region)) == Some(&true);
        let Some(cell) = self.cells.list.get_mut(id as usize) else { return };
        let mut given_up = 0;
        let slot_ms = self.settings.learning.exploration.slot_ms.max(1) as f64;
        for trial in self.made.trials(id).iter().filter(is_tried) {
            let expected = connections * trial.part();
            if let Some(attempt) = cell.attempt_mut(trial.region) {
                attempt.expected += expected;
                let since_ms = now.ms_since(attempt.expected_since(now)) as f64;
                let has_had_slots = since_ms / slot_ms * trial.part() >= SLOTS_MIN;
                let is_enough = has_had_slots && attempt.expected >= EXPECTED_MAX;
                if is_enough && attempt.given_up_until().is_none() {
                    attempt.give_up(now.plus_ms(GIVEN_UP_MS));
                    given_up += 1;
                }
            }
            if is_own {
                let at =
                    |region: u16| self.made.times.get(id, region).map(|rtt| f64::from(rtt.us()));
                let loss = at(trial.region)
                    .zip(cell.held().and_then(at))
                    .map_or(0.0, |(to, from)| to - from);
                self.counted.explored_connections += expected;
                self.counted.explored_cost_us += expected * loss.max(0.0);
            }
        }
        if is_own {
            self.counted.given_up += given_up;
        }
    }

    /// That pins and resolvers will be these: who is concerned is judged for the next map. Where a pin
    /// is new others are cells, which are judged as all new ones; where one goes, those return that
    /// nobody told of rows meanwhile.
    pub(super) fn judge_touched(&mut self, next: &HandWork) {
        let [old, new] = [&self.hand.pins, &next.pins].map(BTreeSet::from_iter);
        let changed = old.symmetric_difference(&new).map(|(network, _)| (*network, true));
        let touched = RangeMap::from_prefixes(false, changed);
        let is_resolver =
            |cell: &Cell| self.baseline.get(cell.base).is_some_and(|base| base.resolver.is_some());
        let is_concerned = |cell: &Cell| touched.get(cell.spot.address()).0 || is_resolver(cell);
        let cells = (0..).zip(&self.cells.list).filter(|(_, cell)| is_concerned(cell));
        self.todo.extend(cells.map(|(id, _)| id));
    }

    /// Judges these cells, moves those that may move, and says what is new.
    pub(super) fn judge_all(&mut self, todo: &BTreeSet<CellId>, now: Time) -> Changed {
        let mut changed = Changed::default();
        let mut wishes: Vec<Wish> = Vec::new();
        for id in todo {
            wishes.extend(self.judge(*id, now, &mut changed));
        }
        wishes.sort_unstable();
        for wish in wishes {
            let Some(cell) = self.cells.list.get_mut(wish.cell as usize) else { continue };
            let ([without, with], [of_without, of_with]) = (&self.traffic, &mut self.moves);
            let (traffic, moves) =
                if cell.has_rows() { (with, of_with) } else { (without, of_without) };
            let share = if traffic.all > 0.0 { cell.volume / traffic.all } else { 0.0 };
            if !moves.spend(share) {
                self.counted.moves_put_off += 1;
                cell.wake();
                continue;
            }
            self.counted.moved += 1;
            self.counted.found += u64::from(cell.has_tried(wish.target));
            cell.hold(Some(wish.target), Some(now));
            self.judge(wish.cell, now, &mut changed);
        }
        changed
    }

    /// Judges one cell; says where it would rather be.
    fn judge(&mut self, id: CellId, now: Time, changed: &mut Changed) -> Option<Wish> {
        let cell = self.cells.list.get(id as usize)?;
        let (spot, base) = (cell.spot, *self.baseline.get(cell.base)?);
        self.look(id, &base, now);
        let held = self.held(id, &base);
        let prospects = &self.scratch.prospects;
        let wish = held
            .filter(|_| self.may_move(id, &base, now))
            .and_then(|held| hold::wish(prospects, held, &self.settings.learning.hold));
        let trials = held.map_or([None, None], |held| self.trials(id, held, &base, now));
        let learned = |us: &Prospect| if us.is_learned { us.belief.rtt_us } else { 0 };
        let times = prospects.iter().map(|prospect| (prospect.region, learned(prospect)));
        changed.is_timed |= self.made.times.set(id, times);
        self.rank(held, &base, trials);
        let ranking = self.ranking_id(id);
        let has_stayed = self.has_stayed(id, now);
        let (was, before) = (self.made.chosen(id), self.made.trying(id));
        let cell = self.cells.list.get_mut(id as usize)?;
        let is_ranked = !cell.is_judged() || was != ranking;
        if is_ranked {
            changed.ranked.push(id);
        }
        // What it tries is settled by others too, and costs; and it may have to leave again.
        cell.was_looked_at(!is_ranked && has_stayed && trials == [None, None]);
        if let Some(chosen) = self.made.chosen.get_mut(id as usize) {
            *chosen = ranking;
        }
        cell.judged(held);
        cell.attempt(trials);
        let [without, with] = &mut self.traffic;
        let traffic = if cell.has_rows() { with } else { without };
        traffic.change(cell.volume, before, self.made.trying(id));
        wish.map(|target| Wish { lot: slot::lot(spot), cell: id, target })
    }

    /// The number of the ranking in the scratch: mostly that which the cell has.
    fn ranking_id(&mut self, cell: CellId) -> RankingId {
        let (rankings, ranking) = (&mut self.made.rankings, &self.scratch.ranking);
        let last = self.made.chosen.get(cell as usize).copied();
        let same = last.filter(|last| rankings.get(*last) == ranking);
        let known = same.or_else(|| rankings.find(ranking));
        known.unwrap_or_else(|| Arc::make_mut(rankings).id_of(ranking))
    }

    /// Where a cell is sent: by hand, or where it was, or where those around it are, or where
    /// geography puts it.
    fn held(&self, id: CellId, base: &Base) -> Option<u16> {
        let prospects = &self.scratch.prospects;
        let allowed = |region: &u16| prospects.iter().any(|prospect| prospect.region == *region);
        let cell = self.cells.list.get(id as usize)?;
        let around = || self.cells.held_around(cell).filter(allowed);
        let held = base.pin.or_else(|| cell.held().filter(allowed)).or_else(around);
        held.or_else(|| Some(prospects.first()?.region))
    }

    /// The prospects of a cell, in geographic order, into the scratch.
    fn look(&mut self, id: CellId, base: &Base, now: Time) {
        let mut scratch = std::mem::take(&mut self.scratch);
        if let Some(cell) = self.cells.list.get(id as usize) {
            self.foresee((cell, base), now, &mut scratch.beliefs, &mut scratch.prospects);
        }
        self.scratch = scratch;
    }

    /// The prospects of a cell, in geographic order, into `out`.
    pub(super) fn foresee(
        &self,
        (cell, base): (&Cell, &Base),
        now: Time,
        beliefs: &mut Vec<Belief>,
        out: &mut Vec<Prospect>,
    ) {
        let Algorithm::LearnedLatency { max_latency_ms, min_samples } = self.settings.algorithm
        else {
            return;
        };
        let clients = base.resolver.and_then(|resolver| self.hand.resolvers.get(&resolver));
        beliefs.clear();
        if let Some(clients) = clients {
            self.beliefs.of_clients(clients, now, beliefs);
        }
        if beliefs.is_empty() {
            let spot = Spot { subnet: cell.spot, class: base.class, has_rows: cell.has_rows() };
            self.beliefs.all(&spot, now, beliefs);
        }
        // The mean of many is what it is, be they in one cell or named one by one.
        let is_one = cell.has_rows() || clients.is_some();
        let unlearned = self.baseline.rankings.get(base.unlearned);
        let terms = (min_samples, max_latency_ms);
        out.clear();
        out.extend(unlearned.regions().iter().filter_map(|ranked| {
            let belief = *beliefs.get(usize::from(ranked.region))?;
            Some(Prospect::new(ranked.region, belief, is_one, terms))
        }));
    }

    pub(super) fn may_move(&self, id: CellId, base: &Base, now: Time) -> bool {
        let terms = &self.settings.learning;
        let is_kept = base.pin.is_some() || terms.is_frozen || self.hand.is_frozen;
        !is_kept && self.has_stayed(id, now)
    }

    /// Whether a cell is where it is for the dwell time.
    fn has_stayed(&self, id: CellId, now: Time) -> bool {
        let dwell_ms = self.settings.learning.hold.dwell_ms;
        let moved_at = self.cells.list.get(id as usize).and_then(Cell::moved_at);
        moved_at.is_none_or(|at| now.ms_since(at) >= dwell_ms)
    }

    /// What a cell tries from now on.
    fn trials(&self, id: CellId, held: u16, base: &Base, now: Time) -> [Option<Trial>; 2] {
        let terms = &self.settings.learning;
        let is_off = self.is_trying_off() || base.pin.is_some();
        let Some(cell) = self.cells.list.get(id as usize).filter(|_| !is_off) else {
            return [None, None];
        };
        let reports = |region: u16| self.reports.get(usize::from(region)) == Some(&true);
        let is_given_up = |region: u16| {
            let given_up = cell.attempt_of(region).and_then(Attempt::given_up_until);
            given_up.is_some_and(|until| now < until)
        };
        let may_try = |region: u16| reports(region) && !is_given_up(region);
        let found = explore::candidates(&self.scratch.prospects, held, &terms.hold, may_try);
        let [without, with] = &self.traffic;
        let traffic = if cell.has_rows() { with } else { without };
        let rate = explore::rate(&terms.exploration, self.purse.share(&terms.exploration), traffic);
        let mut trials = explore::trials(found, rate);
        [trials.next(), trials.next()]
    }

    /// The ranking: the held region, then the others by what they promise; into the scratch. One
    /// over the limit stays first as well until its cell has moved, as all moves are: not while
    /// frozen, not within the dwell time, and no more than a part of the traffic in a minute.
    fn rank(&mut self, held: Option<u16>, base: &Base, trials: [Option<Trial>; 2]) {
        let set = self.baseline.rankings.get(base.unlearned).set();
        let Scratch { prospects, order, ranking, .. } = &mut self.scratch;
        order.clear();
        order.extend(prospects.iter().enumerate().map(|(nth, prospect)| {
            let is_held = held == Some(prospect.region);
            let comes_later = !is_held && base.pin != Some(prospect.region);
            let reason = match base.pin {
                Some(pin) if pin == prospect.region => Reason::Pinned,
                _ => prospect.reason(),
            };
            (comes_later, prospect.step(), nth, RankedRegion { region: prospect.region, reason })
        }));
        order.sort_unstable();
        let regions = order.iter().map(|(.., ranked)| *ranked);
        ranking.set_to(regions, trials.into_iter().flatten(), set);
    }
}
