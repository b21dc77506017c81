//! The checked tree to the settings.
//!
//! Runs only on what has no fault, so there is nothing left to judge: each function reads the keys
//! of its section, and `None` means that the table and the settings do not fit each other.

mod check;

mod agent;

mod overwatch;

mod domain;

use zone::Zones;

use crate::section::Section;
use crate::settings::{
    Config, LogFormat, LogLevel, LoggingSettings, MetricsSettings, Mode, ModeName, SandboxSettings,
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
        sandbox: SandboxSettings { is_enabled: root.section("sandbox").get("enabled")? },
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
