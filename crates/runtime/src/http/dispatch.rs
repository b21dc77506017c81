//! Which function carries an operation out: one line for each, and the compiler misses none.

use api::Operation;
use axum::response::Response;
use config::EntityKind;

use super::call::Call;
use super::refusal::Refusal;
use super::{
    Question, Server, by_hand, decisions, keys, latency, made, operator, reports, status, tokens,
};

/// Carries a call out.
pub(super) async fn carry_out(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let document = async |question| server.document(call, question).await;
    match call.endpoint.operation {
        Operation::Live => Ok(status::live()),
        Operation::Ready => status::ready(server, call).await,
        Operation::ReadContract => Ok(status::contract()),
        Operation::ReadClusterStatus => status::cluster(server, call).await,
        Operation::Reload => operator::reload(server, call).await,
        Operation::Version => document(Question::Version).await,
        Operation::ListDomains => document(Question::Domains).await,
        Operation::ReadDomain => made::read(server, call, EntityKind::Domain).await,
        Operation::MakeDomain => made::put(server, call, EntityKind::Domain).await,
        Operation::RemoveDomain => made::remove(server, call, EntityKind::Domain).await,
        Operation::ListServers => document(Question::Entities(EntityKind::Server)).await,
        Operation::ReadServer => made::read(server, call, EntityKind::Server).await,
        Operation::MakeServer => made::put(server, call, EntityKind::Server).await,
        Operation::RemoveServer => made::remove(server, call, EntityKind::Server).await,
        Operation::ListConfiguredRegions => document(Question::Entities(EntityKind::Region)).await,
        Operation::ReadRegion => made::read(server, call, EntityKind::Region).await,
        Operation::MakeRegion => made::put(server, call, EntityKind::Region).await,
        Operation::RemoveRegion => made::remove(server, call, EntityKind::Region).await,
        Operation::ListMappings => document(Question::Entities(EntityKind::Mapping)).await,
        Operation::ReadMapping => made::read(server, call, EntityKind::Mapping).await,
        Operation::MakeMapping => made::put(server, call, EntityKind::Mapping).await,
        Operation::RemoveMapping => made::remove(server, call, EntityKind::Mapping).await,
        Operation::BackUp => made::back_up(server, call).await,
        Operation::ListLatency => latency::page(server, call).await,
        Operation::ExportLatency => latency::export(server, call).await,
        Operation::ReportLatency => reports::take(server, call).await,
        Operation::WatchDecisions => decisions::watch(server, call),
        Operation::ListBackends => document(Question::Backends).await,
        Operation::ListAgents => document(Question::Agents).await,
        Operation::ListPeers => document(Question::Peers).await,
        Operation::ListSources => document(Question::Sources).await,
        Operation::ListAudit => document(Question::Audit).await,
        Operation::SetOverride => operator::set_override(server, call).await,
        Operation::ClearOverride => operator::clear_override(server, call).await,
        Operation::BeginDrain => operator::drain(server, call, true).await,
        Operation::EndDrain => operator::drain(server, call, false).await,
        Operation::ApproveAgent => operator::approve(server, call).await,
        Operation::RevokeAgent => operator::revoke(server, call).await,
        Operation::AcceptAgent => operator::accept(server, call).await,
        Operation::ForgetAgent => operator::forget(server, call).await,
        Operation::ForgetSource => operator::forget_source(server, call).await,
        Operation::TestGeography => document(Question::Locate(call.required("address")?)).await,
        Operation::Explain => by_hand::explain(server, call).await,
        Operation::ListPins => document(Question::Pins).await,
        Operation::SetPin => by_hand::pin(server, call).await,
        Operation::ClearPin => by_hand::unpin(server, call).await,
        Operation::ListRegions => document(Question::Regions).await,
        Operation::DrainRegion => by_hand::drain(server, call).await,
        Operation::UndrainRegion => by_hand::undrain(server, call).await,
        Operation::ListLearning => document(Question::Learning).await,
        Operation::FreezeLearning => by_hand::freeze(server, call, true).await,
        Operation::ThawLearning => by_hand::freeze(server, call, false).await,
        Operation::SetExploration => by_hand::explore(server, call).await,
        Operation::ListResolvers => document(Question::Resolvers).await,
        Operation::SetResolvers => by_hand::set_weights(server, call).await,
        Operation::ClearResolvers => by_hand::clear_weights(server, call).await,
        Operation::ListSignedZones => document(Question::SignedZones).await,
        Operation::ListDsRecords => document(Question::DsRecords(call.part("zone")?)).await,
        Operation::RollKeys => keys::roll(server, call).await,
        Operation::ConfirmDs => keys::ds_seen(server, call).await,
        Operation::ExportKeys => keys::export(server, call).await,
        Operation::ImportKeys => keys::import(server, call).await,
        Operation::ListTokens => document(Question::Tokens).await,
        Operation::CreateToken => tokens::create(server, call).await,
        Operation::RevokeToken => tokens::revoke(server, call).await,
    }
}
