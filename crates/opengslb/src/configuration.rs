//! Reads the configuration file and what `config` wants to know about it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use config::{Checked, Config, Given};

use crate::command_line::ModeArgument;

/// A configuration without faults.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) warnings: Vec<String>,
    /// What is wrong where others may read the file: only a process that runs on its secrets
    /// minds.
    pub(crate) exposed: Option<String>,
    /// The settings in force as YAML, secrets hidden.
    pub(crate) effective: String,
}

/// The longest file that is read: a configuration with a hundred thousand mappings has 10 MB.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The longest zone file that is read: some million records.
const ZONE_FILE_BYTES_MAX: u64 = 256 << 20;

/// Reads and checks a file and the zone files that it names.
///
/// # Errors
///
/// Everything that is wrong with it, a line each.
pub(crate) fn load(path: &Path, mode: Option<ModeArgument>) -> Result<Loaded, Vec<String>> {
    let name = path.display().to_string();
    let unreadable =
        |error: &dyn std::fmt::Display| vec![format!("{name}: cannot be read: {error}")];
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if metadata.is_dir() {
        return Err(unreadable(&"it is a directory"));
    }
    let exposed = config::exposed_file(&name, metadata.permissions().mode());
    if metadata.len() > FILE_BYTES_MAX {
        return Err(unreadable(&format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    let host_name = host_name();
    let mode = mode.map(Into::into);
    let given = Given { file_name: &name, mode, host_name: &host_name, read_zone_file };
    match config::load(&text, &given) {
        Ok(Checked { config, warnings, effective }) => {
            let warnings = warnings.iter().map(ToString::to_string).collect();
            Ok(Loaded { config, warnings, exposed, effective })
        }
        Err(faults) => Err(faults.iter().map(ToString::to_string).collect()),
    }
}

/// A zone file's text.
fn read_zone_file(path: &str) -> Result<String, String> {
    let text = || {
        let length = fs::metadata(path)?.len();
        if length > ZONE_FILE_BYTES_MAX {
            let why = format!("it has more than {ZONE_FILE_BYTES_MAX} bytes");
            return Err(std::io::Error::other(why));
        }
        fs::read_to_string(path)
    };
    text().map_err(|error| error.to_string())
}

/// What the kernel calls this machine.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
