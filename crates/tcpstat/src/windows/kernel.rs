//! The face of this system: one watch for both sources, so that they name connections alike.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::functions::Functions;
use super::probe::probe;
use super::sources::{DestroyEvents, Dump};
use super::watch::Watch;
use crate::{CollectError, Sources};

/// The kernel, as somebody to ask. What it is asked through one of its clones, all remember: keep
/// one for the life of the process, or connections that stay open would be counted anew.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub(super) functions: Arc<Functions>,
    watch: Arc<Mutex<Watch>>,
}

impl Kernel {
    /// Looks up the system's functions.
    #[cfg(windows)]
    #[must_use]
    pub fn new() -> Self {
        Self::of(super::library::functions())
    }

    /// Asks these functions.
    #[must_use]
    pub fn of(functions: Functions) -> Self {
        Self { functions: Arc::new(functions), watch: Arc::new(Mutex::new(Watch::new())) }
    }

    /// There are no network namespaces here: all connections of the machine are listed anyway.
    #[must_use]
    pub const fn hearing_all_namespaces(self) -> Self {
        self
    }

    /// Finds out what there is: lists the connections, and has one of its own timed in each family.
    #[must_use]
    pub fn probe(&self) -> Sources {
        probe(&self.functions)
    }

    /// Begins to watch connections to these local ports.
    ///
    /// # Errors
    ///
    /// [`CollectError::NoTable`].
    pub fn destroy_events(&self, ports: &BTreeSet<u16>) -> Result<DestroyEvents, CollectError> {
        DestroyEvents::open(self.clone(), ports.clone())
    }

    /// Prepares to list connections.
    ///
    /// # Errors
    ///
    /// None; the first read tells.
    pub fn dump(&self) -> Result<Dump, CollectError> {
        Ok(Dump::of(self.clone()))
    }

    /// What is remembered. After a panic it is whole: each step leaves it so.
    pub(super) fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(windows)]
impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}
