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
        "{} client networks, {} connections an hour, {} h, seed {}",
        report.networks, report.connections_per_hour, report.hours, report.seed
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
        "{:>4}  {:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "hour", "policy", "mean ms", "p50 ms", "p95 ms", "p99 ms", "captured", "learned"
    )?;
    let hours = usize::try_from(report.hours).unwrap_or(usize::MAX);
    let is_shown = |hour: &usize| *hour <= HOURS_SHOWN || hour.is_multiple_of(6) || *hour == hours;
    for hour in (1..=hours).filter(is_shown) {
        for policy in &report.policies {
            line(policy, hour, text)?;
        }
    }
    Ok(())
}

fn line(policy: &PolicyReport, hour: usize, text: &mut String) -> std::fmt::Result {
    let of = |list: &[Option<f64>]| list.get(hour - 1).copied().flatten();
    let ms = |list| of(list).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
    let percent =
        |list| of(list).map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0));
    writeln!(
        text,
        "{hour:>4}  {:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}",
        policy.name,
        ms(&policy.mean_ms),
        ms(&policy.p50_ms),
        ms(&policy.p95_ms),
        ms(&policy.p99_ms),
        percent(&policy.captured),
        percent(&policy.learned_share),
    )
}

fn foot(report: &Report, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "\nEach connection counts once; captured is the share of (geolocation - oracle) gained.\n\
         {:.1} % of connections strayed: their clients went to any site, whatever DNS said, as a\n\
         stale answer makes them. They are in no figure above, but agents measure them: without\n\
         exploration nothing else shows a site that clients are not sent to.",
        report.stray_share * 100.0
    )?;
    let unanswered = report.policies.iter().flat_map(|policy| &policy.unanswered).sum::<u64>();
    if unanswered > 0 {
        writeln!(text, "{unanswered} clients got no answer.")?;
    }
    for (warning, count) in &report.warnings {
        writeln!(text, "warning, {count} times: {warning}")?;
    }
    Ok(())
}
