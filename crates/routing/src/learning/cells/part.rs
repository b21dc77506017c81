//! Cells where networks came or went since the map was made, and nowhere else. The same cells as if all
//! were laid anew, at the cost of a copy of the map and a walk around those networks.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use model::{RangeMap, Subnet};

use super::{Born, Cell, CellId, Cells, around};
use crate::baseline::Baseline;

/// What came of laying cells.
#[derive(Debug, Default)]
pub(crate) struct Laid {
    /// New cells.
    pub(crate) born: Vec<CellId>,
    /// What cells that are no more had: whether there were rows, their traffic, the share that trials
    /// got of it.
    pub(crate) left: Vec<(bool, f64, f64)>,
    /// Cells that have rows where they had none, or the other way round.
    pub(crate) turned: Vec<CellId>,
    /// Where cells are others now, ascending and apart; `None` for everywhere.
    pub(crate) areas: Option<Vec<(IpAddr, IpAddr)>>,
}

impl Cells {
    /// Lays the cells around the networks that came or went.
    pub(super) fn lay_part(&mut self, baseline: &Baseline) -> Laid {
        let touched = std::mem::take(&mut self.touched);
        let mut left = Vec::new();
        let near: BTreeSet<Subnet> = touched
            .iter()
            .flat_map(|subnet| std::iter::once(*subnet).chain(around(*subnet)))
            .collect();
        near.iter().for_each(|subnet| self.sweep_one(*subnet, &mut left));
        let areas = areas_of(&touched);
        let nodes = self.networks_in(&areas, &near);
        let has_rows: Vec<bool> = nodes
            .iter()
            .map(|subnet| self.networks.get(subnet).is_some_and(|network| !network.rows.is_empty()))
            .collect();
        let numbered: Vec<(Subnet, usize)> = nodes.into_iter().zip(0..).collect();
        let by_network = RangeMap::from_covering(&numbered, |covering| {
            let any = covering.iter().any(|(_, node)| has_rows.get(*node) == Some(&true));
            covering.last().map(|(subnet, _)| (*subnet, any))
        });
        let areas: Vec<(IpAddr, IpAddr)> =
            areas.iter().map(|area| (area.address(), area.last())).collect();
        let mut turned = Vec::new();
        let Self { list, free, networks, rest, .. } = self;
        let mut born = Born { list, free, ids: Vec::new(), unplaced: BTreeSet::new() };
        let map = self.map.repainted(&areas, (&by_network, &baseline.map), |node, base| {
            let Some((subnet, has_rows)) = node else {
                let place = rest.get_mut(base.index());
                return place.map_or(0, |place| *place.get_or_insert_with(|| born.rest(base)));
            };
            let Some(network) = networks.get_mut(&subnet) else { return 0 };
            let id = network.cells.iter().find(|(of, _)| *of == base).map(|(_, id)| *id);
            let id = id.unwrap_or_else(|| {
                let cell = Cell { has_rows, ..Cell::new(base, subnet) };
                let id = born.give(cell);
                network.cells.push((base, id));
                id
            });
            if let Some(cell) = born.list.get_mut(id as usize).filter(|c| c.has_rows != has_rows) {
                cell.has_rows = has_rows;
                turned.push(id);
            }
            id
        });
        born.place(&map);
        let born = born.ids;
        self.map = Arc::new(map);
        Laid { born, left, turned, areas: Some(areas) }
    }

    /// The networks that are to be seen in these areas, or may be: those that are, those that are
    /// new, and all around them.
    fn networks_in(&self, areas: &[Subnet], near: &BTreeSet<Subnet>) -> BTreeSet<Subnet> {
        let mut nodes: BTreeSet<Subnet> = BTreeSet::new();
        let mut add = |subnet: Subnet| {
            let is_new = self.networks.contains_key(&subnet) && nodes.insert(subnet);
            // One that is gone may show those around it as well.
            if is_new || near.contains(&subnet) {
                let wider =
                    self.lengths.range((subnet.is_ipv4(), 0)..(subnet.is_ipv4(), subnet.length()));
                let wider = wider.map(|((_, length), _)| Subnet::of(subnet.address(), *length));
                nodes.extend(wider.filter(|wider| self.networks.contains_key(wider)));
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
