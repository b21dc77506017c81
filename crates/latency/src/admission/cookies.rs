//! What is remembered of open sockets, so that one connection is not counted as many.
//!
//! A socket is known from the first poll that saw it until it closes or two intervals in a row end
//! without a poll that saw it; so one failed dump does not make every socket young again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;

use model::{Sample, SocketState, Time};

use super::Refusal;

/// The most open sockets remembered: what a hash table of 2^17 buckets holds, about 4 MiB. Those
/// beyond it do not count while they are open, only when they close.
pub(crate) const COOKIES_MAX: usize = 114_688;

/// Open sockets by the kernel's cookie. The order is never seen, and cookies are the kernel's, so
/// nobody can choose them to collide: a fixed hash does, and a cheap one.
#[derive(Debug)]
pub(crate) struct Cookies {
    known: HashMap<u64, Cookie, BuildHasherDefault<CookieHasher>>,
    /// The number of the running interval; wraps.
    interval: u32,
}

/// Spreads numbers that the kernel counts up: a product with the golden ratio, whose upper half is folded
/// onto the lower one (Knuth, The Art of Computer Programming 3, 6.4).
#[derive(Debug, Default)]
struct CookieHasher(u64);

impl Hasher for CookieHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        let product = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// One remembered socket.
#[derive(Clone, Copy, Debug)]
struct Cookie {
    life: Life,
    /// The interval in which a poll last saw it.
    seen: u32,
}

/// How far a socket has come.
#[derive(Clone, Copy, Debug)]
enum Life {
    /// Open and not yet counted.
    Uncounted {
        /// When the first poll saw it.
        since: Time,
    },
    /// Open and counted at least once.
    Counted {
        /// `bytes_acked` when it last counted.
        bytes_acked: u64,
        /// The interval in which it last counted.
        interval: u32,
        /// When.
        at: Time,
        /// The kernel's minimum by then.
        min_rtt_us: Option<u32>,
    },
    /// Closed. Kept for a moment, since a dump may still hold an earlier reading.
    Closed,
}

/// What was known of a socket when a reading of it came.
#[derive(Debug)]
pub(crate) struct Last<'a> {
    /// `None` for a closed socket that was never seen open.
    life: Option<Life>,
    interval: u32,
    /// Where it is remembered, if it is.
    cookie: Option<&'a mut Cookie>,
}

impl Cookies {
    /// Knows no socket.
    pub(crate) fn new() -> Self {
        Self { known: HashMap::default(), interval: 0 }
    }

    /// Looks at what is known of open sockets, and makes nothing of it: they lie anywhere in some
    /// megabytes, and the processor waits for several of them at once only where nothing else is to be
    /// done in between.
    pub(crate) fn touch(&self, samples: &[Sample]) {
        let open = samples.iter().filter(|sample| sample.state == SocketState::Open);
        let known = open.filter_map(|sample| self.known.get(&sample.cookie));
        black_box(known.fold(0, |sum: u32, cookie| sum.wrapping_add(cookie.seen)));
    }

    /// Notes that a socket was seen, and hands out what was known of it.
    pub(crate) fn seen(&mut self, sample: &Sample, now: Time) -> Result<Last<'_>, Refusal> {
        let (interval, is_open) = (self.interval, sample.state == SocketState::Open);
        // A full table must not be asked for an entry: it would grow for it.
        let is_full = self.known.len() >= COOKIES_MAX && !self.known.contains_key(&sample.cookie);
        if is_full {
            let unknown = Last { life: None, interval, cookie: None };
            return if is_open { Err(Refusal::TooManySockets) } else { Ok(unknown) };
        }
        let cookie = match self.known.entry(sample.cookie) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if !is_open => {
                return Ok(Last { life: None, interval, cookie: None });
            }
            Entry::Vacant(unknown) => {
                unknown.insert(Cookie { life: Life::Uncounted { since: now }, seen: interval })
            }
        };
        cookie.seen = interval;
        let life = cookie.life;
        if !is_open {
            cookie.life = Life::Closed;
        }
        Ok(Last { life: Some(life), interval, cookie: Some(cookie) })
    }

    /// Begins the next interval.
    pub(crate) fn end_interval(&mut self) {
        let ended = self.interval;
        self.known.retain(|_, cookie| ended.wrapping_sub(cookie.seen) <= 1);
        self.interval = ended.wrapping_add(1);
    }

    /// How many sockets are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}

impl Last<'_> {
    /// Notes that the reading counted.
    pub(crate) fn count(self, sample: &Sample, at: Time) {
        let Sample { bytes_acked, min_rtt_us, .. } = *sample;
        if sample.state == SocketState::Open
            && let Some(cookie) = self.cookie
        {
            cookie.life = Life::Counted { bytes_acked, interval: self.interval, at, min_rtt_us };
        }
    }

    /// Whether a reading says something new about its connection.
    pub(crate) fn check(
        &self,
        sample: &Sample,
        age_ms: u64,
        now: Time,
        window_ms: u64,
    ) -> Result<(), Refusal> {
        let is_open = sample.state == SocketState::Open;
        let fresh = match self.life {
            Some(Life::Counted { at, min_rtt_us, .. })
                if now.ms_since(at) < window_ms && sample.min_rtt_us >= min_rtt_us =>
            {
                Err(Refusal::SameMinimum)
            }
            _ => Ok(()),
        };
        match self.life {
            Some(Life::Closed) => Err(Refusal::AlreadyClosed),
            Some(Life::Uncounted { since }) if is_open && now.ms_since(since) < age_ms => {
                Err(Refusal::TooYoung)
            }
            Some(Life::Counted { interval, .. }) if is_open && interval == self.interval => {
                Err(Refusal::OncePerInterval)
            }
            Some(Life::Counted { bytes_acked, .. }) if is_open => {
                if sample.bytes_acked > bytes_acked { fresh } else { Err(Refusal::NothingNew) }
            }
            // The acknowledgement of the FIN counts as one byte and is no data.
            Some(Life::Counted { bytes_acked, .. })
                if sample.bytes_acked <= bytes_acked.saturating_add(1) =>
            {
                Err(Refusal::ClosedNothingNew)
            }
            Some(Life::Uncounted { .. } | Life::Counted { .. }) | None => fresh,
        }
    }
}
