//! Single bits in a row of bytes, the highest bit of a byte first.
//!
//! Knows nothing of what the bits mean. Reading never goes past the end.

/// Bits being written.
#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are still free.
    free: u32,
}

/// Bits being read.
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// The next bit.
    position: usize,
}

impl BitWriter {
    /// Appends the lowest `width` bits of `value`.
    pub(crate) fn write(&mut self, value: u128, width: u32) {
        let mut left = width;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = left.min(self.free);
            left -= take;
            self.free -= take;
            let chunk = (value >> left) & ((1 << take) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= chunk.to_le_bytes()[0] << self.free;
            }
        }
    }

    /// The bytes; free bits of the last one are set.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if let Some(last) = self.bytes.last_mut() {
            *last |= (1_u16 << self.free).wrapping_sub(1).to_le_bytes()[0];
        }
        self.bytes
    }
}

impl<'a> BitReader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next `width` bits as a number; `None` where fewer are left, or for more than 128.
    pub(crate) fn read(&mut self, width: u32) -> Option<u128> {
        if width > u128::BITS {
            return None;
        }
        let (mut value, mut left) = (0_u128, width);
        while left > 0 {
            let byte = *self.bytes.get(self.position / 8)?;
            let free = 8 - u32::try_from(self.position % 8).ok()?;
            let take = left.min(free);
            let chunk = (u32::from(byte) >> (free - take)) & ((1 << take) - 1);
            value = value << take | u128::from(chunk);
            self.position += usize::try_from(take).ok()?;
            left -= take;
        }
        Some(value)
    }

    /// How many ones stand before the next zero, at most `max`; the zero is read too, unless `max`
    /// ones came first.
    pub(crate) fn read_ones(&mut self, max: u32) -> Option<u32> {
        for ones in 0..max {
            if self.read(1)? == 0 {
                return Some(ones);
            }
        }
        Some(max)
    }

    /// Whether nothing follows but the set bits that fill the last byte.
    pub(crate) fn ends_here(mut self) -> bool {
        let left = (self.bytes.len() * 8).saturating_sub(self.position);
        let fill = u32::try_from(left).ok().filter(|left| *left < 8);
        fill.is_some_and(|fill| self.read(fill) == Some((1 << fill) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let fields = [(1, 1), (0, 3), (5, 3), (u128::MAX, 128), (0x1234, 13), (0, 0), (1, 7)];
        let mut writer = BitWriter::default();
        for (value, width) in fields {
            writer.write(value, width);
        }
        let bytes = writer.finish();
        assert_eq!(bytes.len(), 20); // 155 bits
        let mut reader = BitReader::new(&bytes);
        for (value, width) in fields {
            let mask = u128::MAX.checked_shr(128 - width).unwrap_or(0);
            assert_eq!(reader.read(width), Some(value & mask));
        }
        assert_eq!(reader.read(6), None, "only five are left");
    }

    #[test]
    fn the_end_is_known() {
        let at = |bits: u32, bytes: &[u8]| {
            let mut reader = BitReader::new(bytes);
            reader.read(bits).unwrap();
            reader.ends_here()
        };
        assert!(at(0, &[]) && at(8, &[0]) && at(1, &[0x7f]) && at(7, &[1]));
        assert!(!at(0, &[0xff]) && !at(1, &[0x7e]) && !at(8, &[0, 0xff]) && !at(7, &[0]));
    }
}
