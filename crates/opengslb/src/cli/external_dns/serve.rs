//! The webhook's HTTP: who asks what, within limits; and whether all is well, for the kubelet. Never decides what a record means.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, VARY};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::site::Site;
use super::wire::{Changes, DomainFilter, Endpoint, MEDIA_TYPE};
use crate::cli::failure::Failure;
use crate::cli::output::{plain, tell};

/// Connections at a time: ExternalDNS has one or two, the kubelet one. Others wait.
const CONNECTIONS_MAX: usize = 16;
/// For the head of a request, and for the silence before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);
/// The longest batch: some ten thousand records.
const BODY_BYTES_MAX: usize = 8 << 20;

/// What is asked for.
pub(super) struct Webhook {
    site: Site,
    /// Why records were refused the last time: said once, not at each look.
    refused: Mutex<BTreeSet<String>>,
    /// One batch at a time.
    turn: Mutex<()>,
}

/// Which door: what strangers in the cluster may reach answers about its health only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Webhook,
    Health,
}

impl Webhook {
    pub(super) const fn new(site: Site) -> Self {
        Self { site, refused: Mutex::new(BTreeSet::new()), turn: Mutex::new(()) }
    }

    /// The answer to one request.
    fn answer(
        &self,
        door: Door,
        method: &Method,
        path: &str,
        body: &[u8],
    ) -> Response<Full<Bytes>> {
        let answered = match (door, method, path) {
            (_, &Method::GET, "/healthz") => self.health(),
            (Door::Health, ..) => return plainly(StatusCode::NOT_FOUND, "nothing is here"),
            (_, &Method::GET, "/") => {
                Ok(document(&DomainFilter { include: self.site.terms.zones.clone() }))
            }
            (_, &Method::GET, "/records") => self.site.records().map(|records| document(&records)),
            (_, &Method::POST, "/records") => read(body).and_then(|changes| self.apply(changes)),
            (_, &Method::POST, "/adjustendpoints") => read(body).and_then(|list| self.adjust(list)),
            (_, _, "/" | "/records" | "/adjustendpoints" | "/healthz") => {
                return plainly(StatusCode::METHOD_NOT_ALLOWED, "not in this way");
            }
            _ => return plainly(StatusCode::NOT_FOUND, "nothing is here"),
        };
        answered.unwrap_or_else(|failure| {
            for line in failure.to_string().lines() {
                tell(&plain(&format!("{method} {path}: {line}")));
            }
            let status = match failure {
                Failure::Usage(_) => StatusCode::BAD_REQUEST,
                // Tried again, with what holds then.
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            plainly(status, &failure)
        })
    }

    fn health(&self) -> Result<Response<Full<Bytes>>, Failure> {
        self.site.client.text("/api/v1/live")?;
        Ok(plainly(StatusCode::OK, "ok"))
    }

    fn apply(&self, changes: Changes) -> Result<Response<Full<Bytes>>, Failure> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let applied = self.site.apply(changes)?;
        for line in applied.done {
            tell(&plain(&line));
        }
        if !applied.failed.is_empty() {
            return Err(Failure::Refused(applied.failed.join("\n")));
        }
        Ok(plainly(StatusCode::NO_CONTENT, ""))
    }

    fn adjust(&self, endpoints: Vec<Endpoint>) -> Result<Response<Full<Bytes>>, Failure> {
        let (kept, refused) = self.site.adjust(endpoints)?;
        let mut last = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        for line in refused.difference(&last) {
            tell(&plain(&format!("refused: {line}")));
        }
        *last = refused;
        Ok(document(&kept))
    }
}

/// Serves a listener for ever.
pub(super) async fn serve(listener: TcpListener, door: Door, webhook: Arc<Webhook>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // The system has no connection to give.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let webhook = Arc::clone(&webhook);
        tokio::spawn(async move {
            let service = service_fn(move |request| respond(door, Arc::clone(&webhook), request));
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            // How a connection ends is the client's affair.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

async fn respond(
    door: Door,
    webhook: Arc<Webhook>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let accepted = head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if accepted.is_some_and(|accept| {
        accept.contains("external.dns.webhook") && !accept.contains(MEDIA_TYPE)
    }) {
        return Ok(plainly(StatusCode::NOT_ACCEPTABLE, &format!("{MEDIA_TYPE} is spoken here")));
    }
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return Ok(plainly(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long, or broke off"));
    };
    let body = body.to_bytes();
    // Asking the overwatch blocks.
    let answer = tokio::task::spawn_blocking(move || {
        webhook.answer(door, &head.method, head.uri.path(), &body)
    });
    let failed = || plainly(StatusCode::INTERNAL_SERVER_ERROR, "the answer was not finished");
    Ok(answer.await.unwrap_or_else(|_| failed()))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::Usage(format!("the body: {error}")))
}

/// A document of the protocol. ExternalDNS looks at both headers.
fn document(of: &impl Serialize) -> Response<Full<Bytes>> {
    // Plain data: there is nothing in it that JSON cannot say.
    let text = serde_json::to_string(of).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(text)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(VARY, hyper::header::HeaderValue::from_static("Content-Type"));
    response
}

fn plainly(status: StatusCode, words: &(impl Display + ?Sized)) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(words.to_string())));
    *response.status_mut() = status;
    response
}
