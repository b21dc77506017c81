//! Every socket of an overwatch, opened before it is served or taken from the process before; so that
//! they can be handed on.
//!
//! A socket that is handed on is one socket that two processes have: what waits in it is lost by
//! neither's end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use config::{MetricsSettings, OverwatchConfig};
use serde::{Deserialize, Serialize};
use socket2::Socket;

use super::{StartError, address_of, dns_workers};
use crate::dns::{TcpServer, UdpServer};
use crate::http::private_socket;
use crate::mesh::ListenError;

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// DNS over UDP; there is one for each worker.
    DnsUdp,
    /// DNS over TCP.
    DnsTcp,
    /// Agents' sessions.
    Mesh,
    /// The API by TCP.
    Api,
    /// The page of metrics.
    Metrics,
    /// An operator's words.
    Control,
    /// The next process.
    Handover,
}

/// A socket on its way from one process to the next.
#[derive(Debug)]
pub(super) struct Passed {
    /// What it is for.
    pub(super) role: Role,
    /// What the configuration that it was opened by said about it.
    pub(super) at: String,
    /// The socket.
    pub(super) socket: OwnedFd,
}

/// Where the configuration wants them.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    dns: SocketAddr,
    mesh: SocketAddr,
    api: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    data: PathBuf,
}

/// The sockets. TCP's and the local ones do not block.
#[derive(Debug)]
pub(super) struct Sockets {
    wanted: Wanted,
    pub(super) dns_udp: Vec<Socket>,
    pub(super) dns_tcp: Socket,
    pub(super) mesh: TcpListener,
    pub(super) api: Option<TcpListener>,
    pub(super) metrics: Option<TcpListener>,
    pub(super) control: UnixListener,
    pub(super) handover: UnixListener,
}

impl Wanted {
    pub(super) fn new(config: &OverwatchConfig, metrics: &MetricsSettings) -> Self {
        Self {
            dns: address_of(config.dns.listen_address),
            mesh: address_of(config.gossip_address),
            api: config.api.as_ref().map(|api| address_of(api.address)),
            metrics: metrics.address.map(address_of),
            data: PathBuf::from(&config.data_dir),
        }
    }

    /// Where the next process asks for the sockets.
    pub(super) fn handover_path(data: &Path) -> PathBuf {
        data.join("handover.sock")
    }

    fn control_path(&self) -> PathBuf {
        self.data.join("control.sock")
    }
}

/// Ports that need a right (ip(7), `ip_unprivileged_port_start`).
const PRIVILEGED_PORTS: std::ops::Range<u16> = 1..1024;

/// Opens those of the sockets that need a right which is about to be given up. What cannot be had, as
/// where the process before has it, is left to [`Sockets::open`].
pub(super) fn open_early(wanted: &Wanted) -> Vec<Passed> {
    let is_early = |address: &SocketAddr| PRIVILEGED_PORTS.contains(&address.port());
    let mut early = Vec::new();
    let mut add = |role, address: SocketAddr, socket: OwnedFd| {
        early.push(Passed { role, at: address.to_string(), socket });
    };
    if is_early(&wanted.dns) {
        let udp = UdpServer::bind(wanted.dns, dns_workers()).unwrap_or_default();
        udp.into_iter().for_each(|socket| add(Role::DnsUdp, wanted.dns, socket.into()));
        if let Ok(tcp) = TcpServer::bind(wanted.dns) {
            add(Role::DnsTcp, wanted.dns, tcp.into());
        }
    }
    let others =
        [(Role::Mesh, Some(wanted.mesh)), (Role::Api, wanted.api), (Role::Metrics, wanted.metrics)];
    for (role, address) in others {
        if let Some(address) = address.filter(is_early)
            && let Ok(listener) = TcpListener::bind(address)
        {
            add(role, address, listener.into());
        }
    }
    early
}

/// The same for an agent, which has no other socket.
pub(super) fn open_metrics_early(metrics: &MetricsSettings) -> Option<Passed> {
    let address = metrics.address.map(address_of)?;
    if !PRIVILEGED_PORTS.contains(&address.port()) {
        return None;
    }
    let socket = TcpListener::bind(address).ok()?.into();
    Some(Passed { role: Role::Metrics, at: address.to_string(), socket })
}

/// An agent's page of metrics, where it is open already.
///
/// # Errors
///
/// The address cannot be had.
pub(super) fn metrics_of_agent(
    mut passed: Vec<Passed>,
    address: SocketAddr,
) -> io::Result<TcpListener> {
    listener(take(&mut passed, Role::Metrics, &address), address)
}

