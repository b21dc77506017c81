//! The overwatch over HTTP: what it knows and does, for people and programs.
//!
//! ```text
//! TCP  api.address               tokens, allowed_networks   \
//!                                                             gate -> dispatch -> the node's loop
//! unix <data_dir>/control.sock   the host's own admin       /
//! ```
//!
//! What there is, who may ask and how it is refused stands in one table, [`api::endpoints`].
//! Documents are made by the node itself, one question at a time; a handler only carries question
//! and answer. In the order of a request:
//!
//! - `words`: what the node is asked, and what comes back,
//! - `serve`: connections, within limits,
//! - `gate`: everything that the table says, checked,
//! - `access`, `local`, `attempts`: who calls,
//! - `call`: a request that passed,
//! - `dispatch`: which function carries it out,
//! - `status`, `operator`, `by_hand`, `made`, `keys`, `tokens`, `latency`, `reports`, `decisions`: those
//!   functions,
//! - `stream`: a body that comes by and by,
//! - `docs`: the contract for people,
//! - `page`: the page at `/`,
//! - `refusal`, `counts`: what became of it,
//! - `tls`: the certificate, where there is one,
//! - `socket`: the file of the control socket.

pub(crate) mod serve;

mod gate;

mod access;

mod local;

mod attempts;

mod words;

mod call;

mod dispatch;

mod docs;

mod page;

mod status;

mod operator;

mod by_hand;

mod keys;

mod made;

mod latency;

mod decisions;

mod stream;

mod tokens;

mod reports;

mod refusal;

mod tls;

#[cfg(unix)]
mod socket;

mod counts;

use std::net::SocketAddr;
use std::sync::Arc;

use api::Kind;
use arc_swap::ArcSwap;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use overwatch::{Command, KeyFault, Objection, Said, TokenFault};
use rustls::ServerConfig;
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub(crate) use access::hash_of;
pub use access::{Access, SourceToken, Token};
use attempts::Attempts;
use call::Call;
pub use counts::{ApiCounters, Counts};
use local::LocalPeer;
use refusal::Refusal;

use crate::tail::Tail;
#[cfg(unix)]
pub use socket::private_socket;
pub use tls::ApiTlsError;
pub(crate) use tls::server_config;
pub use words::{Ask, Document, KeyText, NotMade, Question, Told, Why, Wish};

/// Where the API listens, and to whom.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub listener: TcpListener,
    /// Who may do what, now.
    pub access: Arc<ArcSwap<Access>>,
    /// The certificate, now; `None` where it is served in the clear.
    pub tls: Option<Arc<ArcSwap<ServerConfig>>>,
}

/// The servers. Dropping them ends both; the sockets are whoever's who made them.
#[derive(Debug)]
pub struct HttpServers {
    tasks: Vec<JoinHandle<()>>,
    local: Option<SocketAddr>,
}

/// What every request of one listener needs.
#[derive(Debug)]
struct Server {
    behind: Behind,
    door: Door,
    attempts: Attempts,
}

/// What requests are answered with.
#[derive(Clone, Debug)]
pub(crate) struct Behind {
    /// Where questions go.
    pub(crate) node: mpsc::Sender<Ask>,
    /// Where decisions can be watched.
    pub(crate) tail: Tail,
    /// What became of requests.
    pub(crate) counts: Arc<Counts>,
}

/// Who asks in a call's name after the call was answered.
#[derive(Debug)]
struct Asker {
    node: mpsc::Sender<Ask>,
    said: Said,
}

/// How a request came in.
#[derive(Debug)]
enum Door {
    /// By the control socket.
    Local,
    /// From the network.
    Tcp {
        /// Who may do what, now.
        access: Arc<ArcSwap<Access>>,
        /// Whether nobody can listen.
        is_private: bool,
    },
}

