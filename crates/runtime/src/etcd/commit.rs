//! A change: one transaction, which holds only where each row is as it was seen last. And rows in bulk, some at a
//! time.
//!
//! Each change has a connection of its own: it is sent where one stands, and once. So it is known not to be
//! done unless it was sent.

use overwatch::Snapshot;
use store::{Known, SharedRow, shared};

use super::follow::read_all;
use super::session::Session;
use super::{Etcd, EtcdError, wire};
use crate::panics::caught;
use crate::random;

/// Rows in one transaction. etcd takes 128 operations by default; one may be about the lease.
pub(crate) const ROWS_MAX: usize = 120;
/// Bytes of rows that are brought in at once: a third of what etcd takes in one request by default (1.5 MiB). A row
/// that is longer goes alone.
const BYTES_MAX: usize = 512 * 1024;

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done, as this revision.
    Done(u64),
    /// It is not: these rows are others by now, the last since this revision.
    Lost(Vec<String>, u64),
    /// It is not: another overwatch has the lease.
    NotHeld,
}

/// Changes rows, where each has the revision that it says; with a lease, where that is the holder's. A fault of
/// this program is an error like any other: whoever waits for what is decided hears of it.
pub(crate) async fn commit(
    etcd: &Etcd,
    rows: &[SharedRow],
    lease: Option<u64>,
) -> Result<Outcome, EtcdError> {
    caught(commit_anew(etcd, rows, lease)).await.unwrap_or(Err(EtcdError::Fault))
}

async fn commit_anew(
    etcd: &Etcd,
    rows: &[SharedRow],
    lease: Option<u64>,
) -> Result<Outcome, EtcdError> {
    #[cfg(test)]
    assert!(etcd.prefix != FAULT, "as asked");
    let mut session = Session::open(etcd).await?;
    commit_with(etcd, &mut session, rows, lease).await
}

async fn commit_with(
    etcd: &Etcd,
    session: &mut Session,
    rows: &[SharedRow],
    lease: Option<u64>,
) -> Result<Outcome, EtcdError> {
    let key = |row: &SharedRow| format!("{}{}", etcd.rows(), row.name);
    let compare = rows.iter().map(|row| wire::is_at(&key(row), row.revision));
    let held = lease.map(|lease| wire::is_leased(&etcd.holder(), lease));
    let then = rows.iter().map(|row| match &row.bytes {
        Some(bytes) => wire::put(&key(row), bytes, 0),
        None => wire::delete(&key(row)),
    });
    let otherwise = rows.iter().map(|row| wire::look(&key(row)));
    let (compare, then) = (compare.chain(held).collect(), then.collect());
    let request = wire::transaction(compare, then, otherwise.collect());
    let answer = session.ask("/v3/kv/txn", &request).await?;
    let decided = session.read(wire::read_transaction(&answer))?;
    if decided.is_done {
        return Ok(Outcome::Done(decided.revision));
    }
    let found = decided.found.iter().map(|range| range.entries.first().map_or(0, |e| e.revision));
    let others = rows.iter().zip(found).filter(|(row, found)| row.revision != *found);
    let (names, since): (Vec<String>, Vec<u64>) =
        others.map(|(row, found)| (row.name.clone(), found)).unzip();
    match since.into_iter().max() {
        Some(since) => Ok(Outcome::Lost(names, since)),
        None => Ok(Outcome::NotHeld),
    }
}

