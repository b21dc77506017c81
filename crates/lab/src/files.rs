//! Where things lie inside a lab, and where labs lie outside.
//!
//! Outside there is one directory a lab with a note about its processes. Inside the lab's mount
//! namespace a file system in memory covers that directory and holds all the rest, so it is gone
//! with the last process.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::sys::process;
use crate::topology::Topology;

/// A directory without a note may be a lab that starts right now; after this long it is not.
const START_MAX: Duration = Duration::from_secs(60);
/// The note's file name; outside.
const RECORD: &str = "lab.json";
/// What the supervisor and its children have to say when something goes wrong; outside.
pub(crate) const SUPERVISOR_LOG: &str = "supervisor.log";

/// The files inside a lab.
#[derive(Clone, Debug)]
pub(crate) struct Layout(PathBuf);

impl Layout {
    pub(crate) fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    pub(crate) fn bin(&self) -> PathBuf {
        self.0.join("bin")
    }

    /// The binary that runs everything here.
    pub(crate) fn binary(&self) -> PathBuf {
        self.bin().join("opengslb")
    }

    pub(crate) fn host(&self, name: &str) -> PathBuf {
        self.0.join("hosts").join(name)
    }

    pub(crate) fn config(&self, name: &str) -> PathBuf {
        self.host(name).join("opengslb.yaml")
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.host(name).join("opengslb.log")
    }

    /// What the daemon keeps: keys, store.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.host(name).join("state")
    }

    /// Where `systemctl` asks for the daemon to be stopped and started.
    pub(crate) fn control(&self, name: &str) -> PathBuf {
        self.host(name).join("control.sock")
    }

    /// Where the relay takes orders about ways.
    pub(crate) fn relay(&self) -> PathBuf {
        self.0.join("relay.sock")
    }

    /// Where the daemon answers its own user; seen from outside too.
    pub(crate) fn api(&self, name: &str) -> PathBuf {
        self.state(name).join("control.sock")
    }

    /// The host's network namespace, as a file.
    pub(crate) fn net(&self, name: &str) -> PathBuf {
        self.host(name).join("net")
    }

    /// The host's name, as a namespace and a file.
    pub(crate) fn uts(&self, name: &str) -> PathBuf {
        self.host(name).join("uts")
    }
}

/// The topology of the lab in `directory`.
pub(crate) fn read_topology(directory: &Path) -> anyhow::Result<Topology> {
    let path = directory.join("topology.yaml");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.parse()?)
}

/// Writes the topology where [`read_topology`] looks.
pub(crate) fn write_topology(directory: &Path, text: &str) -> io::Result<()> {
    std::fs::write(directory.join("topology.yaml"), text)
}

/// What is known outside about a lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) name: String,
    /// The supervisor: ending it ends the lab.
    pub(crate) supervisor: u32,
    /// When the supervisor was started, in the kernel's ticks: tells a reused id.
    pub(crate) supervisor_started: u64,
    /// The first process inside.
    pub(crate) init: u32,
}

/// A lab that is up.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    pub(crate) directory: PathBuf,
    pub(crate) record: Record,
}

impl Lab {
    /// A path inside, as it is reached from outside.
    pub(crate) fn seen_from_outside(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.record.init));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }

    pub(crate) fn topology(&self) -> anyhow::Result<Topology> {
        read_topology(&self.directory)
    }

    pub(crate) fn write_record(&self) -> anyhow::Result<()> {
        let text = serde_json::to_string(&self.record)?;
        std::fs::write(self.directory.join(RECORD), text).context("noting the lab's processes")
    }
}

/// The directory of all labs of this user; it need not exist.
fn base() -> PathBuf {
    let user = process::user_id();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    // Root's agents run as another user, who could not pass through root's runtime directory.
    let runtime = runtime.filter(|runtime| user != 0 && runtime.is_dir());
    runtime.map_or_else(
        || PathBuf::from(format!("/tmp/opengslb-lab-{user}")),
        |runtime| runtime.join("opengslb-lab"),
    )
}

/// The directory of all labs of this user, made if need be.
pub(crate) fn make_base() -> anyhow::Result<PathBuf> {
    let (base, user) = (base(), process::user_id());
    match std::fs::DirBuilder::new().mode(0o711).create(&base) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("making {}", base.display()));
        }
        _ => {}
    }
    // Somebody else could have made it first.
    let found = std::fs::symlink_metadata(&base)?;
    if !found.is_dir() || found.uid() != user || found.permissions().mode() & 0o022 != 0 {
        bail!("{} belongs to somebody else; remove it, then try again", base.display());
    }
    Ok(base)
}

/// All labs that are up, by name. What a killed supervisor left behind is removed.
pub(crate) fn labs() -> anyhow::Result<Vec<Lab>> {
    let entries = match std::fs::read_dir(base()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("reading {}", base().display()))?,
    };
    let mut labs = Vec::new();
    for entry in entries {
        let directory = entry?.path();
        if directory.is_dir() {
            labs.extend(find(directory));
        }
    }
    // Fails while anything is in it.
    let _ = std::fs::remove_dir(base());
    labs.sort_by(|a, b| a.record.name.cmp(&b.record.name));
    Ok(labs)
}

fn find(directory: PathBuf) -> Option<Lab> {
    let record = std::fs::read_to_string(directory.join(RECORD)).ok();
    let record = record.and_then(|text| serde_json::from_str::<Record>(&text).ok());
    match record {
        Some(record) if started_at(record.supervisor) == Some(record.supervisor_started) => {
            return Some(Lab { directory, record });
        }
        Some(_) => {}
        None => {
            let age = std::fs::metadata(&directory).ok()?.modified().ok()?.elapsed().ok();
            // Kept logs are somebody's; only what looks like a lab is removed.
            let lab = directory.join("topology.yaml").exists();
            if !lab || age.is_none_or(|age| age < START_MAX) {
                return None;
            }
        }
    }
    let _ = std::fs::remove_dir_all(&directory);
    None
}

/// When a process was started, in ticks since boot (proc(5), `/proc/pid/stat`, field 22).
pub(crate) fn started_at(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is in parentheses and may hold anything, so counting begins behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ended = fields.next()?.starts_with('Z');
    fields.nth(18)?.parse().ok().filter(|_| !ended)
}

/// The lab called `name`, or the only one there is.
pub(crate) fn pick(name: Option<&str>) -> anyhow::Result<Lab> {
    let mut labs = labs()?;
    if let Some(name) = name {
        let found = labs.into_iter().find(|lab| lab.record.name == name);
        return found.with_context(|| format!("no lab {name:?} is up; see `opengslb lab list`"));
    }
    match (labs.pop(), labs.len()) {
        (None, _) => bail!("no lab is up; start one with `opengslb lab up`"),
        (Some(lab), 0) => Ok(lab),
        _ => bail!("several labs are up; say which with --lab NAME (see `opengslb lab list`)"),
    }
}
