//! Lines as the journal takes them: fields by name, in one datagram (systemd's native protocol).
//!
//! Only where standard error is the journal's own stream: then it would have kept each line as text,
//! without its level and its fields. Must never be sent from a thread that answers; the log's own
//! thread sends it, as it writes all other lines.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tracing::Level;
use tracing_subscriber::fmt::format::Writer;

use super::{Fields, write_value};

/// Where the journal listens (systemd-journald.service(8)).
const SOCKET: &str = "/run/systemd/journal/socket";
/// What stands before the names of our fields, so that they are nobody else's.
const PREFIX: &str = "OPENGSLB_";
/// The longest name of a field; the journal leaves out longer ones (systemd.journal-fields(7)).
const NAME_BYTES_MAX: usize = 64;

/// Writes each message as a datagram of its own.
#[derive(Debug)]
pub(super) struct Journal(UnixDatagram);

impl Journal {
    /// The journal, where standard error goes there anyway and it listens.
    pub(super) fn of_this_process() -> Option<Self> {
        let stream = std::env::var("JOURNAL_STREAM").ok()?;
        let error = File::from(io::stderr().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
        if !is_stream(&stream, error.dev(), error.ino()) {
            return None;
        }
        Self::at(Path::new(SOCKET)).ok()
    }

    fn at(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        Ok(Self(socket))
    }
}

/// Whether the variable names this file: `device:inode`, as a journal sets it for what it reads.
fn is_stream(variable: &str, device: u64, inode: u64) -> bool {
    let named = variable.split_once(':');
    named.and_then(|(d, i)| Some((d.parse().ok()?, i.parse().ok()?))) == Some((device, inode))
}

impl Write for Journal {
    /// One message. What the journal does not take goes to standard error, which it reads too.
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        if self.0.send(message).is_err() {
            let text = message.split(|byte| *byte == b'\n');
            let text = text.filter_map(|line| line.strip_prefix(b"MESSAGE="));
            for line in text {
                let mut error = io::stderr();
                error.write_all(line)?;
                error.write_all(b"\n")?;
            }
        }
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One event. The message is the line of text without its time and level; each field is beside it.
pub(super) fn write(fields: &Fields, level: Level, writer: &mut Writer<'_>) -> std::fmt::Result {
    let priority = priority(level);
    write!(writer, "PRIORITY={priority}\nSYSLOG_IDENTIFIER=opengslb\nMESSAGE=")?;
    fields.write_words(writer)?;
    writer.write_char('\n')?;
    for (name, value) in &fields.others {
        let Some(name) = name_of(name) else { continue };
        write!(writer, "{PREFIX}{name}=")?;
        write_value(value, writer)?;
        writer.write_char('\n')?;
    }
    Ok(())
}

/// The levels of syslog(3).
const fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// A field's name in capitals, digits and underscores; `None` where it is too long.
fn name_of(name: &str) -> Option<String> {
    let stands = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = name.chars().map(stands).collect();
    (PREFIX.len() + name.len() <= NAME_BYTES_MAX).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_datagram() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        let mut writer = Journal::at(&path).unwrap();
        writer.write_all(b"PRIORITY=6\nMESSAGE=one\n").unwrap();
        writer.write_all(b"PRIORITY=4\nMESSAGE=two\n").unwrap();
        let mut buffer = [0; 64];
        for expect in ["PRIORITY=6\nMESSAGE=one\n", "PRIORITY=4\nMESSAGE=two\n"] {
            let length = journal.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], expect.as_bytes());
        }
        assert!(Journal::at(&directory.path().join("nobody")).is_err());
    }

    #[test]
    fn only_the_stream_that_the_journal_reads_is_the_journals() {
        for (variable, expect) in [
            ("9:48213", true),
            ("9:48214", false),
            ("8:48213", false),
            ("9", false),
            ("x:y", false),
        ] {
            assert_eq!(is_stream(variable, 9, 48_213), expect, "{variable}");
        }
        // Tests have no journal, whatever started them.
        assert!(Journal::at(Path::new("/nonexistent")).is_err());
    }

    #[test]
    fn names_of_fields_are_such_as_the_journal_takes() {
        assert_eq!(name_of("runners_up").as_deref(), Some("RUNNERS_UP"));
        assert_eq!(name_of("log.target=x\n").as_deref(), Some("LOG_TARGET_X_"));
        assert_eq!(name_of(&"x".repeat(60)), None);
    }
}
