//! A domain whose settings or geography change while it learns.
//!
//! Where the ground is the same (regions, constraints, geography, the way to choose) everything
//! learned stays as it is. Where it is not, all is learned anew from the same rows at once, and each
//! cell that had moved stays in the region it moved to, as far as that is still allowed.

use std::sync::Arc;

use geo::Geo;
use latency::RowChange;
use model::Time;

use super::Learning;
use super::cells::Cell;
use crate::{DomainSettings, shadow};

impl Learning {
    /// Goes by other settings from now on; the next map is due at once where they change who is
    /// sent where. `rows` are all that is known of the service: they are asked for only where what
    /// was learned of them has to be learned anew.
    pub fn succeed(
        &mut self,
        settings: &Arc<DomainSettings>,
        geo: &Arc<Geo>,
        rows: impl FnOnce() -> Vec<RowChange>,
    ) {
        if self.stands_on(settings, geo) {
            if let Some((own, of)) = self.shadow.as_mut().zip(shadow::settings(settings)) {
                own.succeed(&of, geo, Vec::new);
            }
            let old = std::mem::replace(&mut self.settings, Arc::clone(settings));
            let is_judged_alike =
                old.algorithm == settings.algorithm && old.learning == settings.learning;
            if !is_judged_alike {
                self.look_at_all();
            }
            return;
        }
        let mut next = Self::new(settings, geo);
        next.counted = self.counted;
        next.purse = self.purse;
        next.moves = self.moves;
        next.set_hand_work(std::mem::take(&mut self.hand));
        next.take(rows());
        if next.learns() {
            next.inherit(self);
        }
        *self = next;
    }

    /// Whether rows that were taken, or cells that they concern, are still to be judged, or judged and not
    /// in the map.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        let is_left = !self.todo.is_empty() || self.cells.is_stale();
        self.learns() && (is_left || !self.queue.is_empty() || self.made.is_unlaid())
    }

    /// Whether nothing that was learned depends on what these differ in.
    fn stands_on(&self, settings: &DomainSettings, geo: &Arc<Geo>) -> bool {
        let old = &self.settings;
        let way = std::mem::discriminant(&settings.algorithm);
        Arc::ptr_eq(&self.geo, geo)
            && std::mem::discriminant(&old.algorithm) == way
            && old.service == settings.service
            && old.regions == settings.regions
            && old.default_region == settings.default_region
            && old.shadow == settings.shadow
            && old.constraints == settings.constraints
    }

    /// Lays the cells and holds each where the one that had its place had moved to.
    fn inherit(&mut self, from: &Self) {
        let born = self.cells.lay(&self.baseline, &self.beliefs).born;
        let held: Vec<_> =
            self.cells.list.iter().map(|cell| self.held_before(from, cell)).collect();
        for (cell, (held, moved_at)) in self.cells.list.iter_mut().zip(held) {
            cell.hold(held, moved_at);
        }
        self.todo.extend(born);
        // The first map lays its blocks whatever is judged.
        self.cells.outdate();
    }

    /// To which region of ours a cell had moved, and when. Who never did stands where geography,
    /// or those around it, put it: so it does again.
    fn held_before(&self, from: &Self, cell: &Cell) -> (Option<u16>, Option<Time>) {
        let (id, _) = from.cells.map.get(cell.spot.address());
        let old = from.cells.list.get(id as usize).filter(|old| old.moved_at().is_some());
        let held = old.and_then(|old| from.settings.regions.get(usize::from(old.held()?)));
        let held = held.and_then(|region| self.number(&region.name));
        (held, old.and_then(Cell::moved_at))
    }
}

#[cfg(test)]
mod tests {
    use latency::RegionEstimate;

    use super::*;
    use crate::DomainMap;
    use crate::fixture::{LEARNED, NOW, constraint, domain, geo, rtt, subnet};

    const LATER: Time = NOW.plus_ms(1_000);

    fn row(region: &str, ms: u64) -> RowChange {
        let estimate = RegionEstimate {
            rtt: rtt(ms),
            deviation_us: 1_000,
            samples: 100,
            observed_at: NOW,
            agents: 1,
        };
        (subnet("10.1.2.0/24"), region.parse().unwrap(), Some(estimate))
    }

    /// Nearly alike: which one it is, nobody can tell from the rows.
    fn rows() -> Vec<RowChange> {
        vec![row("eu-west", 21), row("ap-southeast", 20)]
    }

    /// A domain whose client moved to `ap-southeast` when `eu-west` was far slower.
    fn learned() -> (Learning, Arc<Geo>) {
        let (settings, geo) = (Arc::new(domain(LEARNED)), Arc::new(geo(&[])));
        let mut learning = Learning::new(&settings, &geo);
        learning.take([row("eu-west", 90), row("ap-southeast", 20)]);
        assert!(learning.compile(NOW));
        learning.take(rows());
        learning.compile(NOW);
        assert_eq!(first(&learning.map()), "ap-southeast learned_latency");
        (learning, geo)
    }

    fn first(map: &DomainMap) -> String {
        let first = map.block("10.1.2.7".parse().unwrap()).0.regions()[0];
        format!("{} {}", map.region_name(first.region).unwrap(), first.reason)
    }

    /// What the client gets once the settings are these, and whether the rows were asked for.
    fn after(change: impl FnOnce(&mut DomainSettings)) -> (String, bool) {
        let (mut learning, geo) = learned();
        let mut settings = domain(LEARNED);
        change(&mut settings);
        let mut is_asked = false;
        learning.succeed(&Arc::new(settings), &geo, || {
            is_asked = true;
            rows()
        });
        if learning.is_due(LATER) {
            learning.compile(LATER);
        }
        (first(&learning.map()), is_asked)
    }

    #[test]
    fn what_was_learned_stays_with_the_cells_that_stay() {
        let here = || "ap-southeast learned_latency".to_owned();
        assert_eq!(after(|settings| settings.ttl_s = 5), (here(), false));
        assert_eq!(after(|settings| settings.learning.hold.margin_us = 50_000), (here(), false));
        assert_eq!(after(|settings| drop(settings.regions.remove(0))), (here(), true));
        assert_eq!(after(|settings| settings.regions.reverse()), (here(), true));
        // Where it may not stay it is judged by what is known.
        let (there, is_asked) = after(|settings| {
            settings.constraints = vec![constraint(&["10.0.0.0/8"], &["us-east", "eu-west"])];
        });
        assert_eq!((there.as_str(), is_asked), ("eu-west learned_latency", true));
    }

    #[test]
    fn settings_are_the_new_ones_and_new_geography_asks_for_the_rows() {
        let (mut learning, old) = learned();
        let mut settings = domain(LEARNED);
        settings.ttl_s = 5;
        let settings = Arc::new(settings);
        learning.succeed(&settings, &old, || unreachable!("nothing of it is learned anew"));
        assert_eq!(learning.map().settings.ttl_s, 5);
        learning.succeed(&settings, &Arc::new(geo(&[])), rows);
        assert!(learning.is_behind());
        assert!(learning.is_due(LATER) && learning.compile(LATER));
        assert!(!learning.is_behind());
        assert_eq!(first(&learning.map()), "ap-southeast learned_latency");
        assert!(learning.counters().moved > 0, "what was counted stays counted");
    }
}
