//! An answer while it is written, and what signs its sets.
//!
//! A set of a signed zone is written with its signatures or not at all, where the asker wants them
//! (DO; RFC 4035, 3.1.1). Whoever does not gets the same answer as from an unsigned zone. Must never
//! decide what is answered: that is [`mod@crate::resolve`]'s and `write`'s.

use dns::{Answer, Name, Rdata, Section};
use dnssec::{Set, Signatures, Signer, Standing, Unsigned};
use model::Time;
use zone::Zone;

use crate::Signers;

/// An answer being written.
pub(crate) struct Page<'a, 'b> {
    pub(crate) answer: &'a mut Answer<'b>,
    pub(crate) signers: &'a Signers,
    /// What signs for this asker; `None` where it does not want signatures.
    pub(crate) signing: Option<Signing<'a>>,
}

/// What signs an answer's sets.
pub(crate) struct Signing<'a> {
    pub(crate) signatures: &'a mut Signatures,
    pub(crate) now: Time,
    /// The name that the asker made up: the question's, where it does not exist by itself.
    pub(crate) made_up: Option<Name<'a>>,
    /// What the asker's own sets are to the signatures: by UDP it may have made up its address too.
    pub(crate) stray: Standing,
}

/// Records of one owner and type, and the zone that is their authority. None for what nobody signs:
/// a delegation's NS records, and glue (RFC 4035, 2.2).
pub(crate) struct Records<'a, R> {
    pub(crate) zone: Option<&'a Zone>,
    pub(crate) owner: Name<'a>,
    pub(crate) ttl_s: u32,
    /// Gone through more than once, so it should be cheap.
    pub(crate) rdata: R,
}

impl Page<'_, '_> {
    /// Writes a set with its signatures, whole or not at all; says whether it is in.
    pub(crate) fn add<'r, R>(&mut self, section: Section, records: Records<'_, R>) -> bool
    where
        R: Iterator<Item = Rdata<'r>> + Clone,
    {
        let Self { answer, signers, signing } = self;
        let Records { zone, owner, ttl_s, rdata } = records;
        // Who wants no signatures need not wait until it is known who would make them.
        let signed = signing.as_mut().and_then(|signing| Some((signing, signers.of(zone?)?)));
        let Some((signing, signer)) = signed else {
            return answer.add(section, owner, ttl_s, rdata);
        };
        // What is left out need not be signed, and what is nothing cannot be.
        if answer.is_truncated() || rdata.clone().next().is_none() {
            return false;
        }
        match signing.sign(signer, (owner, ttl_s), rdata.clone()) {
            Ok(rrsigs) => answer.add(section, owner, ttl_s, rdata.map(shorter).chain(rrsigs)),
            // Without its signatures the set would be bogus.
            Err(_) => {
                answer.truncate();
                false
            }
        }
    }

    /// Writes the signatures of a set without it: what a question for RRSIG gets, one set's
    /// signatures, as one for ANY gets one set (RFC 8482, 4.1).
    pub(crate) fn add_signatures<'r, R>(&mut self, section: Section, records: Records<'_, R>)
    where
        R: Iterator<Item = Rdata<'r>> + Clone,
    {
        let Self { answer, signers, signing } = self;
        let Records { zone, owner, ttl_s, rdata } = records;
        let signer = zone.and_then(|zone| signers.of(zone));
        let Some((signing, signer)) = signing.as_mut().zip(signer) else { return };
        match signing.sign(signer, (owner, ttl_s), rdata) {
            Ok(rrsigs) => drop(answer.add(section, owner, ttl_s, rrsigs)),
            Err(_) => answer.truncate(),
        }
    }
}

impl Signing<'_> {
    fn sign<'r>(
        &mut self,
        signer: &Signer,
        (owner, ttl_s): (Name<'_>, u32),
        rdata: impl Iterator<Item = Rdata<'r>> + Clone,
    ) -> Result<impl ExactSizeIterator<Item = Rdata<'_>> + Clone, Unsigned> {
        let first = rdata.clone().next().ok_or(Unsigned::Refused)?;
        let record_type = first.record_type();
        let standing = if self.made_up == Some(owner) { self.stray } else { Standing::InZone };
        let set = Set { owner, record_type, ttl_s, records: rdata };
        self.signatures.sign(signer, set, standing, self.now)
    }
}

/// The same data, borrowed for no longer than the signatures beside it.
const fn shorter<'s, 'r: 's>(rdata: Rdata<'r>) -> Rdata<'s> {
    rdata
}
