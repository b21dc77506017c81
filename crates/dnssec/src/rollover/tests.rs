//! Rolls as timelines: what happens when, and what cannot.

use super::*;

const START: Time = Time::from_unix_ms(1_766_138_700_000);

const TERMS: RolloverTerms = RolloverTerms {
    layout: Layout::Csk,
    algorithm: Algorithm::Ed25519,
    dnskey_ttl_s: 3_600,
    zone_ttl_max_s: 7_200,
    ds_ttl_s: 86_400,
    propagation_s: 100,
    entry_point_age_s: None,
    zsk_age_s: None,
};

/// Secrets that begin with the tags that tests name: 1, 2, 3 and so on.
fn counting() -> impl FnMut() -> [u8; 32] {
    let mut next = 0;
    move || {
        next += 1;
        [next; 32]
    }
}

fn at(seconds: u64) -> Time {
    START.plus_ms(seconds * 1_000)
}

/// A zone, its random bytes, and its life as text.
struct Zone {
    ring: KeyRing,
    draw: Box<dyn FnMut() -> [u8; 32]>,
    terms: RolloverTerms,
}

impl Zone {
    fn new(terms: RolloverTerms) -> Self {
        let mut draw = counting();
        let first = (terms.layout, terms.algorithm);
        let ring = KeyRing::new("example".parse().unwrap(), first, START, &mut draw).unwrap();
        Self { ring, draw: Box::new(draw), terms }
    }

    fn roll(&mut self, role: Role, seconds: u64) -> Result<u16, RollError> {
        self.ring.roll(role, at(seconds), &mut self.draw)
    }

    fn seen(&mut self, tag: u16, seconds: u64) -> Result<(), DsError> {
        self.ring.ds_seen(tag, &self.terms, at(seconds))
    }

    /// What happens until then: `number state@seconds`, by the order in which keys were made.
    fn until(&mut self, seconds: u64) -> Vec<String> {
        let steps = self.ring.advance(&self.terms, at(seconds));
        let text = |step: &Step| {
            let to = step.to.map_or("removed", State::as_str);
            format!("{} {to}@{}", step.role, step.at.ms_since(START) / 1_000)
        };
        steps.iter().map(text).collect()
    }

    fn states(&self) -> Vec<String> {
        let text = |m: &Member| format!("{} {}", m.key.role(), m.state);
        self.ring.members.iter().map(text).collect()
    }

    /// Which keys sign records and keys, and which are wanted above, by their places.
    fn signing(&self) -> [Vec<usize>; 3] {
        let signer = self.ring.signer(1).unwrap();
        let place = |data: &[u8]| {
            self.ring.members.iter().position(|member| member.key.dnskey() == data).unwrap()
        };
        let places = |record_type| -> Vec<usize> {
            signer.keys(record_type).iter().map(|key| place(key.dnskey())).collect()
        };
        let wanted = signer.own(dns::RecordType::CDNSKEY).unwrap();
        let wanted = wanted.iter().map(|data| place(data)).collect();
        [places(dns::RecordType::A), places(dns::RecordType::DNSKEY), wanted]
    }

    fn wakes(&self) -> Option<u64> {
        self.ring.next_wake(&self.terms).map(|at| at.ms_since(START) / 1_000)
    }
}

#[test]
fn a_csk_waits_for_the_zone_above() {
    let mut zone = Zone::new(TERMS);
    assert_eq!(zone.wakes(), None);
    assert_eq!(zone.until(1_000_000), [""; 0]);
    let tag = zone.roll(Role::Csk, 1_000_000).unwrap();
    // Published: it signs the keys already, the zone above shall keep the old one.
    assert_eq!(zone.signing(), [vec![0], vec![0, 1], vec![0]]);
    assert_eq!(zone.wakes(), Some(1_003_700));
    let early = DsError::TooEarly { tag, until: at(1_003_700) };
    assert_eq!(zone.seen(tag, 1_003_699), Err(early));
    assert_eq!(zone.until(1_003_699), [""; 0]);
    assert_eq!(zone.until(1_003_700), ["csk ready@1003700"]);
    // Ready: wanted above, and nothing more for as long as it takes.
    assert_eq!(zone.signing(), [vec![0], vec![0, 1], vec![1]]);
    assert_eq!(zone.wakes(), None);
    assert_eq!(zone.until(9_000_000), [""; 0]);
    zone.seen(tag, 9_000_000).unwrap();
    zone.seen(tag, 9_000_500).unwrap();
    assert_eq!(zone.wakes(), Some(9_086_500));
    assert_eq!(zone.until(9_086_499), [""; 0]);
    assert_eq!(zone.until(9_086_500), ["csk active@9086500", "csk retired@9086500"]);
    assert_eq!(zone.states(), ["csk retired", "csk active"]);
    assert_eq!(zone.signing(), [vec![1], vec![1], vec![1]]);
    assert_eq!(zone.until(9_093_799), [""; 0]);
    assert_eq!(zone.until(9_093_800), ["csk removed@9093800"]);
    assert_eq!(zone.states(), ["csk active"]);
    assert_eq!(zone.wakes(), None);
}

