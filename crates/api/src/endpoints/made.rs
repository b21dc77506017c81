//! What can be made through the API, and the store that keeps it.

use model::Role;

use crate::endpoint::{Access, Answer, Body, Endpoint, Method, Operation, Parameter, schema_of};
use crate::made::{Entities, Entity, Settings};
use crate::problem::Kind;

const DOMAIN: &str = "/api/v1/domains/{domain}";
const SERVER: &str = "/api/v1/servers/{service}/{address}/{port}";
const REGION: &str = "/api/v1/regions/{region}";
const MAPPING: &str = "/api/v1/geo/mappings/{network}";

/// Whether something has to be new.
const CREATE: Parameter = Parameter::optional(
    "create",
    "true: only where there is none of that name; false: only where there is one.",
    schema_of::<bool>,
);

pub(super) const LIST: &[Endpoint] = &[
    Endpoint::read(
        Operation::ListServers,
        "/api/v1/servers",
        "The servers of the configuration, whoever defined them.",
        schema_of::<Entities>,
    ),
    Endpoint::read(
        Operation::ListConfiguredRegions,
        "/api/v1/regions",
        "The regions of the configuration, whoever defined them.",
        schema_of::<Entities>,
    ),
    Endpoint::read(
        Operation::ListMappings,
        "/api/v1/geo/mappings",
        "The networks that are placed by hand, whoever said so.",
        schema_of::<Entities>,
    ),
    get(Operation::ReadDomain, DOMAIN, "A domain's settings."),
    get(Operation::ReadServer, SERVER, "A server's settings."),
    get(Operation::ReadRegion, REGION, "A region's settings."),
    get(Operation::ReadMapping, MAPPING, "Where a network is placed."),
    put(
        (Operation::MakeDomain, DOMAIN),
        "Makes a domain, or makes it anew.",
        r#"{"routing_algorithm": "learned_latency", "regions": ["eu-west"], "ttl": 30}"#,
    ),
    put(
        (Operation::MakeServer, SERVER),
        "Makes a server, or makes it anew.",
        r#"{"region": "eu-west", "weight": 100, "health_check": {"path": "/health"}}"#,
    ),
    put(
        (Operation::MakeRegion, REGION),
        "Makes a region, or makes it anew.",
        r#"{"continents": ["EU"]}"#,
    ),
    put(
        (Operation::MakeMapping, MAPPING),
        "Places a network, or places it anew.",
        r#"{"region": "eu-west", "comment": "office"}"#,
    ),
    delete(Operation::RemoveDomain, DOMAIN, "Takes a domain back."),
    delete(Operation::RemoveServer, SERVER, "Takes a server back."),
    delete(Operation::RemoveRegion, REGION, "Takes a region back."),
    delete(Operation::RemoveMapping, MAPPING, "Takes a mapping back."),
    Endpoint {
        access: Access::Secret(Role::Admin),
        answer: Answer::Text("application/json"),
        refused: &[Kind::NotKept],
        ..Endpoint::read(
            Operation::BackUp,
            "/api/v1/overwatch/store",
            "All that survives a restart, zones' keys among it: a backup.",
            schema_of::<String>,
        )
    },
];

const fn get(operation: Operation, path: &'static str, summary: &'static str) -> Endpoint {
    let read = Endpoint::read(operation, path, summary, schema_of::<Entity>);
    Endpoint { refused: &[Kind::Unknown], ..read }
}

const fn put(
    (operation, path): (Operation, &'static str),
    summary: &'static str,
    example: &'static str,
) -> Endpoint {
    let change = Endpoint::change(operation, (Method::Put, path), Role::Operate, summary);
    Endpoint {
        query: &[CREATE, Parameter::REASON],
        body: Some(Body::json(schema_of::<Settings>, example)),
        answer: Answer::Made(schema_of::<Entity>),
        refused: &[Kind::Unknown, Kind::Conflict, Kind::Configuration],
        ..change
    }
}

const fn delete(operation: Operation, path: &'static str, summary: &'static str) -> Endpoint {
    let change = Endpoint::change(operation, (Method::Delete, path), Role::Operate, summary);
    Endpoint {
        query: &[Parameter::REASON],
        refused: &[Kind::Unknown, Kind::Conflict, Kind::Configuration],
        ..change
    }
}
