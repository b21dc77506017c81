//! How things stand with etcd, and what is said of that. Must never decide anything.

use model::Time;

use super::super::super::numbers::Shared;
use super::Sharing;

/// How things stand with etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Standing {
    /// All that is there is known here.
    InStep,
    /// It is not followed.
    Away {
        /// Since when.
        since: Time,
        /// Why.
        why: String,
    },
}

/// What happened so far. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::process) struct SharingCounters {
    /// Changes of this overwatch that were taken.
    pub(in crate::process) done: u64,
    /// Those that another one was first at.
    pub(in crate::process) lost: u64,
    /// Those that were refused since etcd was not there.
    pub(in crate::process) refused: u64,
    /// Rows that others changed.
    pub(in crate::process) heard: u64,
}

impl Sharing {
    /// What is said of etcd where something asks: a line, and whether all is well.
    pub(in super::super) fn status(&self) -> api::status::SharedStore {
        let holder = self.lease.is_some();
        match &self.standing {
            Standing::InStep => {
                api::status::SharedStore { in_step: true, since: None, why: None, holder }
            }
            Standing::Away { since, why } => api::status::SharedStore {
                in_step: false,
                since: Some(since.to_rfc3339()),
                why: Some(why.clone()),
                holder,
            },
        }
    }

    /// What is counted, for the page of metrics.
    pub(in super::super) fn numbers(&self) -> Shared {
        Shared {
            is_in_step: self.standing == Standing::InStep,
            is_holder: self.lease.is_some(),
            revision: self.known.revision(),
            counters: self.counters,
        }
    }

    /// Why nothing can be changed now.
    pub(super) fn refusal(&self) -> Option<String> {
        match &self.standing {
            Standing::InStep => None,
            Standing::Away { since, why } => Some(format!(
                "nothing was changed: etcd is not reached since {}: {why}. Answers go on by what is known",
                since.to_rfc3339()
            )),
        }
    }
}
