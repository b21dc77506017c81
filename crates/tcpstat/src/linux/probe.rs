//! Which sources this kernel really has: both are tried, none is inferred from a version.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use super::dump::Dump;
use super::kernel::Kernel;
use crate::{CollectError, Sources, Unavailable};

/// How long one wait for the announcement of the test socket takes, and how many there are: a
/// signal may end a wait early. The kernel takes well under a millisecond, and the wait ends with
/// the announcement; only a kernel that announces nothing costs the whole second.
const WAIT: Duration = Duration::from_millis(250);
const WAITS: u32 = 4;

/// Finds out which sources work here, as the user that runs this, in the way that this kernel is asked.
///
/// Closes one listener on a port of loopback and waits for its announcement, for a kernel without
/// tcp_diag lets anyone join the groups and then says nothing. So this takes up to a second where
/// destroy events are missing. Sends no packet.
#[must_use]
pub(super) fn probe(kernel: &Kernel) -> Sources {
    Sources {
        destroy_events: probe_destroy_events(kernel),
        dump: Dump::open().map(drop).map_err(Unavailable::Failed),
        // `tcp_info` always holds them.
        ipv4_times: Ok(()),
        ipv6_times: Ok(()),
    }
}

fn probe_destroy_events(kernel: &Kernel) -> Result<(), Unavailable> {
    let listener = bind_test_listener().map_err(Unavailable::Failed)?;
    let port = listener.local_addr().map_err(cannot_bind).map_err(Unavailable::Failed)?.port();
    let ports = BTreeSet::from([port]);
    let mut events = kernel.destroy_events(&ports).map_err(Unavailable::Failed)?;
    drop(listener);
    for _ in 0..WAITS {
        let received = events.receive(WAIT, &mut Vec::new()).map_err(Unavailable::Failed)?;
        if received.events > 0 {
            return Ok(());
        }
    }
    let waited_ms = u64::try_from((WAIT * WAITS).as_millis()).unwrap_or(u64::MAX);
    Err(Unavailable::NotAnnounced { waited_ms })
}

/// On loopback; where that is down, as in a new network namespace, on no address in particular.
fn bind_test_listener() -> Result<TcpListener, CollectError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))
        .map_err(cannot_bind)
}

const fn cannot_bind(source: io::Error) -> CollectError {
    CollectError::Call { action: "open a test socket", source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_has_both() {
        let sources = probe(&Kernel::new());
        assert!(sources.any());
        assert_eq!(sources.to_string(), "destroy events active; dump active");
    }
}
