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
use std::path::{Path, PathBuf};

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
    /// An operator's word.
    Command(Command),
}

/// What comes back.
#[derive(Debug, PartialEq)]
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

/// The servers. Dropping them closes both and removes the socket's file.
#[derive(Debug)]
pub struct HttpServers {
    tasks: Vec<JoinHandle<()>>,
    local: Option<SocketAddr>,
    socket: PathBuf,
}

/// Why there is no API.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be had.
    #[error("cannot serve the API on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The local socket cannot be made.
    #[error("cannot make the control socket {path}")]
    Socket {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl HttpServers {
    /// Serves the API: by TCP where an address is given, and always by the local socket.
    ///
    /// # Errors
    ///
    /// An address or a file that cannot be had.
    pub async fn start(
        tcp: Option<(SocketAddr, Access)>,
        socket: &Path,
        node: mpsc::Sender<Ask>,
    ) -> Result<Self, HttpError> {
        let mut servers = Self { tasks: Vec::new(), local: None, socket: socket.to_owned() };
        if let Some((address, access)) = tcp {
            let failed = |source| HttpError::Bind { address, source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            servers.local = Some(listener.local_addr().map_err(failed)?);
            let router = access::guard(routes::reading(node.clone()), access);
            servers.tasks.push(tokio::spawn(serve::serve(listener, router)));
        }
        let listener = control_socket(socket)
            .map_err(|source| HttpError::Socket { path: socket.to_owned(), source })?;
        let router = routes::reading(node.clone()).merge(operator::routes(node));
        servers.tasks.push(tokio::spawn(async move {
            // Serving ends with the task; it has no error of its own.
            let _ = axum::serve(listener, router).await;
        }));
        Ok(servers)
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
        // Already gone is as good.
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// A socket file that only this user can open. One left over from a process that died is replaced.
///
/// Whatever the umask, nobody else can connect at any moment: the socket is made in a directory that
/// only this user may enter, and moved to its place once its own mode is right.
fn control_socket(path: &Path) -> io::Result<UnixListener> {
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
    let listener = UnixListener::bind(&beside)?;
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
