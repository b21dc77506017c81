//! `opengslb-cli peers`: the other overwatches.

use api::peers::{Peer, Peers};

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, say};

/// Prints them; a no where one is not reached.
pub(super) fn run(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.text("/api/v1/overwatch/peers")?;
    let Peers { peers, rows_digest, registry_digest, node_id, .. } = client.read(&text)?;
    let all_are_reached = peers.iter().all(|peer| peer.since.is_some());
    if output.is_json {
        say(&text);
        return Ok(all_are_reached);
    }
    let rows: Vec<Vec<String>> = peers.into_iter().map(row).collect();
    let heads = ["ADDRESS", "OVERWATCH", "STATUS", "AGENTS", "SINCE", "LAST HEARD", "KEY"];
    output.table(&heads, &rows);
    say(&format!("{node_id}: rows {rows_digest}, servers {registry_digest}"));
    Ok(all_are_reached)
}

fn row(peer: Peer) -> Vec<String> {
    /// What is compared by eye; `--json` has it whole.
    const KEY_CHARS: usize = 16;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let status = match peer.message {
        Some(message) => format!("{}: {message}", peer.status),
        None => peer.status,
    };
    let key = peer.key_sha256.map(|key| key.chars().take(KEY_CHARS).collect());
    vec![
        peer.address,
        or_dash(peer.node_id),
        status,
        peer.agents.to_string(),
        or_dash(peer.since),
        or_dash(peer.last_heard),
        or_dash(key),
    ]
}
