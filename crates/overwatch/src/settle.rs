//! What follows from an event that may have changed a standing, whichever it was: checks to run,
//! standings, what to keep, what is learned, what to publish.

use std::collections::{BTreeMap, BTreeSet};

use health::{CheckState, HeartbeatTerms, Standing};
use model::{BackendKey, Region, Service, Time};
use routing::Learning;

use crate::{BackendRow, Change, Effect, HealthRow, Note, Overwatch, Source, registry};

impl Overwatch {
    /// Brings everything that is derived up to date after an event, and says what follows.
    pub(crate) fn settle(&mut self, now: Time, out: &mut Vec<Effect>) {
        // Which checks there are follows from what the backends are, and from nothing else.
        if !self.touched.is_empty() {
            self.watch(out);
        }
        let agents = &self.agents;
        let changes = self.registry.refresh(now, |agent| agents.liveness(agent, now));
        self.publish_changes(changes, now, out);
    }

    /// Tells the edge which checks to run, where that changed.
    pub(crate) fn watch(&mut self, out: &mut Vec<Effect>) {
        let wanted = self.registry.watches();
        for backend in self.watching.keys().filter(|key| !wanted.contains_key(*key)) {
            out.push(Effect::Unwatch { backend: backend.clone() });
        }
        for (backend, spec) in &wanted {
            if self.watching.get(backend) != Some(spec) {
                out.push(Effect::Watch { backend: backend.clone(), spec: spec.clone() });
            }
        }
        self.watching = wanted;
    }

    /// Logs and keeps what changed about backends, and publishes the view if it did.
    pub(crate) fn publish_changes(
        &mut self,
        changes: Vec<registry::Change>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let mut services: BTreeSet<Service> = BTreeSet::new();
        let mut keep = Vec::new();
        for key in std::mem::take(&mut self.touched) {
            keep.push(
                self.row_of(&key)
                    .map_or_else(|| Change::RemoveBackend(key.clone()), Change::PutBackend),
            );
            if self.registry.get(&key).is_none() {
                keep.push(Change::RemoveHealth(key.clone()));
            }
            services.insert(key.service);
        }
        for registry::Change { key, from, to, by } in changes {
            let Some(entry) = self.registry.get(&key) else { continue };
            services.insert(key.service.clone());
            let last_up = if to == Standing::Up { Some(now) } else { entry.last_up };
            let row = HealthRow { standing: to, since: entry.since, last_up };
            keep.push(Change::PutHealth(key.clone(), row));
            if from == to {
                continue;
            }
            let error = entry.validation.as_ref().and_then(CheckState::last_error);
            let error = error.filter(|_| to == Standing::Down).map(ToString::to_string);
            out.push(Effect::Log(Note::Standing { backend: key, from, to, by, error }));
        }
        if !keep.is_empty() {
            out.push(Effect::Keep(keep));
        }
        self.publisher.stand(&services, &self.registry, now);
        out.extend(self.publisher.publish().map(Effect::Publish));
    }

    /// Hands on which rows changed, and where agents are there to measure who comes.
    pub(crate) fn learn(&mut self, now: Time) {
        if self.hand.take_due() {
            self.publisher.set_hand(&self.hand);
        }
        let mut reporting: BTreeMap<Service, BTreeSet<Region>> = BTreeMap::new();
        for (agent, lane) in self.table.lanes() {
            // What a held agent measures does not count, so nothing is found out there.
            let measures = self.agents.is_there(agent, now) && !self.is_held(agent);
            for service in lane.services.iter().filter(|_| measures) {
                reporting.entry(service.clone()).or_default().insert(lane.region.clone());
            }
        }
        self.publisher.learn(self.table.take_changes(), reporting, now);
    }

    /// What each domain learned, in the order of the view's list.
    pub fn learning(&self) -> impl Iterator<Item = &Learning> {
        self.publisher.learning()
    }

    /// A backend as it is kept.
    pub(crate) fn row_of(&self, key: &BackendKey) -> Option<BackendRow> {
        let entry = self.registry.get(key)?;
        let source = match &entry.agent {
            Some(id) if !entry.is_configured => {
                let session = self.agents.get(id).and_then(|record| record.session);
                let default =
                    HeartbeatTerms { interval_ms: self.stale.threshold_ms, missed_threshold: 1 };
                let heartbeat = session.map_or(default, |session| session.terms());
                Source::Agent { id: id.clone(), heartbeat }
            }
            _ => Source::Config,
        };
        Some(BackendRow {
            backend: entry.backend.clone(),
            source,
            check: entry.check.clone(),
            override_: entry.spoken.override_,
            is_draining: entry.spoken.drain.is_some_and(|drain| drain.to_permille >= 1_000),
        })
    }
}
