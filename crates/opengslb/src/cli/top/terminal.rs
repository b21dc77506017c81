//! A terminal as long as it is ours: keys come one by one, nothing is echoed, and what was on it before
//! is there again afterwards. Must give it back however this ends, but for a kill.

use std::io::{self, Read as _, Stdout, Write as _};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::{Key, Size};

/// Of a terminal that does not tell: that of the VT100.
const USUAL: Size = (80, 24);

/// The other screen, and no cursor (xterm, "Alternate Screen Buffer"); and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";
/// To the upper left corner; the rest of the line away; everything below away (ECMA-48, 8.3).
const HOME: &str = "\u{1b}[H";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// A terminal that is ours.
pub(super) struct Terminal {
    out: Stdout,
    before: Termios,
}

impl Terminal {
    /// Takes standard input and output.
    ///
    /// # Errors
    ///
    /// They are no terminal.
    pub(super) fn take() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        let mut terminal = Self { out: io::stdout(), before };
        terminal.write(ENTER)?;
        Ok(terminal)
    }

    /// How large it is now.
    pub(super) fn size(&self) -> Size {
        let size = tcgetwinsize(&self.out).map(|size| (size.ws_col.into(), size.ws_row.into()));
        size.ok().filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(USUAL)
    }

    /// Shows lines, each no longer than the terminal is wide, and no more than it has.
    pub(super) fn show(&mut self, lines: &[String]) -> io::Result<()> {
        let lines = lines.join(&format!("{CLEAR_LINE}\r\n"));
        self.write(&format!("{HOME}{lines}{CLEAR_LINE}{CLEAR_BELOW}"))
    }

    /// The next key that means something, if one comes in time.
    pub(super) fn key(&mut self, wait: Duration) -> io::Result<Option<Key>> {
        let stdin = io::stdin();
        let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
        let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
        match poll(&mut ready, Some(&wait)) {
            Ok(0) => return Ok(None),
            // A window was made larger or smaller.
            Err(rustix::io::Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        // A key is a few bytes that come at once.
        let mut bytes = [0; 16];
        let length = stdin.lock().read(&mut bytes)?;
        // Who hung up presses no more keys.
        Ok(if length == 0 { Some(Key::Quit) } else { key_of(bytes.get(..length).unwrap_or(&[])) })
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nobody is left to tell where this fails.
        let _ = self.write(LEAVE);
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// What the bytes of a key say (xterm, "PC-Style Function Keys"); interrupting is quitting.
fn key_of(bytes: &[u8]) -> Option<Key> {
    match bytes {
        b"q" | b"Q" | b"\x03" | b"\x04" => Some(Key::Quit),
        b" " | b"p" => Some(Key::Pause),
        b"\t" => Some(Key::Next),
        b"k" | b"\x1b[A" | b"\x1bOA" => Some(Key::Up),
        b"j" | b"\x1b[B" | b"\x1bOB" => Some(Key::Down),
        b"\x1b[5~" => Some(Key::PageUp),
        b"\x1b[6~" => Some(Key::PageDown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        for (bytes, expect) in [
            (&b"q"[..], Some(Key::Quit)),
            (b"\x03", Some(Key::Quit)),
            (b"\x1b[A", Some(Key::Up)),
            (b"\x1b[6~", Some(Key::PageDown)),
            (b"\x1b", None),
            (b"x", None),
            (b"", None),
        ] {
            assert_eq!(key_of(bytes), expect, "{bytes:?}");
        }
    }
}
