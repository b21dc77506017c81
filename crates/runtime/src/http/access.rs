//! Who calls: by the control socket, by a token, or from a network that may read.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::Kind;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use model::{Role, Subnet, TokenName};

use super::attempts::{Attempts, Origin, network_of};
use super::local::LocalPeer;
use super::refusal::Refusal;
use super::{Door, Server};

/// Who may do what over TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The networks that may read without a token.
    pub allowed: Vec<Subnet>,
    /// Whether a proxy in front is believed about the address it speaks for.
    pub trust_proxy_headers: bool,
    /// The tokens; of two with one hash the first counts.
    pub tokens: Vec<Token>,
    /// Who may report times, after all tokens.
    pub sources: Vec<SourceToken>,
}

/// The token of a source of times, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceToken {
    /// The source.
    pub name: TokenName,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
}

/// A token, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What the log of changes calls whoever has it.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// What the log of changes calls them.
    pub(super) name: Arc<str>,
    /// What they may do; `None` for those who only get what is open to all.
    pub(super) role: Option<Role>,
    /// Whether that is known by a secret.
    has_proven: bool,
    /// The source of times that they are.
    pub(super) source: Option<TokenName>,
}

impl Caller {
    /// Whoever asks for what is open to all.
    pub(super) fn anybody() -> Self {
        Self { name: "anybody".into(), role: None, has_proven: false, source: None }
    }

    /// Whoever asks from a network that may read.
    fn neighbour() -> Self {
        let name = "a network that may read".into();
        Self { name, role: Some(Role::Read), has_proven: false, source: None }
    }

    fn proven(name: &Arc<str>, role: Role) -> Self {
        Self { name: Arc::clone(name), role: Some(role), has_proven: true, source: None }
    }

    fn reporting(source: &TokenName) -> Self {
        let name = source.as_str().into();
        Self { name, role: None, has_proven: true, source: Some(source.clone()) }
    }
}

/// SHA-256 of a secret.
pub(crate) fn hash_of(secret: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let digest = digest(&SHA256, secret);
    hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

impl Access {
    /// Whether a request of `peer` with these headers may read without a token.
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
        if !self.trust_proxy_headers || !headers.contains_key(FORWARDED_FOR) {
            return true;
        }
        forwarded_for(headers).is_some_and(is_allowed)
    }

    /// Where a request comes from, as far as wrong tokens and listeners are counted: not everybody
    /// behind a proxy is the same; and everybody in a network that may read can say that he is one.
    fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Origin {
        let peer = peer.to_canonical();
        let is_proxy =
            self.trust_proxy_headers && self.allowed.iter().any(|network| network.contains(peer));
        let peer = network_of(peer);
        match forwarded_for(headers).filter(|_| is_proxy) {
            Some(client) => Origin { client: network_of(client), proxy: Some(peer) },
            None => Origin { client: peer, proxy: None },
        }
    }

    /// Whose token this is. Every hash is compared, whatever the first ones were.
    fn holder(&self, secret: &[u8]) -> Option<Caller> {
        let hash = hash_of(secret);
        let mut found = None;
        for token in &self.tokens {
            let is_equal = verify_slices_are_equal(&token.hash, &hash).is_ok();
            if is_equal && found.is_none() {
                found = Some(token);
            }
        }
        let mut reporting = None;
        for source in &self.sources {
            let is_equal = verify_slices_are_equal(&source.hash, &hash).is_ok();
            if is_equal && reporting.is_none() {
                reporting = Some(source);
            }
        }
        let found = found.map(|token| Caller::proven(&token.name, token.role));
        found.or_else(|| reporting.map(|source| Caller::reporting(&source.name)))
    }
}

/// Where a proxy writes the address that it speaks for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The last address in it; `None` where none is there, or it is none.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let forwarded = headers.get_all(FORWARDED_FOR).iter().next_back()?;
    forwarded.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

