//! Systems without a collector: the same face, and every call says so by name. Never pretends to
//! have read anything.

use std::collections::BTreeSet;
use std::time::Duration;

use model::Sample;

use crate::{CollectError, DumpStats, Received, Sources, Unavailable};

const fn unsupported() -> CollectError {
    CollectError::UnsupportedSystem { system: std::env::consts::OS }
}

/// Neither source.
#[must_use]
pub const fn probe() -> Sources {
    Sources {
        destroy_events: Err(Unavailable::Failed(unsupported())),
        dump: Err(Unavailable::Failed(unsupported())),
    }
}

/// Cannot be made here.
#[derive(Debug)]
pub enum DestroyEvents {}

impl DestroyEvents {
    /// Fails.
    ///
    /// # Errors
    ///
    /// Always [`CollectError::UnsupportedSystem`].
    pub const fn open(_ports: &BTreeSet<u16>) -> Result<Self, CollectError> {
        Err(unsupported())
    }

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

    /// Never called.
    #[must_use]
    pub const fn buffer_bytes(&self) -> u64 {
        match *self {}
    }
}

/// Cannot be made here.
#[derive(Debug)]
pub enum Dump {}

impl Dump {
    /// The most samples of one dump.
    pub const SAMPLES_MAX: usize = 0;

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always [`CollectError::UnsupportedSystem`].
    pub const fn open() -> Result<Self, CollectError> {
        Err(unsupported())
    }

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
        assert!(matches!(
            DestroyEvents::open(&BTreeSet::from([80])),
            Err(CollectError::UnsupportedSystem { .. })
        ));
        assert!(matches!(Dump::open(), Err(CollectError::UnsupportedSystem { .. })));
        assert!(!probe().any());
        let line = probe().to_string();
        assert!(
            line.contains("dump not active: it cannot be used: there is no collector"),
            "{line}"
        );
    }
}
