//! What is made through the API: checked aside, stored, applied as a reload is, and only then answered.
//! One at a time, and never beside a reload. See decision 45.

use std::collections::VecDeque;
use std::sync::Arc;

use ::overwatch::{Change, Event, Said};
use config::{Entity, EntityKind, EntityName, Made};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tracing::{error, warn};
use zeroize::Zeroizing;

use super::super::keeper::{Written, written};
use super::Process;
use super::asking::{document, json};
use super::running::{Prepared, Running, Wrong};
use crate::http::{Document, KeyText, NotMade, Told, Why, Wish};
use crate::logs::chain;
use crate::panics::survived;

/// Changes that wait: as many as the API has connections. The next one is not answered.
const WAITING_MAX: usize = 256;

/// A change, and who waits for it.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) wish: Wish,
    pub(super) said: Said,
    pub(super) expected: Option<u64>,
    pub(super) reply: oneshot::Sender<Told>,
}

/// How far the change under way has come.
#[derive(Debug)]
pub(super) enum Step {
    /// It was checked.
    Checked(Box<Result<Prepared, Vec<Wrong>>>),
    /// It was stored, or not.
    Stored(Box<Prepared>, Written),
    /// What was made at another overwatch was checked: the document, what it makes, and what does not fit.
    Taken(String, Option<Box<Prepared>>, Vec<String>),
}

/// The changes.
#[derive(Debug)]
pub(super) struct Making {
    waiting: VecDeque<Wanted>,
    pub(super) under_way: Option<Wanted>,
    /// Whether something that was made at another overwatch is being checked.
    pub(super) is_taking: bool,
    /// What the change under way was made of.
    base: String,
    steps: mpsc::Sender<Step>,
}

impl Making {
    /// None yet. How far one has come comes out of the receiver.
    pub(super) fn new() -> (Self, mpsc::Receiver<Step>) {
        let (steps, taken) = mpsc::channel(1);
        let (waiting, base) = (VecDeque::new(), String::new());
        (Self { waiting, under_way: None, is_taking: false, base, steps }, taken)
    }

    /// Whether one is under way.
    pub(super) const fn is_under_way(&self) -> bool {
        self.under_way.is_some() || self.is_taking
    }

    /// Where steps are told.
    pub(super) fn steps(&self) -> mpsc::Sender<Step> {
        self.steps.clone()
    }
}

/// What a process starts with, together with what was made in an earlier life. What of that cannot be
/// read, or does not fit any more, is left out and logged: a name server that does not start answers
/// nobody. All of it stays in the store.
pub(super) fn with_kept(
    (running, settings): (Running, ::overwatch::Settings),
    document: &str,
) -> (Running, ::overwatch::Settings) {
    if document.is_empty() {
        return (running, settings);
    }
    let (made, set_aside) = Made::from_document(document);
    for fault in set_aside {
        error!("set aside as it is, and does not count: {}", chain(&fault));
    }
    let (prepared, left_out) = running.with_kept(&made);
    for line in left_out {
        error!("left out, until it is put right or taken back: {line}");
    }
    match prepared {
        Some(Prepared { running, settings, warnings, .. }) => {
            warnings.iter().for_each(|warning| warn!("{warning}"));
            (running, settings)
        }
        None => {
            error!("the files cannot be read again: nothing that was made through the API counts");
            (running.without(made), settings)
        }
    }
}

impl Process {
    /// All that is in the store, as one document.
    pub(super) fn back_up(&mut self, reply: oneshot::Sender<Told>) {
        let exported = self.keeping.export();
        tokio::spawn(async move {
            let exported = exported.await;
            let told = match exported.unwrap_or_else(|_| Err("the store is not open".to_owned())) {
                Ok(text) => Told::Keys(KeyText::new(Zeroizing::new(text))),
                Err(why) => not_made(Why::NotStored(why), Vec::new()),
            };
            // Who asked may have gone.
            let _ = reply.send(told);
        });
    }

    /// Somebody wants something made.
    pub(super) fn make(&mut self, wanted: Wanted) {
        if self.making.waiting.len() < WAITING_MAX {
            self.making.waiting.push_back(wanted);
        }
        self.begin_next();
    }

