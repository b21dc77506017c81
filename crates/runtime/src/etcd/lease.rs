//! Who looks after the rows: whoever has put its name where nobody's was, for as long as its lease is kept.
//!
//! A process that stood still for longer than that is told so by its next change: each of them says whose lease
//! it goes by.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::debug;

use super::session::Session;
use super::{Etcd, EtcdError, News, wire};
use crate::logs::chain;

/// For how long a lease holds that is not kept: as long as nobody makes keys once the holder is gone.
const LEASE_S: u64 = 15;
/// How often it is kept, or asked for: three times in its time.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// How soon it is tried again where etcd was not reached.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Keeps asking, and keeping, until nobody listens.
pub(super) async fn hold(etcd: Arc<Etcd>, news: mpsc::Sender<News>) {
    let (mut lease, mut told) = (None, None);
    loop {
        let held = hold_once(&etcd, &mut lease).await;
        let pause = if held.is_ok() { KEEP_EVERY } else { AGAIN_AFTER };
        let held = held.unwrap_or_else(|error| {
            debug!("no lease: {}", chain(&error));
            None
        });
        if told != Some(held) {
            if news.send(News::Lease(held)).await.is_err() {
                return;
            }
            told = Some(held);
        }
        sleep(pause).await;
    }
}

/// The lease, where this overwatch is the holder by it.
pub(super) async fn hold_once(
    etcd: &Etcd,
    lease: &mut Option<u64>,
) -> Result<Option<u64>, EtcdError> {
    let mut session = Session::open(etcd).await?;
    if let Some(known) = *lease {
        let request = json!({ "ID": known.to_string() });
        let answer = session.ask("/v3/lease/keepalive", &request).await?;
        if !session.read(wire::read_kept(&answer))? {
            *lease = None;
        }
    }
    let known = match *lease {
        Some(known) => known,
        None => {
            let request = json!({ "TTL": LEASE_S.to_string() });
            let answer = session.ask("/v3/lease/grant", &request).await?;
            session.read(wire::read_lease(&answer))?
        }
    };
    *lease = Some(known);
    let holder = etcd.holder();
    let (free, mine) = (wire::is_at(&holder, 0), wire::put(&holder, etcd.node.as_bytes(), known));
    let request = wire::transaction(vec![free], vec![mine], vec![wire::look(&holder)]);
    let answer = session.ask("/v3/kv/txn", &request).await?;
    let decided = session.read(wire::read_transaction(&answer))?;
    let holding = decided.found.first().and_then(|range| range.entries.first());
    let is_mine = decided.is_done || holding.is_some_and(|entry| entry.lease == known);
    Ok(is_mine.then_some(known))
}

impl Etcd {
    /// Gives a lease back, so that another one need not wait for its end.
    pub(crate) async fn give_back(&self, lease: u64) {
        let request = json!({ "ID": lease.to_string() });
        let given = async { Session::open(self).await?.ask("/v3/lease/revoke", &request).await };
        // It ends by itself where this fails.
        let given: Result<_, EtcdError> = given.await;
        drop(given);
    }
}
