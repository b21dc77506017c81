//! What a kernel really sent, as annotated hex in `testdata/`: two digits a byte, `#` begins a
//! note. Recorded on little-endian machines.

pub(crate) const DESTROY_IPV4: &str = include_str!("../../testdata/destroy_ipv4.hex");
pub(crate) const DESTROY_IPV6: &str = include_str!("../../testdata/destroy_ipv6.hex");
pub(crate) const DESTROY_MAPPED: &str = include_str!("../../testdata/destroy_mapped.hex");
pub(crate) const DESTROY_LISTENER: &str = include_str!("../../testdata/destroy_listener.hex");
pub(crate) const DUMP_SOCKETS: &str = include_str!("../../testdata/dump_sockets.hex");
pub(crate) const DUMP_DONE: &str = include_str!("../../testdata/dump_done.hex");
pub(crate) const DUMP_NO_PROTOCOL: &str = include_str!("../../testdata/dump_no_protocol.hex");
pub(crate) const DUMP_BAD_FILTER: &str = include_str!("../../testdata/dump_bad_filter.hex");

/// The bytes of a recording.
pub(crate) fn bytes(recording: &str) -> Vec<u8> {
    let digits = recording.lines().flat_map(|line| {
        let (digits, _note) = line.split_once('#').unwrap_or((line, ""));
        digits.split_whitespace()
    });
    digits.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}
