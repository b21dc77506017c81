//! What a worker keeps from one query to the next: whose turn it is, what was sent to whom, and what
//! was signed.
//!
//! Each worker has its own, so nothing here is shared or locked. Must never decide what is
//! answered, only whose turn among equals it is and whether the answer is sent.

use dns::{Account, CookieStanding, RateLimiter, Verdict};
use dnssec::Signatures;

use crate::{Asker, Transport};

/// One worker of the DNS server.
pub struct Worker {
    /// Counts its queries; servers follow one another with it.
    turn: u64,
    /// The domain that was asked for last, by its place in the view.
    last_domain: usize,
    /// `None` where answers are not limited.
    limiter: Option<RateLimiter>,
    /// Made with the first answer that is signed: 1.7 MB that a server without signed zones is spared.
    signatures: Option<Box<Signatures>>,
}

impl Worker {
    /// A worker that has seen nobody.
    #[must_use]
    pub const fn new(limiter: Option<RateLimiter>) -> Self {
        Self { turn: 0, last_domain: 0, limiter, signatures: None }
    }

    /// The turn of a query.
    pub(crate) const fn next_turn(&mut self) -> u64 {
        let turn = self.turn;
        self.turn = turn.wrapping_add(1);
        turn
    }

    /// The domain that was asked for last, by its place in the view.
    pub(crate) const fn last_domain(&self) -> usize {
        self.last_domain
    }

    /// That this one is asked for.
    pub(crate) const fn see_domain(&mut self, place: usize) {
        self.last_domain = place;
    }

    /// What signs.
    pub(crate) fn signatures(&mut self) -> &mut Signatures {
        self.signatures.get_or_insert_default()
    }

    /// Whether an answer is sent. One by TCP always is: the connection proves its source.
    pub(crate) fn verdict(
        &mut self,
        asker: &Asker,
        cookie: CookieStanding,
        account: Account<'_>,
    ) -> Verdict {
        match &mut self.limiter {
            Some(limiter) if asker.transport == Transport::Udp => {
                limiter.check(asker.address, cookie, account, asker.now)
            }
            _ => Verdict::Answer,
        }
    }
}

impl std::fmt::Debug for Worker {
    /// Without the accounts, which are many.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (turn, is_limiting) = (self.turn, self.limiter.is_some());
        f.debug_struct("Worker").field("turn", &turn).field("is_limiting", &is_limiting).finish()
    }
}
