//! `opengslb-cli live`: whether the overwatch lives.

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, say};

/// Asks. Whoever answers lives; a failure says that nobody does.
pub(super) fn run(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.text("/api/v1/live")?;
    say(if output.is_json { text.trim_end() } else { "it lives" });
    Ok(true)
}
