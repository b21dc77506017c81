//! Whether the overwatch lives, and the contract itself.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::response::Response;

use super::call::Call;
use super::refusal::Refusal;
use super::{Question, Server, Told, json};

/// Written once; it does not change while the program runs.
static CONTRACT: LazyLock<String> = LazyLock::new(api::openapi::text);

pub(super) fn live() -> Response {
    json(StatusCode::OK, r#"{"alive":true}"#.to_owned())
}

pub(super) fn contract() -> Response {
    json(StatusCode::OK, CONTRACT.clone())
}

pub(super) async fn ready(server: &Server, call: &Call) -> Result<Response, Refusal> {
    match server.ask(call, Question::Ready).await? {
        Told::Ready { is_ready, document } => {
            let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            Ok(json(status, document))
        }
        _ => Err(Refusal::going_down()),
    }
}

pub(super) async fn cluster(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let expected_agents = call.query::<u32>("expected_agents")?.map(|count| count as usize);
    server.document(call, Question::Cluster { expected_agents }).await
}
