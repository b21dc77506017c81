//! Who may come in, under which name and with which key.

use super::*;

fn id(text: &str) -> AgentId {
    text.parse().unwrap()
}

fn key(seed: u8) -> KeyHash {
    KeyHash::from_bytes([seed; 32])
}

/// A start of the machine with this address.
fn life(machine: u8, epoch: u64) -> Life {
    Life { address: [10, 2, 1, machine].into(), epoch }
}

const TERMS: HeartbeatTerms = HeartbeatTerms { interval_ms: 1_000, missed_threshold: 3 };
const NOW: Time = Time::from_unix_ms(1_000_000);

fn welcome(replaces: Option<LinkId>, is_new_pin: bool) -> Admission {
    Admission::Welcome { replaces, is_new_pin }
}

/// At the door with a token that grants all that the name stands for.
fn admit(agents: &mut Agents, name: &str, seed: u8, link: LinkId) -> Admission {
    admit_with(agents, name, seed, link, true)
}

fn admit_with(
    agents: &mut Agents,
    name: &str,
    seed: u8,
    link: LinkId,
    grants_all_held: bool,
) -> Admission {
    admit_as(agents, name, seed, (link, grants_all_held, life(1, 1)), NOW)
}

fn admit_as(
    agents: &mut Agents,
    name: &str,
    seed: u8,
    (link, grants_all_held, life): (LinkId, bool, Life),
    now: Time,
) -> Admission {
    let (id, service) = (id(name), "app".parse().unwrap());
    let key = key(seed);
    let applicant = Applicant { id: &id, key, service: &service, link, grants_all_held, life };
    agents.admit(&applicant, now)
}

const CHANGED: Admission = Admission::Refused(RefusalReason::AgentKeyChanged);
const PENDING: Admission = Admission::Refused(RefusalReason::ApprovalPending);
const REVOKED: Admission = Admission::Refused(RefusalReason::AgentRevoked);

#[test]
fn a_name_belongs_to_the_first_key_while_its_holder_is_there() {
    let mut agents = Agents::new(Enrolment::Auto);
    assert_eq!(admit(&mut agents, "a", 1, 1), welcome(None, true));
    agents.registered(&id("a"), "eu".parse().unwrap(), TERMS, NOW);
    assert_eq!(admit(&mut agents, "a", 2, 2), CHANGED);
    // The same machine again before its old connection was seen to break.
    assert_eq!(admit(&mut agents, "a", 1, 3), welcome(Some(1), false));
    agents.left(&id("a"), 1, false, NOW);
    assert!(agents.get(&id("a")).unwrap().link == Some(3), "the old connection means nothing");
    // A rebuilt machine, once the old one is gone.
    agents.left(&id("a"), 3, false, NOW);
    assert_eq!(admit(&mut agents, "a", 2, 4), welcome(None, true));
    // What the name stands for has its grace.
    let liveness = agents.liveness(&id("a"), NOW);
    assert_eq!(liveness, SessionLiveness::Missed { since: NOW });
}

#[test]
fn a_token_for_something_else_gets_at_nobodys_name() {
    let mut agents = Agents::new(Enrolment::Auto);
    admit(&mut agents, "a", 1, 1);
    agents.left(&id("a"), 1, false, NOW);
    assert_eq!(admit_with(&mut agents, "a", 2, 2, false), CHANGED);
    assert_eq!(admit(&mut agents, "a", 1, 3), welcome(None, false), "its own key still fits");
}

#[test]
fn a_revoked_agent_stays_out_under_any_name_and_any_key() {
    let mut agents = Agents::new(Enrolment::Auto);
    admit(&mut agents, "a", 1, 1);
    let backend = BackendKey {
        service: "app".parse().unwrap(),
        address: "10.2.1.10".parse().unwrap(),
        port: 80,
    };
    assert_eq!(agents.revoke(&id("a"), [backend.clone()].into()), Some(Some(1)));
    assert_eq!(admit(&mut agents, "a", 1, 2), REVOKED);
    assert_eq!(admit(&mut agents, "a", 2, 2), REVOKED);
    assert_eq!(admit(&mut agents, "b", 1, 2), REVOKED);
    assert!(agents.is_blocked(&backend));
    assert_eq!(admit(&mut agents, "b", 2, 2), welcome(None, true));
    // Approving the machine that took its place frees the backend; the old one stays out.
    agents.wants(&id("b"), [backend.clone()].into());
    assert_eq!(agents.approve(&id("b"), None, NOW), [id("b"), id("a")]);
    assert!(!agents.is_blocked(&backend));
    assert_eq!(admit(&mut agents, "a", 1, 2), REVOKED);
    assert_eq!(agents.approve(&id("a"), None, NOW), [id("a")]);
    assert_eq!(admit(&mut agents, "a", 1, 3), welcome(None, false));
}

