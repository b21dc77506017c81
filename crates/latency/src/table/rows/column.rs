//! The rows of all networks of one width: blocks that do not overlap, by the first network that each
//! may hold. Networks are numbers here, as many bits long as their prefix.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::row::Kept;
use super::block::{Block, ROWS_MAX};

/// Rows by the number of their network. A copy shares the blocks: one is copied when it changes first.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    blocks: BTreeMap<u128, Arc<Block>>,
}

impl Column {
    /// Whether there is no row.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The row of a network.
    pub(super) fn get(&self, network: u128) -> Option<Kept> {
        let (start, block) = self.blocks.range(..=network).next_back()?;
        if !holds(*start, block.bits(), network) {
            return None;
        }
        block.get(network - start)
    }

    /// Sets a row; gives back what was there. Of a width, `bits` long.
    pub(super) fn set(&mut self, network: u128, kept: Kept, bits: u8) -> Option<Kept> {
        let around = self.blocks.range_mut(..=network).next_back();
        let around = around.filter(|(start, block)| holds(**start, block.bits(), network));
        let Some((start, block)) = around else {
            let (start, bits) = self.gap(network, bits);
            let block = self.blocks.entry(start).or_insert_with(|| Arc::new(Block::new(bits)));
            return Arc::make_mut(block).set(network - start, kept);
        };
        let start = *start;
        let before = Arc::make_mut(block).set(network - start, kept);
        self.divide(start);
        before
    }

    /// Sets rows, ascending by network; hands each that was there before, or its absence, to
    /// `before`, with its network and what it is now. Of a width, `bits` long.
    pub(super) fn set_all(
        &mut self,
        mut rows: &[(u128, Kept)],
        bits: u8,
        mut before: impl FnMut(u128, Kept, Option<Kept>),
    ) {
        while let Some((network, _)) = rows.first() {
            let around = self.blocks.range(..=*network).next_back();
            let around = around.map(|(start, block)| (*start, block.bits()));
            let around = around.filter(|(start, bits)| holds(*start, *bits, *network));
            let (start, width) = around.unwrap_or_else(|| self.gap(*network, bits));
            let inside = rows.partition_point(|(network, _)| holds(start, width, *network));
            // No more than a block has: whatever is behind may belong to one that is narrower by then.
            let (of_block, rest) = rows.split_at(inside.min(ROWS_MAX));
            rows = rest;
            let shifted: Vec<_> = of_block.iter().map(|(at, kept)| (at - start, *kept)).collect();
            let block = self.blocks.entry(start).or_insert_with(|| Arc::new(Block::new(width)));
            Arc::make_mut(block).set_all(&shifted, |nth, old| {
                if let Some((network, kept)) = of_block.get(nth) {
                    before(*network, *kept, old);
                }
            });
            self.divide(start);
        }
    }

    /// Divides a block as long as it, or a part of it, has too many rows.
    fn divide(&mut self, start: u128) {
        let Some(parts) = self.blocks.get(&start).and_then(|block| block.divided()) else { return };
        self.blocks.remove(&start);
        for (begins, part) in parts {
            self.blocks.insert(start + begins, Arc::new(part));
            self.divide(start + begins);
        }
    }

    /// The widest block that has room around a network that is in none.
    fn gap(&self, network: u128, bits: u8) -> (u128, u8) {
        let before = self.blocks.range(..network).next_back();
        let before = before.map(|(start, block)| last(*start, block.bits()));
        let behind = self.blocks.range(network..).next().map(|(start, _)| *start);
        // A block as wide as the highest bit in which the two differ does not reach the other.
        let room = |other: u128| {
            let differ = u128::BITS - 1 - (other ^ network).leading_zeros();
            u8::try_from(differ).unwrap_or(u8::MAX)
        };
        let neighbours = before.into_iter().chain(behind).map(room);
        let bits = neighbours.min().unwrap_or(bits).min(bits);
        (first(network, bits), bits)
    }

    /// Drops a row; gives it back.
    pub(super) fn remove(&mut self, network: u128) -> Option<Kept> {
        let (start, block) = self.blocks.range_mut(..=network).next_back()?;
        let start = *start;
        if !holds(start, block.bits(), network) {
            return None;
        }
        // What is not there copies nothing.
        block.get(network - start)?;
        let block = Arc::make_mut(block);
        let removed = block.remove(network - start);
        if block.len() == 0 {
            self.blocks.remove(&start);
        }
        removed
    }

    /// The networks observed then or before. Looks into the blocks that have some.
    pub(super) fn observed_until(&self, units: u32) -> impl Iterator<Item = u128> {
        let blocks = self.blocks.iter().filter(move |(_, block)| block.oldest() <= units);
        blocks.flat_map(move |(start, block)| {
            let rows = block.iter().filter(move |(_, kept)| kept.observed <= units);
            rows.map(move |(offset, _)| start + offset)
        })
    }

    /// The blocks' beginnings, each with its earliest observation.
    pub(super) fn oldest(&self) -> impl Iterator<Item = (u128, u32)> {
        self.blocks.iter().map(|(start, block)| (*start, block.oldest()))
    }

    /// The rows of the block that begins here.
    pub(super) fn of_block(&self, start: u128) -> impl Iterator<Item = (u128, Kept)> {
        let rows = self.blocks.get(&start).into_iter().flat_map(|block| block.iter());
        rows.map(move |(offset, kept)| (start + offset, kept))
    }

    /// All rows from a network on, ascending.
    pub(super) fn iter_from(&self, network: u128) -> impl Iterator<Item = (u128, Kept)> + Clone {
        self.blocks_from(network).flat_map(move |(start, block)| {
            let rows = block.iter_from(network.saturating_sub(start));
            rows.map(move |(offset, kept)| (start + offset, kept))
        })
    }

    /// The blocks from the one on that a network is or would be in, with where each begins.
    pub(super) fn blocks_from(
        &self,
        network: u128,
    ) -> impl Iterator<Item = (u128, &Block)> + Clone {
        let begin = self.blocks.range(..=network).next_back().map_or(network, |(start, _)| *start);
        self.blocks.range(begin..).map(|(start, block)| (*start, &**block))
    }

    /// Changes every row; not its time of observation.
    pub(super) fn change(&mut self, mut change: impl FnMut(u128, Kept) -> Kept) {
        for (start, block) in &mut self.blocks {
            Arc::make_mut(block).change(|offset, kept| change(start + offset, kept));
        }
    }

    /// All rows are so many eras older.
    pub(super) fn age(&mut self, eras: u64) {
        for block in self.blocks.values_mut().filter(|block| block.has_young()) {
            Arc::make_mut(block).age(eras);
        }
    }

    /// The bytes of the rows and of what is kept to find them: blocks behind a count of who shares them, in a
    /// tree whose nodes are half full, as they are where rows came in their order, and three
    /// allocations with 16 bytes of their own.
    pub(super) fn heap_bytes(&self) -> usize {
        let in_tree = (size_of::<u128>() + size_of::<Arc<Block>>()) * 2;
        let of_block = in_tree + 2 * size_of::<usize>() + size_of::<Block>() + 3 * 16;
        self.blocks.values().map(|block| of_block + block.heap_bytes()).sum()
    }
}

const fn first(network: u128, bits: u8) -> u128 {
    if bits as u32 >= u128::BITS { 0 } else { network >> bits << bits }
}

const fn last(start: u128, bits: u8) -> u128 {
    start | if bits == 0 { 0 } else { u128::MAX >> (u128::BITS - bits as u32) }
}

const fn holds(start: u128, bits: u8, network: u128) -> bool {
    start <= network && network <= last(start, bits)
}
