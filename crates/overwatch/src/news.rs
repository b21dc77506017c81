//! Which refusals are news for the log: one line for each peer and reason, then silence for a while.
//!
//! A stranger can be refused as often as he connects; he must not be able to fill a log. Counting is
//! not done here: it is never left out.

use std::collections::BTreeMap;

use mesh::RefusalReason;
use model::Time;

/// What was logged lately.
#[derive(Debug)]
pub(crate) struct News {
    told: BTreeMap<(String, RefusalReason), Time>,
}

/// The same peer is logged for the same reason once in five minutes: it comes back every few seconds
/// for as long as its configuration is wrong.
const AGAIN_AFTER_MS: u64 = 300_000;

/// Peers and reasons kept: a large mesh with a wrong key. While it is full of younger ones nothing
/// new is logged, so this is also the most lines in five minutes.
const TOLD_MAX: usize = 1024;

impl News {
    pub(crate) const fn new() -> Self {
        Self { told: BTreeMap::new() }
    }

    /// Whether to log that `who` was refused for `reason`; then it is news no more.
    pub(crate) fn is_news(&mut self, who: &str, reason: RefusalReason, now: Time) -> bool {
        let is_old = |told: &Time| now.ms_since(*told) >= AGAIN_AFTER_MS;
        let key = (who.to_owned(), reason);
        if self.told.get(&key).is_some_and(|told| !is_old(told)) {
            return false;
        }
        if self.told.len() >= TOLD_MAX {
            self.told.retain(|_, told| !is_old(told));
        }
        let has_room = self.told.len() < TOLD_MAX;
        if has_room {
            self.told.insert(key, now);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_unix_ms(1_000_000);

    #[test]
    fn a_peer_and_a_reason_are_news_once_in_a_while() {
        let mut news = News::new();
        assert!(news.is_news("a", RefusalReason::WrongToken, NOW));
        assert!(!news.is_news("a", RefusalReason::WrongToken, NOW.plus_ms(AGAIN_AFTER_MS - 1)));
        assert!(news.is_news("a", RefusalReason::WrongMeshKey, NOW));
        assert!(news.is_news("b", RefusalReason::WrongToken, NOW));
        assert!(news.is_news("a", RefusalReason::WrongToken, NOW.plus_ms(AGAIN_AFTER_MS)));
    }

    #[test]
    fn many_strangers_write_no_more_lines_than_fit() {
        let mut news = News::new();
        let mut lines = |now| {
            let strangers = (0..5_000).map(|number: u32| number.to_string());
            strangers.filter(|who| news.is_news(who, RefusalReason::WrongMeshKey, now)).count()
        };
        assert_eq!(lines(NOW), TOLD_MAX);
        assert_eq!(lines(NOW.plus_ms(1)), 0);
        assert_eq!(lines(NOW.plus_ms(AGAIN_AFTER_MS)), TOLD_MAX);
    }
}
