//! What the kernel gives a process at most, set at its start.
//!
//! - Open files (RLIMIT_NOFILE): as many as may be had. Each connection, check and session is one, and
//!   the usual 1,024 are for the sake of programs that use `select`. Their number is limited by ours.
//! - Cores (RLIMIT_CORE): none. Keys and tokens are in memory. Left as it is where the sandbox is off,
//!   for whoever looks for a fault.
//! - Locked memory (RLIMIT_MEMLOCK): left as it is; nothing is locked. Secrets are wiped when they are
//!   done with, and a machine that swaps should encrypt it.
//!
//! Must never lower what an operator gave on purpose, but for cores.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::debug;

/// The limits of this process from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open files; `None` where there is no limit.
    pub open_files: Option<u64>,
    /// Bytes of a core; `None` where there is no limit.
    pub core_bytes: Option<u64>,
}

/// Sets them, and says what holds now. `keeps_cores` leaves the limit of cores.
#[must_use]
pub fn set(keeps_cores: bool) -> Limits {
    if !keeps_cores {
        // The hard one too: what is started gets none either. Less is always allowed.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    let open_files = raise_open_files();
    Limits { open_files, core_bytes: getrlimit(Resource::Core).current }
}

/// Raises the limit of open files to the most that a process may give itself (the soft limit to the
/// hard one, getrlimit(2)); the limit from now on, `None` where there is none.
pub fn raise_open_files() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Where it is refused it stays as it was, which is what is told.
    if current != maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    getrlimit(Resource::Nofile).current
}

impl Limits {
    /// Says them in the log.
    pub fn tell(&self) {
        let said = |limit: Option<u64>| limit.map_or_else(|| "any".to_owned(), |n| n.to_string());
        let (files, core) = (said(self.open_files), said(self.core_bytes));
        debug!("limits: {files} open files for connections, {core} bytes of a core");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_raised_stays_so() {
        let raised = raise_open_files();
        assert_eq!(raise_open_files(), raised);
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let mut words = line.split_whitespace().skip(3);
        assert_eq!(words.next(), words.next(), "soft and hard: {line}");
    }
}
