//! Servers of one region that take turns, by family. Knows no health: who takes part is decided in
//! [`pool`](crate::pool).

use std::collections::BTreeSet;

use crate::Algorithm;
use crate::pool::Server;
use crate::smooth::interleave;

/// The servers of a region by family.
#[derive(Clone, Debug, Default)]
pub(crate) struct Families {
    pub(crate) ipv4: Rotation,
    pub(crate) ipv6: Rotation,
    /// The turns of the region where it may be chosen without a server: 0 where it may not.
    pub(crate) own_turns: u64,
}

/// Servers that take turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rotation {
    /// Indices into the pool's servers; no address stands twice.
    members: Vec<u32>,
    /// One cycle of turns, as indices into `members`.
    cycle: Vec<u32>,
    /// The members' parts in all.
    turns: u64,
}

/// The most servers that one answer names. With the longest name, sixteen AAAA records and every
/// option they fit into 1232 bytes, and below most names into the 512 bytes of an asker without EDNS.
/// What a domain has beyond has its turn in other answers.
pub const ANSWERS_MAX: usize = 16;
/// How many turns are looked at for the servers of one answer. Where weights differ so much that
/// these hold too few, servers without a turn among them fill it.
const TURNS_MAX: usize = 4 * ANSWERS_MAX;

/// The servers of one family that an answer may name, in the order to name them.
#[derive(Clone, Copy, Debug)]
pub struct Pick<'a> {
    servers: &'a [Server],
    rotation: &'a Rotation,
    /// The place of this turn in the cycle.
    at: usize,
}

impl Families {
    /// The servers that fit, of each family.
    pub(crate) fn new(
        servers: &[Server],
        algorithm: Algorithm,
        fits: impl Fn(&Server) -> bool,
    ) -> Self {
        let of = |ipv4: bool| {
            let fits = |server: &Server| server.address.is_ipv4() == ipv4 && fits(server);
            Rotation::new(servers, algorithm, fits)
        };
        Self { ipv4: of(true), ipv6: of(false), own_turns: 0 }
    }

    /// Whether the region cannot be chosen.
    pub(crate) const fn is_empty(&self) -> bool {
        self.own_turns == 0 && self.ipv4.cycle.is_empty() && self.ipv6.cycle.is_empty()
    }

    /// A region that may be chosen without a server, too: with this part of the turns.
    pub(crate) fn or_without_server(self, own_turns: u64) -> Self {
        Self { own_turns, ..self }
    }

    /// A region that is up by one family may still name doubtful servers of the other: better
    /// than no address of that family at all.
    pub(crate) fn completed_by(self, doubtful: &Self) -> Self {
        if self.is_empty() {
            return self;
        }
        let or = |up: Rotation, doubtful: &Rotation| {
            if up.cycle.is_empty() { doubtful.clone() } else { up }
        };
        let (ipv4, ipv6) = (or(self.ipv4, &doubtful.ipv4), or(self.ipv6, &doubtful.ipv6));
        Self { ipv4, ipv6, ..self }
    }

    /// The part of the turns of all regions: the greater of the families', so that a machine with
    /// an address of each counts once.
    pub(crate) fn turns(&self) -> u64 {
        match self.ipv4.turns.max(self.ipv6.turns) {
            0 => self.own_turns,
            turns => turns,
        }
    }
}

impl Rotation {
    pub(crate) const NOBODY: Self = Self { members: Vec::new(), cycle: Vec::new(), turns: 0 };

    /// The servers that fit, in their order. One address behind several ports is one member.
    fn new(servers: &[Server], algorithm: Algorithm, fits: impl Fn(&Server) -> bool) -> Self {
        let mut members = Vec::new();
        let mut parts: Vec<u64> = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, server) in (0u32..).zip(servers) {
            let part = algorithm.turns_of(server.weight);
            if part > 0 && fits(server) && seen.insert(server.address) {
                members.push(index);
                parts.push(part);
            }
        }
        let turns = parts.iter().fold(0, |sum: u64, part| sum.saturating_add(*part));
        Self { members, cycle: interleave(&parts), turns }
    }

    /// The servers, from the one whose turn it is.
    pub(crate) fn pick<'a>(&'a self, servers: &'a [Server], turn: u64) -> Pick<'a> {
        Pick { servers, rotation: self, at: wrap(turn, self.cycle.len()).unwrap_or(0) }
    }
}

/// A turn within a cycle; `None` where the cycle is empty.
pub(crate) fn wrap(turn: u64, length: usize) -> Option<usize> {
    usize::try_from(turn.checked_rem(length as u64)?).ok()
}

impl<'a> Pick<'a> {
    /// Nobody: the family is empty.
    pub(crate) const NOBODY: Self = Self { servers: &[], rotation: &Rotation::NOBODY, at: 0 };

    /// The server whose turn it is; `None` where the region has none of this family.
    #[must_use]
    pub fn first(&self) -> Option<&'a Server> {
        self.servers(1).next()
    }

    /// So many different servers, or all there are, at most [`ANSWERS_MAX`]: the one whose turn it
    /// is, then those whose turns follow. So each is named about as often as its weight says.
    pub fn servers(&self, count: usize) -> impl Iterator<Item = &'a Server> + use<'a> {
        let (servers, Rotation { members, cycle, .. }) = (self.servers, self.rotation);
        let (before, from) = cycle.split_at_checked(self.at).unwrap_or_default();
        let turns = from.iter().chain(before).take(TURNS_MAX).copied();
        let mut named = [None; ANSWERS_MAX];
        let mut is_new = move |member: u32| {
            let free = named.iter_mut().find(|place| place.is_none_or(|other| other == member));
            free.is_some_and(|place| place.replace(member).is_none())
        };
        let others = (0u32..).take(members.len());
        let turns = turns.chain(others).filter(move |member| is_new(*member));
        let place = |member: u32| members.get(member as usize).copied();
        let indices = turns.take(count.min(members.len())).filter_map(place);
        indices.filter_map(|index| servers.get(index as usize))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rotation.members.len()
    }

    /// Whether the region has none of this family: NODATA.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rotation.members.is_empty()
    }
}
