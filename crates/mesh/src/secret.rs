//! Mesh keys and service tokens: what both sides know and neither ever sends.
//!
//! Must never show a secret: every `Debug` here is blind, and there is no `Display`. Comparing is
//! done on MACs ([`crate::proof`]); equality of tokens is only asked within one configuration.

use std::collections::BTreeMap;
use std::fmt;

use model::{Region, Service, Subnet};
use zeroize::Zeroizing;

use crate::authority::{Authority, Grant};

/// The keys that let a node into the mesh: the current one and, while it is being changed, another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshKeys(Vec<MeshKey>);

/// One mesh key: 32 random bytes, wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MeshKey(Zeroizing<[u8; 32]>);

/// A service token as text, wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(Zeroizing<String>);

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
    #[error(
        "at most {max} tokens of {service} can be valid at once in {}",
        .region.as_ref().map_or("any region", Region::as_str),
        max = Tokens::PER_REGION_MAX
    )]
    TokenCount {
        /// The service with too many.
        service: Service,
        /// Where; `None`: already those for any region are too many.
        region: Option<Region>,
    },
}

impl MeshKeys {
    /// The keys, the preferred one first.
    ///
    /// # Errors
    ///
    /// None, or more than two.
    pub fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Result<Self, SecretError> {
        let keys: Vec<MeshKey> = keys.into_iter().map(|key| MeshKey(Zeroizing::new(key))).collect();
        match keys.len() {
            1 | 2 => Ok(Self(keys)),
            count => Err(SecretError::KeyCount(count)),
        }
    }

