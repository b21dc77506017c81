//! Who may read over TCP: networks, and what a proxy in front says about whom it speaks for.
//!
//! `live`, `ready` and `version` are for load balancers and monitors and open to all; they tell
//! nothing about clients.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use model::Subnet;

use super::routes::refusal;

/// Paths that are open to all.
const OPEN: [&str; 3] = ["/api/v1/live", "/api/v1/ready", "/api/v1/version"];

/// Who may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The networks that may.
    pub allowed: Vec<Subnet>,
    /// Whether a proxy in front is believed about the address it speaks for.
    pub trust_proxy_headers: bool,
}

impl Access {
    /// Whether a request of `peer` with these headers may pass.
    ///
    /// A proxy appends the address it saw to `X-Forwarded-For`, so the last one is the proxy's own
    /// word; those before it anybody can write. The proxy itself must be allowed too.
    fn allows(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let is_allowed = |address: IpAddr| {
            let address = address.to_canonical();
            self.allowed.iter().any(|network| network.contains(address))
        };
        if !is_allowed(peer) {
            return false;
        }
        if !self.trust_proxy_headers {
            return true;
        }
        let Some(forwarded) = headers.get_all("x-forwarded-for").iter().next_back() else {
            return true;
        };
        let last = forwarded.to_str().ok().and_then(|text| text.rsplit(',').next());
        last.and_then(|text| text.trim().parse().ok()).is_some_and(is_allowed)
    }
}

/// Puts the guard in front of a router. It goes by the access of the moment.
pub(super) fn guard(router: Router, access: Arc<ArcSwap<Access>>) -> Router {
    router.layer(middleware::from_fn_with_state(access, check))
}

async fn check(
    State(access): State<Arc<ArcSwap<Access>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let is_open = OPEN.contains(&request.uri().path());
    if is_open || access.load().allows(peer.ip(), request.headers()) {
        return next.run(request).await;
    }
    let text = "this address may not read here: see api.allowed_networks";
    refusal(StatusCode::FORBIDDEN, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(trust: bool, peer: &str, forwarded: Option<&str>, expect: bool) {
        let allowed = vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
        let access = Access { allowed, trust_proxy_headers: trust };
        let mut headers = HeaderMap::new();
        if let Some(forwarded) = forwarded {
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        }
        assert_eq!(access.allows(peer.parse().unwrap(), &headers), expect, "{peer} {forwarded:?}");
    }

    #[test]
    fn networks_decide_and_a_proxy_is_believed_only_where_told() {
        check(false, "10.1.2.3", None, true);
        check(false, "::ffff:10.1.2.3", None, true);
        check(false, "192.0.2.1", None, false);
        check(false, "127.0.0.1", Some("192.0.2.1"), true);
        check(true, "127.0.0.1", Some("192.0.2.1"), false);
        check(true, "127.0.0.1", Some("192.0.2.1, 10.1.2.3"), true);
        check(true, "127.0.0.1", Some("10.1.2.3, 192.0.2.1"), false);
        check(true, "127.0.0.1", Some("nonsense"), false);
        check(true, "127.0.0.1", None, true);
        check(true, "192.0.2.1", Some("10.1.2.3"), false);
    }
}
