//! The cells of a domain: who is judged as one. A network with rows; the /20 and the /16 around it
//! (/40 and /32 of IPv6), for neighbours without; and every class of geography for the rest; each
//! cut where geography, a constraint or a pin changes.
//!
//! Knows which addresses a cell has and what it was last told. Judges nothing.

pub(crate) mod cell;

pub(crate) mod part;

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use hashbrown::HashTable;
use model::{RangeMap, Subnet};

pub(crate) use self::cell::{Attempt, Cell};
use self::part::Laid;
use crate::baseline::{BaseId, Baseline};
use crate::belief::{Beliefs, Heard, Mix, Taken};
use crate::slot;

/// Where fewer networks than one of so many came or went, the map is made anew around those alone:
/// around each a few hundred are looked at.
const NETWORKS_PER_TOUCHED: usize = 256;

/// The number of a cell. Given anew once its cell is gone.
pub(crate) type CellId = u32;

/// What a changed row says about traffic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// Connections since it was last heard of.
    pub(crate) connections: u64,
    /// Whether it was never heard of.
    pub(crate) is_new: bool,
    pub(crate) heard: Heard,
}

/// All cells and where they are.
#[derive(Debug)]
pub(crate) struct Cells {
    /// Every address to its cell.
    pub(crate) map: Arc<RangeMap<CellId>>,
    pub(crate) list: Vec<Cell>,
    /// Numbers whose cell is gone.
    free: Vec<CellId>,
    /// The cells of networks, by their spot: one for each base in it.
    index: HashTable<CellId>,
    /// Networks around some that have rows, and how many those are: at most two for each.
    inside: HashMap<Subnet, u32, BuildHasherDefault<Mix>>,
    /// The cells of classes, by base.
    rest: Vec<Option<CellId>>,
    /// Networks that came or went since the map was made; at most as many as there were rows.
    touched: BTreeSet<Subnet>,
    /// Whether something else changed since, so that all of the map is to be made anew.
    is_outdated: bool,
}

