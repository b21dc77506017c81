//! The face of this system: each source stands on its own, so there is nothing to remember between
//! two calls.

use std::collections::BTreeSet;

use super::{DestroyEvents, Dump, probe};
use crate::{CollectError, Sources};

/// The kernel, as somebody to ask.
#[derive(Clone, Debug, Default)]
pub struct Kernel {
    /// What destroy events may take of its memory; `None`: as much as they would have.
    receive_buffer_bytes: Option<i32>,
    hears_all_namespaces: bool,
}

impl Kernel {
    /// Nothing is opened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { receive_buffer_bytes: None, hears_all_namespaces: false }
    }

    /// The same, whose destroy events also tell of other network namespaces: all that this one has an id
    /// for, as a node has for its containers'. Needs CAP_NET_BROADCAST. A dump lists this one's alone.
    #[must_use]
    pub const fn hearing_all_namespaces(self) -> Self {
        Self { hears_all_namespaces: true, ..self }
    }

    /// The same, on which destroy events get no more of a receive buffer than this: as on a machine
    /// whose `net.core.rmem_max` is that. For benches.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_receive_buffer(bytes: i32) -> Self {
        Self { receive_buffer_bytes: Some(bytes), hears_all_namespaces: false }
    }

    /// Finds out which sources work here, as the user that runs this. Takes up to a second where
    /// destroy events are missing.
    #[must_use]
    pub fn probe(&self) -> Sources {
        probe::probe(self)
    }

    /// Begins to listen about connections to these local ports.
    ///
    /// # Errors
    ///
    /// As [`DestroyEvents::open`].
    pub fn destroy_events(&self, ports: &BTreeSet<u16>) -> Result<DestroyEvents, CollectError> {
        match self.receive_buffer_bytes {
            _ if self.hears_all_namespaces => DestroyEvents::open_in_all_namespaces(ports),
            Some(bytes) => DestroyEvents::open_with_buffer(ports, bytes),
            None => DestroyEvents::open(ports),
        }
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
