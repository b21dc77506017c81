//! The keys of the signed zones, and how they change while time passes.
//!
//! A ring of keys moves by itself ([`mod@dnssec::rollover`]); here it is looked after: loaded, moved
//! when it is due, kept, and made into what signs. New keys need randomness, so they are asked for
//! ([`crate::Effect::Draw`]) and made when it comes. A zone that is to be signed and has no keys is
//! not answered for: unsigned answers would be taken for forged ones. Must never draw a key itself,
//! and never log or tell one.
//!
//! - `clock`: the machine's clock, by which everything here goes,
//! - `heard`: rings that others share,
//! - [`order`]: what an operator can say, and what speaks against it,
//! - [`secrets`]: the randomness for new keys.

mod clock;

mod heard;

pub mod order;

pub mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dns::{Name, NameBuf};
use dnssec::{Descent, Fault, KeyRing, RolloverTerms, State};
use model::Time;

use self::clock::Clock;
use self::secrets::Secrets;
use crate::signers::Signers;
use crate::{Change, Effect, Note, Overwatch};

/// After how long keys that could not be made are tried again, in milliseconds: a minute, so that a
/// broken source of randomness does not fill the log.
const AGAIN_AFTER_MS: u64 = 60_000;

/// A zone that is to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedZone {
    /// Its name.
    pub apex: NameBuf,
    /// When its keys change.
    pub terms: RolloverTerms,
    /// Whether this overwatch makes keys: the first ones, and those that follow old ones. Of several
    /// that serve the zone, one does.
    pub makes_keys: bool,
}

/// What is known of signing.
#[derive(Debug, Default)]
pub(crate) struct Signing {
    /// The zones that are signed, by name in lower case.
    zones: BTreeMap<String, Zone>,
    /// All rings there are by zone; those of zones that are not signed now wait.
    rings: BTreeMap<String, KeyRing>,
    /// The clock that all of it goes by.
    clock: Clock,
    /// The faults that were logged, as they were told.
    told: BTreeSet<String>,
    /// Whether another overwatch makes all keys.
    is_waiting: bool,
    /// The zones whose own ring stays although another one is shared, and how that one stands to it. No more than
    /// there are rings.
    stay: BTreeMap<String, Descent>,
}

#[derive(Debug)]
struct Zone {
    signed: SignedZone,
    /// When it may be asked for randomness again.
    next_draw: Time,
}

/// The name by which a zone is found and kept: in lower case.
#[must_use]
pub fn key_of(apex: Name<'_>) -> String {
    apex.to_string().to_ascii_lowercase()
}

/// What is wrong with a zone's keys, by themselves.
fn ring_faults(zone: &SignedZone, ring: Option<&KeyRing>, now: Time) -> Vec<Fault> {
    let Some(ring) = ring else {
        let role = zone.terms.layout.roles().iter().copied().next();
        let missing = |role| Fault::KeyMissing { zone: zone.apex.to_string(), role };
        return role.map(missing).into_iter().collect();
    };
    ring.faults(now)
}

impl Signing {
    /// With the zones of the configuration and the rings of the store.
    pub(crate) fn new(zones: Vec<SignedZone>, rings: BTreeMap<String, KeyRing>) -> Self {
        let mut signing = Self { rings, ..Self::default() };
        signing.configure(zones);
        signing
    }

    /// Other zones are signed from now on, or by other terms.
    pub(crate) fn configure(&mut self, zones: Vec<SignedZone>) {
        let entry = |mut signed: SignedZone| {
            if !signed.makes_keys {
                // They come with an import.
                (signed.terms.entry_point_age_s, signed.terms.zsk_age_s) = (None, None);
            }
            (key_of(signed.apex.as_name()), Zone { signed, next_draw: Time::EPOCH })
        };
        self.zones = zones.into_iter().map(entry).collect();
    }

    /// The signed zones with their rings, by name.
    pub(crate) fn zones(&self) -> impl Iterator<Item = (&SignedZone, Option<&KeyRing>)> {
        self.zones.iter().map(|(key, zone)| (&zone.signed, self.rings.get(key)))
    }

    /// One of them.
    pub(crate) fn zone(&self, apex: Name<'_>) -> Option<(&SignedZone, Option<&KeyRing>)> {
        let key = key_of(apex);
        Some((&self.zones.get(&key)?.signed, self.rings.get(&key)))
    }

    /// What signs each zone now; nothing where no key does.
    pub(crate) fn signers(&self) -> Signers {
        let signer = |(zone, ring): (&SignedZone, Option<&KeyRing>)| {
            let signer = ring.and_then(|ring| ring.signer(zone.terms.dnskey_ttl_s).ok());
            let dated = signer.map(|signer| signer.dated_by(self.clock.correction()));
            (zone.apex.clone(), dated.map(Arc::new))
        };
        self.zones().map(signer).collect()
    }

    /// The time that signing goes by, when the process has counted to `now`.
    pub(crate) const fn time(&self, now: Time) -> Time {
        self.clock.time(now)
    }

