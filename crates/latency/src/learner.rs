//! An agent's learning as one value: readings in, reports out.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{Sample, Time};

use crate::admission::{Admission, Measured};
use crate::aggregate::{Aggregate, Key};
use crate::concentration::Talkers;
use crate::publish::Publisher;
use crate::settings::LearningSettings;
use crate::{Concentration, Refusal, RefusalCounts, Report};

/// Readings whose sockets and rows are fetched from memory together: more than a processor fetches at once, and few
/// enough to be still near when their turn comes.
const TOUCHED_AT_ONCE: usize = 32;

/// What one agent learned, for all its ports.
///
/// The caller feeds it every reading, and calls [`Learner::end_interval`] and
/// [`Learner::publish`] when they are due. Memory is bounded by `max_subnets`.
#[derive(Debug)]
pub struct Learner {
    settings: LearningSettings,
    admission: Admission,
    talkers: Talkers,
    rows: Aggregate,
    publisher: Publisher,
    counters: LearnerCounters,
    /// When the last interval ended and the last publication was.
    interval_ended: Option<Time>,
    published: Option<Time>,
}

/// What happened so far. Only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LearnerCounters {
    /// Readings that counted.
    pub admitted: u64,
    /// Readings that did not, by why.
    pub refused: RefusalCounts,
    /// Rows that made room for others.
    pub evicted: u64,
    /// Rows that were not seen for `subnet_ttl`.
    pub expired: u64,
    /// Rows published whole.
    pub published: u64,
    /// Rows published as only seen again.
    pub refreshed: u64,
}

impl Learner {
    /// A learner of connections to `ports` that knows nothing yet.
    #[must_use]
    pub fn new(settings: LearningSettings, ports: BTreeSet<u16>) -> Self {
        Self {
            admission: Admission::new(&settings, ports),
            talkers: Talkers::new(),
            rows: Aggregate::new(settings.max_subnets),
            publisher: Publisher::new(),
            counters: LearnerCounters::default(),
            interval_ended: None,
            published: None,
            settings,
        }
    }

    /// Learns by other settings from now on. Rows of other ports end, and the oldest of those that
    /// are too many; all others stay. The widths stay what they are: rows of other widths would be
    /// other rows. [`Learner::exclude`] is to be said again.
    pub fn reconfigure(&mut self, settings: LearningSettings, ports: BTreeSet<u16>) {
        self.rows.retain_ports(&ports);
        self.counters.evicted += self.rows.set_max(settings.max_subnets);
        self.admission.reconfigure(&settings, ports);
        if settings.min_samples != self.settings.min_samples {
            self.rows.change_all();
        }
        self.settings = LearningSettings { widths: self.settings.widths, ..settings };
    }

    /// Takes one reading of one socket.
    ///
    /// # Errors
    ///
    /// Why it does not count; that is ordinary and counted.
    pub fn observe(&mut self, sample: &Sample, now: Time) -> Result<(), Refusal> {
        let (key, measured) = self.admit(sample, now)?;
        self.record(key, measured, now);
        Ok(())
    }

    /// Takes many readings. Those that do not count are ordinary, and counted by why.
    pub fn observe_all(&mut self, samples: &[Sample], now: Time) {
        let mut admitted = Vec::with_capacity(TOUCHED_AT_ONCE);
        for some in samples.chunks(TOUCHED_AT_ONCE) {
            self.admission.touch(some);
            // Why one does not count is among the counters.
            admitted.extend(some.iter().filter_map(|sample| self.admit(sample, now).ok()));
            self.rows.touch(admitted.iter().map(|(key, _)| *key));
            admitted.drain(..).for_each(|(key, measured)| self.record(key, measured, now));
        }
    }

    /// Whether a reading counts, and for which row.
    fn admit(&mut self, sample: &Sample, now: Time) -> Result<(Key, Measured), Refusal> {
        let measured = self.admission.admit(sample, now).inspect_err(|refusal| {
            self.counters.refused.count(*refusal);
        })?;
        self.counters.admitted += 1;
        self.talkers.count(sample.client);
        let subnet = self.settings.widths.subnet_of(sample.client);
        Ok((Key::new(sample.local.port(), subnet), measured))
    }

    fn record(&mut self, key: Key, measured: Measured, now: Time) {
        let evicted = self.rows.record(key, measured, now);
        self.counters.evicted += u64::from(evicted);
    }

    /// Excludes these addresses, beside the operator's networks: what the overwatches told of
    /// where their probes come from. Replaces the earlier list; 1024 at most, the rest is ignored.
    pub fn exclude(&mut self, told: Vec<IpAddr>) {
        self.admission.exclude(told);
    }

    /// Ends an interval: one step of the average for each row that had connections in it, and the
    /// end of rows over `subnet_ttl`. Call it after the readings of each poll.
    pub fn end_interval(&mut self, now: Time) {
        self.admission.end_interval();
        self.rows.end_interval(self.settings.ewma_alpha, self.settings.averaging);
        self.counters.expired += self.rows.expire(self.settings.subnet_ttl_ms, now);
        self.interval_ended = Some(now);
    }

    /// Gives a new number to each row that is worth telling.
    pub fn publish(&mut self, now: Time) {
        let told = self.publisher.publish(&mut self.rows, &self.settings);
        self.counters.published += told.whole;
        self.counters.refreshed += told.refreshed;
        self.published = Some(now);
    }

    /// When the next interval ends, `poll_interval` after the last. `None`: at once, none did yet.
    #[must_use]
    pub fn interval_due(&self) -> Option<Time> {
        self.interval_ended.map(|at| at.plus_ms(self.settings.poll_interval_ms))
    }

    /// When to publish next, `report_interval` after the last. `None`: at once, it never happened.
    #[must_use]
    pub fn publish_due(&self) -> Option<Time> {
        self.published.map(|at| at.plus_ms(self.settings.report_interval_ms))
    }

    /// What a session that has acknowledged `sequence` of this learner's epoch is to be sent next,
    /// with at most `rows_max` rows; 0 asks for everything. `None` where it has all. Walks all rows
    /// where it lacks more than the last publication.
    #[must_use]
    pub fn report_after(&self, sequence: u64, rows_max: usize) -> Option<Report> {
        self.publisher.report_after(&self.rows, sequence, rows_max)
    }

    /// The most rows it keeps.
    #[must_use]
    pub const fn max_subnets(&self) -> usize {
        self.settings.max_subnets
    }

    /// The rows kept: one for each port and client network, reported or not.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing was learned.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.len() == 0
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> &LearnerCounters {
        &self.counters
    }

    /// The few addresses that most recent samples came from, where that is so: a proxy or NAT in
    /// front of the backends.
    #[must_use]
    pub fn concentration(&self) -> Option<Concentration> {
        self.talkers.concentration()
    }
}

#[cfg(test)]
mod tests;
