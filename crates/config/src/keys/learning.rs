//! Keys of how a steered name learns: what it tries, and when it moves.

use super::shared::{BOOL, DAY_MS, HOUR_MS, SECOND_MS, duration, integer};
use super::{Key, Unset};
use crate::kind::{Kind, Scalar};

/// A part of a whole that is not nothing.
const PERCENT: Kind = Kind::One(Scalar::Number { above: 0.0, max: 100.0 });

pub(super) static KEYS: &[Key] = &[
    Key::section(
        "domains[].learning",
        "How `learned_latency` finds better regions and holds on to them.",
    ),
    Key::new(
        "domains[].learning.frozen",
        BOOL,
        Unset::Default("false"),
        "Whether clients stay where they are, but for health. Nothing is explored then.",
    ),
    Key::section(
        "domains[].learning.exploration",
        "A region that no client is sent to is never measured. So a few connections go to regions \
         that may be better: those that are allowed, up, not drained and have an agent.",
    ),
    Key::new(
        "domains[].learning.exploration.enabled",
        BOOL,
        Unset::Default("true"),
        "Whether any do.",
    ),
    Key::new(
        "domains[].learning.exploration.budget_percent",
        PERCENT,
        Unset::Default("1"),
        "The most connections that may be sent elsewhere for it, of all in a day, as estimated from \
         the agents' counts. The first hours may spend more, if later ones spend less.",
    ),
    Key::new(
        "domains[].learning.exploration.slot",
        duration(SECOND_MS, HOUR_MS),
        Unset::Default("60s"),
        "How long a network tries one region at a time. Answers for it are not cached longer.",
    ),
    Key::section(
        "domains[].learning.hold",
        "When clients leave a region that is up for another: if that is surely better, by both \
         margins.",
    ),
    Key::new(
        "domains[].learning.hold.margin_ms",
        integer(0, 1_000),
        Unset::Default("3"),
        "Milliseconds by which it must be better.",
    ),
    Key::new(
        "domains[].learning.hold.margin_percent",
        PERCENT,
        Unset::Default("3"),
        "The part of the present RTT by which it must be better.",
    ),
    Key::new(
        "domains[].learning.hold.dwell",
        duration(0, DAY_MS),
        Unset::Default("5m"),
        "How long a network stays at least, once it has moved.",
    ),
    Key::new(
        "domains[].learning.hold.moved_percent_per_minute",
        PERCENT,
        Unset::Default("5"),
        "How much of the traffic may move in a minute. In the first ten minutes after a start all of it may, once.",
    ),
];
