//! Orders about the keys of signed zones. The keys themselves are secret: they come and go where
//! nobody can listen ([`api::Access::Secret`]), and never into a log.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use dnssec::{KeyRing, Role};
use overwatch::{Command, KeyOrder};

use super::call::Call;
use super::refusal::Refusal;
use super::{Question, Server, Told};
use crate::random;

pub(super) async fn roll(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let role = call.query::<Role>("role")?;
    let zone = call.part("zone")?;
    order(server, call, KeyOrder::Roll { zone, role, secrets: random::secrets() }).await
}

pub(super) async fn ds_seen(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let (zone, tag) = (call.part("zone")?, call.query("tag")?);
    order(server, call, KeyOrder::DsSeen { zone, tag }).await
}

pub(super) async fn export(server: &Server, call: &Call) -> Result<Response, Refusal> {
    match server.ask(call, Question::ExportKeys(call.part("zone")?)).await? {
        Told::Keys(text) => {
            let media_type = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
            Ok((media_type, text.expose().to_owned()).into_response())
        }
        _ => Err(Refusal::going_down()),
    }
}

pub(super) async fn import(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let zone = call.part("zone")?;
    let replaces = call.query("replace")?.unwrap_or(false);
    let ring = KeyRing::from_text(call.body_text()?).map_err(|error| {
        Refusal::body(format!("these are no zone's keys: {}", crate::logs::chain(&error)))
    })?;
    order(server, call, KeyOrder::Import { zone, ring: Box::new(ring), replaces }).await
}

async fn order(server: &Server, call: &Call, order: KeyOrder) -> Result<Response, Refusal> {
    server.order(call, Command::Keys(Box::new(order))).await
}
