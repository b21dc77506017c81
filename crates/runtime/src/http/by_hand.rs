//! Routing explained, and what operators do about it by hand: who may read it reads it everywhere,
//! and it is changed over the local socket alone.

use std::fmt::Display;

use api::hand::{DrainTo, Explore, PinTo, ResolverWeights};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use model::Subnet;
use overwatch::{Command, HandFault, HandOrder, Objection};
use tokio::sync::mpsc;

use super::operator::say;
use super::routes::{document, going_down, json, refusal};
use super::{Ask, Question, Told, ask};

type Node = State<mpsc::Sender<Ask>>;

const WEIGHTS: &str = "/api/v1/resolvers/weights";

/// The paths for reading.
pub(super) fn reading() -> Router<mpsc::Sender<Ask>> {
    let document = |question: Question| get(move |State(node): Node| document(node, question));
    Router::new()
        .route("/api/v1/routing/explain", get(explain))
        .route("/api/v1/routing/pins", document(Question::Pins))
        .route("/api/v1/routing/regions", document(Question::Regions))
        .route("/api/v1/routing/learning", document(Question::Learning))
        .route(WEIGHTS, document(Question::Resolvers))
        .route("/api/v1/overwatch/audit", document(Question::Audit))
}

/// The paths for changing.
pub(super) fn changing() -> Router<mpsc::Sender<Ask>> {
    let learning = "/api/v1/routing/learning/{domain}";
    Router::new()
        .route("/api/v1/routing/pins/{domain}/{network}", put(pin).delete(unpin))
        .route("/api/v1/routing/regions/{region}/drain", put(drain).delete(undrain))
        .route(&format!("{learning}/freeze"), put(freeze).delete(thaw))
        .route(&format!("{learning}/exploration"), put(explore))
        .route(WEIGHTS, put(set_weights).delete(clear_weights))
}

/// With which status a word about routing is objected to.
pub(super) const fn status_of(fault: &HandFault) -> StatusCode {
    match fault {
        HandFault::NoDomain { .. } | HandFault::NoRegion { .. } | HandFault::Nothing { .. } => {
            StatusCode::NOT_FOUND
        }
        HandFault::LearnsNothing { .. } | HandFault::Configured { .. } => StatusCode::CONFLICT,
        HandFault::TooMuch { .. } | HandFault::Resolver { .. } => StatusCode::BAD_REQUEST,
    }
}

/// `?domain=&client=`
#[derive(Debug, serde::Deserialize)]
struct Whom {
    domain: String,
    client: String,
}

async fn explain(State(node): Node, whom: Result<Query<Whom>, QueryRejection>) -> Response {
    let Ok(Query(Whom { domain, client })) = whom else {
        return wrong(
            &"domain and client are asked for, as in ?domain=app.demo.local&client=10.1.2.0/24",
        );
    };
    let client = match client.parse() {
        Ok(client) => client,
        Err(fault) => return wrong(&fault),
    };
    match ask(&node, Question::Explain { domain, client }).await {
        Some(Told::Document(document)) => json(StatusCode::OK, document),
        Some(Told::Objected(Objection::Hand(fault))) => {
            refusal(status_of(&fault), &fault.to_string()).into_response()
        }
        Some(_) | None => going_down(),
    }
}

