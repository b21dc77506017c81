//! Connections: bytes in order, with a delay, until they break; and pairs that cannot see each other.
//!
//! A pair that loses sight keeps its connections for some seconds, as TCP does: what is said meanwhile
//! arrives late if they see each other again in time. One that breaks does so at any byte. Each end notices
//! the end for itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mesh::{Exporter, Frame, FrameDecoder};
use model::Time;

use super::nodes::End;
use crate::random::Random;

/// One connection; both ends know it by the same number, which is never used again.
pub(super) type LinkId = u64;

/// Frames that may wait to be sent; one more breaks the connection, as at the real edge.
pub(super) const QUEUE_FRAMES: usize = 64;

/// Which end of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Dialler,
    Dialled,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) from: End,
    pub(super) to: usize,
    /// The address that was dialled.
    pub(super) address: String,
    pub(super) since: Time,
    /// Whether the dialled end said welcome.
    pub(super) is_established: bool,
    /// Nothing more is carried; ends that have not noticed are told later.
    pub(super) is_broken: bool,
    pub(super) dialler: Half,
    pub(super) dialled: Half,
}

/// One end of it.
#[derive(Debug)]
pub(super) struct Half {
    /// What it reads with.
    pub(super) decoder: FrameDecoder,
    /// Whether it still thinks that the connection stands.
    pub(super) is_open: bool,
    /// When the last bytes for it arrive: none overtake them.
    last_at: Time,
    /// What was said to it while the two could not see each other.
    pub(super) held: VecDeque<Vec<u8>>,
    /// Bytes on their way to it.
    in_flight: u64,
    /// How many of them still arrive, once the connection is broken.
    left: Option<u64>,
    /// When the line to it is free again, in microseconds.
    free_at_us: u64,
}

impl Half {
    fn new() -> Self {
        let (decoder, held) = (FrameDecoder::new(), VecDeque::new());
        let (in_flight, left, free_at_us) = (0, None, 0);
        Self { decoder, is_open: true, last_at: Time::EPOCH, held, in_flight, left, free_at_us }
    }

    /// Breaks at a byte: `luck` of those on their way still arrive.
    pub(super) fn break_off(&mut self, luck: &mut Random) {
        if self.left.is_none() {
            self.left = Some(luck.below(self.in_flight + 1));
        }
    }

    /// Bytes arrive; those that do not are cut off.
    pub(super) fn arrive(&mut self, bytes: &mut Vec<u8>) {
        self.in_flight = self.in_flight.saturating_sub(bytes.len() as u64);
        if let Some(left) = &mut self.left {
            bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= bytes.len() as u64;
        }
    }
}

impl Wire {
    pub(super) fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Dialler => &mut self.dialler,
            Side::Dialled => &mut self.dialled,
        }
    }

    pub(super) const fn end(&self, side: Side) -> End {
        match side {
            Side::Dialler => self.from,
            Side::Dialled => End::Overwatch(self.to),
        }
    }
}

impl Side {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Dialled,
            Self::Dialled => Self::Dialler,
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Wires {
    pub(super) list: BTreeMap<LinkId, Wire>,
    /// Pairs that cannot see each other, both ways.
    pub(super) cut: BTreeSet<(End, End)>,
    /// Pairs whose way is slow, and by how many milliseconds.
    pub(super) slow: BTreeMap<(End, End), u64>,
    /// Who dialled whom so that the last session stood.
    pub(super) stood: BTreeSet<(End, usize)>,
    /// What a connection carries each way, in bytes a millisecond; all at once where it is not said.
    pub(super) bytes_per_ms: Option<u64>,
    last: LinkId,
}

fn pair(a: End, b: End) -> (End, End) {
    if a <= b { (a, b) } else { (b, a) }
}

impl Wires {
    pub(super) fn sees(&self, a: End, b: End) -> bool {
        !self.cut.contains(&pair(a, b))
    }

    pub(super) fn part(&mut self, a: End, b: End) {
        if a != b {
            self.cut.insert(pair(a, b));
        }
    }

    pub(super) fn slow_down(&mut self, a: End, b: End, by_ms: u64) {
        self.slow.insert(pair(a, b), by_ms);
    }

    /// Milliseconds that bytes take at least between two.
    pub(super) fn delay_ms(&self, a: End, b: End) -> u64 {
        let far = |end: End| match end {
            End::Agent(n) | End::Overwatch(n) => (n as u64 * 13) % 40,
        };
        5 + far(a) + far(b) + self.slow.get(&pair(a, b)).copied().unwrap_or(0)
    }

    pub(super) fn open(&mut self, from: End, to: usize, address: String, now: Time) -> LinkId {
        self.last += 1;
        let wire = Wire {
            from,
            to,
            address,
            since: now,
            is_established: false,
            is_broken: false,
            dialler: Half::new(),
            dialled: Half::new(),
        };
        self.list.insert(self.last, wire);
        self.last
    }

    /// Whether somebody thinks that he has a connection to an overwatch.
    pub(super) fn has(&self, from: End, to: usize) -> bool {
        let mut wires = self.list.values();
        wires.any(|wire| wire.from == from && wire.to == to && wire.dialler.is_open)
    }

    /// When bytes that are sent now arrive.
    pub(super) fn arrival(&mut self, link: LinkId, to: Side, jitter_ms: u64, now: Time) -> Time {
        let Some(wire) = self.list.get(&link) else { return now };
        let delay_ms = self.delay_ms(wire.from, End::Overwatch(wire.to)) + jitter_ms;
        let Some(wire) = self.list.get_mut(&link) else { return now };
        let half = wire.half(to);
        half.last_at = half.last_at.max(now.plus_ms(delay_ms));
        half.last_at
    }

    /// When these bytes arrive that are sent now; they are on their way from now on.
    pub(super) fn carry(
        &mut self,
        link: LinkId,
        to: Side,
        bytes: usize,
        jitter_ms: u64,
        now: Time,
    ) -> Time {
        let per_ms = self.bytes_per_ms;
        let Some(wire) = self.list.get_mut(&link) else { return now };
        let half = wire.half(to);
        half.in_flight += bytes as u64;
        let line_us = per_ms.map_or(0, |per_ms| bytes as u64 * 1_000 / per_ms.max(1));
        let now_us = now.unix_ms() * 1_000;
        half.free_at_us = half.free_at_us.max(now_us) + line_us;
        let queued_ms = (half.free_at_us - now_us) / 1_000;
        self.arrival(link, to, jitter_ms + queued_ms, now)
    }

    /// The connections of an end.
    pub(super) fn of(&self, end: End) -> Vec<LinkId> {
        let is_at = |wire: &Wire| wire.from == end || End::Overwatch(wire.to) == end;
        let links = self.list.iter().filter(|(_, wire)| is_at(wire));
        links.map(|(link, _)| *link).collect()
    }

    /// Forgets connections that both ends know to be over.
    pub(super) fn sweep(&mut self) {
        self.list.retain(|_, wire| wire.dialler.is_open || wire.dialled.is_open);
    }
}

/// A frame as bytes; nothing where it cannot be sent, which ends a real connection.
pub(super) fn bytes_of(frame: &Frame) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    mesh::encode(frame, &mut bytes).ok()?;
    Some(bytes)
}

/// What only the two ends of a connection know.
pub(super) fn exporter(link: LinkId) -> Exporter {
    let mut bytes = [0; 32];
    for (byte, of) in bytes.iter_mut().zip(link.to_be_bytes()) {
        *byte = of;
    }
    Exporter::from_bytes(bytes)
}
