//! What operators do about routing: pins, drains of regions, what learning may do, resolvers'
//! clients.

use model::Role;

use crate::endpoint::{Body, Endpoint, Form, Method, Operation, Parameter, schema_of};
use crate::hand::{DrainTo, Explore, Learning, PinTo, Pins, Regions, ResolverWeights};
use crate::problem::Kind;

const PIN: &str = "/api/v1/routing/pins/{domain}/{network}";
const DRAIN: &str = "/api/v1/routing/regions/{region}/drain";
const FREEZE: &str = "/api/v1/routing/learning/{domain}/freeze";
const WEIGHTS: &str = "/api/v1/resolvers/weights";

/// The 20,000 client networks that all resolvers may have together, written at length, take half of
/// this.
const WEIGHTS_BYTES_MAX: usize = 4 << 20;

const WEIGHTS_EXAMPLE: &str = r#"{"resolvers": [{"resolver": "192.0.2.53/32", "clients": [{"cidr": "198.51.100.0/24", "weight": 3}]}]}"#;

pub(super) const LIST: &[Endpoint] = &[
    Endpoint::read(
        Operation::ListPins,
        "/api/v1/routing/pins",
        "The networks that are sent to a region by hand.",
        schema_of::<Pins>,
    ),
    Endpoint {
        body: Some(Body::json(schema_of::<PinTo>, r#"{"region": "eu-west"}"#)),
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::SetPin,
            (Method::Put, PIN),
            Role::Operate,
            "Sends a network to a region while that is up.",
        )
    },
    Endpoint {
        query: &[Parameter::REASON],
        ..Endpoint::change(
            Operation::ClearPin,
            (Method::Delete, PIN),
            Role::Operate,
            "Takes that back.",
        )
    },
    Endpoint::read(
        Operation::ListRegions,
        "/api/v1/routing/regions",
        "The regions, and how far they are drained.",
        schema_of::<Regions>,
    ),
    Endpoint {
        body: Some(Body::json(schema_of::<DrainTo>, r#"{"share": 0.25, "over_seconds": 600}"#)),
        ..Endpoint::change(
            Operation::DrainRegion,
            (Method::Put, DRAIN),
            Role::Operate,
            "Sends a share of a region's clients elsewhere.",
        )
    },
    Endpoint {
        query: &[
            Parameter::optional(
                "over_seconds",
                "How long it takes to get there; at once where absent.",
                schema_of::<u64>,
            ),
            Parameter::REASON,
        ],
        ..Endpoint::change(
            Operation::UndrainRegion,
            (Method::Delete, DRAIN),
            Role::Operate,
            "Gives a region its clients back.",
        )
    },
    Endpoint::read(
        Operation::ListLearning,
        "/api/v1/routing/learning",
        "What the learning of each domain may do, and did.",
        schema_of::<Learning>,
    ),
    Endpoint {
        query: &[Parameter::REASON, Parameter::FOR],
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::FreezeLearning,
            (Method::Put, FREEZE),
            Role::Operate,
            "Lets nobody move but what health moves.",
        )
    },
    Endpoint {
        query: &[Parameter::REASON],
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::ThawLearning,
            (Method::Delete, FREEZE),
            Role::Operate,
            "Lets them move again.",
        )
    },
    Endpoint {
        body: Some(Body::json(schema_of::<Explore>, r#"{"enabled": false}"#)),
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::SetExploration,
            (Method::Put, "/api/v1/routing/learning/{domain}/exploration"),
            Role::Operate,
            "Tries regions for a domain's clients, or does not.",
        )
    },
    Endpoint::read(
        Operation::ListResolvers,
        WEIGHTS,
        "Whose questions resolvers ask.",
        schema_of::<ResolverWeights>,
    ),
    Endpoint {
        body: Some(Body {
            form: Form::Json,
            bytes_max: WEIGHTS_BYTES_MAX,
            schema: schema_of::<ResolverWeights>,
            example: WEIGHTS_EXAMPLE,
        }),
        refused: &[],
        ..Endpoint::change(
            Operation::SetResolvers,
            (Method::Put, WEIGHTS),
            Role::Operate,
            "Says whose questions resolvers ask; replaces all that was said about it.",
        )
    },
    Endpoint {
        refused: &[],
        ..Endpoint::change(
            Operation::ClearResolvers,
            (Method::Delete, WEIGHTS),
            Role::Operate,
            "Takes that back.",
        )
    },
];
