//! What is spilled against a small world: blocks that each have an order of regions, caches that
//! keep answers, and connections that live for a while.

use std::net::IpAddr;

use model::Subnet;
use proptest::prelude::*;

use super::*;
use crate::fixture::{LEARNED, NOW, domain};
use crate::{RegionSettings, slot};

/// How long connections live, in seconds.
const LIFE_S: f64 = 60.0;
const TTL_S: f64 = 30.0;
const BLOCKS: u32 = 400;

/// Regions with these capacities.
fn settings(capacities: &[Option<u64>]) -> DomainSettings {
    let plain = domain(LEARNED);
    let region = |(at, capacity): (usize, &Option<u64>)| RegionSettings {
        name: format!("r{at}").parse().unwrap(),
        capacity: *capacity,
        ..plain.regions[0].clone()
    };
    let regions = capacities.iter().enumerate().map(region).collect();
    DomainSettings { regions, ttl_s: TTL_S as u32, ..plain }
}

/// One block: the open connections it keeps up, and its regions, the best first.
struct Block {
    network: Subnet,
    open: f64,
    order: Vec<u16>,
}

struct World {
    settings: DomainSettings,
    capacity: Capacity,
    blocks: Vec<Block>,
    /// What was last answered: by which shares and with what down, and where that leads.
    answered: (Vec<u16>, Option<u16>, Vec<f64>),
    /// What caches send where: by region, in connections kept up.
    arriving: Vec<f64>,
    open: Vec<f64>,
    down: Option<u16>,
    now: Time,
}

impl World {
    /// `wanted` connections in all; `seed` says who likes which region.
    fn new(capacities: &[Option<u64>], wanted: f64, seed: u64) -> Self {
        let settings = settings(capacities);
        let regions = capacities.len() as u16;
        let block = |n: u32| {
            let address = IpAddr::V4((0x0a00_0000 + (n << 12)).into());
            let network = Subnet::of(address, 20);
            let mut order: Vec<u16> = (0..regions).collect();
            order.sort_by_key(|region| slot::draw(network, *region, seed));
            Block { network, open: wanted / f64::from(BLOCKS), order }
        };
        let blocks: Vec<Block> = (0..BLOCKS).map(block).collect();
        let none = vec![0.0; capacities.len()];
        let capacity = Capacity::new(&settings);
        let mut world = Self {
            settings,
            capacity,
            blocks,
            arriving: none.clone(),
            open: none,
            down: None,
            answered: Default::default(),
            now: NOW,
        };
        world.arriving = world.sent();
        world
    }

    /// How many connections each region is to have by what is answered now.
    fn sent(&self) -> Vec<f64> {
        let shares = self.capacity.shares();
        let spilled = |network, region: u16| {
            let share = shares.get(usize::from(region)).copied().unwrap_or(0);
            slot::draw(network, region, u64::MAX) < share
        };
        let mut sent = vec![0.0; self.open.len()];
        for block in &self.blocks {
            let up = || block.order.iter().filter(|region| Some(**region) != self.down);
            let open = up().find(|region| !spilled(block.network, **region));
            if let Some(region) = open.or_else(|| up().next()) {
                sent[usize::from(*region)] += block.open;
            }
        }
        sent
    }

    fn run(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now.plus_ms(1_000);
            let before = self.open.clone();
            let (shares, down, _) = &self.answered;
            if (shares, down) != (&self.capacity.shares(), &self.down) || self.answered.2.is_empty()
            {
                self.answered = (self.capacity.shares(), self.down, self.sent());
            }
            for (region, sent) in self.answered.2.clone().into_iter().enumerate() {
                self.arriving[region] += (sent - self.arriving[region]) / TTL_S;
                self.open[region] += (self.arriving[region] - self.open[region]) / LIFE_S;
            }
            if let Some(down) = self.down {
                self.open[usize::from(down)] = 0.0;
                self.arriving[usize::from(down)] = 0.0;
            }
            let load = |(region, open): (usize, &f64)| {
                let growth_per_s = (open - before[region]).max(0.0);
                let load =
                    RegionLoad { open: *open as u64, closed_per_s: open / LIFE_S, growth_per_s };
                (self.settings.regions[region].name.clone(), load)
            };
            let loads = self.open.iter().enumerate().map(load).collect();
            let down = self.down;
            let is_up = |region| Some(region) != down;
            self.capacity.reckon(&self.settings, &loads, is_up, self.now);
        }
    }

    /// How full each limited region is.
    fn fill(&self) -> Vec<f64> {
        let fill = |(at, spill): (usize, Spill)| self.open[at] / spill.capacity as f64;
        self.capacity.spills().map(fill).collect()
    }

    fn fullest(&self) -> f64 {
        self.fill().into_iter().fold(0.0, f64::max)
    }
}

#[test]
fn nothing_is_spilled_where_there_is_room_or_no_limit() {
    let mut world = World::new(&[Some(1_000), Some(1_000), None], 1_800.0, 1);
    world.run(900);
    assert_eq!(world.capacity.shares(), [0, 0, 0]);
    let mut world = World::new(&[None, None], 1e6, 1);
    world.run(60);
    assert_eq!((world.capacity.shares(), world.capacity.spills().count()), (vec![], 0));
}

