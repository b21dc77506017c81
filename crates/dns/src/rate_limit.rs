//! Response rate limiting: whether an answer by UDP is sent, cut or kept, so that forged sources
//! cannot make us flood somebody. No standard says how; that a truncated answer brings an honest
//! asker back by TCP is RFC 1035, 4.2.1 (RFC 7766, 5), that a cookie proves its address RFC 7873, 1.
//!
//! The rules:
//!
//! - answers are counted by the client's network, the kind of answer and what it speaks of
//!   ([`Account`]);
//! - a second gives an account its rate, an answer costs one. Never more is saved than one second
//!   gives, never more owed than the window's seconds give, so a flood is limited while it lasts and
//!   for at most a window after;
//! - of the answers that are limited every `slip`-th is cut, the others are not sent. A resolver
//!   whose address was forged comes back by TCP;
//! - a good cookie and the exempt networks are not limited and not counted. Answers by TCP are not
//!   to be asked for here: a connection proves its source.
//!
//! One [`RateLimiter`] is one worker's: no lock, time as an argument, no allocation but at its
//! start, four buckets looked at for each answer. How the table forgets: decision record 18.

use std::net::IpAddr;
use std::num::NonZeroU32;

use model::{RangeMap, Subnet, SubnetWidths, Time};

use crate::cookie::CookieStanding;
use crate::name::{NAME_BYTES_MAX, Name};
use crate::siphash::{KEY_BYTES, siphash_2_4};

/// Buckets that a key may be in: as many as fit into a cache line.
const WAYS: usize = 4;
/// The most buckets of a table: 64 MiB of them. A larger setting counts as this.
pub const BUCKETS_MAX: usize = 1 << 22;
/// The longest window in seconds and, together with the rate, the deepest debt. Longer ones count as
/// these: 2 million answers owed fit into a bucket's 31 bits of thousandths.
const WINDOW_MAX_S: u32 = 3600;
/// What one answer costs, in thousandths, so that a millisecond gives a rate's share.
const ANSWER_COST: i32 = 1000;
/// The deepest debt in thousandths of an answer.
const DEBT_MAX: i64 = 2_000_000_000;
/// What is hashed: kind, address, name.
const KEY_BYTES_MAX: usize = 1 + 16 + NAME_BYTES_MAX;

/// How many answers a second, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Answers about one existing name a second, with records or without. `None` is no limit, here
    /// and below.
    pub answers_per_s: Option<NonZeroU32>,
    /// Answers that a name of one zone does not exist.
    pub no_names_per_s: Option<NonZeroU32>,
    /// Referrals to one delegation.
    pub referrals_per_s: Option<NonZeroU32>,
    /// Errors of any kind.
    pub errors_per_s: Option<NonZeroU32>,
    /// How many seconds without a question free the deepest debt; at most 3,600.
    pub window_s: NonZeroU32,
    /// Every how many limited answers one is cut instead of kept back. `None` keeps back all.
    pub slip: Option<NonZeroU32>,
    /// How wide a client's network is.
    pub widths: SubnetWidths,
    /// Networks that are not limited.
    pub exempt: Vec<Subnet>,
    /// How many accounts are remembered, 16 bytes each: rounded up to a power of two, at least 4,
    /// at most [`BUCKETS_MAX`]. Not shared among workers.
    pub buckets: usize,
}

impl RateLimits {
    /// One of `workers` workers' share: the rates are divided, rounded up. The kernel spreads a
    /// network's questions by address and port, so all shares together are what was set, and a
    /// flood from one port gets one share.
    #[must_use]
    pub fn share_of(&self, workers: NonZeroU32) -> Self {
        let share = |rate: Option<NonZeroU32>| rate.map(|rate| rate.div_ceil(workers));
        Self {
            answers_per_s: share(self.answers_per_s),
            no_names_per_s: share(self.no_names_per_s),
            referrals_per_s: share(self.referrals_per_s),
            errors_per_s: share(self.errors_per_s),
            ..self.clone()
        }
    }

