//! Every combination of evidence against the table of authority.

use super::*;
use model::Time;

const MISSED: SessionLiveness = SessionLiveness::Missed { since: Time::EPOCH };
const SESSIONS: [SessionLiveness; 5] = [
    SessionLiveness::NotAnAgent,
    SessionLiveness::Alive,
    MISSED,
    SessionLiveness::Stale,
    SessionLiveness::Gone,
];
const VALIDATIONS: [Option<CheckStatus>; 4] =
    [None, Some(CheckStatus::Unknown), Some(CheckStatus::Up), Some(CheckStatus::Down)];
const CLAIMS: [Option<bool>; 3] = [None, Some(true), Some(false)];

/// A row of the table: nothing in a column fits anything.
struct Row {
    override_: Option<Option<bool>>,
    draining: Option<bool>,
    validation: &'static [Option<CheckStatus>],
    session: &'static [SessionLiveness],
    claim: &'static [Option<bool>],
    expect: (Standing, Authority),
}

const ANY: Row = Row {
    override_: Some(None),
    draining: Some(false),
    validation: &VALIDATIONS,
    session: &SESSIONS,
    claim: &CLAIMS,
    expect: (Standing::Down, Authority::Static),
};
const NO_VERDICT: &[Option<CheckStatus>] = &[None, Some(CheckStatus::Unknown)];

/// The table above the function, row by row.
const TABLE: &[Row] = &[
    Row {
        override_: Some(Some(true)),
        draining: None,
        expect: (Standing::Up, Authority::Override),
        ..ANY
    },
    Row {
        override_: Some(Some(false)),
        draining: None,
        expect: (Standing::Down, Authority::Override),
        ..ANY
    },
    Row { draining: Some(true), expect: (Standing::Draining, Authority::Draining), ..ANY },
    Row { session: &[SessionLiveness::Gone], expect: (Standing::Down, Authority::Session), ..ANY },
    Row {
        validation: &[Some(CheckStatus::Up)],
        expect: (Standing::Up, Authority::Validation),
        ..ANY
    },
    Row {
        validation: &[Some(CheckStatus::Down)],
        expect: (Standing::Down, Authority::Validation),
        ..ANY
    },
    Row {
        validation: NO_VERDICT,
        session: &[SessionLiveness::Stale],
        expect: (Standing::Down, Authority::Session),
        ..ANY
    },
    Row {
        validation: NO_VERDICT,
        claim: &[Some(false)],
        expect: (Standing::Down, Authority::Claim),
        ..ANY
    },
    Row {
        validation: NO_VERDICT,
        session: &[MISSED],
        expect: (Standing::Doubtful, Authority::Session),
        ..ANY
    },
    Row {
        validation: NO_VERDICT,
        claim: &[Some(true)],
        expect: (Standing::Up, Authority::Claim),
        ..ANY
    },
    Row {
        validation: NO_VERDICT,
        session: &[SessionLiveness::Alive],
        claim: &[None],
        expect: (Standing::Doubtful, Authority::Session),
        ..ANY
    },
    Row {
        validation: NO_VERDICT,
        session: &[SessionLiveness::NotAnAgent],
        claim: &[None],
        expect: (Standing::Up, Authority::Static),
        ..ANY
    },
];

impl Row {
    fn fits(&self, evidence: &Evidence) -> bool {
        self.override_.is_none_or(|override_| override_ == evidence.override_)
            && self.draining.is_none_or(|draining| draining == evidence.draining)
            && self.validation.contains(&evidence.validation)
            && self.session.contains(&evidence.session)
            && self.claim.contains(&evidence.claim)
    }
}

fn all_evidence() -> Vec<Evidence> {
    let mut all = Vec::new();
    for override_ in CLAIMS {
        for draining in [false, true] {
            for validation in VALIDATIONS {
                for session in SESSIONS {
                    for claim in CLAIMS {
                        all.push(Evidence { override_, draining, validation, session, claim });
                    }
                }
            }
        }
    }
    all
}

#[test]
fn every_combination_is_decided_by_the_first_row_that_fits() {
    let mut decided = vec![0; TABLE.len()];
    for evidence in all_evidence() {
        let row = TABLE.iter().position(|row| row.fits(&evidence)).expect("the table is total");
        assert_eq!(standing(&evidence), TABLE[row].expect, "row {row}, {evidence:?}");
        decided[row] += 1;
    }
    assert!(decided.iter().all(|count| *count > 0), "every row decides something: {decided:?}");
}

#[test]
fn losing_a_session_never_makes_a_backend_better() {
    for before in all_evidence() {
        if before.session != SessionLiveness::Alive {
            continue;
        }
        for session in [MISSED, SessionLiveness::Stale, SessionLiveness::Gone] {
            let after = Evidence { session, ..before };
            assert!(standing(&after).0 >= standing(&before).0, "{before:?} to {session:?}");
        }
    }
}
