//! Cells where networks came or went since the map was made, and nowhere else. The same cells as if all
//! were laid anew, at the cost of a copy of the map and a walk around those networks.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use model::{RangeMap, Subnet};

use super::{CellId, Cells, Gone, around, near};
use crate::baseline::Baseline;
use crate::belief::Beliefs;

/// What came of laying cells.
#[derive(Debug, Default)]
pub(crate) struct Laid {
    /// New cells.
    pub(crate) born: Vec<CellId>,
    /// What cells that are no more had.
    pub(crate) left: Vec<Gone>,
    /// Cells that have rows where they had none, or the other way round.
    pub(crate) turned: Vec<CellId>,
    /// Where cells are others now, ascending and apart; `None` for everywhere.
    pub(crate) areas: Option<Vec<(IpAddr, IpAddr)>>,
}

impl Cells {
    /// Lays the cells around the networks that came or went.
    pub(super) fn lay_part(&mut self, baseline: &Baseline, beliefs: &Beliefs) -> Laid {
        let touched = std::mem::take(&mut self.touched);
        let near = near(&touched);
        let left = self.sweep(&near, beliefs);
        let areas = areas_of(&touched);
        let nodes = self.networks_in(&areas, &near, beliefs);
        let nodes: Vec<(Subnet, bool)> =
            nodes.into_iter().map(|subnet| (subnet, beliefs.has_rows(subnet))).collect();
        let by_network = RangeMap::from_covering(&nodes, |covering| {
            let any = covering.iter().any(|(_, has_rows)| *has_rows);
            covering.last().map(|(subnet, _)| (*subnet, any))
        });
        let areas: Vec<(IpAddr, IpAddr)> =
            areas.iter().map(|area| (area.address(), area.last())).collect();
        let mut turned = Vec::new();
        let before = Arc::clone(&self.map);
        let (mut born, rest) = self.born();
        let map = before.repainted(&areas, (&by_network, &baseline.map), |node, base| {
            let Some((subnet, has_rows)) = node else { return born.rest(rest, base) };
            let born_before = born.ids.len();
            let id = born.of_network(subnet, base);
            if let Some(cell) = born.list.get_mut(id as usize).filter(|c| c.has_rows() != has_rows)
            {
                cell.set_has_rows(has_rows);
                if born.ids.len() == born_before {
                    turned.push(id);
                }
            }
            id
        });
        drop(before);
        born.place(&map);
        let born = born.ids;
        self.map = Arc::new(map);
        Laid { born, left, turned, areas: Some(areas) }
    }

    /// The networks that are to be seen in these areas, or may be: those that are, those that are
    /// new, and all around them.
    fn networks_in(
        &self,
        areas: &[Subnet],
        near: &BTreeSet<Subnet>,
        beliefs: &Beliefs,
    ) -> BTreeSet<Subnet> {
        let mut nodes: BTreeSet<Subnet> = BTreeSet::new();
        let mut add = |subnet: Subnet| {
            let is_new = self.is_network(beliefs, subnet) && nodes.insert(subnet);
            // One that is gone may show those around it as well.
            if is_new || near.contains(&subnet) {
                let lengths = beliefs.lengths(subnet).filter(|length| *length < subnet.length());
                let with_rows = lengths.map(|length| Subnet::of(subnet.address(), length));
                let wider = with_rows.chain(around(subnet));
                nodes.extend(wider.filter(|wider| self.is_network(beliefs, *wider)));
            }
        };
        near.iter().for_each(|subnet| add(*subnet));
        for area in areas {
            for id in self.map.values_in(area.address(), area.last()) {
                if let Some(cell) = self.list.get(id as usize)
                    && !self.is_class(id, cell.base)
                {
                    add(cell.spot);
                }
            }
        }
        nodes
    }
}

/// Where cells may be others: the widest network that each of these makes a cell, ascending and apart.
fn areas_of(touched: &BTreeSet<Subnet>) -> Vec<Subnet> {
    let widest = |subnet: &Subnet| around(*subnet).last().unwrap_or(*subnet);
    let mut areas: Vec<Subnet> = touched.iter().map(widest).collect();
    areas.sort_unstable();
    areas.dedup_by(|area, before| before.covers(*area));
    areas
}
