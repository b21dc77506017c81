//! One connection to one endpoint, with its log-in.
//!
//! Each request has a time after which it is given up; no body is read further than a limit. A request is never
//! sent twice, whoever asks knows whether that would do harm; but for one that was refused since the log-in is over,
//! which is done by nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use config::EtcdEndpoint;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::wire::{self, Wrong};
use super::{Etcd, EtcdError, distrust};

/// Until a connection stands, with TLS: an endpoint that takes longer is passed over.
const CONNECT_MAX: Duration = Duration::from_millis(1_500);
/// Until an answer is there. etcd itself gives a request up after some seconds without a majority.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// How long a connection that broke may take to say why.
const WHY_MAX: Duration = Duration::from_millis(200);
/// A connection whose other end confirms nothing for so long is broken.
const GONE_AFTER: Duration = Duration::from_secs(20);
/// The longest answer, and the longest line of a watch: a page of rows, one of which may be the whole
/// document of what was made. A longer one is nonsense.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// The connection. Dropping it ends it.
pub(super) struct Session {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it broke.
    connection: Option<Connection>,
    endpoint: String,
    authority: String,
    turn: Turn,
    /// A user, and the file of the password.
    login: Option<(String, String)>,
    token: Option<Zeroizing<String>>,
}

/// Ends with what broke it.
type Connection = JoinHandle<Result<(), hyper::Error>>;

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.abort();
        }
    }
}

/// What a watch tells, line by line.
pub(super) struct Lines {
    body: Incoming,
    read: Vec<u8>,
    /// So much of it has no end of a line.
    scanned: usize,
    endpoint: String,
}

impl Session {
    /// To the first endpoint that is there.
    pub(super) async fn open(etcd: &Etcd) -> Result<Self, EtcdError> {
        let mut last = None;
        for (at, endpoint) in etcd.in_turn() {
            match Self::open_one(etcd, (at, endpoint)).await {
                Ok(session) => return Ok(session),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| EtcdError::Unreached {
            endpoint: etcd.names(),
            source: "no endpoint is configured".into(),
        }))
    }

    async fn open_one(
        etcd: &Etcd,
        (at, endpoint): (usize, &EtcdEndpoint),
    ) -> Result<Self, EtcdError> {
        let name = endpoint.to_string();
        let unreached = |source: Wrong| {
            distrust::said(&name, source.as_ref())
                .unwrap_or_else(|| EtcdError::Unreached { endpoint: name.clone(), source })
        };
        let connected = timeout(CONNECT_MAX, connect(etcd, endpoint)).await;
        let connected = connected.map_err(|_| unreached("it takes too long".into()))?;
        let (sender, connection) = connected.map_err(unreached)?;
        let authority = endpoint.at.to_string();
        let turn = Turn {
            at,
            next: (at + 1) % etcd.endpoints.len().max(1),
            first: Arc::clone(&etcd.preferred),
        };
        let (connection, login, token) = (Some(connection), etcd.login.clone(), None);
        let mut session =
            Self { sender, connection, endpoint: name, authority, turn, login, token };
        session.log_in().await?;
        Ok(session)
    }

    async fn log_in(&mut self) -> Result<(), EtcdError> {
        // etcd lets nobody log in who shows a log-in that is over.
        self.token = None;
        let Some((user, path)) = &self.login else { return Ok(()) };
        let password = tokio::fs::read_to_string(path).await;
        let unread = |source| EtcdError::Password { path: path.clone(), source };
        let password = Zeroizing::new(password.map_err(unread)?);
        let line = password.lines().next().unwrap_or_default();
        let request = json!({ "name": user, "password": line });
        let answer = self.ask_once("/v3/auth/authenticate", &request).await?;
        self.token = Some(self.read(wire::read_token(&answer))?);
        Ok(())
    }

    /// One question, and its answer. A log-in that is over is made anew.
    pub(super) async fn ask(&mut self, path: &str, request: &Value) -> Result<Bytes, EtcdError> {
        match self.ask_once(path, request).await {
            Err(EtcdError::Refused { message, .. })
                if self.login.is_some() && wire::is_login_over(&message) =>
            {
                self.log_in().await?;
                self.ask_once(path, request).await
            }
            answered => answered,
        }
    }

