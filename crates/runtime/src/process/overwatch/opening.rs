//! What only one process can have: the addresses, and the store. From nobody, or from the process that
//! has them.
//!
//! Must never have the other process give up anything for a start that then fails for an address.

use std::path::Path;

use ::overwatch::Snapshot;
use store::Store;

use super::super::StartError;
use super::super::handover::taking::Taking;
use super::super::handover::wire::Expected;
use super::super::sockets::{Early, Sockets, Wanted};
use super::STORE;

/// What was had.
pub(super) struct Opened {
    pub(super) sockets: Sockets,
    pub(super) store: Store,
    pub(super) snapshot: Snapshot,
    /// The process that they are taken over from, and its agents.
    pub(super) taken: Option<(Taking, Vec<Expected>)>,
}

impl Opened {
    /// Has all of it, from the process that serves this directory if it is to be taken over from. What
    /// was opened early is used.
    pub(super) async fn have(
        is_taking_over: bool,
        wanted: Wanted,
        early: Vec<Early>,
        data: &Path,
    ) -> Result<Self, StartError> {
        let file = data.join(STORE);
        if !is_taking_over {
            // The store first: a second process by mistake is told what it is, and takes the place of no
            // local socket.
            let (store, snapshot) = Store::open(&file)?;
            let sockets = Sockets::open(wanted, Vec::new(), early)?;
            return Ok(Self { sockets, store, snapshot, taken: None });
        }
        let (mut taking, passed) = Taking::begin(data).await?;
        let pid = taking.pid();
        let sockets = Sockets::open(wanted, passed, early).map_err(|error| {
            if error.is_address_in_use() {
                StartError::AddressOfOther { pid, source: Box::new(error) }
            } else {
                error
            }
        })?;
        // All that can go wrong before the other process gives up its store has not.
        let expected = taking.baton().await?;
        let (store, snapshot) = Store::open(&file)?;
        Ok(Self { sockets, store, snapshot, taken: Some((taking, expected)) })
    }
}
