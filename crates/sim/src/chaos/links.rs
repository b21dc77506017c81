//! Connections of the world: dialled, established, carried, broken.

use std::net::SocketAddr;

use mesh::{Frame, KeyHash, Peer};

use super::invariants::Fault;
use super::nodes::End;
use super::seam::Passing;
use super::site;
use super::wires::{self, LinkId, QUEUE_FRAMES, Side};
use super::world::{Event, World, name_of, overwatch_at};

/// The pause of a real edge before it dials again, in milliseconds: whichever of its growing ones.
const DIAL_MS: (u64, u64) = (200, 5_000);
/// The same after a session that stood: always the first one.
const DIAL_AGAIN_MS: (u64, u64) = (100, 200);
/// How many frames come in two pieces.
const IN_PIECES: f64 = 0.05;
/// TCP gives up a silent peer after about so long, in milliseconds.
const SILENT_MS: (u64, u64) = (3_000, 6_500);

impl World {
    /// Whoever wants a connection and has none tries again soon.
    pub(super) fn plan_dials(&mut self) {
        let hosts = self.hosts.iter().enumerate().filter(|(_, host)| host.value.is_some());
        let agents = hosts.flat_map(|(n, host)| host.dials.iter().map(move |a| (End::Agent(n), a)));
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| node.value.is_some());
        let nodes =
            nodes.flat_map(|(n, node)| node.dials.iter().map(move |a| (End::Overwatch(n), a)));
        let wanted: Vec<(End, String)> =
            agents.chain(nodes).map(|(from, address)| (from, address.clone())).collect();
        for (from, address) in wanted {
            let Some(to) = overwatch_at(&address, self.nodes.len()) else { continue };
            if !self.wires.has(from, to) && self.dialling.insert((from, address.clone())) {
                let stood = self.wires.stood.remove(&(from, to));
                let (least, most) = if stood { DIAL_AGAIN_MS } else { DIAL_MS };
                let at = self.now.plus_ms(least + self.network.below(most - least));
                self.queue.push(at, Event::Dial { from, address });
            }
        }
    }

    pub(super) fn dial(&mut self, from: End, address: String) {
        self.dialling.remove(&(from, address.clone()));
        let Some(to) = overwatch_at(&address, self.nodes.len()) else { return };
        let is_up = |end: End| match end {
            End::Agent(n) => self.hosts.get(n).is_some_and(|host| host.value.is_some()),
            End::Overwatch(n) => self.nodes.get(n).is_some_and(|node| node.value.is_some()),
        };
        let there = End::Overwatch(to);
        if !is_up(from)
            || !is_up(there)
            || !self.wires.sees(from, there)
            || self.wires.has(from, to)
        {
            return;
        }
        let delay_ms = 2 * self.wires.delay_ms(from, there);
        let link = self.wires.open(from, to, address, self.now);
        self.queue.push(self.now.plus_ms(delay_ms), Event::Opened(link));
    }

    /// TLS stands: both ends learn who the other says it is.
    pub(super) fn opened(&mut self, link: LinkId) -> Result<(), Fault> {
        let Some(wire) = self.wires.list.get(&link).filter(|wire| !wire.is_broken) else {
            return Ok(());
        };
        let (from, to, address) = (wire.from, wire.to, wire.address.clone());
        let there = self.peer(End::Overwatch(to), from, link);
        let here = self.peer(from, End::Overwatch(to), link);
        self.tell(to, overwatch::Event::LinkOpened { link, peer: here })?;
        match from {
            End::Agent(agent) => {
                let pins = self.hosts.get(agent).map(|host| &host.pins);
                let pinned = pins.and_then(|pins| pins.get(&address)).copied();
                let dialled = address;
                let event = agent::Event::LinkOpened { link, dialled, peer: there, pinned };
                self.tell_agent(agent, event)
            }
            End::Overwatch(number) => {
                let pins = self.nodes.get(number).map(|node| &node.pins);
                let pinned = pins.and_then(|pins| pins.get(&address)).copied();
                let event = overwatch::Event::PeerReached { link, address, peer: there, pinned };
                self.tell(number, event)
            }
        }
    }

    /// One end as the other's TLS sees it.
    fn peer(&self, of: End, seen_by: End, link: LinkId) -> Peer {
        let name = |end: End| match end {
            End::Agent(agent) => {
                let host = self.hosts.get(agent);
                host.map_or_else(String::new, |host| host.settings.agent_id.to_string())
            }
            End::Overwatch(number) => name_of(number),
        };
        let address = match of {
            End::Agent(agent) => SocketAddr::new(site::address(agent).into(), 40_000),
            End::Overwatch(number) => {
                let third = u8::try_from(number).unwrap_or(u8::MAX);
                SocketAddr::from(([10, 1, third, 10], 7946))
            }
        };
        Peer {
            address,
            name: name(of),
            key: KeyHash::of_spki(name(of).as_bytes()),
            own_key: KeyHash::of_spki(name(seen_by).as_bytes()),
            exporter: wires::exporter(link),
        }
    }

    pub(super) fn arrived(
        &mut self,
        link: LinkId,
        to: Side,
        mut bytes: Vec<u8>,
    ) -> Result<(), Fault> {
        let Some(wire) = self.wires.list.get_mut(&link) else { return Ok(()) };
        let (end, dialled) = (wire.end(to), wire.to);
        let half = wire.half(to);
        half.arrive(&mut bytes);
        if !half.is_open {
            return Ok(());
        }
        half.decoder.push(&bytes);
        let mut frames = Vec::new();
        loop {
            match half.decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return Err(("what a node says is a frame", error.to_string())),
            }
        }
        for frame in frames {
            if to == Side::Dialler && matches!(frame, Frame::Welcome(_)) {
                self.wires.stood.insert((end, dialled));
            }
            match end {
                End::Agent(agent) => {
                    self.tell_agent(agent, agent::Event::FrameReceived { link, frame })?;
                }
                // Its codec skips kinds that it does not know.
                End::Overwatch(number) if self.is_old(number) && is_new(&frame) => {}
                End::Overwatch(number) => {
                    self.tell(number, overwatch::Event::FrameReceived { link, frame })?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn gone(&mut self, link: LinkId, side: Side) -> Result<(), Fault> {
        let Some(wire) = self.wires.list.get_mut(&link) else { return Ok(()) };
        let end = wire.end(side);
        if !std::mem::replace(&mut wire.half(side).is_open, false) {
            return Ok(());
        }
        wire.is_broken = true;
        match end {
            End::Agent(agent) => self.tell_agent(agent, agent::Event::LinkClosed { link }),
            End::Overwatch(number) => {
                self.tell(number, overwatch::Event::LinkClosed { link, refusal: None })
            }
        }
    }

    /// A connection is over; both ends notice, soon where one of them said so.
    pub(super) fn break_wire(&mut self, link: LinkId, is_polite: bool) {
        let Some(wire) = self.wires.list.get_mut(&link) else { return };
        wire.is_broken = true;
        wire.dialler.held.clear();
        wire.dialled.held.clear();
        for side in [Side::Dialler, Side::Dialled] {
            // What a process said before it ended is said; what a machine said is lost with the way.
            if !is_polite && let Some(wire) = self.wires.list.get_mut(&link) {
                wire.half(side).break_off(&mut self.network);
            }
            let silent_ms = if is_polite { 10 } else { SILENT_MS.1 };
            let jitter_ms = self.network.below(silent_ms);
            let at = self.wires.arrival(link, side, jitter_ms, self.now);
            self.queue.push(at, Event::Gone { link, side });
        }
    }

    /// Gives up what crosses a cut; sooner or later.
    pub(super) fn part_wires(&mut self) {
        let wires = &self.wires;
        let crosses = |wire: &wires::Wire| !wires.sees(wire.from, End::Overwatch(wire.to));
        let crossing = wires.list.iter().filter(|(_, wire)| !wire.is_broken && crosses(wire));
        for link in crossing.map(|(link, _)| *link).collect::<Vec<_>>() {
            let (least, most) = SILENT_MS;
            let at = self.now.plus_ms(least + self.network.below(most - least));
            self.queue.push(at, Event::GivenUp(link));
        }
    }

    pub(super) fn given_up(&mut self, link: LinkId) {
        let Some(wire) = self.wires.list.get(&link) else { return };
        if !wire.is_broken && !self.wires.sees(wire.from, End::Overwatch(wire.to)) {
            self.break_wire(link, false);
        }
    }

    /// Everybody sees everybody: what was held arrives, and who talks to nobody is told so.
    pub(super) fn see_again(&mut self) {
        self.wires.cut.clear();
        let links: Vec<LinkId> = self.wires.list.keys().copied().collect();
        for link in links {
            for side in [Side::Dialler, Side::Dialled] {
                let Some(wire) = self.wires.list.get_mut(&link) else { continue };
                let (held, is_broken) = (std::mem::take(&mut wire.half(side).held), wire.is_broken);
                if is_broken {
                    let at = self.now.plus_ms(self.network.below(1_500));
                    self.queue.push(at, Event::Gone { link, side });
                }
                for bytes in held {
                    let at = self.wires.carry(link, side, bytes.len(), 0, self.now);
                    self.queue.push(at, Event::Arrived { link, to: side, bytes });
                }
            }
        }
    }

    pub(super) fn send(&mut self, link: LinkId, by: End, mut frame: Frame) -> Result<(), Fault> {
        if let (End::Agent(agent), Frame::Report { epoch, report }) = (by, &frame)
            && let Some(host) = self.hosts.get_mut(agent)
        {
            host.learned.tells(*epoch, report);
        }
        let to = self.wires.list.get(&link).map(|wire| {
            let dialled = End::Overwatch(wire.to);
            if wire.from == by { dialled } else { wire.from }
        });
        let Some(to) = to else { return Ok(()) };
        if !self.seam.passes(Passing::Frame { by, to, frame: &mut frame }) {
            return Ok(());
        }
        let Some(mut bytes) = wires::bytes_of(&frame) else {
            return Err(("what a node says can be sent", frame.kind().as_str().to_owned()));
        };
        if !self.seam.passes(Passing::Bytes(&mut bytes)) {
            return Ok(());
        }
        let Some(wire) = self.wires.list.get_mut(&link).filter(|wire| !wire.is_broken) else {
            return Ok(());
        };
        if matches!(wire.from, End::Overwatch(_)) {
            self.bytes_told += bytes.len() as u64;
        }
        let from = if wire.from == by { Side::Dialler } else { Side::Dialled };
        if matches!(frame, Frame::Proof(_) | Frame::Welcome(_)) {
            wire.half(from).decoder.prove();
        }
        if matches!(frame, Frame::Welcome(_)) {
            wire.is_established = true;
        }
        let (there, to) = (wire.end(from.other()), from.other());
        if self.wires.sees(by, there) {
            self.post(link, to, bytes);
            return Ok(());
        }
        let held = self.wires.list.get_mut(&link).map(|wire| &mut wire.half(to).held);
        let is_full = held.is_some_and(|held| {
            held.push_back(bytes);
            held.len() > QUEUE_FRAMES
        });
        if is_full {
            self.break_wire(link, false);
        }
        Ok(())
    }

    /// Bytes are on their way; now and then in two pieces.
    fn post(&mut self, link: LinkId, to: Side, mut bytes: Vec<u8>) {
        let rest = self.network.chance(IN_PIECES).then(|| {
            let first = self.network.index(bytes.len());
            bytes.split_off(first)
        });
        for bytes in std::iter::once(bytes).chain(rest) {
            let jitter_ms = self.network.below(30);
            let at = self.wires.carry(link, to, bytes.len(), jitter_ms, self.now);
            self.queue.push(at, Event::Arrived { link, to, bytes });
        }
    }

    /// An end closes; what it said before arrives.
    pub(super) fn close(&mut self, link: LinkId, by: End) {
        let Some(wire) = self.wires.list.get_mut(&link).filter(|wire| !wire.is_broken) else {
            return;
        };
        wire.is_broken = true;
        let side = if wire.from == by { Side::Dialler } else { Side::Dialled };
        let there = wire.end(side.other());
        self.queue.push(self.now.plus_ms(1), Event::Gone { link, side });
        let silent_ms = if self.wires.sees(by, there) { 0 } else { SILENT_MS.1 };
        let at = self.wires.arrival(link, side.other(), silent_ms, self.now);
        self.queue.push(at, Event::Gone { link, side: side.other() });
    }
}

/// Whether a frame is of a kind that the release before does not know.
const fn is_new(frame: &Frame) -> bool {
    matches!(frame, Frame::PeerHello(_) | Frame::Have(_))
}
