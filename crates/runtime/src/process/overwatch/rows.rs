//! What was learned, kept on disk: when it is handed to the thread that writes it, who writes it while one
//! process follows another, and what is said of it. Where nothing is kept all of this does nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::overwatch::{Effect, Event, Overwatch, Settings, Snapshot};
use tracing::info;

use super::super::table_file::{self, TableKeeper};
use super::Process;
use super::running::Running;
use crate::clock::Clock;

/// How long the first answer waits for what was read to be in the maps: what a hundred thousand networks
/// take at most on a slow machine. Of more the rest follows while it answers.
const FIRST_MAPS: Duration = Duration::from_secs(2);

impl Process {
    /// Hands on what changed. Expected once a second.
    pub(super) fn keep_rows(&mut self) {
        if let Some(rows) = &mut self.rows {
            rows.look(&mut self.node, self.clock.now());
        }
    }

    /// Hands it on within a second where there is much; and whole where an event may have left half of
    /// what it did.
    pub(super) fn look_after_rows(&mut self, is_sound: bool) {
        let Some(rows) = &mut self.rows else { return };
        if !is_sound {
            rows.doubt();
        }
        if TableKeeper::is_due(&self.node) {
            self.keep_rows();
        }
    }

    /// Writes the last of it: another process goes on, or none.
    pub(super) fn give_rows(&mut self) {
        if let Some(rows) = self.rows.take() {
            rows.stop(&mut self.node, self.clock.now());
        }
    }

    /// Goes on behind another process that did not.
    pub(super) fn take_rows_back(&mut self) {
        let config = &self.running.config;
        let (data, is_kept) = (Path::new(&config.data_dir), config.persists_table);
        self.rows = table_file::open_again(data, is_kept, self.clock.now());
    }

    /// What is to be said where nothing is kept although it should be.
    pub(super) fn unkept_rows(&self) -> Option<String> {
        let is_wanted = self.running.config.persists_table && self.edges.is_served();
        let kept = self.rows.as_ref().map(|rows| rows.kept(self.clock.now()));
        if !is_wanted || kept.is_some_and(|kept| kept.is_kept) {
            return None;
        }
        let since =
            kept.map_or_else(String::new, |kept| format!(" for {} s", kept.unsaved_ms / 1_000));
        Some(format!("what is learned has not been kept on disk{since}: see the log"))
    }
}

/// The node, with what was kept of what it learned; and who keeps that from now on.
pub(super) fn begin(
    running: &Running,
    settings: Settings,
    snapshot: Snapshot,
    clock: Clock,
) -> (Overwatch, Option<TableKeeper>) {
    let (geo, data) = (Arc::clone(&running.geography.built), Path::new(&running.config.data_dir));
    let kept = (running.config.persists_table, settings.table);
    let mut node = Overwatch::new(settings, geo, snapshot, clock.now());
    let rows = table_file::open(data, kept, &mut node, clock.now());
    (node, rows)
}

/// Brings what was read into the maps, as far as there is time.
pub(super) fn into_maps(node: &mut Overwatch, clock: Clock, first: &mut Vec<Effect>) {
    let began = Instant::now();
    while !node.is_compiled() {
        if began.elapsed() > FIRST_MAPS {
            info!("not all that was learned is in the maps yet; answering goes on meanwhile");
            return;
        }
        first.extend(node.handle(Event::Tick, clock.now()));
    }
}
