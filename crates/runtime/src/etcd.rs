//! etcd, where several overwatches share what operators make: by its JSON gateway, over HTTP/1.1.
//!
//! Only asks and tells: what rows mean is `store`'s, what follows is the loop's. What comes from etcd is
//! taken for foreign bytes. Must never be waited for by the loop, and never log a row: zones' keys are
//! among them. In the order of a change:
//!
//! - `wire`: requests and answers as JSON,
//! - `session`: one connection,
//! - `distrust`: what to look at where TLS does not come about,
//! - `follow`: what is there, and what changes,
//! - `commit`: a change, and rows in bulk,
//! - `lease`: who looks after the rows.

pub(crate) mod wire;

mod session;

mod distrust;

pub(crate) mod follow;

pub(crate) mod commit;

mod lease;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use config::{EtcdEndpoint, EtcdSettings};
use store::SharedRow;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::panics::{caught, rest};
use crate::trust::{TrustError, tls_client_as};

/// How etcd is reached, and where the rows lie in it.
pub(crate) struct Etcd {
    endpoints: Vec<EtcdEndpoint>,
    /// The endpoint that answered last: it is asked first.
    preferred: Arc<AtomicUsize>,
    tls: Option<TlsConnector>,
    /// A user, and the file of the password.
    login: Option<(String, String)>,
    prefix: String,
    /// What this overwatch calls itself.
    node: String,
    /// [`follow::LOOK_EVERY`], but for tests.
    look_every: Duration,
}

impl std::fmt::Debug for Etcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Etcd").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// What is heard of it.
#[derive(Debug)]
pub(crate) enum News {
    /// Nothing was ever brought in: whoever holds the lease does it.
    Empty,
    /// All rows, as they were at a revision.
    All(Vec<SharedRow>, u64),
    /// Rows that changed, in their order.
    Changed(Vec<SharedRow>),
    /// All that was told so far is all that there is, and what changes from now on is told.
    InStep,
    /// It cannot be followed, and why; this is tried on.
    Away(String),
    /// The lease that this overwatch holds; `None` where it holds none.
    Lease(Option<u64>),
    /// It is followed anew, as the start of this number: what was told before is of an earlier one.
    Begins(u64),
    /// What was begun to be brought in is, or another one brings its own in; or why it is not taken.
    BroughtIn(Option<String>),
}

/// Why etcd did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EtcdError {
    /// No connection.
    #[error("{endpoint} is not reached")]
    Unreached {
        /// Where.
        endpoint: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This program failed while it asked.
    #[error("this program failed")]
    Fault,
    /// One of the two does not trust the other; nothing was asked.
    #[error("{endpoint}: {advice}")]
    Untrusted {
        /// Where.
        endpoint: String,
        /// What to look at.
        advice: &'static str,
        /// What TLS says.
        source: rustls::Error,
    },
    /// It said no.
    #[error("{endpoint} refuses: {message}{}", wire::advice(.message))]
    Refused {
        /// Where.
        endpoint: String,
        /// What it said, cut.
        message: String,
        /// Whether what was asked for is certainly not done; without a majority it may be done later.
        is_certain: bool,
    },
    /// The rows are others by now.
    #[error("{} changed meanwhile: restore it again", .names.join(", "))]
    Changed {
        /// Which.
        names: Vec<String>,
    },
    /// It broke off in the middle of many rows.
    #[error("{rows} rows were changed in etcd, and not the rest: restore it again")]
    Partly {
        /// How many were.
        rows: usize,
        /// Why not the rest.
        source: Box<Self>,
    },
    /// The connection broke, or nothing came for too long: what was asked may have been done.
    #[error("{endpoint} does not answer")]
    Silent {
        /// Where.
        endpoint: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It said what means nothing.
    #[error("{endpoint} answers with what means nothing")]
    Nonsense {
        /// Where.
        endpoint: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A later release wrote there.
    #[error(transparent)]
    Format(#[from] store::shared::FormatError),
    /// The password cannot be read.
    #[error("overwatch.store.etcd.password_file: {path} cannot be read")]
    Password {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Etcd {
    /// As configured.
    ///
    /// # Errors
    ///
    /// The certificates cannot be read or used.
    pub(crate) fn new(settings: &EtcdSettings, node: &str) -> Result<Self, TrustError> {
        let tls = settings.ca.as_ref().map(|ca| {
            let own = settings.identity.as_ref();
            let own = own.map(|(cert, key)| (cert.as_ref(), key.as_ref()));
            tls_client_as(ca.as_ref(), own)
        });
        Ok(Self {
            endpoints: settings.endpoints.clone(),
            preferred: Arc::new(AtomicUsize::new(0)),
            tls: tls.transpose()?,
            login: settings.login.clone(),
            prefix: settings.prefix.clone(),
            node: node.to_owned(),
            look_every: follow::LOOK_EVERY,
        })
    }

    /// The endpoints, for people.
    pub(crate) fn names(&self) -> String {
        let names: Vec<String> = self.endpoints.iter().map(ToString::to_string).collect();
        names.join(", ")
    }

    /// The endpoints, each with its place, the one that answered last first.
    fn in_turn(&self) -> impl Iterator<Item = (usize, &EtcdEndpoint)> {
        let first = self.preferred.load(Ordering::Relaxed);
        let count = self.endpoints.len();
        (0..count).filter_map(move |step| {
            let at = (first + step) % count;
            Some((at, self.endpoints.get(at)?))
        })
    }

    fn rows(&self) -> String {
        format!("{}/rows/", self.prefix)
    }

    fn format(&self) -> String {
        format!("{}/format", self.prefix)
    }

    fn bringing(&self) -> String {
        format!("{}/bringing", self.prefix)
    }

    fn holder(&self) -> String {
        format!("{}/holder", self.prefix)
    }
}

/// What goes on with etcd beside the loop. Dropping it ends all of it.
#[derive(Debug)]
pub(crate) struct Following(JoinHandle<()>);

impl Following {
    /// Follows what changes, and asks for the lease.
    ///
    /// First it is told that this is start number `number`.
    pub(crate) fn start(etcd: &Arc<Etcd>, news: &mpsc::Sender<News>, number: u64) -> Self {
        let begins = news.clone();
        // A fault of this program begins each of them anew.
        let (at, to) = (Arc::clone(etcd), news.clone());
        let follow = async move {
            while caught(follow::follow(Arc::clone(&at), to.clone())).await.is_err() {
                rest().await;
            }
        };
        let (at, to) = (Arc::clone(etcd), news.clone());
        let lease = async move {
            while caught(lease::hold(Arc::clone(&at), to.clone())).await.is_err() {
                rest().await;
            }
        };
        Self(tokio::spawn(async move {
            // Where nobody listens any more they end by themselves.
            let _ = begins.send(News::Begins(number)).await;
            tokio::join!(follow, lease);
        }))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests;
