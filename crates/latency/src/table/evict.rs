//! Which rows of an agent make room: those observed longest ago. Drops nothing itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use model::Subnet;

use super::rows::{BlockId, RowStore};

/// What may be next; ordered by its time of observation, blocks before the rows of one time: their
/// rows may be as old.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Block(u16, BlockId),
    Row(u16, Subnet),
}

/// The `count` rows observed longest ago, each with its port. Of equally old ones the lower port and
/// subnet goes first. Costs a look at each block, and the rows of those that have some.
pub(super) fn oldest<'a>(
    ports: impl Iterator<Item = (u16, &'a RowStore)> + Clone,
    count: usize,
) -> Vec<(u16, Subnet)> {
    let blocks = ports.clone().flat_map(|(port, rows)| {
        rows.blocks().map(move |(block, units)| Reverse((units, Next::Block(port, block))))
    });
    let mut next: BinaryHeap<Reverse<(u32, Next)>> = blocks.collect();
    let mut oldest = Vec::with_capacity(count);
    while oldest.len() < count {
        match next.pop() {
            None => break,
            Some(Reverse((_, Next::Row(port, subnet)))) => oldest.push((port, subnet)),
            Some(Reverse((_, Next::Block(port, block)))) => {
                let rows = ports.clone().filter(|(of, _)| *of == port);
                let rows = rows.flat_map(|(_, rows)| rows.of_block(block));
                next.extend(rows.map(|(subnet, units)| Reverse((units, Next::Row(port, subnet)))));
            }
        }
    }
    oldest
}
