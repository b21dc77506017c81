//! `opengslb-cli preflight`: whether resolvers will find a zone, and what they will see.

use std::time::{SystemTime, UNIX_EPOCH};

use api::domains::Domains;
use api::status::Version;
use clap::Args;
use preflight::{Name, OverwatchSaid, Plan};

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, say};
use crate::survey::{report, survey, words::Words};

/// What to look at.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// The zone.
    zone: Name,
    /// A steered name of the zone; may be given several times. Without it those that the overwatches
    /// know.
    #[arg(long)]
    name: Vec<Name>,
    #[command(flatten)]
    words: Words,
}

/// Looks, and prints what was found; whether nothing is wrong.
pub(super) fn run(
    api: Option<&str>,
    timeout_s: u16,
    output: &Output,
    wanted: Wanted,
) -> Result<bool, Failure> {
    let Wanted { zone, name: mut names, words } = wanted;
    let mut clients = Vec::new();
    for place in &words.overwatch {
        clients.push(Client::new(Some(place), timeout_s)?);
    }
    let mut overwatches: Vec<OverwatchSaid> = clients.iter().map(said).collect();
    if clients.is_empty() {
        // This machine's own, where it has one; that it has none is no fault.
        let own = Client::new(api, timeout_s)?;
        let own_said = said(&own);
        if own_said.digest.is_ok() || api.is_some() {
            overwatches.push(own_said);
            clients.push(own);
        }
    }
    if names.is_empty() {
        names = clients.iter().find_map(|client| steered(client, &zone)).unwrap_or_default();
    }
    let plan = Plan {
        start: words.start(),
        port: words.port,
        names,
        clients: words.client,
        overwatches,
        zone,
        now_s: now_s(),
    };
    Ok(report::print(*output, &plan.zone.to_string(), &survey(&plan)))
}

/// Looks at every zone of a configuration, of whose steered names each is in one of them; whether
/// nothing is wrong.
///
/// # Errors
///
/// The command line makes no sense.
pub fn look_at_zones(words: &Words, zones: &[String], names: &[String]) -> Result<bool, String> {
    /// Seconds until an overwatch has to have answered.
    const TIMEOUT_S: u16 = 10;
    let output = Output::new(false);
    let clients = words.overwatch.iter().map(|place| Client::new(Some(place), TIMEOUT_S));
    let clients = clients.collect::<Result<Vec<_>, _>>().map_err(|failure| failure.to_string())?;
    let overwatches: Vec<OverwatchSaid> = clients.iter().map(said).collect();
    let mut is_good = true;
    for text in zones {
        let zone: Name = text.parse().map_err(|_| format!("{text:?} is no zone"))?;
        say(&format!("\nzone {text}"));
        let plan = Plan {
            start: words.start(),
            port: words.port,
            names: names_in(&zone, names.iter().map(String::as_str)),
            clients: words.client.clone(),
            overwatches: overwatches.clone(),
            zone,
            now_s: now_s(),
        };
        is_good &= report::print(output, text, &survey(&plan));
    }
    Ok(is_good)
}

/// This machine's time, as signatures count it: in seconds, modulo 2^32.
fn now_s() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    u32::try_from(since & u64::from(u32::MAX)).unwrap_or_default()
}

fn said(client: &Client) -> OverwatchSaid {
    let version = client.text("/api/v1/version").and_then(|text| client.read::<Version>(&text));
    OverwatchSaid {
        place: client.place().to_string(),
        digest: version.map(|version| version.config_digest).map_err(|why| why.to_string()),
    }
}

/// The names that an overwatch steers in a zone; `None` where it does not say.
fn steered(client: &Client, zone: &Name) -> Option<Vec<Name>> {
    let Domains { domains } = client.read(&client.text("/api/v1/domains").ok()?).ok()?;
    Some(names_in(zone, domains.iter().map(|domain| domain.name.as_str())))
}

/// Those of the names that lie in the zone; one that any name matches stands for a wildcard.
fn names_in<'a>(zone: &Name, names: impl Iterator<Item = &'a str>) -> Vec<Name> {
    let names = names.map(|name| match name.strip_prefix("*.") {
        Some(rest) => format!("opengslb-preflight.{rest}"),
        None => name.to_owned(),
    });
    names.filter_map(|name| name.parse().ok()).filter(|name: &Name| name.ends_with(zone)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_zone_are_picked() {
        let zone = "demo.test".parse().unwrap();
        let names = ["app.demo.test", "*.Demo.test", "demo.test", "app.test", "xdemo.test"];
        let picked: Vec<String> =
            names_in(&zone, names.into_iter()).iter().map(ToString::to_string).collect();
        assert_eq!(picked, ["app.demo.test", "opengslb-preflight.Demo.test", "demo.test"]);
    }
}