#[test]
fn a_zsk_takes_over_by_itself() {
    let mut zone = Zone::new(RolloverTerms { layout: Layout::KskZsk, ..TERMS });
    assert_eq!(zone.signing(), [vec![1], vec![0], vec![0]]);
    zone.roll(Role::Zsk, 10).unwrap();
    assert_eq!(zone.signing(), [vec![1], vec![0], vec![0]]);
    // Seen late, all of it, at the times when it was due.
    assert_eq!(
        zone.until(1_000_000),
        ["zsk ready@3710", "zsk active@3710", "zsk retired@3710", "zsk removed@11010"]
    );
    assert_eq!(zone.states(), ["ksk active", "zsk active"]);
    // The KSK changes beside it.
    let ksk = zone.roll(Role::Ksk, 1_000_000).unwrap();
    zone.roll(Role::Zsk, 1_000_001).unwrap();
    assert_eq!(zone.signing(), [vec![1], vec![0, 2], vec![0]]);
    assert_eq!(zone.until(1_004_000).len(), 4);
    zone.seen(ksk, 1_004_000).unwrap();
    assert_eq!(
        zone.until(2_000_000),
        ["zsk removed@1011001", "ksk active@1090500", "ksk retired@1090500", "ksk removed@1097800"]
    );
}

#[test]
fn overwatches_that_look_at_other_times_agree() {
    let mut often = Zone::new(RolloverTerms { layout: Layout::KskZsk, ..TERMS });
    often.roll(Role::Zsk, 10).unwrap();
    let mut seldom = KeyRing::from_text(&often.ring.to_text()).unwrap();
    for second in (0..20_000).step_by(7) {
        often.until(second);
    }
    seldom.advance(&TERMS, at(20_000));
    let life = |ring: &KeyRing| -> Vec<(u16, State, Time)> {
        ring.members.iter().map(|m| (m.key.tag(), m.state, m.since)).collect()
    };
    assert_eq!(life(&often.ring), life(&seldom));
}

#[test]
fn keys_grow_old() {
    let ages = RolloverTerms {
        layout: Layout::KskZsk,
        entry_point_age_s: Some(1_000_000),
        zsk_age_s: Some(50_000),
        ..TERMS
    };
    let mut zone = Zone::new(ages);
    assert_eq!(zone.wakes(), Some(50_000));
    assert_eq!(zone.ring.aged(&ages, at(49_999)), []);
    assert_eq!(zone.ring.aged(&ages, at(50_000)), [Role::Zsk]);
    zone.roll(Role::Zsk, 50_000).unwrap();
    // The one on its way is not old.
    assert_eq!(zone.ring.aged(&ages, at(50_001)), []);
    assert_eq!(zone.wakes(), Some(53_700));
    zone.until(53_700);
    assert_eq!(zone.wakes(), Some(61_000));
    zone.until(61_000);
    assert_eq!(zone.wakes(), Some(103_700));
    assert_eq!(zone.ring.aged(&ages, at(1_000_000)), [Role::Ksk, Role::Zsk]);
}

#[test]
fn what_cannot_be_is_refused() {
    let mut zone = Zone::new(RolloverTerms { layout: Layout::KskZsk, ..TERMS });
    assert_eq!(zone.roll(Role::Csk, 0), Err(RollError::NoSuchRole(Role::Csk)));
    let tag = zone.roll(Role::Ksk, 0).unwrap();
    let under_way = RollError::UnderWay { role: Role::Ksk, tag, state: State::Published };
    assert_eq!(zone.roll(Role::Ksk, 1), Err(under_way));
    let unknown = (0..).find(|tag| zone.ring.member(*tag).is_none()).unwrap();
    assert_eq!(zone.seen(unknown, 0), Err(DsError::NoSuchKey(unknown)));
    let zsk = zone.ring.members[1].key.tag();
    assert_eq!(zone.seen(zsk, 0), Err(DsError::NoEntryPoint(zsk)));
    let old = zone.ring.members[0].key.tag();
    zone.until(10_000);
    zone.seen(tag, 10_000).unwrap();
    zone.until(96_500);
    assert_eq!(zone.seen(old, 96_500), Err(DsError::TooLate(old)));
    while zone.ring.members.len() < KEYS_MAX {
        let more = zone.ring.draw(Algorithm::Ed25519, Role::Zsk, &mut zone.draw).unwrap();
        zone.ring.members.push(Member::new(more, State::Retired, at(96_500)));
    }
    assert_eq!(zone.roll(Role::Zsk, 96_500), Err(RollError::TooMany));
}

