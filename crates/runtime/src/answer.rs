//! The DNS handler: hands each packet to `overwatch::resolve` with the view of the moment, counts
//! what became of it, and writes the line about a decision.
//!
//! Each worker has its own turn, its own limits of answers and its own counters, on cache lines of its
//! own; the counters are summed when somebody asks. A line a decision is for eyes: past a rate it is left out, never the count.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use dns::{CookieStanding, RateLimiter, RateLimits, RecordType, Verdict};
use model::{Rtt, Time};
use overwatch::{Asker, Outcome, Reply, Transport, View, Worker, resolve};
use routing::{Decision, Reason, Shadow};
use tracing::info;

use crate::clock::Clock;
use crate::dns::{Arrival, Handler, fetch};
use crate::metrics::OTHER;
use crate::query_log::Tap;
use crate::tail::{Showing, Tail};
use crate::tally::{Board, Tally};

/// Decision lines a second of one worker: as many as somebody can follow with a terminal's search,
/// and little enough not to be felt. The rest is counted as unlogged.
const LINES_PER_SECOND: u64 = 50;

/// What queries came to, by [`kind_of`].
pub(crate) const KINDS: [&str; 9] = [
    "dropped", "faulty", "cookie", "refused", "no_name", "no_data", "static", "referral", "steered",
];
/// Types that are asked for, by [`type_of`]; all others are the last one.
pub(crate) const TYPES: [&str; 18] = [
    "A", "NS", "CNAME", "SOA", "PTR", "MX", "TXT", "AAAA", "SRV", "NAPTR", "DS", "DNSKEY", "TLSA",
    "SVCB", "HTTPS", "CAA", "ANY", OTHER,
];
/// What cookies proved, by [`cookie_of`].
pub(crate) const COOKIES: [&str; 4] = ["none", "client_only", "good", "bad"];
/// What became of answers that were too many, by [`limited_as`].
pub(crate) const LIMITED: [&str; 2] = ["truncated", "dropped"];
/// What domains' shadows would have done, by [`count_shadow`].
pub(crate) const SHADOWED: [&str; 2] = ["same", "other"];
/// What that would have come to for those whom it is known of.
pub(crate) const SHADOW_TIMES: [&str; 2] = ["saved", "lost"];

/// Answers packets. A clone is another worker: it counts for itself.
#[derive(Debug)]
pub struct Answering {
    view: Arc<ArcSwap<View>>,
    clock: Clock,
    /// One worker's share.
    limits: Option<RateLimits>,
    worker: Worker,
    workers: Arc<Mutex<Vec<Arc<Counts>>>>,
    counts: Arc<Counts>,
    board: Board,
    tally: Tally,
    /// None where no query is written down.
    tap: Option<Tap>,
    showing: Showing,
    lines: Lines,
}

/// The lines about decisions that may still be written.
#[derive(Debug)]
struct Lines {
    second: Time,
    left: u64,
}

/// One worker's counters.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counts {
    kinds: [AtomicU64; KINDS.len()],
    types: [AtomicU64; TYPES.len()],
    reasons: [AtomicU64; Reason::ALL.len()],
    cookies: [AtomicU64; COOKIES.len()],
    limited: [AtomicU64; LIMITED.len()],
    shadowed: [AtomicU64; SHADOWED.len()],
    shadow_us: [AtomicU64; SHADOW_TIMES.len()],
    unlogged: AtomicU64,
}

