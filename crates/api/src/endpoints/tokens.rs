//! Who may speak to the API.

use model::Role;

use crate::endpoint::{Access, Answer, Body, Endpoint, Method, Operation, schema_of};
use crate::problem::Kind;
use crate::tokens::{MadeToken, NewToken, Tokens};

const TOKENS: &str = "/api/v1/tokens";

pub(super) const LIST: &[Endpoint] = &[
    Endpoint {
        access: Access::Role(Role::Admin),
        ..Endpoint::read(
            Operation::ListTokens,
            TOKENS,
            "The tokens, without their secrets.",
            schema_of::<Tokens>,
        )
    },
    Endpoint {
        access: Access::Secret(Role::Admin),
        body: Some(Body::json(schema_of::<NewToken>, r#"{"name": "deploy", "role": "operate"}"#)),
        answer: Answer::Created(schema_of::<MadeToken>),
        refused: &[Kind::Conflict],
        ..Endpoint::change(
            Operation::CreateToken,
            (Method::Post, TOKENS),
            Role::Admin,
            "Makes a token; its secret is told this once.",
        )
    },
    Endpoint {
        refused: &[Kind::Unknown, Kind::Conflict],
        ..Endpoint::change(
            Operation::RevokeToken,
            (Method::Delete, "/api/v1/tokens/{token}"),
            Role::Admin,
            "Lets whoever has the token in no more.",
        )
    },
];
