//! An order of last use through the places of a slab: use, removal and the oldest in constant time.

/// No place: the end of the chain.
const NONE: u32 = u32::MAX;

/// A doubly linked list whose links lie in one array, by place.
#[derive(Debug)]
pub(crate) struct Chain {
    links: Vec<Link>,
    oldest: u32,
    newest: u32,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    older: u32,
    newer: u32,
}

impl Chain {
    /// No places.
    pub(crate) const fn new() -> Self {
        Self { links: Vec::new(), oldest: NONE, newest: NONE }
    }

    /// Makes room for one more place, which is not in the chain yet, and names it.
    pub(crate) fn add_place(&mut self) -> u32 {
        // The slab is bounded below this.
        let place = u32::try_from(self.links.len()).unwrap_or(NONE);
        self.links.push(Link { older: NONE, newer: NONE });
        place
    }

    /// Makes a place the newest, whether it was in the chain or not.
    pub(crate) fn touch(&mut self, place: u32) {
        if self.newest == place {
            return;
        }
        self.remove(place);
        let newest = std::mem::replace(&mut self.newest, place);
        self.set_newer(newest, place);
        self.set_older(place, newest);
    }

    /// Takes a place out of the chain; nothing happens where it was not in it.
    pub(crate) fn remove(&mut self, place: u32) {
        let Some(link) = self.links.get_mut(place as usize) else { return };
        let Link { older, newer } = std::mem::replace(link, Link { older: NONE, newer: NONE });
        if self.oldest == place || older != NONE {
            self.set_newer(older, newer);
        }
        if self.newest == place || newer != NONE {
            self.set_older(newer, older);
        }
    }

    /// The place used longest ago.
    pub(crate) const fn oldest(&self) -> Option<u32> {
        if self.oldest == NONE { None } else { Some(self.oldest) }
    }

    /// What follows `place`; the chain's beginning where that is no place.
    fn set_newer(&mut self, place: u32, newer: u32) {
        match self.links.get_mut(place as usize) {
            Some(link) => link.newer = newer,
            None => self.oldest = newer,
        }
    }

    /// What precedes `place`; the chain's end where that is no place.
    fn set_older(&mut self, place: u32, older: u32) {
        match self.links.get_mut(place as usize) {
            Some(link) => link.older = older,
            None => self.newest = older,
        }
    }
}
