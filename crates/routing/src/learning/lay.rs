//! The map of all that was judged: every address to its cell's ranking. Judges nothing.

use std::net::IpAddr;
use std::sync::Arc;

use model::RangeMap;

use super::Learning;
use super::cells::CellId;
use super::cells::part::Laid;
use crate::ranking::RankingId;

/// Where one of so many ranges belongs to a cell whose ranking is new, all blocks are laid anew: to copy a
/// range costs about a twentieth of looking at it.
const RANGES_PER_CHANGE: usize = 20;

impl Learning {
    /// The cells of the networks as they are now; whether all were laid anew.
    pub(super) fn lay_cells(&mut self) -> bool {
        let Laid { born, left, turned, areas } = self.cells.lay(&self.baseline, &self.beliefs);
        self.todo.extend(&born);
        let Some(areas) = areas else {
            self.choose_all();
            self.add_up();
            return true;
        };
        let [without, with] = &mut self.traffic;
        for gone in left {
            let share = self.made.trying(gone.id);
            (if gone.has_rows { &mut *with } else { &mut *without }).remove(gone.volume, share);
        }
        self.make_room();
        for id in born {
            let base =
                self.cells.list.get(id as usize).and_then(|cell| self.baseline.get(cell.base));
            let ranking = base.map_or(RankingId::NONE, |base| base.unlearned);
            if let Some(chosen) = self.made.chosen.get_mut(id as usize) {
                *chosen = ranking;
            }
        }
        let [without, with] = &mut self.traffic;
        for id in turned {
            let Some(cell) = self.cells.list.get(id as usize) else { continue };
            let (from, to) = if cell.has_rows() {
                (&mut *without, &mut *with)
            } else {
                (&mut *with, &mut *without)
            };
            let share = self.made.trying(id);
            from.remove(cell.volume, share);
            to.add(cell.volume, share);
        }
        self.made.unlaid_areas.extend(areas);
        false
    }

    /// The blocks of the cells whose ranking is new, and where cells are, and the others as they were: a
    /// copy, and one walk over these addresses.
    pub(super) fn lay_changed(&mut self) {
        let changes = self.made.unlaid.len() + self.made.unlaid_areas.len();
        let is_much = changes * RANGES_PER_CHANGE > self.made.blocks.len();
        if self.forget_rankings() || is_much {
            self.lay_blocks();
            return;
        }
        let ranked = std::mem::take(&mut self.made.unlaid);
        let areas = std::mem::take(&mut self.made.unlaid_areas);
        let areas = self.areas_of(&ranked, areas);
        let ranking = |id: CellId| self.made.chosen(id);
        let sources = (&*self.cells.map, &RangeMap::filled(()));
        let blocks = self.made.blocks.repainted(&areas, sources, |cell, ()| ranking(cell));
        self.made.blocks = Arc::new(blocks);
    }

    /// These areas and where these cells have their addresses, ascending, and others may have some: all
    /// of the network of each, or of its class.
    fn areas_of(
        &self,
        ranked: &[CellId],
        mut areas: Vec<(IpAddr, IpAddr)>,
    ) -> Vec<(IpAddr, IpAddr)> {
        let mut classes = vec![false; self.baseline.len()];
        for id in ranked {
            let Some(cell) = self.cells.list.get(*id as usize) else { continue };
            if !self.cells.is_class(*id, cell.base) {
                areas.push((cell.spot.address(), cell.spot.last()));
            } else if let Some(is_ranked) = classes.get_mut(cell.base.index()) {
                *is_ranked = true;
            }
        }
        if classes.contains(&true) {
            let of_class =
                self.baseline.map.iter().filter(|(.., base)| {
                    classes.get(base.index()).is_some_and(|is_ranked| *is_ranked)
                });
            areas.extend(of_class.map(|(first, last, _)| (first, last)));
        }
        areas.sort_unstable();
        areas.dedup_by(|(first, last), (_, before)| {
            let overlaps = *first <= *before;
            if overlaps {
                *before = (*before).max(*last);
            }
            overlaps
        });
        areas
    }

    /// The blocks of the cells' rankings: one walk over all ranges.
    pub(super) fn lay_blocks(&mut self) {
        self.forget_rankings();
        self.made.unlaid.clear();
        self.made.unlaid_areas.clear();
        let ranking = |id: CellId| self.made.chosen(id);
        let blocks = self.cells.map.overlay(&RangeMap::filled(()), |cell, ()| ranking(cell));
        self.made.blocks = Arc::new(blocks);
    }

