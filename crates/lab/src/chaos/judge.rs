//! What the questions and answers of a run are worth. Knows neither clock nor lab.
//!
//! An answer is **wrong** if it names a server that had been out of order, while the overwatch that
//! answered ran, for longer than it takes to notice. A question is **lost** if neither nameserver
//! answered it.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// From a server's end to the last answer that may name it, in microseconds: three checks in a row, one a
/// second, must fail; the last one may take its time-out of a second; and a second is for the way, and
/// for processes that wait for a processor. Nothing is held beyond that: health moves clients at once.
pub(super) const DETECTION_US: u64 = 5_000_000;

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
    /// The address; else a word that says why there is none.
    pub(super) answer: Result<IpAddr, String>,
}

impl Asked {
    /// Reads a line of `ask-dns --each`.
    pub(super) fn parse(client: usize, line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [asked, over, tries, by, answer] = words[..] else { return None };
        Some(Self {
            client,
            asked_us: asked.parse().ok()?,
            over_us: over.parse().ok()?,
            tries: tries.parse().ok()?,
            by: if by == "-" { None } else { Some(by.parse().ok()?) },
            answer: answer.parse().map_err(|_| answer.to_owned()),
        })
    }
}

/// When processes did not run; by an address of their host.
#[derive(Debug, Default)]
pub(super) struct Outages(BTreeMap<IpAddr, Vec<(u64, Option<u64>)>>);

impl Outages {
    pub(super) fn began(&mut self, host: IpAddr, at_us: u64) {
        self.0.entry(host).or_default().push((at_us, None));
    }

    pub(super) fn ended(&mut self, host: IpAddr, at_us: u64) {
        if let Some((_, until)) = self.0.get_mut(&host).and_then(|all| all.last_mut()) {
            until.get_or_insert(at_us);
        }
    }

    /// Since when a host has been out of order at `at_us`.
    fn out_since(&self, host: IpAddr, at_us: u64) -> Option<u64> {
        let all = self.0.get(&host)?;
        let is_in = |(from, until): &&(u64, Option<u64>)| {
            *from <= at_us && until.is_none_or(|until| at_us < until)
        };
        all.iter().find(is_in).map(|(from, _)| *from)
    }

    /// When a host was last in order again, before `at_us`.
    fn back_at(&self, host: IpAddr, at_us: u64) -> Option<u64> {
        let all = self.0.get(&host)?;
        all.iter().filter_map(|(_, until)| *until).filter(|until| *until <= at_us).max()
    }
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answered at once, with the nearest region.
    Well,
    /// Answered with another region that serves.
    Elsewhere,
    /// A server that was known to be out of order.
    Wrong,
    /// No address in the answer.
    Nothing,
    /// No answer.
    Lost,
}

/// The right answers, and when something else is right.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// The servers of the region that is nearest to each of those who ask.
    pub(super) nearest: Vec<Vec<IpAddr>>,
    pub(super) outages: Outages,
}

impl Judge {
    pub(super) fn verdict(&self, asked: &Asked) -> Verdict {
        let (Some(by), Ok(server)) = (asked.by, &asked.answer) else {
            return if asked.by.is_none() { Verdict::Lost } else { Verdict::Nothing };
        };
        if let Some(since_us) = self.outages.out_since(*server, asked.over_us) {
            // One that answers already while it is still being started has just begun to look.
            let is_starting = self.outages.out_since(by, asked.over_us).map(|_| asked.over_us);
            let back_us = || self.outages.back_at(by, asked.over_us).unwrap_or(0);
            let aware_us = is_starting.unwrap_or_else(back_us);
            if asked.over_us > since_us.max(aware_us) + DETECTION_US {
                return Verdict::Wrong;
            }
        }
        match self.nearest.get(asked.client) {
            Some(nearest) if nearest.contains(server) => Verdict::Well,
            _ => Verdict::Elsewhere,
        }
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
                Verdict::Wrong => tally.wrong += 1,
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
    pub(super) wrong: u64,
    pub(super) nothing: u64,
    pub(super) lost: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.retried += other.retried;
        self.elsewhere += other.elsewhere;
        self.wrong += other.wrong;
        self.nothing += other.nothing;
        self.lost += other.lost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Two servers near, one far; the near one 10.0.0.1 is out from 100 to 120 s, and the overwatch
    /// 10.9.0.1 until 108 s.
    fn judge() -> Judge {
        let nearest = vec![vec![at("10.0.0.1"), at("10.0.0.2")]];
        let mut judge = Judge { nearest, ..Judge::default() };
        judge.outages.began(at("10.0.0.1"), 100 * S);
        judge.outages.ended(at("10.0.0.1"), 120 * S);
        judge.outages.began(at("10.9.0.1"), 90 * S);
        judge.outages.ended(at("10.9.0.1"), 108 * S);
        judge
    }

    #[track_caller]
    fn check(over_s: u64, said: &str, expect: Verdict) {
        let line = format!("{} {} {said}", over_s * S - 1000, over_s * S);
        let asked = Asked::parse(0, &line).unwrap();
        assert_eq!(judge().verdict(&asked), expect, "{line}");
    }

    #[test]
    fn a_server_may_be_named_until_it_can_be_known_that_it_is_down() {
        check(99, "1 10.9.0.2 10.0.0.1", Verdict::Well);
        check(105, "1 10.9.0.2 10.0.0.1", Verdict::Well);
        check(106, "1 10.9.0.2 10.0.0.1", Verdict::Wrong);
        check(119, "1 10.9.0.2 10.0.0.1", Verdict::Wrong);
        check(120, "1 10.9.0.2 10.0.0.1", Verdict::Well);
        // This one was away itself until 108, and answers while it starts.
        check(107, "1 10.9.0.1 10.0.0.1", Verdict::Well);
        check(113, "1 10.9.0.1 10.0.0.1", Verdict::Well);
        check(114, "1 10.9.0.1 10.0.0.1", Verdict::Wrong);
    }

    #[test]
    fn the_others_are_told_apart() {
        check(106, "2 10.9.0.2 10.0.0.2", Verdict::Well);
        check(106, "1 10.9.0.2 10.0.0.9", Verdict::Elsewhere);
        check(106, "2 - lost", Verdict::Lost);
        check(106, "1 10.9.0.2 SERVFAIL", Verdict::Nothing);
        check(106, "1 10.9.0.2 empty", Verdict::Nothing);
        for broken in ["", "1 2 3", "1 2 x - lost", "1 2 1 nobody 10.0.0.1"] {
            assert_eq!(Asked::parse(0, broken), None, "{broken}");
        }
    }

    #[test]
    fn a_tally_counts_each_question_once() {
        let lines = [
            "1 2 1 10.9.0.2 10.0.0.2",
            "1 2 2 10.9.0.2 10.0.0.2",
            "1 2 1 10.9.0.2 10.0.0.9",
            "1 2 2 - lost",
            "1 2 1 10.9.0.2 SERVFAIL",
            "106000000 106000000 1 10.9.0.2 10.0.0.1",
        ];
        let all: Vec<Asked> = lines.iter().filter_map(|line| Asked::parse(0, line)).collect();
        let tally = judge().tally(all.iter());
        let expect = Tally { asked: 6, retried: 1, elsewhere: 1, wrong: 1, nothing: 1, lost: 1 };
        assert_eq!(tally, expect);
        assert_eq!(all.iter().filter(|asked| judge().is_as_ever(asked)).count(), 1);
    }
}
