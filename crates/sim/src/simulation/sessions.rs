//! What nodes want done, and what that brings about: sessions from the first try to the last byte.

use std::net::{IpAddr, SocketAddr};

use mesh::{Frame, KeyHash, Peer};
use model::{AgentId, Time};
use overwatch::{Command, Said};

use super::{Event, OVERWATCH_TICK_MS, RECONNECT_MS_MAX, Simulation, SimulationError};
use crate::network::{Delivery, End, LinkId, Received};
use crate::settings;

/// Where overwatches listen for agents.
const MESH_PORT: u16 = 7946;

/// The port that an agent's connection comes from; one serves all, they are told apart by number.
const AGENT_PORT: u16 = 50_000;

impl Simulation {
    /// An agent tries every overwatch within a moment.
    pub(super) fn dial_all(&mut self, agent: usize) {
        (0..self.overwatches.len()).for_each(|overwatch| self.dial_soon(agent, overwatch));
    }

    /// An agent tries an overwatch (again) within [`RECONNECT_MS_MAX`].
    pub(super) fn dial_soon(&mut self, agent: usize, overwatch: usize) {
        let at = self.now.plus_ms(self.random.below(RECONNECT_MS_MAX));
        let Some(node) = self.agents.get_mut(agent) else { return };
        node.known.insert(overwatch);
        self.queue.push(at, Event::Dial { agent, life: node.life, overwatch });
    }

    pub(super) fn dial(&mut self, agent: usize, life: u64, overwatch: usize) {
        let Some(node) = self.agents.get_mut(agent).filter(|node| node.life == life) else {
            return;
        };
        let is_up = self.overwatches.get(overwatch).is_some_and(|node| node.value.is_some());
        if !is_up {
            self.dial_soon(agent, overwatch);
            return;
        }
        let (link, at) = self.network.open(agent, overwatch, self.now);
        node.links.insert(link, overwatch);
        self.queue.push(at, Event::Opened { link });
    }

    /// TLS stands: both ends learn who the other says it is.
    pub(super) fn opened(&mut self, link: LinkId) -> Result<(), SimulationError> {
        // Where one end died meanwhile, the other is about to notice.
        let Some(opened) = self.network.get(link).filter(|link| !link.is_broken) else {
            return Ok(());
        };
        let (agent, overwatch) = (opened.agent, opened.overwatch);
        let exporter = opened.exporter.clone();
        let (Some(there), Some(here)) = (self.agents.get(agent), self.overwatches.get(overwatch))
        else {
            return Ok(());
        };
        let server = self.world.sites.get(agent).map_or(IpAddr::from([0; 4]), |s| s.server.into());
        let agent_key = KeyHash::of_spki(there.id.as_str().as_bytes());
        let overwatch_key = KeyHash::of_spki(here.name.as_bytes());
        let dialled = address_of(overwatch);
        let to_overwatch = Peer {
            address: SocketAddr::new(server, AGENT_PORT),
            name: there.id.to_string(),
            key: agent_key,
            own_key: overwatch_key,
            exporter: exporter.clone(),
        };
        let to_agent = Peer {
            address: SocketAddr::new(settings::overwatch_address(overwatch), MESH_PORT),
            name: here.name.clone(),
            key: overwatch_key,
            own_key: agent_key,
            exporter,
        };
        let pinned = there.pins.get(&dialled).copied();
        let event = overwatch::Event::LinkOpened { link, peer: to_overwatch };
        self.tell_overwatch(overwatch, event)?;
        let event = agent::Event::LinkOpened { link, dialled, peer: to_agent, pinned };
        self.tell_agent(agent, event)
    }

