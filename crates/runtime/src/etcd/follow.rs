//! What is there, and what changes: one watch, from the revision that was seen last.
//!
//! A read that needs a majority goes beside it, so that an endpoint without one, or one that is gone without a
//! word, is noticed. The two may end at different members: a watch that tells nothing of what the read finds is
//! dead. Where the watch cannot go on from where it was, or is dead, all rows are read again.

use std::sync::Arc;
use std::time::Duration;

use store::{SharedRow, shared};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::session::Session;
use super::wire::{self, Range, Watched};
use super::{Etcd, EtcdError, News};
use crate::logs::chain;

/// How long until it is tried again; an etcd that is back is found within this.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How often etcd is asked whether it is there, and whether the watch tells all of it.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Keys read at once: a page of them stays far below what an answer may have.
const PAGE: usize = 500;
/// Rows that are taken; the file has the same limit for each table. With more it is none of ours.
const ROWS_MAX: usize = 200_000;

/// Follows until nobody listens.
pub(super) async fn follow(etcd: Arc<Etcd>, news: mpsc::Sender<News>) {
    let mut from = None;
    while !news.is_closed() {
        if let Err(error) = follow_once(&etcd, &mut from, &news).await {
            if let EtcdError::Nonsense { .. } = &error {
                // A line that is too long would come again and again: all rows are read instead.
                from = None;
            }
            let away = News::Away(chain(&error));
            if news.send(away).await.is_err() {
                return;
            }
            sleep(AGAIN_AFTER).await;
        }
    }
}

/// Until something breaks; `Ok` where all rows have to be read again.
async fn follow_once(
    etcd: &Etcd,
    from: &mut Option<u64>,
    news: &mpsc::Sender<News>,
) -> Result<(), EtcdError> {
    let mut beside = Session::open(etcd).await?;
    let next = match *from {
        Some(next) => next,
        None => match read_all(etcd, &mut beside).await? {
            None => {
                tell(news, News::Empty).await;
                sleep(AGAIN_AFTER).await;
                return Ok(());
            }
            Some((rows, revision)) => {
                tell(news, News::All(rows, revision)).await;
                revision + 1
            }
        },
    };
    // If it ends from here on, it goes on from here.
    *from = Some(next);
    let mut looks = Looks { unheard: None };
    if !looks.look(etcd, &mut beside, next).await? {
        *from = None;
        return Ok(());
    }
    let watch = wire::watch(&etcd.rows(), next);
    let (_session, mut lines) = Session::open(etcd).await?.stream("/v3/watch", &watch).await?;
    // What was found before the watch began, it has that long to tell.
    let mut due = interval_at(Instant::now() + etcd.look_every, etcd.look_every);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            line = lines.next() => {
                if !hear(etcd, &line?, from, news).await? {
                    return Ok(());
                }
            }
            _ = due.tick() => {
                if !looks.look(etcd, &mut beside, from.unwrap_or(0)).await? {
                    *from = None;
                    return Ok(());
                }
            }
        }
    }
}

/// Takes a line of the watch. Whether it goes on.
async fn hear(
    etcd: &Etcd,
    line: &[u8],
    from: &mut Option<u64>,
    news: &mpsc::Sender<News>,
) -> Result<bool, EtcdError> {
    let endpoint = || etcd.names();
    let watched = wire::read_watched(line)
        .map_err(|source| EtcdError::Nonsense { endpoint: endpoint(), source })?;
    match watched {
        Watched::Nothing => {}
        Watched::Begins => tell(news, News::InStep).await,
        Watched::Changed(entries) => {
            let last = entries.iter().map(|(entry, _)| entry.revision).max().unwrap_or(0);
            let prefix = etcd.rows();
            let rows = entries.into_iter();
            let rows = rows.filter_map(|(entry, is_there)| wire::row_of(&prefix, entry, is_there));
            tell(news, News::Changed(rows.collect())).await;
            *from = Some(from.unwrap_or(0).max(last + 1));
        }
        Watched::Compacted => {
            *from = None;
            return Ok(false);
        }
        Watched::Ends(message) => {
            return Err(EtcdError::Refused { endpoint: endpoint(), message, is_certain: true });
        }
    }
    Ok(true)
}

/// What the last look found that the watch had not told.
struct Looks {
    unheard: Option<u64>,
}

impl Looks {
    /// Looks by reads that need a majority. Whether the watch, which goes on from `next`, can be believed: not where
    /// etcd came back without its last changes, nor where it has not told in all that time what the look before
    /// found.
    async fn look(
        &mut self,
        etcd: &Etcd,
        session: &mut Session,
        next: u64,
    ) -> Result<bool, EtcdError> {
        let answer = session.ask("/v3/kv/range", &wire::one(&etcd.format())).await?;
        let now = session.read(wire::read_range(&answer))?.revision;
        if now + 1 < next || self.unheard.take().is_some_and(|unheard| unheard >= next) {
            return Ok(false);
        }
        // etcd goes through all rows for it: only where anything happened at all.
        if now >= next {
            let newest = wire::newest(&etcd.rows(), next);
            let answer = session.ask("/v3/kv/range", &newest).await?;
            let entries = session.read(wire::read_range(&answer))?.entries;
            let revisions = entries.iter().map(|entry| entry.revision);
            self.unheard = revisions.max().filter(|revision| *revision >= next);
        }
        Ok(true)
    }
}

/// All rows, and the revision that they are of; `None` where nothing was ever brought in.
pub(super) async fn read_all(
    etcd: &Etcd,
    session: &mut Session,
) -> Result<Option<(Vec<SharedRow>, u64)>, EtcdError> {
    let answer = session.ask("/v3/kv/range", &wire::one(&etcd.format())).await?;
    let Range { entries, revision, .. } = session.read(wire::read_range(&answer))?;
    let Some(format) = entries.first() else { return Ok(None) };
    shared::check_format(&String::from_utf8_lossy(&format.value))?;
    let (prefix, mut from, mut rows) = (etcd.rows(), etcd.rows().into_bytes(), Vec::new());
    loop {
        let page = wire::range(&prefix, &from, PAGE, revision);
        let answer = session.ask("/v3/kv/range", &page).await?;
        let Range { entries, has_more, .. } = session.read(wire::read_range(&answer))?;
        if let Some(last) = entries.last() {
            // The first key behind it.
            from = [last.key.as_slice(), &[0]].concat();
        }
        let is_over = !has_more || entries.is_empty();
        rows.extend(entries.into_iter().filter_map(|entry| wire::row_of(&prefix, entry, true)));
        if is_over {
            return Ok(Some((rows, revision)));
        }
        if rows.len() > ROWS_MAX {
            session.read(Err(format!("there are more than {ROWS_MAX} rows").into()))?;
        }
    }
}

/// Where nobody listens any more, the task ends by itself.
async fn tell(news: &mpsc::Sender<News>, what: News) {
    let _ = news.send(what).await;
}
