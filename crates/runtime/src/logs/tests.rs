//! Lines as they are written.

use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `act` logs, without the times, which are checked to be times.
fn lines(level: LogLevel, format: LogFormat, act: impl FnOnce(&Logs)) -> Vec<String> {
    let page = Page::default();
    let writer = page.clone();
    let (subscriber, logs) = subscriber(level, Form::Line(format), move || writer.clone());
    tracing::subscriber::with_default(subscriber, || act(&logs));
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    let (before, length) = match format {
        LogFormat::Text => ("", 21),
        LogFormat::Json => (r#"{"time":""#, 20),
    };
    text.lines()
        .map(|line| {
            let rest = line.strip_prefix(before).unwrap();
            let (time, rest) = rest.split_at(length);
            assert!(time.starts_with("20") && time.trim_end().ends_with('Z'), "{line}");
            rest.to_owned()
        })
        .collect()
}

#[test]
fn text_lines() {
    let written = lines(LogLevel::Info, LogFormat::Text, |_| {
        tracing::info!(client = %"10.1.2.0/24", region = "eu-west", rtt_ms = 85, "routing decision");
        tracing::warn!(text = "two words", quote = "a\"b", empty = "", ok = true, "odd values");
        tracing::error!("no fields");
        tracing::debug!("not shown");
    });
    assert_eq!(
        written,
        [
            "INFO routing decision client=10.1.2.0/24 region=eu-west rtt_ms=85",
            r#"WARN odd values text="two words" quote="a\"b" empty="" ok=true"#,
            "ERROR no fields",
        ]
    );
}

#[test]
fn json_lines() {
    let written = lines(LogLevel::Info, LogFormat::Json, |_| {
        tracing::info!(client = %"10.1.2.0/24", rtt_ms = 85.5, up = -1, "routing decision");
    });
    assert_eq!(
        written,
        [
            r#"","level":"info","message":"routing decision","client":"10.1.2.0/24","rtt_ms":85.5,"up":-1}"#
        ]
    );
}

#[test]
fn a_stranger_cannot_begin_a_line() {
    let evil = "x\n2025-12-19T10:05:00Z INFO forged\u{1b}[2J";
    for format in [LogFormat::Text, LogFormat::Json] {
        let written = lines(LogLevel::Info, format, |_| tracing::info!(evil, "{evil}"));
        assert_eq!(written.len(), 1, "{written:?}");
        assert!(!written[0].contains('\u{1b}'));
    }
}

#[test]
fn errors_are_written_with_their_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot bind")]
    struct Outer(#[source] io::Error);
    let written = lines(LogLevel::Info, LogFormat::Text, |_| {
        let error = Outer(io::Error::other("permission denied"));
        tracing::error!(error = &error as &dyn std::error::Error, "DNS is off");
    });
    assert_eq!(written, [r#"ERROR DNS is off error="cannot bind: permission denied""#]);
}

#[test]
fn the_level_can_be_changed_and_libraries_stay_quiet() {
    let written = lines(LogLevel::Info, LogFormat::Text, |logs| {
        tracing::debug!("too early");
        tracing::info!(target: "hyper::client", "a library");
        tracing::warn!(target: "hyper::client", "a library in trouble");
        logs.set_level(LogLevel::Debug);
        tracing::debug!("now");
        logs.set_level(LogLevel::Error);
        tracing::warn!("too late");
        tracing::warn!(target: "hyper::client", "a library, too late");
    });
    assert_eq!(written, ["WARN a library in trouble", "DEBUG now"]);
}

#[test]
fn the_journal_has_level_message_and_fields() {
    let page = Page::default();
    let writer = page.clone();
    let (subscriber, _logs) = subscriber(LogLevel::Info, Form::Journal, move || writer.clone());
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(client = %"10.1.2.0/24", rtt_ms = 85, "routing decision");
        tracing::error!(evil = "x\nPRIORITY=0\u{1b}[2J", "two\nlines");
    });
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        text,
        "PRIORITY=6\nSYSLOG_IDENTIFIER=opengslb\n\
         MESSAGE=routing decision client=10.1.2.0/24 rtt_ms=85\n\
         OPENGSLB_CLIENT=10.1.2.0/24\nOPENGSLB_RTT_MS=85\n\
         PRIORITY=3\nSYSLOG_IDENTIFIER=opengslb\n\
         MESSAGE=two\\nlines evil=\"x\\nPRIORITY=0\\u{1b}[2J\"\n\
         OPENGSLB_EVIL=x\\nPRIORITY=0\\u{1b}[2J\n"
    );
}
