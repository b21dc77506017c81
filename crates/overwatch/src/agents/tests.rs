//! Who may come in, under which name and with which key.

use super::*;

fn id(text: &str) -> AgentId {
    text.parse().unwrap()
}

fn key(seed: u8) -> KeyHash {
    KeyHash::from_bytes([seed; 32])
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
    admit_as(agents, name, seed, (link, grants_all_held, false), NOW)
}

fn admit_as(
    agents: &mut Agents,
    name: &str,
    seed: u8,
    (link, grants_all_held, is_rival): (LinkId, bool, bool),
    now: Time,
) -> Admission {
    let (id, service) = (id(name), "app".parse().unwrap());
    let key = key(seed);
    let applicant = Applicant { id: &id, key, service: &service, link, grants_all_held, is_rival };
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
    let rebuilt = admit_as(&mut agents, "a", 2, (2, true, false), later);
    assert_eq!(rebuilt, welcome(Some(1), true));
}

#[test]
fn a_name_in_use_changes_hands_twice_and_no_more() {
    let mut agents = Agents::new(Enrolment::Auto);
    let at = |seconds: u64| NOW.plus_ms(seconds * 1_000);
    let mut come = |link: LinkId, is_rival: bool, seconds: u64| {
        let admission = admit_as(&mut agents, "a", 1, (link, true, is_rival), at(seconds));
        if matches!(admission, Admission::Welcome { .. }) {
            agents.came(&id("a"), link, at(seconds));
            let terms = HeartbeatTerms { interval_ms: 10_000, missed_threshold: 3 };
            agents.registered(&id("a"), "eu".parse().unwrap(), terms, at(seconds));
        }
        agents.heard(&id("a"), at(seconds));
        admission
    };
    let refused = Admission::Refused(RefusalReason::AlreadyConnected);
    assert_eq!(come(1, false, 0), welcome(None, true));
    // The same one again, as after breaks that nobody noticed, is no rival.
    for link in 2..9 {
        assert_eq!(come(link, false, link), welcome(Some(link - 1), false));
    }
    assert_eq!(come(9, true, 10), welcome(Some(8), false));
    assert_eq!(come(10, true, 11), welcome(Some(9), false));
    for seconds in 12..200 {
        assert_eq!(come(11, true, seconds), refused);
    }
    // After a while in which nobody came it may have moved.
    (200..270).for_each(|seconds| agents.heard(&id("a"), at(seconds)));
    let moved = admit_as(&mut agents, "a", 1, (12, true, true), at(270));
    assert_eq!(moved, welcome(Some(10), false));
}

#[test]
fn who_is_away_longest_makes_room_and_nobody_who_is_there() {
    let mut agents = Agents::new(Enrolment::Auto);
    agents.records_max = 4;
    let at = |minutes: u64| NOW.plus_ms(minutes * 60_000);
    let come = |agents: &mut Agents, name: &str, seed: u8, minutes: u64| {
        let admission = admit_as(agents, name, seed, (seed.into(), true, false), at(minutes));
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
