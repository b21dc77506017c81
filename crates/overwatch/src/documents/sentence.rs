//! Why a client is sent where it is, in one plain sentence.

use model::{Region, Time};
use routing::explain::{Candidate, Excluded, Explanation, Judged};
use routing::{DomainSettings, Reason, Source};

/// The sentence.
pub(super) fn why(story: &Explanation<'_>, settings: &DomainSettings, now: Time) -> String {
    let Some(region) = story.decision.region else {
        let what = match story.decision.reason {
            Reason::NoneAllowed => "a constraint leaves this client none of the domain's regions",
            _ => "no server is healthy, and the domain's policy is to answer SERVFAIL then",
        };
        return format!("Nobody is named: {what}.");
    };
    let chosen = story.candidates.iter().find(|candidate| candidate.is_chosen);
    let main = chosen.map_or_else(String::new, |chosen| because(story, chosen, settings, now));
    let before = story.candidates.iter().take_while(|candidate| !candidate.is_chosen);
    let passed: Vec<String> = before.filter_map(passed_over).collect();
    let passed = if passed.is_empty() || story.decision.reason == Reason::Exploration {
        String::new()
    } else {
        format!("; {}", passed.join("; "))
    };
    format!("Sent to {region}: {main}{passed}.")
}

/// What speaks for the region chosen.
fn because(
    story: &Explanation<'_>,
    chosen: &Candidate<'_>,
    settings: &DomainSettings,
    now: Time,
) -> String {
    match story.decision.reason {
        Reason::LearnedLatency => learned(story, chosen),
        Reason::LearnedOverLimit => over_limit(story, chosen),
        Reason::Exploration => exploration(story, settings, now),
        Reason::Pinned => match story.pin {
            Some((network, _)) => format!("an operator pinned {network} to it"),
            None => "an operator pinned the client to it".to_owned(),
        },
        Reason::GeoFallback => guessed(story, chosen),
        Reason::Capacity => "a better region is as full as it may be".to_owned(),
        Reason::Geolocation => format!("geography says so ({})", place(story)),
        Reason::Latency => format!("it has the lowest connect time from here, {}", time(chosen)),
        Reason::LatencyOverLimit => {
            format!(
                "its connect time is {}, over max_latency_ms, and nothing better serves",
                time(chosen)
            )
        }
        Reason::LatencyUnknown => {
            "no connect time is known yet, and it is the first that serves".to_owned()
        }
        Reason::RoundRobin => "it is its turn; the next query may go elsewhere".to_owned(),
        Reason::Weighted => "it is its turn by weight; the next query may go elsewhere".to_owned(),
        Reason::Failover => "it is the first in the domain's order that serves".to_owned(),
        Reason::Draining => "its servers are being drained, and no other one serves".to_owned(),
        Reason::LastHealthy => "nothing is healthy, and its servers were up last".to_owned(),
        Reason::AllServers => {
            "nothing is healthy, and the domain's policy is to name all servers then".to_owned()
        }
        // These name no region.
        Reason::NoneHealthy | Reason::NoneAllowed => String::new(),
    }
}

fn learned(story: &Explanation<'_>, chosen: &Candidate<'_>) -> String {
    let whom = match story.learned.as_ref().map(|learned| learned.judged) {
        Some(Judged::Network(network)) => network.to_string(),
        Some(Judged::Around(network)) => format!("{network}, the measured networks around"),
        Some(Judged::Clients(network)) => format!("the clients of the resolver {network}"),
        Some(Judged::Class) | None => format!("clients like this one ({})", place(story)),
    };
    let us = |candidate: &Candidate<'_>| {
        let outlook = candidate.outlook.filter(|outlook| outlook.is_learned)?;
        candidate.excluded.is_none().then_some(outlook.belief.rtt_us)
    };
    let others = story.candidates.iter().filter(|other| !other.is_chosen);
    let faster = others.filter(|other| us(other).is_some_and(|time| Some(time) < us(chosen)));
    let faster = faster.min_by_key(|other| us(other));
    let main = format!("it is {} from {whom} as learned", time(chosen));
    match faster {
        None => format!("{main}, and no measured region that serves is nearer"),
        Some(other) => format!(
            "{main}, and is kept since {} ({}) is not yet surely better by the margin",
            other.region,
            time(other)
        ),
    }
}

