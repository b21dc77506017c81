//! Mesh keys and service tokens: what both sides know and neither ever sends.
//!
//! Must never show a secret: every `Debug` here is blind, and there is no `Display`. Comparing is
//! done on MACs ([`crate::proof`]); equality of tokens is only asked within one configuration.

use std::fmt;

use model::{Region, Service, Subnet};

use crate::proof::cookie_secret;

/// The keys that let a node into the mesh: the current one and, while it is being changed, another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshKeys(Vec<MeshKey>);

/// One mesh key: 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MeshKey([u8; 32]);

/// A service token as text.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

/// One entry of an overwatch's `agent_tokens`: who shows the token may speak for this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The service it is for.
    pub service: Service,
    /// The secret.
    pub secret: TokenSecret,
    /// The regions that may be claimed; empty: any.
    pub regions: Vec<Region>,
    /// The networks that claimed backends may stand in; empty: only the session's peer address.
    pub networks: Vec<Subnet>,
}

/// All tokens of an overwatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens(Vec<Token>);

/// Why keys or tokens cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Without one, nobody could prove anything; more than two are never needed for a change.
    #[error("one or two mesh keys can be valid at once, not {0}")]
    KeyCount(usize),
    /// Each further one is another proof that strangers are given.
    #[error("at most {max} tokens of {service} can be valid at once", max = Tokens::PER_SERVICE_MAX)]
    TokenCount {
        /// The service with too many.
        service: Service,
    },
}

impl MeshKeys {
    /// The keys, the preferred one first.
    ///
    /// # Errors
    ///
    /// None, or more than two.
    pub fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Result<Self, SecretError> {
        let keys: Vec<MeshKey> = keys.into_iter().map(MeshKey).collect();
        match keys.len() {
            1 | 2 => Ok(Self(keys)),
            count => Err(SecretError::KeyCount(count)),
        }
    }

    /// The secrets of DNS cookies, derived from the keys: the one to issue with and, while the key is
    /// changed, the other one to accept (RFC 9018, 5). So all overwatches of a mesh take each
    /// other's cookies, and nobody has to set a secret. Never log them.
    #[must_use]
    pub fn cookie_secrets(&self) -> ([u8; 16], Option<[u8; 16]>) {
        let mut secrets = self.iter().map(cookie_secret);
        // There is one key at least.
        (secrets.next().unwrap_or_default(), secrets.next())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &MeshKey> {
        self.0.iter()
    }
}

impl MeshKey {
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TokenSecret {
    /// A token as the operator wrote it; how long it must be is `config`'s to say.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Tokens {
    /// Two, so that one can be changed without a gap.
    pub const PER_SERVICE_MAX: usize = 2;

    /// The entries of `agent_tokens`. One secret may stand in several, for several services or for
    /// several regions of one.
    ///
    /// # Errors
    ///
    /// More than two different secrets for one service.
    pub fn new(tokens: Vec<Token>) -> Result<Self, SecretError> {
        let all = Self(tokens);
        for token in &all.0 {
            if all.secrets_of(&token.service).len() > Self::PER_SERVICE_MAX {
                return Err(SecretError::TokenCount { service: token.service.clone() });
            }
        }
        Ok(all)
    }

    /// The different secrets of a service, in the order of the configuration.
    pub(crate) fn secrets_of(&self, service: &Service) -> Vec<&TokenSecret> {
        let mut secrets: Vec<&TokenSecret> = Vec::new();
        for token in self.0.iter().filter(|token| token.service == *service) {
            if !secrets.contains(&&token.secret) {
                secrets.push(&token.secret);
            }
        }
        secrets
    }

    /// Every entry with this secret: all that its holder may speak for.
    pub(crate) fn entries_of(&self, secret: &TokenSecret) -> impl Iterator<Item = &Token> {
        self.0.iter().filter(move |token| token.secret == *secret)
    }
}

impl fmt::Debug for MeshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeshKey(..)")
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(service: &str, secret: &str) -> Token {
        Token {
            service: service.parse().unwrap(),
            secret: TokenSecret::new(secret.to_owned()),
            regions: Vec::new(),
            networks: Vec::new(),
        }
    }

    #[test]
    fn two_of_each_are_the_most() {
        assert_eq!(MeshKeys::new([]), Err(SecretError::KeyCount(0)));
        assert!(MeshKeys::new([[1; 32], [2; 32]]).is_ok());
        assert_eq!(MeshKeys::new([[1; 32]; 3]), Err(SecretError::KeyCount(3)));
        let two =
            vec![token("a", "one"), token("a", "two"), token("b", "three"), token("a", "one")];
        assert!(Tokens::new(two.clone()).is_ok());
        let three = [two, vec![token("a", "three")]].concat();
        let service = "a".parse().unwrap();
        assert_eq!(Tokens::new(three), Err(SecretError::TokenCount { service }));
    }

    #[test]
    fn members_share_the_secrets_of_cookies() {
        let old = MeshKeys::new([[1; 32]]).unwrap().cookie_secrets();
        let both = MeshKeys::new([[2; 32], [1; 32]]).unwrap().cookie_secrets();
        assert_eq!(old.1, None);
        assert_eq!(both.1, Some(old.0));
        assert_ne!(both.0, old.0);
        // Computed by hand from RFC 5869, 2.2 and 2.3, so that no release changes it by accident.
        let hex: String = old.0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ae2b8ae44de0d07c6cc29a9117644491");
    }

    #[test]
    fn secrets_are_never_shown() {
        let keys = MeshKeys::new([[0x41; 32]]).unwrap();
        let tokens = Tokens::new(vec![token("a", "hidden")]).unwrap();
        let shown = format!("{keys:?} {tokens:?}");
        assert!(!shown.contains("hidden") && !shown.contains("65"), "{shown}");
    }
}
