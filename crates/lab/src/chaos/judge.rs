//! What the questions and answers of a run are worth. Knows neither clock nor lab.
//!
//! At each moment some addresses are right: those of servers of the domain that the overwatch which
//! answers can know to be in order, and can reach. An answer that names any other is **wrong**; so is one
//! that names a far server where nothing has been in the way of a near one, and one that names none. A
//! question is **lost** if neither nameserver answered it.

use std::net::IpAddr;

use super::outages::{Outages, Part};

/// From a server's end to the last answer that may name it, in microseconds: three checks in a row, one a
/// second, must fail; the last one may take its time-out of a second; and a second is for the way, and
/// for processes that wait for a processor. Nothing is held beyond that: health moves clients at once.
pub(super) const DETECTION_US: u64 = 5_000_000;

/// After the end of a fault, all is well again within this time, in microseconds.
pub(super) const RECOVERY_US: u64 = 15_000_000;

/// One question that is over; times in microseconds of the system's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Which of those who ask.
    pub(super) client: usize,
    pub(super) asked_us: u64,
    pub(super) over_us: u64,
    /// 2 where the first nameserver did not answer in time.
    pub(super) tries: u8,
    /// The nameserver that answered; `None` where the question is lost.
    pub(super) by: Option<IpAddr>,
    /// The addresses, at least one; else a word that says why there is none.
    pub(super) answer: Result<Vec<IpAddr>, String>,
}

impl Asked {
    /// Reads a line of `ask-dns --each`.
    pub(super) fn parse(client: usize, line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [asked, over, tries, by, answer] = words[..] else { return None };
        let addresses: Result<Vec<IpAddr>, _> = answer.split(',').map(str::parse).collect();
        Some(Self {
            client,
            asked_us: asked.parse().ok()?,
            over_us: over.parse().ok()?,
            tries: tries.parse().ok()?,
            by: if by == "-" { None } else { Some(by.parse().ok()?) },
            answer: addresses.map_err(|_| answer.to_owned()),
        })
    }
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answered with the nearest region.
    Well,
    /// Answered with another region that serves, and there is a cause for it.
    Elsewhere,
    /// An address that is no server's of the domain.
    Stranger,
    /// A server that was known to be out of order, or out of the overwatch's reach.
    Gone,
    /// Another region, though nothing has been in the way of the nearest one.
    Far,
    /// No address in the answer.
    Nothing,
    /// No answer.
    Lost,
}

/// The right answers at each moment.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// The servers of the domain.
    pub(super) servers: Vec<IpAddr>,
    /// Of them, those of the region that is nearest to each of those who ask.
    pub(super) nearest: Vec<Vec<IpAddr>>,
    pub(super) outages: Outages,
    /// From when on all is learned, so that the nearest region is due.
    pub(super) learned_us: Option<u64>,
}

impl Judge {
    pub(super) fn verdict(&self, asked: &Asked) -> Verdict {
        let (Some(by), Ok(named)) = (asked.by, &asked.answer) else {
            return if asked.by.is_none() { Verdict::Lost } else { Verdict::Nothing };
        };
        if named.iter().any(|server| !self.servers.contains(server)) {
            return Verdict::Stranger;
        }
        if named.iter().any(|server| self.is_known_gone(by, *server, asked.over_us)) {
            return Verdict::Gone;
        }
        let nearest = self.nearest.get(asked.client).map_or(&[][..], Vec::as_slice);
        if named.iter().all(|server| nearest.contains(server)) {
            return Verdict::Well;
        }
        if self.is_nearest_due(by, nearest, asked) { Verdict::Far } else { Verdict::Elsewhere }
    }

    /// Since when a server has been out of order or out of an overwatch's reach.
    fn gone_since(&self, by: IpAddr, server: IpAddr, at_us: u64) -> Option<u64> {
        let parts = [Part::Process(server), Part::way(by, server)];
        parts.iter().filter_map(|part| self.outages.since(*part, at_us)).min()
    }

    /// Must this overwatch know at `at_us` that a server is gone?
    fn is_known_gone(&self, by: IpAddr, server: IpAddr, at_us: u64) -> bool {
        let Some(since_us) = self.gone_since(by, server, at_us) else { return false };
        // One that answers already while it is still being started has just begun to look.
        let itself = Part::Process(by);
        let is_starting = self.outages.since(itself, at_us).map(|_| at_us);
        let back_us = || self.outages.back_at(itself, at_us).unwrap_or(0);
        let aware_us = is_starting.unwrap_or_else(back_us);
        // Who reaches no server at all answers with those last seen up (`none_healthy`): the last it saw.
        let all = self.servers.iter().map(|server| self.gone_since(by, *server, at_us));
        let last_us = all.collect::<Option<Vec<u64>>>().and_then(|all| all.into_iter().max());
        last_us.unwrap_or(at_us) > since_us.max(aware_us) + DETECTION_US
    }

    /// Was nothing wrong with the overwatch that answered, nor with at least one near server and the
    /// way to it, for as long as it may take until all is well again?
    fn is_nearest_due(&self, by: IpAddr, nearest: &[IpAddr], asked: &Asked) -> bool {
        let time_us = (asked.asked_us.saturating_sub(RECOVERY_US), asked.over_us);
        let was_well = |part: Part| !self.outages.touch(part, time_us);
        let is_fine = |server: &IpAddr| {
            let parts = [Part::Process(*server), Part::way(by, *server), Part::slow(by, *server)];
            parts.into_iter().all(was_well)
        };
        let is_learned = self.learned_us.is_some_and(|learned_us| asked.asked_us >= learned_us);
        is_learned && was_well(Part::Process(by)) && nearest.iter().any(is_fine)
    }

    pub(super) fn is_as_ever(&self, asked: &Asked) -> bool {
        asked.tries == 1 && self.verdict(asked) == Verdict::Well
    }

    pub(super) fn tally<'a>(&self, all: impl Iterator<Item = &'a Asked>) -> Tally {
        let mut tally = Tally::default();
        for asked in all {
            tally.asked += 1;
            tally.retried += u64::from(asked.tries > 1 && asked.by.is_some());
            match self.verdict(asked) {
                Verdict::Well => {}
                Verdict::Elsewhere => tally.elsewhere += 1,
                Verdict::Stranger => tally.strangers += 1,
                Verdict::Gone => tally.gone += 1,
                Verdict::Far => tally.far += 1,
                Verdict::Nothing => tally.nothing += 1,
                Verdict::Lost => tally.lost += 1,
            }
        }
        tally
    }
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) asked: u64,
    /// Of them, answered by the second nameserver.
    pub(super) retried: u64,
    pub(super) elsewhere: u64,
    pub(super) strangers: u64,
    pub(super) gone: u64,
    pub(super) far: u64,
    pub(super) nothing: u64,
    pub(super) lost: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.retried += other.retried;
        self.elsewhere += other.elsewhere;
        self.strangers += other.strangers;
        self.gone += other.gone;
        self.far += other.far;
        self.nothing += other.nothing;
        self.lost += other.lost;
    }

    /// Wrong answers of every kind.
    pub(super) const fn wrong(&self) -> u64 {
        self.strangers + self.gone + self.far + self.nothing
    }
}

#[cfg(test)]
mod tests;
