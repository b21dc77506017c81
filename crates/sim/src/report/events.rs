//! What came of outages and lies: figures by the minute, where an hour says too little.

use serde::Serialize;

use super::{rounded, rounded_share};
use crate::scenario::{Lie, Outage, Scenario};
use crate::simulation::{Minute, ShadowCounts};

/// Minutes told from the beginning of an outage: by then everybody has left.
const LEAVING_MINUTES: usize = 10;

/// Minutes told from its end.
const RETURNING_MINUTES: usize = 60;

/// Minutes before an outage whose mean is what the site had.
const BEFORE_MINUTES: usize = 30;

/// A site that was down.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutageReport {
    /// Which.
    pub site: String,
    /// Its share of connections in the half hour before.
    pub share_before: f64,
    /// Clients that were told of it while it was down: in its first minutes, one by one.
    pub failed_by_minute: Vec<u64>,
    /// Its share in each of the sixty minutes after it came back; empty where it did not.
    pub back_by_minute: Vec<f64>,
    /// The most that share grew from one minute to the next.
    pub largest_step: f64,
}

/// An agent that lied.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LieReport {
    /// Whose.
    pub site: String,
    /// How many seconds after its first lie it was held; `null` where it never was.
    pub held_after_s: Option<u64>,
    /// The share of connections, from the first lie to that moment, that went there from networks
    /// which had gone elsewhere.
    pub drawn_until_held: f64,
    /// The same from that moment to the end.
    pub drawn_since: f64,
}

/// Minutes of a run from the first client, and the sites whose agents were held, by name and in
/// milliseconds from then.
pub(super) struct Course<'a> {
    pub(super) sites: &'a [String],
    pub(super) minutes: &'a [Minute],
    pub(super) held: &'a [(usize, u64)],
}

impl Course<'_> {
    pub(super) fn outages(&self, scenario: &Scenario) -> Vec<OutageReport> {
        scenario.outages.iter().filter_map(|outage| self.outage(outage)).collect()
    }

    pub(super) fn lies(&self, scenario: &Scenario) -> Vec<LieReport> {
        scenario.lies.iter().filter_map(|lie| self.lie(lie)).collect()
    }

    fn outage(&self, outage: &Outage) -> Option<OutageReport> {
        let site = self.site(&outage.site)?;
        let from = minute_of(outage.from_hour);
        let share = |minute: &Minute| {
            let all: u64 = minute.by_site.iter().sum();
            let its = minute.by_site.get(site).copied().unwrap_or_default();
            if all > 0 { its as f64 / all as f64 } else { 0.0 }
        };
        let before = self.between(from.saturating_sub(BEFORE_MINUTES), from);
        let share_before = before.iter().map(share).sum::<f64>() / before.len().max(1) as f64;
        let leaving = self.between(from, from + LEAVING_MINUTES);
        let back = outage.to_hour.map(minute_of);
        let back = back.map_or(&[][..], |to| self.between(to, to + RETURNING_MINUTES));
        let back: Vec<f64> = back.iter().map(share).collect();
        let steps = std::iter::once(&0.0).chain(&back).zip(&back).map(|(then, now)| now - then);
        Some(OutageReport {
            site: outage.site.clone(),
            share_before: rounded_share(share_before),
            failed_by_minute: leaving.iter().map(|minute| minute.failed).collect(),
            largest_step: rounded_share(steps.fold(0.0, f64::max)),
            back_by_minute: back.into_iter().map(rounded_share).collect(),
        })
    }

    fn lie(&self, lie: &Lie) -> Option<LieReport> {
        let site = self.site(&lie.site)?;
        let from_ms = (lie.from_hour * 3.6e6) as u64;
        let mut held = self.held.iter().filter(|(its, at_ms)| *its == site && *at_ms >= from_ms);
        let held_ms = held.next().map(|(_, at_ms)| at_ms - from_ms);
        let end = self.minutes.len();
        // The minute in which it is held counts to what came before.
        let (from, until) =
            (minute_of(lie.from_hour), held_ms.map(|ms| (from_ms + ms) / 60_000 + 1));
        let until = until.and_then(|minute| usize::try_from(minute).ok()).unwrap_or(end).min(end);
        let share = |minutes: &[Minute]| {
            let drawn: u64 = minutes.iter().map(|minute| minute.drawn).sum();
            let all: u64 = minutes.iter().flat_map(|minute| &minute.by_site).sum();
            if all > 0 { rounded_share(drawn as f64 / all as f64) } else { 0.0 }
        };
        Some(LieReport {
            site: lie.site.clone(),
            held_after_s: held_ms.map(|ms| ms / 1000),
            drawn_until_held: share(self.between(from, until)),
            drawn_since: share(self.between(until, end)),
        })
    }

    fn site(&self, name: &str) -> Option<usize> {
        self.sites.iter().position(|site| site.eq_ignore_ascii_case(name))
    }

    /// The minutes from one on, up to another; fewer where the run ended before.
    fn between(&self, from: usize, to: usize) -> &[Minute] {
        let end = self.minutes.len();
        self.minutes.get(from.min(end)..to.clamp(from.min(end), end)).unwrap_or_default()
    }
}

