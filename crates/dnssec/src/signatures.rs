//! A set of records to its RRSIG records: what a worker keeps for signing.
//!
//! Signatures that were made are found again in two tables. One is for names that stand in the zone,
//! so the zone bounds how many there are. The other is for names that askers make up: those that do
//! not exist, and those that a wildcard answers for. A flood of such names turns over the second table
//! and never touches the first; and since each of them costs a signature, only so many a second are
//! made for answers by UDP. The rest are told to come back by TCP, which a forged source cannot.
//!
//! A worker has its own, so nothing is locked; nothing is allocated where the signature is found.

use dns::{Rdata, RecordType};
use model::Time;

use crate::algorithm::SIGNATURE_BYTES;
use crate::cache::Cache;
use crate::key::Key;
use crate::message::{Message, Set};
use crate::signer::Signer;
use crate::window::Window;

/// The table of standing names has place for 16,384 signatures: 1.3 MB. A zone with more sets that
/// are all asked for signs some of them again.
const STANDING_BITS: u32 = 12;
/// The table of names made up has place for 4,096: 330 kB. They are seldom asked for twice.
const STRAY_BITS: u32 = 10;
/// How many signatures for names made up a worker makes a second for answers by UDP. At 25 us
/// each they take 5 % of a core; beyond it askers come back by TCP.
const STRAYS_PER_S_MAX: u32 = 2_000;
/// Room at start for the RRSIG records of one set: eight of the longest have 2,696 bytes.
const MADE_BYTES: usize = 4_096;

/// Whose name a set is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It stands in the zone.
    InZone,
    /// The asker made it up; the answer goes by TCP.
    Stray,
    /// The asker made it up, and perhaps its own address too: the answer goes by UDP.
    StrayByUdp,
}

/// Why a set has no signatures. Without them it must not be sent to somebody who validates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// Too many names made up in this second: by TCP it will be signed.
    #[error("{STRAYS_PER_S_MAX} signatures for made-up names were made in this second")]
    TooMany,
    /// The library refused.
    #[error("the key cannot sign")]
    Refused,
}

/// What a worker keeps for signing.
pub struct Signatures {
    message: Message,
    standing: Cache,
    strays: Cache,
    budget: Budget,
    /// The data of the last set's RRSIG records, one behind the other, all of one length.
    made: Vec<u8>,
}

/// How many signatures for strays were made in a second.
#[derive(Default)]
struct Budget {
    second: u64,
    made: u32,
}

impl Signatures {
    /// Nothing signed yet, and all the room there will be: about 1.7 MB.
    #[must_use]
    pub fn new() -> Self {
        Self {
            message: Message::new(),
            standing: Cache::new(STANDING_BITS),
            strays: Cache::new(STRAY_BITS),
            budget: Budget::default(),
            made: Vec::with_capacity(MADE_BYTES),
        }
    }

    /// Signs a set, or finds what was signed: one RRSIG record for each key that signs the type.
    ///
    /// # Errors
    ///
    /// See [`Unsigned`].
    pub fn sign<'r>(
        &mut self,
        signer: &Signer,
        set: Set<'_, impl Iterator<Item = Rdata<'r>>>,
        standing: Standing,
        now: Time,
    ) -> Result<impl ExactSizeIterator<Item = Rdata<'_>> + Clone, Unsigned> {
        let keys = signer.keys(set.record_type);
        self.message.put(set, signer.apex(), Window::at(signer.time(now)));
        self.made.clear();
        for key in keys {
            self.message.by(key);
            let signature = self.signature(key, standing, now)?;
            self.made.extend_from_slice(self.message.terms());
            self.made.extend_from_slice(&signature);
        }
        let length = self.message.terms().len() + SIGNATURE_BYTES;
        let record = |bytes| Rdata::Other { record_type: RecordType::RRSIG, bytes };
        Ok(self.made.chunks_exact(length).map(record))
    }

    fn signature(
        &mut self,
        key: &Key,
        standing: Standing,
        now: Time,
    ) -> Result<[u8; SIGNATURE_BYTES], Unsigned> {
        let message = self.message.as_bytes();
        let hash = Cache::hash(key.cache_secret(), message);
        let table = match standing {
            Standing::InZone => &mut self.standing,
            Standing::Stray | Standing::StrayByUdp => &mut self.strays,
        };
        if let Some(signature) = table.get(hash) {
            return Ok(*signature);
        }
        if standing == Standing::StrayByUdp && !self.budget.take(now) {
            return Err(Unsigned::TooMany);
        }
        let signature = key.sign(message).ok_or(Unsigned::Refused)?;
        table.put(hash, signature);
        Ok(signature)
    }
}

impl Default for Signatures {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Signatures {
    /// Without the tables, which are large.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signatures").finish_non_exhaustive()
    }
}

impl Budget {
    /// Whether one more may be made in this second.
    fn take(&mut self, now: Time) -> bool {
        if self.second != now.unix_s() {
            *self = Self { second: now.unix_s(), made: 0 };
        }
        let may = self.made < STRAYS_PER_S_MAX;
        self.made += u32::from(may);
        may
    }
}

#[cfg(test)]
mod tests;
