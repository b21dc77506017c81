//! What exactly is signed: the signature's own terms, then every record of the set in canonical form
//! and order (RFC 4034, 3.1.8.1 and 6.3).
//!
//! The room is kept from one set to the next, so nothing is allocated but for a set larger than any
//! before.

use std::ops::Range;

use dns::{Name, Rdata, RecordType};

use crate::canonical::{put_name, put_rdata};
use crate::key::Key;
use crate::window::Window;

/// The class IN, the only one that is signed.
const CLASS_IN: [u8; 2] = [0, 1];
/// The longest TTL that is sent (RFC 2181, 8).
const TTL_MAX_S: u32 = i32::MAX as u32;
/// Room at start for one message and its records, in bytes: as much as a set of 1,232 bytes comes to
/// when each of its records has the longest owner. Larger sets go over TCP.
const ROOM_BYTES: usize = 32_768;
/// Room at start for the order of so many records.
const ROOM_RECORDS: usize = 256;
/// The fields of an RRSIG record before the signer's name.
const FIXED_BYTES: usize = 18;

/// What is signed: records of one owner and type.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a, R> {
    /// Whose records: the name asked for also where a wildcard answers, which the signature then
    /// does not tell (RFC 9824, 3.3).
    pub owner: Name<'a>,
    /// Their type.
    pub record_type: RecordType,
    /// Their TTL as it is sent, in seconds.
    pub ttl_s: u32,
    /// Their data.
    pub records: R,
}

/// The message for one set, with the terms of one key at its beginning.
pub(crate) struct Message {
    /// The data of the records in canonical form, one behind the other.
    data: Vec<u8>,
    /// Where each of them stands.
    order: Vec<Range<usize>>,
    /// What is signed.
    bytes: Vec<u8>,
    /// How much of it is the terms.
    terms_length: usize,
}

impl Message {
    /// Room for messages.
    pub(crate) fn new() -> Self {
        Self {
            data: Vec::with_capacity(ROOM_BYTES),
            order: Vec::with_capacity(ROOM_RECORDS),
            bytes: Vec::with_capacity(ROOM_BYTES),
            terms_length: 0,
        }
    }

    /// Puts the set in canonical form, behind room for the terms of a key of `signer`'s.
    pub(crate) fn put<'r>(
        &mut self,
        set: Set<'_, impl Iterator<Item = Rdata<'r>>>,
        signer: Name<'_>,
        window: Window,
    ) {
        let Self { data, order, bytes, terms_length } = self;
        data.clear();
        order.clear();
        bytes.clear();
        for rdata in set.records {
            let start = data.len();
            put_rdata(&rdata, data);
            order.push(start..data.len());
        }
        let of = |range: &Range<usize>| data.get(range.clone()).unwrap_or_default();
        order.sort_unstable_by(|one, other| of(one).cmp(of(other)));
        let ttl = set.ttl_s.min(TTL_MAX_S).to_be_bytes();
        let record_type = set.record_type.0.to_be_bytes();
        bytes.extend_from_slice(&record_type);
        bytes.extend_from_slice(&[0, labels(set.owner)]);
        bytes.extend_from_slice(&ttl);
        bytes.extend_from_slice(&window.to_bytes());
        bytes.extend_from_slice(&[0; 2]);
        put_name(signer, bytes);
        *terms_length = bytes.len();
        for range in &*order {
            put_name(set.owner, bytes);
            bytes.extend_from_slice(&record_type);
            bytes.extend_from_slice(&CLASS_IN);
            bytes.extend_from_slice(&ttl);
            let rdata = of(range);
            // A record that is sent has at most 65,535 bytes.
            bytes.extend_from_slice(&u16::try_from(rdata.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend_from_slice(rdata);
        }
    }

    /// Says which key signs.
    pub(crate) fn by(&mut self, key: &Key) {
        if let Some(fixed) = self.bytes.first_chunk_mut::<FIXED_BYTES>() {
            let [_, _, algorithm, .., t0, t1] = fixed;
            *algorithm = key.algorithm().number();
            [*t0, *t1] = key.tag().to_be_bytes();
        }
    }

    /// What is signed.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The terms: the data of the RRSIG record but for the signature.
    pub(crate) fn terms(&self) -> &[u8] {
        self.bytes.get(..self.terms_length).unwrap_or_default()
    }
}

/// How many labels a signature says its owner has: without the asterisk of a wildcard that is asked
/// for by its own name (RFC 4034, 3.1.3).
fn labels(owner: Name<'_>) -> u8 {
    let mut labels = owner.labels();
    let is_wildcard = owner.labels().next() == Some(b"*");
    if is_wildcard {
        labels.next();
    }
    u8::try_from(labels.count()).unwrap_or(u8::MAX)
}
