//! The servers that answer DNS, and what they answer with.

use std::num::NonZeroU32;
use std::sync::Arc;

use ::overwatch::View;
use arc_swap::ArcSwap;
use config::{OverwatchConfig, TcpSettings};
use tracing::info;

use super::super::sockets::Sockets;
use super::super::{StartError, address_of, dns_tcp_limits, numbers};
use crate::answer::{AnswerMeter, Answering};
use crate::clock::Clock;
use crate::dns::{TcpServer, UdpServer};
use crate::query_log::QueryLog;
use crate::tail::Tail;
use crate::tally::{Board, Listed};

/// DNS of this process.
pub(super) struct Dns {
    sockets: Arc<Sockets>,
    answering: Answering,
    meter: AnswerMeter,
    board: Board,
    query_log: Option<QueryLog>,
    tail: Tail,
    kernel_drops: numbers::KernelDrops,
    tcp: TcpSettings,
    address: std::net::SocketAddr,
    /// None while another process answers.
    servers: Option<(UdpServer, TcpServer)>,
}

impl Dns {
    /// Nothing is answered yet.
    pub(super) fn new(
        view: Arc<ArcSwap<View>>,
        clock: Clock,
        config: &OverwatchConfig,
        sockets: Arc<Sockets>,
    ) -> Result<Self, StartError> {
        // One worker's share of the limits.
        let workers = u32::try_from(sockets.dns_udp.len()).unwrap_or(u32::MAX);
        let workers = NonZeroU32::new(workers).unwrap_or(NonZeroU32::MIN);
        let limits = config.dns.rate_limits.as_ref().map(|limits| limits.share_of(workers));
        let query_log = config.dns.query_log.as_ref();
        let query_log =
            query_log.map(|settings| QueryLog::start(settings, &config.identity.node_id));
        let query_log = query_log.transpose().map_err(StartError::System)?;
        let answering =
            Answering::new(view, clock, limits).tapped(query_log.as_ref().map(QueryLog::tap));
        let tail = Tail::default();
        let answering = answering.shown(&tail);
        let (meter, board) = (answering.meter(), answering.board());
        board.list(listed(config));
        let kernel_drops = numbers::KernelDrops::of(&sockets.dns_udp);
        let (tcp, address) = (config.dns.tcp, address_of(config.dns.listen_address));
        Ok(Self {
            sockets,
            answering,
            meter,
            board,
            query_log,
            tail,
            kernel_drops,
            tcp,
            address,
            servers: None,
        })
    }

    /// The domains of another configuration are counted from now on.
    pub(super) fn count(&self, config: &OverwatchConfig) {
        self.board.list(listed(config));
    }

    /// Where decisions can be watched.
    pub(super) fn tail(&self) -> Tail {
        self.tail.clone()
    }

    /// Answers from now on.
    pub(super) fn serve(&mut self) -> Result<(), StartError> {
        let failed = |source| StartError::Dns { address: self.address, source };
        let udp = self.sockets.dns_udp.iter().map(|socket| socket.try_clone());
        let udp = udp.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let udp = UdpServer::serve(udp, &self.answering).map_err(failed)?;
        let tcp = self.sockets.dns_tcp.try_clone().map_err(failed)?;
        let limits = dns_tcp_limits(self.tcp);
        let tcp = TcpServer::serve(tcp, limits, self.answering.clone()).map_err(failed)?;
        info!("answering DNS on {}", udp.local_addr());
        self.servers = Some((udp, tcp));
        Ok(())
    }

    /// What was counted, while it answers.
    pub(super) fn numbers(&self) -> Option<numbers::Dns> {
        let (udp, tcp) = self.servers.as_ref()?;
        let (udp, tcp) = (udp.counters(), tcp.counters());
        Some(numbers::Dns {
            answers: self.meter.counters(),
            answered: self.board.read(),
            udp,
            tcp,
            kernel_drops: self.kernel_drops.count(),
            query_log: self.query_log.as_ref().map(QueryLog::counters),
        })
    }

    /// Answers what was taken by UDP, and cuts the connections by TCP. Another process may serve the same
    /// sockets, or be about to.
    pub(super) async fn stop(&mut self) {
        if let Some((udp, tcp)) = self.servers.take() {
            tokio::join!(ended(udp), tcp.stop());
        }
    }

    /// The same, but that connections end once their clients are silent: another process answers.
    pub(super) async fn leave(&mut self) {
        if let Some((udp, tcp)) = self.servers.take() {
            tokio::join!(ended(udp), tcp.leave());
        }
    }
}

/// Waits for the threads, on one that may wait.
async fn ended(udp: UdpServer) {
    // A thread that panicked has ended as well.
    drop(tokio::task::spawn_blocking(|| udp.stop()).await);
}

/// What is counted of each domain.
fn listed(config: &OverwatchConfig) -> Vec<Listed> {
    let domain = |domain: &routing::DomainSettings| {
        let regions = domain.regions.iter().map(|region| region.name.to_string());
        (domain.name.clone(), regions.collect())
    };
    config.domains.iter().map(domain).collect()
}
