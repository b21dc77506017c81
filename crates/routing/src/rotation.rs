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

/// The servers of one family that an answer may name, in the order to name them.
#[derive(Clone, Copy, Debug)]
pub struct Pick<'a> {
    servers: &'a [Server],
    members: &'a [u32],
    first: usize,
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
        Self { ipv4: of(true), ipv6: of(false) }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.ipv4.cycle.is_empty() && self.ipv6.cycle.is_empty()
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
        Self { ipv4: or(self.ipv4, &doubtful.ipv4), ipv6: or(self.ipv6, &doubtful.ipv6) }
    }

    /// The part of the turns of all regions: the greater of the families', so that a machine with
    /// an address of each counts once.
    pub(crate) fn turns(&self) -> u64 {
        self.ipv4.turns.max(self.ipv6.turns)
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
        let first = wrap(turn, self.cycle.len()).and_then(|at| self.cycle.get(at));
        Pick { servers, members: &self.members, first: first.map_or(0, |first| *first as usize) }
    }
}

/// A turn within a cycle; `None` where the cycle is empty.
pub(crate) fn wrap(turn: u64, length: usize) -> Option<usize> {
    usize::try_from(turn.checked_rem(length as u64)?).ok()
}

impl<'a> Pick<'a> {
    /// Nobody: the family is empty.
    pub(crate) const NOBODY: Self = Self { servers: &[], members: &[], first: 0 };

    /// The server whose turn it is; `None` where the region has none of this family.
    #[must_use]
    pub fn first(&self) -> Option<&'a Server> {
        self.servers().next()
    }

    /// All of them: the one whose turn it is, then those that follow it.
    pub fn servers(&self) -> impl Iterator<Item = &'a Server> + use<'a> {
        let (before, from) = self.members.split_at_checked(self.first).unwrap_or_default();
        let servers = self.servers;
        from.iter().chain(before).filter_map(|member| servers.get(*member as usize))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the region has none of this family: NODATA.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