#[test]
fn nothing_moves_while_the_clock_is_behind() {
    let mut zone = Zone::new(TERMS);
    let tag = zone.roll(Role::Csk, 1_000_000).unwrap();
    zone.until(1_100_000);
    let before = zone.ring.to_text();
    let behind = at(1_100_000).minus_ms(crate::fault::CLOCK_SLACK_MS + 1);
    assert_eq!(zone.ring.clock_fault(behind).map(|fault| fault.name()), Some("clock_behind"));
    assert!(matches!(zone.ring.roll(Role::Csk, behind, &mut zone.draw), Err(RollError::Clock(_))));
    assert!(matches!(zone.ring.ds_seen(tag, &TERMS, behind), Err(DsError::Clock(_))));
    assert_eq!(zone.ring.advance(&TERMS, Time::EPOCH), []);
    assert_eq!(zone.ring.to_text(), before);
    // A little behind is what overwatches are to one another.
    assert_eq!(zone.ring.clock_fault(at(1_099_000)), None);
    zone.ring.ds_seen(tag, &TERMS, at(1_099_000)).unwrap();
}

#[test]
fn a_lowered_ttl_makes_no_wait_shorter() {
    // Lowered before the roll: caches still have sets of before.
    let mut zone = Zone::new(TERMS);
    zone.until(1_000);
    zone.terms.dnskey_ttl_s = 60;
    zone.until(2_000);
    let tag = zone.roll(Role::Csk, 2_500).unwrap();
    assert_eq!(zone.wakes(), Some(2_000 + 3_600 + 100));
    let early = DsError::TooEarly { tag, until: at(5_700) };
    assert_eq!(zone.seen(tag, 5_699), Err(early));
    assert_eq!(zone.until(5_699), [""; 0]);
    assert_eq!(zone.until(5_700), ["csk ready@5700"]);
    // Long before it: the new one counts.
    let mut zone = Zone::new(TERMS);
    zone.until(1_000);
    zone.terms.dnskey_ttl_s = 60;
    zone.until(2_000);
    zone.roll(Role::Csk, 9_000).unwrap();
    assert_eq!(zone.until(20_000), ["csk ready@9160"]);
}

#[test]
fn a_ttl_that_is_lowered_while_a_key_waits_makes_no_wait_shorter() {
    let mut zone = Zone::new(RolloverTerms { layout: Layout::KskZsk, ..TERMS });
    zone.roll(Role::Zsk, 1_000).unwrap();
    zone.until(1_001);
    zone.terms.dnskey_ttl_s = 60;
    // Nobody looked since, so until now the longer one was served.
    assert_eq!(zone.until(1_500), [""; 0]);
    assert_eq!(zone.wakes(), Some(1_500 + 3_600 + 100));
    let three = ["zsk ready@5200", "zsk active@5200", "zsk retired@5200"];
    assert_eq!(zone.until(5_200), three);
    // The records' own, twice, and kept in between.
    zone.terms.zone_ttl_max_s = 600;
    zone.until(5_300);
    zone.ring = KeyRing::from_text(&zone.ring.to_text()).unwrap();
    zone.terms.zone_ttl_max_s = 30;
    zone.until(5_400);
    assert_eq!(zone.wakes(), Some(5_300 + 7_200 + 100));
    // A longer one counts at once, and from when the key retired.
    zone.terms.zone_ttl_max_s = 86_400;
    zone.until(5_500);
    assert_eq!(zone.wakes(), Some(5_200 + 86_400 + 100));
    assert_eq!(zone.until(91_700), ["zsk removed@91700"]);
}

#[test]
fn a_ring_in_the_place_of_another_makes_no_wait_shorter() {
    let lowered = |seconds| {
        let mut zone = Zone::new(TERMS);
        zone.until(1_000);
        zone.terms.dnskey_ttl_s = 60;
        zone.until(seconds);
        zone.roll(Role::Csk, 2_500).unwrap();
        zone
    };
    let (first, last) = (lowered(2_000), lowered(2_400));
    for (mut taken, own) in [(lowered(2_000), &last), (lowered(2_400), &first)] {
        taken.ring.take_over(&own.ring);
        assert_eq!(taken.wakes(), Some(2_400 + 3_600 + 100));
    }
    // Where it is lowered with the very ring, it is lowered then.
    let mut taken = lowered(2_000);
    let mut own = Zone::new(TERMS);
    own.until(1_000);
    taken.ring.take_over(&own.ring);
    assert_eq!(taken.until(2_600), [""; 0]);
    assert_eq!(taken.wakes(), Some(2_600 + 3_600 + 100));
    // One that knows nothing of it learns it.
    let known = own.ring.lifetimes;
    let mut taken = Zone::new(TERMS).ring;
    assert!(known.is_some() && taken.lifetimes.is_none());
    taken.take_over(&own.ring);
    assert_eq!(taken.lifetimes, known);
    own.ring.take_over(&Zone::new(TERMS).ring);
    assert_eq!(own.ring.lifetimes, known);
}
