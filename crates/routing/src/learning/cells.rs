//! The cells of a domain: who is judged as one. A network with rows; the /20 and the /16 around it
//! (/40 and /32 of IPv6), for neighbours without; and every class of geography for the rest; each
//! cut where geography, a constraint or a pin changes.
//!
//! Knows which addresses a cell has and what it was last told. Judges nothing.

pub(crate) mod part;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use model::{RangeMap, Subnet, Time};

use self::part::Laid;
use crate::baseline::{BaseId, Baseline};
use crate::belief::{Heard, Mix};
use crate::ranking::{RankingId, Trial};

/// Where fewer networks than one of so many came or went, the map is made anew around those alone:
/// around each a few hundred are looked at.
const NETWORKS_PER_TOUCHED: usize = 256;

/// The number of a cell. Given anew once its cell is gone.
pub(crate) type CellId = u32;

/// One cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) base: BaseId,
    /// A network in it; its own, where it is a network.
    pub(crate) spot: Subnet,
    /// Whether there are rows of the network, or of one around it.
    pub(crate) has_rows: bool,
    /// Where its clients are sent while that is up; `None` until it is judged.
    pub(crate) held: Option<u16>,
    /// When it last moved; `None` where it never did.
    pub(crate) moved_at: Option<Time>,
    /// As it was last judged; `None` until it is.
    pub(crate) ranking: Option<RankingId>,
    /// Its traffic, in the units of [`super::volume`].
    pub(crate) volume: f64,
    /// What it tries now.
    pub(crate) trials: [Option<Trial>; 2],
    /// What it tried, or tries, and has not been measured since: few, as there are regions.
    pub(crate) attempts: Vec<Attempt>,
    calm: Calm,
}

/// How long nothing has come of looking at a cell, and how often it is looked at for that.
#[derive(Clone, Copy, Debug)]
struct Calm {
    /// How often in a row nothing was new: at most [`CALM_MAX`].
    looks: u8,
    /// How many rounds more it lets pass.
    rounds_left: u8,
}

impl Calm {
    const NEW: Self = Self { looks: 0, rounds_left: 0 };
}

/// After so many looks of which nothing came a cell has a turn in every eighth round. What its clients
/// measure does not wait for a round; what others measure brings the turn nearer; and whatever else moves
/// a settled cell, as that rows age, takes hours for it.
const CALM_MAX: u8 = 3;

/// A region that a cell tries and that was not measured since it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) region: u16,
    /// The connections that should have been measured by now.
    pub(crate) expected: f64,
    /// Since when connections are expected; `None` before the first.
    pub(crate) since: Option<Time>,
    /// Until when it is not tried again, once it was given up.
    pub(crate) given_up_until: Option<Time>,
}

impl Attempt {
    pub(crate) const fn new(region: u16) -> Self {
        Self { region, expected: 0.0, since: None, given_up_until: None }
    }
}

/// A network with rows, or one around some.
#[derive(Clone, Debug, Default)]
struct Network {
    /// The regions with a row of exactly this network, and the connections it counted last.
    rows: Vec<(u16, u64)>,
    /// Networks with rows inside that made this one a cell.
    inside: u32,
    /// One for each base in it.
    cells: Vec<(BaseId, CellId)>,
}

impl Network {
    /// Whether something keeps it.
    const fn stays(&self) -> bool {
        !self.rows.is_empty() || self.inside > 0
    }
}

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
    /// Bounded by the table's rows, three times.
    networks: HashMap<Subnet, Network, BuildHasherDefault<Mix>>,
    /// The cells of classes, by base.
    rest: Vec<Option<CellId>>,
    /// How many networks there are of each family and length.
    lengths: BTreeMap<(bool, u8), usize>,
    /// Networks that came or went since the map was made; at most as many as there were rows.
    touched: BTreeSet<Subnet>,
    /// Whether something else changed since, so that all of the map is to be made anew.
    is_outdated: bool,
}

impl Cell {
    const fn new(base: BaseId, spot: Subnet) -> Self {
        Self {
            base,
            spot,
            has_rows: false,
            held: None,
            moved_at: None,
            ranking: None,
            volume: 0.0,
            trials: [None, None],
            attempts: Vec::new(),
            calm: Calm::NEW,
        }
    }

    /// It was looked at; whether anything came of it, or may come of it soon.
    pub(crate) fn was_looked_at(&mut self, is_calm: bool) {
        let looks = if is_calm { (self.calm.looks + 1).min(CALM_MAX) } else { 0 };
        self.calm = Calm { looks, rounds_left: (1 << looks) - 1 };
    }

