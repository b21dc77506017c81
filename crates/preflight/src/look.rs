//! All checks in order. Reads as if every answer were there.

use crate::agreement;
use crate::book::Book;
use crate::delegation;
use crate::finding::Finding;
use crate::nameservers;
use crate::overwatches;
use crate::plan::Plan;
use crate::question::Question;
use crate::serving;
use crate::signing;
use crate::steered;

/// What comes of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask these, enter what becomes of them, and look again. Never empty.
    Ask(Vec<Question>),
    /// That is all.
    Done(Vec<Finding>),
}

/// Looks at the zone with what is in the book. Ends after some tens of rounds: each asks only what no
/// round before has asked.
pub fn look(plan: &Plan, book: &mut Book) -> Step {
    match checks(plan, book) {
        Some(findings) => Step::Done(findings),
        None => Step::Ask(book.take_wanted()),
    }
}

/// Every finding; `None` where an answer is missing.
fn checks(plan: &Plan, book: &mut Book) -> Option<Vec<Finding>> {
    let mut findings = Vec::new();
    if let Some(delegation) = delegation::delegation(plan, book, &mut findings)? {
        let servers = nameservers::servers((plan, &mut *book), &delegation, &mut findings)?;
        nameservers::glue((plan, &mut *book), &delegation, &servers, &mut findings)?;
        let answering = serving::serving((plan, &mut *book), &servers, &mut findings)?;
        agreement::agreement((plan, &mut *book), &delegation, &answering, &mut findings)?;
        signing::signing((plan, &mut *book), &delegation, &answering, &mut findings)?;
        steered::answers((plan, &mut *book), &answering, &mut findings)?;
    }
    findings.extend(overwatches::configurations(&plan.overwatches));
    // In the order of the checks, whatever found it; and as found within one.
    findings.sort_by_key(|finding| finding.check);
    Some(findings)
}
