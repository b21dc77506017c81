//! What a signed zone says of itself and of what is not there (RFC 9824).
//!
//! An absence is the SOA record and, for an asker who wants signatures, one NSEC record. The records
//! that a zone has because it is signed are answered here too. Must never be asked about a name in
//! somebody else's zone.

use dns::{Name, Query, Rcode, Rdata, RecordType, Section};
use dnssec::{Nsec, Signer};
use zone::{End, Lookup, Zone};

use crate::View;
use crate::page::{Page, Records};

/// Whether a question that no record answers is answered by the zone's being signed: for its keys, and
/// for the records that deny.
pub(crate) fn is_own(view: &View, zone: &Zone, owner: Name<'_>, query: &Query<'_>) -> bool {
    if view.signers.of(zone).is_none() {
        return false;
    }
    match query.question.qtype {
        RecordType::NSEC => true,
        RecordType::RRSIG => query.edns.is_some_and(|edns| edns.dnssec_ok),
        qtype => owner == zone.apex() && Signer::own_types().contains(&qtype),
    }
}

/// The response code of a look-up. A name that does not exist seems to, in a signed zone, to an asker
/// who wants signatures and does not say that it knows better (RFC 9824, 3.1 and 5.1).
pub(crate) fn rcode(view: &View, query: &Query<'_>, lookup: &Lookup<'_>) -> Rcode {
    let is_compact = query.edns.is_some_and(|edns| edns.dnssec_ok && !edns.compact_ok);
    match lookup.end {
        End::NoName { zone, .. } if is_compact && view.signers.of(zone).is_some() => Rcode::NOERROR,
        _ => lookup.rcode(),
    }
}

impl Page<'_, '_> {
    /// Answers what [`is_own`] says can be.
    pub(crate) fn add_own(&mut self, zone: &Zone, owner: Name<'_>, qtype: RecordType) {
        let Some(signer) = self.signers.of(zone) else { return };
        if let Some(own) = signer.own(qtype) {
            let record = |bytes| Rdata::Other { record_type: qtype, bytes };
            let rdata = own.iter().map(|bytes| record(&**bytes));
            let ttl_s = signer.ttl_s();
            self.add(Section::Answer, Records { zone: Some(zone), owner, ttl_s, rdata });
            return;
        }
        let nsec = self.nsec(zone, owner, qtype);
        let records = nsec_records(zone, owner, &nsec);
        if qtype == RecordType::NSEC {
            self.add(Section::Answer, records);
        } else {
            self.add_signatures(Section::Answer, records);
        }
    }

    /// Says that a name has no record of a type.
    pub(crate) fn add_no_data(&mut self, zone: &Zone, owner: Name<'_>, qtype: RecordType) {
        self.add_soa(zone);
        self.add_nsec_only(zone, owner, qtype);
    }

    /// Says that a name does not exist.
    pub(crate) fn add_no_name(&mut self, zone: &Zone, owner: Name<'_>) {
        self.add_soa(zone);
        if self.is_signed(zone) {
            let nsec = Nsec::absent(owner, zone.apex());
            self.add(Section::Authority, nsec_records(zone, owner, &nsec));
        }
    }

    /// Says that a name has no record of a type, without the SOA: that a delegation is unsigned
    /// (RFC 4035, 3.1.4).
    pub(crate) fn add_nsec_only(&mut self, zone: &Zone, owner: Name<'_>, qtype: RecordType) {
        if self.is_signed(zone) {
            let nsec = self.nsec(zone, owner, qtype);
            self.add(Section::Authority, nsec_records(zone, owner, &nsec));
        }
    }

    /// The SOA that says that there is nothing (RFC 2308, 3).
    fn add_soa(&mut self, zone: &Zone) {
        let rdata = [Rdata::Soa(zone.soa())].into_iter();
        let (owner, ttl_s) = (zone.apex(), zone.negative_ttl_s());
        self.add(Section::Authority, Records { zone: Some(zone), owner, ttl_s, rdata });
    }

    fn is_signed(&self, zone: &Zone) -> bool {
        self.signing.is_some() && self.signers.of(zone).is_some()
    }

    /// The record of a name that exists, without the type that is denied.
    fn nsec(&self, zone: &Zone, owner: Name<'_>, denied: RecordType) -> Nsec {
        let is_apex = owner == zone.apex() && self.signers.of(zone).is_some();
        let own = if is_apex { Signer::own_types() } else { &[] };
        let types = zone.types_at(owner).chain(own.iter().copied());
        Nsec::existing(owner, zone.apex(), types, denied)
    }
}

/// An NSEC record as a set. Its TTL is that of negative answers (RFC 9077, 3).
fn nsec_records<'a>(
    zone: &'a Zone,
    owner: Name<'a>,
    nsec: &'a Nsec,
) -> Records<'a, std::iter::Once<Rdata<'a>>> {
    let rdata = std::iter::once(nsec.rdata());
    Records { zone: Some(zone), owner, ttl_s: zone.negative_ttl_s(), rdata }
}
