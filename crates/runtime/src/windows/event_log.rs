//! The event log of Windows: that the service started, ended or failed. Everything else is in the
//! log file. Where the event log cannot be had nothing is said; the file has it too.

#![expect(unsafe_code, reason = "std knows no event log")]

use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, RegisterEventSourceW,
    ReportEventW,
};

/// Who speaks, in the viewer's column "Source".
const SOURCE: &str = "OpenGSLB";

/// The one kind of event there is; its text says the rest.
const EVENT_ID: u32 = 1;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// As it should be.
    Information,
    /// Somebody should look.
    Error,
}

/// Writes one event.
pub fn report(weight: Weight, text: &str) {
    let kind = match weight {
        Weight::Information => EVENTLOG_INFORMATION_TYPE,
        Weight::Error => EVENTLOG_ERROR_TYPE,
    };
    let [source, text] = [SOURCE, text].map(wide);
    // SAFETY: no server, and a name that ends with a zero and lives through the call.
    let log = unsafe { RegisterEventSourceW(std::ptr::null(), source.as_ptr()) };
    if log.is_null() {
        return;
    }
    let lines = [text.as_ptr()];
    let nobody = std::ptr::null_mut();
    // SAFETY: the handle is open; one line that ends with a zero and lives through the call, no user
    // and no data. Then the handle is closed and used no more.
    unsafe {
        ReportEventW(log, kind, 0, EVENT_ID, nobody, 1, 0, lines.as_ptr(), std::ptr::null());
        DeregisterEventSource(log);
    }
}

/// As Windows wants it: a zero at its end and nowhere else.
fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().filter(|unit| *unit != 0).chain([0]).collect()
}
