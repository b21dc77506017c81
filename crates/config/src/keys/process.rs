//! Keys of every process: mode, logging, metrics, sandbox.

use super::{Key, Unset};
use crate::kind::{Kind, Scalar, Word};

const MODES: &[Word] = &[Word::plain("agent"), Word::plain("overwatch")];
const LEVELS: &[Word] =
    &[Word::plain("debug"), Word::plain("info"), Word::plain("warn"), Word::plain("error")];
const FORMATS: &[Word] = &[Word::plain("text"), Word::plain("json")];

pub(super) static KEYS: &[Key] = &[
    Key::new(
        "mode",
        Kind::One(Scalar::Word(MODES)),
        Unset::Default("overwatch"),
        "What this process is: `agent` reads RTTs beside the servers, `overwatch` answers DNS. \
         `--mode` on the command line wins.",
    ),
    Key::new(
        "include",
        Kind::OneOrList { of: &Scalar::Path, max: 100 },
        Unset::Nothing("no other files"),
        "Other files that belong to this one, each by a path relative to this file; `*`, `?` and `**` \
         stand for names that fit, in the order of the names. Lists grow, maps are joined; what two \
         files set is a fault.",
    )
    .was("includes", &[]),
    Key::section("logging", "What is logged, and how."),
    Key::new(
        "logging.level",
        Kind::One(Scalar::Word(LEVELS)),
        Unset::Default("info"),
        "The least severe line that is written.",
    ),
    Key::new(
        "logging.format",
        Kind::One(Scalar::Word(FORMATS)),
        Unset::Default("json"),
        "`json` writes one object a line, `text` one plain line. Where standard error is the journal's, \
         it gets fields instead.",
    ),
    Key::section("metrics", "Metrics for Prometheus, at `/metrics`."),
    Key::new(
        "metrics.enabled",
        Kind::One(Scalar::Bool),
        Unset::Default("false"),
        "Whether metrics are served.",
    ),
    Key::new(
        "metrics.address",
        Kind::One(Scalar::Listen),
        Unset::Default("\":9090\""),
        "Where they are served.",
    ),
    Key::section("sandbox", "What a process forbids itself after its start, on Linux."),
    Key::new(
        "sandbox.enabled",
        Kind::One(Scalar::Bool),
        Unset::Default("true"),
        "Whether it gives up its rights, all files but those that this configuration names (Landlock), \
         and the calls of the kernel that it never needs (seccomp). What a kernel does not have is left \
         out, with a line in the log. Without it a core can be written after a fault.",
    ),
];
