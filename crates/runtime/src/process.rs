//! A whole process of one mode: it takes checked settings, opens what is to be opened, and runs
//! the node's loop until it is asked to end.
//!
//! - [`agent`]: `--mode agent`,
//! - [`overwatch`]: `--mode overwatch`,
//! - [`reload`]: reading the configuration again,
//! - [`restore`]: a backup in the place of the store,
//! - `comparison`: what differs in it,
//! - [`handover`]: one process takes the place of another,
//! - `sockets`: what is handed over,
//! - `signals`: what a process is told by signals,
//! - [`ground`]: what is done before there is a second thread: limits, early sockets, the sandbox,
//! - [`successor`]: the process that takes this one's place,
//! - `geography`: the databases of geography,
//! - `digest`: what decides answers, in one word to compare,
//! - `keeper`: what must survive a restart, to the store,
//! - `settings`: what the configuration says, in the nodes' own words,
//! - `numbers`: what the nodes count, as metrics.

pub mod agent;

#[cfg(unix)]
pub mod overwatch;

pub mod reload;

#[cfg(unix)]
pub mod restore;

mod comparison;

#[cfg(unix)]
pub mod handover;

#[cfg(unix)]
mod sockets;

#[cfg(unix)]
mod signals;
#[cfg(windows)]
use crate::windows::signals;

pub mod ground;

#[cfg(unix)]
pub mod successor;

#[cfg(unix)]
mod geography;

#[cfg(unix)]
mod digest;

#[cfg(unix)]
mod keeper;

mod numbers;

#[cfg(unix)]
mod table_file;

mod settings;

#[cfg(test)]
mod fixture;

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Listen, LoggingSettings, MetricsSettings, SandboxSettings, TcpSettings};
use tracing::{info, warn};

#[cfg(unix)]
use crate::dns;
use crate::http::ApiTlsError;
use crate::logs::Logs;
use crate::mesh::{
    Identity, IdentityError, IdentityFiles, ListenError, PinsError, Provenance, TlsSetupError,
};

/// What a process of either mode is started with, beside what its mode says.
pub struct Around {
    /// What is logged.
    pub logging: LoggingSettings,
    /// Where numbers are shown.
    pub metrics: MetricsSettings,
    /// What this process forbade itself.
    pub sandbox: SandboxSettings,
    /// The log, to be turned up or down.
    pub logs: Arc<Logs>,
    /// The configuration's texts, as they were read.
    pub files: reload::Files,
    /// Reads the configuration again.
    pub read: reload::Read,
    /// Whether to take the place of the process that serves the data directory.
    pub is_taking_over: bool,
    /// What was done before.
    pub ground: ground::Ground,
}