impl Sockets {
    /// Opens what is wanted, but for what the process before has open already.
    ///
    /// # Errors
    ///
    /// An address or a file that cannot be had.
    pub(super) fn open(wanted: Wanted, mut passed: Vec<Passed>) -> Result<Self, StartError> {
        let address = wanted.dns;
        let failed = |source| StartError::Dns { address, source };
        let dns_udp = match take(&mut passed, Role::DnsUdp, &address) {
            none if none.is_empty() => UdpServer::bind(address, dns_workers()).map_err(failed)?,
            sockets => sockets.into_iter().map(Socket::from).collect(),
        };
        let dns_tcp = match take(&mut passed, Role::DnsTcp, &address).pop() {
            Some(socket) => socket.into(),
            None => {
                let bound = dns_udp.first().and_then(|udp| udp.local_addr().ok()?.as_socket());
                TcpServer::bind(bound.unwrap_or(address)).map_err(failed)?
            }
        };
        let address = wanted.mesh;
        let mesh = listener(take(&mut passed, Role::Mesh, &address), address);
        let mesh = mesh.map_err(|source| ListenError::Bind { address, source })?;
        let open = |address: Option<SocketAddr>, role, passed: &mut Vec<Passed>| {
            let listen = |address| (address, listener(take(passed, role, &address), address));
            address.map(listen)
        };
        let failed = |(address, socket): (_, io::Result<_>)| {
            socket.map_err(|source| StartError::Api { address, source })
        };
        let api = open(wanted.api, Role::Api, &mut passed).map(failed).transpose()?;
        let failed = |(address, socket): (_, io::Result<_>)| {
            socket.map_err(|source| StartError::Metrics { address, source })
        };
        let metrics = open(wanted.metrics, Role::Metrics, &mut passed).map(failed).transpose()?;
        let control = local(&mut passed, Role::Control, wanted.control_path())?;
        let handover = local(&mut passed, Role::Handover, Wanted::handover_path(&wanted.data))?;
        Ok(Self { wanted, dns_udp, dns_tcp, mesh, api, metrics, control, handover })
    }

    /// A copy of each, for the next process.
    ///
    /// # Errors
    ///
    /// The process has no file descriptor left.
    pub(super) fn pass(&self) -> io::Result<Vec<Passed>> {
        let Wanted { dns, mesh, api, metrics, .. } = &self.wanted;
        let mut passed = Vec::new();
        let mut add = |role, at: String, socket: OwnedFd| passed.push(Passed { role, at, socket });
        for socket in &self.dns_udp {
            add(Role::DnsUdp, dns.to_string(), socket.try_clone()?.into());
        }
        add(Role::DnsTcp, dns.to_string(), self.dns_tcp.try_clone()?.into());
        add(Role::Mesh, mesh.to_string(), self.mesh.try_clone()?.into());
        for (role, address, socket) in
            [(Role::Api, api, &self.api), (Role::Metrics, metrics, &self.metrics)]
        {
            if let (Some(address), Some(socket)) = (address, socket) {
                add(role, address.to_string(), socket.try_clone()?.into());
            }
        }
        let path = |path: PathBuf| path.display().to_string();
        add(Role::Control, path(self.wanted.control_path()), self.control.try_clone()?.into());
        let handover = path(Wanted::handover_path(&self.wanted.data));
        add(Role::Handover, handover, self.handover.try_clone()?.into());
        Ok(passed)
    }

    /// Removes the local sockets' files: nobody answers there any more.
    pub(super) fn remove_files(&self) {
        for path in [self.wanted.control_path(), Wanted::handover_path(&self.wanted.data)] {
            // Already gone is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// What was passed for this role and place.
fn take(passed: &mut Vec<Passed>, role: Role, at: &impl ToString) -> Vec<OwnedFd> {
    let at = at.to_string();
    let (found, rest) = passed.drain(..).partition(|one| one.role == role && one.at == at);
    *passed = rest;
    let found: Vec<Passed> = found;
    found.into_iter().map(|one| one.socket).collect()
}

fn listener(mut passed: Vec<OwnedFd>, address: SocketAddr) -> io::Result<TcpListener> {
    let listener = match passed.pop() {
        Some(socket) => socket.into(),
        None => TcpListener::bind(address)?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn local(passed: &mut Vec<Passed>, role: Role, path: PathBuf) -> Result<UnixListener, StartError> {
    match take(passed, role, &path.display()).pop() {
        Some(socket) => Ok(socket.into()),
        None => private_socket(&path).map_err(|source| StartError::Socket { path, source }),
    }
}
