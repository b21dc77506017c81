//! The checked settings: what a process runs on.
//!
//! Made only by [`crate::load`]. Every value is in range and every name that one part uses exists
//! in the other; whoever reads them need not check again. No setting has a default here.

pub mod agent;

pub mod overwatch;

pub use agent::{AgentBackend, AgentConfig, AgentIdentity, PredictiveSettings};
pub use overwatch::{
    AgentToken, ApiSecret, ApiSettings, ApiTls, ApiToken, DnsSettings, Enrolment, EtcdSettings,
    GeographySettings, LatencySource, OverwatchConfig, OverwatchIdentity, QueryLogSettings,
    SignedZone, StaleSettings, StaticServer, TcpSettings, ValidationSettings,
};

use crate::values::Listen;

/// All settings of one process.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which of the two this process is, with what only that one reads.
    pub mode: Mode,
    /// What is logged.
    pub logging: LoggingSettings,
    /// Where metrics are served.
    pub metrics: MetricsSettings,
    /// What the process forbids itself.
    pub sandbox: SandboxSettings,
}

/// The role of the process.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Reads RTTs beside the servers.
    Agent(Box<AgentConfig>),
    /// Answers DNS.
    Overwatch(Box<OverwatchConfig>),
}

/// The role's name, as in `mode:` and `--mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeName {
    /// `agent`.
    Agent,
    /// `overwatch`.
    Overwatch,
}

impl ModeName {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Overwatch => "overwatch",
        }
    }
}

impl std::str::FromStr for ModeName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Agent, Self::Overwatch].into_iter().find(|mode| mode.as_str() == text).ok_or(())
    }
}

/// `logging`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggingSettings {
    /// The least severe line that is written.
    pub level: LogLevel,
    /// How a line is written.
    pub format: LogFormat,
}

/// How severe a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// `debug`.
    Debug,
    /// `info`.
    Info,
    /// `warn`.
    Warn,
    /// `error`.
    Error,
}

impl LogLevel {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes and `grep`.
    Text,
    /// One JSON object a line.
    Json,
}

/// `metrics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsSettings {
    /// Where `/metrics` is served; `None` when it is off.
    pub address: Option<Listen>,
}

/// `sandbox`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SandboxSettings {
    /// Whether the process confines itself.
    pub is_enabled: bool,
}