impl Cells {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            map: Arc::new(RangeMap::filled(0)),
            list: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            inside: HashMap::default(),
            rest: Vec::new(),
            touched: BTreeSet::new(),
            is_outdated: true,
        }
    }

    /// A row changed; without samples it is gone. Tells how many connections it counted more, and
    /// whether it is new.
    pub(crate) fn count(&mut self, subnet: Subnet, taken: Taken, samples: Option<u64>) -> Counted {
        if taken.turned {
            self.touched.insert(subnet);
            for wider in around(subnet) {
                let inside = self.inside.entry(wider).or_default();
                *inside = if samples.is_some() { *inside + 1 } else { inside.saturating_sub(1) };
                if *inside == 0 {
                    self.inside.remove(&wider);
                }
            }
        }
        let (known, samples) = (taken.counted, samples.unwrap_or(0));
        // An agent that forgot counts from the beginning.
        let more = known.and_then(|known| samples.checked_sub(known)).unwrap_or(samples);
        Counted { connections: more, is_new: known.is_none(), heard: taken.heard }
    }

    /// A round comes by a cell: whether it is looked at, or lets it pass.
    pub(crate) fn has_turn(&mut self, id: CellId) -> bool {
        self.list.get_mut(id as usize).is_some_and(Cell::has_turn)
    }

    /// No cell lets a round pass.
    pub(crate) fn wake_all(&mut self) {
        self.list.iter_mut().for_each(Cell::wake);
    }

    /// The baseline changed.
    pub(crate) const fn outdate(&mut self) {
        self.is_outdated = true;
    }

    /// The map is as it should be: nobody is judged.
    pub(crate) fn settle(&mut self) {
        self.is_outdated = false;
        self.touched.clear();
    }

    /// Whether a network has rows, or is around some that have.
    fn is_network(&self, beliefs: &Beliefs, subnet: Subnet) -> bool {
        beliefs.has_rows(subnet) || self.inside.contains_key(&subnet)
    }

    /// The cell of a network where it has this base.
    fn find(&self, subnet: Subnet, base: BaseId) -> Option<CellId> {
        find(&self.index, &self.list, subnet, base)
    }

    /// Whether a cell is that of a class, and not of a network.
    pub(crate) fn is_class(&self, id: CellId, base: BaseId) -> bool {
        self.rest.get(base.index()).copied().flatten() == Some(id)
    }

    /// Whether the map is not what the networks say.
    pub(crate) fn is_stale(&self) -> bool {
        self.is_outdated || !self.touched.is_empty()
    }

    /// The cells that a row of this network tells about: its own, those around it, and those of its
    /// class.
    pub(crate) fn concerned(&self, subnet: Subnet, base: BaseId, out: &mut Vec<CellId>) {
        out.clear();
        let networks = std::iter::once(subnet).chain(around(subnet));
        out.extend(networks.filter_map(|network| self.find(network, base)));
        out.extend(self.rest.get(base.index()).copied().flatten());
    }

    /// Where the cell of the next wider network, or else of the class, is sent to.
    pub(crate) fn held_around(&self, cell: &Cell) -> Option<u16> {
        let wider = around(cell.spot).filter_map(|network| self.find(network, cell.base));
        let rest = self.rest.get(cell.base.index()).copied().flatten();
        let held = |id: CellId| self.list.get(id as usize)?.held();
        wider.chain(rest).find_map(held)
    }

    /// Brings the map up to date: all of it where the baseline changed or many networks came or
    /// went, else around those.
    pub(crate) fn lay(&mut self, baseline: &Baseline, beliefs: &Beliefs) -> Laid {
        let networks = beliefs.len() + self.inside.len();
        if !self.is_outdated && self.touched.len() * NETWORKS_PER_TOUCHED <= networks {
            return self.lay_part(baseline, beliefs);
        }
        self.is_outdated = false;
        Laid { born: self.lay_all(baseline, beliefs), ..Laid::default() }
    }

    /// Makes the map anew; tells which cells are new. Costs the networks and the ranges.
    pub(super) fn lay_all(&mut self, baseline: &Baseline, beliefs: &Beliefs) -> Vec<CellId> {
        let touched = std::mem::take(&mut self.touched);
        self.sweep(&near(&touched), beliefs);
        self.rest.resize(baseline.len(), None);
        let mut nodes: Vec<(Subnet, bool)> = Vec::with_capacity(beliefs.len() + self.inside.len());
        nodes.extend(beliefs.subnets().map(|subnet| (subnet, true)));
        let only_around = self.inside.keys().filter(|subnet| !beliefs.has_rows(**subnet));
        nodes.extend(only_around.map(|subnet| (*subnet, false)));
        nodes.sort_unstable();
        let by_network = RangeMap::from_covering(&nodes, |covering| {
            let has_rows = covering.iter().any(|(_, has_rows)| *has_rows);
            covering.last().map(|(subnet, _)| (*subnet, has_rows))
        });
        drop(nodes);
        let (mut born, rest) = self.born();
        let map = by_network.overlay(&baseline.map, |node, base| {
            let Some((subnet, has_rows)) = node else { return born.rest(rest, base) };
            let id = born.of_network(subnet, base);
            if let Some(cell) = born.list.get_mut(id as usize) {
                cell.set_has_rows(has_rows);
            }
            id
        });
        born.place(&map);
        let born = born.ids;
        self.map = Arc::new(map);
        born
    }

    /// What new cells need, and the cells of classes.
    fn born(&mut self) -> (Born<'_>, &mut [Option<CellId>]) {
        let Self { list, free, index, rest, .. } = self;
        (Born { list, free, index, ids: Vec::new(), unplaced: BTreeSet::new() }, rest)
    }

    /// Drops what nothing keeps of these networks; tells what their cells had. Ascending, since which
    /// numbers are given again must not hang on how a table lies in memory.
    fn sweep(&mut self, near: &BTreeSet<Subnet>, beliefs: &Beliefs) -> Vec<Gone> {
        let mut gone = Vec::new();
        for subnet in near {
            if !self.is_network(beliefs, *subnet) {
                self.drop_network(*subnet, &mut gone);
            }
        }
        gone
    }

    fn drop_network(&mut self, subnet: Subnet, gone: &mut Vec<Gone>) {
        let Self { list, index, free, .. } = self;
        let hash = slot::lot(subnet);
        let is_of = |id: &CellId| list.get(*id as usize).is_some_and(|cell| cell.spot == subnet);
        let mut ids: Vec<CellId> = index.iter_hash(hash).copied().filter(is_of).collect();
        ids.sort_unstable();
        for id in ids {
            if let Ok(entry) = index.find_entry(hash, |of| *of == id) {
                entry.remove();
            }
            if let Some(cell) = list.get_mut(id as usize) {
                gone.push(Gone { id, has_rows: cell.has_rows(), volume: cell.volume });
                cell.clear();
            }
            free.push(id);
        }
    }
}

