//! HTTP over TCP within limits: what a stranger can hold is few connections, and none for long.
//!
//! Every connection is taken, also of those who may not read: that is known only once the request
//! is. So each has a time in which its request must be there, and a time after which it ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use model::Subnet;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{Id, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::attempts::network_of;
use crate::panics::{caught, rest};

/// Connections at a time: the monitors and people of a large site. At the limit the newest is
/// closed at once.
const CONNECTIONS_MAX: usize = 256;
/// The same of one IPv4 address or one IPv6 /64, so that one host alone cannot shut out the others.
const CONNECTIONS_PER_ADDRESS_MAX: usize = 32;
/// For the head of a request, and for the silence before it. A client that keeps its connection for
/// longer between two requests opens another.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection's whole life: long enough for the largest document over a slow line. Then the
/// request under way may still end, within [`HEAD_TIMEOUT`].
const LIFE: Duration = Duration::from_secs(60);
/// The same of one whose answer is a stream; who listens connects again then.
const STREAM_LIFE: Duration = Duration::from_secs(3_600);
/// The longest head of a request; hyper answers a longer one with 431.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// To keep a connection for longer than usual, because its answer is a stream. Whoever takes it limits
/// how many do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lease(Arc<AtomicBool>);

impl Lease {
    pub(crate) fn take(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Serves `router` on a listener, for ever. Handlers find the other end as
/// `ConnectInfo<SocketAddr>`. Dropping the future closes all connections.
///
/// With `tls`, every connection begins with a handshake, by what stands there at that moment.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    tls: Option<Arc<ArcSwap<ServerConfig>>>,
) {
    let mut open = Open::default();
    while caught(open.accept(&mut listener, &router, tls.as_ref())).await.is_err() {
        rest().await;
    }
}

/// The connections there are. Dropping it closes them.
#[derive(Default)]
struct Open {
    connections: JoinSet<()>,
    networks: HashMap<Id, Subnet>,
}

impl Open {
    /// Accepts for ever. What a connection panics in is its own end.
    async fn accept(
        &mut self,
        listener: &mut TcpListener,
        router: &Router,
        tls: Option<&Arc<ArcSwap<ServerConfig>>>,
    ) {
        let Self { connections, networks } = self;
        loop {
            #[cfg(test)]
            crate::panics::faults::meet("http");
            tokio::select! {
                // Waits by itself where the system has no connection to give.
                (stream, peer) = Listener::accept(listener) => {
                    let network = network_of(peer.ip());
                    let here = networks.values().filter(|other| **other == network).count();
                    if networks.len() < CONNECTIONS_MAX && here < CONNECTIONS_PER_ADDRESS_MAX {
                        let router = router.clone().layer(Extension(ConnectInfo(peer)));
                        let connection = match &tls {
                            None => connections.spawn(converse(stream, router)),
                            Some(tls) => connections.spawn(shake_hands(stream, router, tls.load_full())),
                        };
                        networks.insert(connection.id(), network);
                    }
                }
                Some(ended) = connections.join_next_with_id() => {
                    networks.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
                }
            }
        }
    }
}

/// One connection over TLS, to its end.
async fn shake_hands(stream: TcpStream, router: Router, tls: Arc<ServerConfig>) {
    let handshake = timeout(HEAD_TIMEOUT, TlsAcceptor::from(tls).accept(stream)).await;
    if let Ok(Ok(stream)) = handshake {
        converse(stream, router).await;
    }
}

/// One connection, to its end.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let lease = Lease::default();
    let service = TowerToHyperService::new(router.layer(Extension(lease.clone())));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // How a connection ends is the client's affair.
    let mut is_over = timeout(LIFE, connection.as_mut()).await.is_ok();
    if !is_over && lease.0.load(Ordering::Relaxed) {
        is_over = timeout(STREAM_LIFE, connection.as_mut()).await.is_ok();
    }
    if !is_over {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(HEAD_TIMEOUT, connection).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;

    async fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hello = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string();
        tokio::spawn(serve(listener, Router::new().route("/", get(hello)), None));
        address
    }

    /// Everything that comes until the server ends the connection.
    async fn rest_of(mut stream: TcpStream) -> String {
        let mut text = String::new();
        // A reset is an end too.
        let _ = stream.read_to_string(&mut text).await;
        text
    }

    /// One that panics in a handler is cut off; those that are open and those that come are served.
    #[tokio::test]
    async fn a_fault_in_one_request_ends_no_other_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fault = async || -> String { panic!("as asked") };
        let router = Router::new().route("/", get(async || "well")).route("/fault", get(fault));
        tokio::spawn(serve(listener, router, None));
        let mut open = TcpStream::connect(address).await.unwrap();
        for _ in 0..3 * CONNECTIONS_PER_ADDRESS_MAX {
            let mut poisoned = TcpStream::connect(address).await.unwrap();
            poisoned.write_all(b"GET /fault HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            assert_eq!(rest_of(poisoned).await, "");
        }
        let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        open.write_all(request).await.unwrap();
        assert!(rest_of(open).await.ends_with("well"));
    }

    // Time stands still but where everybody waits; then it goes on to the next deadline.
    #[tokio::test(start_paused = true)]
    async fn whoever_is_silent_or_slow_is_cut() {
        let address = server().await;
        for sent in
            ["", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow:", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"]
        {
            let began = Instant::now();
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sent.as_bytes()).await.unwrap();
            let answer = rest_of(stream).await;
            assert_eq!(answer.ends_with("127.0.0.1"), sent.ends_with("\r\n\r\n"), "{answer}");
            assert!(began.elapsed() < LIFE, "{sent:?}: {:?}", began.elapsed());
        }
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let mut stream = TcpStream::connect(server().await).await.unwrap();
        let head = format!("GET / HTTP/1.1\r\nX-Long: {}", "x".repeat(4 * HEAD_BYTES_MAX));
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = rest_of(stream).await;
        assert!(answer.is_empty() || answer.contains(" 431 "), "{answer}");
    }

    #[tokio::test]
    async fn one_address_has_its_share_and_gets_it_back() {
        let address = server().await;
        let mut held = Vec::new();
        for _ in 0..CONNECTIONS_PER_ADDRESS_MAX {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            assert!(stream.read_u8().await.is_ok());
            held.push(stream);
        }
        let one_more = TcpStream::connect(address).await.unwrap();
        assert_eq!(rest_of(one_more).await, "");
        held.clear();
        // The server sees the ends a moment later.
        loop {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            if stream.write_all(request).await.is_ok() && !rest_of(stream).await.is_empty() {
                return;
            }
        }
    }
}
