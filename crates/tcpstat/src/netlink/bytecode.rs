//! The port filter of a dump, in inet_diag's own bytecode (INET_DIAG_REQ_BYTECODE): the kernel
//! runs it over each socket and copies only those that pass.
//!
//! One operation is `struct inet_diag_bc_op { u8 code; u8 yes; u16 no; }`. `yes` and `no` are how
//! many bytes to go forward. A socket passes when the walk ends exactly at the end of the program
//! and fails when it ends 4 bytes behind it. A comparison of ports carries the port in the `no`
//! field of a second operation. (net/ipv4/inet_diag.c: inet_diag_bc_run, inet_diag_bc_audit.)
//!
//! The audit follows `yes` from operation to operation, so that chain must visit every place that
//! a `no` leads to. Here it does: it goes straight through.

use super::ports::PortRange;

/// Jump by `no`, always.
const JUMP: u8 = 1;
/// Is the local port at least this?
const LOCAL_PORT_AT_LEAST: u8 = 2;
/// Is the local port at most this?
const LOCAL_PORT_AT_MOST: u8 = 3;

/// The size of one operation.
const OP_BYTES: usize = 4;
/// A comparison: two operations.
const COMPARE_BYTES: usize = 2 * OP_BYTES;
/// Each range: two comparisons and a jump, the last range without the jump.
const RANGE_BYTES: usize = 2 * COMPARE_BYTES + OP_BYTES;

/// The most ranges of one program. A jump is a u16 in bytes, which would allow 3,276; the
/// kernel's audit takes time in the square of the length, and 1,000 cost it under 10 ms. More
/// ranges are asked for in several dumps.
pub(crate) const RANGES_MAX: usize = 1_000;

/// A program that passes sockets whose local port lies in one of the ranges, which ascend.
///
/// At most [`RANGES_MAX`] of them; further ones are left out. No ranges yield an empty program,
/// which the kernel refuses: there is nothing to ask for then.
pub(crate) fn port_filter(ranges: &[PortRange]) -> Vec<u8> {
    let ranges = ranges.get(..RANGES_MAX).unwrap_or(ranges);
    let total_bytes = (ranges.len() * RANGE_BYTES).saturating_sub(OP_BYTES);
    let mut program = Vec::with_capacity(total_bytes);
    for (index, range) in ranges.iter().enumerate() {
        let is_last = index + 1 == ranges.len();
        // Below this range is below all that follow: fail at once.
        let to_fail = total_bytes - program.len() + OP_BYTES;
        push_compare(&mut program, LOCAL_PORT_AT_LEAST, to_fail, range.first);
        // Above it: the next range, behind the jump; behind the last range that is the failure.
        push_compare(&mut program, LOCAL_PORT_AT_MOST, COMPARE_BYTES + OP_BYTES, range.last);
        if !is_last {
            let to_pass = total_bytes - program.len();
            push_op(&mut program, JUMP, OP_BYTES, to_pass);
        }
    }
    program
}

fn push_compare(program: &mut Vec<u8>, code: u8, no: usize, port: u16) {
    push_op(program, code, COMPARE_BYTES, no);
    push_op(program, 0, 0, usize::from(port));
}

#[expect(clippy::cast_possible_truncation, reason = "RANGES_MAX keeps every jump under 20,001")]
fn push_op(program: &mut Vec<u8>, code: u8, yes: usize, no: usize) {
    program.extend([code, yes as u8]);
    program.extend((no as u16).to_ne_bytes());
}

#[cfg(test)]
mod tests;
