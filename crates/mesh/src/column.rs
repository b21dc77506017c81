//! A column of numbers in few bits: a base, then each number less the base in Rice code.
//!
//! Rice code with parameter `k` writes a number's high bits as that many ones and a zero, then its
//! low `k` bits: short for numbers of about 2^k. A number with [`ESCAPE`] ones or more is written
//! out in full instead. The encoder takes the `k` that makes the column shortest, so that a column
//! is at most one bit a number longer than fixed width.
//!
//! The last byte is filled up with ones: seven of them are no number, so that a count is never one
//! too high unseen.
//!
//! Threat model: the bytes and the count come from a stranger. Each number takes at least one bit,
//! so a count that lies is refused before memory is reserved; arithmetic is checked.

use crate::bits::{BitReader, BitWriter};

/// Ones that announce a number written in full: 16 costs little where the numbers are even, and
/// a burst of large ones not much.
const ESCAPE: u32 = 16;

/// Why bytes are no column of that many numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnFault {
    /// The bytes end inside the header or a number.
    #[error("the column ends early")]
    Short,
    /// More bytes, or more bits set, than the numbers take.
    #[error("the column goes on behind its last number")]
    Long,
    /// A header that no encoder writes.
    #[error("the column's header makes no sense")]
    Header,
    /// A number over 128 bits.
    #[error("a number in the column is too large")]
    Overflow,
}

/// The column of these numbers; empty for none.
pub(crate) fn encode(numbers: &[u128]) -> Vec<u8> {
    let Some(base) = numbers.iter().min().copied() else { return Vec::new() };
    let offsets: Vec<u128> = numbers.iter().map(|number| number - base).collect();
    let width = offsets.iter().map(|offset| bit_length(*offset)).max().unwrap_or(0);
    let cost = |k: &u32| offsets.iter().map(|offset| bits_of(*offset, *k, width)).sum::<u64>();
    let k = (0..=width.min(127)).min_by_key(cost).unwrap_or(0);
    let mut writer = BitWriter::default();
    write_base(&mut writer, base);
    writer.write(u128::from(k), 8);
    writer.write(u128::from(width), 8);
    for offset in offsets {
        write_offset(&mut writer, offset, k, width);
    }
    writer.finish()
}

/// The `count` numbers of a column.
///
/// # Errors
///
/// Bytes that are not exactly a column of that many numbers.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Result<Vec<u128>, ColumnFault> {
    if count == 0 {
        return if bytes.is_empty() { Ok(Vec::new()) } else { Err(ColumnFault::Long) };
    }
    if count > bytes.len().saturating_mul(8) {
        return Err(ColumnFault::Short);
    }
    let mut reader = BitReader::new(bytes);
    let base = read_base(&mut reader)?;
    let mut header = || reader.read(8).ok_or(ColumnFault::Short);
    let (k, width) = (header()?, header()?);
    if k > 127 || width > 128 {
        return Err(ColumnFault::Header);
    }
    let small = |number: u128| u32::try_from(number).map_err(|_| ColumnFault::Header);
    let (k, width) = (small(k)?, small(width)?);
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        let offset = read_offset(&mut reader, k, width)?;
        numbers.push(base.checked_add(offset).ok_or(ColumnFault::Overflow)?);
    }
    if reader.ends_here() { Ok(numbers) } else { Err(ColumnFault::Long) }
}

/// Bits up to the highest one.
const fn bit_length(number: u128) -> u32 {
    u128::BITS - number.leading_zeros()
}

/// How many bits `offset` takes.
fn bits_of(offset: u128, k: u32, width: u32) -> u64 {
    let ones = offset >> k;
    match u32::try_from(ones) {
        Ok(ones) if ones < ESCAPE => u64::from(ones + 1 + k),
        _ => u64::from(ESCAPE + width),
    }
}

fn write_offset(writer: &mut BitWriter, offset: u128, k: u32, width: u32) {
    match u32::try_from(offset >> k) {
        Ok(ones) if ones < ESCAPE => {
            writer.write(((1 << ones) - 1) << 1, ones + 1);
            writer.write(offset, k);
        }
        _ => {
            writer.write((1 << ESCAPE) - 1, ESCAPE);
            writer.write(offset, width);
        }
    }
}