    /// What geography says, of every cell that nobody judged.
    pub(super) fn choose_all(&mut self) {
        self.make_room();
        for (cell, chosen) in self.cells.list.iter().zip(&mut self.made.chosen) {
            if !cell.is_judged() {
                let base = self.baseline.get(cell.base);
                *chosen = base.map_or(RankingId::NONE, |base| base.unlearned);
            }
        }
    }

    /// A ranking's place for each cell, and no more: there are millions.
    fn make_room(&mut self) {
        let (cells, chosen) = (&self.cells.list, &mut self.made.chosen);
        if chosen.capacity() < cells.len() {
            chosen.reserve_exact(cells.capacity() - chosen.len());
        }
        chosen.resize(cells.len(), RankingId::NONE);
    }

    /// The blocks of a domain that learns nothing.
    pub(super) fn lay_unlearned(&mut self) {
        let baseline = &self.baseline;
        let blocks = baseline.map.overlay(&RangeMap::filled(()), |base, ()| {
            baseline.get(base).map_or(RankingId::NONE, |base| base.unlearned)
        });
        self.made.blocks = Arc::new(blocks);
        self.made.rankings = Arc::new(baseline.rankings.clone());
    }

    /// Drops rankings that no cell has any more, once they are the greater part; whether it did.
    fn forget_rankings(&mut self) -> bool {
        /// So few are not worth looking through.
        const KEPT_MIN: usize = 1_024;
        if self.made.rankings.len() < 2 * self.made.rankings_used + KEPT_MIN {
            return false;
        }
        self.keep_rankings();
        true
    }

