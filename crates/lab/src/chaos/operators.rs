//! Who makes things all the while during a run with `--etcd`: an operator at every overwatch, over the
//! socket that it has for its own user. Judges nothing.

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use api::problem::{Kind, Problem};

use super::words::{Came, Said, Subject, Word};
use crate::files::{Lab, Layout};
use crate::http::{self, Url};
use crate::sys::process;
use crate::topology::{Host, Role, Topology};

/// How often each says something. All that is said in a quarter of an hour is a thousand words; an
/// overwatch takes ten thousand pins.
const EVERY: Duration = Duration::from_secs(2);
/// An overwatch that stood still for nine seconds answers within this.
const PATIENCE: Duration = Duration::from_secs(12);
/// Two that make domains at once are told so (`conflict`), and then try again, so often.
const TRIES: u32 = 4;
const AGAIN_AFTER: Duration = Duration::from_millis(300);
/// How often each looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// One for each overwatch, and all that they said. Dropping it stops them.
pub(super) struct Operators {
    threads: Vec<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
    said: Arc<Mutex<Vec<Said>>>,
    count: usize,
    /// How many were looked at already.
    seen: usize,
}

/// One of them.
struct Operator {
    lab: Lab,
    host: Host,
    subject: Subject,
    next: Arc<AtomicU32>,
    is_over: Arc<AtomicBool>,
    said: Arc<Mutex<Vec<Said>>>,
}

impl Operators {
    pub(super) fn start(lab: &Lab, topology: &Topology, subject: &Subject) -> Self {
        let hosts: Vec<&Host> = topology.with_role(Role::Overwatch).collect();
        let (next, said) = (Arc::new(AtomicU32::new(1)), Arc::default());
        let is_over = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for (turn, host) in (0..).zip(&hosts) {
            let operator = Operator {
                lab: lab.clone(),
                host: (*host).clone(),
                subject: subject.clone(),
                next: Arc::clone(&next),
                is_over: Arc::clone(&is_over),
                said: Arc::clone(&said),
            };
            let first = EVERY / u32::try_from(hosts.len()).unwrap_or(1).max(1) * turn;
            threads.push(std::thread::spawn(move || operator.speak(first)));
        }
        Self { threads, is_over, said, count: hosts.len(), seen: 0 }
    }

    /// When the last word was said that was not acknowledged, of those not looked at before.
    pub(super) fn last_unusual_us(&mut self) -> Option<u64> {
        let all = self.all();
        let new = all.get(self.seen..).unwrap_or_default();
        let unusual = new.iter().filter(|said| said.came != Came::Acknowledged);
        let (last, count) = (unusual.map(|said| said.asked_us).max(), all.len());
        drop(all);
        self.seen = count;
        last
    }

    /// Has every overwatch acknowledged something that was asked since?
    pub(super) fn are_heard(&self, since_us: u64) -> bool {
        let all = self.all();
        let heard = all.iter().filter(|said| said.asked_us >= since_us);
        let heard = heard.filter(|said| said.came == Came::Acknowledged).map(|said| said.at);
        heard.collect::<BTreeSet<_>>().len() == self.count
    }

    /// All words that are over, in no order.
    pub(super) fn all(&self) -> MutexGuard<'_, Vec<Said>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets everybody finish what is being said.
    pub(super) fn stop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Operators {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Operator {
    fn speak(&self, first: Duration) {
        let mut due = Instant::now() + first;
        while !self.is_over.load(Ordering::Relaxed) {
            let Some(left) = due.checked_duration_since(Instant::now()) else {
                due = Instant::now() + EVERY;
                self.say(Word(self.next.fetch_add(1, Ordering::Relaxed)));
                continue;
            };
            std::thread::sleep(left.min(LOOK));
        }
    }

    fn say(&self, word: Word) {
        let Some(at) = self.host.ipv4() else { return };
        let asked_us = process::monotonic_us();
        let mut came = self.ask(word);
        for _ in 1..TRIES {
            if !matches!(&came, Ok((status, _)) if *status == Kind::Conflict.status()) {
                break;
            }
            std::thread::sleep(AGAIN_AFTER);
            came = self.ask(word);
        }
        let came = came.map_or_else(|error| Came::Other(format!("{error:#}")), understood);
        let over_us = process::monotonic_us();
        let said = Said { word, at, asked_us, over_us, came };
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push(said);
    }

    /// The status and the body.
    fn ask(&self, word: Word) -> anyhow::Result<(u16, Vec<u8>)> {
        let socket = Layout::new(&self.lab.directory).api(&self.host.name);
        let socket = self.lab.seen_from_outside(&socket);
        let stream = UnixStream::connect(socket).context("no API")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (path, body) = word.request(&self.subject);
        let url = Url { host: "localhost", port: 80, path: &path };
        let response = http::put(&stream, &url, &body).context("no answer")?;
        Ok((response.status, response.body))
    }
}

/// A refusal is clear where it is of the kind that is promised, and names what is missing.
fn understood((status, body): (u16, Vec<u8>)) -> Came {
    if (200..300).contains(&status) {
        return Came::Acknowledged;
    }
    let problem: Option<Problem> = serde_json::from_slice(&body).ok();
    let ends = format!("#problem-{}", Kind::StoreAway.as_str());
    match problem {
        Some(problem) if problem.kind.ends_with(&ends) && problem.detail.contains("etcd") => {
            Came::Away(problem.detail.starts_with("nothing was changed"))
        }
        Some(Problem { detail, faults, errors, .. }) => {
            let faults = faults.into_iter().chain(errors.into_iter().map(|error| error.detail));
            let faults = faults.collect::<Vec<_>>().join("; ");
            Came::Other(format!("status {status}: {detail} {faults}"))
        }
        None => Came::Other(format!("status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_explains_nothing_is_none() {
        let came = |kind: Kind, detail: &str| {
            let problem = kind.problem(detail.to_owned(), Vec::new());
            understood((problem.status, serde_json::to_vec(&problem).unwrap()))
        };
        assert_eq!(understood((204, Vec::new())), Came::Acknowledged);
        let away = "nothing was changed: etcd is not reached since 2026-01-01T00:00:00Z";
        assert_eq!(came(Kind::StoreAway, away), Came::Away(true));
        let went = "etcd went while it was asked";
        assert_eq!(came(Kind::StoreAway, went), Came::Away(false));
        assert!(matches!(came(Kind::StoreAway, ""), Came::Other(_)));
        assert!(matches!(came(Kind::GoingDown, away), Came::Other(_)));
        assert_eq!(understood((503, b"busy".to_vec())), Came::Other("status 503".to_owned()));
    }
}
