//! One check: connect, shake hands, ask, look at what comes back.
//!
//! The timeout holds for the whole. The connect time is taken by itself: it is the round trip that
//! the `latency` algorithm compares, and neither TLS nor a slow page may be in it. A DNS check has no
//! connection: its time is that of the answer. A command has neither; its time is that of its run.
//!
//! - `http`: a page,
//! - `grpc`: gRPC's health service,
//! - `dialogue`: a few words on a connection,
//! - `dns`: a query by UDP,
//! - `command`: a program of this machine; `no_command` where programs are not run.

mod http;

mod grpc;

mod dialogue;

mod dns;

#[cfg(unix)]
mod command;
#[cfg(not(unix))]
mod no_command;
#[cfg(not(unix))]
use self::no_command as command;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use health::{CheckKind, CheckSpec, ErrorText, FailReason, Outcome, Phase};
use model::{Rtt, Time};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

pub(super) use self::command::{COMMANDS_MAX, Rights};
use super::tls::{self, Tls};
use crate::panics::caught;

/// Who asks, so that an operator finds the checks in a server's log.
const AGENT: &str = concat!("opengslb-check/", env!("CARGO_PKG_VERSION"));

/// Runs checks; a copy shares the TLS settings.
#[derive(Clone)]
pub struct Checker {
    tls: Tls,
    /// With which rights a command runs.
    rights: Rights,
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
    /// When the certificate that was shown ends; absent where none was, or none that can be read.
    pub certificate_ends: Option<Time>,
}

impl CheckReport {
    const fn fail(reason: FailReason) -> Self {
        Self { outcome: Outcome::Fail(reason), source: None, certificate_ends: None }
    }
}

impl Checker {
    /// Prepares TLS. Commands are not run until a [`super::Prober`] has given up rights.
    ///
    /// # Errors
    ///
    /// The TLS library has no version in common with itself, which no built release can show.
    pub fn new() -> Result<Self, rustls::Error> {
        Ok(Self { tls: Tls::new()?, rights: Rights::Kept })
    }

    /// The same, on a thread with these rights.
    pub(super) fn with(self, rights: Rights) -> Self {
        Self { rights, ..self }
    }

    /// Runs one check of the backend at `target`. Takes at most the spec's timeout. What it cannot bear
    /// in an answer fails the check, and no other one.
    pub async fn check(&self, target: SocketAddr, spec: &CheckSpec) -> CheckReport {
        let report = caught(self.judge(target, spec)).await;
        report.unwrap_or_else(|_| {
            CheckReport::fail(FailReason::Answer(ErrorText::new("a fault in this program")))
        })
    }

    async fn judge(&self, target: SocketAddr, spec: &CheckSpec) -> CheckReport {
        #[cfg(test)]
        assert!(target.port() != FAULT, "as asked");
        let started = Instant::now();
        let deadline = started + Duration::from_millis(spec.timeout_ms);
        match &spec.kind {
            CheckKind::Dns(check) => dns::ask(target, check, (started, deadline)).await,
            CheckKind::Command(command) => {
                command::run(target, command, self.rights, Duration::from_millis(spec.timeout_ms))
                    .await
            }
            kind => self.connect(target, kind, (started, deadline)).await,
        }
    }

    /// A check that is a connection.
    async fn connect(
        &self,
        target: SocketAddr,
        kind: &CheckKind,
        (started, deadline): (Instant, Instant),
    ) -> CheckReport {
        let stream = match within(deadline, Phase::Connect, TcpStream::connect(target)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return CheckReport::fail(no_connection(&error)),
            Err(reason) => return CheckReport::fail(reason),
        };
        let connected = started.elapsed();
        let source = stream.local_addr().ok().map(|local| local.ip().to_canonical());
        let mut certificate_ends = None;
        let asked = match kind {
            CheckKind::Dialogue(dialogue) => {
                within_response(deadline, dialogue::hold(stream, dialogue)).await
            }
            CheckKind::Http(check) => {
                let host = host_field(target, check.host.as_deref(), 80);
                within_response(deadline, http::ask(stream, &host, check)).await
            }
            CheckKind::Grpc(check) => {
                let authority = host_field(target, check.host.as_deref(), 80);
                within_response(deadline, grpc::ask(stream, ("http", &authority), check)).await
            }
            CheckKind::Https(_) | CheckKind::Grpcs(_) => {
                match self.shake_hands(stream, target, kind, deadline).await {
                    Ok(stream) => {
                        certificate_ends = tls::end_of(&stream);
                        ask_over_tls(stream, target, kind, deadline).await
                    }
                    Err(reason) => Err(reason),
                }
            }
            // Those without a connection never come here.
            CheckKind::Tcp | CheckKind::Dns(_) | CheckKind::Command(_) => Ok(()),
        };
        let outcome = match asked.and_then(|()| to_rtt(connected)) {
            Ok(connect) => Outcome::Pass { connect },
            Err(reason) => Outcome::Fail(reason),
        };
        CheckReport { outcome, source, certificate_ends }
    }

