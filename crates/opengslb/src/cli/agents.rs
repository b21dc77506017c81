//! `opengslb-cli agents`: who reports, and who may.

use api::agents::{Agent, Agents as Document};
use clap::Subcommand;
use hyper::Method;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, say};
use super::words::{Reason, query};

/// What to do about agents.
#[derive(Debug, Subcommand)]
pub(super) enum Agents {
    /// Who reports, and with which key.
    #[command(after_help = "Example:\n  opengslb-cli agents list")]
    List,
    /// Let an agent in.
    #[command(
        after_help = "Example:\n  opengslb-cli agents approve backend-eu-west --reason rebuilt"
    )]
    Approve {
        /// Its name.
        id: String,
        /// Which key, where two ask for one name: its SHA-256, as `agents list --json` shows it.
        #[arg(long, value_name = "SHA-256")]
        key: Option<String>,
        #[command(flatten)]
        reason: Reason,
    },
    /// Know an agent no more that is not there: its name and its servers are free.
    #[command(after_help = "Example:\n  opengslb-cli agents forget backend-eu-west")]
    Forget {
        /// Its name.
        id: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// Shut an agent out: its session, its rows and its servers.
    #[command(after_help = "Example:\n  opengslb-cli agents revoke backend-eu-west")]
    Revoke {
        /// Its name.
        id: String,
        #[command(flatten)]
        reason: Reason,
    },
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Agents) -> Result<bool, Failure> {
    let (id, word, query) = match command {
        Agents::List => return list(client, output),
        Agents::Forget { id, reason } => {
            let query = query(&[("reason", reason.reason)]);
            let path = format!("/api/v1/overwatch/agents/{}{query}", escaped(&id));
            client.say(Method::DELETE, &path, String::new())?;
            output.done(&format!("{id}: forgotten"));
            return Ok(true);
        }
        Agents::Approve { id, key, reason } => {
            (id, "approve", query(&[("key", key), ("reason", reason.reason)]))
        }
        Agents::Revoke { id, reason } => (id, "revoke", query(&[("reason", reason.reason)])),
    };
    let path = format!("/api/v1/overwatch/agents/{}/{word}{query}", escaped(&id));
    client.say(Method::POST, &path, String::new())?;
    output.done(&format!("{id}: {word}d"));
    Ok(true)
}

fn list(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.text("/api/v1/overwatch/agents")?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let Document { agents, .. } = client.read(&text)?;
    let rows: Vec<Vec<String>> = agents.iter().map(row).collect();
    let heads = ["AGENT", "REGION", "STATUS", "SERVERS", "ROWS", "HELD", "LAST SEEN", "KEY"];
    output.table(&heads, &rows);
    Ok(true)
}

fn row(agent: &Agent) -> Vec<String> {
    /// What is compared by eye with the agent's log, which has it whole.
    const KEY_CHARS: usize = 16;
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut key: String = agent.key_sha256.chars().take(KEY_CHARS).collect();
    if agent.newcomer_key_sha256.is_some() {
        key += " and another that asks";
    }
    vec![
        agent.agent_id.clone(),
        or_dash(&agent.region),
        agent.status.clone(),
        agent.backend_count.to_string(),
        agent.latency_rows.to_string(),
        agent.held.as_ref().map_or_else(|| "-".to_owned(), |held| held.reason.clone()),
        or_dash(&agent.last_seen),
        key,
    ]
}
