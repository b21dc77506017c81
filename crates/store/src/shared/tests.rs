//! Rows that several share: whatever order changes come and are heard in, all know the same in the end, and no
//! change is taken over one that its maker did not know.

use dnssec::{Algorithm, KeyRing, Layout};
use model::{Role, Time};
use overwatch::{ApiToken, AuditLine, HandItem, HandRow};
use proptest::prelude::*;

use super::*;

fn hand(name: &str, since: u64) -> Change {
    let item = HandItem::Frozen { domain: name.to_owned() };
    let since = Time::from_unix_ms(since);
    Change::PutHand(HandRow { item, since, by: None, reason: None, until: None })
}

fn token(name: &str, byte: u8) -> Change {
    let (name, created) = (name.parse().unwrap(), Time::from_unix_ms(1));
    Change::PutToken(ApiToken { name, role: Role::Read, hash: [byte; 32], created, by: "x".into() })
}

fn word(number: u64, what: &str) -> Change {
    let at = Time::from_unix_ms(number);
    Change::PutAudit(number, AuditLine { at, what: what.to_owned(), by: None, reason: None })
}

fn ring(zone: &str, byte: u8) -> Change {
    let zone: dns::NameBuf = zone.parse().unwrap();
    let mut next = byte;
    let mut draw = || {
        next = next.wrapping_add(1);
        [next; 32]
    };
    let wanted = (Layout::Csk, Algorithm::Ed25519);
    Change::PutKeys(KeyRing::new(zone, wanted, Time::from_unix_ms(1), &mut draw).unwrap())
}

/// Changes of a few rows, so that they meet.
fn change() -> impl Strategy<Value = Change> {
    let name = prop::sample::select(vec!["a.test", "b.test", "c.test"]);
    prop_oneof![
        (name.clone(), 1u64..4).prop_map(|(name, since)| hand(name, since)),
        name.clone().prop_map(|name| Change::RemoveHand(format!("frozen {name}"))),
        (name.clone(), 1u8..4).prop_map(|(name, byte)| token(name, byte)),
        name.prop_map(|name| Change::RemoveToken(name.parse().unwrap())),
        (0u64..4, "[a-c]").prop_map(|(number, what)| word(number, &what)),
        (0u64..4).prop_map(Change::RemoveAudit),
        "[a-c]?".prop_map(Change::PutMade),
        (1u8..3).prop_map(|byte| ring("signed.test", byte)),
    ]
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    prop::collection::vec(change(), 0..12).prop_map(|changes| {
        let mut rows = Snapshot::default();
        changes.into_iter().for_each(|change| rows.apply(change));
        rows
    })
}

/// What etcd is, as far as it counts here.
#[derive(Default)]
struct Shared {
    rows: BTreeMap<String, SharedRow>,
    events: Vec<SharedRow>,
    revision: u64,
}

impl Shared {
    /// Whether a proposal is taken; then as which revision.
    fn decide(&mut self, proposal: &Proposal) -> Option<u64> {
        let at = |name: &String| self.rows.get(name).map_or(0, |row| row.revision);
        if proposal.rows.iter().any(|row| at(&row.name) != row.revision) {
            return None;
        }
        self.revision += 1;
        for row in &proposal.rows {
            let row = SharedRow { revision: self.revision, ..row.clone() };
            let is_there = self.rows.remove(&row.name).is_some();
            if row.bytes.is_some() {
                self.rows.insert(row.name.clone(), row.clone());
            }
            // etcd says nothing of the end of what was not there.
            if is_there || row.bytes.is_some() {
                self.events.push(row);
            }
        }
        Some(self.revision)
    }

    fn all(&self) -> Vec<SharedRow> {
        self.rows.values().cloned().collect()
    }
}

/// One overwatch: what it knows, what it holds, and how far it has heard.
#[derive(Default)]
struct Node {
    known: Known,
    rows: Snapshot,
    heard: usize,
    /// What was decided about, and not answered yet.
    unanswered: Option<(Proposal, u64)>,
}

impl Node {
    fn take(&mut self, taken: Taken) {
        assert_eq!(taken.faults, Vec::<String>::new());
        taken.changes.into_iter().for_each(|change| self.rows.apply(change));
    }

