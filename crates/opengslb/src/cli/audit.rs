//! `opengslb-cli audit`: what operators said.

use api::hand::{Audit, AuditLine};

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, say};

/// Prints it, the newest first.
pub(super) fn run(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.text("/api/v1/overwatch/audit")?;
    let Audit { lines } = client.read(&text)?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let row = |line: AuditLine| {
        let [by, reason] = [line.by, line.reason].map(Option::unwrap_or_default);
        vec![line.at, by, line.what, reason]
    };
    let rows: Vec<Vec<String>> = lines.into_iter().map(row).collect();
    output.table(&["TIME", "WHO", "WHAT", "WHY"], &rows);
    Ok(true)
}
