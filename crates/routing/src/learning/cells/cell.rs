//! One cell, in 48 bytes: there are as many as networks, and some more. Judges nothing; each change of it is
//! somebody else's decision.

use model::{Subnet, Time};

use crate::baseline::BaseId;
use crate::ranking::Trial;

/// One cell. What it was last told, and with that what it tries, is in the ranking that the map has of it.
#[derive(Debug)]
pub(crate) struct Cell {
    /// Its traffic, in the units of [`crate::learning::volume`].
    pub(crate) volume: f64,
    /// Where its clients are sent and since when: see [`Cell::held`] and [`Cell::moved_at`].
    seat: u64,
    /// What it tried, or tries, and has not been measured since: few, as there are regions.
    pub(crate) attempts: Option<Box<Attempt>>,
    pub(crate) base: BaseId,
    /// A network in it; its own, where it is a network.
    pub(crate) spot: Subnet,
    marks: u8,
    /// Regions that it tried, tries no more, and was measured in if it had to be: a bit for each of the
    /// first eight. Others stay among the attempts.
    tried: u8,
}

// There are as many as networks, and some more.
const _: () = assert!(size_of::<Cell>() == 48, "a cell has no gaps");

/// The bits of a moment in [`Cell::seat`], in milliseconds since 1970; none of them: never. The rest is
/// the region's.
const MOVED_BITS: u32 = 48;

/// What [`Cell::marks`] says besides how calm it is: that a region is held,
const IS_HELD: u8 = 1 << 5;
/// that it was judged,
const IS_JUDGED: u8 = 1 << 6;
/// that there are rows of its network.
const HAS_ROWS: u8 = 1 << 7;

/// How long nothing has come of looking at a cell, and how often it is looked at for that.
#[derive(Clone, Copy, Debug)]
struct Calm {
    /// How often in a row nothing was new: at most [`CALM_MAX`].
    looks: u8,
    /// How many rounds more it lets pass.
    rounds_left: u8,
}

impl Calm {
    const NEW: Self = Self { looks: 0, rounds_left: 0 };
    /// The bits of the looks in a cell's marks, and of both: at most 3, and one less than 2 to the power
    /// of them.
    const LOOKS_BITS: u32 = 2;
    const MASK: u8 = (1 << 5) - 1;

    const fn marks(self) -> u8 {
        self.rounds_left << Self::LOOKS_BITS | self.looks
    }

    const fn of(marks: u8) -> Self {
        let marks = marks & Self::MASK;
        Self {
            looks: marks & ((1 << Self::LOOKS_BITS) - 1),
            rounds_left: marks >> Self::LOOKS_BITS,
        }
    }
}

/// After so many looks of which nothing came a cell has a turn in every eighth round. What its clients
/// measure does not wait for a round; what others measure brings the turn nearer; and whatever else moves
/// a settled cell, as that rows age, takes hours for it.
const CALM_MAX: u8 = 3;

/// A region that a cell tries and that was not measured since it does.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The connections that should have been measured by now.
    pub(crate) expected: f64,
    /// The region, above [`Attempt::IS_SINCE`] and [`Attempt::IS_GIVEN_UP`], above the moment that these are about.
    state: u64,
    next: Option<Box<Self>>,
}

impl Attempt {
    /// In milliseconds since 1970.
    const MOMENT: u64 = Self::IS_SINCE - 1;
    /// Since then connections are expected.
    const IS_SINCE: u64 = 1 << 46;
    /// Until then it is not tried again. Since when it was is nobody's question any more.
    const IS_GIVEN_UP: u64 = 1 << 47;
    const REGION_SHIFT: u32 = 48;

    fn new(region: u16, next: Option<Box<Self>>) -> Self {
        Self { expected: 0.0, state: u64::from(region) << Self::REGION_SHIFT, next }
    }

    fn region(&self) -> u16 {
        (self.state >> Self::REGION_SHIFT) as u16
    }

    /// Whether there is nothing to say but that it was tried.
    fn is_fresh(&self) -> bool {
        self.expected == 0.0 && self.state & (Self::IS_SINCE | Self::IS_GIVEN_UP) == 0
    }

    /// It was measured, or is tried anew.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.region(), self.next.take());
    }

    /// Since when connections are expected: from now on, before the first.
    pub(crate) fn expected_since(&mut self, now: Time) -> Time {
        match self.state & (Self::IS_SINCE | Self::IS_GIVEN_UP) {
            0 => self.state |= Self::IS_SINCE | now.unix_ms().min(Self::MOMENT),
            Self::IS_SINCE => return Time::from_unix_ms(self.state & Self::MOMENT),
            _ => {}
        }
        now
    }

    /// Until when it is not tried again, once it was given up.
    pub(crate) fn given_up_until(&self) -> Option<Time> {
        let is_given_up = self.state & Self::IS_GIVEN_UP != 0;
        is_given_up.then(|| Time::from_unix_ms(self.state & Self::MOMENT))
    }

    /// It is not tried again until then.
    pub(crate) fn give_up(&mut self, until: Time) {
        let rest = self.state & !(Self::IS_SINCE | Self::MOMENT);
        self.state = rest | Self::IS_GIVEN_UP | until.unix_ms().min(Self::MOMENT);
    }
}

