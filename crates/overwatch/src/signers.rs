//! What signs which zone: the signers of all zones that are signed, found by the zone.
//!
//! Must never know a key: it holds what the rings of keys made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dns::NameBuf;
use dnssec::Signer;
use zone::Zone;

/// The signers of the signed zones. A zone that is not among them is unsigned.
#[derive(Debug, Default)]
pub struct Signers {
    /// By the zone's name in lower case.
    by_apex: BTreeMap<Box<[u8]>, Arc<Signer>>,
    /// The zones that are to be signed and have no key to do it, likewise.
    keyless: BTreeSet<Box<[u8]>>,
}

impl Signers {
    /// The signer of a zone.
    #[must_use]
    pub fn of(&self, zone: &Zone) -> Option<&Signer> {
        if self.by_apex.is_empty() {
            return None;
        }
        // Nearly every zone is named in lower case: then no other form of its name is made.
        let as_written = self.by_apex.get(zone.apex().as_bytes());
        let signer = as_written.or_else(|| self.by_apex.get(zone.apex().key().as_bytes()));
        signer.map(|signer| &**signer)
    }

    /// Whether one of these zones, of which an answer is made, is to be signed and cannot be. Then nothing
    /// is answered: who validates would take an unsigned answer for a forged one, and goes elsewhere
    /// after a failure.
    pub(crate) fn lack_key<'z>(&self, mut zones: impl Iterator<Item = &'z Zone>) -> bool {
        let is_keyless = |zone: &Zone| self.keyless.contains(zone.apex().key().as_bytes());
        !self.keyless.is_empty() && zones.any(is_keyless)
    }

    /// Whether no zone is signed.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_apex.is_empty()
    }
}

impl FromIterator<Arc<Signer>> for Signers {
    fn from_iter<T: IntoIterator<Item = Arc<Signer>>>(signers: T) -> Self {
        let by_apex = signers.into_iter().map(|signer| (signer.apex().as_bytes().into(), signer));
        Self { by_apex: by_apex.collect(), keyless: BTreeSet::new() }
    }
}

impl FromIterator<(NameBuf, Option<Arc<Signer>>)> for Signers {
    /// Of all zones that are to be signed.
    fn from_iter<T: IntoIterator<Item = (NameBuf, Option<Arc<Signer>>)>>(zones: T) -> Self {
        let mut signers = Self::default();
        for (apex, signer) in zones {
            let key = Box::from(apex.as_name().key().as_bytes());
            match signer {
                Some(signer) => drop(signers.by_apex.insert(key, signer)),
                None => drop(signers.keyless.insert(key)),
            }
        }
        signers
    }
}
