//! Whether a limit binds, as news: that it begins to, and that nothing has met it for long. Counts nothing itself.

use model::Time;

/// A limit that nothing met for so long binds no more. What finds no room and is in use comes again within the
/// hour, since its row is told whole in it: two hours in which nothing met the limit had room for all. One hour
/// would end just when they come.
pub const QUIET_MS: u64 = 7_200_000;

/// What is new about a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It binds.
    Begins,
    /// Nothing has met it for [`QUIET_MS`].
    Ends,
}

/// A limit as it was last said to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limit {
    met: u64,
    /// When it was last met, while it binds.
    last: Option<Time>,
}

impl Limit {
    /// Takes in how often it was met since the start; says what is new.
    pub fn look(&mut self, met: u64, now: Time) -> Option<Turn> {
        let is_met = std::mem::replace(&mut self.met, met) < met;
        let is_quiet = self.last.is_some_and(|last| now.ms_since(last) >= QUIET_MS);
        match (is_met, self.last) {
            (true, before) => {
                self.last = Some(now);
                before.is_none().then_some(Turn::Begins)
            }
            (false, Some(_)) if is_quiet => {
                self.last = None;
                Some(Turn::Ends)
            }
            (false, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_news_when_it_begins_to_bind_and_when_it_is_over() {
        let mut limit = Limit::default();
        let mut look = |met, minute: u64| limit.look(met, Time::from_unix_ms(minute * 60_000));
        assert_eq!(look(0, 0), None);
        assert_eq!(look(3, 1), Some(Turn::Begins));
        assert_eq!(look(3, 2), None);
        assert_eq!(look(9, 59), None);
        // An hour later comes what found no room.
        assert_eq!(look(12, 119), None);
        assert_eq!(look(12, 238), None);
        assert_eq!(look(12, 239), Some(Turn::Ends));
        assert_eq!(look(12, 500), None);
        assert_eq!(look(13, 501), Some(Turn::Begins));
    }
}
