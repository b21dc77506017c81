//! Names out of a packet (RFC 1035, 3.1 and 4.1.4).
//!
//! Nothing here trusts the bytes: lengths are checked, pointers only go backwards, so a walk ends
//! after at most as many steps as the packet has bytes.

use super::{LABEL_BYTES_MAX, NAME_BYTES_MAX, Name, NameBuf};

/// Why bytes are no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// The bytes end inside the name.
    #[error("the bytes end inside a name")]
    Cut,
    /// A pointer where none may stand.
    #[error("a compressed name where none may stand")]
    Compressed,
    /// A pointer that does not go back to an earlier place.
    #[error("a compression pointer that does not point backwards")]
    Pointer,
    /// A label that is neither plain nor a pointer (RFC 6891, 5: both other kinds are dead).
    #[error("a label of the unknown kind {0:#04x}")]
    LabelKind(u8),
    /// A label of no byte or of more than 63.
    #[error("a label has 1 to 63 bytes, this one has {0}")]
    Label(usize),
    /// More than 255 bytes.
    #[error("a name has at most 255 bytes")]
    TooLong,
}

/// What a label begins with.
pub(crate) enum Step {
    /// The empty label.
    End,
    /// A label of this many bytes.
    Label(usize),
    /// The high bits of a pointer.
    Pointer(u8),
}

impl Step {
    /// What a label with this first byte is.
    pub(crate) const fn of(byte: u8) -> Result<Self, NameFault> {
        match byte {
            0 => Ok(Self::End),
            1..=63 => Ok(Self::Label(byte as usize)),
            0xc0.. => Ok(Self::Pointer(byte & 0x3f)),
            _ => Err(NameFault::LabelKind(byte & 0xc0)),
        }
    }
}

// The match above relies on it.
const _: () = assert!(LABEL_BYTES_MAX == 63);

impl<'a> Name<'a> {
    /// Reads the uncompressed name that `bytes` begin with; returns what follows it, too.
    ///
    /// # Errors
    ///
    /// No name, a compressed one, or one that is too long.
    pub fn split_from(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), NameFault> {
        let mut end = 0;
        loop {
            match Step::of(*bytes.get(end).ok_or(NameFault::Cut)?)? {
                Step::Label(length) => end += 1 + length,
                Step::Pointer(_) => return Err(NameFault::Compressed),
                Step::End => break,
            }
            if end >= NAME_BYTES_MAX {
                return Err(NameFault::TooLong);
            }
        }
        let (wire, rest) = bytes.split_at_checked(end + 1).ok_or(NameFault::Cut)?;
        Ok((Self { wire }, rest))
    }
}

/// What follows the name that `bytes` begin with, which may end in a pointer. The pointer is not
/// followed: where nobody reads the name, nobody must pay for it.
pub(crate) fn skip(bytes: &[u8]) -> Result<&[u8], NameFault> {
    let mut end = 0;
    let length = loop {
        match Step::of(*bytes.get(end).ok_or(NameFault::Cut)?)? {
            Step::Label(length) => end += 1 + length,
            Step::Pointer(_) => break end + 2,
            Step::End => break end + 1,
        }
        if end >= NAME_BYTES_MAX {
            return Err(NameFault::TooLong);
        }
    };
    bytes.get(length..).ok_or(NameFault::Cut)
}

impl NameBuf {
    /// Reads the name at `start` of `packet` and resolves its compression pointers; returns the
    /// place behind it, too.
    ///
    /// # Errors
    ///
    /// No name there, one that is too long, or a pointer that does not go back before the part
    /// that it ends.
    pub fn read(packet: &[u8], start: usize) -> Result<(Self, usize), NameFault> {
        let mut name = Self::ROOT;
        let mut at = start;
        // Where the part now read begins: a pointer must go back behind it, so each walk ends.
        let mut part = start;
        let mut behind = None;
        loop {
            match Step::of(*packet.get(at).ok_or(NameFault::Cut)?)? {
                Step::End => return Ok((name, behind.unwrap_or(at + 1))),
                Step::Label(length) => {
                    let label = packet.get(at + 1..at + 1 + length).ok_or(NameFault::Cut)?;
                    name.push(label)?;
                    at += 1 + length;
                }
                Step::Pointer(high) => {
                    let low = *packet.get(at + 1).ok_or(NameFault::Cut)?;
                    behind = behind.or(Some(at + 2));
                    at = usize::from(u16::from_be_bytes([high, low]));
                    if at >= part {
                        return Err(NameFault::Pointer);
                    }
                    part = at;
                }
            }
        }
    }
}
