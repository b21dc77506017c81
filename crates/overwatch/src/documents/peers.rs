//! The other overwatches, and what to compare with them.

use api::peers::{Peer, Peers};
use model::Time;

use crate::{Overwatch, PeerStatus};

impl Overwatch {
    /// `GET /api/v1/overwatch/peers`.
    #[must_use]
    pub fn peer_document(&self, now: Time) -> Peers {
        Peers {
            node_id: self.identity.overwatch_id.to_string(),
            peers: self.peer_list().into_iter().map(peer).collect(),
            rows_digest: format!("{:016x}", self.rows_digest()),
            registry_digest: format!("{:016x}", self.registry_digest()),
            generated_at: now.to_rfc3339(),
        }
    }

    /// A digest of all servers that agents offered: which, where, of what weight, by whom, and whether
    /// their agents are there. The same in two overwatches that heard the same. Their own checks are
    /// not in it.
    #[must_use]
    pub fn registry_digest(&self) -> u64 {
        let offered = self.registry.entries().filter(|entry| !entry.is_configured);
        offered.fold(0, |sum: u64, entry| {
            let (backend, claim) = (&entry.backend, entry.claim);
            let agent = entry.agent.as_ref().map_or("-", |agent| agent.as_str());
            let line = format!(
                "{} {} {} {agent} {claim:?} {}",
                backend.key, backend.region, backend.weight, entry.has_left
            );
            sum.wrapping_add(hash(&line))
        })
    }
}

fn peer(status: PeerStatus) -> Peer {
    let is_connected = status.since.is_some();
    Peer {
        address: status.address,
        node_id: status.overwatch_id.map(|id| id.to_string()),
        status: if is_connected { "connected" } else { "disconnected" }.to_owned(),
        message: status.fault,
        key_sha256: status.key.map(|key| key.to_string()),
        since: status.since.map(Time::to_rfc3339),
        last_heard: status.heard_at.map(Time::to_rfc3339),
        agents: status.agents,
    }
}

/// FNV-1a, 64 bits: against chance, not against a liar.
fn hash(line: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325;
    line.bytes()
        .fold(start, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
