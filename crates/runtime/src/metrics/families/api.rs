//! Metrics of the REST API.

use api::Kind;

use crate::metrics::family::{Bound, Family, Label};

/// Every kind of refusal.
const KINDS: Bound = Bound::Words(|| Kind::ALL.map(Kind::as_str).to_vec());

families! {
    REQUESTS = counter("api_requests", &[], "Requests to the API, refused ones among them");
    REFUSED = counter(
        "api_requests_refused",
        &[Label::new("reason", KINDS)],
        "Requests to the API that were refused; unauthenticated: wrong or missing tokens"
    );
}
