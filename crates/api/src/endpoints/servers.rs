//! What operators say about servers and agents.

use model::Role;

use crate::backends::Override;
use crate::endpoint::{Body, Endpoint, Method, Operation, Parameter, schema_of};
use crate::problem::Kind;

const OVERRIDE: &str = "/api/v1/overwatch/backends/{service}/{address}/{port}/override";
const DRAIN: &str = "/api/v1/overwatch/backends/{service}/{address}/{port}/drain";

/// How much of a server's weight is drained.
const SHARE: Parameter = Parameter::optional(
    "share",
    "The share of its weight that it loses, from 0 to 1; all where absent.",
    schema_of::<f64>,
);
/// How fast.
const OVER: Parameter = Parameter::optional(
    "over_seconds",
    "How long it takes to get there; at once where absent.",
    schema_of::<u64>,
);

pub(super) const LIST: &[Endpoint] = &[
    Endpoint {
        body: Some(Body::json(
            schema_of::<Override>,
            r#"{"healthy": false, "reason": "disk is full", "for_seconds": 3600}"#,
        )),
        ..Endpoint::change(
            Operation::SetOverride,
            (Method::Post, OVERRIDE),
            Role::Operate,
            "Says what a server is, whatever anybody else says.",
        )
    },
    Endpoint {
        query: &[Parameter::REASON],
        ..Endpoint::change(
            Operation::ClearOverride,
            (Method::Delete, OVERRIDE),
            Role::Operate,
            "Takes that back.",
        )
    },
    Endpoint {
        query: &[SHARE, OVER, Parameter::REASON, Parameter::FOR],
        ..Endpoint::change(
            Operation::BeginDrain,
            (Method::Post, DRAIN),
            Role::Operate,
            "Takes a server out of the answers while another one of its service is up.",
        )
    },
    Endpoint {
        query: &[OVER, Parameter::REASON],
        ..Endpoint::change(
            Operation::EndDrain,
            (Method::Delete, DRAIN),
            Role::Operate,
            "Takes that back.",
        )
    },
    Endpoint {
        query: &[
            Parameter::optional(
                "key",
                "Which key, where two ask for the name: the 64 hexadecimal digits of its SHA-256.",
                schema_of::<String>,
            ),
            Parameter::REASON,
        ],
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::ApproveAgent,
            (Method::Post, "/api/v1/overwatch/agents/{agent}/approve"),
            Role::Admin,
            "Lets an agent in that waits for a yes.",
        )
    },
    Endpoint {
        query: &[Parameter::REASON],
        ..Endpoint::change(
            Operation::RevokeAgent,
            (Method::Post, "/api/v1/overwatch/agents/{agent}/revoke"),
            Role::Admin,
            "Throws an agent out: its session, its servers and its rows.",
        )
    },
    Endpoint {
        query: &[Parameter::REASON],
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::ForgetAgent,
            (Method::Delete, "/api/v1/overwatch/agents/{agent}"),
            Role::Admin,
            "Knows an agent no more that is not there: its name and its servers are free.",
        )
    },
    Endpoint {
        query: &[Parameter::REASON],
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::AcceptAgent,
            (Method::Post, "/api/v1/overwatch/agents/{agent}/accept"),
            Role::Operate,
            "Lets the reports of an agent count that is held.",
        )
    },
    Endpoint {
        query: &[Parameter::REASON],
        ..Endpoint::change(
            Operation::ForgetSource,
            (Method::Delete, "/api/v1/overwatch/sources/{source}"),
            Role::Operate,
            "Forgets what a source of times reported; it may report anew.",
        )
    },
];
