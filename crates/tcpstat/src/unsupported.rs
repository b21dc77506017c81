//! Systems without a collector: the same face, and every call says so by name. Never pretends to
//! have read anything.

use std::collections::BTreeSet;
use std::time::Duration;

use model::Sample;

use crate::{CollectError, DumpStats, NoTimes, Received, Sources, Unavailable};

const fn unsupported() -> CollectError {
    CollectError::UnsupportedSystem { system: std::env::consts::OS }
}

/// A kernel that cannot be asked.
#[derive(Clone, Debug, Default)]
pub struct Kernel;

impl Kernel {
    /// Nobody to ask.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    /// There are no namespaces here.
    #[must_use]
    pub const fn hearing_all_namespaces(self) -> Self {
        self
    }

    /// Neither source.
    #[must_use]
    pub const fn probe(&self) -> Sources {
        Sources {
            destroy_events: Err(Unavailable::Failed(unsupported())),
            dump: Err(Unavailable::Failed(unsupported())),
            ipv4_times: Err(NoTimes::NotYetEnabled),
            ipv6_times: Err(NoTimes::NotYetEnabled),
        }
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always [`CollectError::UnsupportedSystem`].
    pub const fn destroy_events(
        &self,
        _ports: &BTreeSet<u16>,
    ) -> Result<DestroyEvents, CollectError> {
        Err(unsupported())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always [`CollectError::UnsupportedSystem`].
    pub const fn dump(&self) -> Result<Dump, CollectError> {
        Err(unsupported())
    }
}

/// Cannot be made here.
#[derive(Debug)]
pub enum DestroyEvents {}

impl DestroyEvents {
    /// Never called.
    ///
    /// # Errors
    ///
    /// None.
    pub const fn receive(
        &mut self,
        _timeout: Duration,
        _samples: &mut Vec<Sample>,
    ) -> Result<Received, CollectError> {
        match *self {}
    }

    /// Never called.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        match *self {}
    }
}

/// Cannot be made here.
#[derive(Debug)]
pub enum Dump {}

impl Dump {
    /// The most samples of one dump.
    pub const SAMPLES_MAX: usize = 0;

    /// Never called.
    ///
    /// # Errors
    ///
    /// None.
    pub const fn read(
        &mut self,
        _ports: &BTreeSet<u16>,
        _samples: &mut Vec<Sample>,
    ) -> Result<DumpStats, CollectError> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_that_there_is_no_collector() {
        let kernel = Kernel::new();
        let ports = BTreeSet::from([80]);
        let is_unsupported = |error| matches!(error, CollectError::UnsupportedSystem { .. });
        assert!(kernel.destroy_events(&ports).is_err_and(is_unsupported));
        assert!(kernel.dump().is_err_and(is_unsupported));
        assert!(!kernel.probe().any());
        let line = kernel.probe().to_string();
        assert!(
            line.contains("dump not active: it cannot be used: there is no collector"),
            "{line}"
        );
    }
}
