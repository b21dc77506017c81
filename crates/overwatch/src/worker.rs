//! What a worker keeps from one query to the next: whose turn it is, what was sent to whom, and what
//! was signed.
//!
//! Each worker has its own, so nothing here is shared or locked. Must never decide what is
//! answered, only whose turn among equals it is and whether the answer is sent.

use dns::{Account, CookieStanding, RateLimiter, RecordType, Verdict};
use dnssec::Signatures;

use crate::{Asker, Transport};

/// Domains with turns of their own: 24 KiB in all. Of more, those so many places apart have theirs
/// together: servers are named as often still, unless both are asked in step.
const DOMAINS_MAX: usize = 1_024;

/// A, AAAA, and all else: a client asks for all three at once.
const KINDS: usize = 3;

/// One worker of the DNS server.
pub struct Worker {
    /// Count the queries, by domain and kind; servers follow one another with them. By one count for
    /// all, half of the servers would have all turns of A where questions for A and AAAA come in pairs.
    turns: Box<[u64]>,
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
    pub fn new(limiter: Option<RateLimiter>) -> Self {
        let turns = vec![0; DOMAINS_MAX * KINDS].into_boxed_slice();
        Self { turns, last_domain: 0, limiter, signatures: None }
    }

    /// The turn of a query for a domain, by its place in the view.
    pub(crate) fn next_turn(&mut self, place: usize, qtype: RecordType) -> u64 {
        let kind = match qtype {
            RecordType::A => 0,
            RecordType::AAAA => 1,
            _ => 2,
        };
        let Some(next) = self.turns.get_mut(place % DOMAINS_MAX * KINDS + kind) else { return 0 };
        let turn = *next;
        *next = turn.wrapping_add(1);
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
    /// Without the accounts and turns, which are many.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_limiting = self.limiter.is_some();
        f.debug_struct("Worker").field("is_limiting", &is_limiting).finish_non_exhaustive()
    }
}
