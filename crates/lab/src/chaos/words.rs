//! What operators say during a run with `--etcd`, and what came of it. Knows neither clock nor lab.
//!
//! Each word makes something that nobody made before, at one overwatch, to be answered by all. What was
//! **acknowledged** must be there ever after. Where that overwatch has lost etcd it must be **refused**,
//! and the refusal must say why; where nothing has been in the way, refused it must not be.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::judge::RECOVERY_US;
use super::outages::{Outages, Part};

/// An order to the lab is carried out within that time, in microseconds: what comes right before a fault
/// is noted may have met it.
const ORDER_US: u64 = 1_000_000;
/// One word in so many makes a domain, which costs every overwatch a look at its whole configuration. The
/// others pin a network. Has no divisor in common with three overwatches, so each makes both.
const DOMAIN_ONE_IN: u32 = 8;
/// Pinned networks are single addresses of 198.18.0.0/15, which no client here has (RFC 2544).
const PINNED: u32 = 0xc612_0000;
/// So many addresses are there, more than any run pins.
const PINNED_COUNT: u32 = 1 << 17;

/// Something to make, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word(pub(super) u32);

/// What words are about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// The domain whose clients are pinned.
    pub(super) domain: String,
    /// The zone in which domains are made.
    pub(super) zone: String,
    /// The region that answers for what is made, and its only server.
    pub(super) region: String,
    pub(super) server: IpAddr,
}

impl Word {
    pub(super) const fn is_domain(self) -> bool {
        self.0.is_multiple_of(DOMAIN_ONE_IN)
    }

    fn address(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(PINNED + self.0 % PINNED_COUNT)
    }

    /// The path and the body of the `PUT` that makes it.
    pub(super) fn request(self, subject: &Subject) -> (String, String) {
        let Subject { domain, zone, region, .. } = subject;
        if self.is_domain() {
            let target = self.target();
            let body = format!(
                r#"{{"routing_algorithm": "failover", "regions": ["{region}"], "targets": [{{"region": "{region}", "name": "{target}"}}]}}"#
            );
            return (format!("/api/v1/domains/made-{}.{zone}", self.0), body);
        }
        let path = format!("/api/v1/routing/pins/{domain}/{}%2F32", self.address());
        (path, format!(r#"{{"region": "{region}"}}"#))
    }

    /// What `dig` is asked to hear it, and says.
    pub(super) fn question(self, subject: &Subject) -> (String, String) {
        if self.is_domain() {
            let answer = format!("{}.", self.target());
            return (format!("made-{}.{} A +short", self.0, subject.zone), answer);
        }
        let question = format!("{} A +short +subnet={}/32", subject.domain, self.address());
        (question, subject.server.to_string())
    }

    fn target(self) -> String {
        format!("made-{}.example.net", self.0)
    }

    /// The word that made a domain of this name, if one did.
    pub(super) fn of_domain(name: &str) -> Option<Self> {
        let (number, _) = name.strip_prefix("made-")?.split_once('.')?;
        number.parse().ok().map(Self)
    }

    /// The word that pinned this network, if one did.
    pub(super) fn of_network(network: &str) -> Option<Self> {
        let address: Ipv4Addr = network.strip_suffix("/32")?.parse().ok()?;
        address.to_bits().checked_sub(PINNED).filter(|number| *number < PINNED_COUNT).map(Self)
    }
}

/// What an overwatch said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Acknowledged,
    /// 503, `store-away`, and why. `true`: it says that nothing was changed.
    Away(bool),
    /// Anything else, in words.
    Other(String),
}

/// One word that is over; times in microseconds of the system's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) word: Word,
    /// The overwatch.
    pub(super) at: IpAddr,
    pub(super) asked_us: u64,
    pub(super) over_us: u64,
    pub(super) came: Came,
}

/// What that is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    Acknowledged,
    /// As it should be: etcd was away, or had just come or gone.
    Refused,
    /// Not answered, or otherwise, while the overwatch was missing or had just lost or found something.
    Excused,
    /// As it should not be.
    Broken(String),
}

impl Said {
    /// `etcd`: the address of its host.
    pub(super) fn worth(&self, etcd: IpAddr, outages: &Outages) -> Worth {
        let store = [Part::Process(etcd), Part::way(self.at, etcd)];
        let span = (self.asked_us, self.over_us);
        let around = (self.asked_us.saturating_sub(RECOVERY_US), self.over_us + ORDER_US);
        let ran = !outages.touch(Part::Process(self.at), span);
        let is_away = ran && store.iter().any(|part| outages.cover(*part, span));
        let mut all = store.into_iter().chain([Part::Process(self.at)]);
        let is_disturbed = all.any(|part| outages.touch(part, around));
        let broken = |what: &str| Worth::Broken(what.to_owned());
        match &self.came {
            Came::Acknowledged if is_away => broken("acknowledged without etcd"),
            Came::Acknowledged => Worth::Acknowledged,
            Came::Away(_) if is_disturbed => Worth::Refused,
            Came::Away(_) => broken("refused though etcd is there"),
            Came::Other(what) if is_away => Worth::Broken(format!("no clear refusal: {what}")),
            Came::Other(_) if is_disturbed => Worth::Excused,
            Came::Other(what) => broken(what),
        }
    }
}

