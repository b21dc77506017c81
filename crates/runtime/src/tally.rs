//! How often each region was answered for each domain: the numbers that show where clients go.
//!
//! Each worker counts for itself, in numbers of its own, so that no query waits for another. The
//! list of domains is published whole: a reload makes a new one, in which whatever is the same goes
//! on counting. Must never allocate or lock while a query is answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use routing::Decision;

use crate::metrics::{DOMAINS_MAX, NONE, OTHER};

/// A domain's name, and its regions in the order of its settings.
pub(crate) type Listed = (String, Vec<String>);

/// All workers' numbers, and the domains that are counted. A clone is the same board.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    domains: Vec<Listed>,
    workers: Vec<Arc<Worker>>,
}

/// One worker's numbers.
#[derive(Debug, Default)]
struct Worker {
    rows: ArcSwap<Vec<Arc<Row>>>,
    /// Of domains that have no row.
    others: AtomicU64,
}

/// One domain's numbers, of one worker.
#[derive(Debug)]
struct Row {
    domain: Listed,
    /// The first for none, then one for each region.
    answers: Box<[AtomicU64]>,
}

/// What one worker counts with.
#[derive(Debug)]
pub(crate) struct Tally(Arc<Worker>);

/// How often a region was answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Answered {
    /// The domain, or [`OTHER`].
    pub(crate) domain: String,
    /// The region, [`NONE`] or [`OTHER`].
    pub(crate) region: String,
    /// How often.
    pub(crate) answers: u64,
}

impl Board {
    /// Counts these domains from now on, in the order of the configuration: the first
    /// [`DOMAINS_MAX`] each for itself, the rest together. One that has the regions it had goes on.
    pub(crate) fn list(&self, mut domains: Vec<Listed>) {
        domains.truncate(DOMAINS_MAX);
        let mut kept = self.kept();
        for worker in &kept.workers {
            worker.list(&domains);
        }
        kept.domains = domains;
    }

    /// One more worker.
    pub(crate) fn tally(&self) -> Tally {
        let mut kept = self.kept();
        let worker = Arc::new(Worker::default());
        worker.list(&kept.domains);
        kept.workers.push(Arc::clone(&worker));
        Tally(worker)
    }

    /// The numbers of all workers together; every domain and region that is listed is there.
    pub(crate) fn read(&self) -> Vec<Answered> {
        let kept = self.kept();
        let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut others = 0;
        for worker in &kept.workers {
            others += worker.others.load(Ordering::Relaxed);
            for row in worker.rows.load().iter() {
                let (domain, regions) = &row.domain;
                let regions = std::iter::once(NONE).chain(regions.iter().map(String::as_str));
                for (region, answers) in regions.zip(&row.answers) {
                    let key = (domain.clone(), region.to_owned());
                    *sums.entry(key).or_default() += answers.load(Ordering::Relaxed);
                }
            }
        }
        if others > 0 {
            sums.insert((OTHER.to_owned(), OTHER.to_owned()), others);
        }
        let answered = |((domain, region), answers)| Answered { domain, region, answers };
        sums.into_iter().map(answered).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    fn list(&self, domains: &[Listed]) {
        let before = self.rows.load();
        let before: BTreeMap<&Listed, &Arc<Row>> =
            before.iter().map(|row| (&row.domain, row)).collect();
        let row = |domain: &Listed| match before.get(domain) {
            Some(row) => Arc::clone(row),
            None => {
                let answers = (0..=domain.1.len()).map(|_| AtomicU64::new(0)).collect();
                Arc::new(Row { domain: domain.clone(), answers })
            }
        };
        let rows = Arc::new(domains.iter().map(row).collect());
        self.rows.store(rows);
    }
}

impl Tally {
    /// Counts a decision about the domain in this place of the view.
    pub(crate) fn count(&self, place: usize, decision: &Decision<'_>) {
        self.add(place, decision.domain(), decision.region_place());
    }

    /// The list is published beside the view, not with it: around a reload a place may mean another
    /// domain, so the name has to fit.
    fn add(&self, place: usize, domain: &str, region: Option<usize>) {
        let rows = self.0.rows.load();
        let row = rows.get(place).filter(|row| row.domain.0 == domain);
        let answers = row.and_then(|row| row.answers.get(region.map_or(0, |at| at + 1)));
        let counter = answers.unwrap_or(&self.0.others);
        // One worker writes each counter.
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[(&str, &[&str])]) -> Vec<Listed> {
        let owned = |regions: &[&str]| regions.iter().map(|region| (*region).to_owned()).collect();
        names.iter().map(|(name, regions)| ((*name).to_owned(), owned(regions))).collect()
    }

    #[track_caller]
    fn check(board: &Board, expect: &[(&str, &str, u64)]) {
        let read = board.read();
        let read: Vec<_> =
            read.iter().map(|a| (a.domain.as_str(), a.region.as_str(), a.answers)).collect();
        assert_eq!(read, expect);
    }

    #[test]
    fn workers_are_summed_and_a_reload_keeps_what_is_the_same() {
        let board = Board::default();
        board.list(listed(&[("a", &["eu", "us"]), ("b", &["eu"])]));
        let (first, second) = (board.tally(), board.tally());
        first.add(0, "a", Some(1));
        second.add(0, "a", Some(1));
        second.add(1, "b", None);
        check(
            &board,
            &[("a", "eu", 0), ("a", "none", 0), ("a", "us", 2), ("b", "eu", 0), ("b", "none", 1)],
        );
        // `a` moves, `b` has other regions, `c` is new.
        board.list(listed(&[("c", &["eu"]), ("a", &["eu", "us"]), ("b", &["us"])]));
        first.add(1, "a", Some(0));
        // A view from before the reload.
        second.add(0, "a", Some(0));
        first.add(9, "z", Some(0));
        first.add(0, "c", Some(7));
        check(
            &board,
            &[
                ("a", "eu", 1),
                ("a", "none", 0),
                ("a", "us", 2),
                ("b", "none", 0),
                ("b", "us", 0),
                ("c", "eu", 0),
                ("c", "none", 0),
                ("other", "other", 3),
            ],
        );
    }

    #[test]
    fn domains_beyond_the_limit_count_together() {
        let board = Board::default();
        let names: Vec<String> = (0..DOMAINS_MAX + 5).map(|n| format!("d{n:04}")).collect();
        board.list(names.iter().map(|name| (name.clone(), Vec::new())).collect());
        let tally = board.tally();
        for (place, name) in names.iter().enumerate() {
            tally.add(place, name, None);
        }
        let read = board.read();
        assert_eq!(read.len(), DOMAINS_MAX + 1);
        assert_eq!(read.last().map(|a| (a.domain.as_str(), a.answers)), Some((OTHER, 5)));
    }
}
