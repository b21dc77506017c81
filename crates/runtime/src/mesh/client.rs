//! A node's side of the sessions it opens: one overwatch, dialled again for ever.
//!
//! However long an overwatch is away, its agents come back by themselves: the pause between two
//! tries grows to a limit and no further, and is spread so that a thousand agents do not come back
//! in the same moment.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mesh::KeyHash;
use rustls::ClientConfig;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connection::{self, Beginning, SessionLimits};
use super::identity::Identity;
use super::{Event, FailReason, Origin, TlsSetupError, tls};
use crate::backoff::Backoff;
use crate::panics::caught;

/// Most addresses of one name that are tried in turn; further ones wait for the next look-up's
/// order.
const ADDRESSES_MAX: usize = 8;

/// The limits of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Those of each session.
    pub session: SessionLimits,
    /// For TCP's handshake with one address.
    pub connect_timeout: Duration,
    /// The pause after the first failure, and after a session that had been established.
    pub backoff_min: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
}

impl ClientLimits {
    /// What a node uses: never more than five seconds between two tries, so that an overwatch that
    /// comes back has its agents within ten.
    pub const STANDARD: Self = Self {
        session: SessionLimits::STANDARD,
        connect_timeout: Duration::from_secs(5),
        backoff_min: Duration::from_millis(200),
        backoff_max: Duration::from_secs(5),
    };
}

/// Somebody who keeps a connection to one overwatch. Dropping it ends that: a session that stands is closed
/// in good order, and its node is told of the end as of any other.
#[derive(Debug)]
pub struct Client {
    address: String,
    /// Dropped with the client, which is all that the dialler waits for.
    _kept: watch::Sender<()>,
}

/// Dials `address` (`host:port`) now and after each end, until the client is dropped; what happens
/// goes to `events`.
///
/// # Errors
///
/// An identity that TLS does not take.
pub fn dial(
    address: String,
    identity: &Identity,
    limits: ClientLimits,
    events: mpsc::Sender<Event>,
) -> Result<Client, TlsSetupError> {
    let dialler = Dialler {
        address: address.clone(),
        config: tls::client_config(identity)?,
        own_key: identity.key(),
        limits,
        events,
    };
    let (kept, client) = watch::channel(());
    tokio::spawn(dialler.run(client));
    Ok(Client { address, _kept: kept })
}

impl Client {
    /// The address it dials.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

struct Dialler {
    address: String,
    config: Arc<ClientConfig>,
    own_key: KeyHash,
    limits: ClientLimits,
    events: mpsc::Sender<Event>,
}

impl Dialler {
    /// Tries for ever, or until the node or the client is gone.
    async fn run(self, client: watch::Receiver<()>) {
        let mut backoff = Backoff::new(self.limits.backoff_min, self.limits.backoff_max);
        let mut is_dropped = pin!(dropped(client.clone()));
        while !self.events.is_closed() {
            let reached = tokio::select! {
                reached = caught(self.reach()) => reached,
                () = &mut is_dropped => return,
            };
            // A fault of this program is a session that did not come about.
            let ended = match reached {
                Ok(Ok((stream, beginning))) => {
                    let (limits, events) = (&self.limits.session, &self.events);
                    let until = dropped(client.clone());
                    caught(connection::run_until(stream, beginning, limits, events, until)).await
                }
                Ok(Err((address, reason))) => {
                    let event = Event::Failed { origin: self.origin(), address, reason };
                    // Where the node has gone the loop ends.
                    let _ = self.events.send(event).await;
                    Ok(false)
                }
                Err(fault) => Err(fault),
            };
            if ended.unwrap_or(false) {
                backoff.reset();
            }
            tokio::select! {
                () = tokio::time::sleep(spread(backoff.next_pause(), random())) => (),
                () = &mut is_dropped => return,
            }
        }
    }

    /// A stream on which a session can begin.
    async fn reach(&self) -> Result<(TlsStream<TcpStream>, Beginning), Unreached> {
        let stream = self.connect().await.map_err(|reason| (None, reason))?;
        let address = stream.peer_addr().map_err(|error| (None, FailReason::Connect(error)))?;
        let failed = |reason| (Some(address), reason);
        let deadline = Instant::now() + self.limits.session.handshake_timeout;
        let stream = self.secure(stream, deadline).await.map_err(failed)?;
        let peer = tls::peer_of(stream.get_ref().1, address, self.own_key)
            .map_err(|fault| failed(FailReason::Certificate(fault)))?;
        Ok((stream, Beginning { peer, origin: self.origin(), deadline, seat: None }))
    }

    /// TCP, to the first address that answers.
    async fn connect(&self) -> Result<TcpStream, FailReason> {
        let looked_up = timeout(self.limits.connect_timeout, lookup_host(&self.address)).await;
        let addresses = looked_up.map_err(|_| FailReason::Timeout)?.map_err(FailReason::Resolve)?;
        let mut last = FailReason::Resolve(io::ErrorKind::NotFound.into());
        for address in addresses.take(ADDRESSES_MAX) {
            match timeout(self.limits.connect_timeout, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = FailReason::Connect(error),
                Err(_) => last = FailReason::Timeout,
            }
        }
        Err(last)
    }

    /// TLS.
    async fn secure(
        &self,
        stream: TcpStream,
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, FailReason> {
        connection::tune(&stream, &self.limits.session).map_err(FailReason::Connect)?;
        let name = tls::server_name().map_err(FailReason::Certificate)?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let secured = timeout_at(deadline, connector.connect(name, stream)).await;
        secured.map_err(|_| FailReason::Timeout)?.map_err(FailReason::Tls)
    }

    fn origin(&self) -> Origin {
        Origin::Dialled { address: self.address.clone() }
    }
}

/// Why there is no session, and with which address where one answered.
type Unreached = (Option<SocketAddr>, FailReason);

/// Ends once the client is dropped.
async fn dropped(mut client: watch::Receiver<()>) {
    // Nothing is ever sent: it ends with its sender.
    while client.changed().await.is_ok() {}
}

/// Somewhere in the upper half of a pause.
fn spread(pause: Duration, random: u64) -> Duration {
    let half = pause / 2;
    // 32 bits of chance are plenty, and keep the product small.
    half + half.mul_f64((random >> 32) as f64 / f64::from(u32::MAX))
}

/// A random number; the standard library seeds each hasher anew.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_spread_over_its_upper_half() {
        let ms = Duration::from_millis;
        for (random, pause) in [(0, 2_500), (u64::MAX, 5_000)] {
            assert_eq!(spread(ms(5_000), random), ms(pause));
        }
    }
}