impl Cell {
    pub(super) const fn new(base: BaseId, spot: Subnet) -> Self {
        Self {
            volume: 0.0,
            seat: 0,
            attempts: None,
            base,
            spot,
            marks: Calm::NEW.marks(),
            tried: 0,
        }
    }

    /// Whether there are rows of the network, or of one around it.
    pub(crate) const fn has_rows(&self) -> bool {
        self.marks & HAS_ROWS != 0
    }

    pub(crate) const fn set_has_rows(&mut self, has_rows: bool) {
        self.mark(HAS_ROWS, has_rows);
    }

    /// Whether it was judged: until then it has the ranking of geography.
    pub(crate) const fn is_judged(&self) -> bool {
        self.marks & IS_JUDGED != 0
    }

    /// Where its clients are sent while that is up; `None` until it is judged.
    pub(crate) const fn held(&self) -> Option<u16> {
        if self.marks & IS_HELD == 0 {
            return None;
        }
        Some((self.seat >> MOVED_BITS) as u16)
    }

    /// When it last moved; `None` where it never did.
    pub(crate) const fn moved_at(&self) -> Option<Time> {
        match self.seat & ((1 << MOVED_BITS) - 1) {
            0 => None,
            ms => Some(Time::from_unix_ms(ms)),
        }
    }

    /// It was judged, and is held there.
    pub(crate) fn judged(&mut self, held: Option<u16>) {
        self.mark(IS_JUDGED, true);
        self.hold(held, self.moved_at());
    }

    /// It is held there, and moved then.
    pub(crate) fn hold(&mut self, held: Option<u16>, moved_at: Option<Time>) {
        self.mark(IS_HELD, held.is_some());
        let moved_ms = moved_at.map_or(0, |at| at.unix_ms().min((1 << MOVED_BITS) - 1));
        self.seat = u64::from(held.unwrap_or(0)) << MOVED_BITS | moved_ms;
    }

    const fn mark(&mut self, mark: u8, is_so: bool) {
        if is_so {
            self.marks |= mark;
        } else {
            self.marks &= !mark;
        }
    }

    const fn set_calm(&mut self, calm: Calm) {
        self.marks = self.marks & !Calm::MASK | calm.marks();
    }

    /// It was looked at; whether anything came of it, or may come of it soon.
    pub(crate) fn was_looked_at(&mut self, is_calm: bool) {
        let looks = if is_calm { (Calm::of(self.marks).looks + 1).min(CALM_MAX) } else { 0 };
        self.set_calm(Calm { looks, rounds_left: (1 << looks) - 1 });
    }

    /// A round comes by: whether it is looked at, or lets it pass.
    pub(super) fn has_turn(&mut self) -> bool {
        let is_turn = Calm::of(self.marks).rounds_left == 0;
        self.hear();
        is_turn
    }

    /// A network in it, or of its kind, has news: its turn comes a round sooner.
    pub(crate) const fn hear(&mut self) {
        let calm = Calm::of(self.marks);
        self.set_calm(Calm { rounds_left: calm.rounds_left.saturating_sub(1), ..calm });
    }

    /// Something happened that concerns it: it lets no round pass.
    pub(crate) const fn wake(&mut self) {
        self.set_calm(Calm::NEW);
    }

