//! What one call brought, in numbers, and which sources there are. Only counts; samples go their
//! own way.

use std::error::Error;
use std::fmt;

use crate::{NoTimes, Unavailable};

/// Which sources this system has. Displays as one log line.
#[derive(Debug)]
pub struct Sources {
    /// Announcements of closed connections.
    pub destroy_events: Result<(), Unavailable>,
    /// Lists of open connections.
    pub dump: Result<(), Unavailable>,
    /// Whether IPv4 connections come with their times. On Linux always.
    pub ipv4_times: Result<(), NoTimes>,
    /// The same of IPv6.
    pub ipv6_times: Result<(), NoTimes>,
}

/// What one [`crate::DestroyEvents::receive`] brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Messages that arrived.
    pub events: u64,
    /// Messages that became samples.
    pub samples: u64,
    /// Messages about sockets that were no connection of ours: listeners that closed, and where
    /// the kernel's filter was coarse, other ports.
    pub other_sockets: u64,
    /// Messages that could not be read. Always 0 unless a kernel speaks an unknown dialect.
    pub unreadable: u64,
}

/// What one [`crate::Dump::read`] brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DumpStats {
    /// Sockets that the kernel listed.
    pub sockets_seen: u64,
    /// Sockets that became samples.
    pub samples: u64,
    /// Sockets that could not be read. Always 0 unless a kernel speaks an unknown dialect.
    pub unreadable: u64,
    /// Sockets beyond [`crate::Dump::SAMPLES_MAX`], which were left out.
    pub over_limit: u64,
    /// The kernel's tables changed so much under the dump that some sockets may be missing
    /// (NLM_F_DUMP_INTR). What was read is true all the same.
    pub interrupted: bool,
    /// Sockets of these samples that came without their times: the system has not yet been asked
    /// to take them, or it will not. Always 0 on Linux.
    pub untimed: u64,
}

impl Sources {
    /// Whether there is any source at all.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.destroy_events.is_ok() || self.dump.is_ok()
    }

    /// Whether any connection is timed.
    #[must_use]
    pub const fn any_times(&self) -> bool {
        self.any() && (self.ipv4_times.is_ok() || self.ipv6_times.is_ok())
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_source(f, "destroy events", &self.destroy_events)?;
        f.write_str("; ")?;
        write_source(f, "dump", &self.dump)?;
        for (family, times) in [("IPv4", &self.ipv4_times), ("IPv6", &self.ipv6_times)] {
            if let Err(why) = times {
                write!(f, "; {family} connections without their times: {why}")?;
            }
        }
        Ok(())
    }
}

/// One source with the whole chain of causes: this line is where they are printed.
fn write_source(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    source: &Result<(), Unavailable>,
) -> fmt::Result {
    let Err(unavailable) = source else {
        return write!(f, "{name} active");
    };
    write!(f, "{name} not active: {unavailable}")?;
    let mut cause = unavailable.source();
    while let Some(error) = cause {
        write!(f, ": {error}")?;
        cause = error.source();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::{CollectError, FunctionAnswer};

    #[test]
    fn the_sources_are_one_line() {
        let denied = CollectError::Open(io::Error::other("not allowed"));
        let sources = Sources {
            destroy_events: Err(Unavailable::NotAnnounced { waited_ms: 1000 }),
            dump: Err(Unavailable::Failed(denied)),
            ipv4_times: Ok(()),
            ipv6_times: Ok(()),
        };
        assert!(!sources.any() && !sources.any_times());
        assert_eq!(
            sources.to_string(),
            "destroy events not active: a test socket was closed and not announced within 1000 ms \
             (is tcp_diag there? try: modprobe tcp_diag); dump not active: it cannot be used: \
             cannot open a netlink SOCK_DIAG socket (a sandbox may forbid it: with systemd, \
             RestrictAddressFamilies must name AF_NETLINK): not allowed"
        );
        let sources = Sources { dump: Ok(()), ..sources };
        assert!(sources.any() && sources.any_times(), "one is enough");
    }

    #[test]
    fn connections_without_their_times_are_said_apart() {
        let answer = FunctionAnswer::Missing;
        let function = "SetPerTcp6ConnectionEStats";
        let sources = Sources {
            destroy_events: Ok(()),
            dump: Ok(()),
            ipv4_times: Err(NoTimes::NotElevated),
            ipv6_times: Err(NoTimes::NotSupported { function, answer }),
        };
        assert!(sources.any() && !sources.any_times());
        assert_eq!(
            sources.to_string(),
            "destroy events active; dump active; IPv4 connections without their times: not \
             elevated: Windows times connections only for an administrator (run the service as \
             LocalSystem, or start the agent as administrator); IPv6 connections without their \
             times: not supported: SetPerTcp6ConnectionEStats is missing in iphlpapi.dll"
        );
    }
}
