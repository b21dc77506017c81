//! The REST contract: what the overwatch says as JSON, and what its clients may rely on.
//!
//! Every endpoint stands in one table ([`endpoints`]); the OpenAPI document is written from it, the
//! server goes by it. Field names and shapes are promises to operators' scripts; nothing is ever renamed, fields may
//! be added. The types are plain data, shared by the server, the command line and the lab. Nothing
//! here knows where a value comes from.
//!
//! - [`endpoint`]: what an endpoint is,
//! - [`parameters`]: what stands in the braces of paths,
//! - [`endpoints`]: all of them,
//! - [`problem`]: what every refusal says,
//! - [`openapi`]: the same for programs,
//! - [`page`]: what people see of it at `/`,
//!
//! and the documents:
//!
//! - [`latency`]: `GET /api/v1/overwatch/latency`, what was learned; `POST /api/v1/latency-reports`,
//!   what trusted sources measured,
//! - [`decisions`]: `GET /api/v1/decisions`, decisions as they are made,
//! - [`domains`]: `GET /api/v1/domains`, what is steered and how,
//! - [`backends`]: `GET /api/v1/overwatch/backends`, every server and why it is up or down,
//! - [`agents`]: `GET /api/v1/overwatch/agents`, who reports,
//! - [`sources`]: `GET /api/v1/overwatch/sources`, who reports times that is no agent,
//! - [`peers`]: `GET /api/v1/overwatch/peers`, the other overwatches,
//! - [`explain`]: `GET /api/v1/routing/explain`, where a client is sent, and why,
//! - [`hand`]: `/api/v1/routing/{pins,regions,learning}`, `/api/v1/resolvers/weights`,
//!   `/api/v1/overwatch/audit`, what operators did by hand,
//! - [`geo`]: `GET /api/v1/geo/test`, where geography has an address,
//! - [`made`]: `/api/v1/{domains,servers,regions}`, `/api/v1/geo/mappings`, what is made and changed,
//! - [`reload`]: `POST /api/v1/reload`, what came of reading the configuration again,
//! - [`dnssec`]: `GET /api/v1/overwatch/dnssec`, `/api/v1/overwatch/dnssec/{zone}/ds`, signed zones,
//! - [`tokens`]: `/api/v1/tokens`, who may speak,
//! - [`status`]: `/api/v1/live`, `/ready`, `/version`, `/cluster/status`.

#![forbid(unsafe_code)]

pub mod endpoint;

pub mod parameters;

pub mod endpoints;

pub mod problem;

pub mod openapi;

pub mod page;

pub mod latency;

pub mod decisions;

pub mod domains;

pub mod backends;

pub mod agents;

pub mod sources;

pub mod peers;

pub mod explain;

pub mod geo;

pub mod hand;

pub mod dnssec;

pub mod made;

pub mod reload;

pub mod tokens;

pub mod status;

pub use endpoint::{Access, Endpoint, Operation};
pub use problem::{Kind, Problem};
