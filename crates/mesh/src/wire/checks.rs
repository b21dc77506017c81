//! Checks and strains as numbers and fields, both ways.
//!
//! The kinds that the first release knew stand in one field, the later ones in another: so a peer
//! that does not know a kind takes the backend as one that is not checked, and believes its agent.

use health::{
    CheckKind, CheckSpec, Dialogue, DnsCheck, GrpcCheck, HttpCheck, Rcode, Rtype, Signal,
};

use super::from_wire::invalid;
use crate::codec::FrameError;
use crate::frame::FrameKind;
use crate::wire;

/// The number of [`CheckKind::Tcp`] and [`CheckKind::Dialogue`], which the first release takes for
/// the former.
const TCP: u32 = 1;
/// The number of [`CheckKind::Http`].
const HTTP: u32 = 2;
/// The number of [`CheckKind::Https`].
const HTTPS: u32 = 3;
/// The number of [`CheckKind::Grpc`].
const GRPC: u32 = 4;
/// The number of [`CheckKind::Grpcs`].
const GRPCS: u32 = 5;
/// The number of [`CheckKind::Dns`].
const DNS: u32 = 6;

/// The two fields of an offer. A command has none: it is nobody else's to run.
pub(super) fn to_wire(
    spec: Option<&CheckSpec>,
) -> (Option<wire::CheckSpec>, Option<wire::CheckSpec>) {
    let Some(spec) = spec else { return (None, None) };
    let mut twin = wire::CheckSpec {
        interval_ms: spec.interval_ms,
        timeout_ms: spec.timeout_ms,
        failure_threshold: spec.failure_threshold,
        success_threshold: spec.success_threshold,
        ..wire::CheckSpec::default()
    };
    match &spec.kind {
        CheckKind::Tcp => twin.kind = TCP,
        CheckKind::Dialogue(Dialogue { send, expect }) => {
            twin.kind = TCP;
            (twin.send, twin.expect) = (send.clone(), expect.clone());
        }
        CheckKind::Http(http) => http_to_wire(HTTP, http, &mut twin),
        CheckKind::Https(http) => http_to_wire(HTTPS, http, &mut twin),
        CheckKind::Grpc(grpc) => grpc_to_wire(GRPC, grpc, &mut twin),
        CheckKind::Grpcs(grpc) => grpc_to_wire(GRPCS, grpc, &mut twin),
        CheckKind::Dns(dns) => {
            twin.kind = DNS;
            twin.dns = Some(wire::DnsCheck {
                name: dns.name.clone(),
                record_type: dns.record_type.to_int().into(),
                rcode: dns.rcode.to_int().into(),
                answer: dns.answer.clone(),
            });
        }
        CheckKind::Command(_) => return (None, None),
    }
    if twin.kind > HTTPS { (None, Some(twin)) } else { (Some(twin), None) }
}

fn http_to_wire(kind: u32, http: &HttpCheck, twin: &mut wire::CheckSpec) {
    twin.kind = kind;
    twin.path.clone_from(&http.path);
    twin.host.clone_from(&http.host);
    twin.server_name.clone_from(&http.server_name);
    twin.status = http.status.to_string();
    twin.body.clone_from(&http.body);
}

fn grpc_to_wire(kind: u32, grpc: &GrpcCheck, twin: &mut wire::CheckSpec) {
    twin.kind = kind;
    twin.host.clone_from(&grpc.host);
    twin.server_name.clone_from(&grpc.server_name);
    twin.grpc_service.clone_from(&grpc.service);
}

/// The check of an offer's two fields.
pub(super) fn from_wire(
    check: Option<wire::CheckSpec>,
    later: Option<wire::CheckSpec>,
) -> Result<Option<CheckSpec>, FrameError> {
    let wrong = |field| invalid(FrameKind::Registration, field);
    let (twin, kind) = match (check, later) {
        (Some(twin), _) => {
            let kind = early(&twin).ok_or(wrong("check.kind"))??;
            (twin, kind)
        }
        (None, Some(twin)) => match late(&twin) {
            Some(kind) => (twin, kind?),
            // Of a newer version than this.
            None => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    let wire::CheckSpec { interval_ms, timeout_ms, failure_threshold, success_threshold, .. } =
        twin;
    let spec = CheckSpec { kind, interval_ms, timeout_ms, failure_threshold, success_threshold };
    spec.validate().map_err(|_| wrong("check"))?;
    Ok(Some(spec))
}

/// A kind of the first release.
fn early(twin: &wire::CheckSpec) -> Option<Result<CheckKind, FrameError>> {
    Some(match twin.kind {
        TCP if twin.send.is_none() && twin.expect.is_none() => Ok(CheckKind::Tcp),
        TCP => {
            let (send, expect) = (twin.send.clone(), twin.expect.clone());
            Ok(CheckKind::Dialogue(Dialogue { send, expect }))
        }
        HTTP => http_of(twin).map(CheckKind::Http),
        HTTPS => http_of(twin).map(CheckKind::Https),
        _ => return None,
    })
}

/// A later kind.
fn late(twin: &wire::CheckSpec) -> Option<Result<CheckKind, FrameError>> {
    let grpc = || GrpcCheck {
        service: twin.grpc_service.clone(),
        host: twin.host.clone(),
        server_name: twin.server_name.clone(),
    };
    Some(match twin.kind {
        GRPC => Ok(CheckKind::Grpc(grpc())),
        GRPCS => Ok(CheckKind::Grpcs(grpc())),
        DNS => dns_of(twin).map(CheckKind::Dns),
        _ => return None,
    })
}

fn http_of(twin: &wire::CheckSpec) -> Result<HttpCheck, FrameError> {
    let status = twin.status.parse();
    Ok(HttpCheck {
        path: twin.path.clone(),
        host: twin.host.clone(),
        server_name: twin.server_name.clone(),
        status: status.map_err(|_| invalid(FrameKind::Registration, "check.status"))?,
        body: twin.body.clone(),
    })
}

fn dns_of(twin: &wire::CheckSpec) -> Result<DnsCheck, FrameError> {
    let wrong = || invalid(FrameKind::Registration, "check.dns");
    let dns = twin.dns.as_ref().ok_or_else(wrong)?;
    let record_type = u16::try_from(dns.record_type).map_err(|_| wrong())?;
    let rcode = u8::try_from(dns.rcode).ok().and_then(Rcode::checked_from_int);
    Ok(DnsCheck {
        name: dns.name.clone(),
        record_type: Rtype::from_int(record_type),
        rcode: rcode.ok_or_else(wrong)?,
        answer: dns.answer.clone(),
    })
}

/// The number of a signal.
pub(super) const fn number_of(signal: Signal) -> u32 {
    match signal {
        Signal::Cpu => 1,
        Signal::Memory => 2,
        Signal::Load => 3,
        Signal::ErrorRate => 4,
    }
}

/// The signal of a number; none for one of a newer version.
pub(super) fn signal_of(number: u32) -> Option<Signal> {
    Signal::ALL.into_iter().find(|signal| number_of(*signal) == number)
}
