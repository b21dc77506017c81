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
use crate::bind;
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

/// A socket that was opened before rights were given up, or why it was not: afterwards the system would
/// say that the right is missing, whatever is wrong.
#[derive(Debug)]
pub(super) struct Early {
    role: Role,
    at: String,
    socket: io::Result<OwnedFd>,
}

impl From<Passed> for Early {
    fn from(Passed { role, at, socket }: Passed) -> Self {
        Self { role, at, socket: Ok(socket) }
    }
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

/// How often the system is asked for a port that is free for both UDP and TCP. On a machine where others
/// hold a third of UDP's, two of a hundred million starts ask in vain, and end with "in use".
const PORT_TRIES: usize = 16;

/// Opens those of the sockets that need a right which is about to be given up.
pub(super) fn open_early(wanted: &Wanted) -> Vec<Early> {
    let is_early = |address: &SocketAddr| PRIVILEGED_PORTS.contains(&address.port());
    let mut early = Vec::new();
    let mut add = |role, address: SocketAddr, socket: io::Result<OwnedFd>| {
        early.push(Early { role, at: address.to_string(), socket });
    };
    if is_early(&wanted.dns) {
        let address = wanted.dns;
        match UdpServer::bind(address, dns_workers()) {
            Ok(udp) => udp.into_iter().for_each(|one| add(Role::DnsUdp, address, Ok(one.into()))),
            Err(error) => add(Role::DnsUdp, address, Err(error)),
        }
        add(Role::DnsTcp, address, TcpServer::bind(address).map(OwnedFd::from));
    }
    let others =
        [(Role::Mesh, Some(wanted.mesh)), (Role::Api, wanted.api), (Role::Metrics, wanted.metrics)];
    for (role, address) in others {
        if let Some(address) = address.filter(is_early) {
            add(role, address, bind::tcp(address).map(OwnedFd::from));
        }
    }
    early
}

/// The same for an agent, which has no other socket.
pub(super) fn open_metrics_early(metrics: &MetricsSettings) -> Option<Early> {
    let address = metrics.address.map(address_of)?;
    if !PRIVILEGED_PORTS.contains(&address.port()) {
        return None;
    }
    let socket = bind::tcp(address).map(OwnedFd::from);
    Some(Early { role: Role::Metrics, at: address.to_string(), socket })
}

/// An agent's page of metrics, where it is open already.
///
/// # Errors
///
/// The address cannot be had.
pub(super) fn metrics_of_agent(
    mut early: Vec<Early>,
    address: SocketAddr,
) -> io::Result<TcpListener> {
    listener(&mut early, Role::Metrics, address)
}

impl Sockets {
    /// Opens what is wanted, but for what the process before has open already, or this one has.
    ///
    /// # Errors
    ///
    /// An address or a file that cannot be had.
    pub(super) fn open(
        wanted: Wanted,
        passed: Vec<Passed>,
        early: Vec<Early>,
    ) -> Result<Self, StartError> {
        // Of one role and place the other process's come first: it has the address.
        let mut open: Vec<Early> = passed.into_iter().map(Early::from).chain(early).collect();
        let address = wanted.dns;
        let (dns_udp, dns_tcp) =
            dns(&mut open, address).map_err(|source| StartError::Dns { address, source })?;
        let address = wanted.mesh;
        let mesh = listener(&mut open, Role::Mesh, address)
            .map_err(|source| ListenError::Bind { address, source })?;
        let api = wanted.api.map(|address| {
            listener(&mut open, Role::Api, address)
                .map_err(|source| StartError::Api { address, source })
        });
        let api = api.transpose()?;
        let metrics = wanted.metrics.map(|address| {
            listener(&mut open, Role::Metrics, address)
                .map_err(|source| StartError::Metrics { address, source })
        });
        let metrics = metrics.transpose()?;
        let control = local(&mut open, Role::Control, wanted.control_path())?;
        let handover = local(&mut open, Role::Handover, Wanted::handover_path(&wanted.data))?;
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

/// DNS's, of both transports on one port: a resolver that is told to ask again by TCP has no other.
fn dns(open: &mut Vec<Early>, address: SocketAddr) -> io::Result<(Vec<Socket>, Socket)> {
    let udp = take(open, Role::DnsUdp, address)?;
    let udp: Vec<Socket> = udp.into_iter().map(Socket::from).collect();
    let tcp = take(open, Role::DnsTcp, address)?.pop().map(Socket::from);
    let bound = |socket: &Socket| Some(socket.local_addr().ok()?.as_socket().unwrap_or(address));
    match (udp.first().and_then(bound), tcp) {
        (Some(_), Some(tcp)) => Ok((udp, tcp)),
        (Some(bound), None) => Ok((udp, TcpServer::bind(bound)?)),
        (None, tcp) => tried(if address.port() == 0 { PORT_TRIES } else { 1 }, || {
            // Connections hold ports, and queries hardly do: what TCP is given UDP mostly has too.
            let tcp = tcp.as_ref().map_or_else(|| TcpServer::bind(address), Socket::try_clone)?;
            let udp = UdpServer::bind(bound(&tcp).unwrap_or(address), dns_workers())?;
            Ok((udp, tcp))
        }),
    }
}

/// Tries so often, as long as the address is somebody's.
fn tried<T>(tries: usize, mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut last = open();
    for _ in 1..tries {
        match last {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = open(),
            result => return result,
        }
    }
    last
}

/// What is open for this role and place; or why nothing could be opened.
fn take(open: &mut Vec<Early>, role: Role, at: SocketAddr) -> io::Result<Vec<OwnedFd>> {
    let at = at.to_string();
    let found = open.extract_if(.., |one| one.role == role && one.at == at);
    let (good, bad): (Vec<_>, Vec<_>) = found.map(|one| one.socket).partition(Result::is_ok);
    if good.is_empty() { bad.into_iter().collect() } else { good.into_iter().collect() }
}

fn listener(open: &mut Vec<Early>, role: Role, address: SocketAddr) -> io::Result<TcpListener> {
    let listener = match take(open, role, address)?.pop() {
        Some(socket) => socket.into(),
        None => bind::tcp(address)?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// One that was passed is of this directory, whatever its path was called: it was asked for in there.
fn local(open: &mut Vec<Early>, role: Role, path: PathBuf) -> Result<UnixListener, StartError> {
    match open.extract_if(.., |one| one.role == role).find_map(|one| one.socket.ok()) {
        Some(socket) => Ok(socket.into()),
        None => private_socket(&path).map_err(|source| StartError::Socket { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each attempt says, and after how many of them which port is had.
    #[track_caller]
    fn check(
        tries: usize,
        answers: &[Result<u16, io::ErrorKind>],
        expect: Result<u16, io::ErrorKind>,
    ) {
        let mut left = answers.iter();
        let found = tried(tries, || left.next().unwrap().map_err(io::Error::from));
        assert_eq!((found.map_err(|error| error.kind()), left.len()), (expect, 0), "{answers:?}");
    }

    #[test]
    fn a_port_that_one_transport_has_and_the_other_has_not_is_given_up_for_another() {
        use io::ErrorKind::{AddrInUse, PermissionDenied};
        check(3, &[Ok(1)], Ok(1));
        check(3, &[Err(AddrInUse), Ok(2)], Ok(2));
        check(3, &[Err(AddrInUse), Err(AddrInUse), Ok(3)], Ok(3));
        check(3, &[Err(AddrInUse); 3], Err(AddrInUse));
        check(3, &[Err(AddrInUse), Err(PermissionDenied)], Err(PermissionDenied));
        // One that was asked for by its number has no other.
        check(1, &[Err(AddrInUse)], Err(AddrInUse));
    }

    #[test]
    fn all_workers_and_tcp_have_one_port() {
        for address in ["127.0.0.1:0", "[::]:0"] {
            let (udp, tcp) = dns(&mut Vec::new(), address.parse().unwrap()).unwrap();
            let local = |socket: &Socket| socket.local_addr().unwrap().as_socket().unwrap();
            assert_eq!(udp.len(), dns_workers().get());
            assert!(udp.iter().all(|udp| local(udp) == local(&tcp)), "{udp:?} {tcp:?}");
        }
    }

    #[test]
    fn what_is_open_already_is_taken_and_why_it_is_not_is_told() {
        let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let early = |role, socket| Early { role, at: address.to_string(), socket };
        let (udp, tcp) = dns(&mut Vec::new(), address).unwrap();
        let port = |socket: &Socket| socket.local_addr().unwrap().as_socket().unwrap().port();
        let opened = port(&tcp);
        // Only one of the two: the other one is opened on its port.
        drop(udp);
        let mut open = vec![early(Role::DnsTcp, Ok(tcp.into()))];
        let (mut udp, tcp) = dns(&mut open, address).unwrap();
        assert_eq!((port(&udp[0]), port(&tcp), open.len()), (opened, opened, 0));
        drop(tcp);
        let mut open = vec![early(Role::DnsUdp, Ok(udp.remove(0).into()))];
        let (udp, tcp) = dns(&mut open, address).unwrap();
        assert_eq!((port(&udp[0]), port(&tcp)), (opened, opened));
        // The other process's counts, not that this one could not have the address beside it.
        let in_use = || io::ErrorKind::AddrInUse.into();
        let mut open =
            vec![early(Role::DnsTcp, Ok(tcp.into())), early(Role::DnsTcp, Err(in_use()))];
        assert_eq!(take(&mut open, Role::DnsTcp, address).unwrap().len(), 1);
        open.push(early(Role::Mesh, Err(in_use())));
        let error = listener(&mut open, Role::Mesh, address).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
