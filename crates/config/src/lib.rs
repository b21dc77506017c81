//! A YAML file to checked settings, with all its faults at once.
//!
//! ```text
//! text -> tree -> old names moved -> with included files -> with what was made through the API
//!      -> checked against the table -> relations -> settings
//! ```
//!
//! In the order of the data:
//!
//! - `tree`: YAML to nodes that know their line and column,
//! - [`kind`]: what a value may be, with its limits,
//! - [`keys`]: the one table of keys,
//! - `old`: former names moved to their new place,
//! - [`mod@include`]: other files that a file names, laid into its tree,
//! - [`made`]: what operators made through the API, merged,
//! - `check`: the tree against the table, and the defaults,
//! - `suggest`: "did you mean",
//! - `gone`: keys of the former program, and what stands in their place,
//! - `section`: the tree after the check,
//! - `relations`: rules between keys,
//! - `checks`: those of one health check,
//! - `steering`: what each domain answers with, and its rules,
//! - `zones`: zone files and records to the zones that are served,
//! - `etcd`: rules of where several overwatches share what operators make,
//! - `signing`: which of them are signed, and when their keys change,
//! - `build`: the checked tree to the settings,
//! - [`settings`]: what a process runs on,
//! - [`values`]: forms of values that only configuration knows,
//! - `print`: the effective settings as YAML, for `--print-config`,
//! - [`reference`](mod@reference): the table as a page of documentation,
//! - [`fault`]: what is wrong, and where.
//!
//! Pure: reading files, their mode bits and the machine's name are the caller's. A secret leaves
//! this crate only through `expose()`.

#![forbid(unsafe_code)]

mod tree;

pub mod kind;

pub mod keys;

mod old;

pub mod include;

pub mod made;

mod check;

mod suggest;

mod gone;

mod section;

mod relations;

mod checks;

mod steering;

mod zones;

mod etcd;

mod signing;

mod build;

pub mod settings;

pub mod values;

mod print;

mod paths;

pub mod reference;

pub mod fault;

#[doc(hidden)]
pub mod fuzz;

pub use fault::{Fault, Position};
pub use include::{Included, no_includes};
pub use made::kept::KeptFault;
pub use made::merge::Entity;
pub use made::{EntityKind, EntityName, Made, MadeFault};
pub use settings::{
    AgentBackend, AgentConfig, AgentIdentity, AgentToken, ApiSecret, ApiSettings, ApiTls, ApiToken,
    Config, DnsSettings, Enrolment, EtcdSettings, GeographySettings, LatencySource, LogFormat,
    LogLevel, LoggingSettings, MetricsSettings, Mode, ModeName, OverwatchConfig, OverwatchIdentity,
    PredictiveSettings, QueryLogSettings, SandboxSettings, SignedZone, StaleSettings, StaticServer,
    TcpSettings, ValidationSettings,
};
pub use values::{
    CookieSecret, EtcdEndpoint, HostPort, Listen, MeshKey, Milliseconds, Secret, Sha256,
};

use fault::Faults;

/// What the caller knows and the file does not say.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The file's name, as faults show it.
    pub file_name: &'a str,
    /// `--mode`, which beats the file's `mode`.
    pub mode: Option<ModeName>,
    /// The machine's name: the default of `agent_id` and `node_id`.
    pub host_name: &'a str,
    /// Reads a zone file, by the path as the file says it; or says why not.
    pub read_zone_file: &'a dyn Fn(&str) -> Result<String, String>,
    /// Finds and reads the files that `include` names.
    pub includes: &'a include::Find<'a>,
}

impl std::fmt::Debug for Given<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").field("file_name", &self.file_name).finish_non_exhaustive()
    }
}

/// A file without a fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The settings.
    pub config: Config,
    /// What somebody should know: old names, tokens for nothing. Sorted by line.
    pub warnings: Vec<Fault>,
    /// The effective settings as YAML, defaults included, each secret as `***`.
    pub effective: String,
    /// What the API knows by name, whoever defined it. Sorted by kind and name.
    pub entities: Vec<Entity>,
    /// Every path that the settings name, defaults included: files, directories and sockets. Sorted.
    pub paths: Vec<String>,
}

/// Reads and checks a file.
///
/// # Errors
///
/// Everything that is wrong with it, sorted by line; never empty. A syntax error hides what
/// follows it.
pub fn load(text: &str, given: &Given<'_>) -> Result<Checked, Vec<Fault>> {
    load_with(text, &Made::none(), given)
}

