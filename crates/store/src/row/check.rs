//! The check of a backend as a part of its row.
//!
//! What the first release knew stands in one field, in its form; what it did not know stands whole
//! in another, which it passes over. So a row can be read by either. A command is not kept: the only
//! place from which a program may be started is the configuration.

use health::{
    CheckKind, CheckSpec, Dialogue, DnsCheck, GrpcCheck, HttpCheck, Rcode, Rtype, StatusSet,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RowError;

/// A check in the form of the first release, or in the later one.
#[derive(Serialize, Deserialize)]
pub(super) struct CheckJson<Kind> {
    kind: Kind,
    interval_ms: u64,
    timeout_ms: u64,
    failure_threshold: u32,
    success_threshold: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KindJson {
    Tcp,
    Http { path: String, host: Option<String>, status: String },
    Https { path: String, host: Option<String>, status: String },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LaterKindJson {
    Tcp { send: Option<String>, expect: Option<String> },
    Http(HttpJson),
    Https(HttpJson),
    Grpc(GrpcJson),
    Grpcs(GrpcJson),
    Dns { name: String, record_type: u16, rcode: u8, answer: Option<String> },
}

#[derive(Serialize, Deserialize)]
struct HttpJson {
    path: String,
    host: Option<String>,
    server_name: Option<String>,
    status: String,
    body: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct GrpcJson {
    service: Option<String>,
    host: Option<String>,
    server_name: Option<String>,
}

/// The two fields of a row.
pub(super) fn write(
    spec: Option<&CheckSpec>,
) -> Result<(Option<CheckJson<KindJson>>, Option<Value>), RowError> {
    let Some(spec) = spec else { return Ok((None, None)) };
    let early = early_of(&spec.kind).map(|kind| with_times(kind, spec));
    let later = later_of(&spec.kind).map(|kind| serde_json::to_value(with_times(kind, spec)));
    Ok((early, later.transpose()?))
}

/// The check of a row's two fields. One of a kind that only a newer release knows is read as what
/// this one knows of it.
pub(super) fn read(
    early: Option<CheckJson<KindJson>>,
    later: Option<Value>,
) -> Result<Option<CheckSpec>, RowError> {
    let later = later.and_then(|later| serde_json::from_value(later).ok());
    let spec = match (later, early) {
        (Some(later), _) => with_kind(later, kind_of_later)?,
        (None, Some(early)) => with_kind(early, kind_of_early)?,
        (None, None) => return Ok(None),
    };
    spec.validate()?;
    Ok(Some(spec))
}

fn with_times<Kind>(kind: Kind, spec: &CheckSpec) -> CheckJson<Kind> {
    CheckJson {
        kind,
        interval_ms: spec.interval_ms,
        timeout_ms: spec.timeout_ms,
        failure_threshold: spec.failure_threshold,
        success_threshold: spec.success_threshold,
    }
}

fn with_kind<Kind>(
    json: CheckJson<Kind>,
    kind: impl Fn(Kind) -> Result<CheckKind, RowError>,
) -> Result<CheckSpec, RowError> {
    Ok(CheckSpec {
        kind: kind(json.kind)?,
        interval_ms: json.interval_ms,
        timeout_ms: json.timeout_ms,
        failure_threshold: json.failure_threshold,
        success_threshold: json.success_threshold,
    })
}

/// The nearest that the first release can run.
fn early_of(kind: &CheckKind) -> Option<KindJson> {
    let parts = |http: &HttpCheck| (http.path.clone(), http.host.clone(), http.status.to_string());
    match kind {
        CheckKind::Tcp | CheckKind::Dialogue(_) => Some(KindJson::Tcp),
        CheckKind::Http(http) => {
            let (path, host, status) = parts(http);
            Some(KindJson::Http { path, host, status })
        }
        CheckKind::Https(http) => {
            let (path, host, status) = parts(http);
            Some(KindJson::Https { path, host, status })
        }
        CheckKind::Grpc(_) | CheckKind::Grpcs(_) | CheckKind::Dns(_) | CheckKind::Command(_) => {
            None
        }
    }
}

/// What the first release could not say; nothing where it could.
fn later_of(kind: &CheckKind) -> Option<LaterKindJson> {
    let http = |http: &HttpCheck| {
        (http.server_name.is_some() || http.body.is_some()).then(|| HttpJson {
            path: http.path.clone(),
            host: http.host.clone(),
            server_name: http.server_name.clone(),
            status: http.status.to_string(),
            body: http.body.clone(),
        })
    };
    let grpc = |grpc: &GrpcCheck| {
        let GrpcCheck { service, host, server_name } = grpc.clone();
        GrpcJson { service, host, server_name }
    };
    match kind {
        CheckKind::Tcp | CheckKind::Command(_) => None,
        CheckKind::Dialogue(Dialogue { send, expect }) => {
            Some(LaterKindJson::Tcp { send: send.clone(), expect: expect.clone() })
        }
        CheckKind::Http(check) => http(check).map(LaterKindJson::Http),
        CheckKind::Https(check) => http(check).map(LaterKindJson::Https),
        CheckKind::Grpc(check) => Some(LaterKindJson::Grpc(grpc(check))),
        CheckKind::Grpcs(check) => Some(LaterKindJson::Grpcs(grpc(check))),
        CheckKind::Dns(DnsCheck { name, record_type, rcode, answer }) => Some(LaterKindJson::Dns {
            name: name.clone(),
            record_type: record_type.to_int(),
            rcode: rcode.to_int(),
            answer: answer.clone(),
        }),
    }
}

fn kind_of_early(kind: KindJson) -> Result<CheckKind, RowError> {
    let http = |path, host, status: String| -> Result<HttpCheck, RowError> {
        let status: StatusSet = status.parse()?;
        Ok(HttpCheck { path, host, server_name: None, status, body: None })
    };
    Ok(match kind {
        KindJson::Tcp => CheckKind::Tcp,
        KindJson::Http { path, host, status } => CheckKind::Http(http(path, host, status)?),
        KindJson::Https { path, host, status } => CheckKind::Https(http(path, host, status)?),
    })
}

fn kind_of_later(kind: LaterKindJson) -> Result<CheckKind, RowError> {
    let http = |json: HttpJson| -> Result<HttpCheck, RowError> {
        let HttpJson { path, host, server_name, status, body } = json;
        Ok(HttpCheck { path, host, server_name, status: status.parse()?, body })
    };
    let grpc = |json: GrpcJson| {
        let GrpcJson { service, host, server_name } = json;
        GrpcCheck { service, host, server_name }
    };
    Ok(match kind {
        LaterKindJson::Tcp { send, expect } => CheckKind::Dialogue(Dialogue { send, expect }),
        LaterKindJson::Http(json) => CheckKind::Http(http(json)?),
        LaterKindJson::Https(json) => CheckKind::Https(http(json)?),
        LaterKindJson::Grpc(json) => CheckKind::Grpc(grpc(json)),
        LaterKindJson::Grpcs(json) => CheckKind::Grpcs(grpc(json)),
        LaterKindJson::Dns { name, record_type, rcode, answer } => {
            let rcode = Rcode::checked_from_int(rcode).ok_or("an rcode above 15")?;
            CheckKind::Dns(DnsCheck {
                name,
                record_type: Rtype::from_int(record_type),
                rcode,
                answer,
            })
        }
    })
}
