//! Wrong tokens, counted by the network they came from: a few mistakes are forgiven, a search is
//! not.
//!
//! Whoever is believed about the address that he speaks for can say another one each time. So he is
//! counted too, beside whom he speaks for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::Subnet;
use tokio::time::Instant;

/// Wrong tokens of one network in [`WINDOW`]; beyond it no token of it is listened to. A person who
/// types needs fewer; 16 characters cannot be found by 14,400 attempts a day.
const ATTEMPTS_MAX: u32 = 10;
/// The same of all for whom one proxy speaks: thirty clients' worth, so that nobody who has a few
/// addresses shuts the others out; and a proxy that makes them up finds no token either.
const ATTEMPTS_OF_PROXY_MAX: u32 = 30 * ATTEMPTS_MAX;
/// After the first of them all are forgiven.
const WINDOW: Duration = Duration::from_secs(60);
/// Networks that are remembered, half a megabyte of them. At the limit those whose time is over go,
/// and where none is, the one whose time ends first: whoever has that many networks has ten attempts
/// from each anyhow, and must not be able to lock out everybody else.
const NETWORKS_MAX: usize = 8_192;

/// For how long a client whose token was good is heard though its proxy is not: until somebody who
/// works there comes back the next day.
const GOOD_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
/// Clients of proxies that are remembered for their good tokens. At the limit the one that was good the
/// longest ago goes: it counts with its proxy again. Whoever makes all of them up has ten attempts of each
/// in a minute, far too few to find 16 characters.
const GOOD_MAX: usize = 256;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The client.
    pub(super) client: Subnet,
    /// Who speaks for it, where it does not speak itself.
    pub(super) proxy: Option<Subnet>,
}

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Counted {
    Client(Subnet),
    Proxy(Subnet),
}

impl Origin {
    /// Who is counted for it.
    fn counted(self) -> impl Iterator<Item = Counted> {
        let proxy = self.proxy.map(Counted::Proxy);
        std::iter::once(Counted::Client(self.client)).chain(proxy)
    }
}

/// The networks that sent wrong tokens lately, and clients of proxies that sent good ones.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    wrong: Mutex<HashMap<Counted, Wrong>>,
    /// When the last good one came, of a client and its proxy.
    good: Mutex<HashMap<(Subnet, Subnet), Instant>>,
}

#[derive(Clone, Copy, Debug)]
struct Wrong {
    since: Instant,
    count: u32,
}

impl Attempts {
    /// The secret in an `Authorization` field (RFC 6750, 2.1); `None` where it has another form.
    pub(super) fn bearer(field: &[u8]) -> Option<&[u8]> {
        let (scheme, secret) = field.split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(secret.trim_ascii())
    }

    /// Whether an origin is listened to; if not, for how many seconds it is not.
    pub(super) fn check(&self, origin: Origin) -> Result<(), u64> {
        let was_good = self.was_good(origin);
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        for counted in origin.counted() {
            if was_good && matches!(counted, Counted::Proxy(_)) {
                continue;
            }
            let most = match counted {
                Counted::Client(_) => ATTEMPTS_MAX,
                Counted::Proxy(_) => ATTEMPTS_OF_PROXY_MAX,
            };
            if let Some(wrong) = wrong.get(&counted).filter(|w| w.count >= most && !w.is_over()) {
                return Err(WINDOW.saturating_sub(wrong.since.elapsed()).as_secs() + 1);
            }
        }
        Ok(())
    }

    /// Remembers a good token, where a proxy sent it: others' wrong ones must not shut this client out.
    pub(super) fn succeeded(&self, origin: Origin) {
        let Some(proxy) = origin.proxy else { return };
        let key = (origin.client, proxy);
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.len() >= GOOD_MAX
            && !good.contains_key(&key)
            && let Some(oldest) = good.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key)
        {
            good.remove(&oldest);
        }
        good.insert(key, Instant::now());
    }

    fn was_good(&self, origin: Origin) -> bool {
        let Some(proxy) = origin.proxy else { return false };
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.get(&(origin.client, proxy)).is_some_and(|at| at.elapsed() < GOOD_WINDOW)
    }

    /// Remembers a wrong token.
    pub(super) fn failed(&self, origin: Origin) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        for counted in origin.counted() {
            if wrong.len() >= NETWORKS_MAX && !wrong.contains_key(&counted) {
                make_room(&mut wrong);
            }
            let fresh = Wrong { since: Instant::now(), count: 0 };
            let one = wrong.entry(counted).or_insert(fresh);
            if one.is_over() {
                *one = fresh;
            }
            one.count = one.count.saturating_add(1);
        }
    }
}

/// Forgets those whose time is over; or else the client whose time ends first. A proxy stays: making
/// clients up must not make it new. There are few, since each is in a network that may read.
fn make_room(wrong: &mut HashMap<Counted, Wrong>) {
    wrong.retain(|_, wrong| !wrong.is_over());
    if wrong.len() >= NETWORKS_MAX
        && let Some(first) = wrong
            .iter()
            .filter(|(counted, _)| matches!(counted, Counted::Client(_)))
            .min_by_key(|(_, wrong)| wrong.since)
    {
        let first = *first.0;
        wrong.remove(&first);
    }
}

impl Wrong {
    fn is_over(&self) -> bool {
        self.since.elapsed() >= WINDOW
    }
}