#[test]
fn an_operator_says_yes_first_where_that_is_asked_for() {
    let mut agents = Agents::new(Enrolment::Approve);
    assert_eq!(admit(&mut agents, "a", 1, 1), PENDING);
    assert_eq!(admit(&mut agents, "a", 1, 2), PENDING);
    assert_eq!(agents.approve(&id("a"), None, NOW), [id("a")]);
    assert_eq!(admit(&mut agents, "a", 1, 3), welcome(None, false));
    // Another key under an approved name waits, and the approved one loses nothing.
    agents.left(&id("a"), 3, false, NOW);
    assert_eq!(admit(&mut agents, "a", 2, 4), PENDING);
    assert_eq!(admit(&mut agents, "a", 1, 5), welcome(None, false));
    // A yes that could mean either is none.
    assert_eq!(agents.objection(&id("a"), None), Some(Objection::WhichKey));
    assert_eq!(agents.approve(&id("a"), None, NOW), []);
    assert_eq!(agents.objection(&id("a"), Some(key(3))), Some(Objection::WhichKey));
    agents.left(&id("a"), 5, false, NOW);
    assert_eq!(agents.approve(&id("a"), Some(key(2)), NOW), [id("a")]);
    assert_eq!(admit(&mut agents, "a", 2, 6), welcome(None, false));
    assert_eq!(agents.objection(&id("nobody"), None), Some(Objection::Unknown));
}

#[test]
fn nobody_can_fill_the_list_by_waiting() {
    let mut agents = Agents::new(Enrolment::Approve);
    for number in 0..=Agents::RECORDS_MAX {
        assert_eq!(admit(&mut agents, &format!("a{number}"), 1, 1), PENDING);
    }
    assert_eq!(agents.iter().count(), Agents::RECORDS_MAX);
}

#[test]
fn a_name_that_another_key_takes_over_closes_the_connection_of_the_old_one() {
    let mut agents = Agents::new(Enrolment::Auto);
    admit(&mut agents, "a", 1, 1);
    agents.registered(&id("a"), "eu".parse().unwrap(), TERMS, NOW);
    // It hangs: its connection stands, and nobody hears it.
    let later = NOW.plus_ms(60_000);
    let rebuilt = admit_as(&mut agents, "a", 2, (2, true, life(1, 2)), later);
    assert_eq!(rebuilt, welcome(Some(1), true));
}

const TEN_SECONDS: HeartbeatTerms = HeartbeatTerms { interval_ms: 10_000, missed_threshold: 3 };

/// Machines with one name and one key come: the second, which start of which machine, and whether it gets in.
/// Whoever is in says something each second.
fn check_rivals(dialogue: impl IntoIterator<Item = (u64, Life, bool)>) {
    let mut agents = Agents::new(Enrolment::Auto);
    let at = |second: u64| NOW.plus_ms(second * 1_000);
    let mut now = 0;
    for (link, (second, life, is_welcome)) in (1..).zip(dialogue) {
        (now..second).for_each(|second| agents.heard(&id("a"), at(second)));
        now = second;
        let admission = admit_as(&mut agents, "a", 1, (link, true, life), at(second));
        let refused = Admission::Refused(RefusalReason::AlreadyConnected);
        assert_eq!(admission != refused, is_welcome, "{life:?} at {second} s: {admission:?}");
        if is_welcome {
            agents.came(&id("a"), life.epoch, at(second));
            agents.registered(&id("a"), "eu".parse().unwrap(), TEN_SECONDS, at(second));
        }
    }
}

#[test]
fn who_lost_the_name_to_another_stays_out_while_that_one_speaks() {
    let (one, other) = (life(1, 7), life(2, 9));
    let first = [(0, one, true), (1, other, true), (2, other, true)];
    let tries = (3..200).map(|second| (second, one, false));
    // After a while in which it did not come it may have moved back, and it is the other one that stays out.
    let later = [(270, one, true), (271, other, false), (272, one, true)];
    check_rivals(first.into_iter().chain(tries).chain(later));
    // Clones of a machine that runs; and two processes on one machine.
    for (one, other) in [(life(1, 7), life(2, 7)), (life(1, 7), life(1, 9))] {
        check_rivals([(0, one, true), (1, other, true), (2, one, false), (3, other, true)]);
    }
    // However many there are.
    let machines = |is_welcome| (1..=9).map(move |n| (u64::from(n), life(n, 1), is_welcome));
    let again = machines(false).take(8).map(|(second, life, no)| (second + 9, life, no));
    check_rivals(machines(true).chain(again));
}

