//! `opengslb-cli learning`: what learning may do, and did.

use api::hand::{DomainLearning, Explore, HeldAgent, Learning as Document};
use clap::{Subcommand, ValueEnum};
use hyper::Method;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, json, plain, say};
use super::words::{Because, Reason, ending, query};

/// What to do about learning.
#[derive(Debug, Subcommand)]
pub(super) enum Learning {
    /// Every domain that learns: what it may do and did; and the agents that are not believed.
    #[command(visible_alias = "list", after_help = "Example:\n  opengslb-cli learning status")]
    Status,
    /// Leave everybody where they are, but for what health moves.
    #[command(after_help = "Examples:\n  opengslb-cli learning freeze app.demo.local\n  \
                      opengslb-cli learning freeze app.demo.local --reason sale --for 2h")]
    Freeze {
        /// Which domain.
        domain: String,
        #[command(flatten)]
        because: Because,
    },
    /// Let them move again.
    #[command(after_help = "Example:\n  opengslb-cli learning thaw app.demo.local")]
    Thaw {
        /// Which domain.
        domain: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// Try regions that were not measured, or do not.
    #[command(after_help = "Example:\n  opengslb-cli learning explore off app.demo.local")]
    Explore {
        /// Which of the two.
        switch: Switch,
        /// Which domain.
        domain: String,
        #[command(flatten)]
        because: Because,
    },
    /// Believe an agent again that is held because what it reported was not plausible.
    #[command(after_help = "Example:\n  opengslb-cli learning accept backend-eu-west")]
    Accept {
        /// The agent.
        agent: String,
        #[command(flatten)]
        reason: Reason,
    },
}

/// A switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    /// Do.
    On,
    /// Do not.
    Off,
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Learning) -> Result<bool, Failure> {
    let path =
        |domain: &str, word: &str| format!("/api/v1/routing/learning/{}/{word}", escaped(domain));
    let (method, path, body, line) = match command {
        Learning::Status => return status(client, output),
        Learning::Freeze { domain, because: Because { reason, for_seconds } } => {
            let line = format!("{domain}: frozen{}", ending(for_seconds));
            let seconds = for_seconds.map(|seconds| seconds.to_string());
            let query = query(&[("reason", reason), ("for_seconds", seconds)]);
            (Method::PUT, path(&domain, "freeze") + &query, String::new(), line)
        }
        Learning::Thaw { domain, reason } => {
            let line = format!("{domain}: no longer frozen");
            let query = query(&[("reason", reason.reason)]);
            (Method::DELETE, path(&domain, "freeze") + &query, String::new(), line)
        }
        Learning::Explore { switch, domain, because: Because { reason, for_seconds } } => {
            let enabled = switch == Switch::On;
            let does = if enabled { "explores" } else { "does not explore" };
            let line = format!("{domain}: {does}{}", ending(for_seconds));
            (
                Method::PUT,
                path(&domain, "exploration"),
                json(&Explore { enabled, reason, for_seconds }),
                line,
            )
        }
        Learning::Accept { agent, reason } => {
            let query = query(&[("reason", reason.reason)]);
            let path = format!("/api/v1/overwatch/agents/{}/accept{query}", escaped(&agent));
            (Method::POST, path, String::new(), format!("{agent}: believed again"))
        }
    };
    client.say(method, &path, body)?;
    output.done(&line);
    Ok(true)
}

fn status(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.text("/api/v1/routing/learning")?;
    let Document { domains, held_agents } = client.read(&text)?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let rows: Vec<Vec<String>> = domains.iter().map(row).collect();
    let heads = [
        "DOMAIN", "MOVES", "EXPLORES", "SHARE", "BUDGET", "EXPLORED", "COST MS", "FOUND", "MOVED",
        "PUT OFF", "GIVEN UP", "TOO FAST",
    ];
    output.table(&heads, &rows);
    held_agents.iter().for_each(|held| say(&held_line(held)));
    Ok(true)
}

fn row(domain: &DomainLearning) -> Vec<String> {
    let yes_or = |by: &Option<String>| {
        by.as_ref().map_or_else(|| "yes".to_owned(), |by| format!("no: {by}"))
    };
    vec![
        domain.domain.clone(),
        yes_or(&domain.frozen_by),
        yes_or(&domain.exploration_off_by),
        format!("{:.2} %", domain.explored_share * 100.0),
        format!("{:.2} %", domain.budget_share * 100.0),
        domain.explored_connections.to_string(),
        domain.explored_cost_ms.to_string(),
        domain.found.to_string(),
        domain.moved.to_string(),
        domain.moves_put_off.to_string(),
        domain.given_up.to_string(),
        domain.impossible_rows.to_string(),
    ]
}

fn held_line(HeldAgent { agent_id, held }: &HeldAgent) -> String {
    plain(&format!(
        "{agent_id} is held since {}: {}, {} networks; `opengslb-cli learning accept {agent_id}` if \
         that is real",
        held.since, held.reason, held.networks
    ))
}

#[cfg(test)]
mod tests {
    use api::agents::Held;

    use super::*;

    #[test]
    fn an_agent_that_is_held_is_named_with_the_way_out() {
        let held = Held {
            since: "2026-01-01T00:00:00Z".to_owned(),
            reason: "fell".to_owned(),
            networks: 60,
        };
        let said = held_line(&HeldAgent { agent_id: "eu".to_owned(), held });
        let expect = "eu is held since 2026-01-01T00:00:00Z: fell, 60 networks; \
                      `opengslb-cli learning accept eu` if that is real";
        assert_eq!(said, expect);
    }
}
