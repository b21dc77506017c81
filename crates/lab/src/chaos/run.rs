//! One run: brings the lab to rest, then fault after fault, and waits after each until all is well again.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::etcd::{self, Etcd};
use super::fault::Fault;
use super::judge::{Judge, Tally};
use super::keeping::{Keeping, Kept};
use super::load::{self, Load};
use super::options::Options;
use super::report;
use super::schedule::{Planned, Schedule, Step};
use super::stalls::Stalls;
use super::watch;
use crate::demo::stage::Stage;
use crate::sys::process;
use crate::topology::{Host, Role, Topology};

/// The first connections and reports, on a slow machine.
const REST_MAX: Duration = Duration::from_secs(90);
/// What is not well after so long never will be: the run ends. Far above the promise.
const GIVE_UP_US: u64 = 60_000_000;
/// So long all must have been well: until then a question may be open that is lost in the end.
const QUIET_US: u64 = 3_200_000;
/// How often it is looked whether all is well.
const LOOK: Duration = Duration::from_millis(200);
/// So long clients connect before anything goes wrong, and how many a second.
const LEARN_S: u64 = 5;
const CONNECTIONS_A_SECOND: u32 = 5;

/// A step that is over; times in microseconds of the system's clock.
pub(super) struct Done {
    pub(super) step: Step,
    pub(super) from_us: u64,
    /// When all was well again, or nobody waited any longer.
    pub(super) until_us: u64,
    /// How long that took from the end of the last fault; `Err`: what was not well.
    pub(super) recovery: Result<Duration, String>,
}

/// A run.
pub(super) struct Run<'a> {
    pub(super) stage: Stage,
    pub(super) topology: &'a Topology,
    pub(super) judge: Judge,
    pub(super) done: Vec<Done>,
    /// How often each unit `opengslb` was killed.
    pub(super) killed: usize,
    /// How often etcd was.
    pub(super) etcd_killed: usize,
    /// When the first step began, in microseconds of the system's clock.
    pub(super) began_us: u64,
    pub(super) load: Option<Load>,
    pub(super) stalls: Stalls,
    etcd: Option<Etcd>,
    keeping: Option<Keeping>,
}

impl<'a> Run<'a> {
    pub(super) fn new(stage: Stage, topology: &'a Topology) -> Self {
        let nearest = load::clients(topology).map(|client| nearest(topology, client)).collect();
        let servers = topology.with_role(Role::Backend).filter_map(Host::ipv4).collect();
        let judge = Judge { servers, nearest, ..Judge::default() };
        let (load, etcd, keeping) = (None, None, None);
        let (killed, etcd_killed, began_us, done) = (0, 0, 0, Vec::new());
        let stalls = Stalls::start();
        Self {
            stage,
            topology,
            judge,
            done,
            killed,
            etcd_killed,
            began_us,
            load,
            stalls,
            etcd,
            keeping,
        }
    }

    /// Brings all to rest: everybody knows everybody, and every client is sent to its nearest region.
    pub(super) fn come_to_rest(&mut self, rate: u32) -> anyhow::Result<Result<(), String>> {
        let topology = self.topology;
        if topology.host(etcd::HOST).is_some() {
            self.etcd = Some(Etcd::start(&self.stage)?);
        }
        let well = self.stage.wait("all to know one another", REST_MAX, |stage| {
            Ok(watch::all_is_well(&stage.lab.lab, topology))
        })?;
        if well.is_err() {
            return Ok(well);
        }
        self.connect(LEARN_S)?;
        self.load = Some(Load::start(&self.stage, topology, rate)?);
        self.keeping = Keeping::start(&self.stage, topology);
        let began_us = process::monotonic_us();
        let settled = self.settle("the first answers", (began_us, REST_MAX.as_micros()))?;
        self.stage.background.clear();
        self.judge.learned_us = Some(process::monotonic_us());
        Ok(settled.map(drop))
    }

    /// Plays the schedule until its time is over.
    pub(super) fn play(&mut self, seed: u64, options: &Options) -> anyhow::Result<()> {
        let began = Instant::now();
        self.began_us = process::monotonic_us();
        for step in Schedule::new(seed, &options.kinds, self.topology).take(options.steps) {
            let length = Duration::from_millis(step.length_ms().into());
            if began.elapsed() + length > options.length {
                break;
            }
            let done = self.perform(step)?;
            let tally = self.tally(&done);
            let from_us = done.from_us.saturating_sub(self.began_us);
            report::line(&self.stage.screen, from_us, &done, &tally);
            let is_lost = done.recovery.is_err();
            self.done.push(done);
            if is_lost {
                break;
            }
        }
        Ok(())
    }

    /// All questions of a step.
    pub(super) fn tally(&self, done: &Done) -> Tally {
        let Some(load) = &self.load else { return Tally::default() };
        let span = done.from_us..=done.until_us;
        let all = load.all();
        self.judge.tally(all.iter().filter(|asked| span.contains(&asked.asked_us)))
    }

    /// All questions.
    pub(super) fn tally_of_all(&self) -> Tally {
        let Some(load) = &self.load else { return Tally::default() };
        self.judge.tally(load.all().iter())
    }

    /// What became of the operators' words, where there were any.
    pub(super) fn kept(&mut self) -> anyhow::Result<Option<Kept>> {
        let Some(keeping) = &mut self.keeping else { return Ok(None) };
        keeping.conclude(&mut self.stage, self.topology, &self.judge.outages).map(Some)
    }

