//! Signed zones over HTTP: what is read by anybody who may read, and an operator's words.
//!
//! A zone's keys are secret: they come and go over the local socket alone ([`super::operator`] is
//! merged with [`words`] there), and never into a log.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use dns::NameBuf;
use dnssec::{KeyRing, Role};
use overwatch::{Command, KeyOrder};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::operator::{objected, say};
use super::routes::{going_down, json, refusal};
use super::{Ask, Question, Told, ask};
use crate::random;

type Node = State<mpsc::Sender<Ask>>;

/// The path of a zone.
const ZONE: &str = "/api/v1/overwatch/dnssec/{zone}";

/// What can be read.
pub(super) fn reading() -> Router<mpsc::Sender<Ask>> {
    Router::new()
        .route("/api/v1/overwatch/dnssec", get(zones))
        .route(&format!("{ZONE}/ds"), get(ds))
}

/// What can be said, and the secrets.
pub(super) fn words() -> Router<mpsc::Sender<Ask>> {
    Router::new()
        .route(&format!("{ZONE}/roll"), post(roll))
        .route(&format!("{ZONE}/ds-seen"), post(ds_seen))
        .route(&format!("{ZONE}/keys"), get(export).put(import))
}

async fn zones(State(node): Node) -> Response {
    document(&node, Question::SignedZones).await
}

async fn ds(State(node): Node, Path(zone): Path<String>) -> Response {
    match zone.parse() {
        Ok(zone) => document(&node, Question::DsRecords(zone)).await,
        Err(_) => no_name(&zone),
    }
}

async fn document(node: &mpsc::Sender<Ask>, question: Question) -> Response {
    match ask(node, question).await {
        Some(Told::Document(document)) => json(StatusCode::OK, document),
        Some(Told::Objected(objection)) => objected(&objection),
        Some(_) | None => going_down(),
    }
}

/// `?role=ksk`
#[derive(Debug, serde::Deserialize)]
struct WhichRole {
    role: Option<String>,
}

async fn roll(
    State(node): Node,
    Path(zone): Path<String>,
    Query(WhichRole { role }): Query<WhichRole>,
) -> Response {
    let Ok(zone) = zone.parse::<NameBuf>() else { return no_name(&zone) };
    match role.map(|role| role.parse::<Role>()).transpose() {
        Ok(role) => order(&node, KeyOrder::Roll { zone, role, secrets: random::secrets() }).await,
        Err(error) => refusal(StatusCode::BAD_REQUEST, &error.to_string()).into_response(),
    }
}

/// `?tag=12345`
#[derive(Debug, serde::Deserialize)]
struct WhichTag {
    tag: Option<u16>,
}

async fn ds_seen(
    State(node): Node,
    Path(zone): Path<String>,
    which: Result<Query<WhichTag>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(zone) = zone.parse::<NameBuf>() else { return no_name(&zone) };
    let Ok(Query(WhichTag { tag })) = which else {
        let text = "a key's tag is a number up to 65535, as in ?tag=12345";
        return refusal(StatusCode::BAD_REQUEST, text).into_response();
    };
    order(&node, KeyOrder::DsSeen { zone, tag }).await
}

async fn export(State(node): Node, Path(zone): Path<String>) -> Response {
    let Ok(zone) = zone.parse::<NameBuf>() else { return no_name(&zone) };
    match ask(&node, Question::ExportKeys(zone)).await {
        Some(Told::Keys(text)) => {
            let head = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")];
            (head, text.expose().to_owned()).into_response()
        }
        Some(Told::Objected(objection)) => objected(&objection),
        Some(_) | None => going_down(),
    }
}

/// `?replace=true`
#[derive(Debug, serde::Deserialize)]
struct Replaces {
    #[serde(default)]
    replace: bool,
}

async fn import(
    State(node): Node,
    Path(zone): Path<String>,
    Query(Replaces { replace }): Query<Replaces>,
    body: String,
) -> Response {
    let body = Zeroizing::new(body);
    let Ok(zone) = zone.parse::<NameBuf>() else { return no_name(&zone) };
    match KeyRing::from_text(&body) {
        Ok(ring) => {
            order(&node, KeyOrder::Import { zone, ring: Box::new(ring), replaces: replace }).await
        }
        Err(error) => {
            let text = format!("these are no zone's keys: {}", crate::logs::chain(&error));
            refusal(StatusCode::BAD_REQUEST, &text).into_response()
        }
    }
}

async fn order(node: &mpsc::Sender<Ask>, order: KeyOrder) -> Response {
    say(node, Command::Keys(Box::new(order))).await
}

fn no_name(zone: &str) -> Response {
    let text = format!("{zone:?} cannot be the name of a zone");
    refusal(StatusCode::BAD_REQUEST, &text).into_response()
}
