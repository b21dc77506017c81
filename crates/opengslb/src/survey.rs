//! A pre-flight over real sockets: asks what `preflight` wants to know until it knows enough.
//!
//! - [`roots`]: where the way begins, where nobody names another place,
//! - `ask`: one question to one server,
//! - [`report`]: findings as lines or JSON,
//! - [`words`]: the words of a command line that say where to begin.

mod ask;

pub mod report;

pub mod roots;

pub mod words;

use std::thread;
use std::time::{Duration, Instant};

use preflight::{Book, Failure, Finding, Plan, Question, Reply, Step, look};

/// Questions at a time: a zone of four servers is asked in two goes.
const AT_ONCE: usize = 32;

/// How long the whole may take. What is not answered by then counts as silent.
const DEADLINE: Duration = Duration::from_secs(120);

/// Looks at a zone.
#[must_use]
pub fn survey(plan: &Plan) -> Vec<Finding> {
    let until = Instant::now() + DEADLINE;
    let mut book = Book::default();
    loop {
        match look(plan, &mut book) {
            Step::Done(findings) => return findings,
            Step::Ask(questions) => {
                for some in questions.chunks(AT_ONCE) {
                    for (question, reply) in some.iter().zip(ask_all(some, until)) {
                        book.enter(question.clone(), reply);
                    }
                }
            }
        }
    }
}

/// The replies, in the order of the questions.
fn ask_all(questions: &[Question], until: Instant) -> Vec<Reply> {
    if Instant::now() >= until {
        return questions.iter().map(|_| Reply::Failed(Failure::Silent)).collect();
    }
    thread::scope(|scope| {
        let threads: Vec<_> =
            questions.iter().map(|question| scope.spawn(|| ask::ask(question))).collect();
        // A message is not shared between threads; it becomes a reply here.
        let silent = |_| Err(Failure::Silent);
        let answers = threads.into_iter().map(|thread| thread.join().unwrap_or_else(silent));
        answers
            .map(|answer| match answer {
                Ok(message) => Reply::Message(message.into()),
                Err(failure) => Reply::Failed(failure),
            })
            .collect()
    })
}
