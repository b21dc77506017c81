//! How long caches may keep what they were told, also after it is told with a shorter TTL.
//!
//! A wait that is reckoned from today's TTL alone is too short for what was told with yesterday's. So a ring knows
//! the TTLs that its zone was last served with and, where one was lowered, until when caches may have what came
//! before. A ring that comes in the place of another keeps what that one knows of it. Must never make a wait shorter.

use model::Time;

use crate::ring::KeyRing;
use crate::rollover::RolloverTerms;

/// How long caches may keep one kind of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// The TTL they are served with, in seconds.
    pub(crate) ttl_s: u32,
    /// Until when caches may have them with a longer one; `None` where they were never served with one.
    pub(crate) longer_until: Option<Time>,
}

/// How long caches may keep the records of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetimes {
    /// The DNSKEY set.
    pub(crate) dnskey: Lifetime,
    /// Those that are kept for longest.
    pub(crate) records: Lifetime,
}

impl Lifetime {
    const fn new(ttl_s: u32) -> Self {
        Self { ttl_s, longer_until: None }
    }

    /// Until when a cache may have what was served at `since` or before, where `ttl_s` is its TTL now.
    fn end(self, since: Time, ttl_s: u32) -> Time {
        let end = since.plus_ms(RolloverTerms::ms(self.ttl_s.max(ttl_s)));
        self.longer_until.map_or(end, |until| until.max(end))
    }

    /// The same, served with this TTL from `now` on.
    fn served(self, ttl_s: u32, now: Time) -> Self {
        let is_lower = ttl_s < self.ttl_s;
        let before = is_lower.then(|| self.end(now, self.ttl_s));
        Self { ttl_s, longer_until: before.or(self.longer_until) }
    }

    /// The longer of the two.
    fn longest(self, other: Self) -> Self {
        let longer_until = self.longer_until.max(other.longer_until);
        Self { ttl_s: self.ttl_s.max(other.ttl_s), longer_until }
    }
}

impl KeyRing {
    /// The ring comes in the place of `own`, by which caches here were answered: they may keep that for as long as
    /// they were told, whatever the ring was served with where it comes from.
    pub fn take_over(&mut self, own: &Self) {
        let both = self.lifetimes.zip(own.lifetimes).map(|(theirs, ours)| Lifetimes {
            dnskey: theirs.dnskey.longest(ours.dnskey),
            records: theirs.records.longest(ours.records),
        });
        self.lifetimes = both.or(self.lifetimes).or(own.lifetimes);
    }

    /// The zone is served by these terms from `now` on, if it was not before; whether that is so. While the
    /// clock is behind nothing is taken down.
    pub fn serve(&mut self, terms: &RolloverTerms, now: Time) -> bool {
        if self.clock_fault(now).is_some() {
            return false;
        }
        let before = self.lifetimes_by(terms);
        let after = Lifetimes {
            dnskey: before.dnskey.served(terms.dnskey_ttl_s, now),
            records: before.records.served(terms.zone_ttl_max_s, now),
        };
        let is_lower =
            after.dnskey.ttl_s < before.dnskey.ttl_s || after.records.ttl_s < before.records.ttl_s;
        if is_lower {
            self.moved_at = self.moved_at.max(now);
        }
        self.lifetimes.replace(after) != Some(after)
    }

    /// Until when a cache may have a DNSKEY set of `since` or before.
    pub(crate) fn dnskey_end(&self, since: Time, terms: &RolloverTerms) -> Time {
        self.lifetimes_by(terms).dnskey.end(since, terms.dnskey_ttl_s)
    }

    /// Until when a cache may have any record of `since` or before.
    pub(crate) fn records_end(&self, since: Time, terms: &RolloverTerms) -> Time {
        let records = self.lifetimes_by(terms).records.end(since, terms.zone_ttl_max_s);
        records.max(self.dnskey_end(since, terms))
    }

    /// Those that are known; a ring that knows none was served by no other terms.
    fn lifetimes_by(&self, terms: &RolloverTerms) -> Lifetimes {
        self.lifetimes.unwrap_or(Lifetimes {
            dnskey: Lifetime::new(terms.dnskey_ttl_s),
            records: Lifetime::new(terms.zone_ttl_max_s),
        })
    }
}
