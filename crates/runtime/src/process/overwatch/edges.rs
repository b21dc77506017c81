//! Everything of an overwatch that has a socket and is not DNS: agents, the API, metrics, and the next
//! process. What a hand-over takes away and may give back.

use std::path::Path;
use std::sync::Arc;

use ::overwatch::ApiToken;
use arc_swap::ArcSwap;
use config::{ApiSecret, OverwatchConfig, Sha256};
use rustls::ServerConfig;
use store::Store;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::{error, info};

use super::super::handover::giving::{self, Request};
use super::super::keeper::{Keeper, Keeping};
use super::super::sockets::Sockets;
use super::super::{StartError, numbers};
use super::running::has_token;
use super::{QUEUE_EVENTS, STORE};
use crate::http::{Access, Ask, Behind, HttpServers, Listening, SourceToken, Token, hash_of};
use crate::logs::chain;
use crate::mesh::{
    self, Client, ClientLimits, Identity, ListenError, Server, ServerLimits, TlsSetupError,
};
use crate::metrics::MetricsServer;
use crate::tail::Tail;

/// The edges.
pub(super) struct Edges {
    pub(super) sockets: Arc<Sockets>,
    identity: Identity,
    /// Who may read the API by TCP, now.
    access: Arc<ArcSwap<Access>>,
    /// The API's certificate, now; `None` where it is served in the clear.
    tls: Option<Arc<ArcSwap<ServerConfig>>>,
    /// What requests to the API are answered with.
    pub(super) behind: Behind,
    to_mesh: mpsc::Sender<mesh::Event>,
    to_numbers: mpsc::Sender<numbers::Asked>,
    /// None while another process has them.
    served: Option<Served>,
    handover: JoinHandle<()>,
}

/// What is served.
struct Served {
    _mesh: Server,
    _http: HttpServers,
    _metrics: Option<MetricsServer>,
}

/// Where it comes out.
pub(super) struct Ends {
    pub(super) mesh: mpsc::Receiver<mesh::Event>,
    pub(super) asked: mpsc::Receiver<Ask>,
    pub(super) numbers: mpsc::Receiver<numbers::Asked>,
    pub(super) requests: mpsc::Receiver<Request>,
}

impl Edges {
    /// Serves all of them.
    pub(super) fn new(
        identity: Identity,
        sockets: Arc<Sockets>,
        access: Access,
        tls: Option<Arc<ServerConfig>>,
        tail: Tail,
    ) -> Result<(Self, Ends), StartError> {
        let (to_mesh, mesh) = mpsc::channel(QUEUE_EVENTS);
        let (to_asked, asked) = mpsc::channel(64);
        let (to_numbers, numbers) = numbers::queue();
        let (to_requests, requests) = mpsc::channel(1);
        let behind = Behind { node: to_asked, tail, counts: Arc::default() };
        let access = Arc::new(ArcSwap::from_pointee(access));
        let tls = tls.map(|tls| Arc::new(ArcSwap::new(tls)));
        let listener = sockets.handover.try_clone().and_then(UnixListener::from_std);
        let listener = listener.map_err(StartError::System)?;
        let handover = tokio::spawn(giving::serve(listener, Arc::clone(&sockets), to_requests));
        let mut edges = Self {
            sockets,
            identity,
            access,
            tls,
            behind,
            to_mesh,
            to_numbers,
            served: None,
            handover,
        };
        edges.serve()?;
        Ok((edges, Ends { mesh, asked, numbers, requests }))
    }

