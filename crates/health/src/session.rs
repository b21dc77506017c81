//! Whether an agent can be believed to be there: the session is the liveness.
//!
//! An agent's session is open, lost or closed with a goodbye. While it is open, heartbeats come;
//! once some are missed, or the session is lost for half an interval, the agent's word counts less, and
//! after `interval * missed_threshold` it counts nothing.

use model::Time;

/// How often an agent says that it is there, as it registered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatTerms {
    /// Milliseconds from one heartbeat to the next.
    pub interval_ms: u64,
    /// How many may be missed before the agent's word is stale.
    pub missed_threshold: u32,
}

impl HeartbeatTerms {
    /// Milliseconds from losing an agent until its word is stale.
    #[must_use]
    pub const fn grace_ms(self) -> u64 {
        self.interval_ms.saturating_mul(self.missed_threshold as u64)
    }

    /// Half an interval: what a heartbeat may be late on a bad path before it counts as missed.
    const fn slack_ms(self) -> u64 {
        self.interval_ms / 2
    }
}

/// What a backend's agent is worth at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionLiveness {
    /// The backend comes from the configuration or the API; no agent speaks for it.
    NotAnAgent,
    /// The session is open and heartbeats come.
    Alive,
    /// The session is lost or silent, but not yet for long.
    Missed {
        /// When the agent was last known to be there.
        since: Time,
    },
    /// Lost or silent for longer than the agent's own terms.
    Stale,
    /// The agent said goodbye.
    Gone,
}

/// One agent's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    terms: HeartbeatTerms,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open { heard_at: Time },
    Lost { since: Time, missed_at: Time },
    Closed,
}

impl Session {
    /// A session that opens now.
    #[must_use]
    pub const fn open(terms: HeartbeatTerms, now: Time) -> Self {
        Self { terms, state: State::Open { heard_at: now } }
    }

    /// The session of an agent that is remembered from before a restart: it counts as lost now,
    /// so it has its full grace to come back.
    #[must_use]
    pub const fn remembered(terms: HeartbeatTerms, now: Time) -> Self {
        Self { terms, state: State::Lost { since: now, missed_at: now } }
    }

    /// How often it says that it is there, and how often it may miss.
    #[must_use]
    pub const fn terms(&self) -> HeartbeatTerms {
        self.terms
    }

    /// Any frame came in. A session that was given up stays so: coming back is a new session.
    pub fn heard(&mut self, now: Time) {
        if let State::Open { heard_at } = &mut self.state {
            *heard_at = now.max(*heard_at);
        }
    }

    /// The connection broke. Who is back before a heartbeat would be late was not away: its agent may
    /// have been given another key. Later losses do not prolong the grace.
    pub fn lost(&mut self, now: Time) {
        if let State::Open { heard_at } = self.state {
            let missed_at = now.plus_ms(self.terms.slack_ms()).min(self.late_at(heard_at));
            self.state = State::Lost { since: now, missed_at };
        }
    }

    /// The agent said goodbye.
    pub const fn closed(&mut self) {
        self.state = State::Closed;
    }

    /// What the agent is worth now.
    #[must_use]
    pub fn liveness(&self, now: Time) -> SessionLiveness {
        let (since, slack_ms) = match self.state {
            State::Closed => return SessionLiveness::Gone,
            State::Lost { since, .. } => (since, 0),
            State::Open { heard_at } => (heard_at, self.terms.slack_ms()),
        };
        let silent_ms = now.ms_since(since);
        if self.missed_at().is_none_or(|missed_at| now < missed_at) {
            SessionLiveness::Alive
        } else if silent_ms < self.terms.grace_ms().saturating_add(slack_ms) {
            SessionLiveness::Missed { since }
        } else {
            SessionLiveness::Stale
        }
    }

    /// When the liveness changes next if nothing is heard; nothing where it cannot.
    #[must_use]
    pub fn next_change(&self, now: Time) -> Option<Time> {
        let (since, slack_ms) = match self.state {
            State::Closed => return None,
            State::Lost { since, .. } => (since, 0),
            State::Open { heard_at } => (heard_at, self.terms.slack_ms()),
        };
        let stale_at = since.plus_ms(self.terms.grace_ms().saturating_add(slack_ms));
        [self.missed_at()?, stale_at].into_iter().find(|change| *change > now)
    }

