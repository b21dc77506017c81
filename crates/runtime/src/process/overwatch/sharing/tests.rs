//! What waits for etcd, and in which order.

use ::overwatch::{AuditLine, Change};
use config::EtcdSettings;

use super::*;

fn sharing() -> Sharing {
    let endpoints = vec!["http://127.0.0.1:1".parse().unwrap()];
    let (prefix, ca, identity, login) = ("/t".to_owned(), None, None, None);
    let settings = EtcdSettings { endpoints, prefix, ca, identity, login };
    let etcd = Etcd::new(&settings, "one").unwrap();
    Sharing::new(etcd, &Snapshot::default(), Time::from_unix_ms(1)).0
}

fn wanted(what: What) -> Wanted {
    Wanted { what, said: Said::default(), expected: None, reply: None, tries: 3 }
}

fn line(number: usize) -> Wanted {
    wanted(What::Line(format!("line {number}"), Time::from_unix_ms(1)))
}

fn next_line(sharing: &mut Sharing) -> Option<String> {
    match sharing.next_wanted()?.what {
        What::Line(what, _) => Some(what),
        _ => None,
    }
}

#[test]
fn lines_wait_for_etcd_and_all_else_is_told_so() {
    let mut sharing = sharing();
    for number in 0..1000 {
        sharing.keep_line(line(number));
    }
    sharing.waiting.push_back(wanted(What::Drift));
    assert!(matches!(sharing.next_wanted().unwrap().what, What::Drift));
    assert!(sharing.next_wanted().is_none(), "etcd is away");
    sharing.standing = Standing::InStep;
    assert_eq!(next_line(&mut sharing).as_deref(), Some("line 0"));
    // What was not taken comes first, with the next tick.
    sharing.put_line_back(line(0), &Told::StoreAway("away".to_owned()));
    assert!(sharing.next_wanted().is_none(), "not before the next tick");
    sharing.is_resting = false;
    let lines: Vec<String> = std::iter::from_fn(|| next_line(&mut sharing)).collect();
    assert_eq!((lines.len(), lines[0].as_str(), lines[255].as_str()), (256, "line 0", "line 255"));
    // What can never be taken does not wait.
    sharing.put_line_back(line(0), &Told::TooMuch("too long".to_owned()));
    assert!(sharing.lines.is_empty());
}

#[test]
fn a_line_that_was_taken_unseen_is_not_said_twice() {
    let mut sharing = sharing();
    let (at, what) = (Time::from_unix_ms(1), "line 0".to_owned());
    assert!(!sharing.has_line(&what, at));
    let said = AuditLine { at, what: what.clone(), by: None, reason: None };
    let proposal = sharing.known.propose(vec![Change::PutAudit(4, said)]).unwrap();
    sharing.known.committed(proposal, 5);
    assert!(sharing.has_line(&what, at));
    assert!(!sharing.has_line(&what, Time::from_unix_ms(2)), "another time is another line");
}