impl Server {
    /// The network that a request comes from; none by the control socket.
    pub(super) fn origin(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<Subnet> {
        let Door::Tcp { access, .. } = &self.door else { return None };
        Some(access.load().origin(peer?.ip(), headers).client)
    }

    /// Who calls; refused where they may not even read.
    pub(super) fn identify(
        &self,
        (peer, local): (Option<SocketAddr>, Option<LocalPeer>),
        headers: &HeaderMap,
    ) -> Result<Caller, Refusal> {
        let access = match &self.door {
            Door::Local => {
                let name = local.map_or_else(|| "control socket".to_owned(), LocalPeer::name);
                return Ok(Caller::proven(&name.into(), Role::Admin));
            }
            Door::Tcp { access, .. } => access.load(),
        };
        let Some(peer) = peer else {
            return Err(Refusal::unauthenticated("nobody knows where this comes from", None));
        };
        let Some(secret) = headers.get(AUTHORIZATION) else {
            if access.allows(peer.ip(), headers) {
                return Ok(Caller::neighbour());
            }
            let detail = "this address may not read without a token (api.allowed_networks): send \
                          Authorization: Bearer TOKEN; opengslb-cli tokens create makes one";
            return Err(Refusal::unauthenticated(detail, None));
        };
        let origin = access.origin(peer.ip(), headers);
        self.attempts.check(origin).map_err(Refusal::too_many_attempts)?;
        let bearer = Attempts::bearer(secret.as_bytes());
        let caller = bearer.and_then(|secret| access.holder(secret));
        if caller.is_some() {
            self.attempts.succeeded(origin);
        }
        caller.ok_or_else(|| {
            self.attempts.failed(origin);
            let detail = "this token is not known here: opengslb-cli tokens list shows those that \
                          are; it may have been revoked";
            Refusal::unauthenticated(detail, Some("invalid_token"))
        })
    }

    /// Whether a caller may.
    pub(super) fn permit(&self, access: api::Access, caller: &Caller) -> Result<(), Refusal> {
        if access == api::Access::Source {
            return permit_source(caller);
        }
        let Some(needed) = access.role() else { return Ok(()) };
        if caller.role < Some(needed) {
            if !caller.has_proven {
                let detail = format!(
                    "this needs a token of role {needed}: opengslb-cli tokens create makes one"
                );
                return Err(Refusal::unauthenticated(&detail, None));
            }
            let has = caller.role.map_or("none", Role::as_str);
            let detail = format!("this needs the role {needed}; that of {} is {has}", caller.name);
            return Err(Refusal::new(Kind::Forbidden, detail));
        }
        let is_open = matches!(self.door, Door::Tcp { is_private: false, .. });
        if is_open && matches!(access, api::Access::Secret(_)) {
            let detail = "there are secrets in it: ask through the control socket, or set api.tls";
            return Err(Refusal::new(Kind::Forbidden, detail));
        }
        Ok(())
    }
}

/// Whether a caller may report times.
fn permit_source(caller: &Caller) -> Result<(), Refusal> {
    let detail = "this is for the sources of api.latency_sources, each with its own token";
    match (&caller.source, caller.has_proven) {
        (Some(_), _) => Ok(()),
        (None, true) => Err(Refusal::new(Kind::Forbidden, detail)),
        (None, false) => Err(Refusal::unauthenticated(detail, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Behind;
    use crate::tail::Tail;

    fn check(trust: bool, peer: &str, forwarded: Option<&str>, expect: bool) {
        let allowed = vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
        let access = Access { allowed, trust_proxy_headers: trust, ..Access::default() };
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

    #[test]
    fn who_is_behind_a_trusted_proxy_is_counted_apart() {
        let check = |trust_proxy_headers, peer: &str, forwarded: &str, expect: &str| {
            let allowed = vec!["10.0.0.0/8".parse().unwrap()];
            let access = Access { allowed, trust_proxy_headers, ..Access::default() };
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            let origin = access.origin(peer.parse().unwrap(), &headers);
            let speaks_for = expect != peer.trim_start_matches("::ffff:").to_owned() + "/32";
            assert_eq!(origin.client.to_string(), expect, "{peer} {forwarded}");
            assert_eq!(origin.proxy.is_some(), speaks_for, "{peer} {forwarded}");
        };
        check(true, "10.1.2.3", "192.0.2.7", "192.0.2.7/32");
        check(true, "::ffff:10.1.2.3", "1.2.3.4, 2001:db8::9", "2001:db8::/64");
        check(true, "10.1.2.3", "nonsense", "10.1.2.3/32");
        // Nobody else is believed.
        check(true, "192.0.2.1", "192.0.2.7", "192.0.2.1/32");
        check(false, "10.1.2.3", "192.0.2.7", "10.1.2.3/32");
    }

    #[test]
    fn only_the_control_socket_makes_an_admin_of_nobody() {
        let is_admin = |door: Door| {
            let node = tokio::sync::mpsc::channel(1).0;
            let behind = Behind { node, tail: Tail::default(), counts: Arc::default() };
            let server = Server { behind, door, attempts: Attempts::default() };
            server.identify((None, None), &HeaderMap::new()).ok().map(|caller| caller.role)
        };
        assert_eq!(is_admin(Door::Local), Some(Some(Role::Admin)));
        let access = Arc::default();
        assert_eq!(is_admin(Door::Tcp { access, is_private: true }), None);
    }

    #[test]
    fn a_token_is_found_by_its_secret_alone() {
        let token = |name: &str, role| Token {
            name: name.into(),
            role,
            hash: hash_of(format!("secret of {name}").as_bytes()),
        };
        let tokens = vec![token("a", Role::Read), token("b", Role::Admin)];
        let access = Access { tokens, ..Access::default() };
        let holder = |secret: &str| access.holder(secret.as_bytes());
        assert_eq!(holder("secret of b"), Some(Caller::proven(&"b".into(), Role::Admin)));
        assert_eq!(holder("secret of c"), None);
        assert_eq!(holder(""), None);
        // A source is one with its own token, and nothing else.
        let probe = SourceToken { name: "probe".parse().unwrap(), hash: hash_of(b"its own") };
        let access = Access { sources: vec![probe], ..access };
        let caller = access.holder(b"its own").unwrap();
        assert_eq!((caller.role, caller.source.is_some()), (None, true));
        assert!(access.holder(b"secret of b").unwrap().source.is_none());
    }
}
