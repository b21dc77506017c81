//! The first results of checks, before the first answer: a server that is down at the start is in no
//! answer.

use std::time::Duration;

use model::BackendKey;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::info;

use super::Process;
use crate::probe::ProbeResult;

/// How long the first answer waits for them. Two seconds: ten thousand checks have begun by then, and
/// every server that answers has. Whoever starts a name server waits no longer; what has said nothing
/// by then is taken as if it were not checked.
const FIRST_RESULTS: Duration = Duration::from_secs(2);

impl Process {
    /// Waits until every check has said something once, where nothing is known from before a restart.
    pub(super) async fn hear_first_results(
        &mut self,
        checked: &mut mpsc::Receiver<ProbeResult<BackendKey>>,
    ) {
        let deadline = Instant::now() + FIRST_RESULTS;
        let mut awaited = self.node.unchecked();
        while !awaited.is_empty() {
            let Ok(Some(result)) = timeout_at(deadline, checked.recv()).await else {
                info!("{} servers have not answered their first check yet", awaited.len());
                return;
            };
            awaited.remove(&result.key);
            self.on_checked(result);
        }
    }
}