/// What a cell had that is no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone {
    /// Its number, which another may have now.
    pub(crate) id: CellId,
    pub(crate) has_rows: bool,
    pub(crate) volume: f64,
}

/// The cell of a network where it has this base.
fn find(index: &HashTable<CellId>, list: &[Cell], subnet: Subnet, base: BaseId) -> Option<CellId> {
    let is_it = |id: &CellId| {
        list.get(*id as usize).is_some_and(|cell| cell.spot == subnet && cell.base == base)
    };
    index.find(slot::lot(subnet), is_it).copied()
}

/// New cells, and where they go.
struct Born<'a> {
    list: &'a mut Vec<Cell>,
    free: &'a mut Vec<CellId>,
    index: &'a mut HashTable<CellId>,
    ids: Vec<CellId>,
    /// Cells of classes: where they are will be known once the map is.
    unplaced: BTreeSet<CellId>,
}

impl Born<'_> {
    fn give(&mut self, cell: Cell) -> CellId {
        // More cells than numbers for them would be two hundred gigabytes.
        let next = CellId::try_from(self.list.len()).unwrap_or(CellId::MAX);
        let id = self.free.pop().unwrap_or(next);
        match self.list.get_mut(id as usize) {
            Some(place) => *place = cell,
            None => {
                if self.list.len() == self.list.capacity() {
                    // An eighth more, not as much again: there are millions.
                    self.list.reserve_exact(self.list.len() / 8 + 64);
                }
                self.list.push(cell);
            }
        }
        self.ids.push(id);
        id
    }

    /// The cell of a network in a base, be it new or not.
    fn of_network(&mut self, subnet: Subnet, base: BaseId) -> CellId {
        if let Some(id) = find(self.index, self.list, subnet, base) {
            return id;
        }
        let id = self.give(Cell::new(base, subnet));
        let list = &*self.list;
        let hash_of = |id: &CellId| list.get(*id as usize).map_or(0, |cell| slot::lot(cell.spot));
        self.index.insert_unique(slot::lot(subnet), id, hash_of);
        id
    }

    /// The cell of a class, be it new or not.
    fn rest(&mut self, rest: &mut [Option<CellId>], base: BaseId) -> CellId {
        let Some(place) = rest.get_mut(base.index()) else { return 0 };
        *place.get_or_insert_with(|| {
            let id = self.give(Cell::new(base, Subnet::ALL_IPV4));
            self.unplaced.insert(id);
            id
        })
    }

    fn place(&mut self, map: &RangeMap<CellId>) {
        for (first, _, id) in map.iter() {
            if self.unplaced.is_empty() {
                return;
            }
            if self.unplaced.remove(&id)
                && let Some(cell) = self.list.get_mut(id as usize)
            {
                cell.spot = Subnet::host(first);
            }
        }
    }
}

/// The wider networks that rows of this one make cells.
fn around(subnet: Subnet) -> impl Iterator<Item = Subnet> {
    let lengths = if subnet.is_ipv4() { [20, 16] } else { [40, 32] };
    let wider = lengths.into_iter().filter(move |length| *length < subnet.length());
    wider.map(move |length| Subnet::of(subnet.address(), length))
}

/// These networks, and the wider ones that their rows make cells.
fn near(touched: &BTreeSet<Subnet>) -> BTreeSet<Subnet> {
    touched.iter().flat_map(|subnet| std::iter::once(*subnet).chain(around(*subnet))).collect()
}
