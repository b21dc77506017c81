//! The steps of `lab learning`. Each judges by the overwatch's own log of decisions, or its API.

use std::time::Duration;

use api::explain::{Candidate, Explanation};

use crate::demo::Verdict;
use crate::demo::stage::{Background, Stage};

const OVERWATCH: &str = "overwatch";
const CLIENTS: &str = "clients";
const NEAR: &str = "madrid";
const FAR: &str = "new-york";

const FOLLOW: &str = "follow-dns 2 600";
const DECISIONS: &str = "journalctl -u opengslb | grep \"routing decision client=10.1.2.10\"";
const CLI: &str = "opengslb-cli --api http://10.1.1.10:8080 explain app.demo.local 10.1.2.0/24";
const CURL: &str = "curl -s 'http://10.1.1.10:8080/api/v1/routing/explain\
                    ?domain=app.demo.local&client=10.1.2.0/24'";

/// Agents connect within some seconds.
const CLUSTER_MAX: Duration = Duration::from_secs(45);
/// Each slot of two seconds is a trial with a chance of one in two, once the near site is measured.
const TRIED_MAX: Duration = Duration::from_secs(120);
/// A trial brings some four connections, of which the agent tells within a second or two; five are
/// needed.
const FOUND_MAX: Duration = Duration::from_secs(60);
/// So many answers more must be the same: twenty seconds' at a TTL of two.
const ANSWERS: usize = 10;
const STAYED_MAX: Duration = Duration::from_secs(60);

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decided {
    region: String,
    reason: String,
}

impl Decided {
    fn is(&self, region: &str, reason: &str) -> bool {
        self.region == region && self.reason == reason
    }
}

/// Step 1.
pub(super) fn geography(stage: &mut Stage) -> anyhow::Result<Verdict> {
    let passed = stage.wait("the agents to connect", CLUSTER_MAX, |stage| {
        // Asks too, so not as the client that is watched.
        let outcome = stage.run(OVERWATCH, "test-cluster")?;
        Ok(if outcome.ok { Ok(()) } else { Err(outcome.last_words()) })
    })?;
    if let Err(why) = passed {
        return Ok(Err(format!("the cluster is not well: {why}")));
    }
    stage.screen.command(CLIENTS, FOLLOW);
    stage.start(CLIENTS, FOLLOW)?;
    let answered = stage.wait("the first answer", CLUSTER_MAX, |stage| {
        let following = stage.background.first().map(Background::last_line).unwrap_or_default();
        Ok(if following.is_empty() { Err("nobody has asked".into()) } else { Ok(following) })
    })?;
    if let Ok(line) = &answered {
        stage.screen.output(line);
    }
    show_last(stage, 1)?;
    let log = decisions(stage)?;
    Ok(match log.first() {
        Some(first) if first.is(NEAR, "geo_fallback") => {
            Ok("Lisbon is sent to Madrid, which is near, and 180 ms away".into())
        }
        Some(first) => Err(format!("the first answer was {} ({})", first.region, first.reason)),
        None => Err("no routing decision is in the log".into()),
    })
}

/// Step 2.
pub(super) fn exploration(stage: &mut Stage) -> anyhow::Result<Verdict> {
    let tried = stage.wait("a trial", TRIED_MAX, |stage| {
        let log = decisions(stage)?;
        Ok(match log.iter().find(|decided| decided.region != NEAR) {
            None => Err("nothing was tried yet".into()),
            Some(first) if first.is(FAR, "exploration") => Ok(Ok(())),
            Some(first) => Ok(Err(format!("{} came untried ({})", first.region, first.reason))),
        })
    })?;
    show_last(stage, 3)?;
    let met = tried.and_then(|verdict| verdict);
    Ok(met.map(|()| "New York was answered for one slot, so that it is measured".into()))
}

/// Step 3.
pub(super) fn found(stage: &mut Stage) -> anyhow::Result<Verdict> {
    let found = stage.wait("the agents' reports and the choice", FOUND_MAX, |stage| {
        let log = decisions(stage)?;
        let is_found = log.last().is_some_and(|last| last.is(FAR, "learned_latency"));
        Ok(if is_found { Ok(()) } else { Err("Madrid is still the choice".into()) })
    })?;
    show_last(stage, 2)?;
    Ok(found.map(|()| "New York is the choice: far, and 75 ms away".into()))
}

/// Step 4.
pub(super) fn stay(stage: &mut Stage) -> anyhow::Result<Verdict> {
    let before = decisions(stage)?.len();
    let what = format!("{ANSWERS} answers more");
    let stayed = stage.wait(&what, STAYED_MAX, |stage| {
        let log = decisions(stage)?;
        let new = log.get(before..).unwrap_or_default();
        if let Some(other) = new.iter().find(|decided| !decided.is(FAR, "learned_latency")) {
            return Ok(Ok(Err(format!("an answer was {} ({})", other.region, other.reason))));
        }
        let count = new.len();
        Ok(if count >= ANSWERS { Ok(Ok(count)) } else { Err(format!("{count} so far")) })
    })?;
    let met = stayed.and_then(|verdict| verdict);
    Ok(met.map(|count| format!("{count} answers since, and each of them New York")))
}

/// Step 5.
pub(super) fn explain(stage: &mut Stage) -> anyhow::Result<Verdict> {
    let story: Explanation = match serde_json::from_str(&stage.run(OVERWATCH, CURL)?.stdout) {
        Ok(story) => story,
        Err(error) => return Ok(Err(format!("the API does not explain: {error}"))),
    };
    let is_at_hand = std::env::current_exe()?.with_file_name("opengslb-cli").is_file();
    stage.show(OVERWATCH, if is_at_hand { CLI } else { CURL })?;
    let source = |region: &str| {
        let found = story.candidates.iter().find(|candidate| candidate.region == region);
        found
            .and_then(|candidate: &Candidate| candidate.estimate.as_ref())
            .map(|e| e.source.as_str())
    };
    Ok(match (source(NEAR), source(FAR), story.decision.region.as_deref()) {
        (Some("own_subnet"), Some("own_subnet"), Some(FAR)) => {
            Ok("both sites are known by the clients' own connections, and New York is chosen"
                .into())
        }
        (near, far, chosen) => Err(format!(
            "Madrid is known by {near:?}, New York by {far:?}, and the choice is {chosen:?}"
        )),
    })
}

fn decisions(stage: &mut Stage) -> anyhow::Result<Vec<Decided>> {
    Ok(stage.run(OVERWATCH, DECISIONS)?.stdout.lines().filter_map(decided).collect())
}

fn decided(line: &str) -> Option<Decided> {
    let value = |key: &str| {
        let mut words = line.split_whitespace();
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned)
    };
    Some(Decided { region: value("region")?, reason: value("reason")? })
}

fn show_last(stage: &mut Stage, count: usize) -> anyhow::Result<()> {
    stage.screen.command(OVERWATCH, DECISIONS);
    let log = stage.run(OVERWATCH, DECISIONS)?.stdout;
    let last: Vec<&str> = log.lines().rev().take(count).collect();
    stage.screen.output(&last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_read_from_its_line() {
        let line = "INFO routing decision client=10.1.2.10/32 asker=10.1.2.10 domain=app.demo.local \
                    region=madrid server=10.2.1.10 reason=geo_fallback scope=10.1.0.0/16";
        assert!(decided(line).unwrap().is(NEAR, "geo_fallback"));
        assert_eq!(decided("INFO something else"), None);
    }
}
