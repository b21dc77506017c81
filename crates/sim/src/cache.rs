//! What a resolver keeps: answers by the prefix that they hold for, until their TTL ends
//! (RFC 7871, 7.3.1).

use std::net::IpAddr;

use model::{Subnet, Time};

/// The answers about one name and type. As many as there are scopes among the resolver's clients.
#[derive(Clone, Debug)]
pub(crate) struct Cache<A> {
    entries: Vec<Entry<A>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<A> {
    scope: Subnet,
    until: Time,
    answer: A,
}

impl<A: Copy> Cache<A> {
    /// Nothing kept.
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// The answer with the longest scope around a client, of those that still hold.
    pub(crate) fn find(&self, client: IpAddr, now: Time) -> Option<A> {
        let around = |entry: &&Entry<A>| now < entry.until && entry.scope.contains(client);
        let found = self.entries.iter().filter(around).max_by_key(|entry| entry.scope.length());
        found.map(|entry| entry.answer)
    }

    /// Keeps an answer for so long; the same scope's earlier one goes, and so does what ended.
    pub(crate) fn put(&mut self, scope: Subnet, answer: A, now: Time, ttl_ms: u64) {
        self.entries.retain(|entry| now < entry.until && entry.scope != scope);
        self.entries.push(Entry { scope, until: now.plus_ms(ttl_ms), answer });
    }
}

/// For whom an answer is kept: the scope, but no more of the client's network than was told; the
/// whole world where the answer says nothing.
pub(crate) fn kept_for(told: Option<Subnet>, scope: Option<u8>) -> Option<Subnet> {
    match (told, scope) {
        (Some(told), Some(scope)) => Some(Subnet::of(told.address(), scope.min(told.length()))),
        _ => EVERYBODY.parse().ok(),
    }
}

/// The whole IPv4 Internet.
const EVERYBODY: &str = "0.0.0.0/0";

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Time {
        Time::from_unix_ms(seconds * 1000)
    }

    /// What each of these clients finds at that second, in a cache of a wide and a narrow answer.
    fn check(second: u64, expect: [Option<char>; 3]) {
        let mut cache = Cache::new();
        cache.put("10.1.0.0/16".parse().unwrap(), 'w', at(0), 60_000);
        cache.put("10.1.2.0/24".parse().unwrap(), 'n', at(0), 30_000);
        let clients = ["10.1.2.3", "10.1.3.3", "10.2.0.1"];
        let found = clients.map(|client| cache.find(client.parse().unwrap(), at(second)));
        assert_eq!(found, expect, "at {second} s");
    }

    #[test]
    fn the_longest_scope_that_still_holds_answers() {
        check(0, [Some('n'), Some('w'), None]);
        check(29, [Some('n'), Some('w'), None]);
        check(30, [Some('w'), Some('w'), None]);
        check(60, [None, None, None]);
    }

    #[test]
    fn an_answer_replaces_that_of_its_scope_and_what_ended_is_forgotten() {
        let mut cache = Cache::new();
        let scope: Subnet = "10.1.2.0/24".parse().unwrap();
        cache.put(scope, 'a', at(0), 60_000);
        cache.put(scope, 'b', at(1), 60_000);
        assert_eq!(cache.find("10.1.2.3".parse().unwrap(), at(2)), Some('b'));
        cache.put("10.9.0.0/16".parse().unwrap(), 'c', at(61), 60_000);
        assert_eq!(cache.entries.len(), 1);
    }

    #[test]
    fn no_answer_is_kept_for_more_than_was_told_or_said() {
        let told: Subnet = "10.1.2.0/24".parse().unwrap();
        for (told, scope, expect) in [
            (Some(told), Some(16), "10.1.0.0/16"),
            (Some(told), Some(24), "10.1.2.0/24"),
            (Some(told), Some(28), "10.1.2.0/24"),
            (Some(told), Some(0), "0.0.0.0/0"),
            (Some(told), None, "0.0.0.0/0"),
            (None, None, "0.0.0.0/0"),
        ] {
            assert_eq!(
                kept_for(told, scope).map(|scope| scope.to_string()).as_deref(),
                Some(expect)
            );
        }
    }
}
