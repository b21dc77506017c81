//! Metrics of the mesh: agents and other overwatches as an overwatch sees them, and what was refused to
//! whom.

use ::mesh::RefusalReason;

use crate::metrics::family::{Bound, Family, Label};

/// Every reason to refuse.
const REFUSALS: Bound = Bound::Words(|| RefusalReason::all().map(RefusalReason::as_str).collect());

/// Whether this overwatch heard it or told it.
const WAY: Label = Label::new("way", Bound::Words(|| vec!["heard", "told"]));

families! {
    REGISTERED = gauge("overwatch_agents_registered", &[], "Agents enrolled that did not say goodbye");
    CONNECTED = gauge("overwatch_agents_connected", &[], "Agents there");
    HELD = gauge("overwatch_agents_held", &[], "Agents that are not believed");
    PEERS = gauge("overwatch_peers", &[], "Other overwatches that are known");
    PEERS_CONNECTED = gauge("overwatch_peers_connected", &[], "Other overwatches that are reached");
    PEER_ROWS = counter("mesh_peer_rows", &[WAY], "Rows that overwatches told one another");
    PEER_FACTS = counter(
        "mesh_peer_facts", &[WAY], "Registrations, conditions and loads that they told one another"
    );
    PEER_REFUSED = counter("mesh_peer_refused", &[], "What they told and was not taken");
    JOINED = counter("mesh_joined", &[], "Agents that joined");
    REGISTRATIONS = counter("mesh_registrations", &[], "Registrations taken");
    REFUSED = counter(
        "mesh_refused", &[Label::new("reason", REFUSALS)], "What was refused to agents"
    );
    REFUSED_BY_AGENTS = counter(
        "mesh_refused_by_agents",
        &[Label::new("reason", REFUSALS)],
        "Sessions that agents ended in the handshake"
    );
}
