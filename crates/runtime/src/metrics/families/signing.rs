//! Metrics of signed zones.

use dnssec::Fault;
use dnssec::State::{Active, Published, Ready, Retired};

use crate::metrics::family::{Bound, Family, Label};

families! {
    KEYS = gauge(
        "dnssec_keys",
        &[Label::new("state", Bound::Words(|| [Published, Ready, Active, Retired].map(dnssec::State::as_str).to_vec()))],
        "Keys of signed zones"
    );
    FAULTS = gauge(
        "dnssec_faults",
        &[Label::new("fault", Bound::Words(|| Fault::NAMES.to_vec()))],
        "What keeps zones from being signed well"
    );
    EXPIRY = gauge(
        "dnssec_signature_expiry_timestamp_seconds", &[],
        "Until when signatures hold that are made now, in seconds since 1970; only with a signed zone"
    );
}
