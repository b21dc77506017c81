//! What stands in the braces of paths: each name means one thing throughout.

use schemars::{Schema, json_schema};

/// A name in braces.
#[derive(Clone, Copy, Debug)]
pub struct PathParameter {
    /// As in the path.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// One that could stand there.
    pub example: &'static str,
    /// What is refused with 400; `None` where any text may be asked for.
    pub invalid: Option<&'static str>,
}

/// All of them, sorted by name.
pub const PATH_PARAMETERS: &[PathParameter] = &[
    PathParameter {
        name: "address",
        about: "The address of a server.",
        example: "10.2.1.10",
        invalid: Some("ten"),
    },
    PathParameter {
        name: "agent",
        about: "The name of an agent, as in its certificate.",
        example: "backend-eu-west",
        invalid: Some("a b"),
    },
    PathParameter {
        name: "domain",
        about: "The name of a steered domain, in any case.",
        example: "app.demo.local",
        invalid: None,
    },
    PathParameter {
        name: "network",
        about: "A client network; its slash is written %2F.",
        example: "10.1.2.0/24",
        invalid: Some("10.1.2.0/99"),
    },
    PathParameter {
        name: "port",
        about: "The port of a server.",
        example: "80",
        invalid: Some("eighty"),
    },
    PathParameter {
        name: "region",
        about: "The name of a region.",
        example: "eu-west",
        invalid: Some("eu west"),
    },
    PathParameter {
        name: "service",
        about: "The name of a service.",
        example: "app.demo.local",
        invalid: Some("a b"),
    },
    PathParameter {
        name: "source",
        about: "The name of a source of times, as in `api.latency_sources`.",
        example: "probe",
        invalid: Some("a b"),
    },
    PathParameter {
        name: "token",
        about: "The name of a token.",
        example: "deploy",
        invalid: Some("a b"),
    },
    PathParameter {
        name: "zone",
        about: "The name of a zone.",
        example: "demo.local",
        invalid: Some("a..b"),
    },
];

impl PathParameter {
    /// The one of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        PATH_PARAMETERS.iter().find(|parameter| parameter.name == name)
    }

    /// What may stand there.
    #[must_use]
    pub fn schema(&self) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}