    fn answer(&mut self) {
        if let Some((proposal, revision)) = self.unanswered.take() {
            for change in self.known.committed(proposal, revision) {
                self.rows.apply(change);
            }
        }
    }

    fn hear(&mut self, shared: &Shared, most: usize) {
        for _ in 0..most {
            let Some(row) = shared.events.get(self.heard) else { return };
            self.heard += 1;
            let taken = self.known.take(row.clone());
            self.take(taken);
        }
    }

    fn read_all(&mut self, shared: &Shared) {
        self.heard = shared.events.len();
        let taken = self.known.take_all(shared.all(), shared.revision);
        self.take(taken);
    }
}

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    Change(usize, Box<Change>),
    Hear(usize, usize),
    Answer(usize),
    ReadAll(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0usize..3, change()).prop_map(|(node, change)| Step::Change(node, Box::new(change))),
        3 => (0usize..3, 1usize..5).prop_map(|(node, most)| Step::Hear(node, most)),
        4 => (0usize..3).prop_map(Step::Answer),
        1 => (0usize..3).prop_map(Step::ReadAll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changes_lead_from_one_to_the_other(from in snapshot(), to in snapshot()) {
        let mut rows = from.clone();
        from.changes_to(&to).into_iter().for_each(|change| rows.apply(change));
        // Keys stay; all else is as it is wanted.
        for (zone, ring) in &to.keys {
            prop_assert_eq!(rows.keys.get(zone), Some(ring));
        }
        rows.keys.clone_from(&to.keys);
        prop_assert_eq!(&rows, &to);
        prop_assert_eq!(to.changes_to(&to), Vec::new());
    }

    #[test]
    fn all_know_the_same_in_the_end(steps in prop::collection::vec(step(), 0..60)) {
        let (mut shared, mut nodes) = (Shared::default(), [(); 3].map(|()| Node::default()));
        for step in steps {
            match step {
                Step::Change(at, change) => {
                    let node = &mut nodes[at];
                    // One change is under way at a time.
                    node.answer();
                    let before = shared.all();
                    let proposal = node.known.propose(vec![*change]).unwrap();
                    let name = proposal.rows[0].name.clone();
                    let knew = node.known.seen.get(&name).copied();
                    match shared.decide(&proposal) {
                        Some(revision) => {
                            let found = before.iter().find(|row| row.name == name);
                            prop_assert_eq!(found.map(|row| row.revision), knew);
                            node.unanswered = Some((proposal, revision));
                        }
                        None => prop_assert_ne!(node.heard, shared.events.len(), "lost by nobody"),
                    }
                }
                Step::Answer(at) => nodes[at].answer(),
                Step::Hear(at, most) => nodes[at].hear(&shared, most),
                Step::ReadAll(at) => nodes[at].read_all(&shared),
            }
        }
        let mut there = Known::default();
        there.take_all(shared.all(), shared.revision);
        for mut node in nodes {
            node.hear(&shared, usize::MAX);
            node.answer();
            prop_assert_eq!(node.known.rows(), there.rows());
            prop_assert_eq!(&node.rows, there.rows());
        }
    }

    #[test]
    fn what_an_earlier_life_knew_gives_way(kept in snapshot(), there in snapshot()) {
        let mut other = Shared::default();
        let all = Known::default().propose(Snapshot::default().changes_to(&there)).unwrap();
        prop_assert!(other.decide(&all).is_some());
        let mut node = Node { known: Known::new(&kept), rows: kept.clone(), ..Node::default() };
        node.read_all(&other);
        prop_assert_eq!(node.known.rows(), &there);
        // Nobody takes keys away; they are missing there, which the holder sees.
        let mut expect = there;
        kept.keys.iter().for_each(|(zone, ring)| {
            expect.keys.entry(zone.clone()).or_insert_with(|| ring.clone());
        });
        prop_assert_eq!(node.rows, expect);
    }
}

