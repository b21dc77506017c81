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

/// DNS of this process.
pub(super) struct Dns {
    sockets: Arc<Sockets>,
    answering: Answering,
    meter: AnswerMeter,
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
    ) -> Self {
        // One worker's share of the limits.
        let workers = u32::try_from(sockets.dns_udp.len()).unwrap_or(u32::MAX);
        let workers = NonZeroU32::new(workers).unwrap_or(NonZeroU32::MIN);
        let limits = config.dns.rate_limits.as_ref().map(|limits| limits.share_of(workers));
        let answering = Answering::new(view, clock, limits);
        let meter = answering.meter();
        let (tcp, address) = (config.dns.tcp, address_of(config.dns.listen_address));
        Self { sockets, answering, meter, tcp, address, servers: None }
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
        Some(numbers::Dns { answers: self.meter.counters(), udp, tcp })
    }

    /// Shuts the sockets and waits until the last answer is out.
    pub(super) async fn stop(&mut self) {
        if let Some((udp, tcp)) = self.servers.take() {
            udp.stop();
            tcp.stop().await;
        }
    }

    /// Answers what was taken, and leaves the sockets to the other process that serves them.
    pub(super) async fn leave(&mut self) {
        if let Some((udp, tcp)) = self.servers.take() {
            let udp = tokio::task::spawn_blocking(|| udp.leave());
            let (left, ()) = tokio::join!(udp, tcp.leave());
            // A thread that panicked has ended as well.
            drop(left);
        }
    }
}
