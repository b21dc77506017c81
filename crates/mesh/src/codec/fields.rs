//! How many fields a frame has, counted before protobuf builds anything.
//!
//! An empty element of a list takes two bytes on the wire and some hundred in memory: a full frame
//! of them would be a hundred MiB. So they are counted first.

use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::FrameError;

/// Most fields of a frame, those of its body included: as many as the groups of the longest report,
/// twice over. More ends the session.
pub(super) const FIELDS_MAX: usize = 2 * crate::report::GROUPS_MAX;

/// Refuses a frame with more fields than any has.
pub(super) fn check(frame: &[u8]) -> Result<(), FrameError> {
    let mut left = FIELDS_MAX;
    let mut rest = frame;
    while rest.has_remaining() {
        count(&mut left)?;
        let (tag, wire_type) = decode_key(&mut rest).map_err(FrameError::Protobuf)?;
        if wire_type == WireType::LengthDelimited {
            count_inside(take(&mut rest)?, &mut left)?;
        } else {
            skip_field(wire_type, tag, &mut rest, DecodeContext::default())
                .map_err(FrameError::Protobuf)?;
        }
    }
    Ok(())
}

/// Counts the fields of a frame's body.
fn count_inside(mut body: &[u8], left: &mut usize) -> Result<(), FrameError> {
    while body.has_remaining() {
        count(left)?;
        let (tag, wire_type) = decode_key(&mut body).map_err(FrameError::Protobuf)?;
        skip_field(wire_type, tag, &mut body, DecodeContext::default())
            .map_err(FrameError::Protobuf)?;
    }
    Ok(())
}

fn count(left: &mut usize) -> Result<(), FrameError> {
    *left = left.checked_sub(1).ok_or(FrameError::TooManyFields)?;
    Ok(())
}

/// A length and that many bytes. A length that lies gets what is left: protobuf refuses it later.
fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], FrameError> {
    let length = decode_varint(rest).map_err(FrameError::Protobuf)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
    let (body, behind) = rest.split_at(length);
    *rest = behind;
    Ok(body)
}