    /// Begins the next change whose form is right, unless something else is under way.
    pub(super) fn begin_making(&mut self) {
        // What others made comes first: a change is made of it.
        self.begin_taking();
        while !self.making.is_under_way()
            && let Some(wanted) = self.making.waiting.pop_front()
        {
            let revision = self.node.revision();
            let next = match wanted.expected.filter(|expected| *expected != revision) {
                Some(_) => Err(Told::Changed(revision)),
                None => self.next_made(&wanted.wish),
            };
            match next {
                Ok(made) => {
                    self.making.base =
                        self.sharing.as_ref().map_or_else(String::new, |s| s.applied.clone());
                    self.making.under_way = Some(wanted);
                    self.check_made(made);
                }
                // Who asked may have gone.
                Err(told) => drop(wanted.reply.send(told)),
            }
        }
    }

    /// What is made once a wish is carried out, as far as its form tells.
    fn next_made(&self, wish: &Wish) -> Result<Made, Told> {
        let made = &self.running.made;
        let (Wish::Put { name, .. } | Wish::Remove(name)) = wish;
        let of_file = self
            .running
            .entities
            .iter()
            .find_map(|entity| entity.file.as_ref().filter(|_| entity.name == *name));
        match (wish, of_file) {
            // What waits for a file to leave it can be taken back.
            (Wish::Remove(name), _) if made.has(name) => Ok(made.without(name)),
            (_, Some((file, line))) => {
                let (file, line) = (file.clone(), *line);
                Err(not_made(Why::ReadOnly { file, line }, Vec::new()))
            }
            (Wish::Remove(_), None) => Err(not_made(Why::Unknown, Vec::new())),
            (Wish::Put { name, create: Some(false), .. }, None) if made.get(name).is_none() => {
                Err(not_made(Why::Unknown, Vec::new()))
            }
            (Wish::Put { name, create: Some(true), .. }, None) if made.get(name).is_some() => {
                Err(not_made(Why::Exists, Vec::new()))
            }
            (Wish::Put { name, settings, .. }, None) => {
                made.with(name, settings.clone()).map_err(|fault| {
                    not_made(Why::Faulty, vec![(Some(fault.pointer()), fault.to_string())])
                })
            }
        }
    }

    fn check_made(&self, made: Made) {
        let (running, steps) = (Arc::clone(&self.running), self.making.steps.clone());
        tokio::spawn(async move {
            let checked = spawn_blocking(move || running.change(running.files.clone(), made)).await;
            let failed = |_| {
                let line = "this program failed while it checked that".to_owned();
                Err(vec![Wrong { line, made: None }])
            };
            // The loop may have ended meanwhile.
            let _ = steps.send(Step::Checked(Box::new(checked.unwrap_or_else(failed)))).await;
        });
    }

    /// The change under way has come further. Where that found a fault it has come to its end: nobody answers
    /// whoever waits for it, which says so, and the next one has its turn.
    pub(super) fn on_step(&mut self, step: Step) {
        if survived(|| self.take_step(step)).is_none() {
            (self.making.under_way, self.making.is_taking) = (None, false);
        }
        self.begin_next();
    }

    fn take_step(&mut self, step: Step) {
        match step {
            Step::Checked(checked) => match *checked {
                Ok(prepared) => self.store_made(prepared),
                Err(wrong) => self.end_making(self.faulty(wrong)),
            },
            Step::Stored(_, Err(why)) => {
                self.end_making(not_made(Why::NotStored(why), Vec::new()));
            }
            Step::Stored(prepared, Ok(())) => {
                let before = self.running.made.to_document();
                if !self.apply_made(*prepared) {
                    // It was not made: nor is it after a restart.
                    self.keeping.keep(vec![Change::PutMade(before)]);
                }
            }
            Step::Taken(document, prepared, lines) => self.end_taking(document, prepared, lines),
        }
    }

    /// Nothing is applied that a restart would forget.
    fn store_made(&mut self, prepared: Prepared) {
        if self.sharing.is_some() {
            let line = self.making.under_way.as_ref().map(|wanted| self.line_of(&wanted.wish));
            let base = std::mem::take(&mut self.making.base);
            return self.share_made(prepared, base, line.unwrap_or_default());
        }
        let document = prepared.running.made.to_document();
        let stored = self.keeping.keep_now(vec![Change::PutMade(document)]);
        let steps = self.making.steps.clone();
        tokio::spawn(async move {
            let stored = written(stored.await);
            let _ = steps.send(Step::Stored(Box::new(prepared), stored)).await;
        });
    }

