//! The MACs that show knowledge of mesh key and token without telling either.
//!
//! Each is HMAC-SHA256 over a role label, the TLS exporter and both ends' key hashes, all of fixed
//! length, under a key derived from the secrets (decision 10). Comparing takes the same time
//! whatever differs.

use std::fmt;

use aws_lc_rs::{hkdf, hmac};
use model::Service;

use crate::peer::{Exporter, KeyHash};
use crate::secret::{MeshKey, TokenSecret};

/// A proof: HMAC-SHA256, all 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mac([u8; 32]);

impl Mac {
    /// A MAC as it came over the wire.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mac(..)")
    }
}

/// Who makes a proof, so that none can be played back by the other side.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    /// The agent, of key and token.
    Agent,
    /// The overwatch, of key and token.
    Overwatch,
    /// The overwatch, of the key alone.
    OverwatchMember,
    /// An overwatch that dialled another, of the key alone.
    PeerDialling,
    /// An overwatch that another one dialled, of the key alone.
    PeerDialled,
}

impl Role {
    /// The label under the MAC; all have the same length, so that what follows stands at a fixed
    /// place.
    const fn label(self) -> &'static [u8; 32] {
        match self {
            Self::Agent => b"opengslb mesh 1 agent proof     ",
            Self::Overwatch => b"opengslb mesh 1 overwatch proof ",
            Self::OverwatchMember => b"opengslb mesh 1 overwatch member",
            Self::PeerDialling => b"opengslb mesh 1 peer dialling   ",
            Self::PeerDialled => b"opengslb mesh 1 peer dialled    ",
        }
    }
}

/// The session that a proof is bound to.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// What only the two ends of this TLS session know.
    pub(crate) exporter: Exporter,
    /// The public key of whoever dialled: an agent, or an overwatch.
    pub(crate) agent_key: KeyHash,
    /// The overwatch's public key.
    pub(crate) overwatch_key: KeyHash,
}

/// A key that only those who know the secrets can derive.
#[derive(Clone)]
pub(crate) struct ProofKey(hmac::Key);

impl ProofKey {
    /// The key of those who know this mesh key and this token, for one service.
    pub(crate) fn of_token(key: &MeshKey, token: &TokenSecret, service: &Service) -> Self {
        // The mesh key has a fixed length, so the two cannot run into one another.
        let secret = [key.as_bytes().as_slice(), token.as_bytes()].concat();
        Self::derive(b"opengslb mesh 1 token", &secret, service.as_str().as_bytes())
    }

    /// The key of those who know this mesh key.
    pub(crate) fn of_member(key: &MeshKey) -> Self {
        Self::derive(b"opengslb mesh 1 member", key.as_bytes(), b"")
    }

    /// The key of overwatches that know this mesh key. Not that of members: what an agent proves is
    /// worth nothing here.
    pub(crate) fn of_peer(key: &MeshKey) -> Self {
        Self::derive(b"opengslb mesh 1 peer", key.as_bytes(), b"")
    }

    /// HKDF-SHA256 (RFC 5869).
    fn derive(salt: &[u8], secret: &[u8], context: &[u8]) -> Self {
        let pseudorandom_key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
        let context = [context];
        #[expect(clippy::expect_used, reason = "fails only over 8160 bytes, this is 32")]
        let key = pseudorandom_key.expand(&context, hmac::HMAC_SHA256).expect("32 bytes");
        Self(hmac::Key::from(key))
    }

    /// The proof that `role` makes in the session.
    pub(crate) fn mac(&self, role: Role, binding: &Binding) -> Mac {
        let mut mac = [0; 32];
        let tag = hmac::sign(&self.0, &message(role, binding));
        for (byte, tag) in mac.iter_mut().zip(tag.as_ref()) {
            *byte = *tag;
        }
        Mac(mac)
    }

    /// Whether `mac` is the proof that `role` makes in the session.
    pub(crate) fn verifies(&self, mac: &Mac, role: Role, binding: &Binding) -> bool {
        hmac::verify(&self.0, &message(role, binding), &mac.0).is_ok()
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey(..)")
    }
}

/// What stands under the MAC: four fields of 32 bytes.
fn message(role: Role, binding: &Binding) -> Vec<u8> {
    [
        role.label().as_slice(),
        binding.exporter.as_bytes(),
        binding.agent_key.as_bytes(),
        binding.overwatch_key.as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::MeshKeys;

    fn binding() -> Binding {
        Binding {
            exporter: Exporter::from_bytes([7; 32]),
            agent_key: KeyHash::from_bytes([8; 32]),
            overwatch_key: KeyHash::from_bytes([9; 32]),
        }
    }

    fn key(mesh_key: u8, token: &str, service: &str) -> ProofKey {
        let keys = MeshKeys::new([[mesh_key; 32]]).unwrap();
        let token = TokenSecret::new(token.to_owned());
        ProofKey::of_token(keys.iter().next().unwrap(), &token, &service.parse().unwrap())
    }

    #[test]
    fn each_thing_under_the_mac_changes_it() {
        let mac = key(1, "token", "app").mac(Role::Agent, &binding());
        assert!(key(1, "token", "app").verifies(&mac, Role::Agent, &binding()));
        assert!(!key(2, "token", "app").verifies(&mac, Role::Agent, &binding()));
        assert!(!key(1, "tokem", "app").verifies(&mac, Role::Agent, &binding()));
        assert!(!key(1, "token", "web").verifies(&mac, Role::Agent, &binding()));
        assert!(!key(1, "token", "app").verifies(&mac, Role::Overwatch, &binding()));
        let other = KeyHash::from_bytes([1; 32]);
        for changed in [
            Binding { exporter: Exporter::from_bytes([1; 32]), ..binding() },
            Binding { agent_key: other, ..binding() },
            Binding { overwatch_key: other, ..binding() },
        ] {
            assert!(!key(1, "token", "app").verifies(&mac, Role::Agent, &changed), "{changed:?}");
        }
    }
}
