//! Questions without a pause to a resolver that validates, for as long as a test wants.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::question::{Said, ask};
use crate::world::Resolver;

/// Fewer would prove nothing.
const ANSWERS_MIN: u64 = 100;

/// A thread that asks.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    wrong: Arc<Mutex<Vec<String>>>,
    thread: JoinHandle<()>,
}

impl Load {
    /// Asks for steered names, records, and names that are not there: each new, so that nothing of it
    /// is cached.
    pub(crate) fn on(resolver: &Resolver) -> Self {
        let (is_over, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let wrong = Arc::new(Mutex::new(Vec::new()));
        let port = resolver.port;
        let (over, good, bad) = (Arc::clone(&is_over), Arc::clone(&answers), Arc::clone(&wrong));
        let thread = std::thread::spawn(move || {
            for turn in 0_u64.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let name = match turn % 4 {
                    0 => "app.demo.test".to_owned(),
                    1 => "www.demo.test".to_owned(),
                    2 => format!("no-{turn}.demo.test"),
                    _ => format!("n-{turn}.wild.demo.test"),
                };
                match ask(port, &name, 1) {
                    Some(Said { rcode: 0, is_validated: true, .. }) => {
                        good.fetch_add(1, Ordering::Relaxed);
                    }
                    other => bad.lock().unwrap().push(format!("{name}: {other:?}")),
                }
            }
        });
        Self { is_over, answers, wrong, thread }
    }

    /// Ends it: every answer was validated.
    #[track_caller]
    pub(crate) fn assert_good(self, resolver: &Resolver) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        let wrong = self.wrong.lock().unwrap();
        let answers = self.answers.load(Ordering::Relaxed);
        assert!(wrong.is_empty(), "{wrong:?} beside {answers}\n{}", resolver.log());
        assert!(answers >= ANSWERS_MIN, "only {answers}");
    }
}
