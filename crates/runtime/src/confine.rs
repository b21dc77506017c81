//! What a process forbids itself before it hears anybody: rights, files, calls. See decision 61.
//!
//! - `reach`: what could still be used without a right,
//! - `rights`: the user, capabilities, and that nothing can be gained or read from outside,
//! - `files`: Landlock,
//! - `calls`: seccomp.
//!
//! Done once, by the first thread, before there is another one: threads and programs inherit it, and
//! nobody gets it back. Must never end the process: what a kernel does not have is told, and left out.

#[cfg(target_os = "linux")]
mod reach;

#[cfg(target_os = "linux")]
mod rights;

#[cfg(target_os = "linux")]
mod files;

#[cfg(target_os = "linux")]
mod calls;

use std::path::PathBuf;
use std::sync::OnceLock;

use tracing::{info, warn};

/// What a process needs after its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Files, and directories with all below them, that it reads.
    pub readable: Vec<PathBuf>,
    /// Directories below which it writes and makes files and sockets. Whose the first one is, the
    /// process becomes, where it was started as root.
    pub writable: Vec<PathBuf>,
    /// Whether it starts programs of checks.
    pub runs_programs: bool,
    /// Whether it asks the kernel for larger buffers while it runs, where it may (CAP_NET_ADMIN).
    pub enlarges_buffers: bool,
    /// Whether it hears of other network namespaces (CAP_NET_BROADCAST).
    pub hears_all_namespaces: bool,
}

/// The parts of a sandbox, as metrics and the API name them.
pub const LAYERS: [&str; 5] = ["no_new_privs", "capabilities", "memory", "landlock", "seccomp"];

/// What is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    /// Of each of [`LAYERS`] whether it is.
    layers: [bool; LAYERS.len()],
    /// More about it, for the log.
    said: Vec<String>,
    /// Why something is not, or not wholly.
    missing: Vec<String>,
}

/// Of this process; nothing until it confined itself.
static IN_FORCE: OnceLock<InForce> = OnceLock::new();

/// What is in force in this process.
#[must_use]
pub fn in_force() -> &'static InForce {
    static NOTHING: InForce =
        InForce { layers: [false; LAYERS.len()], said: Vec::new(), missing: Vec::new() };
    IN_FORCE.get().unwrap_or(&NOTHING)
}

/// Confines this process to what it needs, as far as the kernel has the means. Once; by the only
/// thread.
pub fn confine(needs: &Needs) {
    #[cfg_attr(not(target_os = "linux"), expect(unused_mut, reason = "nothing is done elsewhere"))]
    let mut in_force = InForce::default();
    #[cfg(target_os = "linux")]
    {
        in_force.note(&[], rights::become_owner(needs));
        in_force.note(&["capabilities"], rights::drop_capabilities(needs));
        in_force.note(&["memory"], rights::hide_memory());
        in_force.note(&["no_new_privs"], rights::gain_nothing());
        in_force.note(&["landlock"], files::restrict(needs));
        in_force.note(&["seccomp"], calls::restrict(needs));
    }
    // Elsewhere there is nothing that this program knows of.
    #[cfg(not(target_os = "linux"))]
    let _ = needs;
    // A second time changes nothing that is in force.
    let _ = IN_FORCE.set(in_force);
}

impl InForce {
    /// Each layer, and whether it is in force.
    pub fn layers(&self) -> impl Iterator<Item = (&'static str, bool)> {
        LAYERS.into_iter().zip(self.layers)
    }

    /// Says in the log what is in force, in one line, and why something is not.
    pub fn tell(&self) {
        let words: Vec<&str> =
            self.layers().filter(|(_, is_in_force)| *is_in_force).map(|(word, _)| word).collect();
        if !words.is_empty() {
            info!("sandbox: {}; {}", words.join(", "), self.said.join("; "));
        }
        self.missing.iter().for_each(|why| warn!("sandbox: {why}"));
    }

    /// What came of one step.
    #[cfg(target_os = "linux")]
    fn note(&mut self, names: &[&str], done: Result<Done, String>) {
        let (is_in_force, said, missing) = match done {
            Ok(Done::Whole(said)) => (true, said, None),
            Ok(Done::Part(said, missing)) => (true, said, Some(missing)),
            Ok(Done::Nothing) => (false, None, None),
            Err(why) => (false, None, Some(why)),
        };
        for (name, layer) in LAYERS.iter().zip(&mut self.layers) {
            *layer |= is_in_force && names.contains(name);
        }
        self.said.extend(said);
        self.missing.extend(missing);
    }
}

/// How far a step came.
#[cfg(target_os = "linux")]
enum Done {
    /// As far as it goes; more about it.
    Whole(Option<String>),
    /// As far as this kernel goes: more about it, and what is missing.
    Part(Option<String>, String),
    /// There was nothing to do.
    Nothing,
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
