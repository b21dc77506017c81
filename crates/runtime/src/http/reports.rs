//! Times that are reported from outside: read here, judged by the node.

use api::Kind;
use api::latency::{ENTRIES_MAX, LatencyReport, ReportKind, ReportedLatency};
use axum::response::Response;
use model::{Rtt, TokenName};
use overwatch::{OutsideFault, OutsideRow};

use super::call::Call;
use super::refusal::Refusal;
use super::{Question, Server};

pub(super) async fn take(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let LatencyReport { kind: ReportKind::LatencyReport, agent_id, entries } = call.body()?;
    // The gate lets nobody else in.
    let source = call.caller.source.clone().ok_or_else(Refusal::going_down)?;
    if agent_id.parse::<TokenName>().as_ref() != Ok(&source) {
        let detail = format!("agent_id: {agent_id:?}: whoever has this token is called {source}");
        return Err(Refusal::body(detail));
    }
    if entries.len() > ENTRIES_MAX {
        let detail = format!("entries: a report has at most {ENTRIES_MAX}: send several");
        return Err(Refusal::body(detail));
    }
    let read =
        |(at, entry)| row(entry).map_err(|why| Refusal::body(format!("entries[{at}].{why}")));
    let rows = entries.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    server.document(call, Question::Report { source, rows }).await
}

fn row(entry: ReportedLatency) -> Result<OutsideRow, String> {
    let ReportedLatency { subnet: network, rtt_ms, samples, region } = entry;
    let subnet = network.parse().map_err(|why| format!("subnet: {network:?}: {why}"))?;
    let region = region.map(|name| name.parse().map_err(|why| format!("region: {name:?}: {why}")));
    Ok(OutsideRow { region: region.transpose()?, subnet, rtt: rtt(rtt_ms)?, samples })
}

/// A time in milliseconds as it is kept, in whole microseconds.
fn rtt(ms: f64) -> Result<Rtt, String> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
    let us = (ms * 1_000.0).round() as u64;
    Rtt::from_us(us).map_err(|why| format!("rtt_ms: {ms}: {why}"))
}

/// As which kind of refusal a report is refused.
pub(super) const fn kind_of(fault: &OutsideFault) -> Kind {
    match fault {
        OutsideFault::Unknown(_) | OutsideFault::Region(_) => Kind::Forbidden,
        OutsideFault::WhichRegion(_) | OutsideFault::Twice { .. } | OutsideFault::Table(_) => {
            Kind::Body
        }
    }
}
