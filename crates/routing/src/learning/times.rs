//! The times that the cells' regions were ranked by, for those who explain a decision: what a log
//! line says beside the region. Shared between one map and the next, but for what changed.

use std::sync::Arc;

use model::Rtt;

use super::cells::CellId;

/// Cells whose times lie together. A map that changes one copies so many; few enough for that to be
/// quick, enough for a map of millions of cells to be copied as a short list.
const CHUNK: usize = 64;

/// For each cell and region a time, or none.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    regions: usize,
    /// Microseconds; 0 where there is none, since no time is 0.
    chunks: Vec<Arc<Vec<u32>>>,
}

impl Times {
    /// No times, for a domain with so many regions.
    pub(crate) const fn new(regions: usize) -> Self {
        Self { regions, chunks: Vec::new() }
    }

    /// The time of a cell and a region.
    pub(crate) fn get(&self, cell: CellId, region: u16) -> Option<Rtt> {
        let cell = cell as usize;
        let chunk = self.chunks.get(cell / CHUNK)?;
        let us = chunk.get((cell % CHUNK) * self.regions + usize::from(region))?;
        Rtt::from_us(u64::from(*us)).ok()
    }

    /// Sets the times of a cell; tells whether any is new.
    pub(crate) fn set(
        &mut self,
        cell: CellId,
        times: impl Iterator<Item = (u16, u32)> + Clone,
    ) -> bool {
        let cell = cell as usize;
        while self.chunks.len() <= cell / CHUNK {
            self.chunks.push(Arc::new(vec![0; CHUNK * self.regions]));
        }
        let first = (cell % CHUNK) * self.regions;
        let Some(shared) = self.chunks.get_mut(cell / CHUNK) else { return false };
        let at = |region: u16| first + usize::from(region);
        let is_new = times.clone().any(|(region, us)| shared.get(at(region)) != Some(&us));
        if is_new {
            let chunk = Arc::make_mut(shared);
            for (region, us) in times {
                if let Some(place) = chunk.get_mut(at(region)) {
                    *place = us;
                }
            }
        }
        is_new
    }
}