    async fn ask_once(&mut self, path: &str, request: &Value) -> Result<Bytes, EtcdError> {
        let endpoint = self.endpoint.clone();
        let whole = async {
            let response = self.send(path, request).await?;
            let (status, mut body) = (response.status(), response.into_body());
            let mut read = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| self.silent(error.into()))?;
                read.extend_from_slice(frame.data_ref().map_or(&[][..], Bytes::as_ref));
                if read.len() > ANSWER_BYTES_MAX {
                    return Err(self.nonsense("it is too long".into()));
                }
            }
            if status.is_success() {
                self.turn.answered();
                return Ok(Bytes::from(read));
            }
            self.turn.refused(status);
            let (endpoint, message) = (self.endpoint.clone(), wire::read_refusal(&read));
            Err(EtcdError::Refused { endpoint, message, is_certain: is_certain(status) })
        };
        let late = |_| EtcdError::Silent { endpoint, source: "it takes too long".into() };
        let asked = timeout(ANSWER_MAX, whole).await.map_err(late).flatten();
        self.judged(asked).await
    }

    /// What broke is looked at: the next endpoint is asked first, and where the two do not trust each other that is
    /// what is said.
    async fn judged<T>(&mut self, asked: Result<T, EtcdError>) -> Result<T, EtcdError> {
        let Err(EtcdError::Silent { source, .. } | EtcdError::Unreached { source, .. }) = &asked
        else {
            return asked;
        };
        self.turn.silent();
        if let Some(said) = distrust::said(&self.endpoint, source.as_ref()) {
            return Err(said);
        }
        // It may have been told before anything was asked.
        let Some(mut connection) = self.connection.take() else { return asked };
        let why = timeout(WHY_MAX, &mut connection).await;
        connection.abort();
        match why {
            Ok(Ok(Err(why))) => distrust::said(&self.endpoint, &why).map_or(asked, Err),
            _ => asked,
        }
    }

    /// A question whose answer goes on and on.
    pub(super) async fn stream(
        mut self,
        path: &str,
        request: &Value,
    ) -> Result<(Self, Lines), EtcdError> {
        let response = timeout(ANSWER_MAX, self.send(path, request)).await;
        let response = response.map_err(|_| self.silent("it takes too long".into())).flatten();
        let response = self.judged(response).await?;
        let endpoint = self.endpoint.clone();
        if !response.status().is_success() {
            self.turn.refused(response.status());
            let message = format!("a watch is answered with {}", response.status());
            return Err(EtcdError::Refused { endpoint, message, is_certain: true });
        }
        Ok((self, Lines { body: response.into_body(), read: Vec::new(), scanned: 0, endpoint }))
    }

    async fn send(&mut self, path: &str, request: &Value) -> Result<Response<Incoming>, EtcdError> {
        let mut head = Request::post(path)
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            head = head.header(AUTHORIZATION, token.as_str());
        }
        let request = head.body(Full::new(Bytes::from(request.to_string())));
        let request = request.map_err(|error| self.nonsense(error.into()))?;
        let is_there = self.sender.ready().await;
        is_there.map_err(|error| self.unreached(error.into()))?;
        let sent = self.sender.send_request(request).await;
        sent.map_err(|error| self.silent(error.into()))
    }

    /// What was read of an answer of this endpoint.
    pub(super) fn read<T>(&self, read: Result<T, Wrong>) -> Result<T, EtcdError> {
        read.map_err(|source| self.nonsense(source))
    }

    fn unreached(&self, source: Wrong) -> EtcdError {
        EtcdError::Unreached { endpoint: self.endpoint.clone(), source }
    }

    fn silent(&self, source: Wrong) -> EtcdError {
        EtcdError::Silent { endpoint: self.endpoint.clone(), source }
    }

    fn nonsense(&self, source: Wrong) -> EtcdError {
        EtcdError::Nonsense { endpoint: self.endpoint.clone(), source }
    }
}

impl Lines {
    /// The next line; waits for it as long as the caller does, and loses nothing where that ends.
    pub(super) async fn next(&mut self) -> Result<Vec<u8>, EtcdError> {
        loop {
            let mut new = self.read.iter().skip(self.scanned);
            if let Some(end) = new.position(|byte| *byte == b'\n') {
                let end = self.scanned + end;
                self.scanned = 0;
                let rest = self.read.split_off(end + 1);
                return Ok(std::mem::replace(&mut self.read, rest));
            }
            self.scanned = self.read.len();
            let endpoint = || self.endpoint.clone();
            if self.read.len() > ANSWER_BYTES_MAX {
                let source = "a line is too long".into();
                return Err(EtcdError::Nonsense { endpoint: endpoint(), source });
            }
            let silent = |source| EtcdError::Silent { endpoint: endpoint(), source };
            let frame = self.body.frame().await;
            let frame = frame.ok_or_else(|| silent("the watch ended".into()))?;
            let frame = frame.map_err(|error| silent(error.into()))?;
            self.read.extend_from_slice(frame.data_ref().map_or(&[][..], Bytes::as_ref));
        }
    }
}

/// Which endpoint is asked first: one that answers, for as long as it does. One that takes connections and
/// nothing else, or that is cut off from the others, is left for the next.
struct Turn {
    at: usize,
    next: usize,
    first: Arc<AtomicUsize>,
}

impl Turn {
    fn answered(&self) {
        self.first.store(self.at, Ordering::Relaxed);
    }

    fn silent(&self) {
        self.first.store(self.next, Ordering::Relaxed);
    }

    /// Without a majority, or with no leader, it says that it cannot, or that it waited in vain.
    fn refused(&self, status: StatusCode) {
        if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            self.silent();
        }
    }
}

/// Whether a status says that nothing was done. A member that waited in vain for the others, or for an answer of
/// its own, may have sent what was asked for on its way: 408, 499 (grpc-gateway's for a cancelled call) and all
/// from 500 on say nothing.
fn is_certain(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 408 | 499)
}

type Connected = (SendRequest<Full<Bytes>>, Connection);

async fn connect(etcd: &Etcd, endpoint: &EtcdEndpoint) -> Result<Connected, Wrong> {
    let stream = TcpStream::connect((endpoint.at.host.as_str(), endpoint.at.port)).await?;
    stream.set_nodelay(true)?;
    // A watch may say nothing for days: only the kernel sees that nobody is there any more.
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(GONE_AFTER / 2).with_interval(GONE_AFTER / 10),
    )?;
    socket.set_tcp_user_timeout(Some(GONE_AFTER))?;
    match etcd.tls.as_ref().filter(|_| endpoint.is_tls) {
        Some(tls) => {
            let name = ServerName::try_from(endpoint.at.host.clone())?;
            speak(tls.connect(name, stream).await?).await
        }
        None => speak(stream).await,
    }
}

async fn speak<S>(stream: S) -> Result<Connected, Wrong>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    Ok((sender, tokio::spawn(connection)))
}