    fn perform(&mut self, step: Step) -> anyhow::Result<Done> {
        let from_us = process::monotonic_us();
        let began = Instant::now();
        self.connect(u64::from(step.length_ms()).div_ceil(1000))?;
        let mut acts: Vec<(u32, bool, &Planned)> = Vec::new();
        for planned in &step.0 {
            acts.extend([(planned.from_ms, true, planned), (planned.until_ms, false, planned)]);
        }
        acts.sort_by_key(|(at_ms, ..)| *at_ms);
        let mut ended_us = from_us;
        for (at_ms, begins, planned) in acts {
            let due = Duration::from_millis(at_ms.into());
            self.stage.screen.waiting(&report::what(&step));
            self.stage.pause(due.saturating_sub(began.elapsed()))?;
            if begins {
                self.begin(&planned.fault)?;
            } else {
                ended_us = process::monotonic_us();
                self.end(&planned.fault)?;
            }
        }
        self.stage.background.clear();
        self.stage.screen.waited();
        let recovery = self.settle("all to be well again", (ended_us, u128::from(GIVE_UP_US)))?;
        self.stage.screen.waited();
        let until_us = recovery.as_ref().copied().unwrap_or_else(|_| process::monotonic_us());
        let recovery = recovery.map(|us| Duration::from_micros(us.saturating_sub(ended_us)));
        if let Some(keeping) = self.keeping.as_mut().filter(|_| recovery.is_ok()) {
            keeping.ask(&mut self.stage, self.topology)?;
        }
        Ok(Done { step, from_us, until_us, recovery })
    }

    fn begin(&mut self, fault: &Fault) -> anyhow::Result<()> {
        match fault.begin() {
            Some(order) => self.order(order)?,
            None => self.etcd = None,
        }
        self.killed += usize::from(matches!(fault, Fault::Kill(it) if it.unit == "opengslb"));
        self.etcd_killed += usize::from(*fault == Fault::KillEtcd);
        // From when it surely was.
        let at_us = process::monotonic_us();
        for part in fault.parts(self.topology) {
            self.judge.outages.began(part, at_us);
        }
        Ok(())
    }

    fn end(&mut self, fault: &Fault) -> anyhow::Result<()> {
        let before_us = process::monotonic_us();
        match fault.end() {
            Some(order) => self.order(order)?,
            None => self.etcd = Some(Etcd::start(&self.stage)?),
        }
        // An overwatch is back when it surely is, all else when it may be.
        let is_overwatch = fault.stops().is_some_and(|stopped| stopped.unit == "opengslb");
        let at_us = if is_overwatch { process::monotonic_us() } else { before_us };
        for part in fault.parts(self.topology) {
            self.judge.outages.ended(part, at_us);
        }
        Ok(())
    }

    fn order(&mut self, (host, command): (&str, String)) -> anyhow::Result<()> {
        let outcome = self.stage.run(host, &command)?;
        if !outcome.ok {
            bail!("{host}$ {command}: {}", outcome.last_words());
        }
        Ok(())
    }

    /// Clients of all regions connect to all servers, so that there is something to learn and to tell.
    fn connect(&mut self, seconds: u64) -> anyhow::Result<()> {
        let command = format!("generate-traffic {CONNECTIONS_A_SECOND} {}", seconds.max(1));
        for host in load::clients(self.topology) {
            self.stage.start(&host.name, &command)?;
        }
        Ok(())
    }

    /// `Err`: the first thing that is not well.
    fn look(&self) -> Result<(), String> {
        watch::all_is_well(&self.stage.lab.lab, self.topology)?;
        self.keeping.as_ref().map_or(Ok(()), |keeping| keeping.all_hold(&self.stage, self.topology))
    }

    /// When something was last asked that did not go as ever, of what was not looked at before.
    fn last_unusual_us(&mut self) -> anyhow::Result<Option<u64>> {
        let load = self.load.as_mut().context("nobody asks")?;
        let asked_us = load.last_unusual_us(&self.judge)?;
        Ok(asked_us.max(self.keeping.as_mut().and_then(Keeping::last_unusual_us)))
    }

    /// Waits until all is well and was for a while; when it began to be, or what was not.
    fn settle(
        &mut self,
        what: &str,
        (began_us, limit_us): (u64, u128),
    ) -> anyhow::Result<Result<u64, String>> {
        let (mut unusual_us, mut well_us, mut why) = (began_us, None, String::new());
        loop {
            let found = self.look();
            let now_us = process::monotonic_us();
            match found {
                Ok(()) => well_us = well_us.or(Some(now_us)),
                Err(reason) => (well_us, why) = (None, reason),
            }
            unusual_us = self.last_unusual_us()?.unwrap_or(0).max(unusual_us);
            if let Some(well_us) = well_us {
                let from_us = well_us.max(unusual_us);
                let is_heard = self.keeping.as_ref().is_none_or(|it| it.are_heard(from_us));
                if is_heard && now_us.saturating_sub(from_us) >= QUIET_US {
                    return Ok(Ok(from_us));
                }
                "answers are not as ever".clone_into(&mut why);
            }
            if u128::from(now_us.saturating_sub(began_us)) > limit_us {
                return Ok(Err(why));
            }
            let seconds = now_us.saturating_sub(began_us) / 1_000_000;
            self.stage.screen.waiting(&format!("waiting for {what} … {seconds} s ({why})"));
            self.stage.pause(LOOK)?;
        }
    }
}

/// The servers of the region that is nearest to a host with clients.
fn nearest(topology: &Topology, client: &Host) -> Vec<IpAddr> {
    let rtt_us = |host: &Host| topology.rtt_us.get(client.site)?.get(host.site).copied();
    let least_us = topology.with_role(Role::Backend).filter_map(rtt_us).min();
    let near = topology.with_role(Role::Backend).filter(|host| rtt_us(host) == least_us);
    near.filter_map(Host::ipv4).collect()
}
