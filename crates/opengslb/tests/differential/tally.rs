//! What became of the questions: how many of each kind, which differences a ruling covers, and which
//! none does.

use std::collections::BTreeMap;

use crate::client::{Question, Reply};
use crate::compare::differences;
use crate::rulings::{Case, RULINGS};

/// How many unexplained differences are shown.
const SHOWN_MAX: usize = 10;
/// Of each of these kinds the questions must have so many, else they prove little.
const KINDS: &[(&str, usize)] = &[
    ("records", 2_000),
    ("alias", 500),
    ("no data", 1_000),
    ("no name", 500),
    ("referral", 500),
    ("refused", 200),
    ("cut", 100),
];

/// What became of the questions.
pub(crate) struct Tally {
    asked: usize,
    /// Our replies by kind.
    kinds: BTreeMap<&'static str, usize>,
    /// By ruling: the replies that needed it.
    covered: Vec<usize>,
    /// Replies that differ as nothing allows.
    unexplained: Vec<String>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let covered = vec![0; RULINGS.len()];
        Self { asked: 0, kinds: BTreeMap::new(), covered, unexplained: Vec::new() }
    }

    /// Counts one question with our reply.
    pub(crate) fn count(&mut self, ours: &Result<Reply, String>) {
        self.asked += 1;
        if let Ok(ours) = ours {
            *self.kinds.entry(kind(ours)).or_default() += 1;
        }
    }

    /// Looks for a ruling for each difference.
    pub(crate) fn compare(
        &mut self,
        question: &Question,
        ours: &Result<Reply, String>,
        peer: &str,
        theirs: &Result<Reply, String>,
    ) {
        let (ours, theirs) = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => (ours, theirs),
            (Err(error), _) => return self.unexplained.push(format!("{question}: ours: {error}")),
            (_, Err(error)) => {
                return self.unexplained.push(format!("{question}: {peer}: {error}"));
            }
        };
        let (mut needed, mut open) = (vec![false; RULINGS.len()], Vec::new());
        for difference in differences(ours, theirs) {
            let case = Case { question, ours, theirs, difference };
            let covers = |ruling: &crate::rulings::Ruling| {
                ruling.peers.contains(&peer) && (ruling.applies)(&case)
            };
            match RULINGS.iter().position(covers) {
                Some(ruling) => needed[ruling] = true,
                None => open.push(format!("  {difference}")),
            }
        }
        for (covered, needed) in self.covered.iter_mut().zip(needed) {
            *covered += usize::from(needed);
        }
        if !open.is_empty() {
            let open = open.join("\n");
            let text =
                format!("{question}: {peer} differs\n{open}\n  ours: {ours}  {peer}: {theirs}");
            self.unexplained.push(text);
        }
    }

    /// Whether the replies are the same, but for the rulings, and all kinds and rulings were needed.
    pub(crate) fn is_good(&self) -> bool {
        let is_asked = |(kind, least): &(&str, usize)| self.kinds.get(kind) >= Some(least);
        self.unexplained.is_empty()
            && KINDS.iter().all(is_asked)
            && self.covered.iter().all(|covered| *covered > 0)
    }

    /// What was found, for people.
    pub(crate) fn summary(&self) -> String {
        let mut text = format!("{} questions to each of three servers\n", self.asked);
        for (kind, least) in KINDS {
            let count = self.kinds.get(kind).copied().unwrap_or(0);
            text += &format!("{count:6} {kind} (at least {least})\n");
        }
        text += "replies that differ, by ruling\n";
        for (ruling, covered) in RULINGS.iter().zip(&self.covered) {
            let (peers, what) = (ruling.peers.join(" and "), ruling.what);
            text += &format!("{covered:6} {}: {peers}: {what}\n", ruling.standard);
        }
        text += &format!("{} replies that differ as nothing allows\n", self.unexplained.len());
        for unexplained in self.unexplained.iter().take(SHOWN_MAX) {
            text += &format!("{unexplained}\n");
        }
        text
    }
}

fn kind(reply: &Reply) -> &'static str {
    let is_alias =
        |reply: &Reply| reply.answer.iter().any(|r| r.rtype == domain::base::Rtype::CNAME);
    match reply {
        reply if reply.truncated => "cut",
        Reply { rcode: 5, .. } => "refused",
        reply if is_alias(reply) => "alias",
        Reply { rcode: 3, .. } => "no name",
        reply if !reply.answer.is_empty() => "records",
        reply if !reply.authoritative => "referral",
        _ => "no data",
    }
}
