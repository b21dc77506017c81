//! What waits for etcd, and in which order.

use ::overwatch::{AuditLine, Change};
use config::EtcdSettings;

use super::decided::said_of;
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

fn line(number: u64) -> AuditLine {
    let (at, what) = (Time::from_unix_ms(number), format!("line {number}"));
    AuditLine { at, what, by: Some("me".to_owned()), reason: None }
}

fn next_line(sharing: &mut Sharing) -> Option<Wanted> {
    sharing.next_wanted().filter(|wanted| matches!(wanted.what, What::Line { .. }))
}

fn text(wanted: &Wanted) -> &str {
    match &wanted.what {
        What::Line { what, .. } => what,
        _ => "",
    }
}

#[test]
fn lines_wait_for_etcd_and_all_else_is_told_so() {
    let mut sharing = sharing();
    let mut kept = Snapshot::default();
    for number in 0..1000 {
        sharing.keep_line(line(number)).into_iter().for_each(|change| kept.apply(change));
    }
    assert_eq!(kept.unshared.len(), 256, "the rest is in the log");
    sharing.waiting.push_back(wanted(What::Drift));
    assert!(matches!(sharing.next_wanted().unwrap().what, What::Drift));
    assert!(sharing.next_wanted().is_none(), "etcd is away");
    sharing.standing = Standing::InStep;
    let first = next_line(&mut sharing).unwrap();
    assert_eq!((text(&first), first.said.by.as_str()), ("line 0", "me"));
    // What was not taken comes first, with the next tick.
    assert_eq!(sharing.put_line_back(first, &Told::StoreAway("away".to_owned())), None);
    assert!(sharing.next_wanted().is_none(), "not before the next tick");
    sharing.is_resting = false;
    let mut lines: Vec<Wanted> = std::iter::from_fn(|| next_line(&mut sharing)).collect();
    assert_eq!((lines.len(), text(&lines[0]), text(&lines[255])), (256, "line 0", "line 255"));
    // What can never be taken does not wait.
    let never = lines.swap_remove(7);
    assert_eq!(sharing.put_line_back(never, &Told::TooMuch("too long".to_owned())), Some(7));
    assert!(sharing.lines.is_empty());
}

/// A process ends while lines wait: its next life has them, in their order and under numbers of their own.
#[test]
fn lines_wait_over_a_restart() {
    let mut kept = Snapshot::default();
    for (life, waiting) in [(0, 0), (10, 2), (20, 4)] {
        let mut sharing = sharing();
        sharing.remember_lines(kept.unshared.clone());
        assert_eq!(sharing.lines.len(), waiting);
        for number in [life, life + 1] {
            let change = sharing.keep_line(line(number));
            change.into_iter().for_each(|change| kept.apply(change));
        }
    }
    let mut sharing = sharing();
    sharing.remember_lines(kept.unshared.clone());
    sharing.standing = Standing::InStep;
    let lines: Vec<Wanted> = std::iter::from_fn(|| next_line(&mut sharing)).collect();
    let texts: Vec<&str> = lines.iter().map(text).collect();
    assert_eq!(texts, ["line 0", "line 1", "line 10", "line 11", "line 20", "line 21"]);
    // Where nothing is shared any more they are this overwatch's own.
    kept.apply(Change::PutAudit(4, line(99)));
    let before = kept.clone();
    let changes = local::take_home(&mut kept);
    let mut on_disk = before;
    changes.into_iter().for_each(|change| on_disk.apply(change));
    assert_eq!(on_disk, kept);
    let whats: Vec<&str> = kept.audit.values().map(|line| line.what.as_str()).collect();
    assert_eq!(
        (whats[0], whats[1], whats[6], kept.unshared.len()),
        ("line 99", "line 0", "line 21", 0)
    );
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

#[test]
fn nothing_is_said_to_be_undone_that_may_be_done() {
    let refused = |is_certain| {
        let (endpoint, message) = ("http://a:1".to_owned(), "request timed out".to_owned());
        said_of(&EtcdError::Refused { endpoint, message, is_certain })
    };
    assert!(refused(true).starts_with("nothing was changed"), "{}", refused(true));
    for may_be_done in [refused(false), said_of(&EtcdError::Fault)] {
        assert!(may_be_done.contains("Whether that was done shows"), "{may_be_done}");
    }
}

/// What etcd does not take is said where somebody looks, and not sent anew without a rest.
#[test]
fn rows_that_are_not_taken_rest_and_are_said() {
    let mut sharing = sharing();
    let why = |sharing: &mut Sharing| {
        sharing.tell_empty();
        sharing.status().why.unwrap()
    };
    assert!(why(&mut sharing).contains("nothing is there yet"));
    assert!(sharing.bringing.may_begin());
    let large = Some("request is too large".to_owned());
    let mut rests = Vec::new();
    for _ in 0..8 {
        sharing.bringing.ended(large.clone());
        assert!(!sharing.bringing.may_begin());
        let rest = sharing.bringing.again.unwrap().duration_since(Instant::now());
        rests.push(rest.as_secs_f64().ceil());
    }
    assert_eq!(rests, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
    assert!(why(&mut sharing).ends_with("operators made here: request is too large"));
    sharing.bringing.ended(None);
    assert!(sharing.bringing.may_begin());
}
