//! The tokens of the API that operators made: who has one, and what it lets them do.
//!
//! Must never hold a secret: what is kept of a token is its SHA-256. Whether somebody has the secret
//! is the edge's to find out.

use std::collections::BTreeMap;

use model::{Role, Time, TokenName};

use crate::Change;

/// Tokens that operators made. Each request compares with all of them, which takes some 20 us at this
/// many; at the limit a new one is objected to.
const TOKENS_MAX: usize = 1_000;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// What it is called.
    pub name: TokenName,
    /// What it lets its holder do.
    pub role: Role,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// When it was made.
    pub created: Time,
    /// By whom.
    pub by: String,
}

/// What an operator can say about tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenOrder {
    /// Let whoever has the secret in.
    Create {
        /// What it is called; no other has this name.
        name: TokenName,
        /// What it lets its holder do.
        role: Role,
        /// SHA-256 of the secret.
        hash: [u8; 32],
    },
    /// Let them in no more.
    Revoke(TokenName),
}

/// Why it is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// There is one of that name.
    #[error("there is a token {0} already: revoke it first, or take another name")]
    Exists(TokenName),
    /// There is none of that name.
    #[error("there is no token {0}: opengslb-cli tokens list shows those that there are")]
    Unknown(TokenName),
    /// It is the configuration's.
    #[error("the token {0} is one of api.tokens: change it there, then reload")]
    Configured(TokenName),
    /// There are too many.
    #[error("there are {TOKENS_MAX} tokens, which is the limit: revoke one first")]
    TooMany,
}

/// Those that there are, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens(BTreeMap<TokenName, ApiToken>);

impl Tokens {
    /// What was kept over a restart.
    pub(crate) const fn remember(tokens: BTreeMap<TokenName, ApiToken>) -> Self {
        Self(tokens)
    }

    /// All, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ApiToken> {
        self.0.values()
    }

    /// Takes in what was made at another overwatch.
    pub(crate) fn take(&mut self, change: &Change) {
        match change {
            Change::PutToken(token) => drop(self.0.insert(token.name.clone(), token.clone())),
            Change::RemoveToken(name) => drop(self.0.remove(name)),
            _ => {}
        }
    }

    /// What speaks against an order.
    pub(crate) fn objection(&self, order: &TokenOrder) -> Option<TokenFault> {
        match order {
            TokenOrder::Create { name, .. } if self.0.contains_key(name) => {
                Some(TokenFault::Exists(name.clone()))
            }
            TokenOrder::Create { .. } => {
                (self.0.len() >= TOKENS_MAX).then_some(TokenFault::TooMany)
            }
            TokenOrder::Revoke(name) => {
                (!self.0.contains_key(name)).then(|| TokenFault::Unknown(name.clone()))
            }
        }
    }

    /// Carries out an order that nothing speaks against: what was done, and what to keep.
    pub(crate) fn carry_out(&mut self, order: TokenOrder, by: &str, now: Time) -> (String, Change) {
        match order {
            TokenOrder::Create { name, role, hash } => {
                let what = format!("token {name} was made, with the role {role}");
                let token =
                    ApiToken { name: name.clone(), role, hash, created: now, by: by.to_owned() };
                self.0.insert(name, token.clone());
                (what, Change::PutToken(token))
            }
            TokenOrder::Revoke(name) => {
                self.0.remove(&name);
                (format!("token {name} was revoked"), Change::RemoveToken(name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(name: &str) -> TokenOrder {
        TokenOrder::Create { name: name.parse().unwrap(), role: Role::Read, hash: [7; 32] }
    }

    #[test]
    fn a_name_is_given_once_and_again_after_it_was_revoked() {
        let (mut tokens, now) = (Tokens::default(), Time::from_unix_ms(1));
        let revoke = || TokenOrder::Revoke("deploy".parse().unwrap());
        let name: TokenName = "deploy".parse().unwrap();
        assert_eq!(tokens.objection(&revoke()), Some(TokenFault::Unknown(name.clone())));
        let (what, change) = tokens.carry_out(create("Deploy"), "control socket", now);
        assert_eq!(what, "token deploy was made, with the role read");
        let Change::PutToken(kept) = change else { panic!("{change:?}") };
        assert_eq!(tokens.iter().collect::<Vec<_>>(), [&kept]);
        assert_eq!(tokens.objection(&create("deploy")), Some(TokenFault::Exists(name.clone())));
        assert_eq!(tokens.objection(&revoke()), None);
        let (_, change) = tokens.carry_out(revoke(), "control socket", now);
        assert_eq!(change, Change::RemoveToken(name));
        assert_eq!(tokens.objection(&create("deploy")), None);
    }

    #[test]
    fn there_are_only_so_many() {
        let mut tokens = Tokens::default();
        for number in 0..TOKENS_MAX {
            let order = create(&format!("t{number}"));
            assert_eq!(tokens.objection(&order), None);
            tokens.carry_out(order, "test", Time::from_unix_ms(1));
        }
        assert_eq!(tokens.objection(&create("more")), Some(TokenFault::TooMany));
    }
}
