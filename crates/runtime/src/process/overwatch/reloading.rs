//! Another configuration: read aside, applied as one event.

use std::sync::Arc;

use ::overwatch::{ApiToken, Event, Reload};
use tokio::sync::oneshot;
use tracing::warn;

use super::super::reload::{aside, tell};
use super::super::settings;
use super::Process;
use super::edges::access_of;
use super::running::{Prepared, Wrong, has_token};
use crate::http::Told;

impl Process {
    /// Reads the configuration again; `reply` waits to hear what came of it.
    pub(super) fn reload(&mut self, reply: Option<oneshot::Sender<Told>>) {
        self.reloads.ask(reply);
        self.begin_next();
    }

    /// Begins what waits: one thing at a time, since each is checked against what runs.
    pub(super) fn begin_next(&mut self) {
        if self.making.is_under_way() {
            return;
        }
        let (running, read) = (Arc::clone(&self.running), Arc::clone(&self.read));
        let lines = |wrong: Vec<Wrong>| wrong.into_iter().map(|wrong| wrong.line).collect();
        self.reloads.begin(|| aside(move || running.next(read()?).map_err(lines)));
        if !self.reloads.is_under_way() {
            self.begin_making();
        }
    }

    /// It was read: applies it, or says why not.
    pub(super) fn on_prepared(&mut self, prepared: Result<Prepared, Vec<String>>) {
        let told = match prepared {
            Ok(prepared) => self.apply(prepared),
            Err(faults) => tell(Err(&faults), &self.running.digest),
        };
        self.reloads.end(&told);
        self.take_now();
        // Somebody may have asked meanwhile.
        self.begin_next();
    }

    /// Trusts the sources of the configuration, and names the tokens that were made and let nobody in.
    pub(super) fn settle_trust(&mut self) {
        let sources = settings::outside(&self.running.config);
        self.handle(Event::OutsideSources(sources));
        let waiting = |token: &&ApiToken| has_token(&self.running.config, &token.name);
        for token in self.node.tokens().filter(waiting) {
            let name = &token.name;
            warn!("token {name}: the configuration has one too, and that counts; revoke this one");
        }
    }

    pub(super) fn apply(&mut self, prepared: Prepared) -> Told {
        let Prepared { running, settings, comparison, warnings } = prepared;
        self.logs.set_level(running.logging.level);
        self.edges.allow(access_of(&running.config, self.node.tokens()));
        self.edges.secure(running.tls.as_ref());
        let geo = Arc::clone(&running.geography.built);
        self.running = Arc::new(running);
        if !comparison.changed.is_empty() {
            self.handle(Event::Reload(Box::new(Reload { settings, geo })));
            self.dns.count(&self.running.config);
        }
        self.settle_trust();
        tell(Ok((&comparison, &warnings)), &self.running.digest)
    }
}
