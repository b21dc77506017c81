//! What the overwatch knows: domains, servers, agents, what was learned, and what was done.

use crate::agents::Agents;
use crate::backends::Backends;
use crate::domains::Domains;
use crate::endpoint::{Endpoint, Operation, Parameter, schema_of};
use crate::explain::Explanation;
use crate::hand::Audit;
use crate::latency::LatencyTable;
use crate::problem::Kind;

pub(super) const LIST: &[Endpoint] = &[
    Endpoint::read(
        Operation::ListDomains,
        "/api/v1/domains",
        "What is steered, and how.",
        schema_of::<Domains>,
    ),
    Endpoint::read(
        Operation::ListLatency,
        "/api/v1/overwatch/latency",
        "What was learned: a row per client network, domain and region.",
        schema_of::<LatencyTable>,
    ),
    Endpoint::read(
        Operation::ListBackends,
        "/api/v1/overwatch/backends",
        "Every server, its standing and who says so.",
        schema_of::<Backends>,
    ),
    Endpoint::read(
        Operation::ListAgents,
        "/api/v1/overwatch/agents",
        "Who reports, and with what standing.",
        schema_of::<Agents>,
    ),
    Endpoint {
        query: &[
            Parameter::required("domain", "The domain, in any case.", schema_of::<String>),
            Parameter::required(
                "client",
                "An address or a network; of a network that is decided in parts, its first address.",
                schema_of::<String>,
            ),
        ],
        refused: &[Kind::Unknown],
        ..Endpoint::read(
            Operation::Explain,
            "/api/v1/routing/explain",
            "Where a client is sent, and why.",
            schema_of::<Explanation>,
        )
    },
    Endpoint::read(
        Operation::ListAudit,
        "/api/v1/overwatch/audit",
        "What was changed and by whom, the newest first; the last 1,000.",
        schema_of::<Audit>,
    ),
];
