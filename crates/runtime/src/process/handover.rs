//! One process takes the place of another, with no query lost: a new binary, or a configuration that
//! needs a restart. See decision 37.
//!
//! ```text
//! new: hello ------------------------------> old
//! new <-------- every socket, then "offered" old answers DNS
//! new: give (it has tried all it needs) ---> old writes what waits, then stops agents, API and store
//! new <------------- baton: who has to come  old answers DNS
//! new: agents come back, maps are made       old answers DNS
//! new: answering --------------------------> both answer DNS
//! new <----------------------- end of stream old answers what it took, and ends
//! ```
//!
//! An old process whose store cannot be written says no instead of the baton: what it could not write, the new
//! one would not know. A disk that is slow has its time while all is served. What operators say to the new one
//! before it answers waits until it does, and so does all that it would write to the store: should it fail first,
//! nothing was said, and the old one finds what it left.
//!
//! If either end breaks off, or takes too long, the one that can answers alone: before `answering`
//! that is the old process, which takes back what it gave; a new one whose old one died answers at
//! once.
//!
//! - `wire`: messages with sockets over a local stream,
//! - `giving`: the old process's end,
//! - `taking`: the new one's.

pub(super) mod wire;

pub(super) mod giving;

pub(super) mod taking;

use std::time::Duration;

/// The version of the messages. Another one is refused, and the new process starts as an ordinary
/// one, after the old.
const PROTOCOL: u32 = 1;

/// How long the new process may take to read its files before it asks for the baton: the largest
/// databases and zones take seconds.
const READING_MAX: Duration = Duration::from_secs(120);

/// How long a hand-over waits for the old process's disk: for what is to be written while all is served, and
/// again until the store is closed, while DNS is. A disk that other work keeps busy takes seconds; with one that
/// takes longer the old process goes on, and says so.
const DISK_MAX: Duration = Duration::from_secs(20);

/// How long the new one waits for the baton: twice that, what the end of the learned table may take, and a
/// message.
const BATON_MAX: Duration = Duration::from_secs(60);

/// How long it waits for agents that were there and do not come back: one does within a second, one
/// whose host is loaded within ten.
pub(super) const RESYNC_MAX: Duration = Duration::from_secs(30);

/// How long the old process answers by what it knew: then the new one has failed.
const TAKING_MAX: Duration = Duration::from_secs(60);

/// For one message that is due at once.
const MESSAGE_MAX: Duration = Duration::from_secs(10);

/// Why a hand-over does not come about.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// There is nobody to take over from.
    #[error("nobody hands over at {path}: without --take-over the process starts by itself")]
    Nobody {
        /// The socket.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The other end is another user's process.
    #[error("the process at the other end belongs to user {uid}")]
    Stranger {
        /// Whose.
        uid: u32,
    },
    /// One of the two said no.
    #[error("refused: {why}")]
    Refused {
        /// Why.
        why: String,
    },
    /// It answers again: this process took too long.
    #[error("this process took too long; the other one answers again")]
    TooLate,
    /// It did not answer in time.
    #[error("the other process says nothing")]
    Silent,
    /// It said something that has no place there.
    #[error("the other process says what has no place here")]
    Unexpected,
    /// It broke off.
    #[error("the other process broke off")]
    Broken(#[source] std::io::Error),
}