/// What is one client: a host has a whole /64 to choose its IPv6 address from.
pub(super) fn network_of(address: IpAddr) -> Subnet {
    let address = address.to_canonical();
    Subnet::of(address, if address.is_ipv4() { 32 } else { 64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(client: &str) -> Origin {
        Origin { client: client.parse().unwrap(), proxy: None }
    }

    /// A client of a network that may read claims another address each time, more than are remembered.
    #[tokio::test(start_paused = true)]
    async fn who_makes_addresses_up_is_counted_himself() {
        let attempts = Attempts::default();
        let proxy: Subnet = "10.0.0.1/32".parse().unwrap();
        let made_up =
            |n: u32| Origin { client: Subnet::of(IpAddr::V4(n.into()), 32), proxy: Some(proxy) };
        let tries = u32::try_from(NETWORKS_MAX).unwrap() * 2;
        let heard = (0..tries).filter(|n| attempts.check(made_up(*n)).is_ok());
        let heard = heard.inspect(|n| attempts.failed(made_up(*n))).count();
        assert_eq!(heard, ATTEMPTS_OF_PROXY_MAX as usize);
        // Strangers elsewhere who fill what is remembered do not make it new.
        for n in 0..tries {
            attempts.failed(Origin { client: Subnet::of(IpAddr::V4(n.into()), 32), proxy: None });
        }
        assert!(attempts.check(made_up(u32::MAX)).is_err());
        // The same machine without a header is a client as any other.
        assert_eq!(attempts.check(Origin { client: proxy, proxy: None }), Ok(()));
        tokio::time::advance(WINDOW).await;
        assert_eq!(attempts.check(made_up(u32::MAX)), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_had_a_good_token_is_heard_while_his_proxy_is_not() {
        let attempts = Attempts::default();
        let proxy: Option<Subnet> = Some("10.0.0.1/32".parse().unwrap());
        let of = |n: u32| Origin { client: Subnet::of(IpAddr::V4(n.into()), 32), proxy };
        let user = of(u32::MAX);
        attempts.succeeded(user);
        (0..ATTEMPTS_OF_PROXY_MAX).for_each(|n| attempts.failed(of(n)));
        assert!(attempts.check(of(u32::MAX - 1)).is_err());
        assert_eq!(attempts.check(user), Ok(()));
        // By this proxy; and a search in his name is a search.
        let other = Some("10.0.0.2/32".parse().unwrap());
        (0..ATTEMPTS_OF_PROXY_MAX).for_each(|n| attempts.failed(Origin { proxy: other, ..of(n) }));
        assert!(attempts.check(Origin { proxy: other, ..user }).is_err());
        (0..ATTEMPTS_MAX).for_each(|_| attempts.failed(user));
        assert!(attempts.check(user).is_err());
        // Only so many are remembered: those of last.
        tokio::time::advance(WINDOW).await;
        (0..ATTEMPTS_OF_PROXY_MAX).for_each(|n| attempts.failed(of(n)));
        for n in 0..u32::try_from(GOOD_MAX).unwrap() {
            tokio::time::advance(Duration::from_millis(1)).await;
            attempts.succeeded(of(1_000_000 + n));
        }
        assert_eq!(attempts.good.lock().unwrap().len(), GOOD_MAX);
        assert!(attempts.check(user).is_err());
        assert_eq!(attempts.check(of(1_000_000)), Ok(()));
        // Nor for ever.
        tokio::time::advance(GOOD_WINDOW).await;
        (0..ATTEMPTS_OF_PROXY_MAX).for_each(|n| attempts.failed(of(n)));
        assert!(attempts.check(of(1_000_000)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_search_is_not_listened_to_until_the_minute_is_over() {
        let attempts = Attempts::default();
        let searcher = from("192.0.2.1/32");
        for _ in 0..ATTEMPTS_MAX {
            assert_eq!(attempts.check(searcher), Ok(()));
            attempts.failed(searcher);
        }
        assert_eq!(attempts.check(searcher), Err(61));
        assert_eq!(attempts.check(from("192.0.2.2/32")), Ok(()));
        tokio::time::advance(WINDOW).await;
        assert_eq!(attempts.check(searcher), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_has_a_limit() {
        let attempts = Attempts::default();
        let network = |n: u32| Origin { client: Subnet::of(IpAddr::V4(n.into()), 32), proxy: None };
        for n in 0..100 + u32::try_from(NETWORKS_MAX).unwrap() {
            attempts.failed(network(n));
        }
        assert_eq!(attempts.wrong.lock().unwrap().len(), NETWORKS_MAX);
        // Others are still listened to, and a search among them is still found.
        for _ in 0..ATTEMPTS_MAX {
            assert_eq!(attempts.check(network(u32::MAX)), Ok(()));
            attempts.failed(network(u32::MAX));
        }
        assert!(attempts.check(network(u32::MAX)).is_err());
        assert_eq!(attempts.wrong.lock().unwrap().len(), NETWORKS_MAX);
        tokio::time::advance(WINDOW).await;
        assert_eq!(attempts.check(network(u32::MAX)), Ok(()));
        attempts.failed(network(u32::MAX - 1));
        assert_eq!(attempts.wrong.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_secret_stands_behind_the_word_bearer() {
        assert_eq!(Attempts::bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(Attempts::bearer(b"bearer  abc "), Some(&b"abc"[..]));
        assert_eq!(Attempts::bearer(b"Basic abc="), None);
        assert_eq!(Attempts::bearer(b"Bear"), None);
    }
}
