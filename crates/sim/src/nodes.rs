//! The production values with what their edge keeps for them.
//!
//! What `runtime` does with sockets and files is done here with the queue and with memory; nothing
//! is decided here that those values decide.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use agent::Agent;
use mesh::KeyHash;
use model::{AgentId, Sample, SocketState, Time};
use overwatch::{Overwatch, Snapshot, View};

use crate::network::LinkId;

/// An agent and the machine that it runs on.
#[derive(Debug)]
pub(crate) struct AgentNode {
    pub(crate) value: Agent,
    pub(crate) id: AgentId,
    /// How far its clock is behind the simulation's.
    pub(crate) behind_ms: u64,
    /// Starts of the agent; what was planned for an earlier life is void.
    pub(crate) life: u64,
    /// The tick that is planned.
    pub(crate) tick_at: Option<Time>,
    /// Its connections, and the overwatch of each.
    pub(crate) links: BTreeMap<LinkId, usize>,
    /// The overwatches that it knows of.
    pub(crate) known: BTreeSet<usize>,
    /// The keys it pinned, by address.
    pub(crate) pins: BTreeMap<String, KeyHash>,
    /// The sockets that are open on its machine, by cookie.
    pub(crate) sockets: BTreeMap<u64, Sample>,
    /// Sockets that closed since the agent was last told anything. It looks at them no sooner than
    /// at its next poll, so they can wait for it.
    pub(crate) closed: Vec<Sample>,
}

impl AgentNode {
    pub(crate) const fn new(value: Agent, id: AgentId) -> Self {
        Self {
            value,
            id,
            behind_ms: 0,
            life: 0,
            tick_at: None,
            links: BTreeMap::new(),
            known: BTreeSet::new(),
            pins: BTreeMap::new(),
            sockets: BTreeMap::new(),
            closed: Vec::new(),
        }
    }

    /// What its clock shows.
    pub(crate) const fn clock(&self, now: Time) -> Time {
        now.minus_ms(self.behind_ms)
    }

    /// When it wants its next tick, by the simulation's clock.
    pub(crate) fn deadline(&self) -> Time {
        self.value.next_deadline().plus_ms(self.behind_ms)
    }

    /// A dump of the open sockets, as the kernel gives it. Each has moved some data since the last.
    pub(crate) fn dump(&mut self) -> Vec<Sample> {
        for sample in self.sockets.values_mut() {
            sample.bytes_acked += BYTES_PER_POLL;
        }
        self.sockets.values().copied().collect()
    }

    /// A socket closes: its last reading.
    pub(crate) fn close(&mut self, cookie: u64) {
        if let Some(sample) = self.sockets.remove(&cookie) {
            let bytes_acked = sample.bytes_acked + BYTES_PER_POLL;
            self.closed.push(Sample { state: SocketState::Closed, bytes_acked, ..sample });
        }
    }

    /// What the agent has not been told yet, before it hears of `event`.
    pub(crate) fn backlog(&mut self, event: agent::Event) -> VecDeque<agent::Event> {
        let closed = std::mem::take(&mut self.closed);
        let samples = (!closed.is_empty()).then_some(agent::Event::Samples(closed));
        samples.into_iter().chain([event]).collect()
    }
}

/// What an open connection moves between two polls: enough to be new data.
const BYTES_PER_POLL: u64 = 10_000;

/// An overwatch and the machine that it runs on.
#[derive(Debug)]
pub(crate) struct OverwatchNode {
    /// `None` while it is down.
    pub(crate) value: Option<Overwatch>,
    /// What it answers by; `None` while it is down.
    pub(crate) view: Option<Arc<View>>,
    /// What is on its disk.
    pub(crate) snapshot: Snapshot,
    /// Its name in the mesh and in its certificate.
    pub(crate) name: String,
    /// Starts of the overwatch; what was planned for an earlier life is void.
    pub(crate) life: u64,
}