#[test]
fn a_row_that_means_nothing_is_passed_over_and_may_be_replaced() {
    let row = |name: &str, bytes: &str, revision| SharedRow {
        name: name.to_owned(),
        revision,
        bytes: Some(Zeroizing::new(bytes.as_bytes().to_vec())),
    };
    let mut known = Known::default();
    let rows = vec![row("hand/frozen a.test", "{", 5), row("pins/agent", "{}", 6)];
    let taken = known.take_all(rows, 6);
    assert_eq!((taken.changes.len(), taken.faults.len()), (0, 2), "{taken:?}");
    let taken = known.take(row("hand/frozen b.test", "[]", 7));
    assert_eq!((taken.changes.len(), taken.faults.len()), (0, 1), "{taken:?}");
    let proposal = known.propose(vec![hand("a.test", 1), hand("b.test", 1)]).unwrap();
    assert_eq!(proposal.rows.iter().map(|row| row.revision).collect::<Vec<_>>(), [5, 7]);
}

/// Read in full as by the watch: what was known before stays in force.
#[test]
fn a_row_that_means_nothing_takes_none_away() {
    let all = || vec![hand("a.test", 1), token("b", 1), word(3, "x"), ring("c.test", 1)];
    let mut kept = Snapshot::default();
    all().into_iter().for_each(|change| kept.apply(change));
    kept.apply(Change::PutMade("{}".to_owned()));
    let mut known = Known::new(&kept);
    let rows = known.propose([all(), vec![Change::PutMade(String::new())]].concat()).unwrap().rows;
    let damaged =
        |row: SharedRow| SharedRow { revision: 5, bytes: Some(Zeroizing::new(vec![0xff])), ..row };
    let taken = known.take_all(rows.into_iter().map(damaged).collect(), 5);
    assert_eq!((taken.changes, taken.faults.len()), (Vec::new(), 5));
    assert_eq!(known.rows(), &kept);
    // One that is not there at all is gone.
    assert_eq!(known.take_all(Vec::new(), 6).changes.len(), 4);
}

/// A watch that is behind tells of what this overwatch has removed since: a revoked token lets nobody in again.
#[test]
fn what_was_removed_here_does_not_come_back_by_a_late_watch() {
    let mut shared = Shared::default();
    let mut node = Node::default();
    let there = node.known.propose(vec![token("deploy", 1)]).unwrap();
    assert_eq!(shared.decide(&there), Some(1));
    node.read_all(&shared);
    // Another overwatch changes it; the answer to a removal of it comes before that is heard.
    let mut other = Node::default();
    other.read_all(&shared);
    shared.decide(&other.known.propose(vec![token("deploy", 2)]).unwrap()).unwrap();
    node.read_all(&shared);
    node.heard -= 1;
    let gone = node.known.propose(vec![Change::RemoveToken("deploy".parse().unwrap())]).unwrap();
    let revision = shared.decide(&gone).unwrap();
    node.unanswered = Some((gone, revision));
    node.answer();
    assert!(node.rows.tokens.is_empty());
    node.hear(&shared, 1);
    assert!(node.rows.tokens.is_empty() && node.known.rows().tokens.is_empty());
    node.hear(&shared, 1);
    assert!(node.known.removed.is_empty(), "that much was heard");
    // Made anew it counts.
    shared.decide(&node.known.propose(vec![token("deploy", 3)]).unwrap()).unwrap();
    node.hear(&shared, 1);
    assert_eq!(node.rows.tokens.len(), 1);
}

#[test]
fn lines_alone_are_only_late() {
    let proposal = Known::default().propose(vec![hand("a.test", 1), word(3, "x")]).unwrap();
    let names: Vec<&str> = proposal.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["hand/frozen a.test", "words/00000000000000000003"]);
    assert!(proposal.is_only_late([names[1]].into_iter()));
    assert!(!proposal.is_only_late(names.into_iter()));
}

#[test]
fn formats_up_to_ours_are_read() {
    assert_eq!(check_format(&format()), Ok(()));
    assert!(check_format(&(FORMAT + 1).to_string()).is_err());
    assert!(check_format("x").is_err());
    assert_eq!(format!("{:?}", known_row()), "SharedRow { name: \"keys/a\", revision: 1 }");
}

fn known_row() -> SharedRow {
    let bytes = Some(Zeroizing::new(b"secret".to_vec()));
    SharedRow { name: "keys/a".to_owned(), revision: 1, bytes }
}
