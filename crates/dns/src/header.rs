//! The first twelve bytes of a message (RFC 1035, 4.1.1; RFC 4035, 3.1.6 for AD and CD; RFC 6895, 2
//! for what an answer repeats).
//!
//! Only what they say; whether a message with such a header is answered is decided in
//! [`crate::query`].

use crate::types::{Opcode, Rcode};

/// The length of a header in bytes.
pub const HEADER_BYTES: usize = 12;

/// A message's identifier and flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The asker's number for the message; the answer carries the same.
    pub id: u16,
    /// The flags as they came.
    pub flags: Flags,
}

/// How many entries each section of a message has, in the order they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Questions.
    pub questions: u16,
    /// Answer records.
    pub answers: u16,
    /// Authority records.
    pub authorities: u16,
    /// Additional records, the OPT record among them.
    pub additionals: u16,
}

impl Header {
    /// Reads the header of a message; returns what follows it, too. `None` where there are not
    /// twelve bytes.
    pub(crate) fn split_from(packet: &[u8]) -> Option<(Self, Counts, &[u8])> {
        let (header, rest) = packet.split_first_chunk::<HEADER_BYTES>()?;
        let [i0, i1, f0, f1, q0, q1, n0, n1, t0, t1, d0, d1] = *header;
        let counts = Counts {
            questions: u16::from_be_bytes([q0, q1]),
            answers: u16::from_be_bytes([n0, n1]),
            authorities: u16::from_be_bytes([t0, t1]),
            additionals: u16::from_be_bytes([d0, d1]),
        };
        let id = u16::from_be_bytes([i0, i1]);
        Some((Self { id, flags: Flags(u16::from_be_bytes([f0, f1])) }, counts, rest))
    }

    /// The header as bytes.
    pub(crate) const fn to_bytes(self, counts: Counts) -> [u8; HEADER_BYTES] {
        let [i0, i1] = self.id.to_be_bytes();
        let [f0, f1] = self.flags.0.to_be_bytes();
        let [q0, q1] = counts.questions.to_be_bytes();
        let [n0, n1] = counts.answers.to_be_bytes();
        let [t0, t1] = counts.authorities.to_be_bytes();
        let [d0, d1] = counts.additionals.to_be_bytes();
        [i0, i1, f0, f1, q0, q1, n0, n1, t0, t1, d0, d1]
    }
}

/// The sixteen bits behind the identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// This is a response.
    pub const RESPONSE: u16 = 1 << 15;
    /// The answer is authoritative (AA).
    pub const AUTHORITATIVE: u16 = 1 << 10;
    /// The answer was cut (TC).
    pub const TRUNCATED: u16 = 1 << 9;
    /// Recursion is desired (RD).
    pub const RECURSION_DESIRED: u16 = 1 << 8;
    /// Where the opcode's four bits begin.
    const OPCODE_SHIFT: u32 = 11;

    /// Whether all of `mask` is set.
    #[must_use]
    pub const fn has(self, mask: u16) -> bool {
        self.0 & mask == mask
    }

    /// The kind of message.
    #[must_use]
    pub const fn opcode(self) -> Opcode {
        let [high, _] = self.0.to_be_bytes();
        Opcode((high >> 3) & 0x0f)
    }

    /// The low four bits of the response code.
    #[must_use]
    pub const fn rcode(self) -> Rcode {
        Rcode(self.0 & 0x000f)
    }

    /// The flags of an answer to a message with these: the opcode is the asker's, and RD where the
    /// opcode is QUERY (RFC 1035, 4.1.1); what flags mean elsewhere is each opcode's own (RFC 6895,
    /// 2), and so not ours to repeat. CD and AD are cleared, as an authority should (RFC 4035,
    /// 3.1.6): they speak to validating resolvers only, and copying CD is the rule for those
    /// (3.2.2). RA stays clear, for there is no recursion here.
    #[must_use]
    pub(crate) const fn answering(self) -> Self {
        let opcode = self.0 & (0x0f << Self::OPCODE_SHIFT);
        let copied = if opcode == 0 { Self::RECURSION_DESIRED } else { 0 };
        Self(Self::RESPONSE | opcode | (self.0 & copied))
    }
}
