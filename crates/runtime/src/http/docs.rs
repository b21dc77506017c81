//! The contract for people: one page of our own, in the binary, that shows the served document. It
//! asks nobody else for anything.

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

/// Where it stands; problems refer to it.
pub(super) const PATH: &str = "/api/docs";
/// What it does.
pub(super) const SCRIPT_PATH: &str = "/api/docs.js";

/// Only what this server says may run, look or be asked here.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; \
                      img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

pub(super) async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("docs.html"))
}

pub(super) async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("docs.js"))
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    let head = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (head, text).into_response()
}
