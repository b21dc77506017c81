//! Everything known about a backend to one standing, and who decided.
//!
//! Who is believed over whom is decided here and nowhere else
//! (docs/decisions/0013-authority-over-health.md).

use crate::session::SessionLiveness;
use crate::state::CheckStatus;

/// Whether a backend may stand in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It serves.
    Up,
    /// It probably serves, but its agent is out of sight: after all that are up.
    Doubtful,
    /// It is being emptied: no new clients, the old ones may finish.
    Draining,
    /// It does not serve.
    Down,
}

impl Standing {
    /// One word, for logs, the API and the metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "healthy",
            Self::Doubtful => "doubtful",
            Self::Draining => "draining",
            Self::Down => "unhealthy",
        }
    }
}

/// Who decided a standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// An operator, by an override.
    Override,
    /// An operator or the backend's agent, by draining it.
    Draining,
    /// The overwatch's own check.
    Validation,
    /// The agent's session: lost, stale or closed.
    Session,
    /// The agent's claim.
    Claim,
    /// Nobody: a configured backend that nothing checks.
    Static,
}

impl Authority {
    /// One word, for logs, the API and the metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Draining => "draining",
            Self::Validation => "validation",
            Self::Session => "session",
            Self::Claim => "claim",
            Self::Static => "static",
        }
    }
}

/// All that is known about one backend at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What an operator said it is: `true` serves, `false` does not.
    pub override_: Option<bool>,
    /// Whether it is being emptied.
    pub draining: bool,
    /// What the overwatch's own checks say; absent where it has none.
    pub validation: Option<CheckStatus>,
    /// Whether its agent is there.
    pub session: SessionLiveness,
    /// What its agent last said it is; absent where it said nothing.
    pub claim: Option<bool>,
}

/// The standing of a backend, and who decided it.
///
/// The table of authority; the first row that fits decides, `-` fits anything:
///
/// ```text
/// override  draining  validation   session     claim  | standing  by
/// up        -         -            -           -      | Up        Override
/// down      -         -            -           -      | Down      Override
/// none      yes       -            -           -      | Draining  Draining
/// none      no        -            Gone        -      | Down      Session
/// none      no        Up           -           -      | Up        Validation
/// none      no        Down         -           -      | Down      Validation
/// none      no        none/Unknown Stale       -      | Down      Session
/// none      no        none/Unknown -           down   | Down      Claim
/// none      no        none/Unknown Missed      -      | Doubtful  Session
/// none      no        none/Unknown -           up     | Up        Claim
/// none      no        none/Unknown Alive       none   | Doubtful  Session
/// none      no        none/Unknown NotAnAgent  none   | Up        Static
/// ```
///
/// A goodbye stands above the check: the agent took its backends out, and a server that is
/// stopping still answers. A lost session never makes a backend better: what was claimed down
/// stays down.
#[must_use]
pub const fn standing(evidence: &Evidence) -> (Standing, Authority) {
    use SessionLiveness::{Alive, Gone, Missed, NotAnAgent, Stale};
    match evidence.override_ {
        Some(true) => return (Standing::Up, Authority::Override),
        Some(false) => return (Standing::Down, Authority::Override),
        None => {}
    }
    if evidence.draining {
        return (Standing::Draining, Authority::Draining);
    }
    match (evidence.session, evidence.validation) {
        (Gone, _) => return (Standing::Down, Authority::Session),
        (_, Some(CheckStatus::Up)) => return (Standing::Up, Authority::Validation),
        (_, Some(CheckStatus::Down)) => return (Standing::Down, Authority::Validation),
        (_, None | Some(CheckStatus::Unknown)) => {}
    }
    match (evidence.session, evidence.claim) {
        (Stale | Gone, _) => (Standing::Down, Authority::Session),
        (Alive | Missed { .. } | NotAnAgent, Some(false)) => (Standing::Down, Authority::Claim),
        (Missed { .. }, Some(true) | None) => (Standing::Doubtful, Authority::Session),
        (Alive | NotAnAgent, Some(true)) => (Standing::Up, Authority::Claim),
        (Alive, None) => (Standing::Doubtful, Authority::Session),
        (NotAnAgent, None) => (Standing::Up, Authority::Static),
    }
}

#[cfg(test)]
mod tests;
