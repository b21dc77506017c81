//! Connections between agents and overwatches: bytes in order, with a delay, until they break.
//!
//! As with TCP, nothing is lost, doubled or overtaken inside a connection. Faults are what TCP does
//! to its users: a connection breaks at some byte, what was under way is lost or still arrives, one
//! end notices long before the other, and a new connection begins meanwhile.

use std::collections::BTreeMap;

use mesh::{EncodeError, Exporter, Frame, FrameDecoder, FrameError};
use model::Time;

use crate::random::Random;

/// One connection; both ends know it by the same number, which is never used again.
pub(crate) type LinkId = u64;

/// The two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Agent,
    Overwatch,
}

/// Something on its way.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) link: LinkId,
    pub(crate) to: End,
    pub(crate) parcel: Parcel,
}

/// What arrives.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// Bytes of the stream.
    Bytes(Vec<u8>),
    /// The end notices that the connection is gone.
    Gone,
}

/// What an end made of a delivery.
#[derive(Debug)]
pub(crate) enum Received {
    /// Frames that are complete now.
    Frames(Vec<Frame>),
    /// The connection is gone.
    Gone,
}

/// How connections break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Each connection breaks at a frame between its first and this one, counted in both
    /// directions.
    pub frames_max: u64,
    /// How long an end may go without noticing, in milliseconds.
    pub unnoticed_ms_max: u64,
}

/// Why bytes could not travel: a fault of the codec or of who uses it.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A node sent what cannot be written.
    #[error("a node sent a frame that cannot be written")]
    Encode(#[source] EncodeError),
    /// A node received what cannot be read.
    #[error("a node received bytes that are no frame")]
    Decode(#[source] FrameError),
}

/// The least and the most that a frame is under way, in milliseconds: within a city, and around
/// the world on a bad path.
const DELAY_MS: (u64, u64) = (1, 150);

/// What a frame may be late beside its connection's delay, in milliseconds.
const JITTER_MS_MAX: u64 = 5;

/// All connections.
#[derive(Debug)]
pub(crate) struct Network {
    links: BTreeMap<LinkId, Link>,
    last: LinkId,
    random: Random,
    faults: Option<Faults>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) agent: usize,
    pub(crate) overwatch: usize,
    /// What TLS exports at both ends.
    pub(crate) exporter: Exporter,
    delay_ms: u64,
    /// How many frames it still carries whole.
    frames_left: u64,
    /// Whether nothing new gets through any more.
    pub(crate) is_broken: bool,
    at_agent: Option<Stream>,
    at_overwatch: Option<Stream>,
}

/// What comes in at an end that has not noticed the connection's end.
#[derive(Debug)]
struct Stream {
    decoder: FrameDecoder,
    /// When the last parcel arrives: none later overtakes it.
    last_arrival: Time,
}

impl End {
    const fn other(self) -> Self {
        match self {
            Self::Agent => Self::Overwatch,
            Self::Overwatch => Self::Agent,
        }
    }
}

impl Network {
    pub(crate) const fn new(random: Random, faults: Option<Faults>) -> Self {
        Self { links: BTreeMap::new(), last: 0, random, faults }
    }

    /// From now on nothing breaks by itself any more.
    pub(crate) fn heal(&mut self) {
        self.faults = None;
        self.links.values_mut().for_each(|link| link.frames_left = u64::MAX);
    }

    /// How many connections there have been.
    #[cfg(test)]
    pub(crate) const fn opened(&self) -> LinkId {
        self.last
    }

    /// Begins a connection; tells when TCP and TLS have made it.
    pub(crate) fn open(&mut self, agent: usize, overwatch: usize, now: Time) -> (LinkId, Time) {
        self.last += 1;
        let (least, most) = DELAY_MS;
        let delay_ms = least + self.random.below(most - least + 1);
        let frames_left =
            self.faults.map_or(u64::MAX, |faults| self.random.below(faults.frames_max));
        let stream = || Some(Stream { decoder: FrameDecoder::new(), last_arrival: now });
        let link = Link {
            agent,
            overwatch,
            exporter: Exporter::from_bytes(self.random.bytes()),
            delay_ms,
            frames_left,
            is_broken: false,
            at_agent: stream(),
            at_overwatch: stream(),
        };
        self.links.insert(self.last, link);
        // Two round trips: one for TCP, one for TLS 1.3.
        (self.last, now.plus_ms(4 * delay_ms))
    }

    pub(crate) fn get(&self, id: LinkId) -> Option<&Link> {
        self.links.get(&id)
    }

    /// The connections of a node.
    pub(crate) fn of_node(&self, end: End, node: usize) -> Vec<LinkId> {
        let is_its = |link: &Link| match end {
            End::Agent => link.agent == node,
            End::Overwatch => link.overwatch == node,
        };
        self.links.iter().filter(|(_, link)| is_its(link)).map(|(id, _)| *id).collect()
    }