    /// A network in it, or of its kind, has news: its turn comes a round sooner.
    pub(crate) const fn hear(&mut self) {
        self.calm.rounds_left = self.calm.rounds_left.saturating_sub(1);
    }

    /// Something happened that concerns it: it lets no round pass.
    pub(crate) fn wake(&mut self) {
        self.calm = Calm::NEW;
    }

    /// Nothing is left of it but its number.
    fn clear(&mut self) {
        *self = Self::new(self.base, self.spot);
    }

    /// From now on it tries these.
    pub(crate) fn attempt(&mut self, trials: [Option<Trial>; 2]) {
        self.trials = trials;
        for trial in trials.iter().flatten() {
            let fresh = Attempt::new(trial.region);
            match self.attempts.iter_mut().find(|attempt| attempt.region == trial.region) {
                // It had been given up, and may be tried again.
                Some(attempt) if attempt.given_up_until.is_some() => *attempt = fresh,
                Some(_) => {}
                None => self.attempts.push(fresh),
            }
        }
    }

    /// The share of its slots that it tries something in.
    pub(crate) fn trying(&self) -> f64 {
        self.trials.iter().flatten().map(|trial| trial.part()).sum()
    }
}

impl Cells {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            map: Arc::new(RangeMap::filled(0)),
            list: Vec::new(),
            free: Vec::new(),
            networks: HashMap::default(),
            rest: Vec::new(),
            lengths: BTreeMap::new(),
            touched: BTreeSet::new(),
            is_outdated: true,
        }
    }

    /// A row changed; `None`: it is gone. Tells how many connections it counted more, and whether
    /// it is new.
    pub(crate) fn count(&mut self, subnet: Subnet, region: u16, samples: Option<u64>) -> Counted {
        if samples.is_none() && !self.networks.contains_key(&subnet) {
            return Counted { connections: 0, is_new: true, heard: Heard::default() };
        }
        let network = self.network(subnet);
        let had_rows = !network.rows.is_empty();
        let at = network.rows.iter().position(|(of, _)| *of == region);
        let known = at.map(|at| network.rows.swap_remove(at).1);
        network.rows.extend(samples.map(|samples| (region, samples)));
        let has_rows = !network.rows.is_empty();
        if had_rows != has_rows {
            self.touched.insert(subnet);
            for wider in around(subnet) {
                let inside = &mut self.network(wider).inside;
                *inside = if has_rows { *inside + 1 } else { inside.saturating_sub(1) };
            }
        }
        let samples = samples.unwrap_or(0);
        // An agent that forgot counts from the beginning.
        let more = known.and_then(|known| samples.checked_sub(known)).unwrap_or(samples);
        Counted { connections: more, is_new: known.is_none(), heard: Heard::default() }
    }

    /// A round comes by a cell: whether it is looked at, or lets it pass.
    pub(crate) fn has_turn(&mut self, id: CellId) -> bool {
        let Some(cell) = self.list.get_mut(id as usize) else { return false };
        let left = cell.calm.rounds_left.checked_sub(1);
        cell.calm.rounds_left = left.unwrap_or(0);
        left.is_none()
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
    pub(crate) fn is_network(&self, subnet: Subnet) -> bool {
        self.networks.contains_key(&subnet)
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
        for network in std::iter::once(subnet).chain(around(subnet)) {
            let cells = self.networks.get(&network).map(|network| &network.cells);
            out.extend(cells.into_iter().flatten().filter(|(of, _)| *of == base).map(|(_, c)| *c));
        }
        out.extend(self.rest.get(base.index()).copied().flatten());
    }

    /// Where the cell of the next wider network, or else of the class, is sent to.
    pub(crate) fn held_around(&self, cell: &Cell) -> Option<u16> {
        let wider = around(cell.spot).filter_map(|network| self.networks.get(&network));
        let wider = wider.filter_map(|network| {
            network.cells.iter().find(|(base, _)| *base == cell.base).map(|(_, id)| *id)
        });
        let rest = self.rest.get(cell.base.index()).copied().flatten();
        let held = |id: CellId| self.list.get(id as usize)?.held;
        wider.chain(rest).find_map(held)
    }

    /// A network, of which there may be nothing yet.
    fn network(&mut self, subnet: Subnet) -> &mut Network {
        let Self { networks, lengths, .. } = self;
        networks.entry(subnet).or_insert_with(|| {
            *lengths.entry((subnet.is_ipv4(), subnet.length())).or_default() += 1;
            Network::default()
        })
    }

    /// Brings the map up to date: all of it where the baseline changed or many networks came or
    /// went, else around those.
    pub(crate) fn lay(&mut self, baseline: &Baseline) -> Laid {
        if !self.is_outdated && self.touched.len() * NETWORKS_PER_TOUCHED <= self.networks.len() {
            return self.lay_part(baseline);
        }
        self.settle();
        Laid { born: self.lay_all(baseline), ..Laid::default() }
    }

    /// Makes the map anew; tells which cells are new. Costs the networks and the ranges.
    pub(super) fn lay_all(&mut self, baseline: &Baseline) -> Vec<CellId> {
        self.sweep();
        self.rest.resize(baseline.len(), None);
        let Self { list, free, networks, rest, .. } = self;

        let mut network_of: Vec<(Subnet, &mut Network)> =
            networks.iter_mut().map(|(subnet, network)| (*subnet, network)).collect();
        network_of.sort_unstable_by_key(|(subnet, _)| *subnet);
        let nodes: Vec<(Subnet, usize)> =
            network_of.iter().map(|(subnet, _)| *subnet).zip(0..).collect();
        let by_network = RangeMap::from_covering(&nodes, |covering| {
            let has_rows = covering.iter().any(|(_, node)| {
                network_of.get(*node).is_some_and(|(_, network)| !network.rows.is_empty())
            });
            covering.last().map(|(_, node)| (*node, has_rows))
        });
        let mut born = Born { list, free, ids: Vec::new(), unplaced: BTreeSet::new() };
        let map = by_network.overlay(&baseline.map, |node, base| {
            let Some((node, has_rows)) = node else {
                let place = rest.get_mut(base.index());
                return place.map_or(0, |place| *place.get_or_insert_with(|| born.rest(base)));
            };
            let Some((subnet, network)) = network_of.get_mut(node) else { return 0 };
            let id = network.cells.iter().find(|(of, _)| *of == base).map(|(_, id)| *id);
            let id = id.unwrap_or_else(|| {
                let id = born.give(Cell::new(base, *subnet));
                network.cells.push((base, id));
                id
            });
            if let Some(cell) = born.list.get_mut(id as usize) {
                cell.has_rows = has_rows;
            }
            id
        });
        born.place(&map);
        let born = born.ids;
        self.map = Arc::new(map);
        born
    }

    /// Drops the networks that nothing keeps, and their cells.
    fn sweep(&mut self) {
        let over = self.networks.iter().filter(|(_, network)| !network.stays());
        let mut over: Vec<Subnet> = over.map(|(subnet, _)| *subnet).collect();
        // Which numbers are given again must not hang on how a table lies in memory.
        over.sort_unstable();
        over.into_iter().for_each(|subnet| self.sweep_one(subnet, &mut Vec::new()));
    }

    /// Drops a network if nothing keeps it, and its cells; adds to `left` what those had.
    fn sweep_one(&mut self, subnet: Subnet, left: &mut Vec<(bool, f64, f64)>) {
        if self.networks.get(&subnet).is_none_or(Network::stays) {
            return;
        }
        let Some(network) = self.networks.remove(&subnet) else { return };
        let length = (subnet.is_ipv4(), subnet.length());
        if let Some(count) = self.lengths.get_mut(&length) {
            *count -= 1;
        }
        self.lengths.retain(|_, count| *count > 0);
        for (_, id) in network.cells {
            if let Some(cell) = self.list.get_mut(id as usize) {
                left.push((cell.has_rows, cell.volume, cell.trying()));
                cell.clear();
            }
            self.free.push(id);
        }
    }
}

/// New cells, and where they go.
struct Born<'a> {
    list: &'a mut Vec<Cell>,
    free: &'a mut Vec<CellId>,
    ids: Vec<CellId>,
    /// Cells of classes: where they are will be known once the map is.
    unplaced: BTreeSet<CellId>,
}

impl Born<'_> {
    fn give(&mut self, cell: Cell) -> CellId {
        // More cells than numbers for them would be half a terabyte.
        let next = CellId::try_from(self.list.len()).unwrap_or(CellId::MAX);
        let id = self.free.pop().unwrap_or(next);
        match self.list.get_mut(id as usize) {
            Some(place) => *place = cell,
            None => self.list.push(cell),
        }
        self.ids.push(id);
        id
    }

    fn rest(&mut self, base: BaseId) -> CellId {
        let id = self.give(Cell::new(base, Subnet::ALL_IPV4));
        self.unplaced.insert(id);
        id
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
