//! `dnsperf` of DNS-OARC, which asks as fast as it is answered, beside the test's own clients. It counts
//! what it does not get; which answers are right it cannot know.

use std::fmt;
use std::io::Read as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;

/// Longer than any test takes: it is ended by a signal.
const SECONDS_MAX: &str = "3600";
/// Each client has a socket, so a port, so one of the server's sockets.
const CLIENTS: &str = "8";
/// Outstanding at once: its own default, said because it bounds what waits in the server's sockets.
const OUTSTANDING: &str = "100";
/// A question without an answer is lost after so long.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(5);
/// Questions a second where the server is a debug build that shares the machine with other tests.
const RATE_OF_DEBUG: &str = "2000";
/// The asker's network is told as 10.1.2.0/24 (RFC 7871): option 8, and its bytes in hexadecimal.
const CLIENT_NETWORK: &str = "8:000118000a0102";
/// So many names that are not there, so that denials are asked for that were not signed before.
const ABSENT: usize = 500;

/// A running one.
pub(crate) struct Dnsperf {
    child: Child,
    _questions: NamedTempFile,
}

/// What it printed at its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) sent: u64,
    pub(crate) completed: u64,
    pub(crate) lost: u64,
    /// Under way when it was ended.
    pub(crate) interrupted: u64,
    /// The response codes there were.
    pub(crate) rcodes: String,
}

impl Dnsperf {
    /// Asks for what stands in the zone, for what is steered, and for what is not there, with
    /// signatures. `None`, loudly, where there is no such program.
    pub(crate) fn start(server: SocketAddr, is_whole: bool) -> Option<Self> {
        if Command::new("dnsperf")
            .arg("-h")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_err()
        {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has to run dnsperf");
            crate::report("SKIPPED: dnsperf is missing; only the test's own clients ask");
            return None;
        }
        let mut lines = String::new();
        for number in 0..ABSENT {
            lines += &format!("app.test A\nwww.test A\napp.test A\nno-{number}.test A\n");
        }
        let questions = NamedTempFile::new().unwrap();
        std::fs::write(questions.path(), lines).unwrap();
        let (address, port) = (server.ip().to_string(), server.port().to_string());
        let mut command = Command::new("dnsperf");
        command.args(["-s", &address, "-p", &port, "-l", SECONDS_MAX, "-c", CLIENTS]);
        command.args(["-t", &LOST_AFTER.as_secs().to_string()]);
        command.args(["-q", OUTSTANDING, "-D", "-E", CLIENT_NETWORK, "-d"]).arg(questions.path());
        if !is_whole {
            command.args(["-Q", RATE_OF_DEBUG]);
        }
        // Statistics of its own each second: it prints nothing else before its end.
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Some(Self { child: child.spawn().unwrap(), _questions: questions })
    }

    /// Ends it; what it got.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Numbers {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let mut said = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        let count = |what: &str| -> Option<u64> {
            let line = said.lines().find_map(|line| line.trim().strip_prefix(what))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let needed = |what: &str| count(what).unwrap_or_else(|| panic!("no {what:?} in {said}"));
        let rcodes = said.lines().find_map(|line| line.trim().strip_prefix("Response codes:"));
        Numbers {
            sent: needed("Queries sent:"),
            completed: needed("Queries completed:"),
            lost: needed("Queries lost:"),
            interrupted: count("Queries interrupted:").unwrap_or(0),
            rcodes: rcodes.unwrap_or_default().trim().to_owned(),
        }
    }
}

impl Drop for Dnsperf {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, completed, lost, interrupted, rcodes } = self;
        write!(
            f,
            "dnsperf: {sent} queries sent, {completed} answered, {lost} lost, {interrupted} under way at \
             its end; {rcodes}"
        )
    }
}