    /// The peer has proven itself to this end: its frames may be long.
    pub(crate) fn prove(&mut self, id: LinkId, end: End) {
        if let Some(stream) = self.links.get_mut(&id).and_then(|link| link.stream(end).as_mut()) {
            stream.decoder.prove();
        }
    }

    /// Sends a frame; into the void where the connection is broken.
    pub(crate) fn send(
        &mut self,
        (id, from): (LinkId, End),
        frame: &Frame,
        now: Time,
        out: &mut Vec<(Time, Delivery)>,
    ) -> Result<(), NetworkError> {
        let Some(link) = self.links.get_mut(&id).filter(|link| !link.is_broken) else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        mesh::encode(frame, &mut bytes).map_err(NetworkError::Encode)?;
        let breaks = link.frames_left == 0;
        link.frames_left = link.frames_left.saturating_sub(1);
        if breaks {
            bytes.truncate(self.random.index(bytes.len()));
        }
        let late_ms = link.delay_ms + self.random.below(JITTER_MS_MAX + 1);
        link.deliver(id, from.other(), now.plus_ms(late_ms), Parcel::Bytes(bytes), out);
        if breaks {
            link.is_broken = true;
            let unnoticed_ms_max = self.faults.map_or(0, |faults| faults.unnoticed_ms_max);
            for end in [End::Agent, End::Overwatch] {
                let noticed = now.plus_ms(self.random.below(unnoticed_ms_max + 1));
                sever(id, end, noticed, out);
            }
        }
        Ok(())
    }

    /// A node closes: what it sent still arrives, then the other end notices.
    pub(crate) fn close(
        &mut self,
        id: LinkId,
        by: End,
        now: Time,
        out: &mut Vec<(Time, Delivery)>,
    ) {
        let Some(link) = self.links.get_mut(&id) else { return };
        sever(id, by, now, out);
        link.hang_up(id, by, now, out);
    }

    /// A node dies: nothing reaches it any more, and the other end notices.
    pub(crate) fn vanish(
        &mut self,
        id: LinkId,
        dead: End,
        now: Time,
        out: &mut Vec<(Time, Delivery)>,
    ) {
        let Some(link) = self.links.get_mut(&id) else { return };
        *link.stream(dead) = None;
        link.hang_up(id, dead, now, out);
        self.bury(id);
    }

    /// Something arrives. `None` where that end has noticed the connection's end before.
    pub(crate) fn receive(&mut self, delivery: Delivery) -> Result<Option<Received>, NetworkError> {
        let Delivery { link: id, to, parcel } = delivery;
        let Some(link) = self.links.get_mut(&id) else { return Ok(None) };
        let Some(stream) = link.stream(to) else { return Ok(None) };
        match parcel {
            Parcel::Bytes(bytes) => {
                stream.decoder.push(&bytes);
                let mut frames = Vec::new();
                while let Some(frame) = stream.decoder.next_frame().map_err(NetworkError::Decode)? {
                    frames.push(frame);
                }
                Ok(Some(Received::Frames(frames)))
            }
            Parcel::Gone => {
                *link.stream(to) = None;
                self.bury(id);
                Ok(Some(Received::Gone))
            }
        }
    }

    /// Forgets a connection that both ends know to be gone.
    fn bury(&mut self, id: LinkId) {
        let is_gone = |link: &Link| link.at_agent.is_none() && link.at_overwatch.is_none();
        if self.links.get(&id).is_some_and(is_gone) {
            self.links.remove(&id);
        }
    }
}

impl Link {
    const fn stream(&mut self, end: End) -> &mut Option<Stream> {
        match end {
            End::Agent => &mut self.at_agent,
            End::Overwatch => &mut self.at_overwatch,
        }
    }

    /// Behind whatever is under way to that end.
    fn deliver(
        &mut self,
        link: LinkId,
        to: End,
        at: Time,
        parcel: Parcel,
        out: &mut Vec<(Time, Delivery)>,
    ) {
        let Some(stream) = self.stream(to) else { return };
        stream.last_arrival = stream.last_arrival.max(at);
        out.push((stream.last_arrival, Delivery { link, to, parcel }));
    }

    /// The other end notices once all that was sent has arrived.
    fn hang_up(&mut self, id: LinkId, by: End, now: Time, out: &mut Vec<(Time, Delivery)>) {
        if !self.is_broken {
            self.is_broken = true;
            let arrives = now.plus_ms(self.delay_ms);
            self.deliver(id, by.other(), arrives, Parcel::Gone, out);
        }
    }
}

/// That end notices at that time, whatever is still under way to it.
fn sever(link: LinkId, to: End, at: Time, out: &mut Vec<(Time, Delivery)>) {
    out.push((at, Delivery { link, to, parcel: Parcel::Gone }));
}

#[cfg(test)]
mod tests;
