//! What operators say about servers, agents and the configuration.

use api::backends::Override;
use axum::http::StatusCode;
use axum::response::Response;
use model::BackendKey;
use overwatch::Command;

use super::call::Call;
use super::refusal::Refusal;
use super::{Question, Server, Told, json};

pub(super) async fn approve(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let key = call.query::<String>("key")?.map(|key| key.parse()).transpose();
    let wrong = "key: it is named by the 64 hexadecimal digits of its SHA-256";
    let key = key.map_err(|_| Refusal::parameter(wrong))?;
    server.order(call, Command::Approve { agent: call.part("agent")?, key }).await
}

pub(super) async fn revoke(server: &Server, call: &Call) -> Result<Response, Refusal> {
    server.order(call, Command::Revoke(call.part("agent")?)).await
}

pub(super) async fn accept(server: &Server, call: &Call) -> Result<Response, Refusal> {
    server.order(call, Command::Accept(call.part("agent")?)).await
}

pub(super) async fn set_override(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let backend = backend(call)?;
    let Override { healthy } = call.body()?;
    server.order(call, Command::Override { backend, is_up: Some(healthy) }).await
}

pub(super) async fn clear_override(server: &Server, call: &Call) -> Result<Response, Refusal> {
    server.order(call, Command::Override { backend: backend(call)?, is_up: None }).await
}

pub(super) async fn drain(
    server: &Server,
    call: &Call,
    is_draining: bool,
) -> Result<Response, Refusal> {
    server.order(call, Command::Drain { backend: backend(call)?, is_draining }).await
}

/// The backend that a path names.
fn backend(call: &Call) -> Result<BackendKey, Refusal> {
    Ok(BackendKey {
        service: call.part("service")?,
        address: call.part("address")?,
        port: call.part("port")?,
    })
}

/// Reads the configuration again: what changed, or every fault of it.
pub(super) async fn reload(server: &Server, call: &Call) -> Result<Response, Refusal> {
    match server.ask(call, Question::Reload).await? {
        Told::Document(document) => Ok(json(StatusCode::OK, document.text)),
        Told::Invalid(faults) => Err(Refusal::configuration(faults)),
        _ => Err(Refusal::going_down()),
    }
}
