//! Messages as a stream of frames, and the hand-shake around it (fstrm's `fstrm/control.h`): what
//! readers of dnstap expect at a local socket.
//!
//! Data is its length in 32 bits, then its bytes. A length of 0 begins a control frame: its own
//! length, its type, then fields. Must never read more of a reader than a control frame's limit.

use std::io::{self, Read, Write};

/// What our frames hold.
pub(super) const CONTENT_TYPE: &[u8] = b"protobuf:dnstap.Dnstap";

/// The longest control frame that is read (`FSTRM_CONTROL_FRAME_LENGTH_MAX`).
const CONTROL_BYTES_MAX: usize = 512;
/// The one kind of field there is.
const FIELD_CONTENT_TYPE: u32 = 1;

/// A control frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// The reader takes what is offered.
    Accept = 1,
    /// Data follows.
    Start = 2,
    /// No data follows.
    Stop = 3,
    /// What the writer offers.
    Ready = 4,
    /// The reader has all of it.
    Finish = 5,
}

impl Control {
    const ALL: [Self; 5] = [Self::Accept, Self::Start, Self::Stop, Self::Ready, Self::Finish];
}

/// Writes a control frame; with the content type where it has one.
pub(super) fn write_control(to: &mut impl Write, control: Control) -> io::Result<()> {
    let mut body = (control as u32).to_be_bytes().to_vec();
    if matches!(control, Control::Ready | Control::Start) {
        body.extend(FIELD_CONTENT_TYPE.to_be_bytes());
        body.extend(length_of(CONTENT_TYPE));
        body.extend(CONTENT_TYPE);
    }
    let mut frame = 0u32.to_be_bytes().to_vec();
    frame.extend(length_of(&body));
    frame.extend(body);
    to.write_all(&frame)
}

/// Puts a message behind others that are written together.
pub(super) fn push(message: &[u8], frames: &mut Vec<u8>) {
    frames.extend(length_of(message));
    frames.extend(message);
}

/// A message is a few kilobytes.
fn length_of(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// Reads a control frame of the reader's. One that takes other contents only is an error.
pub(super) fn read_control(from: &mut impl Read) -> io::Result<Control> {
    let wrong = |why| io::Error::new(io::ErrorKind::InvalidData, why);
    if read_u32(from)? != 0 {
        return Err(wrong("the reader sent data"));
    }
    let length = usize::try_from(read_u32(from)?).unwrap_or(usize::MAX);
    if length > CONTROL_BYTES_MAX {
        return Err(wrong("the reader's control frame is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    let mut body = &body[..];
    let number = read_u32(&mut body)?;
    let control = Control::ALL.into_iter().find(|control| *control as u32 == number);
    let control = control.ok_or_else(|| wrong("the reader's control frame is of no known type"))?;
    let (mut has_types, mut has_ours) = (false, false);
    while !body.is_empty() {
        let (field, length) = (read_u32(&mut body)?, read_u32(&mut body)?);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some((value, rest)) = body.split_at_checked(length) else {
            return Err(wrong("a field of the reader's control frame is cut"));
        };
        body = rest;
        has_types |= field == FIELD_CONTENT_TYPE;
        has_ours |= field == FIELD_CONTENT_TYPE && value == CONTENT_TYPE;
    }
    match has_types && !has_ours {
        true => Err(wrong("the reader does not take dnstap")),
        false => Ok(control),
    }
}

fn read_u32(from: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

/// Reads what any bytes may say, for [`crate::fuzz`].
pub(crate) fn read_any(data: &[u8]) {
    let mut rest = data;
    let mut frames = 0;
    while read_control(&mut rest).is_ok() {
        frames += 1;
    }
    // Twelve bytes are the shortest frame.
    assert!(frames <= data.len() / 12);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_as_the_format_says() {
        let mut ready = Vec::new();
        write_control(&mut ready, Control::Ready).unwrap();
        assert_eq!(
            ready,
            b"\0\0\0\0\0\0\0\x22\0\0\0\x04\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap"
        );
        let mut stop = Vec::new();
        write_control(&mut stop, Control::Stop).unwrap();
        assert_eq!(stop, b"\0\0\0\0\0\0\0\x04\0\0\0\x03");
        let mut frames = Vec::new();
        push(b"abc", &mut frames);
        assert_eq!(frames, b"\0\0\0\x03abc");
    }

    #[track_caller]
    fn check(bytes: &[u8], expect: Result<Control, &str>) {
        let read = read_control(&mut &*bytes).map_err(|error| error.to_string());
        assert_eq!(read, expect.map_err(str::to_owned), "{bytes:?}");
    }

    #[test]
    fn readers_are_understood_or_refused() {
        let accept = b"\0\0\0\0\0\0\0\x22\0\0\0\x01\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap";
        check(accept, Ok(Control::Accept));
        check(b"\0\0\0\0\0\0\0\x04\0\0\0\x01", Ok(Control::Accept));
        check(b"\0\0\0\0\0\0\0\x04\0\0\0\x05", Ok(Control::Finish));
        let other = b"\0\0\0\0\0\0\0\x0d\0\0\0\x01\0\0\0\x01\0\0\0\x01x";
        check(other, Err("the reader does not take dnstap"));
        check(b"\0\0\0\x01x", Err("the reader sent data"));
        check(b"\0\0\0\0\0\0\x02\x01", Err("the reader's control frame is too long"));
        check(
            b"\0\0\0\0\0\0\0\x04\0\0\0\x09",
            Err("the reader's control frame is of no known type"),
        );
        let cut = b"\0\0\0\0\0\0\0\x0c\0\0\0\x01\0\0\0\x01\0\0\0\x09";
        check(cut, Err("a field of the reader's control frame is cut"));
        check(&accept[..20], Err("failed to fill whole buffer"));
    }

    /// Bytes that are nearly right, from a seed.
    #[test]
    fn any_bytes_are_refused_without_harm() {
        let accept = b"\0\0\0\0\0\0\0\x22\0\0\0\x01\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap";
        let mut seed = 1u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut bytes = accept.repeat(2);
            let at = (seed >> 33) as usize % bytes.len();
            bytes[at] = (seed >> 25) as u8;
            bytes.truncate((seed >> 40) as usize % (bytes.len() + 1));
            crate::fuzz::dnstap_reader(&bytes);
        }
    }
}
