//! What operators say about servers, agents and the configuration.

use api::backends::Override;
use axum::http::StatusCode;
use axum::response::Response;
use model::{AgentId, BackendKey};
use overwatch::{Command, HandOrder};

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
    // A source from outside can be held as an agent can.
    let agent = match call.text("agent")?.strip_prefix("outside:") {
        Some(name) => AgentId::of_source(&name.parse().map_err(Refusal::parameter)?),
        None => call.part("agent")?,
    };
    server.order(call, Command::Accept(agent)).await
}

pub(super) async fn set_override(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let backend = backend(call)?;
    let Override { healthy, reason, for_seconds } = call.body()?;
    let order = HandOrder::Override { backend, is_up: Some(healthy) };
    server.order_as(call, Command::Hand(order), call.said_with(reason, for_seconds)?).await
}

pub(super) async fn clear_override(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let order = HandOrder::Override { backend: backend(call)?, is_up: None };
    server.order(call, Command::Hand(order)).await
}

pub(super) async fn forget(server: &Server, call: &Call) -> Result<Response, Refusal> {
    server.order(call, Command::Forget(call.part("agent")?)).await
}

pub(super) async fn forget_source(server: &Server, call: &Call) -> Result<Response, Refusal> {
    server.order(call, Command::ForgetSource(call.part("source")?)).await
}

pub(super) async fn drain(
    server: &Server,
    call: &Call,
    is_draining: bool,
) -> Result<Response, Refusal> {
    let share = call.query::<f64>("share")?.unwrap_or(1.0);
    let permille = if is_draining { permille(share).map_err(Refusal::parameter)? } else { 0 };
    let over_ms = call.query::<u64>("over_seconds")?.unwrap_or(0).saturating_mul(1_000);
    let order = HandOrder::Empty { backend: backend(call)?, permille, over_ms };
    server.order(call, Command::Hand(order)).await
}

/// A share in thousandths.
pub(super) fn permille(share: f64) -> Result<u16, String> {
    if !(0.0..=1.0).contains(&share) {
        return Err(format!("share: {share}: from 0 (nothing) to 1 (all)"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let permille = (share * 1_000.0).round() as u16;
    Ok(permille)
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
