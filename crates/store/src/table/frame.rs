//! Bytes with a length and checksums, one after another, behind a header. Knows no file and no table.
//!
//! A frame is its length, a checksum of the length, a checksum of what follows, and that. Both checksums
//! also cover the generation and the frame's number, so that no frame of another file, and none at
//! another place, is taken for one. CRC-32 (IEEE 802.3) finds every change of up to 32 bits in a row and
//! all but one in four billion others: against a disk, not against whoever may write to it.

use std::io::{self, Read};

use super::{FORMAT, Kind};

/// Before each frame: length and two checksums.
pub const HEAD_BYTES: usize = 12;
/// At the beginning of a file.
pub const HEADER_BYTES: usize = 8 + 4 + 8 + 1 + 4;
/// Longest frame: twice what may wait to be written. A longer one is not believed.
const FRAME_BYTES_MAX: usize = 128 * 1024 * 1024;

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) generation: u64,
    /// Of steps: whether none is missing between the last generation's and these.
    pub(crate) follows: bool,
}

/// Why a file's beginning is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// It is damaged, or another file's.
    Damaged,
    /// A later release wrote it, in this format.
    Newer(u32),
}

impl Header {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = magic(self.kind).to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend(self.generation.to_le_bytes());
        bytes.push(self.follows.into());
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes
    }

    /// Reads what a file of this kind and generation begins with. The format stands where it will always
    /// stand; all else may be another in another one.
    pub(crate) fn read(
        from: &mut impl Read,
        (kind, generation): (Kind, u64),
    ) -> io::Result<Result<Self, HeaderFault>> {
        let mut bytes = [0; HEADER_BYTES];
        let length = read_full(from, &mut bytes)?;
        let (format, rest) = (bytes.get(8..12), bytes.split_last_chunk::<4>());
        let format = format.and_then(|format| format.try_into().ok()).map(u32::from_le_bytes);
        let (Some(format), Some((rest, checksum))) = (format, rest) else {
            return Ok(Err(HeaderFault::Damaged));
        };
        let is_ours = length == HEADER_BYTES && rest.starts_with(&magic(kind));
        let is_whole = crc32fast::hash(rest) == u32::from_le_bytes(*checksum);
        if is_ours && format > FORMAT {
            // Where it is damaged it is one of ours all the same, but for one in four billion.
            return Ok(Err(if is_whole {
                HeaderFault::Newer(format)
            } else {
                HeaderFault::Damaged
            }));
        }
        let of = rest.get(12..20).and_then(|of| of.try_into().ok()).map(u64::from_le_bytes);
        let follows = rest.last() == Some(&1);
        if !is_ours || !is_whole || of != Some(generation) {
            return Ok(Err(HeaderFault::Damaged));
        }
        Ok(Ok(Self { kind, generation, follows }))
    }
}

const fn magic(kind: Kind) -> [u8; 8] {
    match kind {
        Kind::Rows => *b"GSLBROWS",
        Kind::Steps => *b"GSLBSTEP",
    }
}

/// Appends a frame, the `place.1`th of generation `place.0`.
pub(crate) fn put_frame(bytes: &mut Vec<u8>, place: (u64, u64), payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    bytes.extend(length);
    bytes.extend(checksum(place, &length).to_le_bytes());
    bytes.extend(checksum(place, payload).to_le_bytes());
    bytes.extend(payload);
}

fn checksum((generation, number): (u64, u64), bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&generation.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// Frames as they come.
#[derive(Debug)]
pub(crate) struct Frames<R> {
    from: R,
    generation: u64,
    number: u64,
    /// How long the file is up to here.
    length: u64,
    payload: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// A frame.
    Whole(&'a [u8]),
    /// A frame whose payload is damaged; the next one is in its place.
    Damaged,
    /// The file is at its end.
    End,
    /// What follows is no frame, to the end of the file.
    Cut,
}

impl<R: Read> Frames<R> {
    /// Those behind a header.
    pub(crate) const fn behind(header: Header, from: R) -> Self {
        let (generation, length) = (header.generation, HEADER_BYTES as u64);
        Self { from, generation, number: 0, length, payload: Vec::new() }
    }

    /// Where the last frame that was whole or damaged ends, and how many there were.
    pub(crate) const fn place(&self) -> (u64, u64) {
        (self.length, self.number)
    }

    pub(crate) fn next(&mut self) -> io::Result<Next<'_>> {
        let mut head = [0; HEAD_BYTES];
        match read_full(&mut self.from, &mut head)? {
            0 => return Ok(Next::End),
            HEAD_BYTES => {}
            _ => return Ok(Next::Cut),
        }
        let [l0, l1, l2, l3, h0, h1, h2, h3, p0, p1, p2, p3] = head;
        let (length, place) = ([l0, l1, l2, l3], (self.generation, self.number));
        let bytes = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let is_length = checksum(place, &length) == u32::from_le_bytes([h0, h1, h2, h3]);
        if !is_length || bytes > FRAME_BYTES_MAX {
            return Ok(Next::Cut);
        }
        self.payload.clear();
        // No more is reserved than comes.
        let read = self.from.by_ref().take(bytes as u64).read_to_end(&mut self.payload)?;
        if read < bytes {
            return Ok(Next::Cut);
        }
        self.number += 1;
        self.length += (HEAD_BYTES + bytes) as u64;
        let is_payload = checksum(place, &self.payload) == u32::from_le_bytes([p0, p1, p2, p3]);
        Ok(if is_payload { Next::Whole(&self.payload) } else { Next::Damaged })
    }
}

/// Reads until the bytes are full or the file ends; says how many there were.
fn read_full(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