    pub(super) fn delivered(&mut self, delivery: Delivery) -> Result<(), SimulationError> {
        let (link, to) = (delivery.link, delivery.to);
        let Some(ends) = self.network.get(link) else { return Ok(()) };
        let (agent, overwatch) = (ends.agent, ends.overwatch);
        match (to, self.network.receive(delivery)?) {
            (_, None) => {}
            (End::Agent, Some(Received::Frames(frames))) => {
                for frame in frames {
                    self.tell_agent(agent, agent::Event::FrameReceived { link, frame })?;
                }
            }
            (End::Overwatch, Some(Received::Frames(frames))) => {
                for frame in frames {
                    let event = overwatch::Event::FrameReceived { link, frame };
                    self.tell_overwatch(overwatch, event)?;
                }
            }
            (End::Agent, Some(Received::Gone)) => {
                let node = self.agents.get_mut(agent);
                if node.is_some_and(|node| node.links.remove(&link).is_some()) {
                    self.tell_agent(agent, agent::Event::LinkClosed { link })?;
                    self.dial_soon(agent, overwatch);
                }
            }
            (End::Overwatch, Some(Received::Gone)) => {
                self.tell_overwatch(
                    overwatch,
                    overwatch::Event::LinkClosed { link, refusal: None },
                )?;
            }
        }
        Ok(())
    }

    /// A node dies: its connections end without a word.
    pub(super) fn vanish(&mut self, end: End, node: usize) {
        let mut out = Vec::new();
        for link in self.network.of_node(end, node) {
            self.network.vanish(link, end, self.now, &mut out);
        }
        self.post(out);
    }

    pub(super) fn agent_tick(&mut self, agent: usize) -> Result<(), SimulationError> {
        let now = self.now;
        let Some(node) = self.agents.get_mut(agent) else { return Ok(()) };
        // An earlier tick was planned after this one, or this one is of an earlier life.
        if node.tick_at != Some(now) {
            return Ok(());
        }
        node.tick_at = None;
        if node.deadline() > now {
            self.plan_tick(agent);
            return Ok(());
        }
        self.tell_agent(agent, agent::Event::Tick)
    }

    /// Plans the tick that an agent wants next.
    pub(super) fn plan_tick(&mut self, agent: usize) {
        let Some(node) = self.agents.get_mut(agent) else { return };
        // Time goes on, whatever the agent says.
        let at = node.deadline().max(self.now.plus_ms(1));
        if node.tick_at.is_none_or(|planned| at < planned) {
            node.tick_at = Some(at);
            self.queue.push(at, Event::AgentTick { agent });
        }
    }

    pub(super) fn overwatch_tick(
        &mut self,
        overwatch: usize,
        life: u64,
    ) -> Result<(), SimulationError> {
        if self.overwatches.get(overwatch).is_none_or(|node| node.life != life) {
            return Ok(());
        }
        let at = self.now.plus_ms(OVERWATCH_TICK_MS);
        self.queue.push(at, Event::OverwatchTick { overwatch, life });
        self.tell_overwatch(overwatch, overwatch::Event::Tick)
    }

    /// Hands an agent an event and carries out what it wants.
    pub(super) fn tell_agent(
        &mut self,
        agent: usize,
        event: agent::Event,
    ) -> Result<(), SimulationError> {
        let now = self.now;
        let mut out = Vec::new();
        let Some(node) = self.agents.get_mut(agent) else { return Ok(()) };
        let mut events = node.backlog(event);
        while let Some(event) = events.pop_front() {
            let Some(node) = self.agents.get_mut(agent) else { break };
            let clock = node.clock(now);
            for effect in node.value.handle(event, clock) {
                match effect {
                    agent::Effect::Poll => {
                        let Some(node) = self.agents.get_mut(agent) else { break };
                        events.push_back(agent::Event::Samples(node.dump()));
                        events.push_back(agent::Event::PollEnded);
                    }
                    agent::Effect::Send { link, frame } => {
                        self.network.send((link, End::Agent), &frame, now, &mut out)?;
                    }
                    agent::Effect::Close { link } => {
                        self.network.close(link, End::Agent, now, &mut out);
                    }
                    agent::Effect::Pin { link, dialled, key } => {
                        self.network.prove(link, End::Agent);
                        let Some(node) = self.agents.get_mut(agent) else { break };
                        node.pins.insert(dialled, key);
                    }
                    agent::Effect::Dial { address } => self.dial_by_name(agent, &address),
                    // Nothing here strains.
                    agent::Effect::Look => {}
                    agent::Effect::Log(note) => {
                        if note.level() == agent::Level::Warn {
                            self.warn(note.to_string());
                        }
                    }
                }
            }
        }
        self.post(out);
        self.plan_tick(agent);
        Ok(())
    }

