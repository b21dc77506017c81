//! Routing explained, and what operators do about it by hand.

use api::Kind;
use api::hand::{DrainTo, Explore, PinTo, ResolverWeights};
use axum::response::Response;
use model::{Region, Subnet, SubnetError};
use overwatch::{Command, HandFault, HandOrder};

use super::call::Call;
use super::refusal::Refusal;
use super::{Question, Server};

/// How a word about routing is refused.
pub(super) const fn kind_of(fault: &HandFault) -> Kind {
    match fault {
        HandFault::NoDomain { .. } | HandFault::NoRegion { .. } | HandFault::Nothing { .. } => {
            Kind::Unknown
        }
        HandFault::LearnsNothing { .. } | HandFault::Configured { .. } => Kind::Conflict,
        HandFault::TooMuch { .. } | HandFault::Resolver { .. } => Kind::Body,
    }
}

pub(super) async fn explain(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let (domain, client) = (call.required("domain")?, call.required("client")?);
    server.document(call, Question::Explain { domain, client }).await
}

pub(super) async fn pin(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let (domain, network) = pinned(call)?;
    let PinTo { region } = call.body()?;
    let region: Region = region.parse().map_err(|why| Refusal::body(format!("region: {why}")))?;
    order(server, call, HandOrder::Pin { domain, network, region: Some(region) }).await
}

pub(super) async fn unpin(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let (domain, network) = pinned(call)?;
    order(server, call, HandOrder::Pin { domain, network, region: None }).await
}

fn pinned(call: &Call) -> Result<(String, Subnet), Refusal> {
    Ok((call.part("domain")?, call.part("network")?))
}

pub(super) async fn drain(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let DrainTo { share, over_seconds } = call.body()?;
    if !(0.0..=1.0).contains(&share) {
        return Err(Refusal::body(format!("share: {share}: from 0 (nobody) to 1 (everybody)")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let permille = (share * 1_000.0).round() as u16;
    drain_to(server, call, permille, over_seconds).await
}

pub(super) async fn undrain(server: &Server, call: &Call) -> Result<Response, Refusal> {
    drain_to(server, call, 0, call.query("over_seconds")?).await
}

async fn drain_to(
    server: &Server,
    call: &Call,
    permille: u16,
    over_seconds: Option<u64>,
) -> Result<Response, Refusal> {
    let over_ms = over_seconds.unwrap_or(0).saturating_mul(1_000);
    order(server, call, HandOrder::Drain { region: call.part("region")?, permille, over_ms }).await
}

pub(super) async fn freeze(
    server: &Server,
    call: &Call,
    is_frozen: bool,
) -> Result<Response, Refusal> {
    order(server, call, HandOrder::Freeze { domain: call.part("domain")?, is_frozen }).await
}

pub(super) async fn explore(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let Explore { enabled: is_on } = call.body()?;
    order(server, call, HandOrder::Explore { domain: call.part("domain")?, is_on }).await
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
