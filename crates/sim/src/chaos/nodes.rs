//! Agents and overwatches, their clocks and their disks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use agent::Agent;
use mesh::KeyHash;
use model::Time;
use overwatch::{Change, Overwatch, Snapshot, View};

use super::truth::Learned;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Agent(usize),
    Overwatch(usize),
}

/// A machine with an agent.
#[derive(Debug)]
pub(super) struct Host {
    /// `None` while it is down.
    pub(super) value: Option<Agent>,
    pub(super) settings: agent::Settings,
    pub(super) clock: Clock,
    pub(super) pins: BTreeMap<String, KeyHash>,
    /// The overwatches that it was told of.
    pub(super) dials: BTreeSet<String>,
    /// Whether it was asked to end and has not yet.
    pub(super) is_ending: bool,
    /// Whether its server works.
    pub(super) is_healthy: bool,
    /// Whether all of the machine is down, its server too.
    pub(super) is_dark: bool,
    /// What it saw.
    pub(super) learned: Learned,
    /// What waits while it hangs.
    pub(super) backlog: VecDeque<agent::Event>,
}

/// A machine with an overwatch.
#[derive(Debug)]
pub(super) struct Node {
    /// `None` while it is down.
    pub(super) value: Option<Overwatch>,
    pub(super) settings: overwatch::Settings,
    /// Whether it is of a release that does not know other overwatches.
    pub(super) is_old: bool,
    pub(super) clock: Clock,
    pub(super) view: Option<Arc<View>>,
    pub(super) disk: Disk,
    pub(super) pins: BTreeMap<String, KeyHash>,
    pub(super) dials: BTreeSet<String>,
    pub(super) backlog: VecDeque<overwatch::Event>,
    /// What operators said of servers here.
    pub(super) words: BTreeMap<usize, Words>,
    /// The servers that it wants checked, by agent.
    pub(super) watched: BTreeMap<usize, Watched>,
    /// Those of which a check is planned.
    pub(super) checking: BTreeSet<usize>,
    /// Its starts; what was planned for an earlier one is void.
    pub(super) life: u64,
    /// What it was told since it was made.
    pub(super) steps: u64,
}

/// A server that an overwatch wants checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    pub(super) every_ms: u64,
    /// What it was told last.
    pub(super) verdict: Option<bool>,
}

/// A clock that may be wrong. It never goes back while a process lives, as the product's own does not; it may
/// go ahead at any time, as that of a machine that was moved or stood still.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// How much later it is there, in milliseconds, and the same backwards.
    pub(super) ahead_ms: u64,
    pub(super) behind_ms: u64,
    /// The process does nothing until then.
    pub(super) hangs_until: Option<Time>,
}

impl Host {
    pub(super) fn new(settings: agent::Settings, dials: BTreeSet<String>) -> Self {
        Self {
            value: None,
            settings,
            clock: Clock::default(),
            pins: BTreeMap::new(),
            dials,
            is_ending: false,
            is_healthy: true,
            is_dark: false,
            learned: Learned::default(),
            backlog: VecDeque::new(),
        }
    }
}

impl Node {
    pub(super) fn new(settings: overwatch::Settings, is_old: bool) -> Self {
        Self {
            value: None,
            settings,
            is_old,
            clock: Clock::default(),
            view: None,
            disk: Disk::default(),
            pins: BTreeMap::new(),
            dials: BTreeSet::new(),
            backlog: VecDeque::new(),
            words: BTreeMap::new(),
            watched: BTreeMap::new(),
            checking: BTreeSet::new(),
            life: 0,
            steps: 0,
        }
    }
}

impl Clock {
    pub(super) const fn at(&self, now: Time) -> Time {
        now.plus_ms(self.ahead_ms).minus_ms(self.behind_ms)
    }

    pub(super) fn hangs(&self, now: Time) -> bool {
        self.hangs_until.is_some_and(|until| now < until)
    }
}

/// What is kept, and what is about to be.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// What a start would find.
    pub(super) kept: Snapshot,
    /// Writes on their way, in their order, each with the number of the word that it acknowledges.
    pub(super) writing: VecDeque<(Vec<Change>, Option<u64>)>,
    /// A write takes this long.
    pub(super) delay_ms: u64,
    /// Every write is refused, and tried again. Who waits for one is told that it is not kept.
    pub(super) is_full: bool,
}

/// What operators said of one server at one overwatch.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// What was acknowledged last: it must hold.
    pub(super) acknowledged: Option<bool>,
    /// What was said since and is not acknowledged: it may hold.
    pub(super) pending: VecDeque<(u64, Option<bool>)>,
}

impl Words {
    /// What may be in force after a crash: what was acknowledged, or anything said since.
    pub(super) fn may_be(&self, is_up: Option<bool>) -> bool {
        self.acknowledged == is_up || self.pending.iter().any(|(_, said)| *said == is_up)
    }

    /// What is in force now: what was said last.
    pub(super) fn last(&self) -> Option<bool> {
        self.pending.back().map_or(self.acknowledged, |(_, said)| *said)
    }

    /// A word is on the disk, and all before it.
    pub(super) fn acknowledge(&mut self, number: u64) {
        while self.pending.front().is_some_and(|(said_as, _)| *said_as <= number) {
            self.acknowledged = self.pending.pop_front().and_then(|(_, said)| said);
        }
    }
}
