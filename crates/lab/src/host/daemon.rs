//! The daemon of a host, as a service manager runs it: start, stop, watch, log.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::files::Layout;
use crate::plan;
use crate::sys::process;
use crate::topology::{Host, Role};

/// A daemon that does not end by then is killed; it asks for at most 10 s itself.
const STOP_MAX: Duration = Duration::from_secs(15);
/// An overwatch that does not listen by then is not waited for any longer.
const START_MAX: Duration = Duration::from_secs(10);
/// A daemon that lives this long has read its configuration.
const SETTLED: Duration = Duration::from_millis(150);
/// Of the log of a daemon that does not start, so much is shown.
const TAIL_LINES: usize = 12;
/// How often start and stop look.
const LOOK: Duration = Duration::from_millis(10);

/// The daemon of one host; traffic hosts have none.
pub(super) struct Daemon<'a> {
    layout: &'a Layout,
    host: &'a Host,
    child: Option<Child>,
    last_end: Option<String>,
}

impl<'a> Daemon<'a> {
    pub(super) const fn new(layout: &'a Layout, host: &'a Host) -> Self {
        Self { layout, host, child: None, last_end: None }
    }

    /// Starts it and waits until it serves: what comes next may rely on it.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        if self.host.role == Role::Traffic || self.child.is_some() {
            return Ok(());
        }
        // Before the daemon's own first line.
        self.note("starting opengslb");
        let log = self.log_file()?;
        let child = self
            .command()
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting the daemon")?;
        self.child = Some(child);
        self.last_end = None;
        self.wait_until_serving()
    }

    fn command(&self) -> Command {
        let (binary, config) = (self.layout.binary(), self.layout.config(&self.host.name));
        if self.host.role == Role::Overwatch {
            let mut command = Command::new(binary);
            command.arg("--config").arg(config).args(["--mode", "overwatch"]);
            return command;
        }
        let mut command = Command::new(&binary);
        command.args(["lab", "__unprivileged"]);
        command.arg(plan::agent_user().map_or_else(|| "same".into(), |user| user.to_string()));
        command.arg(binary).arg("--config").arg(config).args(["--mode", "agent"]);
        command
    }

    fn wait_until_serving(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            self.notice_end();
            if let Some(end) = &self.last_end {
                bail!("opengslb {end}; its log ends with\n{}", self.log_tail());
            }
            let serves = self.host.role != Role::Overwatch || dns_is_bound();
            if serves && began.elapsed() > SETTLED {
                return Ok(());
            }
            if began.elapsed() > START_MAX {
                // A configuration may choose another port.
                self.note("opengslb does not listen on UDP port 53");
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// SIGTERM, then, after a while, SIGKILL.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        let Some(child) = &mut self.child else { return Ok(()) };
        process::kill(child.id(), libc::SIGTERM)?;
        let began = Instant::now();
        while child.try_wait()?.is_none() {
            if began.elapsed() > STOP_MAX {
                child.kill()?;
                child.wait()?;
                self.child = None;
                self.note("opengslb did not end after SIGTERM and was killed");
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        self.child = None;
        self.note("stopped opengslb");
        Ok(())
    }

    /// As `systemctl kill -s SIGNAL`.
    pub(super) fn signal(&mut self, signal: libc::c_int) -> anyhow::Result<()> {
        let child = self.child.as_mut().context("opengslb is not running")?;
        process::kill(child.id(), signal)?;
        if signal == libc::SIGKILL {
            child.wait()?;
        }
        self.notice_end();
        Ok(())
    }

    /// Remembers and logs it if the daemon has ended by itself.
    pub(super) fn notice_end(&mut self) {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        if let Some(status) = ended {
            let end = format!("ended ({status})");
            self.note(&format!("opengslb {end}"));
            self.child = None;
            self.last_end = Some(end);
        }
    }

    /// For `systemctl status`: who it runs as and what it may do.
    pub(super) fn describe(&self) -> String {
        let Some(child) = &self.child else {
            let end = self.last_end.as_deref().unwrap_or("is stopped");
            return format!("inactive: opengslb {end}");
        };
        // Where a container hides parts of /proc, ours could not be mounted: the numbers there are
        // those of other processes.
        let own = std::fs::read_link("/proc/self").ok();
        let ours = own.is_some_and(|own| own.as_os_str() == &*std::process::id().to_string());
        let path = format!("/proc/{}/status", child.id());
        let status = ours.then(|| std::fs::read_to_string(path).unwrap_or_default());
        let wanted = ["Uid:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:"];
        let status = status.unwrap_or_default();
        let lines = status.lines().filter(|line| wanted.iter().any(|want| line.starts_with(want)));
        let lines: Vec<&str> = lines.collect();
        format!("active: opengslb runs as process {}\n{}", child.id(), lines.join("\n"))
    }

    fn log_file(&self) -> anyhow::Result<File> {
        let path = self.layout.log(&self.host.name);
        OpenOptions::new().append(true).create(true).open(path).context("opening the log")
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.layout.log(&self.host.name)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n")
    }

    /// The service manager's own line in the log.
    fn note(&self, text: &str) {
        if let Ok(mut log) = self.log_file() {
            let _ = writeln!(log, "lab: {text}");
        }
    }
}

/// Does anything in this network namespace listen on UDP port 53 (proc_net_udp: the second column
/// is address and port in hexadecimal)?
fn dns_is_bound() -> bool {
    ["/proc/self/net/udp", "/proc/self/net/udp6"].iter().any(|path| {
        let table = std::fs::read_to_string(path).unwrap_or_default();
        table
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .any(|l| l.ends_with(":0035"))
    })
}