    /// Whether each of these keys is one of those too.
    #[must_use]
    pub fn are_all_in(&self, other: &Self) -> bool {
        self.iter().all(|key| other.0.contains(key))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &MeshKey> {
        self.0.iter()
    }
}

impl MeshKey {
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TokenSecret {
    /// A token as the operator wrote it; how long it must be is `config`'s to say.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Tokens {
    /// The most different secrets of a service that are valid in one region, those for any region
    /// counted in each: two, so that one can be changed without a gap. With two mesh keys that is
    /// four proofs in a challenge, however many regions have a token of their own.
    pub const PER_REGION_MAX: usize = 2;

    /// The entries of `agent_tokens`. One secret may stand in several, for several services or for
    /// several regions of one.
    ///
    /// # Errors
    ///
    /// More than two different secrets for one service in one region.
    pub fn new(tokens: Vec<Token>) -> Result<Self, SecretError> {
        let mut valid: BTreeMap<(&Service, Option<&Region>), Vec<&TokenSecret>> = BTreeMap::new();
        for token in &tokens {
            for region in token.places() {
                let secrets = valid.entry((&token.service, region)).or_default();
                // One too many is as wrong as a thousand.
                if secrets.len() <= Self::PER_REGION_MAX && !secrets.contains(&&token.secret) {
                    secrets.push(&token.secret);
                }
            }
        }
        for ((service, region), secrets) in &valid {
            let anywhere = valid.get(&(*service, None)).into_iter().flatten();
            let others = anywhere.filter(|secret| !secrets.contains(secret)).count();
            if secrets.len() + others > Self::PER_REGION_MAX {
                let (service, region) = ((*service).clone(), region.cloned());
                return Err(SecretError::TokenCount { service, region });
            }
        }
        Ok(Self(tokens))
    }

    /// Whether there is a token for the service in some region.
    pub(crate) fn have(&self, service: &Service) -> bool {
        self.0.iter().any(|token| token.service == *service)
    }

    /// All that anybody may be granted.
    #[must_use]
    pub fn authority(&self) -> Authority {
        Authority::new(self.0.iter().map(Grant::from).collect())
    }

    /// What the entries grant that are not among those, with their secret.
    pub fn missing_in(&self, other: &Self) -> impl Iterator<Item = Grant> {
        self.0.iter().filter(|token| !other.0.contains(token)).map(Grant::from)
    }

    /// The different secrets of a service that are valid in a region, in the order of the
    /// configuration; without a region those for any.
    pub(crate) fn secrets_of(
        &self,
        service: &Service,
        region: Option<&Region>,
    ) -> Vec<&TokenSecret> {
        let mut secrets: Vec<&TokenSecret> = Vec::new();
        let of_service = self.0.iter().filter(|token| token.service == *service);
        for token in of_service.filter(|token| token.is_valid_in(region)) {
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

impl Token {
    /// The regions it is for; `None` stands for any.
    fn places(&self) -> impl Iterator<Item = Option<&Region>> {
        let anywhere = self.regions.is_empty().then_some(None);
        self.regions.iter().map(Some).chain(anywhere)
    }

    fn is_valid_in(&self, region: Option<&Region>) -> bool {
        self.regions.is_empty() || region.is_some_and(|region| self.regions.contains(region))
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

    /// Entries of `service secret region...`.
    fn entries(lines: &[&str]) -> Vec<Token> {
        let entry = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            Token {
                service: words[0].parse().unwrap(),
                secret: TokenSecret::new(words[1].to_owned()),
                regions: words[2..].iter().map(|region| region.parse().unwrap()).collect(),
                networks: Vec::new(),
            }
        };
        lines.iter().map(entry).collect()
    }

    /// What is said of entries: nothing, or where service `a` has too many.
    fn check(lines: &[&str], expect: Result<(), &str>) {
        let said = Tokens::new(entries(lines)).map(drop).map_err(|error| error.to_string());
        let all = |place| format!("at most 2 tokens of a can be valid at once in {place}");
        assert_eq!(said, expect.map_err(all), "{lines:?}");
    }

    #[test]
    fn one_or_two_mesh_keys_are_valid() {
        assert_eq!(MeshKeys::new([]), Err(SecretError::KeyCount(0)));
        assert!(MeshKeys::new([[1; 32], [2; 32]]).is_ok());
        assert_eq!(MeshKeys::new([[1; 32]; 3]), Err(SecretError::KeyCount(3)));
    }

    #[test]
    fn two_tokens_are_valid_in_each_region() {
        check(&["a one", "a two", "b three", "a one", "a two eu"], Ok(()));
        check(&["a one", "a two", "a three"], Err("any region"));
        check(&["a one eu", "a two ap", "a three us", "a four eu", "a one eu us"], Ok(()));
        check(&["a one eu", "a two ap eu", "a three us", "a four eu"], Err("eu"));
        // One for any region counts in each.
        check(&["a one eu", "a two ap", "a three us", "a any"], Ok(()));
        check(&["a any", "a one eu", "a two ap us", "a three us"], Err("us"));
        check(&["a one eu", "a any", "a more"], Err("eu"));
    }

    #[test]
    fn a_region_has_its_own_tokens_and_those_for_any() {
        let tokens = Tokens::new(entries(&["a one eu", "a two ap", "a any", "b any eu"])).unwrap();
        let of = |service: &str, region: Option<&str>| {
            let region: Option<Region> = region.map(|region| region.parse().unwrap());
            let secrets = tokens.secrets_of(&service.parse().unwrap(), region.as_ref());
            secrets.iter().map(|secret| secret.0.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of("a", Some("eu")), ["one", "any"]);
        assert_eq!(of("a", Some("us")), ["any"]);
        assert_eq!(of("a", None), ["any"]);
        assert!(of("b", None).is_empty() && of("b", Some("ap")).is_empty());
    }

    #[test]
    fn secrets_are_never_shown() {
        let keys = MeshKeys::new([[0x41; 32]]).unwrap();
        let tokens = Tokens::new(entries(&["a hidden"])).unwrap();
        let shown = format!("{keys:?} {tokens:?}");
        assert!(!shown.contains("hidden") && !shown.contains("65"), "{shown}");
    }
}