    /// An agent heard of an overwatch.
    fn dial_by_name(&mut self, agent: usize, address: &str) {
        let number = (0..self.overwatches.len()).find(|number| address_of(*number) == address);
        let is_new = |number: &usize| {
            self.agents.get(agent).is_some_and(|node| !node.known.contains(number))
        };
        if let Some(number) = number.filter(is_new) {
            self.dial_soon(agent, number);
        }
    }

    /// Hands an overwatch an event and carries out what it wants; nothing while it is down.
    pub(super) fn tell_overwatch(
        &mut self,
        overwatch: usize,
        event: overwatch::Event,
    ) -> Result<(), SimulationError> {
        let now = self.now;
        let Some(node) = self.overwatches.get_mut(overwatch) else { return Ok(()) };
        let Some(value) = &mut node.value else { return Ok(()) };
        let mut out = Vec::new();
        let (mut warnings, mut held) = (Vec::new(), Vec::new());
        for effect in value.handle(event, now) {
            match effect {
                overwatch::Effect::Send { link, frame } => {
                    // A welcome says that the agent has proven itself.
                    if matches!(frame, Frame::Welcome(_)) {
                        self.network.prove(link, End::Overwatch);
                    }
                    self.network.send((link, End::Overwatch), &frame, now, &mut out)?;
                }
                overwatch::Effect::Close { link } => {
                    self.network.close(link, End::Overwatch, now, &mut out);
                }
                // Servers never fail here and have no checks.
                overwatch::Effect::Watch { .. } | overwatch::Effect::Unwatch { .. } => {}
                // No zone here is signed.
                overwatch::Effect::Draw { .. } => {}
                // Nobody here knows another overwatch: see `chaos`.
                overwatch::Effect::DialPeers(_) | overwatch::Effect::PinPeer { .. } => {}
                overwatch::Effect::Publish(view) => node.view = Some(view),
                overwatch::Effect::Keep(changes) => {
                    changes.into_iter().for_each(|change| node.snapshot.apply(change));
                }
                overwatch::Effect::Log(note) => {
                    if let overwatch::Note::AgentHeld { agent, .. } = &note {
                        held.push(agent.clone());
                    }
                    if note.level() == overwatch::Level::Warn {
                        warnings.push(note.to_string());
                    }
                }
            }
        }
        warnings.into_iter().for_each(|warning| self.warn(warning));
        self.post(out);
        held.into_iter().try_for_each(|agent| self.is_held(overwatch, agent))
    }

    /// Tells every overwatch what an operator says. What it objects to is a warning where it learns;
    /// other algorithms have nothing to freeze.
    pub(super) fn say(&mut self, command: &Command) -> Result<(), SimulationError> {
        for number in 0..self.overwatches.len() {
            let value = self.overwatches.get(number).and_then(|node| node.value.as_ref());
            let said = Said::default();
            let objection = value.and_then(|value| value.objection(command, &said, self.now));
            if let Some(objection) = objection.filter(|_| self.plan.policy.learns()) {
                self.warn(format!("an operator's word is refused: {objection}"));
            }
            self.tell_overwatch(number, event(command.clone()))?;
        }
        Ok(())
    }

    /// An overwatch holds an agent.
    fn is_held(&mut self, overwatch: usize, agent: AgentId) -> Result<(), SimulationError> {
        let site = self.agents.iter().position(|node| node.id == agent);
        self.held.extend(site.map(|site| (site, self.now)));
        if !self.plan.scenario.operator.accept_held {
            return Ok(());
        }
        self.tell_overwatch(overwatch, event(Command::Accept(agent)))
    }

    fn post(&mut self, deliveries: Vec<(Time, Delivery)>) {
        for (at, delivery) in deliveries {
            self.queue.push(at, Event::Delivered(delivery));
        }
    }
}

/// An operator's word, as an overwatch hears it.
fn event(command: Command) -> overwatch::Event {
    overwatch::Event::Command { command, said: Said::default() }
}

/// What an agent dials to reach an overwatch.
fn address_of(overwatch: usize) -> String {
    SocketAddr::new(settings::overwatch_address(overwatch), MESH_PORT).to_string()
}
