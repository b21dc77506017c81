//! The cells of the guide's tables: one figure of a run each, as text.

use opengslb_sim::{Policy, Report};

/// Where things are in a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// The site where most clients go, among the run's.
    pub(super) site: usize,
    /// The one where its clients go without it.
    pub(super) next: usize,
}

/// What a cell says of a run.
pub(super) type Figure = fn(&Report, Places) -> Option<String>;

type Learned = opengslb_sim::report::PolicyReport;

fn learned(report: &Report) -> Option<&Learned> {
    report.policy(Policy::Learned)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Small shares, which a tenth of a percent says nothing of.
fn fine_percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A value of an hour, counted from 1; the last one where there are fewer.
fn at<T: Copy>(hours: &[T], hour: usize) -> Option<T> {
    hours.get(hour - 1).or(hours.last()).copied()
}

const LAST: usize = usize::MAX;

fn captured(report: &Report, hour: usize) -> Option<String> {
    at(&learned(report)?.captured, hour).flatten().map(percent)
}

fn mean(report: &Report, hour: usize) -> Option<String> {
    at(&learned(report)?.mean_ms, hour).flatten().map(|ms| format!("{ms:.1}"))
}

pub(super) fn captured_hour_6(report: &Report, _: Places) -> Option<String> {
    captured(report, 6)
}

pub(super) fn captured_last(report: &Report, _: Places) -> Option<String> {
    captured(report, LAST)
}

pub(super) fn p99_last(report: &Report, _: Places) -> Option<String> {
    at(&learned(report)?.p99_ms, LAST).flatten().map(|ms| format!("{ms:.0}"))
}

pub(super) fn mean_last(report: &Report, _: Places) -> Option<String> {
    mean(report, LAST)
}

pub(super) fn mean_hour_12(report: &Report, _: Places) -> Option<String> {
    mean(report, 12)
}

pub(super) fn explored(report: &Report, _: Places) -> Option<String> {
    let learned = learned(report)?;
    let hours = learned.explored_share.iter().zip(&learned.connections);
    let explored: f64 = hours.map(|(share, connections)| share * *connections as f64).sum();
    let all: u64 = learned.connections.iter().sum();
    Some(fine_percent(explored / all.max(1) as f64))
}

/// In the worst hour.
pub(super) fn right_cost(report: &Report, _: Places) -> Option<String> {
    let hours = learned(report)?.right_cost_ms.iter().flatten();
    hours.copied().reduce(f64::max).map(|ms| format!("{ms:.2}"))
}

pub(super) fn switched_hour_7(report: &Report, _: Places) -> Option<String> {
    at(&learned(report)?.switches, 7).map(fine_percent)
}

pub(super) fn switched_last(report: &Report, _: Places) -> Option<String> {
    at(&learned(report)?.switches, LAST).map(fine_percent)
}

pub(super) fn queries(report: &Report, _: Places) -> Option<String> {
    learned(report).map(|learned| format!("{:.2} x", learned.dns_queries_ratio))
}

pub(super) fn held_after(report: &Report, _: Places) -> Option<String> {
    let after_s = learned(report)?.lies.first()?.held_after_s;
    Some(after_s.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds} s")))
}

pub(super) fn drawn_until_held(report: &Report, _: Places) -> Option<String> {
    let lie = learned(report)?.lies.first()?;
    Some(lie.held_after_s.map_or_else(String::new, |_| fine_percent(lie.drawn_until_held)))
}

/// Since it was held; where it never was, since it lied.
pub(super) fn drawn_since(report: &Report, _: Places) -> Option<String> {
    let lie = learned(report)?.lies.first()?;
    let share = if lie.held_after_s.is_some() { lie.drawn_since } else { lie.drawn_until_held };
    Some(fine_percent(share))
}

pub(super) fn share_before(report: &Report, _: Places) -> Option<String> {
    learned(report)?.outages.first().map(|outage| percent(outage.share_before))
}

pub(super) fn failed_first(report: &Report, _: Places) -> Option<String> {
    learned(report)?.outages.first()?.failed_by_minute.first().map(ToString::to_string)
}

pub(super) fn failed_later(report: &Report, _: Places) -> Option<String> {
    let minutes = &learned(report)?.outages.first()?.failed_by_minute;
    Some(minutes.iter().skip(1).sum::<u64>().to_string())
}

fn back(report: &Report, minute: usize) -> Option<String> {
    let minutes = &learned(report)?.outages.first()?.back_by_minute;
    minutes.get(minute - 1).copied().map(percent)
}

pub(super) fn back_1(report: &Report, _: Places) -> Option<String> {
    back(report, 1)
}

pub(super) fn back_10(report: &Report, _: Places) -> Option<String> {
    back(report, 10)
}

pub(super) fn back_60(report: &Report, _: Places) -> Option<String> {
    back(report, 60)
}

pub(super) fn largest_step(report: &Report, _: Places) -> Option<String> {
    learned(report)?.outages.first().map(|outage| percent(outage.largest_step))
}

fn open(report: &Report, site: usize) -> Option<String> {
    let hours = learned(report)?.open_max.iter().skip(5);
    hours.filter_map(|sites| sites.get(site)).max().map(ToString::to_string)
}

pub(super) fn open_site(report: &Report, places: Places) -> Option<String> {
    open(report, places.site)
}

pub(super) fn open_next(report: &Report, places: Places) -> Option<String> {
    open(report, places.next)
}

pub(super) fn watched_there(report: &Report, _: Places) -> Option<String> {
    let watched = learned(report)?.watched.first()?;
    let all: u64 = watched.connections.iter().sum();
    let hours = watched.there.iter().zip(&watched.connections);
    let there: f64 = hours.map(|(share, all)| share.unwrap_or_default() * *all as f64).sum();
    Some(fine_percent(there / all.max(1) as f64))
}

pub(super) fn watched_mean_last(report: &Report, _: Places) -> Option<String> {
    at(&learned(report)?.watched.first()?.mean_ms, LAST).flatten().map(|ms| format!("{ms:.1}"))
}

/// Geolocation answers, learned latency is its shadow.
fn shadow(report: &Report) -> Option<&opengslb_sim::report::ShadowReport> {
    report.policy(Policy::Geolocation)?.shadow.as_ref()
}

fn shadow_other(report: &Report, hour: usize) -> Option<String> {
    at(&shadow(report)?.other, hour).map(percent)
}

pub(super) fn shadow_other_hour_6(report: &Report, _: Places) -> Option<String> {
    shadow_other(report, 6)
}

pub(super) fn shadow_other_last(report: &Report, _: Places) -> Option<String> {
    shadow_other(report, LAST)
}

pub(super) fn shadow_gain_last(report: &Report, _: Places) -> Option<String> {
    at(&shadow(report)?.gain_ms, LAST).flatten().map(|ms| format!("{ms:.1}"))
}

/// What it comes to for a connection on average.
pub(super) fn shadow_saved_last(report: &Report, _: Places) -> Option<String> {
    let shadow = shadow(report)?;
    let part = at(&shadow.other, LAST)? * at(&shadow.known, LAST)?;
    at(&shadow.gain_ms, LAST).flatten().map(|ms| format!("{:.2}", ms * part))
}

fn mean_of(report: &Report, policy: Policy) -> Option<f64> {
    at(&report.policy(policy)?.mean_ms, LAST).flatten()
}

/// What changing to learned latency saved those who did.
pub(super) fn saved_last(report: &Report, _: Places) -> Option<String> {
    let saved_ms = mean_of(report, Policy::Geolocation)? - mean_of(report, Policy::Learned)?;
    Some(format!("{saved_ms:.2}"))
}

/// What a row about hand work tells: the share of those who are watched, or else of the site.
fn told(report: &Report, places: Places, hour: usize) -> Option<String> {
    let learned = learned(report)?;
    let share = match learned.watched.first() {
        Some(watched) => at(&watched.there, hour).flatten()?,
        None => {
            *learned.site_share.get(hour - 1).or(learned.site_share.last())?.get(places.site)?
        }
    };
    Some(percent(share))
}

pub(super) fn told_hour_6(report: &Report, places: Places) -> Option<String> {
    told(report, places, 6)
}

pub(super) fn told_hour_9(report: &Report, places: Places) -> Option<String> {
    told(report, places, 9)
}

pub(super) fn told_hour_12(report: &Report, places: Places) -> Option<String> {
    told(report, places, 12)
}

pub(super) fn told_hour_18(report: &Report, places: Places) -> Option<String> {
    told(report, places, 18)
}
