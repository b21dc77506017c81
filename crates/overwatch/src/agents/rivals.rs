//! Two machines that go by one name with one key, as clones of an image do: they would take the session from
//! each other for ever.
//!
//! An agent that comes again while its old connection is not known to be dead is welcome: so it is after a
//! break that nobody noticed. One that does so again and again, each time from another address or in another
//! life than the one that speaks, is two agents, and the newcomer is told so.

use model::Time;

use super::AgentRecord;

/// Within this a second rival is no accident.
const RIVALS_MS: u64 = 60_000;

/// So many times the name changes hands before the newcomer is refused: a machine that is started again gets
/// in twice, which no healthy one needs within a minute.
const CHANGES_MAX: u32 = 2;

/// How often somebody else came for a name that was in use, and when last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rivals {
    count: u32,
    last: Time,
}

impl AgentRecord {
    /// Somebody with the same key comes from elsewhere. Whether that is one too many.
    pub(super) fn has_too_many_rivals(&mut self, now: Time) -> bool {
        if !self.speaks_in_person(now) {
            return false;
        }
        let before = self.rivals.filter(|rivals| now.ms_since(rivals.last) < RIVALS_MS);
        let count = before.map_or(1, |rivals| rivals.count.saturating_add(1));
        self.rivals = Some(Rivals { count, last: now });
        count > CHANGES_MAX
    }
}
