//! `opengslb-cli reload`: the overwatch reads its configuration again.

use api::reload::Reloaded;
use hyper::Method;

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, plain, say};

/// Carries it out. Where the configuration has faults, all of them are the failure.
pub(super) fn run(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.say(Method::POST, "/api/v1/reload", String::new())?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let Reloaded { changed, needs_restart, warnings, config_digest: _ } = client.read(&text)?;
    for warning in warnings {
        say(&plain(&format!("warning: {warning}")));
    }
    if changed.is_empty() && needs_restart.is_empty() {
        say("nothing changed");
    }
    for key in changed {
        say(&plain(&format!("changed: {key}")));
    }
    for key in needs_restart {
        say(&plain(&format!("needs a restart, or opengslb --take-over: {key}")));
    }
    Ok(true)
}