    const fn rate(&self, account: Account<'_>) -> Option<NonZeroU32> {
        match account {
            Account::Answer(_) => self.answers_per_s,
            Account::NoName(_) => self.no_names_per_s,
            Account::Referral(_) => self.referrals_per_s,
            Account::Error => self.errors_per_s,
        }
    }
}

/// What answers to one network are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account<'a> {
    /// This name's records, or that it has none of the type. Where a wildcard answers, the
    /// wildcard's name: else each name made up below it has an account of its own.
    Answer(Name<'a>),
    /// That a name does not exist in this zone.
    NoName(Name<'a>),
    /// A referral to this delegation.
    Referral(Name<'a>),
    /// An error: REFUSED, FORMERR, SERVFAIL, NOTIMP, BADVERS and so on.
    Error,
}

/// What is done with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent.
    Answer,
    /// It is sent without its records and says so ([`crate::Answer::truncate`]). An error has no
    /// records: it is sent as it is.
    Truncate,
    /// It is not sent.
    Drop,
}

/// What became of the answers, in number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateCounters {
    /// Within the limits.
    pub answered: u64,
    /// Limited, and cut.
    pub truncated: u64,
    /// Limited, and not sent.
    pub dropped: u64,
    /// Not limited for their cookie, their network or a rate that is not set.
    pub exempt: u64,
}

/// One worker's accounts.
pub struct RateLimiter {
    limits: RateLimits,
    /// Whether `limits.exempt` covers an address.
    exempt: RangeMap<bool>,
    /// So that nobody can choose names or addresses that meet in one set.
    seed: [u8; KEY_BYTES],
    /// A power of two of them.
    sets: Box<[Set]>,
    counters: RateCounters,
}

/// The buckets that a key may be in.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Set([Bucket; WAYS]);

/// One account.
#[derive(Clone, Copy)]
struct Bucket {
    /// The part of the key's hash that does not choose the set.
    tag: u32,
    /// What is saved, or owed where it is below zero, in thousandths of an answer.
    balance: i32,
    /// When the balance was that: milliseconds, over and over each 49 days.
    at_ms: u32,
    /// How many answers were limited, for the slip.
    limited: u32,
}

impl RateLimiter {
    /// A limiter that has seen nobody. `seed` is random and told to nobody.
    #[must_use]
    pub fn new(limits: RateLimits, seed: [u8; KEY_BYTES]) -> Self {
        let sets = limits.buckets.min(BUCKETS_MAX).div_ceil(WAYS).next_power_of_two();
        let exempt =
            RangeMap::from_prefixes(false, limits.exempt.iter().map(|network| (*network, true)));
        // Nothing is known of an empty bucket's account: it has all that can be saved.
        let empty = Bucket { tag: 0, balance: i32::MAX, at_ms: 0, limited: 0 };
        let sets = vec![Set([empty; WAYS]); sets].into_boxed_slice();
        Self { limits, exempt, seed, sets, counters: RateCounters::default() }
    }

    /// What was counted since the start.
    #[must_use]
    pub const fn counters(&self) -> RateCounters {
        self.counters
    }

    /// What to do with an answer by UDP to `client`, whose query had such a cookie.
    pub fn check(
        &mut self,
        client: IpAddr,
        cookie: CookieStanding,
        account: Account<'_>,
        now: Time,
    ) -> Verdict {
        let is_free = cookie == CookieStanding::Good || self.exempt.get(client).0;
        let Some(rate) = self.limits.rate(account).filter(|_| !is_free) else {
            self.counters.exempt += 1;
            return Verdict::Answer;
        };
        let hash = self.hash_of(client, account);
        let at_ms = low_half(now.unix_ms());
        let slip = self.limits.slip;
        let window_s = self.limits.window_s.get().min(WINDOW_MAX_S);
        let Some(bucket) = self.bucket(hash, at_ms) else {
            return Verdict::Answer;
        };
        bucket.earn(rate.get(), at_ms);
        let verdict = bucket.spend(rate.get(), window_s, slip);
        let counter = match verdict {
            Verdict::Answer => &mut self.counters.answered,
            Verdict::Truncate => &mut self.counters.truncated,
            Verdict::Drop => &mut self.counters.dropped,
        };
        *counter += 1;
        verdict
    }

