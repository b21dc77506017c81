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
    let (id, service) = (id(name), "app".parse().unwrap());
    let applicant = Applicant { id: &id, key: key(seed), service: &service, link, grants_all_held };
    agents.admit(&applicant, NOW)
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
