//! Tokens made and revoked. A secret is drawn here, told to whoever asked, and forgotten: the node
//! is handed its hash.

use api::tokens::{MadeToken, NewToken};
use axum::http::StatusCode;
use axum::response::Response;
use model::{Role, TokenName};
use overwatch::{Command, TokenOrder};

use super::access::hash_of;
use super::call::Call;
use super::refusal::Refusal;
use super::{Question, Server, Told, json, made};
use crate::random;

/// What every secret begins with, so that programs that look for leaked secrets know it.
const PREFIX: &str = "opengslb_";

pub(super) async fn create(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let NewToken { name, role } = call.body()?;
    let name: TokenName = name.parse().map_err(|why| Refusal::body(format!("name: {why}")))?;
    let role: Role = role.parse().map_err(|why| Refusal::body(format!("role: {why}")))?;
    let secret = random::hexadecimal().ok_or_else(Refusal::going_down)?;
    let token = format!("{PREFIX}{}", secret.as_str());
    let hash = hash_of(token.as_bytes());
    let order = TokenOrder::Create { name: name.clone(), role, hash };
    match server.ask(call, Question::Command(Command::Tokens(order))).await? {
        Told::Done => {
            let token = MadeToken { name: name.to_string(), role: role.to_string(), token };
            // Plain data: there is nothing in it that JSON cannot say.
            Ok(json(StatusCode::CREATED, serde_json::to_string(&token).unwrap_or_default()))
        }
        // Nobody learns the secret of one that a restart would forget.
        told => Err(made::refused(told)),
    }
}

pub(super) async fn revoke(server: &Server, call: &Call) -> Result<Response, Refusal> {
    server.order(call, Command::Tokens(TokenOrder::Revoke(call.part("token")?))).await
}
