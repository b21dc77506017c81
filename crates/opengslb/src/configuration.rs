//! Reads the configuration file and what `config` wants to know about it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use config::{Checked, Config, Given, Made, ModeName};
use runtime::process::reload::{Files, Reread};

/// A configuration without faults.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What somebody should know.
    pub warnings: Vec<String>,
    /// What is wrong where others may read the file: only a process that runs on its secrets
    /// minds.
    pub exposed: Option<String>,
    /// The settings in force as YAML, secrets hidden.
    pub effective: String,
    /// The texts, to be checked again with what is made through the API.
    pub files: Files,
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
pub fn load(path: &Path, mode: Option<ModeName>) -> Result<Loaded, Vec<String>> {
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
    let texts = Texts { name, text, mode, zone_files: Mutex::default() };
    match texts.check(&Made::none()) {
        Ok(Checked { config, warnings, effective, .. }) => {
            let warnings = lines(&warnings);
            let files = Files::new(move |made| {
                let Checked { config, warnings, entities, .. } = texts.check(made)?;
                Ok(Reread { config, warnings: lines(&warnings), entities })
            });
            Ok(Loaded { config, warnings, exposed, effective, files })
        }
        Err(faults) => Err(lines(&faults)),
    }
}

fn lines(faults: &[config::Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// The texts of a configuration: each is read once, however often they are checked.
struct Texts {
    name: String,
    text: String,
    mode: Option<ModeName>,
    /// By path, as far as they were asked for.
    zone_files: Mutex<BTreeMap<String, Result<String, String>>>,
}

impl Texts {
    fn check(&self, made: &Made) -> Result<Checked, Vec<config::Fault>> {
        let host_name = host_name();
        let read = |path: &str| {
            // Who panicked left the texts as they were.
            let mut known = self.zone_files.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(path.to_owned()).or_insert_with(|| read_zone_file(path)).clone()
        };
        let (file_name, mode) = (self.name.as_str(), self.mode);
        let given = Given { file_name, mode, host_name: &host_name, read_zone_file: &read };
        config::load_with(&self.text, made, &given)
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
