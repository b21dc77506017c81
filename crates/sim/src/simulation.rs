//! Agents, overwatches and clients over virtual time: the event loop.
//!
//! ```text
//!  clients --query, answer--> overwatch's view        (resolver, overwatch::resolve)
//!     |
//!     +--connection--> site's machine --samples--> agent --frames--> network --> overwatch
//! ```
//!
//! The next event of the queue sets the clock and is handled to its end. What a node wants done
//! (`sessions`) and what clients do (`visits`) becomes events again.

mod sessions;
mod tally;
mod visits;

use std::collections::BTreeMap;
use std::sync::Arc;

use agent::Agent;
use geo::Geo;
use latency::RegionEstimate;
use model::{Region, Subnet, Time};
use overwatch::{Command, Overwatch, Snapshot, Worker};

use crate::clients::{Clients, Connection};
use crate::conditions::Conditions;
use crate::network::{Delivery, End, Faults, LinkId, Network, NetworkError};
use crate::nodes::{AgentNode, OverwatchNode};
use crate::policies::Policy;
use crate::queue::Queue;
use crate::random::Random;
use crate::scenario::Scenario;
use crate::settings::{self, SetUpError};
use crate::words;
use crate::world::{World, WorldError};

use visits::Resolver;

pub use tally::{Hour, Minute, ShadowCounts, Tally};
pub use visits::Told;

/// When every simulation begins: 2026-01-01T00:00:00Z.
pub const START: Time = Time::from_unix_ms(1_767_225_600_000);

/// Clients come from here on: by then agents have joined, so that the first hour is not about
/// booting.
pub const CLIENTS_START: Time = START.plus_ms(10_000);

/// How often an overwatch gets its tick.
const OVERWATCH_TICK_MS: u64 = 1_000;

/// What the product promises: an agent tries again within five seconds, for ever.
pub const RECONNECT_MS_MAX: u64 = 5_000;

/// Kinds of warnings kept; further ones are not.
const WARNINGS_MAX: usize = 100;

/// What is simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Decides all luck.
    pub seed: u64,
    /// Who chooses sites; not the oracle, who needs no nodes.
    pub policy: Policy,
    /// Clients, events, and how nodes are set.
    pub scenario: Scenario,
    /// How many overwatches there are; clients ask the first that is up.
    pub overwatches: usize,
    /// How mesh connections break, if they do.
    pub faults: Option<Faults>,
}

