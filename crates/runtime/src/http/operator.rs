//! An operator's words, over the local socket alone.

use std::net::IpAddr;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use model::BackendKey;
use overwatch::{Command, KeyFault, Objection};
use tokio::sync::mpsc;

use super::routes::{going_down, json, refusal};
use super::{Ask, Question, Told, ask, by_hand, keys};

/// The paths for changing.
pub(super) fn routes(node: mpsc::Sender<Ask>) -> Router {
    let backend = "/api/v1/overwatch/backends/{service}/{address}/{port}";
    Router::new()
        .route("/api/v1/overwatch/agents/{id}/approve", post(approve))
        .route("/api/v1/overwatch/agents/{id}/revoke", post(revoke))
        .route("/api/v1/overwatch/agents/{id}/accept", post(accept))
        .route(&format!("{backend}/override"), post(set_override).delete(clear_override))
        .route(&format!("{backend}/drain"), post(begin_drain).delete(end_drain))
        .route("/api/v1/reload", post(reload))
        .merge(by_hand::changing())
        .merge(keys::words())
        .with_state(node)
}

type Node = State<mpsc::Sender<Ask>>;
type BackendPath = Path<(String, String, String)>;

/// `?key=SHA-256`
#[derive(Debug, serde::Deserialize)]
struct WhichKey {
    key: Option<String>,
}

async fn approve(
    State(node): Node,
    Path(id): Path<String>,
    Query(WhichKey { key }): Query<WhichKey>,
) -> Response {
    let Ok(agent) = id.parse() else { return no_name(&id) };
    match key.map(|key| key.parse()).transpose() {
        Ok(key) => say(&node, Command::Approve { agent, key }).await,
        Err(_) => {
            let text = "a key is named by the 64 hexadecimal digits of its SHA-256";
            refusal(StatusCode::BAD_REQUEST, text).into_response()
        }
    }
}

async fn revoke(State(node): Node, Path(id): Path<String>) -> Response {
    match id.parse() {
        Ok(id) => say(&node, Command::Revoke(id)).await,
        Err(_) => no_name(&id),
    }
}

async fn accept(State(node): Node, Path(id): Path<String>) -> Response {
    match id.parse() {
        Ok(id) => say(&node, Command::Accept(id)).await,
        Err(_) => no_name(&id),
    }
}

/// The body of an override.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    healthy: bool,
}

async fn set_override(
    State(node): Node,
    path: BackendPath,
    body: Result<Json<Override>, axum::extract::rejection::JsonRejection>,
) -> Response {
    let Ok(Json(Override { healthy })) = body else {
        let text = r#"the body says what the backend is, as in {"healthy": false}"#;
        return refusal(StatusCode::BAD_REQUEST, text).into_response();
    };
    about(&node, path, |backend| Command::Override { backend, is_up: Some(healthy) }).await
}

async fn clear_override(State(node): Node, path: BackendPath) -> Response {
    about(&node, path, |backend| Command::Override { backend, is_up: None }).await
}

async fn begin_drain(State(node): Node, path: BackendPath) -> Response {
    about(&node, path, |backend| Command::Drain { backend, is_draining: true }).await
}

async fn end_drain(State(node): Node, path: BackendPath) -> Response {
    about(&node, path, |backend| Command::Drain { backend, is_draining: false }).await
}

/// Carries out a command about the backend that a path names.
async fn about(
    node: &mpsc::Sender<Ask>,
    Path((service, address, port)): BackendPath,
    command: impl FnOnce(BackendKey) -> Command,
) -> Response {
    let (Ok(service), Ok(address), Ok(port)) =
        (service.parse(), address.parse::<IpAddr>(), port.parse())
    else {
        let text = "a backend is named by service, address and port, as in \
                    app.demo.local/10.2.1.10/80";
        return refusal(StatusCode::BAD_REQUEST, text).into_response();
    };
    say(node, command(BackendKey { service, address, port })).await
}

/// Reads the configuration again: what changed, or with 422 every fault of it.
async fn reload(State(node): Node) -> Response {
    match ask(&node, Question::Reload).await {
        Some(Told::Document(document)) => json(StatusCode::OK, document),
        Some(Told::Invalid(document)) => json(StatusCode::UNPROCESSABLE_ENTITY, document),
        Some(_) | None => going_down(),
    }
}

pub(super) async fn say(node: &mpsc::Sender<Ask>, command: Command) -> Response {
    match ask(node, Question::Command(command)).await {
        Some(Told::Done) => StatusCode::NO_CONTENT.into_response(),
        Some(Told::Objected(objection)) => objected(&objection),
        Some(_) | None => going_down(),
    }
}

/// Why a word was not carried out.
pub(super) fn objected(objection: &Objection) -> Response {
    let status = match objection {
        Objection::Unknown | Objection::Keys(KeyFault::NotSigned(_)) => StatusCode::NOT_FOUND,
        Objection::Hand(fault) => by_hand::status_of(fault),
        Objection::WhichKey | Objection::NotHeld | Objection::Keys(_) => StatusCode::CONFLICT,
    };
    refusal(status, &objection.to_string()).into_response()
}

fn no_name(id: &str) -> Response {
    let text = format!("{id:?} cannot be the name of an agent");
    refusal(StatusCode::BAD_REQUEST, &text).into_response()
}