fn read_offset(reader: &mut BitReader<'_>, k: u32, width: u32) -> Result<u128, ColumnFault> {
    let ones = reader.read_ones(ESCAPE).ok_or(ColumnFault::Short)?;
    if ones == ESCAPE {
        return reader.read(width).ok_or(ColumnFault::Short);
    }
    let low = reader.read(k).ok_or(ColumnFault::Short)?;
    let high = u128::from(ones).checked_mul(1 << k).ok_or(ColumnFault::Overflow)?;
    high.checked_add(low).ok_or(ColumnFault::Overflow)
}

/// The base, seven bits a byte, lowest first, the high bit set on all but the last.
fn write_base(writer: &mut BitWriter, mut base: u128) {
    while base >= 0x80 {
        writer.write(base & 0x7f | 0x80, 8);
        base >>= 7;
    }
    writer.write(base, 8);
}

fn read_base(reader: &mut BitReader<'_>) -> Result<u128, ColumnFault> {
    let mut base = 0_u128;
    for shift in (0..u128::BITS).step_by(7) {
        let byte = reader.read(8).ok_or(ColumnFault::Short)?;
        let part = byte & 0x7f;
        if part > u128::MAX >> shift {
            return Err(ColumnFault::Overflow);
        }
        base |= part << shift;
        if byte & 0x80 == 0 {
            return Ok(base);
        }
    }
    Err(ColumnFault::Overflow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(numbers: &[u128]) -> usize {
        let bytes = encode(numbers);
        assert_eq!(decode(&bytes, numbers.len()).as_deref(), Ok(numbers));
        bytes.len()
    }

    #[test]
    fn columns_are_short() {
        assert_eq!(check(&[]), 0);
        assert_eq!(check(&[7]), 4);
        assert_eq!(check(&[1000; 800]), 104); // one bit each
        assert_eq!(check(&[0, u128::MAX]), 22); // 1 + 16 + 128 bits and the header
        let even: Vec<u128> = (0..256).map(|n| n * 89 % 256).collect();
        assert!(check(&even) <= 3 + 256 * 9 / 8);
        let one_giant: Vec<u128> = (0..256).map(|n| if n == 9 { 1 << 90 } else { n % 4 }).collect();
        assert!(check(&one_giant) < 256 * 3 / 8 + 20);
    }

    #[test]
    fn lies_are_refused() {
        let bytes = encode(&[1, 2, 3, 4]);
        let mut longer = bytes.clone();
        longer.push(0);
        for (bytes, count, fault) in [
            (&bytes[..], 0, ColumnFault::Long),
            (&bytes, 3, ColumnFault::Long),
            (&bytes, 1_000_000, ColumnFault::Short),
            (&bytes, 5, ColumnFault::Short),
            (&encode(&[7]), 2, ColumnFault::Short),
            (&longer, 4, ColumnFault::Long),
            (&[], 1, ColumnFault::Short),
            (&[0x80], 1, ColumnFault::Short),
            (&[0xff; 40], 1, ColumnFault::Overflow),
            (&[0, 128, 0, 0], 1, ColumnFault::Header),
            (&[0, 0, 129, 0], 1, ColumnFault::Header),
            // Fifteen ones and k = 127: 15 * 2^127.
            (&[&[0, 127, 0, 0xff, 0xfe][..], &[0; 16]].concat(), 1, ColumnFault::Overflow),
        ] {
            assert_eq!(decode(bytes, count), Err(fault), "{bytes:x?} as {count}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn any_column_comes_back(
            base in any::<u128>(),
            offsets in prop::collection::vec((any::<u128>(), 0_u32..128), 0..60),
        ) {
            let numbers: Vec<u128> =
                offsets.iter().map(|(n, shift)| base.saturating_add(n >> shift)).collect();
            check(&numbers);
        }
    }
}
