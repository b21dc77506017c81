//! Signed zones, and their keys.

use model::Role;

use crate::dnssec::{DsRecords, SignedZones};
use crate::endpoint::{
    Access, Answer, Body, Endpoint, Form, Method, Operation, Parameter, schema_of,
};
use crate::problem::Kind;

const KEYS: &str = "/api/v1/overwatch/dnssec/{zone}/keys";

/// A hundred times what the keys of a zone take in the middle of a rollover.
const KEYS_BYTES_MAX: usize = 64 * 1024;

pub(super) const LIST: &[Endpoint] = &[
    Endpoint::read(
        Operation::ListSignedZones,
        "/api/v1/overwatch/dnssec",
        "The signed zones, their keys and what comes next.",
        schema_of::<SignedZones>,
    ),
    Endpoint {
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::read(
            Operation::ListDsRecords,
            "/api/v1/overwatch/dnssec/{zone}/ds",
            "What the zone above has to say.",
            schema_of::<DsRecords>,
        )
    },
    Endpoint {
        query: &[Parameter::optional(
            "role",
            "Only keys of this role: csk, ksk or zsk.",
            schema_of::<String>,
        )],
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::RollKeys,
            (Method::Post, "/api/v1/overwatch/dnssec/{zone}/roll"),
            Role::Admin,
            "Begins to change a zone's keys.",
        )
    },
    Endpoint {
        query: &[Parameter::optional(
            "tag",
            "Of this key only; its number in signatures.",
            schema_of::<u16>,
        )],
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::ConfirmDs,
            (Method::Post, "/api/v1/overwatch/dnssec/{zone}/ds-seen"),
            Role::Admin,
            "Says that a key's DS record stands in the zone above.",
        )
    },
    Endpoint {
        access: Access::Secret(Role::Admin),
        answer: Answer::Text("text/plain"),
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::read(
            Operation::ExportKeys,
            KEYS,
            "A zone's keys with their secrets, for another overwatch.",
            schema_of::<String>,
        )
    },
    Endpoint {
        access: Access::Secret(Role::Admin),
        query: &[Parameter::optional(
            "replace",
            "Whether they are taken although others sign now, or newer ones.",
            schema_of::<bool>,
        )],
        body: Some(Body {
            form: Form::Text,
            bytes_max: KEYS_BYTES_MAX,
            schema: schema_of::<String>,
            example: "what GET at this path told on another overwatch",
        }),
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::ImportKeys,
            (Method::Put, KEYS),
            Role::Admin,
            "Takes a zone's keys from another overwatch.",
        )
    },
];