    /// All that is wrong: with the machine's clock, then zone by zone.
    pub(crate) fn faults(&self, now: Time) -> Vec<Fault> {
        let time = self.time(now);
        let of_zones = self.zones().flat_map(|(zone, ring)| self.zone_faults(zone, ring, time));
        self.clock_fault(now).into_iter().chain(of_zones).collect()
    }

    /// What is wrong with the machine's clock, where something is signed by it.
    pub(crate) fn clock_fault(&self, now: Time) -> Option<Fault> {
        self.clock.fault(now).filter(|_| !self.zones.is_empty())
    }

    /// The machine's clock says `wall`. Whether it was set, so that what signs has to be made anew.
    fn read_clock(&mut self, wall: Time, now: Time) -> bool {
        let is_behind = |signing: &Self| {
            let time = signing.time(now);
            let mut rings = signing.zones().filter_map(|(_, ring)| ring);
            rings.any(|ring| ring.clock_fault(time).is_some())
        };
        let was_behind = is_behind(self);
        let is_set = self.clock.read(wall, now);
        if was_behind && !is_behind(self) {
            // What the keys have seen speaks for it.
            self.clock.trust();
        }
        is_set
    }

    /// How many keys there are in a state, in all zones that are signed.
    pub(crate) fn keys_in(&self, state: State) -> usize {
        let rings = self.zones().filter_map(|(_, ring)| ring);
        rings.flat_map(KeyRing::members).filter(|member| member.state == state).count()
    }

    /// Moves what is due, and says for which zones keys have to be drawn.
    fn advance(&mut self, now: Time) -> Moved {
        let mut moved = Moved::default();
        let (time, is_doubted) = (self.time(now), self.clock_fault(now).is_some());
        for (key, zone) in &mut self.zones {
            let terms = &zone.signed.terms;
            let is_wanting = match self.rings.get_mut(key) {
                // Without keys nothing is answered.
                None => zone.signed.makes_keys,
                // What somebody set may be wrong: no key moves by it before it is believed.
                Some(_) if is_doubted => false,
                Some(ring) => {
                    let is_served_anew = ring.serve(terms, time);
                    let is_due = ring.next_wake(terms).is_some_and(|at| at <= time);
                    let steps = if is_due { ring.advance(terms, time) } else { Vec::new() };
                    if is_served_anew || !steps.is_empty() {
                        moved.rings.push(ring.clone());
                    }
                    let name = || zone.signed.apex.to_string();
                    let note = |step| Note::KeyMoved { zone: name(), step };
                    moved.notes.extend(steps.into_iter().map(note));
                    let is_behind = ring.clock_fault(time).is_some();
                    is_due && !is_behind && !ring.aged(terms, time).is_empty()
                }
            };
            if is_wanting && !self.is_waiting && zone.next_draw <= now {
                zone.next_draw = now.plus_ms(AGAIN_AFTER_MS);
                moved.wanting.push(zone.signed.apex.clone());
            }
        }
        moved
    }

    /// Makes the keys that a zone has to have, and takes them.
    fn make(&mut self, apex: Name<'_>, secrets: Secrets, now: Time) -> Moved {
        let mut moved = Moved::default();
        match self.made(apex, secrets, now) {
            None => {}
            Some(Ok(mut ring)) => {
                moved.notes.extend(self.take(&mut ring));
                moved.rings.push(ring);
            }
            Some(Err(why)) => {
                moved.notes.push(Note::KeysNotMade { zone: apex.to_string(), why });
            }
        }
        moved
    }

    /// The ring of a zone with the keys that it has to have: the first ones, or those that follow old
    /// ones; or why there are none. Nothing where this overwatch makes none for it, or none by a clock
    /// that is in doubt.
    pub(crate) fn made(
        &self,
        apex: Name<'_>,
        mut secrets: Secrets,
        now: Time,
    ) -> Option<Result<KeyRing, String>> {
        let (key, time) = (key_of(apex), self.time(now));
        let Zone { signed, .. } = self.zones.get(&key).filter(|zone| zone.signed.makes_keys)?;
        let terms = signed.terms;
        let ring = match self.rings.get(&key) {
            None => {
                let apex = signed.apex.as_name().key().as_name().to_buf();
                let wanted = (terms.layout, terms.algorithm);
                // They do not wait for a clock in doubt, and whichever is right must not be behind them.
                let time = self.clock.earliest(now);
                let made = KeyRing::new(apex, wanted, time, &mut || secrets.draw());
                let served = made.map(|mut ring| {
                    ring.serve(&terms, time);
                    ring
                });
                served.map_err(|error| error.to_string())
            }
            Some(_) if self.clock_fault(now).is_some() => return None,
            Some(ring) => {
                let mut ring = ring.clone();
                let roles = ring.aged(&terms, time);
                let mut roll = |role| ring.roll(role, time, &mut || secrets.draw()).map(drop);
                let rolled: Result<(), _> = roles.into_iter().try_for_each(&mut roll);
                rolled.map(|()| ring).map_err(|error| error.to_string())
            }
        };
        Some(ring.and_then(|ring| secrets.is_enough().then_some(ring).ok_or_else(too_few)))
    }

