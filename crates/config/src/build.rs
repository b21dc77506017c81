//! The checked tree to the settings.
//!
//! Runs only on what has no fault, so there is nothing left to judge: each function reads the keys
//! of its section, and `None` means that the table and the settings do not fit each other.

mod agent;

mod overwatch;

mod domain;

use health::{CheckKind, CheckSpec, HttpCheck, StatusSet};
use zone::Zones;

use crate::section::Section;
use crate::settings::{
    Config, LogFormat, LogLevel, LoggingSettings, MetricsSettings, Mode, ModeName,
};

/// All settings of a process.
pub(crate) fn config(root: &Section, zones: Zones) -> Option<Config> {
    Some(Config {
        mode: match root.get("mode")? {
            ModeName::Agent => Mode::Agent(Box::new(agent::agent(root)?)),
            ModeName::Overwatch => Mode::Overwatch(Box::new(overwatch::overwatch(root, zones)?)),
        },
        logging: logging(root.section("logging"))?,
        metrics: metrics(root.section("metrics"))?,
    })
}

fn logging(section: &Section) -> Option<LoggingSettings> {
    let levels = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];
    let level = section.text("level")?;
    Some(LoggingSettings {
        level: levels.into_iter().find(|known| known.as_str() == level)?,
        format: match section.text("format")? {
            "json" => LogFormat::Json,
            "text" => LogFormat::Text,
            _ => return None,
        },
    })
}

fn metrics(section: &Section) -> Option<MetricsSettings> {
    let address = section.get("address")?;
    Some(MetricsSettings { address: section.get::<bool>("enabled")?.then_some(address) })
}

/// A `health_check`; `host` is what stands in for a host that it does not name.
fn check_spec(section: &Section, host: Option<&str>) -> Option<CheckSpec> {
    let sets = section.list::<StatusSet>("status")?;
    let http = HttpCheck {
        path: section.get("path")?,
        host: section.text("host").or(host).map(str::to_owned),
        status: sets.into_iter().fold(StatusSet::NONE, StatusSet::union),
    };
    Some(CheckSpec {
        kind: match section.text("type")? {
            "http" => CheckKind::Http(http),
            "https" => CheckKind::Https(http),
            "tcp" => CheckKind::Tcp,
            _ => return None,
        },
        interval_ms: section.ms("interval")?,
        timeout_ms: section.ms("timeout")?,
        failure_threshold: section.get("failure_threshold")?,
        success_threshold: section.get("success_threshold")?,
    })
}
