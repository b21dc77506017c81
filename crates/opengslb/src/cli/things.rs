//! What is made through the API: domains, servers, regions and mappings alike.

use std::fs;

use api::made::{Entities, Entity, Settings};
use clap::{Args, Subcommand};
use hyper::Method;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, json, say};
use super::words::{Reason, query};

/// What to do about something that is known by one word.
#[derive(Debug, Subcommand)]
pub(super) enum Things {
    /// Its settings, and who defines it.
    #[command(after_help = "Examples:\n  opengslb-cli domains get app.demo.local\n  \
                      opengslb-cli regions get eu-west\n  opengslb-cli mappings get 10.1.0.0/16")]
    Get {
        /// Its name; of a mapping its network.
        name: String,
    },
    /// Make it.
    #[command(after_help = "Examples:\n  opengslb-cli domains create app.demo.local \
                      '{\"regions\": [\"eu-west\"], \"ttl\": 30}'\n  \
                      opengslb-cli regions create eu-west @region.json --reason \"new site\"\n  \
                      opengslb-cli mappings create 10.1.0.0/16 '{\"region\": \"eu-west\"}'")]
    Create {
        /// Its name; of a mapping its network.
        name: String,
        #[command(flatten)]
        what: What,
    },
    /// Change some of its settings; the others stay. A setting of null is taken away.
    #[command(
        after_help = "Examples:\n  opengslb-cli domains update app.demo.local '{\"ttl\": 5}'\n  \
                      opengslb-cli regions update eu-west '{\"capacity\": 5000}'\n  \
                      opengslb-cli mappings update 10.1.0.0/16 '{\"comment\": null}'"
    )]
    Update {
        /// Its name; of a mapping its network.
        name: String,
        #[command(flatten)]
        what: What,
    },
    /// Take it back.
    #[command(after_help = "Examples:\n  opengslb-cli domains delete app.demo.local\n  \
                      opengslb-cli regions delete eu-west\n  opengslb-cli mappings delete 10.1.0.0/16")]
    Delete {
        /// Its name; of a mapping its network.
        name: String,
        #[command(flatten)]
        reason: Reason,
    },
}

/// Settings.
#[derive(Debug, Args)]
pub(super) struct What {
    /// As a JSON object with the keys of the configuration, or @FILE that holds one.
    #[arg(value_name = "SETTINGS")]
    settings: String,
    #[command(flatten)]
    reason: Reason,
}

/// Carries it out; `at` is where things of its kind are.
pub(super) fn run(
    client: &Client,
    output: &Output,
    (kind, at): (&str, &str),
    command: Things,
) -> Result<bool, Failure> {
    let place = |name: &str| Place {
        path: format!("{at}/{}", escaped(name)),
        shown: format!("{kind} {name}"),
    };
    match command {
        Things::Get { name } => get(client, &place(&name)),
        Things::Create { name, what } => create(client, output, &place(&name), &what),
        Things::Update { name, what } => update(client, output, &place(&name), &what),
        Things::Delete { name, reason } => delete(client, output, &place(&name), reason),
    }
}

/// One thing.
pub(super) struct Place {
    /// Where it is.
    pub(super) path: String,
    /// How it is called.
    pub(super) shown: String,
}

/// As JSON: its settings can be sent back.
pub(super) fn get(client: &Client, place: &Place) -> Result<bool, Failure> {
    let entity: Entity = client.read(&client.text(&place.path)?)?;
    // Plain data: there is nothing in it that JSON cannot say.
    say(&serde_json::to_string_pretty(&entity).unwrap_or_default());
    Ok(true)
}

pub(super) fn create(
    client: &Client,
    output: &Output,
    place: &Place,
    what: &What,
) -> Result<bool, Failure> {
    let query =
        query(&[("create", Some("true".to_owned())), ("reason", what.reason.reason.clone())]);
    let body = json(&settings(&what.settings)?);
    client.say(Method::PUT, &(place.path.clone() + &query), body)?;
    output.done(&format!("{}: made", place.shown));
    Ok(true)
}

pub(super) fn update(
    client: &Client,
    output: &Output,
    place: &Place,
    what: &What,
) -> Result<bool, Failure> {
    let change = settings(&what.settings)?;
    let entity: Entity = client.read(&client.text(&place.path)?)?;
    let Settings(mut all) = entity.settings;
    all.extend(change.0);
    all.retain(|_, value| !value.is_null());
    let query =
        query(&[("create", Some("false".to_owned())), ("reason", what.reason.reason.clone())]);
    client.say(Method::PUT, &(place.path.clone() + &query), json(&Settings(all)))?;
    output.done(&format!("{}: changed", place.shown));
    Ok(true)
}

pub(super) fn delete(
    client: &Client,
    output: &Output,
    place: &Place,
    reason: Reason,
) -> Result<bool, Failure> {
    let query = query(&[("reason", reason.reason)]);
    client.say(Method::DELETE, &(place.path.clone() + &query), String::new())?;
    output.done(&format!("{}: taken back", place.shown));
    Ok(true)
}

/// All of a kind: who defines each, and its settings.
pub(super) fn list(client: &Client, output: &Output, at: &str) -> Result<bool, Failure> {
    let text = client.text(at)?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let Entities { items } = client.read(&text)?;
    let row = |entity: Entity| {
        let of = match (entity.file, entity.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            _ if entity.waiting => "api, waits".to_owned(),
            _ => "api".to_owned(),
        };
        vec![entity.name, of, json(&entity.settings)]
    };
    let rows: Vec<Vec<String>> = items.into_iter().map(row).collect();
    output.table(&["NAME", "DEFINED BY", "SETTINGS"], &rows);
    Ok(true)
}

fn settings(text: &str) -> Result<Settings, Failure> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::Usage(format!(
            "{text:?}: {why}; settings are a JSON object, or @FILE that holds one"
        ))
    };
    let read = match text.strip_prefix('@') {
        Some(path) => fs::read_to_string(path).map_err(|why| wrong(&why))?,
        None => text.to_owned(),
    };
    serde_json::from_str(&read).map_err(|why| wrong(&why))
}