    /// All rings there are, by zone.
    pub(crate) fn rings(&self) -> impl Iterator<Item = (&String, &KeyRing)> {
        self.rings.iter()
    }

    /// Whether another overwatch makes all keys from now on.
    pub(crate) const fn set_waiting(&mut self, is_waiting: bool) {
        self.is_waiting = is_waiting;
    }

    /// A zone has this ring from now on, which learns how long caches may keep what they have; what is
    /// worth a line if keys in it are new.
    pub(crate) fn take(&mut self, ring: &mut KeyRing) -> Option<Note> {
        if let Some(own) = self.rings.get(&key_of(ring.apex())) {
            ring.take_over(own);
        }
        let tags = |ring: &KeyRing| ring.members().map(|m| m.key.tag()).collect();
        self.stay.remove(&key_of(ring.apex()));
        let before = self.rings.insert(key_of(ring.apex()), ring.clone());
        let before: BTreeSet<u16> = before.as_ref().map(tags).unwrap_or_default();
        let new = ring.members().filter(|m| !before.contains(&m.key.tag()));
        let keys: Vec<_> = new.map(|m| (m.key.role(), m.key.tag())).collect();
        (!keys.is_empty()).then(|| Note::KeysMade { zone: ring.apex().to_string(), keys })
    }
}

fn too_few() -> String {
    "too few random bytes".to_owned()
}

/// What came of looking.
#[derive(Default)]
struct Moved {
    /// The rings that changed.
    rings: Vec<KeyRing>,
    notes: Vec<Note>,
    /// The zones that need keys.
    wanting: Vec<NameBuf>,
}

impl Overwatch {
    /// Looks after the keys: called once a second.
    pub(crate) fn look_after_keys(&mut self, now: Time, out: &mut Vec<Effect>) {
        let moved = self.signing.advance(now);
        self.keys_moved(moved, now, out);
    }

    /// Randomness came: makes the keys that it was asked for.
    pub(crate) fn drawn(
        &mut self,
        apex: Name<'_>,
        secrets: Secrets,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let moved = self.signing.make(apex, secrets, now);
        self.keys_moved(moved, now, out);
    }

    /// The machine's own clock, which may have been set since this process began to count. Whether it
    /// was.
    pub(crate) fn clock_read(&mut self, wall: Time, now: Time, out: &mut Vec<Effect>) -> bool {
        let is_set = self.signing.read_clock(wall, now);
        if is_set {
            self.publisher.sign(Arc::new(self.signing.signers()));
        }
        self.tell_faults(now, out);
        is_set
    }

    /// Signs by other zones or terms from now on.
    pub(crate) fn sign_by(&mut self, zones: Vec<SignedZone>, now: Time, out: &mut Vec<Effect>) {
        self.signing.configure(zones);
        self.publisher.sign(Arc::new(self.signing.signers()));
        self.look_after_keys(now, out);
    }

    /// Rings came from elsewhere: signs by them.
    pub(crate) fn sign_anew(&mut self, now: Time, out: &mut Vec<Effect>) {
        self.publisher.sign(Arc::new(self.signing.signers()));
        self.look_after_keys(now, out);
    }

    fn keys_moved(&mut self, moved: Moved, now: Time, out: &mut Vec<Effect>) {
        let Moved { rings, notes, wanting } = moved;
        if !rings.is_empty() {
            out.push(Effect::Keep(rings.into_iter().map(Change::PutKeys).collect()));
            self.publisher.sign(Arc::new(self.signing.signers()));
        }
        out.extend(notes.into_iter().map(Effect::Log));
        // Keys that are on their way are not missing yet.
        if wanting.is_empty() {
            self.tell_faults(now, out);
        }
        out.extend(wanting.into_iter().map(|zone| Effect::Draw { zone }));
    }

    /// Logs each fault when it comes, and when it goes.
    fn tell_faults(&mut self, now: Time, out: &mut Vec<Effect>) {
        let faults = self.signing.faults(now);
        // What a clock says differs each time; the name and the zone do not.
        let named =
            faults.iter().map(|fault| (format!("{}{}", fault.name(), zone_of(fault)), fault));
        let named: BTreeMap<String, &Fault> = named.collect();
        let new = named.iter().filter(|(name, _)| !self.signing.told.contains(*name));
        out.extend(new.map(|(_, fault)| Effect::Log(Note::Signing { fault: fault.to_string() })));
        let gone = self.signing.told.iter().filter(|name| !named.contains_key(*name));
        out.extend(gone.map(|name| Effect::Log(Note::SigningMended { fault: name.clone() })));
        self.signing.told = named.into_keys().collect();
    }
}

/// The zone of a fault, as part of its name.
fn zone_of(fault: &Fault) -> String {
    match fault {
        Fault::KeyMissing { zone, .. }
        | Fault::ClockBehind { zone, .. }
        | Fault::KeysOlder { zone }
        | Fault::KeysUnrelated { zone } => format!(" of {zone}"),
        Fault::ClockWrong { .. } | Fault::SignaturesInvalid { .. } => String::new(),
    }
}
