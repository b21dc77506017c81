//! `opengslb-cli resolvers`: whose questions resolvers ask that name no client network.

use std::path::PathBuf;

use api::hand::{Resolver, ResolverClient, ResolverWeights};
use clap::Subcommand;
use hyper::Method;

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, json, say};

const PATH: &str = "/api/v1/resolvers/weights";

/// What to do about resolvers' clients.
#[derive(Debug, Subcommand)]
pub(super) enum Resolvers {
    /// Every resolver whose clients are known.
    #[command(after_help = "Example:\n  opengslb-cli resolvers list")]
    List,
    /// Say it of all resolvers anew, from a file as `list --json` prints it.
    #[command(after_help = "Example:\n  opengslb-cli resolvers set weights.json")]
    Set {
        /// The file: {"resolvers": [{"resolver": CIDR, "clients": [{"cidr": CIDR, "weight": N}]}]}.
        file: PathBuf,
    },
    /// Forget it.
    #[command(after_help = "Example:\n  opengslb-cli resolvers clear")]
    Clear,
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: &Resolvers) -> Result<bool, Failure> {
    match command {
        Resolvers::List => list(client, output)?,
        Resolvers::Set { file } => {
            let fault =
                |why: &dyn std::fmt::Display| Failure::Usage(format!("{}: {why}", file.display()));
            let text = std::fs::read_to_string(file).map_err(|error| fault(&error))?;
            let weights: ResolverWeights =
                serde_json::from_str(&text).map_err(|error| fault(&error))?;
            client.say(Method::PUT, PATH, json(&weights))?;
            output.done(&format!("the clients of {} resolvers are known", weights.resolvers.len()));
        }
        Resolvers::Clear => {
            client.say(Method::DELETE, PATH, String::new())?;
            output.done("the clients of no resolver are known");
        }
    }
    Ok(true)
}

fn list(client: &Client, output: &Output) -> Result<(), Failure> {
    let text = client.text(PATH)?;
    let ResolverWeights { resolvers } = client.read(&text)?;
    if output.is_json {
        say(&text);
        return Ok(());
    }
    let row = |resolver: &Resolver, client: &ResolverClient| {
        vec![resolver.resolver.clone(), client.cidr.clone(), client.weight.to_string()]
    };
    let rows = resolvers
        .iter()
        .flat_map(|resolver| resolver.clients.iter().map(move |client| row(resolver, client)));
    let rows: Vec<Vec<String>> = rows.collect();
    output.table(&["RESOLVER", "CLIENTS", "WEIGHT"], &rows);
    Ok(())
}
