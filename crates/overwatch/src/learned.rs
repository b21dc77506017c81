//! The table of what was learned, and a note of each thing that changed it, where it is kept on disk.
//! Adds nothing to what the table does, and knows no file.
//!
//! See `docs/decisions/0060-the-table-on-disk.md`.

pub mod steps;

use std::collections::BTreeMap;
use std::ops::Deref;

use latency::{Applied, Lane, Report, RowChange, Table, TableRefusal};
use model::{AgentId, Service, Time};

use self::steps::{Step, Steps};

/// The table. What is asked of it goes to it; what changes it is noted here too.
#[derive(Debug)]
pub struct Learned {
    table: Table,
    /// What changed since somebody last took it; `None` where nothing is kept.
    steps: Option<Steps>,
}

impl Deref for Learned {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.table
    }
}

impl Learned {
    /// A table of which nothing is kept.
    #[must_use]
    pub const fn new(table: Table) -> Self {
        Self { table, steps: None }
    }

    /// From now on what changes is noted; the table was as `table` is.
    pub fn keep(&mut self, table: Table) {
        *self = Self { table, steps: Some(Steps::default()) };
    }

    /// What was noted since this was last called, as a batch for [`steps::replay`]; empty where nothing was,
    /// `None` where some of it is lost.
    pub fn take_steps(&mut self, now: Time) -> Option<Vec<u8>> {
        self.steps.as_mut().map_or_else(|| Some(Vec::new()), |steps| steps.take(now))
    }

    /// The bytes of what was noted.
    #[must_use]
    pub fn steps_len(&self) -> usize {
        self.steps.as_ref().map_or(0, Steps::len)
    }

    fn note(&mut self, step: &Step<'_>) {
        if let Some(steps) = &mut self.steps {
            steps.push(step);
        }
    }

    /// [`Table::apply`].
    ///
    /// # Errors
    ///
    /// As there. So too below.
    pub fn apply(
        &mut self,
        agent: &AgentId,
        epoch: u64,
        report: &Report,
        now: Time,
    ) -> Result<Applied, TableRefusal> {
        let applied = self.table.apply(agent, epoch, report, now)?;
        self.note(&Step::Report { agent, epoch, report, now });
        Ok(applied)
    }

    /// [`Table::mend`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn mend(
        &mut self,
        agent: &AgentId,
        epoch: u64,
        report: Report,
        now: Time,
    ) -> Result<Applied, TableRefusal> {
        if self.steps.is_none() {
            return self.table.mend(agent, epoch, report, now);
        }
        let applied = self.table.mend(agent, epoch, report.clone(), now)?;
        self.note(&Step::Mend { agent, epoch, report: &report, now });
        Ok(applied)
    }

    /// [`Table::repeat`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn repeat(
        &mut self,
        agent: &AgentId,
        epoch: u64,
        report: &Report,
        now: Time,
    ) -> Result<Applied, TableRefusal> {
        let applied = self.table.repeat(agent, epoch, report.clone(), now)?;
        self.note(&Step::Repeat { agent, epoch, report, now });
        Ok(applied)
    }

    /// [`Table::set_ttl`].
    pub fn set_ttl(&mut self, agent: &AgentId, ttl_ms: u64) {
        self.table.set_ttl(agent, ttl_ms);
        self.note(&Step::Ttl { agent, ttl_ms });
    }

    /// [`Table::set_lane`].
    pub fn set_lane(&mut self, agent: &AgentId, port: u16, lane: Lane) {
        if self.table.ports_of(agent).any(|(of, known)| of == port && *known == lane) {
            return;
        }
        self.note(&Step::Lane { agent, port, lane: &lane });
        self.table.set_lane(agent, port, lane);
    }

    /// [`Table::remove_lane`].
    pub fn remove_lane(&mut self, agent: &AgentId, port: u16) {
        self.table.remove_lane(agent, port);
        self.note(&Step::NoLane { agent, port });
    }

    /// [`Table::forget`].
    pub fn forget(&mut self, agent: &AgentId) {
        self.table.forget(agent);
        self.note(&Step::Forget { agent });
    }

    /// [`Table::hold`].
    pub fn hold(&mut self, agent: &AgentId, since: Time) {
        self.table.hold(agent, since);
        self.note(&Step::Hold { agent, since });
    }

    /// [`Table::accept`].
    pub fn accept(&mut self, agent: &AgentId, now: Time) {
        self.table.accept(agent, now);
        self.note(&Step::Accept { agent, now });
    }

    /// [`Table::expire`].
    pub fn expire(&mut self, now: Time) {
        self.table.expire(now);
        self.note(&Step::Expire { now });
    }

    /// [`Table::take_changes`].
    pub fn take_changes(&mut self) -> BTreeMap<Service, Vec<RowChange>> {
        self.table.take_changes()
    }
}
