//! Reads the configuration file and what `config` wants to know about it.
//!
//! - `includes`: which files a pattern names.

mod includes;

use std::collections::BTreeMap;
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use config::{Checked, Config, Given, Included, Made, ModeName};
use runtime::process::reload::{Files, Reread};
use zeroize::Zeroizing;

/// A configuration without faults.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What somebody should know.
    pub warnings: Vec<String>,
    /// What is wrong where others may read the files: only a process that runs on their secrets
    /// minds.
    pub exposed: Vec<String>,
    /// The settings in force as YAML, secrets hidden.
    pub effective: String,
    /// The texts, to be checked again with what is made through the API.
    pub files: Files,
    /// Every path that they name, and their own.
    pub paths: Vec<PathBuf>,
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
    let (text, exposed) = read(&name, path).map_err(|why| unreadable(&why))?;
    let texts = Texts {
        name,
        text: Zeroizing::new(text),
        mode,
        included: Mutex::default(),
        zone_files: Mutex::default(),
    };
    match texts.check(&Made::none()) {
        Ok(Checked { config, warnings, effective, paths, .. }) => {
            let warnings = lines(&warnings);
            let exposed = exposed.into_iter().chain(texts.included().exposed.clone()).collect();
            let paths = paths.into_iter().map(PathBuf::from).chain([path.to_owned()]);
            let paths = paths.chain(texts.included().paths()).collect();
            let files = Files::new(move |made| {
                let Checked { config, warnings, entities, .. } = texts.check(made)?;
                Ok(Reread { config, warnings: lines(&warnings), entities })
            });
            Ok(Loaded { config, warnings, exposed, effective, files, paths })
        }
        Err(faults) => Err(lines(&faults)),
    }
}

/// The text of a file, and what is wrong where others may read it.
fn read(name: &str, path: &Path) -> Result<(String, Option<String>), String> {
    let text = || {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(std::io::Error::other("it is a directory"));
        }
        if metadata.len() > FILE_BYTES_MAX {
            let why = format!("it has more than {FILE_BYTES_MAX} bytes");
            return Err(std::io::Error::other(why));
        }
        let exposed = config::exposed_file(name, mode_of(&metadata));
        Ok((fs::read_to_string(path)?, exposed))
    };
    text().map_err(|error| error.to_string())
}

/// Who may read a file.
#[cfg(unix)]
fn mode_of(metadata: &fs::Metadata) -> u32 {
    metadata.permissions().mode()
}

/// Windows has no such bits: who may read a file is up to its directory.
#[cfg(not(unix))]
const fn mode_of(_metadata: &fs::Metadata) -> u32 {
    0o600
}

fn lines(faults: &[config::Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// The texts of a configuration: each is read once, however often they are checked.
struct Texts {
    name: String,
    /// There are secrets in it: wiped when it is dropped.
    text: Zeroizing<String>,
    mode: Option<ModeName>,
    /// The other files, as far as they were asked for.
    included: Mutex<IncludedFiles>,
    /// By path, as far as they were asked for.
    zone_files: Mutex<BTreeMap<String, Result<String, String>>>,
}

/// Files that others include.
#[derive(Default)]
struct IncludedFiles {
    /// By the file that includes them, and its pattern.
    found: BTreeMap<(String, String), Result<Vec<Included>, String>>,
    /// What is wrong where others may read them.
    exposed: Vec<String>,
}

impl IncludedFiles {
    /// Where they are, and where others may come.
    fn paths(&self) -> Vec<PathBuf> {
        let files = self.found.values().flatten().flatten();
        let files = files.map(|included| PathBuf::from(&included.name));
        let places = self.found.keys().map(|(file, pattern)| includes::place_of(file, pattern));
        places.chain(files).collect()
    }
}

impl Texts {
    /// Who panicked left the texts as they were.
    fn included(&self) -> MutexGuard<'_, IncludedFiles> {
        self.included.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a pattern in a file names; the same files and texts each time.
    fn find(&self, file: &str, pattern: &str) -> Result<Vec<Included>, String> {
        let mut included = self.included();
        let IncludedFiles { found, exposed } = &mut *included;
        let asked = (file.to_owned(), pattern.to_owned());
        let read = || {
            let read = |path: PathBuf| {
                let name = path.display().to_string();
                let (text, fault) = read(&name, &path).map_err(|why| format!("{name}: {why}"))?;
                exposed.extend(fault);
                Ok(Included { name, text: Zeroizing::new(text) })
            };
            includes::find(file, pattern)?.into_iter().map(read).collect()
        };
        found.entry(asked).or_insert_with(read).clone()
    }

    fn check(&self, made: &Made) -> Result<Checked, Vec<config::Fault>> {
        let host_name = host_name();
        let read = |path: &str| {
            // Who panicked left the texts as they were.
            let mut known = self.zone_files.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(path.to_owned()).or_insert_with(|| read_zone_file(path)).clone()
        };
        let (file_name, mode) = (self.name.as_str(), self.mode);
        let find = |file: &str, pattern: &str| self.find(file, pattern);
        let host_name = host_name.as_str();
        let given = Given { file_name, mode, host_name, read_zone_file: &read, includes: &find };
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
    let name = if cfg!(windows) {
        std::env::var("COMPUTERNAME").unwrap_or_default().to_lowercase()
    } else {
        fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default()
    };
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
