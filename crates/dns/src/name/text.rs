//! Names as text (RFC 1035, 5.1): what operators write and logs show.
//!
//! The text stands for the whole name whether it ends in a dot or not; it is shown without, the
//! root as `.`. `\.` is a dot inside a label, `\DDD` the byte of that decimal number, `\X` the
//! character X. What is shown is plain printable ASCII, whatever a stranger's name holds, and
//! reads back as the same name.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use super::{LABEL_BYTES_MAX, Name, NameBuf, NameFault, NameKey};

/// Why a text is no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameTextError {
    /// Nothing there.
    #[error("a domain name needs at least one character; the root is written \".\"")]
    Empty,
    /// Two dots in a row, or one in front.
    #[error("a label is empty: two dots in a row, or one in front")]
    EmptyLabel,
    /// A label of more than 63 bytes (RFC 1035, 2.3.4).
    #[error("a label has at most 63 characters")]
    LabelTooLong,
    /// More than 255 bytes on the wire (RFC 1035, 2.3.4).
    #[error("a domain name has at most 253 characters")]
    TooLong,
    /// A backslash without what it needs behind it.
    #[error("a backslash needs a character or three digits up to 255 behind it")]
    Escape,
    /// Outside printable ASCII.
    #[error("{0:?} cannot stand in a domain name as it is: write \\DDD, or the name's xn-- form")]
    Character(char),
}

impl FromStr for NameBuf {
    type Err = NameTextError;

    fn from_str(text: &str) -> Result<Self, NameTextError> {
        if text.is_empty() {
            return Err(NameTextError::Empty);
        }
        let mut name = Self::ROOT;
        if text == "." {
            return Ok(name);
        }
        let mut label = Label { bytes: [0; LABEL_BYTES_MAX], length: 0 };
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '.' => label.end(&mut name)?,
                '\\' => label.push(unescape(&mut chars)?)?,
                _ => label.push(printable(c).ok_or(NameTextError::Character(c))?)?,
            }
        }
        if label.length > 0 {
            label.end(&mut name)?;
        }
        Ok(name)
    }
}

/// The label that is being read.
struct Label {
    bytes: [u8; LABEL_BYTES_MAX],
    length: usize,
}

impl Label {
    /// Adds a byte.
    fn push(&mut self, byte: u8) -> Result<(), NameTextError> {
        *self.bytes.get_mut(self.length).ok_or(NameTextError::LabelTooLong)? = byte;
        self.length += 1;
        Ok(())
    }

    /// Adds the label to `name` and begins the next.
    fn end(&mut self, name: &mut NameBuf) -> Result<(), NameTextError> {
        let label = self.bytes.get(..self.length).unwrap_or_default();
        name.push(label).map_err(|fault| match fault {
            NameFault::TooLong => NameTextError::TooLong,
            _ => NameTextError::EmptyLabel,
        })?;
        self.length = 0;
        Ok(())
    }
}

/// The byte of a visible ASCII character.
fn printable(c: char) -> Option<u8> {
    u8::try_from(c).ok().filter(u8::is_ascii_graphic)
}

/// Reads what stands behind a backslash.
fn unescape(chars: &mut std::str::Chars<'_>) -> Result<u8, NameTextError> {
    let first = chars.next().ok_or(NameTextError::Escape)?;
    let Some(mut number) = first.to_digit(10) else {
        return printable(first).ok_or(NameTextError::Escape);
    };
    for _ in 0..2 {
        let digit = chars.next().and_then(|c| c.to_digit(10)).ok_or(NameTextError::Escape)?;
        number = number * 10 + digit;
    }
    u8::try_from(number).map_err(|_| NameTextError::Escape)
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_char('.');
        }
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            label.iter().try_for_each(|byte| escape(*byte, f))?;
        }
        Ok(())
    }
}

/// Writes one byte of a label. What means something in a zone file (RFC 1035, 5.1) is escaped, so
/// that a name can be pasted into one.
fn escape(byte: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match byte {
        b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => {
            write!(f, "\\{}", char::from(byte))
        }
        _ if byte.is_ascii_graphic() => f.write_char(char::from(byte)),
        _ => write!(f, "\\{byte:03}"),
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_name(), f)
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_name(), f)
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_name(), f)
    }
}

impl fmt::Debug for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_name(), f)
    }
}