    async fn shake_hands(
        &self,
        stream: TcpStream,
        target: SocketAddr,
        kind: &CheckKind,
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, FailReason> {
        let (connector, host, server_name) = match kind {
            CheckKind::Grpcs(check) => (&self.tls.h2, &check.host, &check.server_name),
            CheckKind::Https(check) => (&self.tls.http1, &check.host, &check.server_name),
            _ => return Err(FailReason::Tls(ErrorText::new("this check has no TLS"))),
        };
        let name = server_name_of(target, server_name.as_deref().or(host.as_deref()))?;
        let stream = within(deadline, Phase::Tls, connector.connect(name, stream)).await?;
        stream.map_err(|error| FailReason::Tls(text_of(&error)))
    }
}

async fn ask_over_tls(
    stream: TlsStream<TcpStream>,
    target: SocketAddr,
    kind: &CheckKind,
    deadline: Instant,
) -> Result<(), FailReason> {
    match kind {
        CheckKind::Grpcs(check) => {
            let authority = host_field(target, check.host.as_deref(), 443);
            within_response(deadline, grpc::ask(stream, ("https", &authority), check)).await
        }
        CheckKind::Https(check) => {
            let host = host_field(target, check.host.as_deref(), 443);
            within_response(deadline, http::ask(stream, &host, check)).await
        }
        _ => Ok(()),
    }
}

async fn within_response(
    deadline: Instant,
    work: impl Future<Output = Result<(), FailReason>>,
) -> Result<(), FailReason> {
    within(deadline, Phase::Response, work).await?
}

/// Waits until the deadline; the phase says where the time ran out.
async fn within<T>(
    deadline: Instant,
    phase: Phase,
    work: impl Future<Output = T>,
) -> Result<T, FailReason> {
    timeout_at(deadline, work).await.map_err(|_| FailReason::TimedOut(phase))
}

/// What is made of an answer, while the connection that it comes by is read.
async fn driven_by<T>(connection: impl Future, judged: impl Future<Output = T>) -> T {
    tokio::pin!(judged, connection);
    tokio::select! {
        biased;
        judged = &mut judged => judged,
        // The connection may end in the very turn in which it hands over what was read last. An
        // error of its own is told by what waits for it.
        _ = &mut connection => judged.await,
    }
}

fn no_connection(error: &std::io::Error) -> FailReason {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => FailReason::Refused,
        _ => FailReason::Connect(text_of(error)),
    }
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
fn host_field(target: SocketAddr, host: Option<&str>, default_port: u16) -> String {
    if let Some(host) = host {
        return host.to_owned();
    }
    match (target.port() == default_port, target.ip()) {
        (false, _) => target.to_string(),
        (true, IpAddr::V4(address)) => address.to_string(),
        (true, IpAddr::V6(address)) => format!("[{address}]"),
    }
}

/// The name asked for by SNI: the host without a port. An address is not sent (RFC 6066, 3).
fn server_name_of(
    target: SocketAddr,
    host: Option<&str>,
) -> Result<ServerName<'static>, FailReason> {
    let Some(host) = host else {
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

/// A check of this port panics; none that the system gives out.
#[cfg(test)]
pub(super) const FAULT: u16 = 65_000;

#[cfg(test)]
mod tests;
