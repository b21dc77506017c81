//! Every path that can be read.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::sync::mpsc;

use super::{Ask, Question, Told, ask, by_hand, keys};

/// The paths for reading.
pub(super) fn reading(node: mpsc::Sender<Ask>) -> Router {
    let document = |question: Question| {
        get(move |State(node): State<mpsc::Sender<Ask>>| document(node, question))
    };
    Router::new()
        .route("/api/v1/live", get(live))
        .route("/api/v1/ready", get(ready))
        .route("/api/v1/version", document(Question::Version))
        .route("/api/v1/domains", document(Question::Domains))
        .route("/api/v1/cluster/status", get(cluster))
        .route("/api/v1/overwatch/latency", document(Question::Latency))
        .route("/api/v1/overwatch/backends", document(Question::Backends))
        .route("/api/v1/overwatch/agents", document(Question::Agents))
        .merge(by_hand::reading())
        .merge(keys::reading())
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_this_way)
        .with_state(node)
}

pub(super) async fn document(node: mpsc::Sender<Ask>, question: Question) -> Response {
    match ask(&node, question).await {
        Some(Told::Document(document)) => json(StatusCode::OK, document),
        Some(_) | None => going_down(),
    }
}

async fn live() -> Json<api::status::Live> {
    Json(api::status::Live { alive: true })
}

async fn ready(State(node): State<mpsc::Sender<Ask>>) -> Response {
    match ask(&node, Question::Ready).await {
        Some(Told::Ready { is_ready, document }) => {
            let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            json(status, document)
        }
        Some(_) | None => going_down(),
    }
}

/// `?expected_agents=N`
#[derive(Debug, serde::Deserialize)]
struct Expected {
    expected_agents: Option<usize>,
}

async fn cluster(
    State(node): State<mpsc::Sender<Ask>>,
    expected: Result<Query<Expected>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(Expected { expected_agents })) = expected else {
        let text = "expected_agents is a whole number, as in ?expected_agents=3";
        return refusal(StatusCode::BAD_REQUEST, text).into_response();
    };
    document(node, Question::Cluster { expected_agents }).await
}

async fn nothing_here() -> impl IntoResponse {
    refusal(StatusCode::NOT_FOUND, "there is nothing at this path")
}

async fn not_this_way() -> impl IntoResponse {
    let text = "this path takes other methods; changes go through the control socket";
    refusal(StatusCode::METHOD_NOT_ALLOWED, text)
}

/// A refusal as the contract writes it.
pub(super) fn refusal(status: StatusCode, text: &str) -> impl IntoResponse + use<> {
    (status, Json(api::Error { error: text.to_owned(), code: status.as_u16() }))
}

pub(super) fn going_down() -> Response {
    refusal(StatusCode::SERVICE_UNAVAILABLE, "this process is going down").into_response()
}

pub(super) fn json(status: StatusCode, document: String) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], document).into_response()
}
