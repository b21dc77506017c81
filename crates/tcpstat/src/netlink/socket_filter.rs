//! The port filter of the destroy events, in classic BPF: the kernel runs it over each
//! announcement before it takes a place in the socket's buffer.
//!
//! Without it every connection of the machine would fill the buffer, and what was lost could not
//! be told from what was foreign.

use super::message::HEADER_BYTES;
use super::ports::PortRange;

/// One instruction: the fields of `struct sock_filter` (include/uapi/linux/filter.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    /// How many instructions to skip if it holds.
    pub(crate) jump_true: u8,
    /// How many instructions to skip if not.
    pub(crate) jump_false: u8,
    pub(crate) value: u32,
}

/// `BPF_LD | BPF_H | BPF_ABS`: load the u16 at an offset, from the network's order.
const LOAD_HALF: u16 = 0x28;
/// `BPF_ALU | BPF_AND | BPF_K`.
const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JEQ | BPF_K`.
const JUMP_IF_EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JGE | BPF_K`.
const JUMP_IF_AT_LEAST: u16 = 0x35;
/// `BPF_JMP | BPF_JGT | BPF_K`.
const JUMP_IF_ABOVE: u16 = 0x25;
/// `BPF_RET | BPF_K`.
const RETURN: u16 = 0x06;

/// What RETURN gives: how many bytes of the message to keep. All of them.
const KEEP: u32 = u32::MAX;
/// No bytes: the message was never there.
const DROP: u32 = 0;

/// Where `idiag_sport` stands: behind the netlink header and the four one-byte fields that open
/// `struct inet_diag_msg`.
const LOCAL_PORT_OFFSET: u32 = HEADER_BYTES as u32 + 4;

/// Where `idiag_dport` stands, the client's port.
const CLIENT_PORT_OFFSET: u32 = LOCAL_PORT_OFFSET + 2;

/// The lowest bit of a client's port says little: Linux gives clients even ones as long as it has them.
const CLIENT_PORT_SHIFT: u32 = 1;

/// A share of all connections, by the client's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Into how many it is divided, as a power of two.
    pub(crate) of_bits: u32,
    /// Which one of them.
    pub(crate) number: u32,
}

impl Share {
    /// Each connection is in one of these.
    pub(crate) fn each(of_bits: u32) -> impl Iterator<Item = Self> {
        (0..1 << of_bits).map(move |number| Self { of_bits, number })
    }
}

/// The most ranges of one program: three instructions each must fit the kernel's 4,096
/// (BPF_MAXINSNS). A set with more ranges passes as one range from its lowest port to its
/// highest, and the exact choice is made after reading.
pub(crate) const RANGES_MAX: usize = 1_000;

/// A program that keeps announcements whose local port lies in one of the ranges, which ascend, of a share of
/// all connections.
pub(crate) fn port_filter(ranges: &[PortRange], share: Share) -> Vec<Instruction> {
    let coarse;
    let ranges = match ranges {
        [first, .., last] if ranges.len() > RANGES_MAX => {
            coarse = [PortRange { first: first.first, last: last.last }];
            &coarse
        }
        _ => ranges,
    };
    let mut program = Vec::with_capacity(3 * ranges.len() + 6);
    if share.of_bits > 0 {
        let mask = ((1 << share.of_bits) - 1) << CLIENT_PORT_SHIFT;
        program.push(instruction(LOAD_HALF, 0, 0, CLIENT_PORT_OFFSET));
        program.push(instruction(AND, 0, 0, mask));
        program.push(instruction(JUMP_IF_EQUAL, 1, 0, share.number << CLIENT_PORT_SHIFT));
        program.push(instruction(RETURN, 0, 0, DROP));
    }
    program.push(instruction(LOAD_HALF, 0, 0, LOCAL_PORT_OFFSET));
    for range in ranges {
        // Below or above: skip to the next range.
        program.push(instruction(JUMP_IF_AT_LEAST, 0, 2, u32::from(range.first)));
        program.push(instruction(JUMP_IF_ABOVE, 1, 0, u32::from(range.last)));
        program.push(instruction(RETURN, 0, 0, KEEP));
    }
    program.push(instruction(RETURN, 0, 0, DROP));
    program
}

const fn instruction(code: u16, jump_true: u8, jump_false: u8, value: u32) -> Instruction {
    Instruction { code, jump_true, jump_false, value }
}

#[cfg(test)]
mod tests;