#[test]
fn who_starts_again_and_again_is_one_machine() {
    check_rivals((0..100).map(|second| (second, life(1, 1_000 + second), true)));
    // Also with a clock that is set back, and from an address that changes with each start.
    check_rivals((0..100).map(|second| (second, life(1, 1_000 - second), true)));
    check_rivals((0..100_u8).map(|second| (second.into(), life(second, 1_000), true)));
    // And one that has the same life after breaks that nobody noticed.
    check_rivals((0..100).map(|second| (second, life(1, 1_000), true)));
}

#[test]
fn who_lost_the_name_gets_it_back_once_the_other_is_silent() {
    let mut agents = Agents::new(Enrolment::Auto);
    let mut come = |link: LinkId, life: Life, ms: u64| {
        let admission = admit_as(&mut agents, "a", 1, (link, true, life), NOW.plus_ms(ms));
        if matches!(admission, Admission::Welcome { .. }) {
            agents.came(&id("a"), life.epoch, NOW.plus_ms(ms));
            agents.registered(&id("a"), "eu".parse().unwrap(), TEN_SECONDS, NOW.plus_ms(ms));
        }
        admission
    };
    assert_eq!(come(1, life(1, 7), 0), welcome(None, true));
    assert_eq!(come(2, life(2, 9), 1_000), welcome(Some(1), false));
    let refused = Admission::Refused(RefusalReason::AlreadyConnected);
    assert_eq!(come(3, life(1, 7), 15_999), refused);
    assert_eq!(come(3, life(1, 7), 16_000), welcome(Some(2), false));
}

#[test]
fn who_is_away_longest_makes_room_and_nobody_who_is_there() {
    let mut agents = Agents::new(Enrolment::Auto);
    agents.records_max = 4;
    let at = |minutes: u64| NOW.plus_ms(minutes * 60_000);
    let come = |agents: &mut Agents, name: &str, seed: u8, minutes: u64| {
        let admission =
            admit_as(agents, name, seed, (seed.into(), true, life(seed, 1)), at(minutes));
        agents.registered(&id(name), "eu".parse().unwrap(), TERMS, at(minutes));
        admission
    };
    for (name, seed) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        assert_eq!(come(&mut agents, name, seed, u64::from(seed)), welcome(None, true));
    }
    let full = Admission::Refused(RefusalReason::TooManyAgents);
    assert_eq!(come(&mut agents, "e", 5, 5), full);
    // The first hangs, the second said goodbye, the third has servers, the fourth is held.
    agents.left(&id("b"), 2, true, at(6));
    agents.left(&id("c"), 3, false, at(5));
    agents.left(&id("d"), 4, false, at(5));
    agents.set_held(&id("d"), Some(at(5)));
    let dispensable = |agents: &Agents, minutes: u64| -> Vec<AgentId> {
        let holding = BTreeSet::from([id("c")]);
        let gone = agents.dispensable(&holding, NOW, at(minutes));
        gone.map(|(_, agent)| agent.clone()).collect()
    };
    assert!(agents.is_full());
    assert_eq!(dispensable(&agents, 7), [], "it may be back at once");
    assert_eq!(dispensable(&agents, 17), [id("b")]);
    agents.forget(&id("b"));
    assert!(!agents.is_full());
    assert_eq!(come(&mut agents, "e", 5, 17), welcome(None, true));
    // Of those that were there before a start nobody knows how long they were away.
    agents.remember(id("f"), agents.get(&id("e")).unwrap().pin.clone(), None, at(17));
    assert_eq!(dispensable(&agents, 9), []);
    assert_eq!(dispensable(&agents, 17), [id("f")]);
}

/// The table may go back, and be told from further back by others.
#[test]
fn of_two_gaps_the_earlier_one_is_where_it_is_told_again() {
    let mut agents = Agents::new(Enrolment::Auto);
    admit(&mut agents, "a", 1, 1);
    let at = |epoch, sequence| Position { epoch, sequence };
    let mut told = |gap: Option<(u64, u64)>| {
        agents.told_elsewhere(&id("a"), gap.map(|(epoch, sequence)| at(epoch, sequence)));
        agents.get(&id("a")).unwrap().unsure_from
    };
    assert_eq!(told(None), None);
    assert_eq!(told(Some((7, 100))), Some(at(7, 100)));
    assert_eq!(told(Some((7, 200))), Some(at(7, 100)));
    assert_eq!(told(Some((7, 0))), Some(at(7, 0)));
    assert_eq!(told(None), Some(at(7, 0)));
    assert_eq!(told(Some((8, 30))), Some(at(8, 30)));
}