async fn pin(
    State(node): Node,
    Path((domain, network)): Path<(String, String)>,
    body: Result<Json<PinTo>, JsonRejection>,
) -> Response {
    let Ok(Json(PinTo { region })) = body else {
        return wrong(&r#"the body names the region, as in {"region": "eu-west"}"#);
    };
    let (network, region) = match (network.parse(), region.parse()) {
        (Ok(network), Ok(region)) => (network, Some(region)),
        (Err(fault), _) => return wrong(&fault),
        (_, Err(fault)) => return wrong(&fault),
    };
    order(&node, HandOrder::Pin { domain, network, region }).await
}

async fn unpin(State(node): Node, Path((domain, network)): Path<(String, String)>) -> Response {
    match network.parse() {
        Ok(network) => order(&node, HandOrder::Pin { domain, network, region: None }).await,
        Err(fault) => wrong(&fault),
    }
}

async fn drain(
    State(node): Node,
    Path(region): Path<String>,
    body: Result<Json<DrainTo>, JsonRejection>,
) -> Response {
    let share = body.ok().filter(|Json(body)| (0.0..=1.0).contains(&body.share));
    let Some(Json(DrainTo { share, over_seconds })) = share else {
        let text = r#"the body says which share of the clients, from 0 to 1, and over how many seconds, as in {"share": 0.25, "over_seconds": 600}"#;
        return wrong(&text);
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let permille = (share * 1_000.0).round() as u16;
    drain_to(&node, &region, permille, over_seconds).await
}

/// `?over_seconds=N`
#[derive(Debug, serde::Deserialize)]
struct Over {
    over_seconds: Option<u64>,
}

async fn undrain(
    State(node): Node,
    Path(region): Path<String>,
    over: Result<Query<Over>, QueryRejection>,
) -> Response {
    match over {
        Ok(Query(Over { over_seconds })) => drain_to(&node, &region, 0, over_seconds).await,
        Err(_) => wrong(&"over_seconds is a whole number, as in ?over_seconds=600"),
    }
}

async fn drain_to(
    node: &mpsc::Sender<Ask>,
    region: &str,
    permille: u16,
    over_seconds: Option<u64>,
) -> Response {
    let over_ms = over_seconds.unwrap_or(0).saturating_mul(1_000);
    match region.parse() {
        Ok(region) => order(node, HandOrder::Drain { region, permille, over_ms }).await,
        Err(fault) => wrong(&fault),
    }
}

async fn freeze(State(node): Node, Path(domain): Path<String>) -> Response {
    order(&node, HandOrder::Freeze { domain, is_frozen: true }).await
}

async fn thaw(State(node): Node, Path(domain): Path<String>) -> Response {
    order(&node, HandOrder::Freeze { domain, is_frozen: false }).await
}

async fn explore(
    State(node): Node,
    Path(domain): Path<String>,
    body: Result<Json<Explore>, JsonRejection>,
) -> Response {
    match body {
        Ok(Json(Explore { enabled: is_on })) => {
            order(&node, HandOrder::Explore { domain, is_on }).await
        }
        Err(_) => wrong(&r#"the body says whether regions are tried, as in {"enabled": false}"#),
    }
}

async fn set_weights(
    State(node): Node,
    body: Result<Json<ResolverWeights>, JsonRejection>,
) -> Response {
    let Ok(Json(ResolverWeights { resolvers })) = body else {
        let text = r#"the body lists resolvers, as in {"resolvers": [{"resolver": "192.0.2.53/32", "clients": [{"cidr": "198.51.100.0/24", "weight": 3}]}]}"#;
        return wrong(&text);
    };
    let mut list: Vec<(Subnet, Vec<(Subnet, u32)>)> = Vec::with_capacity(resolvers.len());
    for resolver in resolvers {
        let clients = resolver.clients.iter();
        let clients = clients.map(|client| Ok((client.cidr.parse()?, client.weight)));
        let read = resolver.resolver.parse().and_then(|network| {
            Ok((network, clients.collect::<Result<Vec<_>, model::SubnetError>>()?))
        });
        match read {
            Ok(read) => list.push(read),
            Err(fault) => return wrong(&fault),
        }
    }
    order(&node, HandOrder::Resolvers(list)).await
}

async fn clear_weights(State(node): Node) -> Response {
    order(&node, HandOrder::Resolvers(Vec::new())).await
}

async fn order(node: &mpsc::Sender<Ask>, order: HandOrder) -> Response {
    say(node, Command::Hand(order)).await
}

fn wrong(text: &dyn Display) -> Response {
    refusal(StatusCode::BAD_REQUEST, &text.to_string()).into_response()
}
