//! Routing explained, and what operators do about it by hand.

use api::Kind;
use api::hand::{DrainTo, Explore, PinTo, ResolverWeights};
use axum::response::Response;
use model::{Region, Subnet, SubnetError};
use overwatch::{Command, HandFault, HandOrder, Said};

use super::call::Call;
use super::operator::permille;
use super::refusal::Refusal;
use super::{Question, Server};

/// How a word about routing is refused.
pub(super) const fn kind_of(fault: &HandFault) -> Kind {
    match fault {
        HandFault::NoDomain { .. } | HandFault::NoRegion { .. } | HandFault::Nothing { .. } => {
            Kind::Unknown
        }
        HandFault::LearnsNothing { .. } | HandFault::Configured { .. } => Kind::Conflict,
        HandFault::TooMuch { .. }
        | HandFault::Resolver { .. }
        | HandFault::Reason
        | HandFault::NoEnd => Kind::Body,
    }
}

pub(super) async fn explain(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let (domain, client) = (call.required("domain")?, call.required("client")?);
    server.document(call, Question::Explain { domain, client }).await
}

pub(super) async fn pin(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let (domain, network) = pinned(call)?;
    let PinTo { region, reason, for_seconds } = call.body()?;
    let region: Region = region.parse().map_err(|why| Refusal::body(format!("region: {why}")))?;
    let said = call.said_with(reason, for_seconds)?;
    let order = HandOrder::Pin { domain, network, region: Some(region) };
    server.order_as(call, Command::Hand(order), said).await
}

pub(super) async fn unpin(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let (domain, network) = pinned(call)?;
    order(server, call, HandOrder::Pin { domain, network, region: None }).await
}

fn pinned(call: &Call) -> Result<(String, Subnet), Refusal> {
    Ok((call.part("domain")?, call.part("network")?))
}

pub(super) async fn drain(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let DrainTo { share, over_seconds, reason, for_seconds } = call.body()?;
    let permille = permille(share).map_err(Refusal::body)?;
    let said = call.said_with(reason, for_seconds)?;
    drain_to(server, call, (permille, over_seconds), said).await
}

pub(super) async fn undrain(server: &Server, call: &Call) -> Result<Response, Refusal> {
    drain_to(server, call, (0, call.query("over_seconds")?), call.said()?).await
}

async fn drain_to(
    server: &Server,
    call: &Call,
    (permille, over_seconds): (u16, Option<u64>),
    said: Said,
) -> Result<Response, Refusal> {
    let over_ms = over_seconds.unwrap_or(0).saturating_mul(1_000);
    let order = HandOrder::Drain { region: call.part("region")?, permille, over_ms };
    server.order_as(call, Command::Hand(order), said).await
}

pub(super) async fn freeze(
    server: &Server,
    call: &Call,
    is_frozen: bool,
) -> Result<Response, Refusal> {
    order(server, call, HandOrder::Freeze { domain: call.part("domain")?, is_frozen }).await
}

pub(super) async fn explore(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let Explore { enabled: is_on, reason, for_seconds } = call.body()?;
    let said = call.said_with(reason, for_seconds)?;
    let order = HandOrder::Explore { domain: call.part("domain")?, is_on };
    server.order_as(call, Command::Hand(order), said).await
}

pub(super) async fn set_weights(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let weights = call.body::<ResolverWeights>()?;
    let list = resolvers(weights).map_err(|why| Refusal::body(format!("a network: {why}")))?;
    order(server, call, HandOrder::Resolvers(list)).await
}

type Resolvers = Vec<(Subnet, Vec<(Subnet, u32)>)>;

fn resolvers(weights: ResolverWeights) -> Result<Resolvers, SubnetError> {
    let resolver = |resolver: api::hand::Resolver| {
        let clients = resolver.clients.iter();
        let clients = clients.map(|client| Ok((client.cidr.parse()?, client.weight)));
        Ok((resolver.resolver.parse()?, clients.collect::<Result<Vec<_>, _>>()?))
    };
    weights.resolvers.into_iter().map(resolver).collect()
}

pub(super) async fn clear_weights(server: &Server, call: &Call) -> Result<Response, Refusal> {
    order(server, call, HandOrder::Resolvers(Vec::new())).await
}

async fn order(server: &Server, call: &Call, order: HandOrder) -> Result<Response, Refusal> {
    server.order(call, Command::Hand(order)).await
}