    /// The hash of what is counted together.
    fn hash_of(&self, client: IpAddr, account: Account<'_>) -> u64 {
        let (kind, name) = match account {
            Account::Answer(name) => (0, name),
            Account::NoName(zone) => (1, zone),
            Account::Referral(delegation) => (2, delegation),
            Account::Error => (3, Name::ROOT),
        };
        let network = match self.limits.widths.subnet_of(client).address() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let mut bytes = [0; KEY_BYTES_MAX];
        let [kind_to, rest @ ..] = &mut bytes;
        *kind_to = kind;
        let name = name.as_bytes();
        if let Some((network_to, rest)) = rest.split_first_chunk_mut()
            && let Some(name_to) = rest.get_mut(..name.len())
        {
            *network_to = network.octets();
            name_to.copy_from_slice(name);
            name_to.make_ascii_lowercase();
        }
        siphash_2_4(&self.seed, bytes.get(..1 + 16 + name.len()).unwrap_or(&bytes))
    }

    /// The bucket of the account with this hash: its own, or the one of its set that was left alone
    /// longest, now its own.
    fn bucket(&mut self, hash: u64, at_ms: u32) -> Option<&mut Bucket> {
        let tag = low_half(hash >> 32);
        let index = usize::try_from(low_half(hash)).unwrap_or(0) & (self.sets.len() - 1);
        let Set(buckets) = self.sets.get_mut(index)?;
        let alone_ms = |bucket: &Bucket| at_ms.wrapping_sub(bucket.at_ms);
        let bucket = buckets.iter_mut().max_by_key(|b| (b.tag == tag, alone_ms(b)))?;
        if bucket.tag != tag {
            *bucket = Bucket { tag, balance: i32::MAX, at_ms, limited: 0 };
        }
        Some(bucket)
    }
}

impl Bucket {
    /// Adds what the time since the last answer gives. Where the clock went back it gives nothing.
    fn earn(&mut self, rate: u32, at_ms: u32) {
        let elapsed_ms = at_ms.wrapping_sub(self.at_ms).cast_signed().max(0);
        let earned = i64::from(self.balance) + i64::from(elapsed_ms) * i64::from(rate);
        // A millisecond gives a thousandth of what a second gives, and a bucket counts in those.
        let full = i64::from(rate) * i64::from(ANSWER_COST);
        self.balance = clamp(earned.min(full.min(DEBT_MAX)));
        self.at_ms = at_ms;
    }

    /// Takes the cost of an answer and says what to do with it.
    fn spend(&mut self, rate: u32, window_s: u32, slip: Option<NonZeroU32>) -> Verdict {
        let owed_max = i64::from(window_s) * i64::from(rate) * i64::from(ANSWER_COST);
        let left = i64::from(self.balance) - i64::from(ANSWER_COST);
        self.balance = clamp(left.max(-owed_max.min(DEBT_MAX)));
        if left >= 0 {
            return Verdict::Answer;
        }
        self.limited = self.limited.wrapping_add(1);
        match slip {
            Some(slip) if self.limited.is_multiple_of(slip.get()) => Verdict::Truncate,
            _ => Verdict::Drop,
        }
    }
}

/// A balance as a bucket holds it. Within [`DEBT_MAX`] nothing is lost.
fn clamp(balance: i64) -> i32 {
    i32::try_from(balance).unwrap_or(if balance < 0 { i32::MIN } else { i32::MAX })
}

/// The low half of a number.
const fn low_half(number: u64) -> u32 {
    let [_, _, _, _, a, b, c, d] = number.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests;
