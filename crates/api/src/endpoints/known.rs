//! What the overwatch knows: domains, servers, agents, what was learned, and what was done.

use model::Role;

use crate::agents::Agents;
use crate::backends::Backends;
use crate::decisions::DecisionMade;
use crate::domains::Domains;
use crate::endpoint::{
    Access, Answer, Body, Endpoint, Form, Method, Operation, Parameter, schema_of,
};
use crate::explain::Explanation;
use crate::geo::GeoTest;
use crate::hand::Audit;
use crate::latency::{LatencyReport, LatencyTable, ReportTaken};
use crate::peers::Peers;
use crate::problem::Kind;
use crate::sources::Sources;

/// Which rows of the learned table.
const LATENCY: [Parameter; 3] = [
    Parameter::optional("domain", "Of this domain only.", schema_of::<String>),
    Parameter::optional("region", "Of this region only.", schema_of::<String>),
    Parameter::optional(
        "prefix",
        "Of this network and those inside it only, as in 10.1.0.0/16.",
        schema_of::<String>,
    ),
];

/// The longest report: its rows at length, twice over.
const REPORT_BYTES_MAX: usize = 2 << 20;

const REPORT_EXAMPLE: &str = r#"{"type": "latency_report", "agent_id": "probe", "entries": [{"subnet": "10.1.2.0/24", "rtt_ms": 85, "samples": 50}]}"#;

pub(super) const LIST: &[Endpoint] = &[
    Endpoint::read(
        Operation::ListDomains,
        "/api/v1/domains",
        "What is steered, and how.",
        schema_of::<Domains>,
    ),
    Endpoint {
        query: &[
            LATENCY[0],
            LATENCY[1],
            LATENCY[2],
            Parameter::optional(
                "limit",
                "How many rows, 10,000 at most and where nothing is said.",
                schema_of::<u16>,
            ),
            Parameter::optional(
                "after",
                "`next` of the page before: goes on behind it. Only where the rows are sorted by \
                 subnet.",
                schema_of::<String>,
            ),
            Parameter::optional(
                "sort",
                "`subnet`, or the first rows by `rtt`, `samples` or `last_updated`, with `-` before \
                 it the last ones. Those look at the whole table.",
                schema_of::<String>,
            ),
        ],
        refused: &[Kind::Unknown],
        ..Endpoint::read(
            Operation::ListLatency,
            "/api/v1/overwatch/latency",
            "What was learned: a row per client network, domain and region.",
            schema_of::<LatencyTable>,
        )
    },
    Endpoint {
        query: &[
            LATENCY[0],
            LATENCY[1],
            LATENCY[2],
            Parameter::optional("format", "`json` or `csv`.", schema_of::<String>),
        ],
        answer: Answer::Export(schema_of::<LatencyTable>),
        refused: &[Kind::Unknown],
        ..Endpoint::read(
            Operation::ExportLatency,
            "/api/v1/overwatch/latency/export",
            "All of it, as it comes.",
            schema_of::<LatencyTable>,
        )
    },
    Endpoint {
        access: Access::Source,
        body: Some(Body {
            form: Form::Json,
            bytes_max: REPORT_BYTES_MAX,
            schema: schema_of::<LatencyReport>,
            example: REPORT_EXAMPLE,
        }),
        answer: Answer::Document(schema_of::<ReportTaken>),
        refused: &[Kind::Conflict],
        ..Endpoint::change(
            Operation::ReportLatency,
            (Method::Post, "/api/v1/latency-reports"),
            Role::Operate,
            "Takes times that a trusted source measured, as an agent's.",
        )
    },
    Endpoint {
        query: &[
            Parameter::optional("domain", "Of this domain only.", schema_of::<String>),
            Parameter::optional("prefix", "Of clients in this network only.", schema_of::<String>),
        ],
        answer: Answer::Events(schema_of::<DecisionMade>),
        refused: &[Kind::TooManyListeners],
        ..Endpoint::read(
            Operation::WatchDecisions,
            "/api/v1/decisions",
            "Decisions as they are made; at most 50 a second of each worker are shown.",
            schema_of::<DecisionMade>,
        )
    },
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
    Endpoint::read(
        Operation::ListSources,
        "/api/v1/overwatch/sources",
        "Who reports times that is no agent, and what came of it.",
        schema_of::<Sources>,
    ),
    Endpoint::read(
        Operation::ListPeers,
        "/api/v1/overwatch/peers",
        "The other overwatches, and whether they are reached.",
        schema_of::<Peers>,
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
    Endpoint {
        query: &[Parameter::required("address", "An address.", schema_of::<String>)],
        ..Endpoint::read(
            Operation::TestGeography,
            "/api/v1/geo/test",
            "Where geography has an address, and where it alone would send it.",
            schema_of::<GeoTest>,
        )
    },
    Endpoint::read(
        Operation::ListAudit,
        "/api/v1/overwatch/audit",
        "What was changed and by whom, the newest first; the last 1,000.",
        schema_of::<Audit>,
    ),
];