/// Why a simulation cannot go on: a fault of the simulator or of the code that it runs.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The oracle was asked to run nodes.
    #[error("the policy {} asks no overwatch", .0.as_str())]
    NoAlgorithm(Policy),
    /// The scenario does not fit the world.
    #[error("the scenario does not fit")]
    World(#[from] WorldError),
    /// Nodes could not be made.
    #[error("the nodes cannot be set up")]
    SetUp(#[from] SetUpError),
    /// Bytes could not travel.
    #[error("a mesh connection failed")]
    Network(#[from] NetworkError),
    /// An overwatch answered in a way that no client understands.
    #[error("an overwatch's answer cannot be read")]
    Answer,
}

/// One run.
#[derive(Debug)]
pub struct Simulation {
    world: Arc<World>,
    geo: Arc<Geo>,
    plan: Plan,
    now: Time,
    queue: Queue<Event>,
    network: Network,
    agents: Vec<AgentNode>,
    overwatches: Vec<OverwatchNode>,
    conditions: Conditions,
    clients: Clients,
    /// Who comes next; nobody once it is closed to clients.
    next: Option<(Time, Connection)>,
    /// What resolvers keep, in the world's order.
    resolvers: Vec<Resolver>,
    /// For the times between two tries to connect.
    random: Random,
    /// The last socket's number.
    cookie: u64,
    /// Queries asked so far.
    turn: u64,
    worker: Worker,
    tally: Tally,
    /// The sites whose agents an overwatch held, and when.
    held: Vec<(usize, Time)>,
    warnings: BTreeMap<String, u64>,
}

/// What happens.
#[derive(Debug)]
enum Event {
    /// A long connection ends.
    SocketClosed { site: usize, cookie: u64 },
    /// The tick that an agent asked for, unless it asked for another meanwhile.
    AgentTick { agent: usize },
    /// A second has passed at an overwatch.
    OverwatchTick { overwatch: usize, life: u64 },
    /// An agent tries to connect.
    Dial { agent: usize, life: u64, overwatch: usize },
    /// TCP and TLS stand.
    Opened { link: LinkId },
    /// Something arrives over a mesh connection.
    Delivered(Delivery),
    /// A site's machines stop.
    SiteDown { site: usize },
    /// They start again.
    SiteUp { site: usize },
    /// An operator says something to every overwatch.
    Said(Box<Command>),
}

impl Simulation {
    /// A world with one agent a site and the overwatches of the plan, all just started.
    ///
    /// # Errors
    ///
    /// A plan for the oracle; settings that nodes refuse.
    pub fn new(world: Arc<World>, plan: Plan) -> Result<Self, SimulationError> {
        let random = |stream| Random::new(plan.seed, stream);
        let mut clients = Clients::new(random("clients"), CLIENTS_START, &plan.scenario);
        let mut simulation = Self {
            geo: Arc::new(
                settings::geography(&world, plan.policy, plan.scenario.operator.databases)
                    .map_err(SetUpError::from)?,
            ),
            now: START,
            queue: Queue::new(),
            network: Network::new(random("network"), plan.faults),
            agents: Vec::new(),
            overwatches: Vec::new(),
            conditions: Conditions::new(&world, &plan.scenario, CLIENTS_START)?,
            next: Some(clients.next(&world)),
            clients,
            resolvers: world.resolvers.iter().map(|_| Resolver::new()).collect(),
            random: random("nodes"),
            cookie: 0,
            turn: 0,
            worker: Worker::new(None),
            tally: Tally::new(&world, &plan.scenario.watch)?,
            held: Vec::new(),
            warnings: BTreeMap::new(),
            world,
            plan,
        };
        for _ in 0..simulation.plan.overwatches {
            simulation.add_overwatch()?;
        }
        for site in 0..simulation.world.sites.len() {
            let value = simulation.new_agent(site, START)?;
            let id = format!("agent-{}", simulation.world.sites[site].region);
            simulation.agents.push(AgentNode::new(value, id.parse().map_err(SetUpError::from)?));
            simulation.dial_all(site);
            simulation.plan_tick(site);
        }
        for down in simulation.conditions.outages() {
            simulation.queue.push(down.from, Event::SiteDown { site: down.site });
            if let Some(to) = down.to {
                simulation.queue.push(to, Event::SiteUp { site: down.site });
            }
        }
        let said = words::words(&simulation.world, &simulation.plan.scenario, CLIENTS_START)?;
        for (at, command) in said {
            simulation.queue.push(at, Event::Said(Box::new(command)));
        }
        Ok(simulation)
    }

    /// Lets everything happen up to a time, that time included.
    ///
    /// # Errors
    ///
    /// A fault of the code that is simulated.
    pub fn run_until(&mut self, until: Time) -> Result<(), SimulationError> {
        loop {
            // Clients are not in the queue: there are a thousand of them for each other event.
            let others = self.queue.next_at().unwrap_or(until).min(until);
            if let Some((at, connection)) = self.next.filter(|(at, _)| *at <= others) {
                self.now = self.now.max(at);
                self.next = Some(self.clients.next(&self.world));
                self.visit(&connection)?;
            } else if let Some((at, event)) = self.queue.pop(until) {
                self.now = self.now.max(at);
                self.happen(event)?;
            } else {
                break;
            }
        }
        self.now = self.now.max(until);
        Ok(())
    }

    /// Lets so many milliseconds pass.
    ///
    /// # Errors
    ///
    /// A fault of the code that is simulated.
    pub fn run_for(&mut self, ms: u64) -> Result<(), SimulationError> {
        self.run_until(self.now.plus_ms(ms))
    }

    fn happen(&mut self, event: Event) -> Result<(), SimulationError> {
        match event {
            Event::SocketClosed { site, cookie } => {
                if let Some(node) = self.agents.get_mut(site) {
                    node.close(cookie);
                }
                Ok(())
            }
            Event::AgentTick { agent } => self.agent_tick(agent),
            Event::OverwatchTick { overwatch, life } => self.overwatch_tick(overwatch, life),
            Event::Dial { agent, life, overwatch } => {
                self.dial(agent, life, overwatch);
                Ok(())
            }
            Event::Opened { link } => self.opened(link),
            Event::Delivered(delivery) => self.delivered(delivery),
            Event::SiteDown { site } => {
                self.stop_agent(site);
                Ok(())
            }
            Event::SiteUp { site } => self.restart_agent(site, 0),
            Event::Said(command) => self.say(&command),
        }
    }

    /// Takes a site's agent down at once, as a power cut does.
    fn stop_agent(&mut self, site: usize) {
        self.vanish(End::Agent, site);
        let Some(node) = self.agents.get_mut(site) else { return };
        node.life += 1;
        node.links.clear();
        node.tick_at = None;
        node.sockets.clear();
        node.closed.clear();
    }

    /// Adds an overwatch that every agent knows at once; tells its number.
    ///
    /// # Errors
    ///
    /// Settings that it refuses.
    pub fn add_overwatch(&mut self) -> Result<usize, SimulationError> {
        let number = self.overwatches.len();
        self.overwatches.push(OverwatchNode {
            value: None,
            view: None,
            snapshot: Snapshot::default(),
            name: format!("overwatch-{number}"),
            life: 0,
        });
        self.start_overwatch(number)?;
        (0..self.agents.len()).for_each(|agent| self.dial_soon(agent, number));
        Ok(number)
    }

    /// Takes an overwatch down at once, as a kill does: only what it kept is left.
    pub fn stop_overwatch(&mut self, number: usize) {
        let Some(node) = self.overwatches.get_mut(number) else { return };
        node.value = None;
        node.view = None;
        node.life += 1;
        self.vanish(End::Overwatch, number);
    }

    /// Starts an overwatch with what it kept.
    ///
    /// # Errors
    ///
    /// Settings that it refuses.
    pub fn start_overwatch(&mut self, number: usize) -> Result<(), SimulationError> {
        let (policy, scenario) = (self.plan.policy, &self.plan.scenario);
        let domain = settings::domain(&self.world, policy, scenario)?;
        let domain = domain.ok_or(SimulationError::NoAlgorithm(policy))?;
        let Some(node) = self.overwatches.get_mut(number) else { return Ok(()) };
        let settings = settings::overwatch(&node.name, domain)?;
        let (geo, snapshot) = (Arc::clone(&self.geo), node.snapshot.clone());
        node.value = Some(Overwatch::new(settings, geo, snapshot, self.now));
        node.life += 1;
        let life = node.life;
        self.overwatch_tick(number, life)
    }

    /// Restarts an agent; its clock is then so far behind.
    ///
    /// # Errors
    ///
    /// Settings that it refuses.
    pub fn restart_agent(&mut self, site: usize, behind_ms: u64) -> Result<(), SimulationError> {
        self.vanish(End::Agent, site);
        let value = self.new_agent(site, self.now.minus_ms(behind_ms))?;
        let Some(node) = self.agents.get_mut(site) else { return Ok(()) };
        node.value = value;
        node.behind_ms = behind_ms;
        node.life += 1;
        node.links.clear();
        node.tick_at = None;
        self.dial_all(site);
        self.plan_tick(site);
        Ok(())
    }

    fn new_agent(&self, site: usize, clock: Time) -> Result<Agent, SimulationError> {
        let learns = self.measures().then_some(&self.plan.scenario);
        let settings = settings::agent(&self.world.sites[site], learns)?;
        let overwatches = (0..self.overwatches.len()).map(settings::overwatch_address);
        Ok(Agent::new(settings, overwatches, clock))
    }

    /// Whether agents measure: for the policy, or for its shadow.
    const fn measures(&self) -> bool {
        let Plan { policy, scenario, .. } = &self.plan;
        policy.learns() || scenario.operator.shadow && policy.shadow().is_some()
    }

    /// No client comes any more; connections that are open end in their time.
    pub const fn close_to_clients(&mut self) {
        self.next = None;
    }

    /// No mesh connection breaks by itself any more.
    pub fn heal(&mut self) {
        self.network.heal();
    }

    /// The time it is.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// What an overwatch learned: by client network and region; nothing while it is down.
    #[must_use]
    pub fn rows(&self, overwatch: usize) -> Vec<(Subnet, Region, RegionEstimate)> {
        let value = self.overwatches.get(overwatch).and_then(|node| node.value.as_ref());
        let rows = value.zip(settings::service().ok());
        rows.map(|(value, service)| value.table().rows(&service)).unwrap_or_default()
    }

    /// How many readings counted at the agent of a site since it started, and how many rows it has.
    #[must_use]
    pub fn learned_at(&self, site: usize) -> Option<(u64, usize)> {
        let learning = self.agents.get(site)?.value.learning();
        learning.map(|(counters, rows)| (counters.admitted, rows))
    }

    /// The sites whose agents were held, and when.
    #[must_use]
    pub fn held(&self) -> &[(usize, Time)] {
        &self.held
    }

    /// What nodes asked to have logged as a warning, and how often.
    #[must_use]
    pub const fn warnings(&self) -> &BTreeMap<String, u64> {
        &self.warnings
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < WARNINGS_MAX || self.warnings.contains_key(&warning) {
            *self.warnings.entry(warning).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests;
