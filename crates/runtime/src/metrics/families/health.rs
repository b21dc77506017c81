//! Metrics of checks: how they ended, whether they are in time, and servers that strain.

use ::health::{FailReason, Signal};

use crate::metrics::family::{Bound, Family, Label};

/// Every reason to fail.
const REASONS: Bound = Bound::Words(|| FailReason::WORDS.to_vec());
/// What can strain, and what a newer agent may know.
const SIGNALS: Bound =
    Bound::Words(|| Signal::ALL.map(Signal::as_str).into_iter().chain([UNKNOWN_SIGNAL]).collect());
/// A signal that this version does not know.
pub const UNKNOWN_SIGNAL: &str = "unknown";

families! {
    PASSED = counter("health_checks_passed", &[], "Checks of servers that passed");
    FAILED = counter(
        "health_checks_failed", &[Label::new("reason", REASONS)], "Checks of servers that did not"
    );
    LATE = counter(
        "health_checks_late", &[], "Checks that began more than a second after their time"
    );
    LATENESS_MS = counter(
        "health_checks_lateness_ms", &[], "Milliseconds by which checks began late, together"
    );
    STRAINED = gauge(
        "backends_strained",
        &[Label::new("signal", SIGNALS)],
        "Servers that get less of the clients since they strain"
    );
    CERTIFICATES_ENDING = gauge(
        "certificates_ending", &[], "Checked servers whose certificate ends within three weeks"
    );
    CERTIFICATE_DAYS = gauge(
        "certificate_days_left_least", &[], "Days left to the certificate that ends first; 0 once it has"
    );
}
