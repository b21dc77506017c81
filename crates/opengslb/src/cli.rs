//! `opengslb-cli`: what an operator asks and says, as a client of the API.
//!
//! ```text
//! words -> Arguments -> one command -> Client (control socket or TCP) -> table, or the JSON itself
//! ```
//!
//! - `arguments`: the words,
//! - `failure`: what goes wrong, and with which exit code,
//! - `client`: one request to the API,
//! - `words`, `things`, `watching`: what several commands share,
//! - `output`: aligned tables, colour for terminals only,
//! - `status`, `domains`, `servers`, `agents`, `overrides`, `latency`, `explain`, `pins`, `regions`,
//!   `learning`, `resolvers`, `sources`, `geo`, `dnssec`, `tokens`, `store`, `audit`, `reload`, `preflight`, `top`,
//!   `completion`, `import`, `external_dns`, `live`: a command each.
//!
//! Exit codes: 0 well; 1 answered, and the answer is no (unhealthy, refused, a check failed); 64 a
//! faulty command line; 69 nobody answers; 77 not allowed (sysexits.h).

mod agents;

mod arguments;

mod audit;

mod client;

mod completion;

mod dnssec;

mod domains;

mod explain;

mod external_dns;

mod failure;

mod geo;

mod import;

mod latency;

mod learning;

mod live;

mod mappings;

pub(crate) mod output;

mod overrides;

mod peers;

mod pins;

mod preflight;

mod reload;

mod regions;

mod resolvers;

mod servers;

mod sources;

mod status;

mod tokens;

mod top;

mod store;

mod things;

mod watching;

mod words;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use arguments::{Arguments, Command};
use client::Client;
use failure::Failure;
pub use failure::USAGE;
pub(crate) use output::Output;
pub use preflight::look_at_zones;

/// Reads the command line and carries it out.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let output = Output::new(arguments.json);
    match run(arguments, &output) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            output::tell(&format!("opengslb-cli: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Reads this process's command line.
///
/// # Errors
///
/// Nothing is left to do: what there is to say was printed, and this is how the process ends.
pub fn arguments<A: Parser>() -> Result<A, ExitCode> {
    A::try_parse().map_err(|error| {
        // Nobody is left to tell where this cannot be written.
        let _ = error.print();
        let is_asked_for =
            matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        ExitCode::from(if is_asked_for { 0 } else { USAGE })
    })
}

/// Carries a command out; whether the answer is a yes.
fn run(arguments: Arguments, output: &Output) -> Result<bool, Failure> {
    let Arguments { api, timeout, command, .. } = arguments;
    let client = || Client::new(api.as_deref(), timeout);
    match command {
        Command::Status { expected_agents } => status::run(&client()?, output, expected_agents),
        Command::Domains(words) => domains::run(&client()?, output, words),
        Command::Servers(words) => servers::run(&client()?, output, words),
        Command::Mappings(command) => mappings::run(&client()?, output, command),
        Command::Backup(to) => store::back_up(&client()?, output, &to),
        Command::Restore(from) => store::restore(output, &from),
        Command::Agents(command) => agents::run(&client()?, output, command),
        Command::Overrides(command) => overrides::run(&client()?, output, command),
        Command::Latency(latency::Latency::Show(wanted)) => {
            latency::run(&client()?, output, &wanted)
        }
        Command::Explain(wanted) => explain::run(&client()?, output, &wanted),
        Command::Pins(command) => pins::run(&client()?, output, command),
        Command::Regions(command) => regions::run(&client()?, output, command),
        Command::Learning(command) => learning::run(&client()?, output, command),
        Command::Resolvers(command) => resolvers::run(&client()?, output, &command),
        Command::Dnssec(command) => dnssec::run(&client()?, output, command),
        Command::Tokens(command) => tokens::run(&client()?, output, command),
        Command::Geo(command) => geo::run(&client()?, output, &command),
        Command::Top(wanted) => top::run(client()?, output, &wanted),
        Command::Completion(wanted) => Ok(completion::run(&wanted)),
        Command::Audit => audit::run(&client()?, output),
        Command::Peers => peers::run(&client()?, output),
        Command::Sources(command) => sources::run(&client()?, output, command),
        Command::Import(from) => import::run(output, from),
        Command::Live => live::run(&client()?, output),
        Command::Externaldns(wanted) => external_dns::run(client()?, wanted),
        Command::Reload => reload::run(&client()?, output),
        Command::Preflight(wanted) => preflight::run(api.as_deref(), timeout, output, wanted),
    }
}
