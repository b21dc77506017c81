//! `opengslb-cli mappings`: networks that are placed by hand.

use clap::Subcommand;

use super::client::Client;
use super::failure::Failure;
use super::output::Output;
use super::things::{self, Things};

/// Where they are.
const AT: &str = "/api/v1/geo/mappings";

/// What to do about mappings.
#[derive(Debug, Subcommand)]
pub(super) enum Mappings {
    /// Every mapping, and who defines it.
    #[command(after_help = "Example:\n  opengslb-cli mappings list")]
    List,
    #[command(flatten)]
    One(Things),
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Mappings) -> Result<bool, Failure> {
    match command {
        Mappings::List => things::list(client, output, AT),
        Mappings::One(command) => things::run(client, output, ("mapping", AT), command),
    }
}
