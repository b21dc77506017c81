//! What a decision says as records: addresses, or an HTTPS record with the same addresses as hints.
//!
//! An alias is no concern of this file: by now it is followed ([`mod@crate::resolve`]). Must never
//! choose a region or a server: the decision did.

use std::net::IpAddr;

use dns::{Name, Rdata, RecordType, Section};
use routing::{ANSWERS_MAX, Decision, Pick};
use zone::steering::HTTPS_BYTES_MAX;
use zone::{HttpsTerms, Steering, Zone};

use crate::page::{Page, Records};

/// The keys of service parameters (RFC 9460, 14.3.2).
const IPV4_HINT: u16 = 4;
const IPV6_HINT: u16 = 6;
/// The longest HTTPS record: its terms, and a key, a length and the addresses for each family.
const RECORD_BYTES_MAX: usize = HTTPS_BYTES_MAX + 2 * 4 + ANSWERS_MAX * (4 + 16);

/// Adds the records of `owner`; says whether there are any of the type asked for.
pub(crate) fn add_steered(
    page: &mut Page<'_, '_>,
    (zone, owner, steering): (&Zone, Name<'_>, &Steering),
    decision: &Decision<'_>,
    qtype: RecordType,
) -> bool {
    let Steering::Addresses { answers, https } = steering else {
        return false; // decided for no region, which is an error and has no records
    };
    let (zone, ttl_s) = (Some(zone), decision.ttl_s);
    if qtype == RecordType::HTTPS {
        let Some(terms) = https else { return false };
        let mut record = Record::new(terms);
        record.put_hint(IPV4_HINT, decision.ipv4, *answers);
        record.put_hint(IPV6_HINT, decision.ipv6, *answers);
        let rdata = Rdata::Other { record_type: RecordType::HTTPS, bytes: record.as_bytes() };
        let rdata = std::iter::once(rdata);
        page.add(Section::Answer, Records { zone, owner, ttl_s, rdata });
        return true;
    }
    let pick = chosen(decision, qtype);
    // Found once, for they are gone through again when they are signed.
    let mut addresses = [None; ANSWERS_MAX];
    for (place, server) in addresses.iter_mut().zip(pick.servers(*answers)) {
        *place = Some(server.address);
    }
    let rdata = addresses.iter().map_while(|found| found.map(address));
    page.add(Section::Answer, Records { zone, owner, ttl_s, rdata });
    !pick.is_empty()
}

/// The record of an address.
pub(crate) const fn address(address: IpAddr) -> Rdata<'static> {
    match address {
        IpAddr::V4(address) => Rdata::A(address),
        IpAddr::V6(address) => Rdata::Aaaa(address),
    }
}

/// The servers of the family that was asked for. One set of records answers ANY (RFC 8482, 4.1): of
/// the family that the region has.
const fn chosen<'d>(decision: &Decision<'d>, qtype: RecordType) -> Pick<'d> {
    match qtype {
        RecordType::AAAA => decision.ipv6,
        RecordType::ANY if decision.ipv4.is_empty() => decision.ipv6,
        _ => decision.ipv4,
    }
}

/// The data of an HTTPS record while it is put together, on the stack.
struct Record {
    bytes: [u8; RECORD_BYTES_MAX],
    length: usize,
}

impl Record {
    fn new(terms: &HttpsTerms) -> Self {
        let mut record = Self { bytes: [0; RECORD_BYTES_MAX], length: 0 };
        record.put(terms.as_bytes());
        record
    }

    /// The addresses that a client may try before it has asked for them (RFC 9460, 7.3). An empty
    /// list would be malformed.
    fn put_hint(&mut self, key: u16, pick: Pick<'_>, answers: usize) {
        if pick.is_empty() {
            return;
        }
        self.put(&key.to_be_bytes());
        let length_at = self.length;
        self.put(&[0; 2]);
        for server in pick.servers(answers) {
            match server.address {
                IpAddr::V4(address) => self.put(&address.octets()),
                IpAddr::V6(address) => self.put(&address.octets()),
            }
        }
        let length = u16::try_from(self.length - length_at - 2).unwrap_or(0).to_be_bytes();
        if let Some(place) = self.bytes.get_mut(length_at..length_at + 2) {
            place.copy_from_slice(&length);
        }
    }

    /// Adds bytes. There is always room: see [`RECORD_BYTES_MAX`].
    fn put(&mut self, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(self.length..self.length + bytes.len()) {
            place.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