    /// Nothing is left of it but its number.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.base, self.spot);
    }

    /// From now on it tries these.
    pub(crate) fn attempt(&mut self, trials: [Option<Trial>; 2]) {
        self.forget_fresh(trials);
        for trial in trials.iter().flatten() {
            match self.attempt_mut(trial.region) {
                // It had been given up, and may be tried again.
                Some(attempt) if attempt.given_up_until().is_some() => attempt.restart(),
                Some(_) => {}
                None => {
                    let attempt = Attempt::new(trial.region, self.attempts.take());
                    self.attempts = Some(Box::new(attempt));
                }
            }
        }
    }

    /// Of what it tries no more and has nothing to wait for, a bit stays.
    fn forget_fresh(&mut self, trials: [Option<Trial>; 2]) {
        let is_tried = |region: u16| trials.iter().flatten().any(|trial| trial.region == region);
        let mut rest = self.attempts.take();
        while let Some(mut attempt) = rest {
            rest = attempt.next.take();
            let region = attempt.region();
            if attempt.is_fresh() && !is_tried(region) && u32::from(region) < u8::BITS {
                self.tried |= 1 << region;
            } else {
                attempt.next = self.attempts.take();
                self.attempts = Some(attempt);
            }
        }
    }

    /// Whether it ever tried a region.
    pub(crate) fn has_tried(&self, region: u16) -> bool {
        let bit = 1u8.checked_shl(region.into()).unwrap_or(0);
        self.tried & bit != 0 || self.attempt_of(region).is_some()
    }

    /// The attempt of a region, where it was tried and not measured since.
    pub(crate) fn attempt_of(&self, region: u16) -> Option<&Attempt> {
        let mut all =
            std::iter::successors(self.attempts.as_deref(), |attempt| attempt.next.as_deref());
        all.find(|attempt| attempt.region() == region)
    }

    pub(crate) fn attempt_mut(&mut self, region: u16) -> Option<&mut Attempt> {
        let mut next = self.attempts.as_deref_mut();
        while let Some(attempt) = next {
            if attempt.region() == region {
                return Some(attempt);
            }
            next = attempt.next.as_deref_mut();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HandWork;
    use crate::baseline::Baseline;
    use crate::fixture::{LEARNED, NOW, domain, geo, subnet};

    fn cell() -> Cell {
        let baseline = Baseline::new(&domain(LEARNED), &geo(&[]), &HandWork::default());
        let spot = subnet("10.0.0.0/24");
        Cell::new(baseline.map.get(spot.address()).0, spot)
    }

    /// All that the marks and the seat say, held and moved apart.
    fn said(cell: &Cell) -> (Option<u16>, Option<Time>, bool, bool) {
        (cell.held(), cell.moved_at(), cell.has_rows(), cell.is_judged())
    }

    #[test]
    fn what_is_packed_together_is_said_apart() {
        let mut cell = cell();
        assert_eq!(said(&cell), (None, None, false, false));
        cell.set_has_rows(true);
        cell.judged(Some(u16::MAX));
        assert_eq!(said(&cell), (Some(u16::MAX), None, true, true));
        cell.hold(Some(0), Some(NOW));
        assert_eq!(said(&cell), (Some(0), Some(NOW), true, true));
        cell.judged(Some(3));
        cell.set_has_rows(false);
        assert_eq!(said(&cell), (Some(3), Some(NOW), false, true));
        cell.hold(None, Some(NOW));
        for looks in [true, true, true, true, false] {
            cell.was_looked_at(looks);
            assert_eq!(said(&cell), (None, Some(NOW), false, true));
        }
        cell.clear();
        assert_eq!(said(&cell), (None, None, false, false));
    }

    #[test]
    fn a_calm_cell_lets_rounds_pass() {
        let mut cell = cell();
        // After each look, how many rounds until the next.
        let mut passed = |is_calm| {
            cell.was_looked_at(is_calm);
            (0..).find(|_| cell.has_turn())
        };
        let looks = [true, true, true, true, false, true].map(&mut passed);
        assert_eq!(looks, [1, 3, 7, 7, 0, 1].map(Some));
        cell.was_looked_at(true);
        cell.was_looked_at(true);
        cell.hear();
        assert_eq!((0..).find(|_| cell.has_turn()), Some(6));
        cell.was_looked_at(true);
        cell.wake();
        assert!(cell.has_turn());
    }

    #[test]
    fn attempts_are_found_by_region_and_begin_anew() {
        let mut cell = cell();
        let trial = |region| Some(Trial { region, share: 9 });
        cell.attempt([trial(4), trial(900)]);
        for region in [900, 4] {
            let attempt = cell.attempt_mut(region).unwrap();
            assert_eq!(attempt.expected_since(NOW), NOW);
            assert_eq!(attempt.expected_since(NOW.plus_ms(9)), NOW);
            attempt.expected = f64::from(region);
        }
        cell.attempt([trial(900), trial(7)]);
        assert!(cell.attempt_of(3).is_none() && cell.attempt_mut(3).is_none());
        for region in [4, 900] {
            cell.attempt_mut(region).unwrap().give_up(NOW);
            let attempt = cell.attempt_of(region).unwrap();
            assert_eq!(attempt.given_up_until(), Some(NOW));
            assert_eq!(attempt.expected, f64::from(region));
        }
        // Tried again: that one begins anew, the others go on.
        cell.attempt([trial(4), trial(7)]);
        let told = |region| {
            let attempt = cell.attempt_of(region).unwrap();
            (attempt.expected, attempt.given_up_until())
        };
        assert_eq!([4, 7, 900].map(told), [(0.0, None), (0.0, None), (900.0, Some(NOW))]);
    }

    #[test]
    fn what_was_tried_and_measured_is_a_bit_where_there_is_one() {
        let mut cell = cell();
        let trial = |region| Some(Trial { region, share: 9 });
        cell.attempt([trial(7), trial(8)]);
        cell.attempt([trial(0), None]);
        // One that waits to be measured stays.
        cell.attempt_mut(0).unwrap().expected_since(NOW);
        cell.attempt([None, None]);
        let has = |cell: &Cell, region| (cell.attempt_of(region).is_some(), cell.has_tried(region));
        let told = |cell: &Cell| [0, 7, 8, 9, 300].map(|region| has(cell, region));
        let (none, bit, kept) = ((false, false), (false, true), (true, true));
        assert_eq!(told(&cell), [kept, bit, kept, none, none]);
        cell.attempt_mut(0).unwrap().restart();
        cell.attempt([trial(7), None]);
        assert_eq!(told(&cell), [bit, kept, kept, none, none]);
    }
}
