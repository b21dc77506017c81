//! Whether what operators said is kept and answered: brings together who says it, what is worth what, and
//! what the overwatches hold. Only in a run with `--etcd`.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context;

use super::etcd;
use super::judge::RECOVERY_US;
use super::load;
use super::operators::Operators;
use super::outages::Outages;
use super::watch;
use super::words::{self, Came, Said, Subject, Word, Worth};
use crate::demo::stage::Stage;
use crate::sys::process;
use crate::topology::{Host, Role, Topology};

/// What is acknowledged at one overwatch is at the others after this long, in microseconds.
const SHARED_AFTER_US: u64 = 1_000_000;

/// The operators of a run and what became of their words.
pub(super) struct Keeping {
    operators: Operators,
    subject: Subject,
    etcd: IpAddr,
    /// Answers with what had been acknowledged.
    heard: usize,
    /// Answers with something else, in words.
    unheard: Vec<String>,
}

/// The end of it.
pub(super) struct Kept {
    pub(super) said: usize,
    pub(super) acknowledged: usize,
    pub(super) refused: usize,
    pub(super) excused: usize,
    pub(super) heard: usize,
    /// All that is not as promised, in words.
    pub(super) broken: Vec<String>,
}

impl Keeping {
    /// `None` where the topology has no etcd.
    pub(super) fn start(stage: &Stage, topology: &Topology) -> Option<Self> {
        let etcd = topology.host(etcd::HOST)?.1.ipv4()?;
        let subject = subject(topology)?;
        let operators = Operators::start(&stage.lab.lab, topology, &subject);
        Some(Self { operators, subject, etcd, heard: 0, unheard: Vec::new() })
    }

    /// `Err`: the first overwatch that does not hold what was acknowledged, or holds what was refused.
    pub(super) fn all_hold(&self, stage: &Stage, topology: &Topology) -> Result<(), String> {
        self.hold(stage, topology, process::monotonic_us().saturating_sub(SHARED_AFTER_US))
    }

    fn hold(&self, stage: &Stage, topology: &Topology, before_us: u64) -> Result<(), String> {
        let all = self.operators.all();
        let (wanted, refused) = (words::acknowledged(&all, before_us), words::refused(&all));
        drop(all);
        for host in topology.with_role(Role::Overwatch) {
            let held = watch::held(&stage.lab.lab, &host.name);
            let held = held.map_err(|error| format!("{}: {error:#}", host.name))?;
            let (lost, odd) = (wanted.difference(&held), refused.intersection(&held));
            let (lost, odd) = (lost.count(), odd.count());
            if lost + odd > 0 {
                return Err(format!(
                    "{} lacks {lost} of {} acknowledged words, and has {odd} refused ones",
                    host.name,
                    wanted.len()
                ));
            }
        }
        Ok(())
    }

    pub(super) fn last_unusual_us(&mut self) -> Option<u64> {
        self.operators.last_unusual_us()
    }

    pub(super) fn are_heard(&self, since_us: u64) -> bool {
        self.operators.are_heard(since_us)
    }

    /// Asks every overwatch, as a client, for what was acknowledged last, of either kind.
    pub(super) fn ask(&mut self, stage: &mut Stage, topology: &Topology) -> anyhow::Result<()> {
        let before_us = process::monotonic_us().saturating_sub(SHARED_AFTER_US);
        let known = words::acknowledged(&self.operators.all(), before_us);
        let (domains, pins): (Vec<Word>, Vec<Word>) =
            known.into_iter().partition(|word| word.is_domain());
        let client = load::clients(topology).next().context("there are no clients")?;
        for overwatch in topology.with_role(Role::Overwatch) {
            let address = overwatch.ipv4().context("no IPv4 address")?;
            for word in domains.last().into_iter().chain(pins.last()) {
                let (question, expected) = word.question(&self.subject);
                let line = format!("dig @{address} {question} +time=2 +tries=2");
                let outcome = stage.run(&client.name, &line)?;
                let found = outcome.stdout.trim();
                if found == expected {
                    self.heard += 1;
                } else {
                    self.unheard.push(format!("{line}: {found:?} instead of {expected}"));
                }
            }
        }
        Ok(())
    }

    /// Lets the operators finish, and looks whether all overwatches hold all that was acknowledged.
    pub(super) fn conclude(
        &mut self,
        stage: &mut Stage,
        topology: &Topology,
        outages: &Outages,
    ) -> anyhow::Result<Kept> {
        self.operators.stop();
        let limit = Duration::from_micros(RECOVERY_US);
        let held = stage.wait("all to hold what was acknowledged", limit, |stage| {
            Ok(self.hold(stage, topology, u64::MAX))
        })?;
        let all = self.operators.all();
        let worths: Vec<(&Said, Worth)> =
            all.iter().map(|said| (said, said.worth(self.etcd, outages))).collect();
        let broken = worths.iter().filter_map(|(said, worth)| match worth {
            Worth::Broken(what) => Some(format!("a word at {}: {what}", said.at)),
            _ => None,
        });
        let count = |like: Worth| worths.iter().filter(|(_, worth)| *worth == like).count();
        Ok(Kept {
            said: all.len(),
            acknowledged: all.iter().filter(|said| said.came == Came::Acknowledged).count(),
            refused: count(Worth::Refused),
            excused: count(Worth::Excused),
            heard: self.heard,
            broken: broken.chain(self.unheard.iter().cloned()).chain(held.err()).collect(),
        })
    }
}

/// The first server is alone in its region, which is not the one that strangers are sent to.
fn subject(topology: &Topology) -> Option<Subject> {
    let host: &Host = topology.with_role(Role::Backend).next()?;
    Some(Subject {
        domain: topology.domain.to_string(),
        zone: topology.zone.clone(),
        region: topology.region_of(host)?.to_string(),
        server: host.ipv4()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else an answer would not tell whether it was pinned.
    #[test]
    fn a_pin_leads_where_nobody_would_go_without_it() {
        let topology: Topology = etcd::topology(true).parse().unwrap();
        let subject = subject(&topology).unwrap();
        let region = |host| topology.region_of(host).map(ToString::to_string);
        let alike = topology
            .with_role(Role::Backend)
            .filter(|host| region(host).as_ref() == Some(&subject.region));
        assert_eq!(alike.count(), 1);
        let default = topology.default_region.as_ref().map(ToString::to_string);
        assert_ne!(default, Some(subject.region));
    }
}
