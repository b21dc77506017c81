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
    /// The member of each turn, all turns of one member side by side, as indices into `members`.
    turns_of: Vec<u32>,
    /// One cycle: the turns in an even order, as indices into `turns_of`.
    cycle: Vec<u32>,
    /// The members' parts in all.
    turns: u64,
}

/// The most servers that one answer names. With the longest name, sixteen AAAA records and every
/// option they fit into 1232 bytes, and below most names into the 512 bytes of an asker without EDNS.
/// What a domain has beyond has its turn in other answers.
pub const ANSWERS_MAX: usize = 16;

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
    pub(crate) const NOBODY: Self =
        Self { members: Vec::new(), turns_of: Vec::new(), cycle: Vec::new(), turns: 0 };

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
        let order = interleave(&parts);
        let mut turns_of = order.clone();
        turns_of.sort_unstable();
        let cycle = side_by_side(&order, members.len());
        Self { members, turns_of, cycle, turns }
    }

    /// The servers, from the one whose turn it is.
    pub(crate) fn pick<'a>(&'a self, servers: &'a [Server], turn: u64) -> Pick<'a> {
        Pick { servers, rotation: self, at: wrap(turn, self.cycle.len()).unwrap_or(0) }
    }
}

/// Where each turn of an order stands once all turns of one member are side by side.
fn side_by_side(order: &[u32], members: usize) -> Vec<u32> {
    let mut next = vec![0u32; members + 1];
    for member in order {
        if let Some(count) = next.get_mut(*member as usize + 1) {
            *count += 1;
        }
    }
    let mut before = 0;
    for place in &mut next {
        before += *place;
        *place = before;
    }
    let place = |member: &u32| {
        let next = next.get_mut(*member as usize)?;
        *next += 1;
        Some(*next - 1)
    };
    order.iter().filter_map(place).collect()
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
    /// is, and those at even distances from it where each server is as long as its weight.
    ///
    /// So over a cycle each is named as often as its weight says (systematic sampling), as far as
    /// one that should be in more answers than there are can be; what such a one leaves goes to the
    /// others in turn.
    pub fn servers(&self, count: usize) -> impl Iterator<Item = &'a Server> + use<'a> {
        let (servers, Rotation { members, turns_of, cycle, .. }) = (self.servers, self.rotation);
        let count = count.min(members.len()).min(ANSWERS_MAX);
        let here = cycle.get(self.at).map_or(0, |turn| *turn as usize);
        let around = |index: usize, length: usize| index.checked_rem(length);
        let apart = (0..count).filter_map(move |nth| {
            let turn = around(here + nth * turns_of.len() / count, turns_of.len())?;
            turns_of.get(turn).copied()
        });
        let others = (here..).take(members.len());
        let others =
            others.filter_map(move |index| u32::try_from(around(index, members.len())?).ok());
        let mut named = [None; ANSWERS_MAX];
        let mut is_new = move |member: u32| {
            let free = named.iter_mut().find(|place| place.is_none_or(|other| other == member));
            free.is_some_and(|place| place.replace(member).is_none())
        };
        let chosen = apart.chain(others).filter(move |member| is_new(*member)).take(count);
        let indices = chosen.filter_map(|member| members.get(member as usize));
        indices.filter_map(|index| servers.get(*index as usize))
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

#[cfg(test)]
mod tests;
