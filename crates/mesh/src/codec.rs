//! Frames to bytes and back: `u32` length in network order, then that many bytes of protobuf.
//!
//! Threat model of the decoder: the bytes come from anybody. A length over the limit ends the
//! session before memory is reserved for it; so do more fields than any frame has, before protobuf
//! builds them; every value is checked before a [`Frame`] comes out. What it holds is never more
//! than one frame and what was pushed last.

mod fields;
#[cfg(test)]
mod tests;

use prost::Message;

use crate::frame::{Frame, FrameKind, RELAYED_BYTES_MAX, UNPROVEN_FRAME_BYTES_MAX};
use crate::refusal::RefusalReason;
use crate::report::ReportFault;
use crate::wire::{from_wire, to_wire};

/// Bytes of the length before each frame.
const PREFIX_BYTES: usize = 4;

/// What a decoder keeps reserved between two frames: enough for all but reports and registrations,
/// little enough for thousands of sessions.
const KEPT_BYTES: usize = 16 * 1024;

/// Why bytes are no frame. All of them end the session.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// Longer than this peer's frames may be.
    #[error("a frame of {bytes} bytes, where {max} are allowed")]
    Oversized {
        /// The length announced.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// More fields than any frame has.
    #[error("a frame of more than {max} fields", max = fields::FIELDS_MAX)]
    TooManyFields,
    /// No protobuf.
    #[error("the bytes of a frame are no protobuf message")]
    Protobuf(#[source] prost::DecodeError),
    /// A field that holds what it cannot.
    #[error("{field} in a {} frame is not valid", frame.as_str())]
    Field {
        /// The kind of frame.
        frame: FrameKind,
        /// The field.
        field: &'static str,
    },
    /// A report that cannot be.
    #[error("a report is not valid")]
    Report(#[source] ReportFault),
}

/// Why a frame cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// More of something than the other side would accept.
    #[error("a frame cannot carry that many {0}")]
    TooMany(&'static str),
    /// Over [`FrameKind::bytes_max`] in spite of all single limits.
    #[error("a {} frame of {bytes} bytes is over the limit of {}", frame.as_str(), frame.bytes_max())]
    Oversized {
        /// The kind of frame.
        frame: FrameKind,
        /// Its length.
        bytes: usize,
    },
}

impl FrameError {
    /// What to tell the other side.
    #[must_use]
    pub const fn reason(&self) -> RefusalReason {
        match self {
            Self::Oversized { .. } => RefusalReason::OversizedFrame,
            Self::TooManyFields | Self::Protobuf(_) => RefusalReason::MalformedFrame,
            Self::Field { frame: FrameKind::Registration, .. } => {
                RefusalReason::InvalidRegistration
            }
            Self::Field { .. } => RefusalReason::MalformedFrame,
            Self::Report(_) => RefusalReason::InvalidReport,
        }
    }
}

/// Appends a frame to `bytes`; leaves them as they were on an error.
///
/// # Errors
///
/// A frame that the other side would refuse for its size.
pub fn encode(frame: &Frame, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    let envelope = to_wire::envelope(frame)?;
    let length = envelope.encoded_len();
    let kind = frame.kind();
    let prefix = u32::try_from(length).ok().filter(|_| length <= kind.bytes_max());
    let prefix = prefix.ok_or(EncodeError::Oversized { frame: kind, bytes: length })?;
    bytes.reserve(PREFIX_BYTES + length);
    bytes.extend_from_slice(&prefix.to_be_bytes());
    bytes.extend_from_slice(&envelope.encode_to_vec());
    Ok(())
}

/// Bytes in, frames out.
#[derive(Debug)]
pub struct FrameDecoder {
    /// Bytes that were pushed and are no whole frame yet, behind `consumed` that were.
    bytes: Vec<u8>,
    consumed: usize,
    frame_bytes_max: usize,
    /// Of the frame that came out last.
    last_bytes: usize,
    skipped: u64,
}

impl FrameDecoder {
    /// A decoder for a peer that has not proven itself.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            consumed: 0,
            frame_bytes_max: UNPROVEN_FRAME_BYTES_MAX,
            last_bytes: 0,
            skipped: 0,
        }
    }

    /// From now on frames may be as long as their kind allows ([`FrameKind::bytes_max`]).
    pub const fn prove(&mut self) {
        self.frame_bytes_max = RELAYED_BYTES_MAX;
    }

    /// Takes what arrived. The caller takes out all frames before it pushes again; so at most one
    /// incomplete frame and one push are held.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.consumed);
        self.consumed = 0;
        if self.bytes.is_empty() {
            self.bytes.shrink_to(KEPT_BYTES);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one. Kinds that this version does not know are skipped.
    ///
    /// # Errors
    ///
    /// Bytes that are no frame. What follows them means nothing: the session must end.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        while let Some(body) = self.next_body()? {
            let body = self.bytes.get(body).unwrap_or_default();
            match decode_body(body)? {
                Some(frame) if body.len() > frame.kind().bytes_max() => {
                    let max = frame.kind().bytes_max();
                    return Err(FrameError::Oversized { bytes: body.len(), max });
                }
                Some(frame) => {
                    self.last_bytes = PREFIX_BYTES + body.len();
                    return Ok(Some(frame));
                }
                None => self.skipped += 1,
            }
        }
        Ok(None)
    }

    /// The bytes of the frame that came out last, its prefix included: what it takes in memory grows with
    /// them.
    #[must_use]
    pub const fn last_bytes(&self) -> usize {
        self.last_bytes
    }

    /// Frames of kinds that a newer version must have sent.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Where the next whole frame's body stands in `bytes`; counts it as consumed.
    fn next_body(&mut self) -> Result<Option<std::ops::Range<usize>>, FrameError> {
        let start = self.consumed + PREFIX_BYTES;
        let prefix = self.bytes.get(self.consumed..start).and_then(|prefix| prefix.try_into().ok());
        let Some(prefix) = prefix else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
        if length > self.frame_bytes_max {
            return Err(FrameError::Oversized { bytes: length, max: self.frame_bytes_max });
        }
        let end = start + length;
        if self.bytes.len() < end {
            return Ok(None);
        }
        self.consumed = end;
        Ok(Some(start..end))
    }
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::new()
    }
}

/// What an agent said, inside of what another overwatch says; `None` for what no agent says, or what is
/// not passed on.
pub(crate) fn decode_said(body: &[u8]) -> Result<Option<Frame>, FrameError> {
    use crate::wire::Body;
    fields::check(body)?;
    let envelope = crate::wire::Envelope::decode(body).map_err(FrameError::Protobuf)?;
    let said = envelope.body.filter(|body| {
        matches!(body, Body::Registration(_) | Body::Report(_) | Body::Load(_) | Body::Condition(_))
    });
    said.map(from_wire::frame).transpose()
}

/// The frame in a body; `None` for a kind that this version does not know.
fn decode_body(body: &[u8]) -> Result<Option<Frame>, FrameError> {
    fields::check(body)?;
    let envelope = crate::wire::Envelope::decode(body).map_err(FrameError::Protobuf)?;
    envelope.body.map(from_wire::frame).transpose()
}