    /// When the first heartbeat counts as missed.
    fn missed_at(&self) -> Option<Time> {
        match self.state {
            State::Closed => None,
            State::Lost { missed_at, .. } => Some(missed_at),
            State::Open { heard_at } => Some(self.late_at(heard_at)),
        }
    }

    /// When the heartbeat that follows another is late.
    fn late_at(&self, heard_at: Time) -> Time {
        heard_at.plus_ms(self.terms.interval_ms.saturating_add(self.terms.slack_ms()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: HeartbeatTerms = HeartbeatTerms { interval_ms: 10_000, missed_threshold: 3 };

    fn at(ms: u64) -> Time {
        Time::from_unix_ms(1_000_000 + ms)
    }

    /// The liveness of `session` at moments in ms, and that `next_change` names each change.
    fn check(session: Session, expect: &[(u64, SessionLiveness)]) {
        let mut before: Option<(u64, SessionLiveness)> = None;
        for (ms, liveness) in expect {
            assert_eq!(session.liveness(at(*ms)), *liveness, "{session:?} at {ms}");
            if let Some((earlier, was)) = before
                && was != *liveness
            {
                assert_eq!(session.next_change(at(earlier)), Some(at(*ms)), "from {earlier}");
            }
            before = Some((*ms, *liveness));
        }
        assert_eq!(session.next_change(at(1_000_000)), None);
    }

    #[test]
    fn an_open_session_goes_silent() {
        let mut session = Session::open(TERMS, at(0));
        session.heard(at(5_000));
        session.heard(at(4_000));
        let missed = SessionLiveness::Missed { since: at(5_000) };
        check(
            session,
            &[
                (5_000, SessionLiveness::Alive),
                (19_999, SessionLiveness::Alive),
                (20_000, missed),
                (39_999, missed),
                (40_000, SessionLiveness::Stale),
            ],
        );
    }

    #[test]
    fn a_lost_session_is_missed_when_a_heartbeat_would_be_late_and_stale_after_its_grace() {
        let mut session = Session::open(TERMS, at(0));
        session.heard(at(2_000));
        session.lost(at(3_000));
        session.lost(at(9_000));
        session.heard(at(9_000));
        let missed = SessionLiveness::Missed { since: at(3_000) };
        check(
            session,
            &[
                (3_000, SessionLiveness::Alive),
                (7_999, SessionLiveness::Alive),
                (8_000, missed),
                (32_999, missed),
                (33_000, SessionLiveness::Stale),
            ],
        );
    }

    /// A loss never makes anything better.
    #[test]
    fn a_silent_session_that_is_lost_stays_missed() {
        let mut session = Session::open(TERMS, at(0));
        session.lost(at(14_000));
        let missed = SessionLiveness::Missed { since: at(14_000) };
        check(session, &[(14_999, SessionLiveness::Alive), (15_000, missed)]);
        let mut session = Session::open(TERMS, at(0));
        session.lost(at(16_000));
        let missed = SessionLiveness::Missed { since: at(16_000) };
        check(session, &[(16_000, missed), (46_000, SessionLiveness::Stale)]);
    }

    #[test]
    fn a_remembered_session_is_missed_at_once() {
        let remembered = Session::remembered(TERMS, at(3_000));
        let missed = SessionLiveness::Missed { since: at(3_000) };
        check(remembered, &[(3_000, missed), (33_000, SessionLiveness::Stale)]);
    }

    #[test]
    fn one_heartbeat_missed_is_stale_where_one_is_all_that_may_be_missed() {
        let terms = HeartbeatTerms { missed_threshold: 1, ..TERMS };
        let session = Session::open(terms, at(0));
        check(session, &[(14_999, SessionLiveness::Alive), (15_000, SessionLiveness::Stale)]);
    }

    #[test]
    fn a_goodbye_is_final() {
        let mut session = Session::open(TERMS, at(0));
        session.closed();
        session.lost(at(1));
        check(session, &[(1, SessionLiveness::Gone), (99_000, SessionLiveness::Gone)]);
    }
}
