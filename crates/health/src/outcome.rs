//! What one check said.
//!
//! A failure is a closed set of reasons, so that it can be counted; its text is bounded and free
//! of control characters, since a backend can write a part of it.

use std::fmt;

use model::Rtt;

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The backend answered as it should.
    Pass {
        /// The time from the first packet to the established connection: one round trip.
        connect: Rtt,
    },
    /// It did not.
    Fail(FailReason),
}

/// Why a check failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailReason {
    /// No answer within the check's timeout.
    TimedOut(Phase),
    /// The host answered that nothing listens there.
    Refused,
    /// No connection for another reason, as "no route to host".
    Connect(ErrorText),
    /// The TLS handshake failed.
    Tls(ErrorText),
    /// What came back was no HTTP response.
    Http(ErrorText),
    /// A response with a status that does not pass.
    Status(u16),
    /// An answer, but not the one that was expected.
    Answer(ErrorText),
    /// A program that said no, or could not be run.
    Command(ErrorText),
}

/// How far a check had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for the connection.
    Connect,
    /// Waiting for the TLS handshake.
    Tls,
    /// Waiting for the response.
    Response,
    /// Waiting for the end of a program.
    Command,
}

impl FailReason {
    /// All words of [`Self::as_str`].
    pub const WORDS: [&str; 8] =
        ["timed_out", "refused", "connect", "tls", "http", "status", "wrong_answer", "command"];

    /// One word: the metric label.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::TimedOut(_) => "timed_out",
            Self::Refused => "refused",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Http(_) => "http",
            Self::Status(_) => "status",
            Self::Answer(_) => "wrong_answer",
            Self::Command(_) => "command",
        }
    }
}

impl fmt::Display for FailReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(Phase::Connect) => f.write_str("timed out while connecting"),
            Self::TimedOut(Phase::Tls) => f.write_str("timed out in the TLS handshake"),
            Self::TimedOut(Phase::Response) => f.write_str("timed out waiting for the response"),
            Self::TimedOut(Phase::Command) => f.write_str("timed out; the command was ended"),
            Self::Refused => f.write_str("connection refused"),
            Self::Connect(text) => write!(f, "no connection: {text}"),
            Self::Tls(text) => write!(f, "TLS handshake failed: {text}"),
            Self::Http(text) => write!(f, "no HTTP response: {text}"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Answer(text) => write!(f, "wrong answer: {text}"),
            Self::Command(text) => write!(f, "command: {text}"),
        }
    }
}

/// A text for people, bounded and printable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorText(Box<str>);

impl ErrorText {
    /// 200 bytes: one line of a log. A longer text is cut there and ends in `...`.
    pub const BYTES_MAX: usize = 200;

    /// The text made fit: control characters become spaces, what is too long is cut.
    #[must_use]
    pub fn new(text: &str) -> Self {
        const CUT: &str = "...";
        let mut kept = String::new();
        for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
            if kept.len() + c.len_utf8() > Self::BYTES_MAX {
                let end = kept.floor_char_boundary(Self::BYTES_MAX - CUT.len());
                kept.truncate(end);
                kept.push_str(CUT);
                break;
            }
            kept.push(c);
        }
        Self(kept.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_and_printable() {
        for (text, expect) in [
            (String::new(), String::new()),
            ("two\r\nlines\u{1b}[31m".to_owned(), "two  lines [31m".to_owned()),
            ("x".repeat(200), "x".repeat(200)),
            ("x".repeat(201), format!("{}...", "x".repeat(197))),
            ("é".repeat(101), format!("{}...", "é".repeat(98))),
        ] {
            let kept = ErrorText::new(&text);
            assert_eq!(kept.as_str(), expect);
            assert!(kept.as_str().len() <= ErrorText::BYTES_MAX);
        }
    }

    #[test]
    fn reasons_read_well() {
        for (reason, expect) in [
            (FailReason::TimedOut(Phase::Connect), "timed out while connecting"),
            (FailReason::Status(503), "status 503"),
            (FailReason::Tls(ErrorText::new("eof")), "TLS handshake failed: eof"),
        ] {
            assert_eq!(reason.to_string(), expect);
        }
    }
}
