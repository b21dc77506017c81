//! What another algorithm would have done with a query: decided beside the answer, and never
//! answered. So an operator sees what a change would bring before anybody is sent elsewhere.
//!
//! A shadow hears of every row and of all hand work as the domain does, goes by the same health, and
//! tries nothing: what only exploring would find, it does not know.

use std::net::IpAddr;
use std::sync::Arc;

use model::Time;

use crate::{Algorithm, Decision, DomainMap, DomainSettings, ServerPool, decide};

/// What the shadow would have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// Whether the client would have been sent to another region.
    pub is_other: bool,
    /// How much sooner it would have been there, in microseconds of round-trip time; below 0 it
    /// would have been later. `None` where one of the two times was not learned.
    pub gain_us: Option<i64>,
}

/// The settings that a domain's shadow goes by; `None` without one.
pub(crate) fn settings(of: &DomainSettings) -> Option<Arc<DomainSettings>> {
    let algorithm = of.shadow?;
    let mut settings = DomainSettings { algorithm, shadow: None, ..of.clone() };
    settings.learning.exploration.is_enabled = false;
    Some(Arc::new(settings))
}

/// What the shadow would have done with a query that was decided so. One that is tried is none of
/// its business: no algorithm is judged by what the other's trials cost.
pub(crate) fn compare(
    decision: &Decision<'_>,
    (map, shadow): (&DomainMap, &DomainMap),
    pool: &ServerPool,
    client: IpAddr,
    now: Time,
) -> Option<Shadow> {
    if decision.reason == crate::Reason::Exploration {
        return None;
    }
    let other = decide(shadow, pool, client, 0, now);
    let (here, there) = (decision.chosen()?, other.chosen()?);
    if here == there {
        return Some(Shadow { is_other: false, gain_us: Some(0) });
    }
    // Both times out of one book: of the two, the one that learns.
    let learns =
        |map: &&DomainMap| matches!(map.settings().algorithm, Algorithm::LearnedLatency { .. });
    let book = [shadow, map].into_iter().find(learns);
    let us = |region| Some(i64::from(book?.learned(client, region)?.us()));
    let gain_us = us(here).zip(us(there)).map(|(here, there)| here - there);
    Some(Shadow { is_other: true, gain_us })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{LEARNED, NOW, domain, geo, map, row, servers};

    /// The decision for a client of Germany, served by one algorithm and shadowed by another, where
    /// Singapore was measured to be nearer.
    fn shadow_of(algorithm: Algorithm, shadow: Option<Algorithm>) -> (String, Option<Shadow>) {
        let settings = DomainSettings { shadow, ..domain(algorithm) };
        let rows =
            [row("10.1.2.0/24", "eu-west", 90, 100), row("10.1.2.0/24", "ap-southeast", 20, 100)];
        let map = map(&settings, geo(&[]), &rows);
        let pool = ServerPool::new(&settings, servers());
        let decision = decide(&map, &pool, "10.1.2.7".parse().unwrap(), 0, NOW);
        // A belief is a little off its own row.
        let rounded = |shadow: Shadow| Shadow {
            gain_us: shadow.gain_us.map(|us| (us as f64 / 1e3).round() as i64 * 1_000),
            ..shadow
        };
        (decision.region.unwrap().to_string(), decision.shadow.map(rounded))
    }

    #[test]
    fn a_shadow_decides_and_answers_nothing() {
        let other = |gain_us| Some(Shadow { is_other: true, gain_us: Some(gain_us) });
        let same = Some(Shadow { is_other: false, gain_us: Some(0) });
        let by_map = Algorithm::Geolocation;
        assert_eq!(shadow_of(by_map, Some(LEARNED)), ("eu-west".to_owned(), other(70_000)));
        assert_eq!(shadow_of(LEARNED, Some(by_map)), ("ap-southeast".to_owned(), other(-70_000)));
        assert_eq!(shadow_of(by_map, Some(by_map)), ("eu-west".to_owned(), same));
        assert_eq!(shadow_of(by_map, None), ("eu-west".to_owned(), None));
        // Nothing was measured of what these choose.
        let (_, shadow) = shadow_of(by_map, Some(Algorithm::Failover));
        assert!(shadow.is_some_and(|shadow| !shadow.is_other || shadow.gain_us.is_none()));
    }
}
