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

const CHECK_TYPES: &[Word] = &[Word::plain("http"), Word::plain("https"), Word::plain("tcp")];

pub(super) static KEYS: &[Key] = &[
    Key::new(
        "<health_check>.type",
        Kind::One(Scalar::Word(CHECK_TYPES)),
        Unset::Default("http"),
        "`http` and `https` ask for a page, `tcp` only for a connection.",
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
        "The `Host` field, and the server name over TLS.",
    ),
    Key::new(
        "<health_check>.status",
        Kind::OneOrList { of: &Scalar::Status, max: 32 },
        Unset::Default("200-299"),
        "The statuses that pass; others fail.",
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