/// What became of all queries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerCounters {
    /// Queries by what they came to.
    pub kinds: Vec<(&'static str, u64)>,
    /// Queries with a question, by the type that it is for.
    pub types: Vec<(&'static str, u64)>,
    /// Decisions by reason.
    pub reasons: Vec<(&'static str, u64)>,
    /// Queries by what their cookie proved.
    pub cookies: Vec<(&'static str, u64)>,
    /// Answers that were too many for their network, by what was done with them.
    pub limited: Vec<(&'static str, u64)>,
    /// Decisions of domains' shadows: the same region, or another.
    pub shadowed: Vec<(&'static str, u64)>,
    /// Milliseconds of round-trip time that the others would have saved and lost.
    pub shadow_ms: Vec<(&'static str, u64)>,
    /// Decisions that no line was written for.
    pub unlogged: u64,
}

/// Reads the counters of all workers.
#[derive(Clone, Debug)]
pub struct AnswerMeter {
    workers: Arc<Mutex<Vec<Arc<Counts>>>>,
}

impl Answering {
    /// The first worker. `limits` are one worker's share.
    #[must_use]
    pub fn new(view: Arc<ArcSwap<View>>, clock: Clock, limits: Option<RateLimits>) -> Self {
        Self::worker((view, clock), limits, Arc::default(), Board::default())
    }

    /// Writes a sample of queries down.
    #[must_use]
    pub(crate) fn tapped(mut self, tap: Option<Tap>) -> Self {
        self.tap = tap;
        self
    }

    fn beside(mut self, showing: &Showing) -> Self {
        self.showing = showing.beside();
        self
    }

    /// Shows decisions to whoever watches.
    #[must_use]
    pub(crate) fn shown(mut self, tail: &Tail) -> Self {
        self.showing = tail.showing();
        self
    }

    /// To say which domains are counted by region, and to read those numbers.
    pub(crate) fn board(&self) -> Board {
        self.board.clone()
    }

    /// To read what is counted.
    #[must_use]
    pub fn meter(&self) -> AnswerMeter {
        AnswerMeter { workers: Arc::clone(&self.workers) }
    }

    fn worker(
        (view, clock): (Arc<ArcSwap<View>>, Clock),
        limits: Option<RateLimits>,
        workers: Arc<Mutex<Vec<Arc<Counts>>>>,
        board: Board,
    ) -> Self {
        let counts = Arc::new(Counts::default());
        workers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&counts));
        let lines = Lines { second: clock.now(), left: LINES_PER_SECOND };
        let limiter = limits.clone().map(|limits| RateLimiter::new(limits, seed()));
        let worker = Worker::new(limiter);
        let tally = board.tally();
        let showing = Tail::default().showing();
        Self {
            view,
            clock,
            limits,
            worker,
            workers,
            counts,
            board,
            tally,
            tap: None,
            showing,
            lines,
        }
    }

    /// Answers one packet from this view: the length of the answer, or nothing.
    fn answer(
        &mut self,
        (view, now): (&View, Time),
        packet: &[u8],
        arrival: Arrival,
        buffer: &mut [u8],
    ) -> Option<usize> {
        let asker = Asker {
            address: arrival.peer.ip().to_canonical(),
            local: arrival.local.ip().to_canonical(),
            transport: match arrival.transport {
                crate::dns::Transport::Udp => Transport::Udp,
                crate::dns::Transport::Tcp => Transport::Tcp,
            },
            now,
        };
        let Reply { bytes, outcome, qtype, cookie, verdict } =
            resolve(view, &asker, packet, &mut self.worker, buffer);
        let length = bytes.len();
        if let Some(tap) = &mut self.tap {
            tap.see((arrival, now), packet, bytes, &outcome);
        }
        count(&self.counts.kinds[kind_of(&outcome)]);
        if let Some(qtype) = qtype {
            count(&self.counts.types[type_of(qtype)]);
        }
        count(&self.counts.cookies[cookie_of(cookie)]);
        if let Some(limited) = limited_as(&outcome, verdict) {
            count(&self.counts.limited[limited]);
        }
        if let Outcome::Steered { place, decision, client, .. } = &outcome {
            count(&self.counts.reasons[decision.reason as usize]);
            self.tally.count(*place, decision);
            if self.showing.is_watched() {
                self.showing.show(decision, *client, &asker);
            }
            if let Some(shadow) = decision.shadow {
                count_shadow(&self.counts, shadow);
            }
            // Where no line is wanted, none is put together.
            if tracing::enabled!(tracing::Level::INFO) && self.lines.take() {
                log(decision, *client, &asker);
            } else {
                count(&self.counts.unlogged);
            }
        }
        (length > 0).then_some(length)
    }
}

impl Handler for Answering {
    fn foresee<'q>(&mut self, queries: impl Iterator<Item = (&'q [u8], SocketAddr)>) {
        let view = self.view.load();
        for (packet, peer) in queries {
            let query = (packet, peer.ip().to_canonical());
            overwatch::foresee(&view, &self.worker, query).for_each(fetch);
        }
    }

    /// The view and the time are read once a batch.
    fn batch(&mut self) -> impl FnMut(&[u8], Arrival, &mut [u8]) -> Option<usize> {
        let (view, now) = (self.view.load(), self.clock.now());
        self.lines.at(now);
        move |packet, arrival, buffer| self.answer((&view, now), packet, arrival, buffer)
    }
}

impl Clone for Answering {
    fn clone(&self) -> Self {
        let (view, workers) = (Arc::clone(&self.view), Arc::clone(&self.workers));
        Self::worker((view, self.clock), self.limits.clone(), workers, self.board.clone())
            .tapped(self.tap.as_ref().map(Tap::beside))
            .beside(&self.showing)
    }
}

impl AnswerMeter {
    /// The counters of all workers together.
    #[must_use]
    pub fn counters(&self) -> AnswerCounters {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |pick: &dyn Fn(&Counts) -> &AtomicU64| -> u64 {
            workers.iter().map(|counts| pick(counts).load(Ordering::Relaxed)).sum()
        };
        let kinds = KINDS.iter().enumerate().map(|(i, kind)| (*kind, sum(&|c| &c.kinds[i])));
        let types = TYPES.iter().enumerate().map(|(i, qtype)| (*qtype, sum(&|c| &c.types[i])));
        let reasons = Reason::ALL.iter().enumerate();
        let reasons = reasons.map(|(i, reason)| (reason.as_str(), sum(&|c| &c.reasons[i])));
        let cookies = COOKIES.iter().enumerate().map(|(i, of)| (*of, sum(&|c| &c.cookies[i])));
        let shadowed = SHADOWED.iter().enumerate();
        let shadowed = shadowed.map(|(i, of)| (*of, sum(&|counts| &counts.shadowed[i])));
        let shadow_ms = SHADOW_TIMES.iter().enumerate();
        let shadow_ms = shadow_ms.map(|(i, of)| (*of, sum(&|counts| &counts.shadow_us[i]) / 1_000));
        let limited = LIMITED.iter().enumerate().map(|(i, how)| (*how, sum(&|c| &c.limited[i])));
        AnswerCounters {
            kinds: kinds.collect(),
            types: types.collect(),
            reasons: reasons.collect(),
            cookies: cookies.collect(),
            limited: limited.collect(),
            shadowed: shadowed.collect(),
            shadow_ms: shadow_ms.collect(),
            unlogged: sum(&|counts| &counts.unlogged),
        }
    }
}

/// What a domain's shadow would have done: never answered, only counted.
fn count_shadow(counts: &Counts, shadow: Shadow) {
    count(&counts.shadowed[usize::from(shadow.is_other)]);
    if let Some(gain_us) = shadow.gain_us {
        add(&counts.shadow_us[usize::from(gain_us < 0)], gain_us.unsigned_abs());
    }
}

/// A place in [`KINDS`].
const fn kind_of(outcome: &Outcome<'_>) -> usize {
    match outcome {
        Outcome::Dropped => 0,
        Outcome::Faulty(_) => 1,
        Outcome::Cookie(_) => 2,
        Outcome::Refused => 3,
        Outcome::NoName(_) => 4,
        Outcome::NoData => 5,
        Outcome::Static => 6,
        Outcome::Referral => 7,
        Outcome::Steered { .. } => 8,
    }
}

/// A place in [`TYPES`].
const fn type_of(qtype: RecordType) -> usize {
    match qtype {
        RecordType::A => 0,
        RecordType::NS => 1,
        RecordType::CNAME => 2,
        RecordType::SOA => 3,
        RecordType::PTR => 4,
        RecordType::MX => 5,
        RecordType::TXT => 6,
        RecordType::AAAA => 7,
        RecordType::SRV => 8,
        // Naming authority pointers (RFC 3403).
        RecordType(35) => 9,
        RecordType::DS => 10,
        RecordType::DNSKEY => 11,
        // A service's certificate (RFC 6698).
        RecordType(52) => 12,
        RecordType::SVCB => 13,
        RecordType::HTTPS => 14,
        // Who may certify (RFC 8659).
        RecordType(257) => 15,
        RecordType::ANY => 16,
        _ => 17,
    }
}

/// A place in [`COOKIES`].
const fn cookie_of(cookie: CookieStanding) -> usize {
    match cookie {
        CookieStanding::None => 0,
        CookieStanding::ClientOnly => 1,
        CookieStanding::Good => 2,
        CookieStanding::Bad => 3,
    }
}

/// A place in [`LIMITED`]; none for what was sent, or was never to be answered.
const fn limited_as(outcome: &Outcome<'_>, verdict: Verdict) -> Option<usize> {
    match (outcome, verdict) {
        (Outcome::Dropped, _) | (_, Verdict::Answer) => None,
        (_, Verdict::Truncate) => Some(0),
        (_, Verdict::Drop) => Some(1),
    }
}

/// Random bytes that nobody outside can guess; the standard library seeds each hasher anew.
fn seed() -> [u8; 16] {
    let half = || RandomState::new().build_hasher().finish().to_ne_bytes();
    let mut seed = [0; 16];
    for (to, from) in seed.iter_mut().zip(half().into_iter().chain(half())) {
        *to = from;
    }
    seed
}

impl Lines {
    /// Each second begins with all of them.
    fn at(&mut self, now: Time) {
        if now.ms_since(self.second) >= 1_000 {
            *self = Self { second: now, left: LINES_PER_SECOND };
        }
    }

    /// Whether there is still one to be had in this second.
    const fn take(&mut self) -> bool {
        let has_line = self.left > 0;
        self.left = self.left.saturating_sub(1);
        has_line
    }
}

/// One worker writes each counter: see [`crate::dns::UdpServer`].
fn count(counter: &AtomicU64) {
    add(counter, 1);
}

fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// One line a decision, in the words that operators search for.
fn log(decision: &Decision<'_>, client: model::Subnet, asker: &Asker) {
    let ms = |rtt: Option<Rtt>| rtt.map_or_else(|| "-".to_owned(), |rtt| rtt.to_string());
    let runners_up: Vec<String> = decision
        .runners_up()
        .map(|candidate| format!("{}:{}", candidate.region, ms(candidate.rtt)))
        .collect();
    let server = decision.ipv4.first().or_else(|| decision.ipv6.first());
    info!(
        client = %client,
        asker = %asker.address,
        domain = %decision.domain(),
        region = %decision.region.map_or("-", |region| region.as_str()),
        server = %server.map_or_else(|| "-".to_owned(), |server| server.address.to_string()),
        reason = %decision.reason,
        rtt = %ms(decision.rtt()),
        scope = %decision.scope,
        runners_up = %runners_up.join(","),
        "routing decision"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_place() {
        let mut places = std::collections::BTreeSet::new();
        for (number, name) in [
            (1, "A"),
            (2, "NS"),
            (5, "CNAME"),
            (6, "SOA"),
            (12, "PTR"),
            (15, "MX"),
            (16, "TXT"),
            (28, "AAAA"),
            (33, "SRV"),
            (35, "NAPTR"),
            (43, "DS"),
            (48, "DNSKEY"),
            (52, "TLSA"),
            (64, "SVCB"),
            (65, "HTTPS"),
            (257, "CAA"),
            (255, "ANY"),
            (65_280, OTHER),
        ] {
            let place = type_of(RecordType(number));
            assert_eq!(TYPES[place], name, "{number}");
            places.insert(place);
        }
        assert_eq!(places.len(), TYPES.len());
        assert_eq!(type_of(RecordType(0)), type_of(RecordType(u16::MAX)));
    }

    #[test]
    fn lines_are_limited_and_come_back_with_the_next_second() {
        let start = Time::from_unix_ms(5_000);
        let mut lines = Lines { second: start, left: LINES_PER_SECOND };
        let mut taken_at = |ms| {
            lines.at(start.plus_ms(ms));
            (0..LINES_PER_SECOND * 2).filter(|_| lines.take()).count() as u64
        };
        assert_eq!(
            [0, 999, 1_000, 1_001].map(&mut taken_at),
            [LINES_PER_SECOND, 0, LINES_PER_SECOND, 0]
        );
    }
}
