//! What the API says of signed zones: keys, what comes next, and what the zone above has to say.
//!
//! Must never hold a secret: only records and their data.

use std::fmt::Write as _;

use api::dnssec::{Ds, DsRecords, Fault, Key, SignedZone, SignedZones};
use dns::Name;
use dnssec::{KeyRing, Member, RolloverTerms, State};
use model::Time;

use crate::Overwatch;
use crate::signing;
use crate::signing::order::KeyFault;

/// Where the digest begins in the data of a DS record (RFC 4034, 5.1).
const DIGEST_AT: usize = 4;

impl Overwatch {
    /// `GET /api/v1/overwatch/dnssec`.
    #[must_use]
    pub fn signed_zones(&self, now: Time) -> SignedZones {
        let time = self.signing.time(now);
        let zones = self.signing.zones().map(|(zone, ring)| {
            let (next_step, next_step_at) = next_step(ring, &zone.terms);
            SignedZone {
                zone: zone.apex.to_string(),
                makes_keys: zone.makes_keys,
                keys: ring.into_iter().flat_map(KeyRing::members).map(key).collect(),
                next_step,
                next_step_at: next_step_at.map(Time::to_rfc3339),
                faults: self.signing.zone_faults(zone, ring, time).iter().map(fault).collect(),
            }
        });
        SignedZones {
            zones: zones.collect(),
            faults: self.signing.clock_fault(now).as_ref().map(fault).into_iter().collect(),
            generated_at: now.to_rfc3339(),
        }
    }

    /// `GET /api/v1/overwatch/dnssec/{zone}/ds`.
    ///
    /// # Errors
    ///
    /// The zone is not signed here, or has no keys.
    pub fn ds_records(&self, zone: Name<'_>) -> Result<DsRecords, KeyFault> {
        let name = || signing::key_of(zone);
        let (_, ring) = self.signing.zone(zone).ok_or_else(|| KeyFault::NotSigned(name()))?;
        let ring = ring.ok_or_else(|| KeyFault::NoKeys(name()))?;
        let ds = ring.wanted_above().map(|member| ds(ring.apex(), member)).collect();
        Ok(DsRecords { zone: name(), ds })
    }

    /// What is wrong with signing, for health: the name and the words of each.
    #[must_use]
    pub fn signing_faults(&self, now: Time) -> Vec<dnssec::Fault> {
        self.signing.faults(now)
    }

    /// How many keys are in each state, in all signed zones.
    #[must_use]
    pub fn signing_keys(&self) -> [(&'static str, usize); 4] {
        [State::Published, State::Ready, State::Active, State::Retired]
            .map(|state| (state.as_str(), self.signing.keys_in(state)))
    }
}

fn fault(fault: &dnssec::Fault) -> Fault {
    Fault { name: fault.name().to_owned(), text: fault.to_string() }
}

fn key(member: &Member) -> Key {
    Key {
        tag: member.key.tag(),
        role: member.key.role().to_string(),
        algorithm: member.key.algorithm().to_string(),
        state: member.state.to_string(),
        since: member.since.to_rfc3339(),
        created: member.created.to_rfc3339(),
        ds_seen: member.ds_seen.map(Time::to_rfc3339),
    }
}

fn ds(apex: Name<'_>, member: &Member) -> Ds {
    let key = &member.key;
    let (data, algorithm) = (key.ds(apex), key.algorithm().number());
    let digest_type = data.get(DIGEST_AT - 1).copied().unwrap_or_default();
    let digest = data.get(DIGEST_AT..).unwrap_or_default();
    let digest = digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    });
    let zone = signing::key_of(apex);
    Ds {
        tag: key.tag(),
        algorithm,
        digest_type,
        record: format!("{zone}. IN DS {} {algorithm} {digest_type} {digest}", key.tag()),
        dnskey: format!("{zone}. IN DNSKEY {}", key.dnskey_text()),
        digest,
    }
}

/// What comes next in a zone's keys, and when; without a time where it waits for somebody.
fn next_step(ring: Option<&KeyRing>, terms: &RolloverTerms) -> (Option<String>, Option<Time>) {
    let Some(ring) = ring else { return (Some("keys are made or imported".to_owned()), None) };
    let tag = |member: &Member| member.key.tag();
    if let Some(tag) = signing::order::waiting(ring) {
        let step = format!("the zone above takes the DS record of key {tag}; then say `ds-seen`");
        return (Some(step), None);
    }
    let due = ring.members().filter_map(|member| Some((ring.leaves(member, terms)?, member)));
    let aged = ring.members().filter_map(|member| Some((terms.ages(member)?, member)));
    let due = due.min_by_key(|(at, _)| *at).map(|(at, member)| {
        let what = match member.state {
            State::Published => "is ready",
            State::Ready => "signs",
            State::Active | State::Retired => "is removed",
        };
        (at, format!("key {} {what}", tag(member)))
    });
    let aged = aged.min_by_key(|(at, _)| *at);
    let aged =
        aged.map(|(at, member)| (at, format!("key {} is followed by a new one", tag(member))));
    let next = due.into_iter().chain(aged).min_by_key(|(at, _)| *at);
    next.map_or((None, None), |(at, step)| (Some(step), Some(at)))
}
