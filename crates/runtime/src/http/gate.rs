//! From a request to its endpoint: everything that the table says is checked here, in one order, and
//! for all alike.
//!
//! ```text
//! path -> who calls -> method -> role -> If-Match -> path and query -> media type -> body -> handler
//! ```
//!
//! Who may not read is told so before what there is. Nothing here knows what an endpoint does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use api::{Access, Endpoint, Kind, endpoints};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{ConnectInfo, FromRequestParts as _, Query, RawPathParams, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, IF_MATCH, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};

use super::access::Caller;
use super::call::Call;
use super::local::LocalPeer;
use super::refusal::Refusal;
use super::{Server, dispatch, docs, page};

/// The endpoints of one path.
type Here = Arc<[&'static Endpoint]>;

/// Every path of the table, and what is said at any other.
pub(super) fn router(server: Arc<Server>) -> Router {
    let mut paths: BTreeMap<&str, Vec<&'static Endpoint>> = BTreeMap::new();
    for endpoint in endpoints::all() {
        paths.entry(endpoint.path).or_default().push(endpoint);
    }
    let mut router = page::routes();
    for (path, here) in paths {
        let here: Here = here.into();
        let handler =
            move |State(server): State<Arc<Server>>, request| answer(server, here, request);
        router = router.route(path, any(handler));
    }
    let nowhere = |State(server): State<Arc<Server>>, request| answer(server, [].into(), request);
    router
        .route(docs::PATH, get(docs::page))
        .route(docs::SCRIPT_PATH, get(docs::script))
        .fallback(nowhere)
        .with_state(server)
}

async fn answer(server: Arc<Server>, here: Here, request: Request) -> Response {
    let mut response = match pass(&server, &here, request).await {
        Ok(response) => response,
        Err(refusal) => {
            server.behind.counts.refuse(refusal.kind());
            refusal.into_response()
        }
    };
    server.behind.counts.answer();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn pass(
    server: &Server,
    here: &[&'static Endpoint],
    request: Request,
) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    let lease = parts.extensions.get().cloned();
    let found = here.iter().copied().find(|endpoint| is_asked(endpoint, &parts.method));
    let peer = parts.extensions.get().map(|ConnectInfo(peer): &ConnectInfo<SocketAddr>| *peer);
    let caller = match found {
        Some(Endpoint { access: Access::Open, .. }) => Caller::anybody(),
        _ => {
            let local =
                parts.extensions.get().map(|ConnectInfo(peer): &ConnectInfo<LocalPeer>| *peer);
            server.identify((peer, local), &parts.headers)?
        }
    };
    let origin = server.origin(peer, &parts.headers);
    let endpoint = found.ok_or_else(|| not_here(here))?;
    server.permit(endpoint.access, &caller)?;
    let expected = if endpoint.is_change() { if_match(&parts.headers)? } else { None };
    let path = path(&mut parts).await?;
    let query = query(endpoint, &parts)?;
    let body = read_body(endpoint, &parts.headers, body).await?;
    let call = Call { endpoint, caller, origin, path, query, body, expected, lease };
    dispatch::carry_out(server, &call).await
}

/// `HEAD` is `GET` without the body, which the layers below leave out (RFC 9110, 9.3.2).
fn is_asked(endpoint: &Endpoint, method: &Method) -> bool {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    endpoint.method.as_str() == method.as_str()
}

fn not_here(here: &[&Endpoint]) -> Refusal {
    if here.is_empty() {
        let detail = "there is nothing at this path: /api/docs lists what there is";
        return Refusal::new(Kind::NoPath, detail);
    }
    let mut methods: Vec<&str> = here.iter().map(|endpoint| endpoint.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    Refusal::method(methods.join(", "))
}

/// The number of the last change, as an `ETag` told it; `None` where none is named, or any will do.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let tag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let Some(tag) = tag.filter(|tag| !tag.contains('"')) else {
        let detail = "If-Match takes one ETag as it was told, with its quotes, or *";
        return Err(Refusal::parameter(detail));
    };
    // One that was never told is none of now.
    let stale = || Refusal::new(Kind::Changed, "this ETag was never told: ask again, then change");
    tag.parse().map(Some).map_err(|_| stale())
}

async fn path(parts: &mut Parts) -> Result<Vec<(String, String)>, Refusal> {
    let found = RawPathParams::from_request_parts(parts, &()).await;
    let found = found.map_err(|why: RawPathParamsRejection| Refusal::parameter(why.body_text()))?;
    Ok(found.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn query(endpoint: &Endpoint, parts: &Parts) -> Result<Vec<(String, String)>, Refusal> {
    let found = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let Query(found) = found.map_err(|why| Refusal::parameter(why.body_text()))?;
    for (at, (name, _)) in found.iter().enumerate() {
        if !endpoint.query.iter().any(|known| known.name == *name) {
            let known: Vec<&str> = endpoint.query.iter().map(|known| known.name).collect();
            let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
            let detail = format!("{name:?} is not known in the query here; what is: {known}");
            return Err(Refusal::parameter(detail));
        }
        if found.iter().take(at).any(|(before, _)| before == name) {
            return Err(Refusal::parameter(format!("{name} stands twice in the query")));
        }
    }
    Ok(found)
}

async fn read_body(endpoint: &Endpoint, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let Some(wanted) = endpoint.body else {
        if body.is_end_stream() || to_bytes(body, 0).await.is_ok() {
            return Ok(Bytes::new());
        }
        return Err(Refusal::body("nothing may be sent here: leave the body out"));
    };
    let media_type = wanted.form.media_type();
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bare = sent.split(';').next().unwrap_or_default().trim();
    if !bare.eq_ignore_ascii_case(media_type) {
        let detail = format!("the body has to be {media_type}: say so with Content-Type");
        return Err(Refusal::new(Kind::MediaType, detail));
    }
    let bytes_max = wanted.bytes_max;
    let too_long =
        || Refusal::new(Kind::TooLong, format!("a body has at most {bytes_max} bytes here"));
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_long());
    }
    // One that breaks off is told the same; nobody is there to read it.
    to_bytes(body, bytes_max).await.map_err(|_| too_long())
}