/// A region over the limit is the last that serves, or the one that the client has yet to leave.
fn over_limit(story: &Explanation<'_>, chosen: &Candidate<'_>) -> String {
    let main = format!("it takes {}, over max_latency_ms", time(chosen));
    let hold = story.learned.as_ref().and_then(|learned| learned.hold);
    let hold = hold.filter(|hold| story.decision.region_place() == Some(usize::from(hold.region)));
    match hold.and_then(|hold| hold.wish.and(hold.waits)) {
        None => format!("{main}, and nothing better serves"),
        Some(waits) => {
            format!("{main}, and the client is to leave it but waits ({})", waits.as_str())
        }
    }
}

fn guessed(story: &Explanation<'_>, chosen: &Candidate<'_>) -> String {
    let outlook = chosen.outlook.filter(|outlook| outlook.belief.source != Source::Nothing);
    match outlook {
        Some(outlook) => format!(
            "too little was measured there to go by; geography begins with it ({}), and the guess is {} by {}",
            place(story),
            time(chosen),
            outlook.belief.source.as_str()
        ),
        None => format!("nothing was learned about it; geography chose ({})", place(story)),
    }
}

fn exploration(story: &Explanation<'_>, settings: &DomainSettings, now: Time) -> String {
    let Some(learned) = &story.learned else { return "it is tried".to_owned() };
    let left_s = now_to(learned.exploration.slot_ends, now);
    let held = learned.hold.and_then(|hold| settings.regions.get(usize::from(hold.region)));
    let home = held.map_or_else(String::new, |held| format!("; its place is {}", held.name));
    format!("the block tries it for {left_s} s more, so that it is measured{home}")
}

fn now_to(until: Time, now: Time) -> u64 {
    until.ms_since(now) / 1_000
}

/// Why a region that stands before the one chosen is not.
fn passed_over(candidate: &Candidate<'_>) -> Option<String> {
    let why = match candidate.excluded? {
        Excluded::Constraint => "is forbidden by a constraint",
        Excluded::NoServer => "has no known server",
        Excluded::NoneUp => "has no server that is up",
        Excluded::Draining => "has only servers that are being drained",
        Excluded::Full => "is full, and this client is among those that are sent on",
        Excluded::Drained => {
            "is drained for this client, by an operator or since it is just coming back"
        }
        Excluded::Doubtful => "has only servers whose state is in doubt",
        Excluded::OverLimit => "is over max_latency_ms",
    };
    let region: &Region = candidate.region;
    Some(format!("{region} would come before but {why}"))
}

/// What geography knows.
fn place(story: &Explanation<'_>) -> String {
    let class = story.class;
    match (&class.custom_region, class.country, class.asn) {
        (Some(region), ..) => format!("a custom network of {region}"),
        (None, Some(country), Some(asn)) => format!("country {}, AS{asn}", country.code()),
        (None, Some(country), None) => format!("country {}", country.code()),
        (None, None, Some(asn)) => format!("AS{asn}"),
        (None, None, None) => "nothing is known of its place".to_owned(),
    }
}

/// The time that speaks for a region, in milliseconds with one digit more.
fn time(candidate: &Candidate<'_>) -> String {
    let learned = candidate.outlook.map(|outlook| outlook.belief.rtt_us);
    let us = candidate.connect_rtt.map(model::Rtt::us).or(learned);
    us.map_or_else(
        || "an unknown time".to_owned(),
        |us| format!("{}.{} ms", us / 1_000, us / 100 % 10),
    )
}