    /// Serves agents, the API and metrics from now on.
    pub(super) fn serve(&mut self) -> Result<(), StartError> {
        let sockets = &self.sockets;
        let listener = sockets.mesh.try_clone().and_then(TcpListener::from_std);
        let listener = listener.map_err(ListenError::Socket)?;
        let to_mesh = self.to_mesh.clone();
        let server =
            mesh::server::serve(listener, &self.identity, ServerLimits::STANDARD, to_mesh)?;
        info!("hearing agents on {}", server.local_address());
        let copy = |socket: &Option<std::net::TcpListener>| -> Result<_, StartError> {
            let copy = socket.as_ref().map(|socket| TcpListener::from_std(socket.try_clone()?));
            copy.transpose().map_err(StartError::System)
        };
        let api = copy(&sockets.api)?.map(|listener| {
            let (access, tls) = (Arc::clone(&self.access), self.tls.clone());
            Listening { listener, access, tls }
        });
        let control = sockets.control.try_clone().and_then(UnixListener::from_std);
        let control = control.map_err(StartError::System)?;
        let http = HttpServers::start(api, control, &self.behind);
        if let Some(address) = http.local_address() {
            info!("serving the API on {address}");
        }
        let metrics = copy(&sockets.metrics)?;
        let metrics = metrics.map(|listener| numbers::serve(listener, self.to_numbers.clone()));
        let metrics = metrics.transpose().map_err(StartError::System)?;
        self.served = Some(Served { _mesh: server, _http: http, _metrics: metrics });
        Ok(())
    }

    /// Keeps a connection to another overwatch, until it is dropped; tried again as agents do it.
    pub(super) fn dial(&self, address: &str) -> Result<Client, TlsSetupError> {
        let events = self.to_mesh.clone();
        mesh::client::dial(address.to_owned(), &self.identity, ClientLimits::STANDARD, events)
    }

    /// Serves none of them any more; who knocks waits for another process.
    pub(super) fn give(&mut self) {
        self.served = None;
    }

    /// Whether they are served.
    pub(super) const fn is_served(&self) -> bool {
        self.served.is_some()
    }

    /// Who may do what by TCP from now on.
    pub(super) fn allow(&self, access: Access) {
        self.access.store(Arc::new(access));
    }

    /// With which certificate the API is served from now on. Whether it is served with one is
    /// decided at the start.
    pub(super) fn secure(&self, tls: Option<&Arc<ServerConfig>>) {
        if let (Some(held), Some(tls)) = (&self.tls, tls) {
            held.store(Arc::clone(tls));
        }
    }

    /// Opens the store again where another process had it and this one goes on. It may have it for a
    /// moment still; so this is tried again and again.
    pub(super) fn look_after_store(&self, config: &OverwatchConfig, keeping: &mut Keeping) {
        if keeping.is_open() || !self.is_served() {
            return;
        }
        let opened = Store::open(&Path::new(&config.data_dir).join(STORE));
        let keeper = opened.map_err(StartError::from).and_then(|(store, _)| Keeper::start(store));
        match keeper {
            Ok(keeper) => keeping.take_back(keeper),
            Err(error) => error!("the store is not back yet: {}", chain(&error)),
        }
    }
}

impl Drop for Edges {
    fn drop(&mut self) {
        self.handover.abort();
    }
}

/// Who may do what by TCP: by the configuration, and by the tokens that operators made. Nobody where
/// the API is not served.
pub(super) fn access_of<'a>(
    config: &OverwatchConfig,
    made: impl Iterator<Item = &'a ApiToken>,
) -> Access {
    let Some(api) = &config.api else { return Access::default() };
    let hash = |secret: &ApiSecret| match secret {
        ApiSecret::Plain(secret) => hash_of(secret.expose().as_bytes()),
        ApiSecret::Sha256(Sha256(hash)) => *hash,
    };
    let configured = api.tokens.iter().map(|token| Token {
        name: token.name.as_str().into(),
        role: token.role,
        hash: hash(&token.secret),
    });
    let sources = api.latency_sources.iter();
    let sources =
        sources.map(|source| SourceToken { name: source.name.clone(), hash: hash(&source.secret) });
    // Of two of one name that of the configuration counts: who did what is told by the name.
    let made = made.filter(|token| !has_token(config, &token.name)).map(|token| Token {
        name: token.name.as_str().into(),
        role: token.role,
        hash: token.hash,
    });
    Access {
        allowed: api.allowed_networks.clone(),
        trust_proxy_headers: api.trust_proxy_headers,
        tokens: configured.chain(made).collect(),
        sources: sources.collect(),
    }
}
