//! Record data in canonical form (RFC 4034, 6.2): names uncompressed, and in lower case in the types
//! that the standard lists.
//!
//! Must never look at a record's owner or order: that is [`crate::message`]'s.

use dns::{Name, Rdata, RecordType, Soa};

/// Writes the data of a record.
pub(crate) fn put_rdata(rdata: &Rdata<'_>, to: &mut Vec<u8>) {
    match rdata {
        Rdata::A(address) => to.extend_from_slice(&address.octets()),
        Rdata::Aaaa(address) => to.extend_from_slice(&address.octets()),
        Rdata::Ns(name) | Rdata::Cname(name) => put_name(*name, to),
        Rdata::Soa(soa) => put_soa(soa, to),
        Rdata::Txt(text) => put_text(text, to),
        Rdata::Other { record_type, bytes } => put_bytes(*record_type, bytes, to),
    }
}

/// Writes a name in lower case. Lengths are at most 63 and no letters: all bytes are folded alike.
pub(crate) fn put_name(name: Name<'_>, to: &mut Vec<u8>) {
    put_folded(name.as_bytes(), to);
}

fn put_folded(bytes: &[u8], to: &mut Vec<u8>) {
    let start = to.len();
    to.extend_from_slice(bytes);
    if let Some(written) = to.get_mut(start..) {
        written.make_ascii_lowercase();
    }
}

fn put_soa(soa: &Soa<'_>, to: &mut Vec<u8>) {
    put_name(soa.primary, to);
    put_name(soa.mailbox, to);
    for number in [soa.serial, soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s] {
        to.extend_from_slice(&number.to_be_bytes());
    }
}

/// Writes a text as the answer has it: in character strings of up to 255 bytes.
fn put_text(text: &[u8], to: &mut Vec<u8>) {
    if text.is_empty() {
        to.push(0);
    }
    for string in text.chunks(u8::MAX.into()) {
        to.push(u8::try_from(string.len()).unwrap_or(u8::MAX));
        to.extend_from_slice(string);
    }
}

fn put_bytes(record_type: RecordType, bytes: &[u8], to: &mut Vec<u8>) {
    let names_at = names_at(record_type, bytes).unwrap_or(bytes.len());
    let (before, names) = bytes.split_at_checked(names_at).unwrap_or((bytes, &[]));
    to.extend_from_slice(before);
    put_folded(names, to);
}

/// Where the names of a type whose names are folded begin; they reach to the data's end. The list is
/// that of RFC 4034, 6.2, without HINFO, which has no name, and without NSEC and RRSIG (RFC 6840,
/// 5.1); A6, SIG and NXT are of the past, and types that came later keep their case.
fn names_at(record_type: RecordType, bytes: &[u8]) -> Option<usize> {
    match record_type.0 {
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, MINFO, RP, DNAME.
        2 | 3 | 4 | 5 | 7 | 8 | 9 | 12 | 14 | 17 | 39 => Some(0),
        // MX, AFSDB, RT, PX, KX.
        15 | 18 | 21 | 26 | 36 => Some(2),
        // SRV.
        33 => Some(6),
        // NAPTR: two numbers and three character strings before the name (RFC 3403, 4.1).
        35 => (0..3).try_fold(4, |at, _| Some(at + 1 + usize::from(*bytes.get(at)?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(record_type: u16, bytes: &[u8], expect: &[u8]) {
        let mut to = Vec::new();
        put_rdata(&Rdata::Other { record_type: RecordType(record_type), bytes }, &mut to);
        assert_eq!(to, expect, "TYPE{record_type}");
    }

    #[test]
    fn names_are_folded_where_the_standard_says_so() {
        check(15, b"\0A\x02MX\0", b"\0A\x02mx\0");
        check(33, b"\0A\0B\0C\x02SR\0", b"\0A\0B\0C\x02sr\0");
        check(35, b"\0A\0B\x01U\x02E2\x01!\x02NA\0", b"\0A\0B\x01U\x02E2\x01!\x02na\0");
        check(17, b"\x01A\0\x01B\0", b"\x01a\0\x01b\0");
        check(65, b"\0\x01\x02SV\0", b"\0\x01\x02SV\0");
        check(47, b"\x01A\0\0\x01@", b"\x01A\0\0\x01@");
        check(16, b"\x02Ab", b"\x02Ab");
        // Data that is not its type's is signed as it is.
        check(35, b"\0A\0B\xffU", b"\0A\0B\xffU");
        check(33, b"\0A", b"\0A");
    }

    #[test]
    fn texts_are_signed_as_they_are_sent() {
        let mut to = Vec::new();
        put_rdata(&Rdata::Txt(&[b'A'; 256]), &mut to);
        assert_eq!((to[0], to[256], to.len()), (255, 1, 258));
        to.clear();
        put_rdata(&Rdata::Txt(b""), &mut to);
        assert_eq!(to, [0]);
    }
}
