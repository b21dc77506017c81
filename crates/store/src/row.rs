//! One record as a row of the file, and back.
//!
//! The rows are JSON so that a person can read them. These twins are the file's format: a change
//! that an older release cannot read, or that cannot read an older row, needs a new format version
//! (`store::FORMAT`). Fields that are not known are passed over.

mod check;

use std::net::IpAddr;

use health::{HeartbeatTerms, Standing};
use model::{Backend, BackendKey, Time};
use overwatch::{BackendRow, HealthRow, Pin, PinState, Source};
use serde::{Deserialize, Serialize};

use self::check::{CheckJson, KindJson};

/// Why a row means nothing.
pub(crate) type RowError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Serialize, Deserialize)]
struct KeyJson {
    service: String,
    address: IpAddr,
    port: u16,
}

#[derive(Serialize, Deserialize)]
struct BackendJson {
    key: KeyJson,
    region: String,
    weight: u32,
    source: SourceJson,
    check: Option<CheckJson<KindJson>>,
    /// What the first release did not know of checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    later_check: Option<serde_json::Value>,
    /// What an operator said it is.
    #[serde(default, rename = "override")]
    override_: Option<bool>,
    #[serde(default)]
    draining: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceJson {
    Config,
    Agent { id: String, heartbeat_interval_ms: u64, missed_threshold: u32 },
}

#[derive(Serialize, Deserialize)]
struct HealthJson {
    key: KeyJson,
    standing: StandingJson,
    since_ms: u64,
    last_up_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StandingJson {
    Up,
    Doubtful,
    Draining,
    Down,
}

#[derive(Serialize, Deserialize)]
struct PinJson {
    /// 64 hexadecimal digits.
    spki_sha256: String,
    state: PinStateJson,
    service: String,
    first_seen_ms: u64,
    blocked: Vec<KeyJson>,
    /// Absent where the agent is believed, and in rows of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held_since_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PinStateJson {
    Enrolled,
    Pending,
    Revoked,
}

/// The name of a backend's row.
pub(crate) fn name_of(key: &BackendKey) -> String {
    format!("{} {} {}", key.service, key.address, key.port)
}

pub(crate) fn write_backend(row: &BackendRow) -> Result<Vec<u8>, RowError> {
    let Backend { key, region, weight } = &row.backend;
    let (check, later_check) = check::write(row.check.as_ref())?;
    Ok(serde_json::to_vec(&BackendJson {
        key: key.into(),
        region: region.to_string(),
        weight: *weight,
        source: match &row.source {
            Source::Config => SourceJson::Config,
            Source::Agent { id, heartbeat } => SourceJson::Agent {
                id: id.to_string(),
                heartbeat_interval_ms: heartbeat.interval_ms,
                missed_threshold: heartbeat.missed_threshold,
            },
        },
        check,
        later_check,
        override_: row.override_,
        draining: row.is_draining,
    })?)
}

pub(crate) fn read_backend(bytes: &[u8]) -> Result<BackendRow, RowError> {
    let json: BackendJson = serde_json::from_slice(bytes)?;
    let source = match json.source {
        SourceJson::Config => Source::Config,
        SourceJson::Agent { id, heartbeat_interval_ms, missed_threshold } => Source::Agent {
            id: id.parse()?,
            heartbeat: HeartbeatTerms { interval_ms: heartbeat_interval_ms, missed_threshold },
        },
    };
    let (key, region, weight) = (json.key.try_into()?, json.region.parse()?, json.weight);
    Ok(BackendRow {
        backend: Backend { key, region, weight },
        source,
        check: check::read(json.check, json.later_check)?,
        override_: json.override_,
        is_draining: json.draining,
    })
}

pub(crate) fn write_health(key: &BackendKey, row: &HealthRow) -> Result<Vec<u8>, RowError> {
    Ok(serde_json::to_vec(&HealthJson {
        key: key.into(),
        standing: match row.standing {
            Standing::Up => StandingJson::Up,
            Standing::Doubtful => StandingJson::Doubtful,
            Standing::Draining => StandingJson::Draining,
            Standing::Down => StandingJson::Down,
        },
        since_ms: row.since.unix_ms(),
        last_up_ms: row.last_up.map(Time::unix_ms),
    })?)
}

pub(crate) fn read_health(bytes: &[u8]) -> Result<(BackendKey, HealthRow), RowError> {
    let json: HealthJson = serde_json::from_slice(bytes)?;
    let standing = match json.standing {
        StandingJson::Up => Standing::Up,
        StandingJson::Doubtful => Standing::Doubtful,
        StandingJson::Draining => Standing::Draining,
        StandingJson::Down => Standing::Down,
    };
    let since = Time::from_unix_ms(json.since_ms);
    let last_up = json.last_up_ms.map(Time::from_unix_ms);
    Ok((json.key.try_into()?, HealthRow { standing, since, last_up }))
}

pub(crate) fn write_pin(pin: &Pin) -> Result<Vec<u8>, RowError> {
    Ok(serde_json::to_vec(&PinJson {
        spki_sha256: pin.key.to_string(),
        state: match pin.state {
            PinState::Enrolled => PinStateJson::Enrolled,
            PinState::Pending => PinStateJson::Pending,
            PinState::Revoked => PinStateJson::Revoked,
        },
        service: pin.service.to_string(),
        first_seen_ms: pin.first_seen.unix_ms(),
        blocked: pin.blocked.iter().map(Into::into).collect(),
        held_since_ms: pin.held.map(Time::unix_ms),
    })?)
}

pub(crate) fn read_pin(bytes: &[u8]) -> Result<Pin, RowError> {
    let json: PinJson = serde_json::from_slice(bytes)?;
    let blocked: Result<_, RowError> = json.blocked.into_iter().map(TryInto::try_into).collect();
    Ok(Pin {
        key: json.spki_sha256.parse()?,
        state: match json.state {
            PinStateJson::Enrolled => PinState::Enrolled,
            PinStateJson::Pending => PinState::Pending,
            PinStateJson::Revoked => PinState::Revoked,
        },
        service: json.service.parse()?,
        first_seen: Time::from_unix_ms(json.first_seen_ms),
        blocked: blocked?,
        held: json.held_since_ms.map(Time::from_unix_ms),
    })
}

impl From<&BackendKey> for KeyJson {
    fn from(key: &BackendKey) -> Self {
        Self { service: key.service.to_string(), address: key.address, port: key.port }
    }
}

impl TryFrom<KeyJson> for BackendKey {
    type Error = RowError;

    fn try_from(json: KeyJson) -> Result<Self, RowError> {
        Ok(Self { service: json.service.parse()?, address: json.address, port: json.port })
    }
}

#[cfg(test)]
mod tests;
