//! A server's process: started, charged for its time, ended with the bench.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long a server may take to come up: loading a large map takes some of them a minute.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(50);
/// Clock ticks a second in /proc (proc(5)): fixed on every Linux that we know.
const TICKS_PER_S: f64 = 100.0;

/// One server that listens on loopback.
pub(super) struct Process {
    pub(super) name: &'static str,
    pub(super) port: u16,
    child: Child,
}

/// Seconds of processor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Used {
    pub(super) user: f64,
    pub(super) system: f64,
}

impl Process {
    /// Starts a server; what it says goes to a file in `directory`.
    pub(super) fn start(
        name: &'static str,
        port: u16,
        directory: &Path,
        command: &mut Command,
    ) -> anyhow::Result<Self> {
        let log = File::create(directory.join(format!("{name}.log")))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, port, child })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it answers DNS.
    pub(super) fn wait_until_up(&mut self, directory: &Path) -> anyhow::Result<()> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(LOOK))?;
        let began = Instant::now();
        let question = b"\0\x07\0\0\0\x01\0\0\0\0\0\0\x03app\x04demo\x05local\0\0\x01\0\x01";
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(directory.join(format!("{}.log", self.name)))?;
                bail!("{} has ended ({status}): {log}", self.name);
            }
            // Nobody there yet: the error comes at once.
            let asked = socket.send_to(question, ("127.0.0.1", self.port));
            let mut answer = [0; 512];
            if asked.is_ok() && socket.recv(&mut answer).is_ok_and(|length| length > 12) {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        bail!("{} does not answer after {PATIENCE:?}", self.name)
    }

    /// What it has used, with the processes that it started.
    pub(super) fn used(&self) -> Used {
        family(self.id()).into_iter().filter_map(used).fold(
            Used { user: 0.0, system: 0.0 },
            |sum, one| Used { user: sum.user + one.user, system: sum.system + one.system },
        )
    }

    /// Its memory in KiB (`VmRSS`, proc(5)).
    pub(super) fn memory_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.context("no VmRSS")?.parse().context("VmRSS is no number")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; its own children end with it when they are asked to.
        for id in family(self.id()).into_iter().rev() {
            drop(Command::new("kill").arg(id.to_string()).stderr(Stdio::null()).status());
        }
        drop(self.child.wait());
    }
}

/// A free port for both UDP and TCP; somebody may take it before the server does.
pub(super) fn free_port() -> anyhow::Result<u16> {
    for _ in 0..100 {
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        let address = udp.local_addr()?;
        if std::net::TcpListener::bind(address).is_ok() {
            return Ok(address.port());
        }
    }
    bail!("no port is free")
}

/// A process and all that it started, and they.
fn family(id: u32) -> Vec<u32> {
    let mut found = vec![id];
    let mut at = 0;
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|child| Some((child, words(child)?.get(1)?.parse().ok()?)))
        .collect();
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        at += 1;
    }
    found
}

fn used(id: u32) -> Option<Used> {
    let words = words(id)?;
    let seconds = |at: usize| Some(words.get(at)?.parse::<f64>().ok()? / TICKS_PER_S);
    Some(Used { user: seconds(11)?, system: seconds(12)? })
}

/// The words of /proc/PID/stat from the third on; the second may hold blanks.
fn words(id: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_charged_for_what_it_does() {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(100) {
            std::hint::spin_loop();
        }
        let own = used(std::process::id()).unwrap();
        assert!(own.user > 0.0 && own.system >= 0.0, "{own:?}");
        assert_eq!(family(std::process::id()).first(), Some(&std::process::id()));
    }
}
