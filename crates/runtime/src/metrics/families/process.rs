//! Metrics of every process: which release, and on which configuration.

use crate::metrics::family::{Bound, Family, Label};

families! {
    INFO = gauge("app_info", &[Label::new("version", Bound::Release)], "The release; always 1");
    STARTED = gauge("app_start_time_seconds", &[], "When the process started, in seconds since 1970");
    CONFIG_LOADED = gauge(
        "config_load_timestamp_seconds", &[],
        "When the configuration that runs was read, in seconds since 1970"
    );
    CONFIG_RELOADS = counter(
        "config_reloads",
        &[Label::new("result", Bound::Words(|| vec!["applied", "refused"]))],
        "Times that the configuration was read again"
    );
    PANICS = counter(
        "panics",
        &[Label::new("thread", Bound::Words(crate::panics::words))],
        "Faults in this program, by the thread they were in: what it was doing was dropped, and it goes on"
    );
    SANDBOX = gauge(
        "sandbox",
        &[Label::new("layer", Bound::Words(|| crate::confine::LAYERS.to_vec()))],
        "What the process has forbidden itself: 1 where this part of the sandbox is in force"
    );
    CLOCK_OFFSET = gauge(
        "clock_offset_ms", &[],
        "Milliseconds between the system's clock and the time that this process counts from its start"
    );
}
