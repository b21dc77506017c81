//! Entries for fuzzing: any bytes, no panic, and what comes in must go out the same.

use prost::Message;

use crate::codec::{FrameDecoder, encode};
use crate::{report, wire};

/// Feeds a session's bytes to the frame decoder, in two pieces. The first byte says where they are
/// cut and whether the peer is proven.
///
/// # Panics
///
/// Where a frame that was decoded does not survive another round.
pub fn frames(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let mut decoder = FrameDecoder::new();
    if first & 1 == 1 {
        decoder.prove();
    }
    let (head, tail) = data.split_at(data.len().min(usize::from(*first)));
    for piece in [head, tail] {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => check_round(&frame),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

fn check_round(frame: &crate::Frame) {
    let mut bytes = Vec::new();
    if encode(frame, &mut bytes).is_err() {
        return; // two lists, each at its limit
    }
    let mut decoder = FrameDecoder::new();
    decoder.prove();
    decoder.push(&bytes);
    assert_eq!(decoder.next_frame().as_ref(), Ok(&Some(frame.clone())));
}

/// Feeds a report's protobuf to the report decoder.
///
/// # Panics
///
/// Where a report that was decoded does not survive another round.
pub fn report(data: &[u8]) {
    let Ok(twin) = wire::Report::decode(data) else { return };
    let Ok(decoded) = report::decode(&twin) else { return };
    let again = report::encode(twin.epoch, &decoded).map(|twin| report::decode(&twin));
    assert_eq!(again, Ok(Ok(decoded)));
}