/// Brings these rows in, in place of what there is, where nothing was ever brought in. Done by the holder
/// alone; what was begun by one that fell is begun anew. Each goes on only as long as the mark is its own:
/// two of them never mix, and whoever begins later ends the other.
///
/// Whether all of it is there now; if not, another one has the lease, or has begun or ended the same.
pub(crate) async fn bring_in(
    etcd: &Etcd,
    rows: &Snapshot,
    lease: Option<u64>,
) -> Result<bool, EtcdError> {
    let mut session = Session::open(etcd).await?;
    let mark = random::hexadecimal().ok_or_else(|| "the system gives no random bytes".into());
    let (mark, marked) = (session.read(mark)?, etcd.bringing());
    let mut must = vec![wire::is_at(&etcd.format(), 0)];
    must.extend(lease.map(|lease| wire::is_leased(&etcd.holder(), lease)));
    let mut steps =
        vec![vec![wire::put(&marked, mark.as_bytes(), 0), wire::delete_all(&etcd.rows())]];
    let changes = Snapshot::default().changes_to(rows);
    let proposal = session.read(Known::default().propose(changes))?;
    steps.extend(pieces(&proposal.rows).map(|piece| {
        let puts = piece.iter().filter_map(|row| {
            let key = format!("{}{}", etcd.rows(), row.name);
            Some(wire::put(&key, row.bytes.as_ref()?, 0))
        });
        puts.collect()
    }));
    let format = wire::put(&etcd.format(), shared::format().as_bytes(), 0);
    steps.push(vec![format, wire::delete(&marked)]);
    for (number, step) in steps.into_iter().enumerate() {
        let request = wire::transaction(must.clone(), step, Vec::new());
        if number == 0 {
            must.push(wire::says(&marked, mark.as_bytes()));
        }
        let answer = session.ask("/v3/kv/txn", &request).await?;
        if !session.read(wire::read_transaction(&answer))?.is_done {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Rows in pieces that etcd takes at once, in their order.
fn pieces(rows: &[SharedRow]) -> impl Iterator<Item = &[SharedRow]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |row: &&SharedRow| {
            bytes += row.name.len() + row.bytes.as_ref().map_or(0, |bytes| bytes.len());
            bytes <= BYTES_MAX
        };
        let count = rest.iter().take(ROWS_MAX).take_while(fits).count().max(1);
        let (piece, others) = rest.split_at_checked(count)?;
        rest = others;
        Some(piece)
    })
}

/// Makes the rows those of a backup, as many at a time as a transaction takes. Says how many differed.
///
/// # Errors
///
/// Where some were changed, that is [`EtcdError::Partly`].
pub(crate) async fn bring_to(etcd: &Etcd, rows: &Snapshot) -> Result<usize, EtcdError> {
    let mut session = Session::open(etcd).await?;
    let Some((there, revision)) = read_all(etcd, &mut session).await? else {
        if !bring_in(etcd, rows, None).await? {
            let names = vec!["all rows, since another overwatch brings its own in,".to_owned()];
            return Err(EtcdError::Changed { names });
        }
        return Ok(Snapshot::default().changes_to(rows).len());
    };
    let mut known = Known::default();
    known.take_all(there, revision);
    let changes = known.rows().changes_to(rows);
    let all = session.read(known.propose(changes))?;
    let mut done = 0;
    for piece in pieces(&all.rows) {
        let committed = commit_with(etcd, &mut session, piece, None).await;
        let fault = match committed {
            Ok(Outcome::Done(_) | Outcome::NotHeld) => {
                done += piece.len();
                continue;
            }
            Ok(Outcome::Lost(names, _)) => EtcdError::Changed { names },
            Err(error) => error,
        };
        let source = Box::new(fault);
        return Err(if done > 0 { EtcdError::Partly { rows: done, source } } else { *source });
    }
    Ok(all.rows.len())
}

/// The prefix under which nothing is changed, but this program fails.
#[cfg(test)]
const FAULT: &str = "/fault";

#[cfg(test)]
mod tests {
    use config::EtcdSettings;

    use super::*;

    #[tokio::test]
    async fn a_fault_is_told_to_whoever_waits() {
        let endpoints = vec!["http://127.0.0.1:1".parse().unwrap()];
        let (prefix, ca, identity, login) = (FAULT.to_owned(), None, None, None);
        let settings = EtcdSettings { endpoints, prefix, ca, identity, login };
        let etcd = Etcd::new(&settings, "one").unwrap();
        let decided = commit(&etcd, &[], None).await;
        assert!(matches!(decided, Err(EtcdError::Fault)), "{decided:?}");
    }
}
