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
            Err(faults) => Some(tell(Err(&faults), &self.running.digest)),
        };
        self.reloads.end(told.as_ref());
        self.take_now();
        // Somebody may have asked meanwhile.
        self.begin_next();
    }

    /// Trusts the sources of the configuration, and names the tokens that were made and let nobody in. Says
    /// whether they are trusted.
    pub(super) fn settle_trust(&mut self) -> bool {
        let sources = settings::outside(&self.running.config);
        let is_settled = self.handle(Event::OutsideSources(sources));
        let waiting = |token: &&ApiToken| has_token(&self.running.config, &token.name);
        for token in self.node.tokens().filter(waiting) {
            let name = &token.name;
            warn!("token {name}: the configuration has one too, and that counts; revoke this one");
        }
        is_settled
    }

    /// Goes by another configuration from now on. Nothing comes of it where this program failed: then what
    /// runs is what ran before, but for what the node took by then, and the next one is sent to it whole.
    pub(super) fn apply(&mut self, prepared: Prepared) -> Option<Told> {
        self.step(|it| it.apply_whole(prepared))
    }

    fn apply_whole(&mut self, prepared: Prepared) -> Option<Told> {
        let Prepared { running, settings, comparison, warnings } = prepared;
        let is_another = !comparison.changed.is_empty() || self.is_between;
        self.is_between = true;
        if is_another {
            // First: what runs is what the next one is compared with.
            let geo = Arc::clone(&running.geography.built);
            let reload = Box::new(Reload { settings, geo });
            self.handle(Event::Reload(reload)).then_some(())?;
            self.dns.count(&running.config);
        }
        self.logs.set_level(running.logging.level);
        self.edges.allow(access_of(&running.config, self.node.tokens()));
        self.edges.secure(running.tls.as_ref());
        self.running = Arc::new(running);
        self.settle_trust().then_some(())?;
        self.is_between = false;
        Some(tell(Ok((&comparison, &warnings)), &self.running.digest))
    }
}
