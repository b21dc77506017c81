//! Two machines that go by one name with one key, as clones of an image do: they would take the session from
//! each other for ever.
//!
//! An agent that comes while its old connection is not known to be dead is welcome, in another life and from
//! another address too: so it comes after a break that nobody noticed, and after each start, however often it
//! crashes. What one machine never does is to come back as the one that it replaced. Who does so lives beside
//! the one that has the name now: it is told so, and stays out while that one speaks. Must never shut out a
//! life that was not seen before.

use std::net::IpAddr;

use model::Time;

/// Who lost the name and has not come for it for so long may take it again, as a machine that has moved and is
/// back. A minute: far more than an agent waits between two tries, so that a clone never gets in by waiting.
const DISPLACED_MS: u64 = 60_000;

/// So many that lost the name are remembered, the latest ones: with more machines of one name than these the
/// session changes hands again, and the list stays short.
const DISPLACED_MAX: usize = 8;

/// What tells machines of one name and key apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Where its connection comes from.
    pub address: IpAddr,
    /// Its start, as it numbers it: a clone of a machine that runs has the same.
    pub epoch: u64,
}

/// Who had a name, for as long as that matters.
#[derive(Clone, Debug, Default)]
pub(super) struct Rivals {
    /// Who came in last.
    holder: Option<Life>,
    /// Who lost it to another while it spoke, and when it last came. At most [`DISPLACED_MAX`].
    displaced: Vec<(Life, Time)>,
}

impl Rivals {
    /// Somebody with the same key comes while the holder speaks. Says whether the name is his.
    pub(super) fn give_way(&mut self, to: Life, now: Time) -> bool {
        let Some(holder) = self.holder.filter(|holder| *holder != to) else { return true };
        self.displaced.retain(|(_, came_at)| now.ms_since(*came_at) < DISPLACED_MS);
        let was_displaced = self.displaced.iter().any(|(life, _)| *life == to);
        let loser = if was_displaced { to } else { holder };
        self.displaced.retain(|(life, _)| *life != loser);
        if self.displaced.len() >= DISPLACED_MAX {
            self.displaced.remove(0);
        }
        self.displaced.push((loser, now));
        !was_displaced
    }

    /// It is welcome.
    pub(super) const fn hold(&mut self, life: Life) {
        self.holder = Some(life);
    }
}