    /// What is said of a wish that was carried out.
    fn line_of(&self, wish: &Wish) -> String {
        match wish {
            Wish::Put { name, .. } if self.running.made.get(name).is_none() => {
                format!("{name} was made")
            }
            Wish::Put { name, .. } => format!("{name} was made anew"),
            Wish::Remove(name) => format!("{name} was taken back"),
        }
    }

    /// Goes by what was made, and answers. Says whether it does: where this program failed nobody is answered.
    pub(super) fn apply_made(&mut self, prepared: Prepared) -> bool {
        let wish = self.making.under_way.as_ref().map(|wanted| &wanted.wish);
        let what = wish.map_or_else(String::new, |wish| self.line_of(wish));
        let before = Arc::clone(&self.running);
        let is_applied = self.apply(prepared).is_some();
        let wanted = self.making.under_way.take().filter(|_| is_applied);
        let Some(Wanted { wish, said, reply, .. }) = wanted else { return is_applied };
        let told = match &wish {
            Wish::Put { name, .. } => {
                let is_new = before.made.get(name).is_none();
                Told::Made { is_new, document: self.entity_document(name) }
            }
            Wish::Remove(_) => Told::Done,
        };
        // What is shared has its line already.
        let is_done = self.handle(Event::Done { what, said });
        self.answer_what_is_done(is_done, reply, told);
        true
    }

    /// Answers what was done wholly once it is in the store. What was not, since this program failed, is
    /// answered by nobody, which says so.
    pub(super) fn answer_what_is_done(
        &mut self,
        is_done: bool,
        reply: oneshot::Sender<Told>,
        told: Told,
    ) {
        if is_done {
            self.answer_when_kept(reply, told);
        }
    }

    /// Answers once all that was done so far is in the store.
    pub(super) fn answer_when_kept(&mut self, reply: oneshot::Sender<Told>, told: Told) {
        let kept = self.keeping.keep_now(Vec::new());
        tokio::spawn(async move {
            let told = match written(kept.await) {
                Ok(()) => told,
                Err(why) => Told::NotKept(why),
            };
            // Who asked may have gone.
            let _ = reply.send(told);
        });
    }

    pub(super) fn end_making(&mut self, told: Told) {
        if let Some(wanted) = self.making.under_way.take() {
            // Who asked may have gone.
            let _ = wanted.reply.send(told);
        }
        self.begin_next();
    }

    /// Faults: a pointer for those in what was sent.
    fn faulty(&self, wrong: Vec<Wrong>) -> Told {
        let sent = self.making.under_way.as_ref().map(|wanted| {
            let (Wish::Put { name, .. } | Wish::Remove(name)) = &wanted.wish;
            name
        });
        let fault = |Wrong { line, made }: Wrong| match made {
            Some((name, pointer)) if Some(&name) == sent => {
                let own = line.strip_prefix(&format!("{name}, made through the API: "));
                (Some(pointer), own.unwrap_or(&line).to_owned())
            }
            _ => (None, line),
        };
        not_made(Why::Faulty, wrong.into_iter().map(fault).collect())
    }

    /// All things of a kind.
    pub(super) fn entities_of(&self, kind: EntityKind) -> Told {
        let items = self.running.entities.iter().filter(|entity| entity.name.kind() == kind);
        document(&api::made::Entities { items: items.map(entity).collect() })
    }

    /// One thing.
    pub(super) fn entity(&self, name: &EntityName) -> Told {
        match self.running.entities.iter().find(|entity| entity.name == *name) {
            Some(found) => document(&entity(found)),
            None => not_made(Why::Unknown, Vec::new()),
        }
    }

    fn entity_document(&self, name: &EntityName) -> Document {
        let found = self.running.entities.iter().find(|entity| entity.name == *name);
        let text = found.map_or_else(String::new, |found| json(&entity(found)));
        Document { text, revision: None }
    }
}

fn not_made(why: Why, faults: Vec<(Option<String>, String)>) -> Told {
    Told::NotMade(NotMade { why, faults })
}

fn entity(entity: &Entity) -> api::made::Entity {
    let Entity { name, file, is_waiting, settings } = entity;
    let (file, line) = file.clone().unzip();
    api::made::Entity {
        kind: name.kind().as_str().to_owned(),
        name: name.text(),
        source: if file.is_some() { "file" } else { "api" }.to_owned(),
        file,
        line,
        waiting: *is_waiting,
        // It was written as a JSON object.
        settings: api::made::Settings(serde_json::from_str(settings).unwrap_or_default()),
    }
}
