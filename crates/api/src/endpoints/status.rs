//! Whether the overwatch lives, what it is, and the contract itself.

use model::Role;

use crate::endpoint::{Access, Answer, Endpoint, Method, Operation, Parameter, schema_of};
use crate::problem::Kind;
use crate::reload::Reloaded;
use crate::status::{ClusterStatus, Live, Ready, Version};

const fn open(operation: Operation, path: &'static str, summary: &'static str) -> Endpoint {
    let live = schema_of::<Live>;
    Endpoint { access: Access::Open, ..Endpoint::read(operation, path, summary, live) }
}

pub(super) const LIST: &[Endpoint] = &[
    open(Operation::Live, "/api/v1/live", "Whether the process answers."),
    Endpoint {
        answer: Answer::Health(schema_of::<Ready>),
        ..open(Operation::Ready, "/api/v1/ready", "Whether answers are good.")
    },
    Endpoint {
        answer: Answer::Document(schema_of::<Version>),
        ..open(
            Operation::Version,
            "/api/v1/version",
            "Which program and which configuration this is.",
        )
    },
    Endpoint {
        answer: Answer::Text("application/json"),
        ..open(Operation::ReadContract, "/api/v1/openapi.json", "This document.")
    },
    Endpoint {
        query: &[Parameter::optional(
            "expected_agents",
            "How many agents there should be; then it counts for `cluster_healthy`.",
            schema_of::<u32>,
        )],
        ..Endpoint::read(
            Operation::ReadClusterStatus,
            "/api/v1/cluster/status",
            "The overwatch, its agents and servers in short.",
            schema_of::<ClusterStatus>,
        )
    },
    Endpoint {
        answer: Answer::Document(schema_of::<Reloaded>),
        refused: &[Kind::Configuration],
        ..Endpoint::change(
            Operation::Reload,
            (Method::Post, "/api/v1/reload"),
            Role::Admin,
            "Reads the configuration again: all of it is in force then, or nothing is changed.",
        )
    },
];