    pub(super) fn keep_rankings(&mut self) {
        let mut kept = self.baseline.rankings.clone();
        for (cell, chosen) in self.cells.list.iter().zip(&mut self.made.chosen) {
            if cell.is_judged() {
                *chosen = kept.id_of(self.made.rankings.get(*chosen));
            }
        }
        self.made.rankings_used = kept.len();
        self.made.rankings = Arc::new(kept);
        self.choose_all();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{LEARNED, NOW, domain, geo, row_of, rtt, subnet};

    const REGIONS: [&str; 3] = ["eu-west", "us-east", "ap-southeast"];

    /// A learner that may move anybody at any time and tries what it likes.
    fn learning() -> Learning {
        let mut settings = domain(LEARNED);
        settings.learning.hold.dwell_ms = 0;
        settings.learning.hold.moved_permille_per_minute = 1_000;
        settings.learning.exploration.is_enabled = true;
        let geo = geo(&[("10.3.0.0/17", "us-east"), ("10.3.9.0/26", "ap-southeast")]);
        let mut learning = Learning::new(&Arc::new(settings), &Arc::new(geo));
        learning.report(REGIONS.iter().map(|region| region.parse().unwrap()).collect());
        learning
    }

    fn take(learning: &mut Learning, network: &str, region: usize, ms: u64) {
        let region = REGIONS[region % REGIONS.len()].parse().unwrap();
        let (subnet, region, row) = row_of(subnet(network), region, rtt(ms), 50);
        learning.take([(subnet, region, Some(row))]);
    }

    fn forget(learning: &mut Learning, network: &str) {
        let rows = REGIONS.map(|region| (subnet(network), region.parse().unwrap(), None));
        learning.take(rows);
    }

    /// The blocks as they are when all of them are laid anew.
    fn anew(learning: &Learning) -> RangeMap<RankingId> {
        let chosen = &learning.made.chosen;
        learning.cells.map.overlay(&RangeMap::filled(()), |cell, ()| chosen[cell as usize])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_is_laid_in_part_is_what_is_laid_anew(
            steps in prop::collection::vec(
                prop::collection::vec((0u8..7, any::<u8>(), 0usize..4, 5u64..250), 0..4), 1..12),
        ) {
            let mut learning = learning();
            // So many ranges that few changes are not most of them.
            for host in 0..=255u8 {
                let ms = 10 + u64::from(host) * 7 % 200;
                take(&mut learning, &format!("10.3.{host}.0/24"), usize::from(host), ms);
                take(&mut learning, &format!("11.{host}.4.0/22"), usize::from(host / 3), ms);
                take(&mut learning, &format!("2001:db8:{host:x}::/48"), usize::from(host / 7), ms);
            }
            let mut now = NOW;
            learning.compile(now);
            for rows in steps {
                for (kind, host, region, ms) in rows {
                    let network = match kind {
                        0 => format!("10.3.{host}.0/24"),
                        1 => format!("11.{host}.4.0/22"),
                        2 => format!("2001:db8:{host:x}::/48"),
                        // Some that may be new, inside others and around them.
                        3 => format!("10.3.{}.0/22", host & 0xfc),
                        4 => format!("10.3.9.{}/28", host & 0xf0),
                        5 => format!("11.{}.0.0/12", host & 0xf0),
                        _ => format!("12.{host}.0.0/16"),
                    };
                    match region {
                        3 => forget(&mut learning, &network),
                        region => take(&mut learning, &network, region, ms),
                    }
                }
                now = now.plus_ms(10_000);
                learning.compile(now);
                prop_assert!(*learning.made.blocks == anew(&learning));
                // And so are the cells, with the traffic they have.
                let (in_part, traffic) = (Arc::clone(&learning.cells.map), learning.traffic);
                let born = learning.cells.lay_all(&learning.baseline, &learning.beliefs);
                prop_assert_eq!(born, Vec::<CellId>::new());
                prop_assert!(learning.cells.map == in_part);
                learning.add_up();
                for (now, before) in learning.traffic.iter().zip(traffic) {
                    prop_assert!((now.all - before.all).abs() < 1e-6 * now.all.max(1.0));
                    prop_assert!((now.spent - before.spent).abs() < 1e-6 * now.all.max(1.0));
                }
            }
        }
    }

    #[test]
    fn what_was_hidden_shows_when_the_networks_inside_go() {
        let mut learning = learning();
        for host in 0..=255u8 {
            take(&mut learning, &format!("10.3.{host}.0/24"), usize::from(host), 30);
            take(&mut learning, &format!("11.{host}.2.0/24"), usize::from(host), 30);
        }
        take(&mut learning, "10.3.8.0/22", 1, 30);
        learning.compile(NOW);
        let cell = |learning: &Learning| {
            let (id, _) = learning.cells.map.get("10.3.10.1".parse().unwrap());
            learning.cells.list[id as usize].spot
        };
        for (inside, expect) in [
            ("10.3.10.0/24", "10.3.8.0/22"),
            ("10.3.8.0/22", "10.3.0.0/20"),
            ("10.3.9.0/24", "10.3.0.0/20"),
        ] {
            forget(&mut learning, inside);
            assert!(!learning.lay_cells(), "in part");
            assert_eq!(cell(&learning), subnet(expect), "without {inside}");
            let in_part = Arc::clone(&learning.cells.map);
            let born = learning.cells.lay_all(&learning.baseline, &learning.beliefs);
            assert_eq!(born, [], "without {inside}");
            assert!(learning.cells.map == in_part, "without {inside}");
        }
    }

    #[test]
    fn few_changes_are_laid_in_part_and_those_of_classes_everywhere() {
        let mut learning = learning();
        for host in 0..=255u8 {
            take(&mut learning, &format!("10.{host}.2.0/24"), usize::from(host), 30);
        }
        learning.compile(NOW);
        let id_of =
            |learning: &Learning, address: &str| learning.cells.map.get(address.parse().unwrap()).0;
        let ends = |text: &str| (subnet(text).address(), subnet(text).last());
        let own = id_of(&learning, "10.7.2.1");
        assert_eq!(learning.areas_of(&[own, own], Vec::new()), [ends("10.7.2.0/24")]);
        let around = id_of(&learning, "10.7.200.1");
        assert_eq!(learning.areas_of(&[own, around], Vec::new()), [ends("10.7.0.0/16")]);
        // What is left of the USA, and of all that is nowhere, with the one network between.
        let class = id_of(&learning, "11.1.1.1");
        assert_eq!(
            learning.areas_of(&[class, own], Vec::new()),
            [ends("10.7.2.0/24"), ends("11.0.0.0/8")]
        );
        let nowhere = learning.areas_of(&[id_of(&learning, "192.0.2.1")], Vec::new());
        assert_eq!(nowhere.len(), 3, "{nowhere:?}");
    }
}
