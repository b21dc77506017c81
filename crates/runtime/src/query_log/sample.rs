//! One query and its answer, copied into a place of fixed size: what a worker puts into its ring.
//!
//! Must never allocate.

use model::Time;
use overwatch::Outcome;
use routing::Reason;

use crate::dns::Arrival;

/// The longest query that is kept whole: one question with all of EDNS. Of a longer one nothing is
/// kept but who asked.
const QUERY_BYTES_MAX: usize = 512;
/// The longest answer that is kept: what goes over UDP without fragments. Of a longer one, by TCP,
/// only the query is kept.
const ANSWER_BYTES_MAX: usize = 1_232;
/// The longest name of a region that is kept, cut behind it.
const REGION_BYTES_MAX: usize = 63;

/// A query that was taken.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// When its batch was taken from the kernel.
    pub(super) at: Time,
    pub(super) arrival: Arrival,
    pub(super) query: Bytes<QUERY_BYTES_MAX>,
    /// Empty where there was none, or it was too long.
    pub(super) answer: Bytes<ANSWER_BYTES_MAX>,
    /// Whether there was one.
    pub(super) is_answered: bool,
    /// Why a steered name was answered as it was.
    pub(super) reason: Option<Reason>,
    /// The region that was answered.
    pub(super) region: Bytes<REGION_BYTES_MAX>,
}

/// Bytes up to a length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<const MAX: usize> {
    length: usize,
    bytes: [u8; MAX],
}

impl Sample {
    pub(super) fn of(
        (arrival, at): (Arrival, Time),
        query: &[u8],
        answer: &[u8],
        outcome: &Outcome<'_>,
    ) -> Self {
        let decision = match outcome {
            Outcome::Steered { decision, .. } => Some(decision),
            _ => None,
        };
        let region = decision.and_then(|decision| decision.region);
        let region = region.map_or("", |region| region.as_str()).as_bytes();
        Self {
            at,
            arrival,
            query: Bytes::whole(query),
            answer: Bytes::whole(answer),
            is_answered: !answer.is_empty(),
            reason: decision.map(|decision| decision.reason),
            region: Bytes::whole(region.get(..REGION_BYTES_MAX).unwrap_or(region)),
        }
    }
}

impl<const MAX: usize> Bytes<MAX> {
    /// These, or none where they are too many.
    fn whole(from: &[u8]) -> Self {
        let mut bytes = [0; MAX];
        let length = match bytes.get_mut(..from.len()) {
            Some(to) => {
                to.copy_from_slice(from);
                from.len()
            }
            None => 0,
        };
        Self { length, bytes }
    }

    /// Those that there are.
    pub(super) fn get(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length).filter(|bytes| !bytes.is_empty())
    }
}
