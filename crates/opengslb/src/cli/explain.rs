//! `opengslb-cli explain`: where a client is sent, and why.

use api::explain::{Candidate, Estimate, Explanation, Exploration, Hold};
use clap::Args;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, plain, say};

/// Whom.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// The domain.
    domain: String,
    /// The client: an address, or a network as in 10.1.2.0/24.
    client: String,
}

/// Prints it.
pub(super) fn run(client: &Client, output: &Output, wanted: &Wanted) -> Result<bool, Failure> {
    let (domain, network) = (escaped(&wanted.domain), escaped(&wanted.client));
    let path = format!("/api/v1/routing/explain?domain={domain}&client={network}");
    let text = client.text(&path)?;
    let story: Explanation = client.read(&text)?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    say(&plain(&story.why));
    say("");
    let highest_us = story.candidates.iter().filter_map(|c| c.estimate.as_ref()?.high_us).max();
    let rows: Vec<Vec<String>> =
        story.candidates.iter().map(|one| row(one, highest_us.unwrap_or(0))).collect();
    let heads = [
        "",
        "REGION",
        "MS",
        "INTERVAL",
        "",
        "SOURCE",
        "SAMPLES",
        "AGE",
        "OWN ROW",
        "NOT CHOSEN",
        "TRIED",
    ];
    output.table(&heads, &rows);
    say("");
    for line in facts(&story) {
        say(&plain(&line));
    }
    Ok(true)
}

fn row(candidate: &Candidate, highest_us: u32) -> Vec<String> {
    let estimate = candidate.estimate.as_ref();
    let interval = estimate.and_then(|estimate| estimate.low_us.zip(estimate.high_us));
    let own = estimate.and_then(|estimate| estimate.own_row.as_ref());
    let tried = candidate.tried_share.map(percent);
    let drained = candidate.drained_share.filter(|share| *share > 0.0).map(percent);
    let excluded = match (&candidate.excluded, drained) {
        (Some(word), Some(share)) => Some(format!("{word} ({share} drained)")),
        (None, Some(share)) => Some(format!("({share} drained)")),
        (word, None) => word.clone(),
    };
    let until = candidate.given_up_until.as_ref().map(|at| format!("given_up until {at}"));
    let dash = || "-".to_owned();
    vec![
        if candidate.chosen { "→" } else { "" }.to_owned(),
        candidate.region.clone(),
        estimate.and_then(|e| e.rtt_us).or(candidate.connect_rtt_us).map_or_else(dash, ms),
        interval.map_or_else(dash, |(low, high)| format!("{}-{}", ms(low), ms(high))),
        estimate.map_or_else(String::new, |estimate| bar(estimate, highest_us)),
        estimate.map_or_else(dash, |estimate| estimate.source.clone()),
        estimate
            .map_or_else(dash, |e| e.samples.to_string() + if e.learned { "" } else { " (few)" }),
        estimate.and_then(|estimate| estimate.age_seconds).map_or_else(dash, age),
        own.map_or_else(dash, |own| format!("{} ms, {} connections", ms(own.rtt_us), own.samples)),
        excluded.unwrap_or_default(),
        tried
            .map(|share| format!("in {share} of the slots"))
            .or(until)
            .or_else(|| candidate.not_tried.clone())
            .unwrap_or_default(),
    ]
}

/// Marks of a bar.
const MARKS: u64 = 24;

/// The interval from its lower to its upper end, and the time in it, on a line from 0 to the highest
/// of all.
fn bar(estimate: &Estimate, highest_us: u32) -> String {
    let (Some(rtt), Some(low), Some(high)) = (estimate.rtt_us, estimate.low_us, estimate.high_us)
    else {
        return String::new();
    };
    let at = |us: u32| u64::from(us) * (MARKS - 1) / u64::from(highest_us.max(1));
    let mark = |place: u64| match place {
        place if place == at(rtt) => '●',
        place if (at(low)..=at(high)).contains(&place) => '─',
        _ => '·',
    };
    (0..MARKS).map(mark).collect()
}

/// What stands below the table.
fn facts(story: &Explanation) -> Vec<String> {
    let decision = &story.decision;
    let answer = if decision.addresses.is_empty() {
        decision.region.clone().unwrap_or_else(|| "nobody".to_owned())
    } else {
        decision.addresses.join(", ")
    };
    let mut lines = vec![
        format!("answer       {answer}, for {} s, to all of {}", decision.ttl, decision.block),
        format!("reason       {} ({})", decision.reason, story.routing_algorithm),
    ];
    if let Some(pin) = &story.pin {
        let void =
            if pin.is_forbidden { "; a constraint forbids that, so it does nothing" } else { "" };
        lines.push(format!("pin          {} to {}{void}", pin.network, pin.region));
    }
    lines.extend(story.hold.as_ref().map(|hold| format!("holds        {}", holding(hold))));
    lines.extend(
        story.exploration.as_ref().map(|tried| format!("explores     {}", exploring(tried))),
    );
    lines
}

fn holding(hold: &Hold) -> String {
    let mut text = hold.region.clone();
    text += &hold
        .since
        .as_ref()
        .map_or_else(|| ", where it began".to_owned(), |since| format!(" since {since}"));
    if hold.judged_as != "class" {
        text += &format!(", judged as {}", hold.judged_as);
    }
    text += &match hold.leaves_below_us {
        Some(us) => {
            format!("; leaves for one surely below {} ms with {} samples", ms(us), hold.min_samples)
        }
        None => "; leaves once it is known what it takes there".to_owned(),
    };
    if let Some(wish) = &hold.wishes {
        text += &format!("; would rather be in {wish}");
    }
    match (hold.waits_for.as_deref(), &hold.waits_until) {
        (Some("dwell"), Some(until)) => text += &format!("; stays until {until}"),
        (Some("moves_per_minute"), _) => text += "; waits, enough others moved in this minute",
        (Some(word), _) => text += &format!("; does not move: {word}"),
        (None, _) => {}
    }
    text
}

fn exploring(tried: &Exploration) -> String {
    match (&tried.off, &tried.this_slot) {
        (Some(word), _) => format!("nothing: {word}"),
        (None, Some(region)) => format!("{region} in this slot, until {}", tried.slot_ends),
        (None, None) => format!("nothing in this slot; the next begins at {}", tried.slot_ends),
    }
}

/// Microseconds as milliseconds with one digit more.
fn ms(us: u32) -> String {
    format!("{}.{}", us / 1_000, us / 100 % 10)
}

/// A share with two digits more.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(rtt: u32, low: u32, high: u32) -> Estimate {
        Estimate {
            rtt_us: Some(rtt),
            low_us: Some(low),
            high_us: Some(high),
            source: "place".to_owned(),
            samples: 1,
            learned: false,
            age_seconds: None,
            own_row: None,
        }
    }

    #[test]
    fn bars_share_one_line() {
        let check = |estimate: Estimate, expect: &str| assert_eq!(bar(&estimate, 230_000), expect);
        check(estimate(0, 0, 0), "●·······················");
        check(estimate(100_000, 50_000, 150_000), "·····─────●─────········");
        check(estimate(230_000, 200_000, 230_000), "····················───●");
        check(Estimate { rtt_us: None, ..estimate(1, 1, 1) }, "");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(ms(85_249), "85.2");
        assert_eq!([percent(0.25), percent(1.0), percent(0.0117)], ["25 %", "100 %", "1.17 %"]);
        assert_eq!([age(5), age(600), age(9_000)], ["5 s", "10 min", "2 h"]);
    }
}
