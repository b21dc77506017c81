//! `opengslb-cli tokens`: who may speak to the API from elsewhere.

use api::tokens::{MadeToken, NewToken, Token, Tokens as Document};
use clap::{Subcommand, ValueEnum};
use hyper::Method;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, say, tell};

const PATH: &str = "/api/v1/tokens";

/// What to do about tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Tokens {
    /// Those that there are, without their secrets.
    #[command(after_help = "Example:\n  opengslb-cli tokens list")]
    List,
    /// Make one; it is printed this once.
    #[command(after_help = "Example:\n  opengslb-cli tokens create deploy --role operate")]
    Create {
        /// What the log of changes calls whoever has it.
        name: String,
        /// What it lets them do; each may what those before it may.
        #[arg(long, value_enum)]
        role: RoleWord,
    },
    /// Let whoever has it in no more.
    #[command(after_help = "Example:\n  opengslb-cli tokens revoke deploy")]
    Revoke {
        /// Its name.
        name: String,
    },
}

/// A role.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RoleWord {
    /// See everything but secrets.
    Read,
    /// Change where clients go.
    Operate,
    /// Change who is trusted.
    Admin,
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Tokens) -> Result<bool, Failure> {
    match command {
        Tokens::List => list(client, output),
        Tokens::Create { name, role } => create(client, output, name, role),
        Tokens::Revoke { name } => {
            client.say(Method::DELETE, &format!("{PATH}/{}", escaped(&name)), String::new())?;
            output.done(&format!("{name}: revoked"));
            Ok(true)
        }
    }
}

fn create(client: &Client, output: &Output, name: String, role: RoleWord) -> Result<bool, Failure> {
    let role = match role {
        RoleWord::Read => "read",
        RoleWord::Operate => "operate",
        RoleWord::Admin => "admin",
    };
    let body = NewToken { name, role: role.to_owned() };
    // Plain data: there is nothing in it that JSON cannot say.
    let body = serde_json::to_string(&body).unwrap_or_default();
    let text = client.say(Method::POST, PATH, body)?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let MadeToken { name, role, token } = client.read(&text)?;
    say(&token);
    tell(&format!(
        "{name}: {role}; this is not shown again: OPENGSLB_TOKEN is where it is looked for"
    ));
    Ok(true)
}

fn list(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.text(PATH)?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let Document { tokens } = client.read(&text)?;
    let row = |token: Token| {
        let from = token.by.unwrap_or_else(|| "api.tokens".to_owned());
        let waits =
            if token.waiting { ", lets nobody in: api.tokens has one of its name" } else { "" };
        let from = from + waits;
        vec![token.name, token.role, token.created.unwrap_or_default(), from]
    };
    let rows: Vec<Vec<String>> = tokens.into_iter().map(row).collect();
    output.table(&["TOKEN", "ROLE", "MADE", "BY"], &rows);
    Ok(true)
}
