//! What operators say about servers and agents.

use model::Role;

use crate::backends::Override;
use crate::endpoint::{Body, Endpoint, Method, Operation, Parameter, schema_of};
use crate::problem::Kind;

const OVERRIDE: &str = "/api/v1/overwatch/backends/{service}/{address}/{port}/override";
const DRAIN: &str = "/api/v1/overwatch/backends/{service}/{address}/{port}/drain";

pub(super) const LIST: &[Endpoint] = &[
    Endpoint {
        body: Some(Body::json(schema_of::<Override>, r#"{"healthy": false}"#)),
        ..Endpoint::change(
            Operation::SetOverride,
            (Method::Post, OVERRIDE),
            Role::Operate,
            "Says what a server is, whatever anybody else says.",
        )
    },
    Endpoint::change(
        Operation::ClearOverride,
        (Method::Delete, OVERRIDE),
        Role::Operate,
        "Takes that back.",
    ),
    Endpoint::change(
        Operation::BeginDrain,
        (Method::Post, DRAIN),
        Role::Operate,
        "Takes a server out of the answers while another one of its service is up.",
    ),
    Endpoint::change(
        Operation::EndDrain,
        (Method::Delete, DRAIN),
        Role::Operate,
        "Takes that back.",
    ),
    Endpoint {
        query: &[Parameter::optional(
            "key",
            "Which key, where two ask for the name: the 64 hexadecimal digits of its SHA-256.",
            schema_of::<String>,
        )],
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::ApproveAgent,
            (Method::Post, "/api/v1/overwatch/agents/{agent}/approve"),
            Role::Admin,
            "Lets an agent in that waits for a yes.",
        )
    },
    Endpoint::change(
        Operation::RevokeAgent,
        (Method::Post, "/api/v1/overwatch/agents/{agent}/revoke"),
        Role::Admin,
        "Throws an agent out: its session, its servers and its rows.",
    ),
    Endpoint {
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::AcceptAgent,
            (Method::Post, "/api/v1/overwatch/agents/{agent}/accept"),
            Role::Operate,
            "Lets the reports of an agent count that is held.",
        )
    },
];
