//! A report for human eyes: one line an hour and policy, in aligned columns.

use std::fmt::Write;

use super::{PolicyReport, Report};

/// Hours shown one by one from the beginning, where things move; later ones every sixth.
const HOURS_SHOWN: usize = 6;

/// The report as text.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = head(report, &mut text);
    let _ = body(report, &mut text);
    let _ = foot(report, &mut text);
    text
}

fn head(report: &Report, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "{} client networks, {} % of connections with ECS, {} h, seed {}",
        report.networks,
        report.ecs * 100.0,
        report.hours,
        report.seed
    )?;
    writeln!(text, "sites: {}", report.sites.join(", "))?;
    if !report.left_out.is_empty() {
        writeln!(
            text,
            "left out, for want of a way to each site: {} client cities",
            report.left_out.len()
        )?;
    }
    writeln!(text)
}

fn body(report: &Report, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "{:>4}  {:<22} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}",
        "hour",
        "policy",
        "mean ms",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "captured",
        "explored",
        "switched"
    )?;
    let hours = usize::try_from(report.hours).unwrap_or(usize::MAX);
    let is_shown = |hour: &usize| *hour <= HOURS_SHOWN || hour.is_multiple_of(6) || *hour == hours;
    for hour in (1..=hours).filter(is_shown) {
        for policy in &report.policies {
            if policy.name == crate::Policy::Oracle.as_str() {
                ceiling(report, hour, text)?;
            }
            line(policy, hour, text)?;
        }
    }
    Ok(())
}

fn line(policy: &PolicyReport, hour: usize, text: &mut String) -> std::fmt::Result {
    let of = |list: &[f64]| percent(list.get(hour - 1).copied());
    writeln!(
        text,
        "{hour:>4}  {:<22} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}",
        policy.name,
        ms(&policy.mean_ms, hour),
        ms(&policy.p50_ms, hour),
        ms(&policy.p95_ms, hour),
        ms(&policy.p99_ms, hour),
        percent(policy.captured.get(hour - 1).copied().flatten()),
        of(&policy.explored_share),
        of(&policy.switches),
    )
}

fn ceiling(report: &Report, hour: usize, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "{hour:>4}  {:<22} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}",
        "ceiling",
        ms(&report.ceiling.mean_ms, hour),
        "-",
        "-",
        ms(&report.ceiling.p99_ms, hour),
        percent(report.ceiling.captured.get(hour - 1).copied().flatten()),
        "-",
        "-",
    )
}

fn ms(list: &[Option<f64>], hour: usize) -> String {
    let of = list.get(hour - 1).copied().flatten();
    of.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"))
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0))
}

fn foot(report: &Report, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "\nEach connection counts once; captured is the share of (geolocation - oracle) gained. The\n\
         ceiling knows every path's mean, but decides on what a query shows, and holds as the\n\
         learning does. Switched is the share of networks sent elsewhere, exploring left out.\n"
    )?;
    writeln!(
        text,
        "{:<22} {:>11} {:>15} {:>12} {:>8}",
        "whole run", "DNS queries", "explored", "unanswered", "failed"
    )?;
    for policy in report.policies.iter().filter(|policy| policy.dns_queries_ratio > 0.0) {
        let connections: u64 = policy.connections.iter().sum();
        let explored = policy.explored_share.iter().zip(&policy.connections);
        let explored: f64 = explored.map(|(share, count)| share * *count as f64).sum();
        writeln!(
            text,
            "{:<22} {:>9.2} x {:>15} {:>12} {:>8}",
            policy.name,
            policy.dns_queries_ratio,
            percent((connections > 0).then(|| explored / connections as f64)),
            policy.unanswered.iter().sum::<u64>(),
            policy.failed.iter().sum::<u64>(),
        )?;
    }
    for policy in &report.policies {
        events(policy, text)?;
    }
    for policy in &report.policies {
        for (warning, count) in &policy.warnings {
            writeln!(text, "{}: warning, {count} times: {warning}", policy.name)?;
        }
    }
    Ok(())
}

/// What came of outages and lies.
fn events(policy: &PolicyReport, text: &mut String) -> std::fmt::Result {
    for outage in &policy.outages {
        writeln!(
            text,
            "{}: {} went down with {}: {} clients were still sent there in ten minutes; it came back \
             by {} in a minute at most",
            policy.name,
            outage.site,
            percent(Some(outage.share_before)),
            outage.failed_by_minute.iter().sum::<u64>(),
            percent(Some(outage.largest_step)),
        )?;
    }
    for lie in policy.lies.iter().filter(|_| policy.name.starts_with("learned")) {
        let held = lie.held_after_s.map_or_else(
            || "was not held".to_owned(),
            |seconds| format!("was held {seconds} s after its first lie"),
        );
        writeln!(
            text,
            "{}: the agent of {} {held}; it drew {} of the connections until then, {} since",
            policy.name,
            lie.site,
            percent(Some(lie.drawn_until_held)),
            percent(Some(lie.drawn_since)),
        )?;
    }
    Ok(())
}
