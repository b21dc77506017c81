//! Questions and their replies, and which are missing.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::rc::Rc;

use crate::message::Message;
use crate::question::Question;

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An answer.
    Message(Rc<Message>),
    /// None.
    Failed(Failure),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing came in time, all tries included.
    Silent,
    /// Nobody listens there.
    Closed,
    /// This machine cannot send there, as to IPv6 without IPv6. It says nothing about the server.
    NoWay,
    /// Something came that is no DNS message.
    Malformed(String),
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => write!(f, "no answer"),
            Self::Closed => write!(f, "nobody listens there"),
            Self::NoWay => write!(f, "this machine has no way to it"),
            Self::Malformed(what) => write!(f, "an answer that cannot be read: {what}"),
        }
    }
}

/// All replies there are.
#[derive(Debug, Default)]
pub struct Book {
    replies: BTreeMap<Question, Reply>,
    wanted: BTreeMap<Question, ()>,
}

/// All questions of one look: the largest zone allowed here, 26 addresses and 64 names, stays below. Past
/// it a question counts as not answered.
const QUESTIONS_MAX: usize = 8192;

impl Book {
    /// Enters what became of a question.
    pub fn enter(&mut self, question: Question, reply: Reply) {
        self.wanted.remove(&question);
        self.replies.insert(question, reply);
    }

    /// The reply; `None` where it is missing, which is noted.
    pub(crate) fn ask(&mut self, question: Question) -> Option<Reply> {
        if let Some(reply) = self.replies.get(&question) {
            return Some(reply.clone());
        }
        if self.replies.len() + self.wanted.len() >= QUESTIONS_MAX {
            return Some(Reply::Failed(Failure::Silent));
        }
        self.wanted.insert(question, ());
        None
    }

    /// The reply in full: by TCP where it did not fit a datagram.
    pub(crate) fn ask_in_full(&mut self, question: Question) -> Option<Reply> {
        let reply = self.ask(question.clone())?;
        let is_cut = reply.message().is_some_and(|said| said.is_truncated);
        if is_cut { self.ask(question.by_tcp()) } else { Some(reply) }
    }

    /// The replies to several questions, which can be asked at once; `None` where one is missing.
    pub(crate) fn ask_all(
        &mut self,
        questions: impl IntoIterator<Item = Question>,
    ) -> Option<Vec<Reply>> {
        let replies: Vec<Option<Reply>> = questions.into_iter().map(|q| self.ask(q)).collect();
        replies.into_iter().collect()
    }

    /// The same, each in full.
    pub(crate) fn ask_all_in_full(
        &mut self,
        questions: impl IntoIterator<Item = Question>,
    ) -> Option<Vec<Reply>> {
        let replies: Vec<Option<Reply>> =
            questions.into_iter().map(|q| self.ask_in_full(q)).collect();
        replies.into_iter().collect()
    }

    /// What is missing, in order; and forgets that.
    pub(crate) fn take_wanted(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.wanted).into_keys().collect()
    }
}

impl Reply {
    /// The message, where there is one.
    pub(crate) fn message(&self) -> Option<&Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Failed(_) => None,
        }
    }

    /// Whether it says nothing about the server.
    pub(crate) fn is_no_way(&self) -> bool {
        *self == Self::Failed(Failure::NoWay)
    }
}
