//! What goes wrong, said once, and with which exit code.

use std::fmt::{self, Display, Formatter};

/// A faulty command line or configuration (sysexits.h, `EX_USAGE`).
pub const USAGE: u8 = 64;
/// Nobody answers (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;
/// Not allowed (`EX_NOPERM`).
const NO_PERMISSION: u8 = 77;

/// Why a command was not carried out.
#[derive(Debug)]
pub(super) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// No answer: where, and why.
    Unavailable(String),
    /// The overwatch does not allow it here.
    NotAllowed(String),
    /// The overwatch refuses.
    Refused(String),
}

impl Failure {
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Unavailable(_) => UNAVAILABLE,
            Self::NotAllowed(_) => NO_PERMISSION,
            Self::Refused(_) => 1,
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (Self::Usage(text)
        | Self::Unavailable(text)
        | Self::NotAllowed(text)
        | Self::Refused(text)) = self;
        f.write_str(text)
    }
}
