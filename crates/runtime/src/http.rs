//! The overwatch over HTTP: what it knows, for people and programs.
//!
//! ```text
//! TCP  api.address        reading, from allowed_networks            \
//!                                                                     router -> the node's loop
//! unix <data_dir>/control.sock   reading and an operator's words   /
//! ```
//!
//! Writing goes through the local socket alone, whose file only the process's own user may open:
//! no secret to leak, nothing to guess over the network. Documents are made by the node itself, one
//! question at a time; a handler only carries question and answer.

mod access;

mod by_hand;

mod keys;

mod operator;

mod routes;

pub(crate) mod serve;

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use dns::NameBuf;
use model::Subnet;
use overwatch::{Command, Objection};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

pub use access::Access;

/// A question to the node and where the answer goes.
#[derive(Debug)]
pub struct Ask {
    /// What is asked.
    pub question: Question,
    /// Who waits for it; gone where a client gave up.
    pub reply: oneshot::Sender<Told>,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which program and which configuration this is.
    Version,
    /// The learned table.
    Latency,
    /// The steered domains.
    Domains,
    /// The backends.
    Backends,
    /// The agents.
    Agents,
    /// The whole, in short.
    Cluster {
        /// How many agents there should be.
        expected_agents: Option<usize>,
    },
    /// Where a client is sent, and why.
    Explain {
        /// Of which domain.
        domain: String,
        /// Which network; its first address.
        client: Subnet,
    },
    /// The networks that are pinned by hand.
    Pins,
    /// The regions, and how far they are drained by hand.
    Regions,
    /// What learning may do.
    Learning,
    /// Whose questions resolvers ask.
    Resolvers,
    /// What operators said.
    Audit,
    /// The signed zones.
    SignedZones,
    /// What the zone above has to say of one.
    DsRecords(NameBuf),
    /// A zone's keys, secrets included. Only the local socket asks that.
    ExportKeys(NameBuf),
    /// Whether answers are good.
    Ready,
    /// The configuration is to be read again. Only the local socket asks that.
    Reload,
    /// An operator's word.
    Command(Command),
}

/// What comes back.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A document as JSON, its fields in the order of the contract.
    Document(String),
    /// That answers are good, or not.
    Ready {
        /// Whether they are.
        is_ready: bool,
        /// The document that says so.
        document: String,
    },
    /// The configuration was not taken; a document that says why.
    Invalid(String),
    /// A zone's keys.
    Keys(KeyText),
    /// The word was carried out.
    Done,
    /// The word was not carried out.
    Objected(Objection),
}

/// A zone's keys as text: wiped when it is dropped, and never shown by accident.
#[derive(Clone, PartialEq)]
pub struct KeyText(Zeroizing<String>);

impl KeyText {
    /// Of secret text.
    #[must_use]
    pub const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The secrets.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for KeyText {
    /// Without the text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyText")
    }
}

/// The servers. Dropping them ends both; the sockets are whoever's who made them.
#[derive(Debug)]
pub struct HttpServers {
    tasks: Vec<JoinHandle<()>>,
    local: Option<SocketAddr>,
}

impl HttpServers {
    /// Serves the API on sockets that listen: by TCP where there is one, to those whom the access of
    /// the moment allows, and always by the local socket.
    #[must_use]
    pub fn start(
        tcp: Option<(TcpListener, Arc<ArcSwap<Access>>)>,
        control: UnixListener,
        node: mpsc::Sender<Ask>,
    ) -> Self {
        let mut servers = Self { tasks: Vec::new(), local: None };
        if let Some((listener, access)) = tcp {
            servers.local = listener.local_addr().ok();
            let router = access::guard(routes::reading(node.clone()), access);
            servers.tasks.push(tokio::spawn(serve::serve(listener, router)));
        }
        let router = routes::reading(node.clone()).merge(operator::routes(node));
        servers.tasks.push(tokio::spawn(async move {
            // Serving ends with the task; it has no error of its own.
            let _ = axum::serve(control, router).await;
        }));
        servers
    }

    /// Where the API is served by TCP; tells the port where 0 was asked for.
    #[must_use]
    pub const fn local_address(&self) -> Option<SocketAddr> {
        self.local
    }
}

impl Drop for HttpServers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// A socket file that only this user can open. One left over from a process that died is replaced.
///
/// Whatever the umask, nobody else can connect at any moment: the socket is made in a directory that
/// only this user may enter, and moved to its place once its own mode is right.
///
/// # Errors
///
/// The directory cannot be written to, or the path is too long for a socket.
pub fn private_socket(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    let mut directory = path.as_os_str().to_owned();
    directory.push(".d");
    let directory = Path::new(&directory);
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::DirBuilder::new().mode(0o700).create(directory)?;
    // A short name: a socket's path has 107 bytes (unix(7)).
    let beside = directory.join("s");
    let listener = std::os::unix::net::UnixListener::bind(&beside)?;
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&beside, path)?;
    std::fs::remove_dir(directory)?;
    Ok(listener)
}

/// Asks the node; `None` where it is going down.
async fn ask(node: &mpsc::Sender<Ask>, question: Question) -> Option<Told> {
    let (reply, answer) = oneshot::channel();
    node.send(Ask { question, reply }).await.ok()?;
    answer.await.ok()
}

#[cfg(test)]
mod tests;