fn minute_of(hour: f64) -> usize {
    (hour * 60.0) as usize
}

/// Clients that were watched, hour by hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WatchReport {
    /// Connections.
    pub connections: Vec<u64>,
    /// The share of them that went to the sites of the watch.
    pub there: Vec<Option<f64>>,
    /// Their mean round-trip time in milliseconds.
    pub mean_ms: Vec<Option<f64>>,
}

impl WatchReport {
    /// Adds an hour: connections, those that went there, and the sum of their times.
    pub(super) fn push(&mut self, (all, there, sum_us): (u64, u64, u64)) {
        let of_all = |part: u64| (all > 0).then(|| part as f64 / all as f64);
        self.connections.push(all);
        self.there.push(of_all(there).map(rounded_share));
        self.mean_ms.push(of_all(sum_us).map(|mean_us| rounded(mean_us / 1000.0)));
    }
}

/// What a shadow would have done, hour by hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ShadowReport {
    /// The share of connections that it would have sent elsewhere.
    pub other: Vec<f64>,
    /// The share of those whose gain is known.
    pub known: Vec<f64>,
    /// What those would have gained on average, in milliseconds; below 0 they would have lost.
    pub gain_ms: Vec<Option<f64>>,
}

impl ShadowReport {
    pub(super) fn push(&mut self, counts: ShadowCounts) {
        let share = |part: u64, of: u64| rounded_share(part as f64 / of.max(1) as f64);
        self.other.push(share(counts.other, counts.judged));
        self.known.push(share(counts.known, counts.other));
        let mean_ms = || rounded(counts.gain_us as f64 / counts.known as f64 / 1000.0);
        self.gain_ms.push((counts.known > 0).then(mean_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sites; the second is down in minutes 60 to 120, and its agent lies from minute 180 on.
    fn course() -> Vec<Minute> {
        let minute = |at: u64| {
            let second = match at {
                60..120 => 0,
                120..140 => (at - 120) * 5,
                _ => 100,
            };
            let failed = if at == 60 { 7 } else { 0 };
            let drawn = if at >= 180 { 4 } else { 0 };
            Minute { by_site: vec![200 - second, second], failed, drawn }
        };
        (0..240).map(minute).collect()
    }

    fn scenario(text: &str) -> Scenario {
        Scenario::read(text).unwrap()
    }

    #[test]
    fn an_outage_is_left_and_ends_step_by_step() {
        let (minutes, sites) = (course(), ["A".to_owned(), "B".to_owned()]);
        let course = Course { sites: &sites, minutes: &minutes, held: &[] };
        let scenario = scenario("outages: [{site: b, from_hour: 1, to_hour: 2}]");
        let [outage] = &course.outages(&scenario)[..] else { panic!("one outage") };
        assert_eq!((outage.share_before, outage.largest_step), (0.5, 0.025));
        assert_eq!(outage.failed_by_minute, [7, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((outage.back_by_minute[4], outage.back_by_minute[59]), (0.1, 0.5));
        let at_once = Outage { site: "A".to_owned(), from_hour: 3.9, to_hour: None };
        assert!(course.outage(&at_once).unwrap().back_by_minute.is_empty());
    }

    #[test]
    fn what_a_liar_draws_is_told_before_and_after_it_is_held() {
        let (minutes, sites) = (course(), ["A".to_owned(), "B".to_owned()]);
        let held = [(1, 60_000), (1, 3 * 3_600_000 + 95_000)];
        let course = Course { sites: &sites, minutes: &minutes, held: &held };
        let scenario = scenario("lies: [{site: B, from_hour: 3, times: 0.5}]");
        let expect = LieReport {
            site: "B".to_owned(),
            held_after_s: Some(95),
            drawn_until_held: 0.02,
            drawn_since: 0.02,
        };
        assert_eq!(course.lies(&scenario), std::slice::from_ref(&expect));
        let course = Course { held: &[], ..course };
        assert_eq!(
            course.lies(&scenario),
            [LieReport { held_after_s: None, drawn_since: 0.0, ..expect }]
        );
    }
}
