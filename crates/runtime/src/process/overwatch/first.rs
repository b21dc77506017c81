//! The checks, and their first results, before the first answer: a server that is down at the start is in no
//! answer.

use std::time::Duration;

use model::BackendKey;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::info;

use super::super::StartError;
use super::{Process, QUEUE_EVENTS};
use crate::clock::Clock;
use crate::probe::{Checker, ProbeLimits, ProbeResult, Prober};

/// Checks of this overwatch: ten thousand targets, five hundred under way at a time.
const PROBE_LIMITS: ProbeLimits = ProbeLimits { targets_max: 10_000, in_flight_max: 512 };

/// How long the first answer waits for them. Two seconds: ten thousand checks have begun by then, and
/// every server that answers has. Whoever starts a name server waits no longer; what has said nothing
/// by then is taken as if it were not checked.
const FIRST_RESULTS: Duration = Duration::from_secs(2);

/// The thread of the checks, and where their results come out.
pub(super) fn checks(
    clock: Clock,
) -> Result<(Prober<BackendKey>, mpsc::Receiver<ProbeResult<BackendKey>>), StartError> {
    let (to_checked, checked) = mpsc::channel(QUEUE_EVENTS);
    let checker = Checker::new().map_err(StartError::CheckTls)?;
    let prober = Prober::start(checker, PROBE_LIMITS, clock, to_checked);
    Ok((prober.map_err(StartError::System)?, checked))
}

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
