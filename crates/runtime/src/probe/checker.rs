//! One check: connect, shake hands, ask, look at the status.
//!
//! The timeout holds for the whole. The connect time is taken by itself: it is the round trip that
//! the `latency` algorithm compares, and neither TLS nor a slow page may be in it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use health::{CheckKind, CheckSpec, ErrorText, FailReason, HttpCheck, Outcome, Phase};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use model::Rtt;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::tls;

/// Who asks, so that an operator finds the checks in a server's log.
const AGENT: &str = concat!("opengslb-check/", env!("CARGO_PKG_VERSION"));
/// A status line and a page of header fields; a response whose head is longer fails the check.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Runs checks; a copy shares the TLS settings.
#[derive(Clone)]
pub struct Checker {
    tls: TlsConnector,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Checker")
    }
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// What it said.
    pub outcome: Outcome,
    /// The address it was asked from, for those who must not take checks for clients; absent where
    /// no connection came about.
    pub source: Option<IpAddr>,
}

impl Checker {
    /// Prepares TLS.
    ///
    /// # Errors
    ///
    /// The TLS library has no version in common with itself, which no built release can show.
    pub fn new() -> Result<Self, rustls::Error> {
        Ok(Self { tls: TlsConnector::from(Arc::new(tls::client_config()?)) })
    }

    /// Runs one check of the backend at `target`. Takes at most the spec's timeout.
    pub async fn check(&self, target: SocketAddr, spec: &CheckSpec) -> CheckReport {
        let started = Instant::now();
        let deadline = started + Duration::from_millis(spec.timeout_ms);
        let stream = match within(deadline, Phase::Connect, TcpStream::connect(target)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                return CheckReport { outcome: no_connection(&error), source: None };
            }
            Err(reason) => {
                return CheckReport { outcome: Outcome::Fail(reason), source: None };
            }
        };
        let connected = started.elapsed();
        let source = stream.local_addr().ok().map(|local| local.ip().to_canonical());
        let asked = match &spec.kind {
            CheckKind::Tcp => Ok(()),
            CheckKind::Http(http) => self.ask_plain(stream, target, http, deadline).await,
            CheckKind::Https(http) => self.ask_over_tls(stream, target, http, deadline).await,
        };
        let outcome = match asked.and_then(|()| to_rtt(connected)) {
            Ok(connect) => Outcome::Pass { connect },
            Err(reason) => Outcome::Fail(reason),
        };
        CheckReport { outcome, source }
    }

    async fn ask_plain(
        &self,
        stream: TcpStream,
        target: SocketAddr,
        http: &HttpCheck,
        deadline: Instant,
    ) -> Result<(), FailReason> {
        let host = host_field(target, http, 80);
        within(deadline, Phase::Response, ask(stream, &host, http)).await?
    }

    async fn ask_over_tls(
        &self,
        stream: TcpStream,
        target: SocketAddr,
        http: &HttpCheck,
        deadline: Instant,
    ) -> Result<(), FailReason> {
        let name = server_name(target, http)?;
        let stream = within(deadline, Phase::Tls, self.tls.connect(name, stream)).await?;
        let stream = stream.map_err(|error| FailReason::Tls(text_of(&error)))?;
        let host = host_field(target, http, 443);
        within(deadline, Phase::Response, ask(stream, &host, http)).await?
    }
}

/// Sends the request and judges the status.
async fn ask<S>(stream: S, host: &str, http: &HttpCheck) -> Result<(), FailReason>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let no_http = |error: &dyn std::error::Error| FailReason::Http(text_of(error));
    let request = hyper::Request::get(http.path.as_str())
        .header(HOST, host)
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| no_http(&error))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| no_http(&error))?;
    let response = sender.send_request(request);
    tokio::pin!(response, connection);
    let response = tokio::select! {
        biased;
        response = &mut response => response,
        // The connection may end in the very turn in which it hands the response over.
        ended = &mut connection => match (response.await, ended) {
            (Err(_), Err(error)) => Err(error),
            (response, _) => response,
        },
    };
    let status = response.map_err(|error| no_http(&error))?.status().as_u16();
    // The body is not read: dropping the connection ends it.
    if http.status.contains(status) { Ok(()) } else { Err(FailReason::Status(status)) }
}

/// Waits until the deadline; the phase says where the time ran out.
async fn within<T>(
    deadline: Instant,
    phase: Phase,
    work: impl Future<Output = T>,
) -> Result<T, FailReason> {
    timeout_at(deadline, work).await.map_err(|_| FailReason::TimedOut(phase))
}

fn no_connection(error: &std::io::Error) -> Outcome {
    Outcome::Fail(match error.kind() {
        std::io::ErrorKind::ConnectionRefused => FailReason::Refused,
        _ => FailReason::Connect(text_of(error)),
    })
}

/// A connect time as a round trip. One too long to be one is longer than any timeout.
fn to_rtt(connected: Duration) -> Result<Rtt, FailReason> {
    let us = u64::try_from(connected.as_micros()).unwrap_or(u64::MAX);
    Rtt::from_us(us.max(1)).map_err(|_| FailReason::TimedOut(Phase::Connect))
}

fn text_of(error: &dyn std::error::Error) -> ErrorText {
    ErrorText::new(&crate::logs::chain(error))
}

/// The `Host` field: as the operator wrote it, or the address that is asked, without the port
/// where it is the scheme's own (RFC 9110, 7.2).
fn host_field(target: SocketAddr, http: &HttpCheck, default_port: u16) -> String {
    if let Some(host) = &http.host {
        return host.clone();
    }
    match (target.port() == default_port, target.ip()) {
        (false, _) => target.to_string(),
        (true, IpAddr::V4(address)) => address.to_string(),
        (true, IpAddr::V6(address)) => format!("[{address}]"),
    }
}

/// The name asked for by SNI: the host without a port. An address is not sent (RFC 6066, 3).
fn server_name(target: SocketAddr, http: &HttpCheck) -> Result<ServerName<'static>, FailReason> {
    let Some(host) = &http.host else {
        return Ok(ServerName::IpAddress(target.ip().into()));
    };
    let name = without_port(host);
    ServerName::try_from(name.to_owned()).map_err(|_| {
        FailReason::Tls(ErrorText::new(&format!("{name:?} cannot be asked for as a server name")))
    })
}

/// `name`, `name:port`, `[address]`, `[address]:port` or a bare address, without the rest.
fn without_port(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match host.split_once(':') {
        Some((name, port)) if !port.contains(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests;
