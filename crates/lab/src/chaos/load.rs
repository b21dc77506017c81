//! Who asks all the while: `ask-dns --each` on every host with clients, and what came of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};

use super::judge::{Asked, Judge};
use crate::demo::stage::Stage;
use crate::topology::{Host, Role, Topology};

/// Longer than any run.
const FOR_EVER_S: u64 = 7 * 86_400;

/// The hosts with clients: those that stand for networks.
pub(super) fn clients(topology: &Topology) -> impl Iterator<Item = &Host> {
    topology.with_role(Role::Traffic).filter(|host| !host.networks.is_empty())
}

/// The askers and all that they have told. A question costs some 110 bytes: ten minutes of three regions
/// are some twenty megabytes.
pub(super) struct Load {
    children: Vec<Child>,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// How many were looked at already.
    seen: usize,
}

impl Load {
    /// `rate` questions a second from each host with clients.
    pub(super) fn start(stage: &Stage, topology: &Topology, rate: u32) -> anyhow::Result<Self> {
        let mut load = Self { children: Vec::new(), asked: Arc::default(), seen: 0 };
        for (client, host) in clients(topology).enumerate() {
            let line = format!("exec ask-dns {rate} {FOR_EVER_S} --each");
            let mut command = stage.command(&host.name, &line)?;
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
            let stdout = child.stdout.take().context("ask-dns has no output")?;
            let asked = Arc::clone(&load.asked);
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let read = Asked::parse(client, &line);
                    asked.lock().unwrap_or_else(PoisonError::into_inner).extend(read);
                }
            });
            load.children.push(child);
        }
        Ok(load)
    }

    /// When the last question was asked that was not answered as ever, of those not looked at before.
    pub(super) fn last_unusual_us(&mut self, judge: &Judge) -> anyhow::Result<Option<u64>> {
        if self.children.iter_mut().any(|child| !matches!(child.try_wait(), Ok(None))) {
            bail!("ask-dns ended by itself");
        }
        let asked = self.all();
        let new = asked.get(self.seen..).unwrap_or_default();
        let unusual = new.iter().filter(|asked| !judge.is_as_ever(asked));
        let (last, count) = (unusual.map(|asked| asked.asked_us).max(), asked.len());
        drop(asked);
        self.seen = count;
        Ok(last)
    }

    /// All questions that are over, in no order.
    pub(super) fn all(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Load {
    /// The commands on the hosts die with those that started them there.
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