/// Reads and checks a file together with what was made through the API.
///
/// # Errors
///
/// Everything that is wrong with the two together. A fault in something that was made names it.
pub fn load_with(text: &str, made: &Made, given: &Given<'_>) -> Result<Checked, Vec<Fault>> {
    let mut faults = Faults::new(given.file_name);
    match tree::parse(text, 0, &mut faults) {
        Some(root) => load_tree(root, made, given, faults),
        None => Err(faults.into_sorted().0),
    }
}

/// The JSON pointer (RFC 6901) to what a fault is about, in the settings of what was made; empty where
/// it is about all of them.
#[must_use]
pub fn pointer_to(fault: &Fault, made: &Made) -> String {
    let text = fault.made.as_ref().and_then(|name| made.get(name));
    let node = text.and_then(|text| tree::parse(text, fault.at.source, &mut Faults::new("")));
    node.and_then(|node| made::body::pointer(&node, fault.at)).unwrap_or_default()
}

/// Every step behind the parser.
fn load_tree(
    mut root: tree::Node,
    made: &Made,
    given: &Given<'_>,
    mut faults: Faults,
) -> Result<Checked, Vec<Fault>> {
    old::rename(&mut root, &mut faults);
    include::merge(&mut root, given.file_name, given.includes, &mut faults);
    let mode = mode(&mut root, given.mode);
    made::merge::merge(&mut root, made, &mut faults);
    let section = check::check(&root, mode, given.host_name, &mut faults);
    match mode {
        Some(ModeName::Agent) => relations::of_agent(&section, &mut faults),
        Some(ModeName::Overwatch) => relations::of_overwatch(&section, &mut faults),
        None => {}
    }
    // An agent has none, which is not looked at.
    let zones = zones::zones(&section, given.read_zone_file, &mut faults);
    if let Some(zones) = &zones {
        signing::check_records(&section, zones, &mut faults);
        signing::check_nested(&section, zones, &mut faults);
    }
    let config = zones.filter(|_| faults.is_clean()).and_then(|z| build::config(&section, z));
    let Some(config) = config else {
        if faults.is_clean() {
            let message = "the table of keys and the settings do not fit each other: a defect";
            faults.fault(Position::START, message.to_owned());
        }
        return Err(faults.into_sorted().0);
    };
    let entities = made::merge::entities(&root, made, &faults);
    let warnings = faults.into_sorted().1;
    let (effective, paths) = (print::print(&section), paths::paths(&section));
    Ok(Checked { config, warnings, effective, entities, paths })
}

/// The mode that decides what is read; the override is written into the tree. `None` where the
/// file's word is none of the two: the check says so.
fn mode(root: &mut tree::Node, given: Option<ModeName>) -> Option<ModeName> {
    let tree::Value::Map(entries) = &mut root.value else { return given };
    let entry = entries.iter_mut().find(|entry| entry.key == "mode");
    match (given, entry.map(|entry| &mut entry.node)) {
        (Some(given), Some(node)) => {
            node.value = tree::Value::Text(given.as_str().to_owned());
            Some(given)
        }
        (Some(given), None) => {
            let value = tree::Value::Text(given.as_str().to_owned());
            let node = tree::Node { at: Position::START, value };
            let key_at = Position::START;
            entries.push(tree::Entry { key: "mode".to_owned(), key_at, node });
            Some(given)
        }
        (None, Some(tree::Node { value: tree::Value::Text(text), .. })) => {
            text.to_ascii_lowercase().parse().ok()
        }
        (None, Some(tree::Node { value: tree::Value::Null, .. }) | None) => Some(DEFAULT_MODE),
        (None, Some(_)) => None,
    }
}

/// The table's own default for `mode`; a test holds the two together.
const DEFAULT_MODE: ModeName = ModeName::Overwatch;

/// What to say of a file whose mode bits let others read it; `None` where they do not.
///
/// The file holds secrets, so the process must refuse it. Windows has no such bits.
#[must_use]
pub fn exposed_file(file_name: &str, mode_bits: u32) -> Option<String> {
    /// Read permission for others (POSIX `S_IROTH`).
    const READ_BY_OTHERS: u32 = 0o004;
    (mode_bits & READ_BY_OTHERS != 0).then(|| {
        format!(
            "{file_name}: every user of this machine can read this file and the secrets in it: \
             chmod o-rwx {file_name}"
        )
    })
}

#[cfg(test)]
mod tests;
