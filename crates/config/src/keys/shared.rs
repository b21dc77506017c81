//! Keys of shapes that occur in several places, and kinds that several keys share.

use health::CheckSpec;

use super::{Key, Unset};
use crate::kind::{Kind, Scalar, Word};

/// `true` or `false`.
pub(super) const BOOL: Kind = Kind::One(Scalar::Bool);
/// A service, region, agent or overwatch.
pub(super) const NAME: Kind = Kind::One(Scalar::Name);
/// A file or directory.
pub(super) const PATH: Kind = Kind::One(Scalar::Path);
/// A port that something can be reached at.
pub(super) const PORT: Kind = integer(1, 65_535);
/// The share of a server; as wide as that of an SRV record (RFC 2782).
pub(super) const WEIGHT: Kind = integer(0, 65_535);
/// A day is the longest that a steered answer makes sense for; 0 is allowed (RFC 2181, 8).
pub(super) const TTL: Kind = integer(0, 86_400);
/// Two while keys are changed, as in rotation: old and new.
pub(super) const MESH_KEYS: Kind = Kind::OneOrList { of: &Scalar::MeshKey, max: 2 };
/// Guessing 16 random characters is hopeless, and shorter ones were never allowed.
pub(super) const TOKEN: Kind = Kind::One(Scalar::Secret { min: 16 });
/// Lists of networks that are looked through one by one.
pub(super) const NETWORKS: Kind = Kind::List { of: &Scalar::Network, min: 0, max: 1_000 };
/// More sites than any operator has.
pub(super) const REGION_NAMES_MAX: usize = 1_000;
/// There are 249.
pub(super) const COUNTRIES: Kind = Kind::List { of: &Scalar::Country, min: 0, max: 300 };

/// A second.
pub(super) const SECOND_MS: u64 = 1_000;
/// An hour.
pub(super) const HOUR_MS: u64 = 3_600 * SECOND_MS;
/// A day.
pub(super) const DAY_MS: u64 = 24 * HOUR_MS;

/// A whole number.
pub(super) const fn integer(min: u64, max: u64) -> Kind {
    Kind::One(Scalar::Integer { min, max })
}

/// A duration.
pub(super) const fn duration(min_ms: u64, max_ms: u64) -> Kind {
    Kind::One(Scalar::Duration { min_ms, max_ms })
}

const CHECK_TYPES: &[Word] = &[
    Word::plain("http"),
    Word::plain("https"),
    Word::plain("tcp"),
    Word::plain("grpc"),
    Word::plain("grpcs"),
    Word::plain("dns"),
    Word::plain("command"),
];
const RCODES: &[Word] = &[
    Word::plain("noerror"),
    Word::plain("nxdomain"),
    Word::plain("servfail"),
    Word::plain("refused"),
];
/// A program and what may stand behind it.
const COMMAND: Kind =
    Kind::List { of: &Scalar::Argument, min: 1, max: CheckSpec::ARGUMENTS_MAX + 1 };

pub(super) static KEYS: &[Key] = &[
    Key::new(
        "<health_check>.type",
        Kind::One(Scalar::Word(CHECK_TYPES)),
        Unset::Default("http"),
        "`http` and `https` ask for a page, `tcp` for a connection and, with `send` or `expect`, a \
         few words; `grpc` and `grpcs` (over TLS) ask the health service of gRPC, `dns` asks a \
         query by UDP, `command` starts a program of this machine.",
    ),
    Key::new(
        "<health_check>.interval",
        duration(CheckSpec::INTERVAL_MS_MIN, CheckSpec::INTERVAL_MS_MAX),
        Unset::Default("30s"),
        "From one check to the next.",
    ),
    Key::new(
        "<health_check>.timeout",
        duration(CheckSpec::TIMEOUT_MS_MIN, CheckSpec::TIMEOUT_MS_MAX),
        Unset::Default("5s"),
        "How long a check may take; not longer than the interval.",
    ),
    Key::new(
        "<health_check>.path",
        Kind::One(Scalar::UrlPath),
        Unset::Default("/health"),
        "The page that `http` and `https` ask for.",
    ),
    Key::new(
        "<health_check>.host",
        Kind::One(Scalar::Host),
        Unset::Nothing("the server's address"),
        "The `Host` field (gRPC: `:authority`), and the server name over TLS.",
    ),
    Key::new(
        "<health_check>.server_name",
        Kind::One(Scalar::Host),
        Unset::Nothing("that of `host`"),
        "The server name over TLS, where it is not that of `host`.",
    ),
    Key::new(
        "<health_check>.status",
        Kind::OneOrList { of: &Scalar::Status, max: 32 },
        Unset::Default("200-299"),
        "The statuses that pass; others fail.",
    ),
    Key::new(
        "<health_check>.body",
        Kind::One(Scalar::Text),
        Unset::Nothing("the body is not read"),
        "A text that the first 64 KiB of the page must hold.",
    ),
    Key::new(
        "<health_check>.send",
        Kind::One(Scalar::Text),
        Unset::Nothing("nothing is sent"),
        "What `tcp` sends once it is connected, as in `\"PING\\r\\n\"`.",
    ),
    Key::new(
        "<health_check>.expect",
        Kind::One(Scalar::Text),
        Unset::Nothing("nothing is awaited"),
        "A text that must be among the first 4 KiB that come back.",
    ),
    Key::new(
        "<health_check>.grpc_service",
        Kind::One(Scalar::Text),
        Unset::Nothing("the server as a whole"),
        "The service that `grpc.health.v1.Health/Check` is asked about.",
    ),
    Key::new(
        "<health_check>.query",
        Kind::One(Scalar::DomainName),
        Unset::Nothing("needed by `dns`"),
        "The name that `dns` asks for.",
    ),
    Key::new(
        "<health_check>.query_type",
        Kind::One(Scalar::RecordType),
        Unset::Default("A"),
        "The type that `dns` asks for.",
    ),
    Key::new(
        "<health_check>.rcode",
        Kind::One(Scalar::Word(RCODES)),
        Unset::Default("noerror"),
        "The code that the answer must have.",
    ),
    Key::new(
        "<health_check>.answer",
        Kind::One(Scalar::Text),
        Unset::Nothing("any answer of that code"),
        "What one of the answer's records must say, as in `192.0.2.1`.",
    ),
    Key::new(
        "<health_check>.command",
        COMMAND,
        Unset::Nothing("needed by `command`"),
        "A program by its absolute path, and its arguments; no shell reads them. It gets the \
         server as `CHECK_ADDRESS` and `CHECK_PORT`; it passes by ending with 0 in time.",
    ),
    Key::new(
        "<health_check>.failure_threshold",
        integer(1, CheckSpec::THRESHOLD_MAX as u64),
        Unset::Default("3"),
        "Failures in a row that take a server down.",
    ),
    Key::new(
        "<health_check>.success_threshold",
        integer(1, CheckSpec::THRESHOLD_MAX as u64),
        Unset::Default("2"),
        "Passes in a row that bring it back.",
    ),
];
