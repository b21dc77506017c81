//! One line a log event, on standard error: text for eyes and `grep`, or JSON.
//!
//! ```text
//! 2025-12-19T10:05:00Z INFO routing decision client=10.1.2.0/24 region=eu-west
//! {"time":"2025-12-19T10:05:00Z","level":"info","message":"routing decision","client":"10.1.2.0/24"}
//! ```
//!
//! Where standard error is the journal's own stream, each event goes to the journal with its fields
//! instead (`journal`), whatever the format.
//!
//! Only the edge logs. What a stranger sent may stand in a value, so values are quoted and escaped
//! wherever they could be taken for more than a value, and nothing can begin a line of its own.

mod file;

#[cfg(unix)]
mod journal;

use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;

use config::{LogFormat, LogLevel};
#[cfg(unix)]
use journal::Journal;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The crates that log: the edges. What the libraries below say is shown from `warn` on.
const OURS: [&str; 5] = ["opengslb", "runtime", "tcpstat", "store", "lab"];

/// The log of the process, to be turned up or down while it runs.
///
/// Lines are written by a thread of their own, so that a terminal or a pipe that stalls holds up no
/// answer. Dropping the log writes what is waiting.
#[derive(Debug)]
pub struct Logs {
    filter: reload::Handle<Targets, Registry>,
    _writer: Option<WorkerGuard>,
}

/// Lines that wait for a reader who stalls: a few megabytes, some minutes of a busy log. Past it the
/// newest are lost.
const LINES_WAITING_MAX: usize = 16_384;

/// Another log was started in this process before.
#[derive(Debug, thiserror::Error)]
#[error("this process has a log already")]
pub struct LogsStartedTwice(#[source] tracing_subscriber::util::TryInitError);

impl Logs {
    /// Starts the log of the process, once.
    ///
    /// # Errors
    ///
    /// It was started before.
    pub fn start(level: LogLevel, format: LogFormat) -> Result<Self, LogsStartedTwice> {
        #[cfg(unix)]
        if let Some(journal) = Journal::of_this_process() {
            return Self::begin(level, Form::Journal, lines().finish(journal));
        }
        Self::begin(level, Form::Line(format), lines().finish(io::stderr()))
    }

    /// Starts the log of the process in a file, once: for a service whose standard error nobody
    /// reads.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or a log was started before.
    pub fn start_in(level: LogLevel, format: LogFormat, path: &Path) -> io::Result<Self> {
        let file = file::LogFile::open(path, file::BYTES_MAX)?;
        Self::begin(level, Form::Line(format), lines().finish(file)).map_err(io::Error::other)
    }

    fn begin(
        level: LogLevel,
        form: Form,
        (lines, guard): (NonBlocking, WorkerGuard),
    ) -> Result<Self, LogsStartedTwice> {
        let (subscriber, logs) = subscriber(level, form, lines);
        subscriber.try_init().map_err(LogsStartedTwice)?;
        Ok(Self { _writer: Some(guard), ..logs })
    }

    /// Sets which lines are written from now on.
    pub fn set_level(&self, level: LogLevel) {
        // Fails only when the subscriber is gone, and then nothing is written anyway.
        drop(self.filter.reload(filter(level)));
    }
}

/// Lines that a thread writes.
fn lines() -> NonBlockingBuilder {
    NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LINES_WAITING_MAX)
        .thread_name("log")
}

/// The whole of the log, to be started or to be tested.
fn subscriber<W>(level: LogLevel, form: Form, writer: W) -> (impl Subscriber + Send + Sync, Logs)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(level));
    let lines = tracing_subscriber::fmt::layer().event_format(Lines(form)).with_writer(writer);
    (
        tracing_subscriber::registry().with(filter).with(lines),
        Logs { filter: handle, _writer: None },
    )
}

fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let others = level.min(LevelFilter::WARN);
    Targets::new().with_default(others).with_targets(OURS.map(|target| (target, level)))
}

/// An error and all its causes in one line, as in `cannot bind: permission denied`.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    // Chains are a handful of errors; the limit is for one that goes in a circle.
    for _ in 0..16 {
        let Some(error) = cause else { break };
        let _never_fails = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// A line of this format.
    Line(LogFormat),
    /// A message to the journal.
    #[cfg(unix)]
    Journal,
}

/// Writes events.
struct Lines(Form);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields { message: String::new(), others: Vec::new() };
        event.record(&mut fields);
        let level = *event.metadata().level();
        let time = crate::clock::wall().to_rfc3339();
        match self.0 {
            Form::Line(LogFormat::Text) => fields.write_text(&mut writer, &time, level),
            Form::Line(LogFormat::Json) => fields.write_json(&mut writer, &time, level),
            #[cfg(unix)]
            Form::Journal => journal::write(&fields, level, &mut writer),
        }
    }
}

/// The fields of one event, in the order they were given.
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn write_text(&self, writer: &mut Writer<'_>, time: &str, level: Level) -> fmt::Result {
        write!(writer, "{time} {level} ")?;
        self.write_words(writer)?;
        writeln!(writer)
    }

    /// The message and its fields, as text that is one line.
    fn write_words(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write_escaped(&self.message, writer)?;
        for (name, value) in &self.others {
            match value {
                Value::String(text) if is_bare(text) => write!(writer, " {name}={text}")?,
                Value::String(text) => write!(writer, " {name}={text:?}")?,
                value => write!(writer, " {name}={value}")?,
            }
        }
        Ok(())
    }

    fn write_json(&self, writer: &mut Writer<'_>, time: &str, level: Level) -> fmt::Result {
        let level = level.as_str().to_ascii_lowercase();
        let message = Value::from(self.message.as_str());
        write!(writer, r#"{{"time":"{time}","level":"{level}","message":{message}"#)?;
        for (name, value) in &self.others {
            write!(writer, r#","{name}":{value}"#)?;
        }
        writeln!(writer, "}}")
    }

    fn push(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            ("message", other) => self.message = other.to_string(),
            (name, value) => self.others.push((name, value)),
        }
    }
}

/// A text in which nothing can begin a line.
fn write_escaped(text: &str, writer: &mut Writer<'_>) -> fmt::Result {
    text.chars().try_for_each(|c| match c {
        c if c.is_control() => write!(writer, "{}", c.escape_default()),
        c => writer.write_char(c),
    })
}

/// A value by itself.
fn write_value(value: &Value, writer: &mut Writer<'_>) -> fmt::Result {
    match value {
        Value::String(text) => write_escaped(text, writer),
        value => write!(writer, "{value}"),
    }
}

/// Whether a value can stand in a line of text as it is, and still be told from what is around it.
fn is_bare(text: &str) -> bool {
    let stands = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=' | '\\');
    !text.is_empty() && text.chars().all(stands)
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.push(field, chain(value).into());
    }
}

#[cfg(test)]
mod tests;
