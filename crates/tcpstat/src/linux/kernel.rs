//! The face of this system: each source stands on its own, so there is nothing to remember between
//! two calls.

use std::collections::BTreeSet;

use super::{DestroyEvents, Dump, probe};
use crate::{CollectError, Sources};

/// The kernel, as somebody to ask.
#[derive(Clone, Debug, Default)]
pub struct Kernel;

impl Kernel {
    /// Nothing is opened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    /// Finds out which sources work here, as the user that runs this. Takes up to a second where
    /// destroy events are missing.
    #[must_use]
    pub fn probe(&self) -> Sources {
        probe::probe()
    }

    /// Begins to listen about connections to these local ports.
    ///
    /// # Errors
    ///
    /// As [`DestroyEvents::open`].
    pub fn destroy_events(&self, ports: &BTreeSet<u16>) -> Result<DestroyEvents, CollectError> {
        DestroyEvents::open(ports)
    }

    /// Prepares to list connections.
    ///
    /// # Errors
    ///
    /// As [`Dump::open`].
    pub fn dump(&self) -> Result<Dump, CollectError> {
        Dump::open()
    }
}