/// What all overwatches have to hold: all that was acknowledged before a moment.
pub(super) fn acknowledged(all: &[Said], before_us: u64) -> BTreeSet<Word> {
    let done = all.iter().filter(|said| said.came == Came::Acknowledged);
    done.filter(|said| said.over_us < before_us).map(|said| said.word).collect()
}

/// What none may hold: what was surely refused.
pub(super) fn refused(all: &[Said]) -> BTreeSet<Word> {
    all.iter().filter(|said| said.came == Came::Away(true)).map(|said| said.word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn said(from_s: u64, to_s: u64, came: Came) -> Said {
        let (asked_us, over_us) = (from_s * S, to_s * S);
        Said { word: Word(1), at: at("10.9.0.1"), asked_us, over_us, came }
    }

    #[track_caller]
    fn check(outages: &Outages, said: &Said, expect: &str) {
        let worth = match said.worth(at("10.9.0.9"), outages) {
            Worth::Broken(what) => format!("broken: {what}"),
            worth => format!("{worth:?}"),
        };
        assert_eq!(worth, expect, "{said:?}");
    }

    fn other() -> Came {
        Came::Other("no answer".to_owned())
    }

    /// Etcd is away from 100 to 110 s, the way to it from 200 to 210, the overwatch from 300 to 310.
    fn outages() -> Outages {
        let mut outages = Outages::default();
        let parts = [
            Part::Process(at("10.9.0.9")),
            Part::way(at("10.9.0.1"), at("10.9.0.9")),
            Part::Process(at("10.9.0.1")),
        ];
        for (part, from_s) in parts.into_iter().zip([100, 200, 300]) {
            outages.began(part, from_s * S);
            outages.ended(part, (from_s + 10) * S);
        }
        outages
    }

    #[test]
    fn without_etcd_a_word_is_refused_clearly_or_a_promise_is_broken() {
        let outages = outages();
        for from_s in [101, 201] {
            let during = |came| said(from_s, from_s + 1, came);
            check(&outages, &during(Came::Away(true)), "Refused");
            check(&outages, &during(Came::Away(false)), "Refused");
            check(&outages, &during(Came::Acknowledged), "broken: acknowledged without etcd");
            check(&outages, &during(other()), "broken: no clear refusal: no answer");
        }
        // One that was under way as etcd went, or as it came back.
        for (from_s, to_s) in [(99, 101), (109, 111), (50, 99)] {
            check(&outages, &said(from_s, to_s, Came::Acknowledged), "Acknowledged");
            check(&outages, &said(from_s, to_s, Came::Away(false)), "Refused");
            check(&outages, &said(from_s, to_s, other()), "Excused");
        }
    }

    #[test]
    fn with_etcd_a_word_is_taken_soon() {
        let outages = outages();
        check(&outages, &said(120, 121, Came::Away(true)), "Refused");
        check(&outages, &said(126, 127, Came::Acknowledged), "Acknowledged");
        check(&outages, &said(126, 127, Came::Away(true)), "broken: refused though etcd is there");
        check(&outages, &said(126, 127, other()), "broken: no answer");
        // An overwatch that stands still says nothing, and whether etcd is there is not asked.
        check(&outages, &said(301, 309, other()), "Excused");
        check(&outages, &said(301, 311, Came::Acknowledged), "Acknowledged");
    }

    #[test]
    fn a_word_is_found_again() {
        for number in [0, 1, 7, 8, 255, 256, 131_071] {
            let word = Word(number);
            let subject = Subject {
                domain: "app.demo.local".to_owned(),
                zone: "demo.local".to_owned(),
                region: "us-east".to_owned(),
                server: at("10.1.2.10"),
            };
            let (path, body) = word.request(&subject);
            assert!(body.contains("us-east"), "{body}");
            let last = path.rsplit('/').next().unwrap().replace("%2F", "/");
            let (question, answer) = word.question(&subject);
            if word.is_domain() {
                assert_eq!(Word::of_domain(&last), Some(word), "{path}");
                assert!(question.starts_with(&last) && body.contains(answer.trim_end_matches('.')));
            } else {
                assert_eq!(Word::of_network(&last), Some(word), "{path}");
                assert!(question.ends_with(&last) && answer == "10.1.2.10");
            }
        }
        for other in ["app.demo.local", "made-x.demo.local", "198.18.0.1", "198.17.0.1/32"] {
            assert_eq!((Word::of_domain(other), Word::of_network(other)), (None, None), "{other}");
        }
    }

    #[test]
    fn what_counts_is_what_was_said_for_sure() {
        let one = |number, over_s, came| Said { word: Word(number), ..said(1, over_s, came) };
        let all = [
            one(1, 2, Came::Acknowledged),
            one(2, 9, Came::Acknowledged),
            one(3, 2, Came::Away(true)),
            one(4, 2, Came::Away(false)),
        ];
        assert_eq!(acknowledged(&all, 5 * S), [Word(1)].into());
        assert_eq!(acknowledged(&all, u64::MAX), [Word(1), Word(2)].into());
        assert_eq!(refused(&all), [Word(3)].into());
    }
}
