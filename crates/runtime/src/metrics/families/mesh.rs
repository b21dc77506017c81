//! Metrics of the mesh: agents as an overwatch sees them, and what was refused to whom.

use ::mesh::RefusalReason;

use crate::metrics::family::{Bound, Family, Label};

/// Every reason to refuse.
const REFUSALS: Bound = Bound::Words(|| RefusalReason::all().map(RefusalReason::as_str).collect());

families! {
    REGISTERED = gauge("overwatch_agents_registered", &[], "Agents enrolled");
    CONNECTED = gauge("overwatch_agents_connected", &[], "Agents there");
    HELD = gauge("overwatch_agents_held", &[], "Agents that are not believed");
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