/// Why a process cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Key or certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The file of pinned overwatches.
    #[error(transparent)]
    Pins(#[from] PinsError),
    /// The mesh's address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// TLS.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsSetupError),
    /// TLS of checks.
    #[error("TLS for health checks cannot be set up")]
    CheckTls(#[source] rustls::Error),
    /// The store.
    #[cfg(unix)]
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The files of what was learned.
    #[cfg(unix)]
    #[error(transparent)]
    Table(store::TableError),
    /// The API.
    #[error("cannot serve the API on {address}")]
    Api {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Its certificate.
    #[error(transparent)]
    ApiTls(#[from] ApiTlsError),
    /// The certificates of etcd.
    #[error("overwatch.store.etcd cannot be used")]
    Etcd(#[source] crate::TrustError),
    /// A local socket.
    #[error("cannot make the local socket {path}")]
    Socket {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An agent has no socket that anybody waits at.
    #[error("an agent has nothing to take over: stop the old one, then start this one")]
    NothingToTakeOver,
    /// A hand-over.
    #[cfg(unix)]
    #[error("cannot take over")]
    Handover(#[from] handover::HandoverError),
    /// A directory that cannot be made.
    #[error("cannot make the directory {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A database of geography.
    #[error("cannot read the database {path}")]
    DatabaseFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in it.
    #[error("the geography cannot be used")]
    Geography(#[from] geo::GeoError),
    /// Keys or tokens.
    #[error("the mesh's secrets cannot be used")]
    Secrets(#[from] ::mesh::SecretError),
    /// The node's name.
    #[error("{name:?} cannot be a node's name: set overwatch.identity.node_id")]
    NodeName {
        /// The name.
        name: String,
        /// Why.
        source: model::NameError,
    },
    /// An address that the process which is to be taken over from has in another form.
    #[error(
        "nothing was taken over: process {pid} has the port, and a hand-over does not change between one address \
        and every address on it. Take another port, or end that process and start this one"
    )]
    AddressOfOther {
        /// The other process.
        pid: u32,
        /// What could not be opened.
        source: Box<Self>,
    },
    /// A DNS socket.
    #[error("cannot serve DNS on {address}{}", hint(.source))]
    Dns {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The metrics' address.
    #[error("cannot serve metrics on {address}")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Threads or signals.
    #[error("the system refuses a thread or a signal handler")]
    System(#[source] io::Error),
}

impl StartError {
    /// Whether somebody has an address that this process wants.
    #[cfg(unix)]
    fn is_address_in_use(&self) -> bool {
        match self {
            Self::Listen(ListenError::Bind { source, .. })
            | Self::Api { source, .. }
            | Self::Dns { source, .. }
            | Self::Metrics { source, .. } => source.kind() == io::ErrorKind::AddrInUse,
            _ => false,
        }
    }
}

/// What to look at where DNS has not got its address.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => ": another server is on that port",
        io::ErrorKind::PermissionDenied => {
            ": the right to ports below 1024 is missing (CAP_NET_BIND_SERVICE)"
        }
        _ => "",
    }
}

/// What a service manager is told where this program failed to say how things stand.
const STATUS_FAILED: &str = "this program failed to say how it stands: see its log";

/// Where a setting means; every address of both families where it names none.
fn address_of(listen: Listen) -> SocketAddr {
    SocketAddr::new(listen.address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), listen.port)
}

/// This node's key and certificate; makes them, and the directories they lie in, at first start.
fn identity(
    certificate: &str,
    key: &str,
    (role, name): (&str, &str),
) -> Result<Identity, StartError> {
    let files = IdentityFiles { certificate: certificate.into(), key: key.into() };
    for directory in [&files.certificate, &files.key].into_iter().filter_map(|file| file.parent()) {
        make_directory(directory)?;
    }
    let (identity, provenance) = Identity::load_or_create(&files, name)?;
    match provenance {
        Provenance::Created => info!("made a key for {role} {name}: {}", identity.key()),
        Provenance::Loaded => info!("{role} {name} with key {}", identity.key()),
        Provenance::Reissued { .. } => info!("issued a certificate for {role} {name} anew"),
    }
    Ok(identity)
}

fn make_directory(path: &Path) -> Result<(), StartError> {
    std::fs::create_dir_all(path)
        .map_err(|source| StartError::Directory { path: path.to_owned(), source })
}

#[cfg(unix)]
/// The worker threads that DNS gets: one a core.
fn dns_workers() -> std::num::NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(std::num::NonZeroUsize::MIN)
}

#[cfg(unix)]
/// What DNS connections may use: as configured, but never more than half of the file descriptors.
/// The other half is for agents' sessions, checks and the API: strangers who only connect must not
/// take the mesh down.
fn dns_tcp_limits(configured: TcpSettings) -> dns::TcpLimits {
    let descriptors = crate::limits::raise_open_files().unwrap_or(u64::MAX);
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    let TcpSettings { connections_max, connections_per_address_max, idle_timeout_ms } = configured;
    let most = (descriptors / 2).max(1);
    if most < connections_max {
        warn!(
            "at most {most} DNS connections, not the {connections_max} of dns.tcp.max_connections: \
             this process may have {descriptors} files open"
        );
    }
    dns::TcpLimits {
        connections_max: connections_max.min(most),
        connections_per_address_max,
        idle_timeout_ms: idle_timeout_ms.into(),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
