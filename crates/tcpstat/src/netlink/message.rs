//! How netlink frames things: messages in a datagram, attributes in a message
//! (include/uapi/linux/netlink.h). Knows nothing of sockets.

use super::{bytes_at, u32_at};

/// `struct nlmsghdr`: length u32, type u16, flags u16, sequence u32, port u32.
pub(crate) const HEADER_BYTES: usize = 16;

/// `struct nlattr`: length u16, type u16; the length counts these four bytes too.
pub(crate) const ATTRIBUTE_HEADER_BYTES: usize = 4;

/// The two high bits of an attribute's type are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
const ATTRIBUTE_TYPE_MASK: u16 = 0x3fff;

/// One message of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// `nlmsg_type`.
    pub(crate) kind: u16,
    /// `nlmsg_flags`.
    pub(crate) flags: u16,
    /// `nlmsg_seq`: that of the request answered; 0 in an event.
    pub(crate) sequence: u32,
    /// What follows the header.
    pub(crate) payload: &'a [u8],
}

/// A length that does not fit: nothing behind it can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadLength;

/// The messages of one datagram. After a bad length nothing more comes.
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    pub(crate) const fn of(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }

    fn split(&mut self) -> Option<Message<'a>> {
        let bytes = self.rest;
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let message = Message {
            payload: bytes.get(HEADER_BYTES..length)?,
            kind: u16::from_ne_bytes(bytes_at(bytes, 4)?),
            flags: u16::from_ne_bytes(bytes_at(bytes, 6)?),
            sequence: u32_at(bytes, 8)?,
        };
        self.rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, BadLength>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = self.split();
        if message.is_none() {
            self.rest = &[];
        }
        Some(message.ok_or(BadLength))
    }
}

/// The value of the first attribute of a kind. `None` where there is none, or where a length
/// before it does not fit.
pub(crate) fn attribute(mut attributes: &[u8], kind: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16::from_ne_bytes(bytes_at(attributes, 0)?));
        let value = attributes.get(ATTRIBUTE_HEADER_BYTES..length)?;
        if u16::from_ne_bytes(bytes_at(attributes, 2)?) & ATTRIBUTE_TYPE_MASK == kind {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(20u16.to_ne_bytes());
        bytes.extend(2u16.to_ne_bytes());
        bytes.extend(7u32.to_ne_bytes());
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(payload);
        bytes
    }

    fn payloads(datagram: &[u8]) -> Vec<Option<&[u8]>> {
        Messages::of(datagram).map(|m| m.ok().map(|m| m.payload)).collect()
    }

    #[test]
    fn messages_stand_one_behind_the_other_on_multiples_of_four() {
        let two = [message(19, &[1, 2, 3, 0]), message(16, &[])].concat();
        assert_eq!(payloads(&two), [Some(&[1, 2, 3][..]), Some(&[])]);
        // The last one's padding may be missing.
        assert_eq!(payloads(&message(17, &[9])), [Some(&[9][..])]);
        let first = Messages::of(&two).next();
        let expected = Message { kind: 20, flags: 2, sequence: 7, payload: &[1, 2, 3] };
        assert_eq!(first, Some(Ok(expected)));
    }

    #[test]
    fn a_bad_length_ends_the_datagram() {
        assert_eq!(payloads(&[]), []);
        assert_eq!(payloads(&[1, 2, 3]), [None]);
        for length in [0, 15, 18, u32::MAX] {
            assert_eq!(payloads(&message(length, &[1])), [None], "length {length}");
        }
        let good_then_bad = [message(16, &[]), message(3, &[])].concat();
        assert_eq!(payloads(&good_then_bad), [Some(&[][..]), None]);
    }

    #[test]
    fn attributes_are_found_by_kind() {
        let attributes = [
            [5u16.to_ne_bytes(), 8u16.to_ne_bytes(), [6, 0], [0, 0]].concat(),
            [8u16.to_ne_bytes(), 0x8002u16.to_ne_bytes(), [1, 2], [3, 4]].concat(),
        ]
        .concat();
        assert_eq!(attribute(&attributes, 8), Some(&[6][..]));
        assert_eq!(attribute(&attributes, 2), Some(&[1, 2, 3, 4][..]), "flags are not the kind");
        assert_eq!(attribute(&attributes, 3), None);
        assert_eq!(attribute(&attributes[..15], 2), None, "cut short");
        assert_eq!(attribute(&[0; 64], 2), None, "a length of 0 must not loop for ever");
    }
}