impl HttpServers {
    /// Serves the API on sockets that listen: by TCP where there is one, to those whom the access of
    /// the moment allows, and always by the local socket.
    #[cfg(unix)]
    #[must_use]
    pub(crate) fn start(tcp: Option<Listening>, control: UnixListener, behind: &Behind) -> Self {
        let router = |door: Door| {
            let (behind, attempts) = (behind.clone(), Attempts::default());
            gate::router(Arc::new(Server { behind, door, attempts }))
        };
        let mut servers = Self { tasks: Vec::new(), local: None };
        if let Some(Listening { listener, access, tls }) = tcp {
            servers.local = listener.local_addr().ok();
            let router = router(Door::Tcp { access, is_private: tls.is_some() });
            servers.tasks.push(tokio::spawn(serve::serve(listener, router, tls)));
        }
        let router = router(Door::Local);
        servers.tasks.push(tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<LocalPeer>();
            // Serving ends with the task; it has no error of its own.
            let _ = axum::serve(control, service).await;
        }));
        servers
    }

    /// Where the API is served by TCP; tells the port where 0 was asked for.
    #[must_use]
    pub const fn local_address(&self) -> Option<SocketAddr> {
        self.local
    }
}

impl Drop for HttpServers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Server {
    /// Asks the node in a caller's name; refused where it objects, or is not there any more.
    async fn ask(&self, call: &Call, question: Question) -> Result<Told, Refusal> {
        self.ask_as(call, question, call.said()?).await
    }

    /// The same, with why and for how long as the body said it.
    async fn ask_as(&self, call: &Call, question: Question, said: Said) -> Result<Told, Refusal> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask { question, said, expected: call.expected, reply };
        self.behind.node.send(ask).await.map_err(|_| Refusal::going_down())?;
        let is_there = |_| match self.behind.node.is_closed() {
            true => Refusal::going_down(),
            false => Refusal::failed(),
        };
        match answer.await.map_err(is_there)? {
            Told::Objected(objection) => Err(objected(&objection)),
            Told::Changed(last) => Err(made::changed(last)),
            told => Ok(told),
        }
    }

    /// Who asks on in a call's name.
    fn asker(&self, call: &Call) -> Result<Asker, Refusal> {
        Ok(Asker { node: self.behind.node.clone(), said: call.said()? })
    }

    /// Answers with a document.
    async fn document(&self, call: &Call, question: Question) -> Result<Response, Refusal> {
        match self.ask(call, question).await? {
            Told::Document(Document { text, revision }) => {
                let mut response = json(StatusCode::OK, text);
                let tag =
                    revision.map(|revision| HeaderValue::from_str(&format!("\"{revision}\"")));
                if let Some(Ok(tag)) = tag {
                    response.headers_mut().insert(ETAG, tag);
                }
                Ok(response)
            }
            told => Err(made::refused(told)),
        }
    }

    /// Has an operator's word carried out.
    async fn order(&self, call: &Call, command: Command) -> Result<Response, Refusal> {
        self.order_as(call, command, call.said()?).await
    }

    /// The same, with why and for how long as the body said it.
    async fn order_as(
        &self,
        call: &Call,
        command: Command,
        said: Said,
    ) -> Result<Response, Refusal> {
        self.done(self.ask_as(call, Question::Command(command), said).await?)
    }

    /// That something was carried out, or why not.
    fn done(&self, told: Told) -> Result<Response, Refusal> {
        match told {
            Told::Done => Ok(StatusCode::NO_CONTENT.into_response()),
            told => Err(made::refused(told)),
        }
    }
}

impl Asker {
    /// Asks the node; `None` where it is not there any more.
    async fn ask(&self, question: Question) -> Option<Told> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask { question, said: self.said.clone(), expected: None, reply };
        self.node.send(ask).await.ok()?;
        answer.await.ok()
    }
}

/// Why a word was not carried out.
fn objected(objection: &Objection) -> Refusal {
    let kind = match objection {
        Objection::Unknown
        | Objection::Keys(KeyFault::NotSigned(_))
        | Objection::Tokens(TokenFault::Unknown(_)) => Kind::Unknown,
        Objection::Hand(fault) => by_hand::kind_of(fault),
        Objection::Outside(fault) => reports::kind_of(fault),
        Objection::WhichKey
        | Objection::NotHeld
        | Objection::IsThere
        | Objection::Keys(_)
        | Objection::Tokens(_) => Kind::Conflict,
    };
    Refusal::new(kind, objection)
}

fn json(status: StatusCode, document: String) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], document).into_response()
}

#[cfg(test)]
mod tests;
