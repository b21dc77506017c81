//! The request for a dump: `struct inet_diag_req_v2` (include/uapi/linux/inet_diag.h) with the
//! port filter as its one attribute.

use super::inet_diag::INET_DIAG_INFO;
use super::message::{ATTRIBUTE_HEADER_BYTES, HEADER_BYTES};
use super::{PROTOCOL_TCP, SOCK_DIAG_BY_FAMILY};

/// `NLM_F_REQUEST | NLM_F_DUMP` (NLM_F_ROOT | NLM_F_MATCH).
const FLAGS: u16 = 0x001 | 0x100 | 0x200;
/// `TCP_ESTABLISHED` (include/net/tcp_states.h) as a bit of `idiag_states`.
const ESTABLISHED_BIT: u32 = 1 << 1;
/// Which attribute to send with each socket, as a bit of `idiag_ext`.
const INFO_BIT: u8 = 1 << (INET_DIAG_INFO - 1);
/// The attribute that carries the filter.
const INET_DIAG_REQ_BYTECODE: u16 = 1;
/// `struct inet_diag_req_v2`: four bytes, the states, and 48 bytes that name one socket.
const REQUEST_BYTES: usize = 56;

/// Asks for all established TCP sockets of a family that pass the filter, which must be shorter
/// than 64 KiB, as [`super::bytecode::port_filter`]'s are.
#[expect(clippy::cast_possible_truncation, reason = "a filter has under 64 KiB")]
pub(crate) fn dump_request(family: u8, sequence: u32, filter: &[u8]) -> Vec<u8> {
    let attribute_bytes = ATTRIBUTE_HEADER_BYTES + filter.len();
    let total_bytes = HEADER_BYTES + REQUEST_BYTES + attribute_bytes;
    let mut request = Vec::with_capacity(total_bytes);
    request.extend((total_bytes as u32).to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(FLAGS.to_ne_bytes());
    request.extend(sequence.to_ne_bytes());
    // The sender's port: the kernel knows it.
    request.extend(0u32.to_ne_bytes());
    request.extend([family, PROTOCOL_TCP, INFO_BIT, 0]);
    request.extend(ESTABLISHED_BIT.to_ne_bytes());
    // No single socket: a dump does not look at these.
    request.resize(HEADER_BYTES + REQUEST_BYTES, 0);
    request.extend((attribute_bytes as u16).to_ne_bytes());
    request.extend(INET_DIAG_REQ_BYTECODE.to_ne_bytes());
    request.extend(filter);
    request
}

#[cfg(test)]
mod tests {
    use super::super::message::{Messages, attribute};
    use super::*;

    #[test]
    fn the_request_is_one_whole_message() {
        let filter = [7; 36];
        let request = dump_request(10, 42, &filter);
        let message = Messages::of(&request).next().unwrap().unwrap();
        assert_eq!(message.kind, SOCK_DIAG_BY_FAMILY);
        assert_eq!(message.flags, 0x301);
        assert_eq!(message.sequence, 42);
        assert_eq!(message.payload.len(), REQUEST_BYTES + 40);
        // Family, IPPROTO_TCP, the bit of INET_DIAG_INFO, padding, the bit of TCP_ESTABLISHED.
        let states = 2u32.to_ne_bytes();
        assert_eq!(message.payload[..8], [[10, 6, 2, 0], states].concat());
        assert_eq!(attribute(&message.payload[REQUEST_BYTES..], 1), Some(&filter[..]));
        assert_eq!(Messages::of(&request).count(), 1);
    }
}
