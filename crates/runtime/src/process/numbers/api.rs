//! The numbers of the API.

use crate::http::ApiCounters;
use crate::metrics::Page;
use crate::metrics::families::api as family;

/// What became of requests.
pub(in crate::process) fn of_requests(page: &mut Page, counters: ApiCounters) {
    page.set(&family::REQUESTS, counters.answered);
    page.each(&family::REFUSED, counters.refused);
}
