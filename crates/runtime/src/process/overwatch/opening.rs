//! What only one process can have: the addresses, and the store. From nobody, or from the process that
//! has them.
//!
//! Must never have the other process give up anything for a start that then fails for an address, or for
//! a file that is read later.

use std::path::Path;

use ::overwatch::Snapshot;
use config::OverwatchConfig;
use store::Store;
use tracing::warn;

use super::super::StartError;
use super::super::handover::taking::Taking;
use super::super::handover::wire::Expected;
use super::super::keeper::{Keeper, Keeping};
use super::super::sockets::{Early, Sockets, Wanted};
use super::STORE;
use super::dialling::Dialling;
use crate::etcd::Etcd;

/// What was had.
pub(super) struct Opened {
    pub(super) sockets: Sockets,
    /// Not open yet where another process answers still: see [`Taken::keeper`].
    pub(super) keeping: Keeping,
    pub(super) snapshot: Snapshot,
    /// The process that they are taken over from.
    pub(super) taken: Option<Taken>,
}

/// What a process is taken over with.
pub(super) struct Taken {
    pub(super) taking: Taking,
    /// The agents that it had.
    pub(super) agents: Vec<Expected>,
    /// The store. Nothing is written to it before this process answers: if it fails first, the other one finds
    /// what it left.
    pub(super) keeper: Keeper,
}

impl Opened {
    /// Has all of it, from the process that serves this directory if it is to be taken over from. What
    /// was opened early is used.
    pub(super) async fn have(
        is_taking_over: bool,
        wanted: Wanted,
        early: Vec<Early>,
        config: &OverwatchConfig,
    ) -> Result<Self, StartError> {
        let data = Path::new(&config.data_dir);
        let file = data.join(STORE);
        if !is_taking_over {
            // The store first: a second process by mistake is told what it is, and takes the place of no
            // local socket.
            let (store, snapshot) = open(&file)?;
            let sockets = Sockets::open(wanted, Vec::new(), early)?;
            let keeping = Keeping::Open(Keeper::start(store)?);
            return Ok(Self { sockets, keeping, snapshot, taken: None });
        }
        try_files(config)?;
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
        let agents = taking.baton().await?;
        let (store, snapshot) = open(&file)?;
        let (keeping, keeper) = (Keeping::Away(Vec::new()), Keeper::start(store)?);
        Ok(Self { sockets, keeping, snapshot, taken: Some(Taken { taking, agents, keeper }) })
    }
}

fn open(file: &Path) -> Result<(Store, Snapshot), StartError> {
    let (store, snapshot) = Store::open(file)?;
    if let Some(mended) = store.mended() {
        warn!("the store {}: {mended}", file.display());
    }
    Ok((store, snapshot))
}

/// Tries the files that are read once the other process has given up its own: etcd's certificates, and
/// the pins of other overwatches, to which that one may add until then.
fn try_files(config: &OverwatchConfig) -> Result<(), StartError> {
    let etcd = config.etcd.as_ref();
    let etcd = etcd.map(|settings| Etcd::new(settings, &config.identity.node_id));
    etcd.transpose().map_err(StartError::Etcd)?;
    Dialling::new(&config.identity.key_path)?;
    Ok(())
}