#[test]
fn the_rest_goes_to_the_next_region() {
    let mut world = World::new(&[Some(1_000), None], 4_000.0, 1);
    world.run(1_800);
    let share = world.capacity.spills().next().unwrap().1.share;
    assert!((0.45..0.65).contains(&share), "half of two thousand: {share}");
    assert!((0.8..1.0).contains(&world.fullest()), "{:?}", world.fill());
    assert!(world.open[1] > 2_900.0);
}

#[test]
fn when_all_are_full_each_has_its_part() {
    let mut world = World::new(&[Some(1_000), Some(3_000)], 8_000.0, 1);
    world.run(3_600);
    let fill = world.fill();
    assert!(fill.iter().all(|fill| (1.8..2.3).contains(fill)), "{fill:?}");
}

#[test]
fn a_fall_does_not_topple_the_next() {
    // Everybody's second choice is another, and the first is down: half as much again for the rest.
    let mut world = World::new(&[Some(1_000); 3], 2_000.0, 1);
    world.run(1_200);
    assert!(world.fullest() < 0.8, "{:?}", world.fill());
    // Those of the first all have the second next.
    for block in &mut world.blocks {
        if block.order[0] == 0 {
            block.order = vec![0, 1, 2];
        }
    }
    world.down = Some(0);
    let mut most: f64 = 0.0;
    for _ in 0..1_800 {
        world.run(1);
        most = most.max(world.fullest());
    }
    assert!(most < 1.1, "all of them would be 1.3: {most}");
    // And back without a stampede.
    world.down = None;
    for _ in 0..1_800 {
        world.run(1);
        most = most.max(world.fullest());
    }
    assert!(most < 1.1, "{most}");
}

#[test]
fn overwatches_that_began_apart_come_to_the_same() {
    let settings = settings(&[Some(1_000), None]);
    let mut both = [Capacity::new(&settings), Capacity::new(&settings)];
    if let Some(limited) = &mut both[1].regions[0] {
        (limited.share, limited.shown, limited.told) = (0.8, 0.8, 0.8);
    }
    let (mut now, mut open) = (NOW, 1_000.0);
    for _ in 0..3 * 3_600 {
        now = now.plus_ms(1_000);
        // Half of two thousand ask the one, half the other.
        let share = |capacity: &Capacity| capacity.spills().next().unwrap().1.share;
        let sent = both.iter().map(|capacity| 1_000.0 * (1.0 - share(capacity))).sum::<f64>();
        open += (sent - open) / (TTL_S + LIFE_S);
        let load = RegionLoad { open: open as u64, closed_per_s: open / LIFE_S, growth_per_s: 0.0 };
        let loads = BTreeMap::from([(settings.regions[0].name.clone(), load)]);
        for capacity in &mut both {
            capacity.reckon(&settings, &loads, |_| true, now);
        }
    }
    let [one, other] = both.map(|capacity| capacity.spills().next().unwrap().1.share);
    assert!((one - other).abs() < 0.1, "{one} {other}");
    assert!(open < 1_000.0, "{open}");
}

#[test]
fn who_tells_nothing_or_is_down_keeps_its_share() {
    let settings = settings(&[Some(1_000), None]);
    let mut capacity = Capacity::new(&settings);
    let load = RegionLoad { open: 3_000, closed_per_s: 50.0, growth_per_s: 0.0 };
    let loads = BTreeMap::from([(settings.regions[0].name.clone(), load)]);
    capacity.reckon(&settings, &loads, |_| true, NOW);
    let shares = capacity.shares();
    assert!(shares[0] > 40_000 && shares[1] == 0, "{shares:?}");
    assert!(!capacity.reckon(&settings, &BTreeMap::new(), |_| true, NOW.plus_ms(600_000)));
    assert!(!capacity.reckon(&settings, &loads, |_| false, NOW.plus_ms(900_000)));
    assert_eq!(capacity.shares(), shares);
    // Other settings keep it too.
    let mut more = settings.clone();
    more.regions.reverse();
    assert_eq!(capacity.succeed(&settings, &more).shares(), [0, shares[0]]);
}

#[test]
fn more_load_never_spills_less() {
    let settings = settings(&[Some(1_000), None]);
    let mut before = 0;
    for open in (0..10_000).step_by(100) {
        let mut capacity = Capacity::new(&settings);
        let load = RegionLoad { open, closed_per_s: 10.0, growth_per_s: 0.0 };
        let loads = BTreeMap::from([(settings.regions[0].name.clone(), load)]);
        capacity.reckon(&settings, &loads, |_| true, NOW);
        assert!(capacity.shares()[0] >= before, "{open}");
        before = capacity.shares()[0];
    }
    assert!(before > 55_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn what_fits_in_all_fits_in_each(
        capacities in prop::collection::vec(500u64..5_000, 2..6),
        part in 0.1f64..0.8,
        seed in 0u64..1_000,
    ) {
        let sum: u64 = capacities.iter().sum();
        let limits: Vec<Option<u64>> = capacities.iter().copied().map(Some).collect();
        let mut world = World::new(&limits, sum as f64 * part, seed);
        let mut twin = World::new(&limits, sum as f64 * part, seed);
        world.run(2_400);
        let mut most: f64 = 0.0;
        for _ in 0..600 {
            world.run(1);
            most = most.max(world.fullest());
        }
        prop_assert!(most <= 1.0, "{most} {:?} {:?}", world.fill(), world.capacity.shares());
        // The same numbers, the same shares.
        twin.run(3_000);
        prop_assert_eq!(twin.capacity.shares(), world.capacity.shares());
    }
}
