//! What signs a zone now: the keys that do, and the records that tell of them.
//!
//! Made from a ring whenever that changes, and never changed itself, so that it can be shared with
//! those who answer. Must never know which question it serves.

use std::sync::Arc;

use dns::{Name, NameBuf, RecordType};
use model::Time;

use crate::correction::Correction;
use crate::key::Key;

/// The records of a zone that are made of its keys.
const OWN_TYPES: [RecordType; 3] = [RecordType::DNSKEY, RecordType::CDS, RecordType::CDNSKEY];

/// What signs one zone.
#[derive(Debug)]
pub struct Signer {
    apex: NameBuf,
    /// Signs all but the keys.
    record_key: Arc<Key>,
    /// Sign the keys.
    entry_keys: Vec<Arc<Key>>,
    /// The records of [`OWN_TYPES`].
    own: [Vec<Box<[u8]>>; 3],
    ttl_s: u32,
    /// Makes the time of whoever answers into the one that signatures are dated by.
    correction: Correction,
}

impl Signer {
    /// Signs records with one key and keys with others. All of `published` stand in the DNSKEY set;
    /// those of `wanted` are shown to the zone above.
    pub(crate) fn new(
        apex: &NameBuf,
        record_key: Arc<Key>,
        entry_keys: Vec<Arc<Key>>,
        (published, wanted): (&[Arc<Key>], &[Arc<Key>]),
        ttl_s: u32,
    ) -> Self {
        let dnskey = |key: &Arc<Key>| Box::from(key.dnskey());
        let own = [
            published.iter().map(dnskey).collect(),
            wanted.iter().map(|key| key.ds(apex.as_name()).into()).collect(),
            wanted.iter().map(dnskey).collect(),
        ];
        let apex = apex.as_name().key().as_name().to_buf();
        Self { apex, record_key, entry_keys, own, ttl_s, correction: Correction::default() }
    }

    /// The same, dated by another clock than that of whoever answers.
    #[must_use]
    pub fn dated_by(self, correction: Correction) -> Self {
        Self { correction, ..self }
    }

    /// The time that signatures are dated by.
    pub(crate) const fn time(&self, now: Time) -> Time {
        self.correction.of(now)
    }

    /// The zone's name, in lower case.
    #[must_use]
    pub fn apex(&self) -> Name<'_> {
        self.apex.as_name()
    }

    /// The types of the records that stand at the apex because the zone is signed.
    #[must_use]
    pub const fn own_types() -> &'static [RecordType] {
        &OWN_TYPES
    }

    /// The records of such a type: DNSKEY, CDS or CDNSKEY.
    #[must_use]
    pub fn own(&self, record_type: RecordType) -> Option<&[Box<[u8]>]> {
        let at = OWN_TYPES.iter().position(|own| *own == record_type)?;
        self.own.get(at).map(Vec::as_slice)
    }

    /// Their TTL in seconds.
    #[must_use]
    pub const fn ttl_s(&self) -> u32 {
        self.ttl_s
    }

    /// The keys that sign a type.
    pub(crate) fn keys(&self, record_type: RecordType) -> &[Arc<Key>] {
        if OWN_TYPES.contains(&record_type) {
            &self.entry_keys
        } else {
            std::slice::from_ref(&self.record_key)
        }
    }
}
