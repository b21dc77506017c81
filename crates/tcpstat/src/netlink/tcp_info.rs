//! `struct tcp_info` (include/uapi/linux/tcp.h): what the kernel measured on one connection.
//!
//! The struct only ever grew at its end, and no field moved. So every field is read by its
//! offset if the struct reaches that far, and is missing otherwise.

use super::{u32_at, u64_at};

const RTT: usize = 68;
const RTTVAR: usize = 72;
/// Since Linux 4.1.
const BYTES_ACKED: usize = 120;
/// Since Linux 4.6.
const MIN_RTT: usize = 148;
/// Since Linux 4.6.
const DATA_SEGS_OUT: usize = 156;

/// The fields that a sample is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpInfo {
    /// `tcpi_rtt`, microseconds.
    pub(crate) smoothed_rtt_us: u32,
    /// `tcpi_rttvar`, microseconds.
    pub(crate) rtt_deviation_us: u32,
    /// `tcpi_bytes_acked`.
    pub(crate) bytes_acked: Option<u64>,
    /// `tcpi_min_rtt`, microseconds.
    pub(crate) min_rtt_us: Option<u32>,
    /// `tcpi_data_segs_out`.
    pub(crate) data_segments_out: Option<u32>,
}

impl TcpInfo {
    /// Reads what is there; `None` where not even the smoothed round-trip time is.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            smoothed_rtt_us: u32_at(bytes, RTT)?,
            rtt_deviation_us: u32_at(bytes, RTTVAR)?,
            bytes_acked: u64_at(bytes, BYTES_ACKED),
            min_rtt_us: u32_at(bytes, MIN_RTT),
            data_segments_out: u32_at(bytes, DATA_SEGS_OUT),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte of the struct is its own offset, so a field's value names its place.
    fn ramp(length: u8) -> Vec<u8> {
        (0..length).collect()
    }

    fn u32_ramp(first: u8) -> u32 {
        u32::from_ne_bytes([first, first + 1, first + 2, first + 3])
    }

    #[test]
    fn fields_stand_where_the_kernel_has_them() {
        let info = TcpInfo::read(&ramp(u8::MAX)).unwrap();
        let acked: [u8; 8] = ramp(128)[120..].try_into().unwrap();
        assert_eq!(info.smoothed_rtt_us, u32_ramp(68));
        assert_eq!(info.rtt_deviation_us, u32_ramp(72));
        assert_eq!(info.bytes_acked, Some(u64::from_ne_bytes(acked)));
        assert_eq!(info.min_rtt_us, Some(u32_ramp(148)));
        assert_eq!(info.data_segments_out, Some(u32_ramp(156)));
    }

    /// Linux 2.6 to 3.14 (104 bytes), 3.15 (120), 4.1 (136), 4.2 (144), 4.6 (160), 4.9 (168).
    #[test]
    fn an_older_kernels_shorter_struct_is_read_as_far_as_it_goes() {
        for (length, acked, min_and_segments) in [
            (76, false, false),
            (104, false, false),
            (120, false, false),
            (127, false, false),
            (136, true, false),
            (144, true, false),
            (160, true, true),
            (168, true, true),
        ] {
            let info = TcpInfo::read(&ramp(length)).unwrap();
            assert_eq!(info.smoothed_rtt_us, u32_ramp(68));
            assert_eq!(info.bytes_acked.is_some(), acked, "{length}");
            assert_eq!(info.min_rtt_us.is_some(), min_and_segments, "{length}");
            assert_eq!(info.data_segments_out.is_some(), min_and_segments, "{length}");
        }
        for length in [0, 67, 72, 75] {
            assert_eq!(TcpInfo::read(&ramp(length)), None, "{length}");
        }
    }
}
