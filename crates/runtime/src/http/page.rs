//! The page at `/`: sends the files that [`api::page`] has. Everybody may have them; what they show, they
//! ask for themselves.

use api::page::{FILES, File, POLICY};
use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse as _;
use axum::routing::get;

/// The files at their paths.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let add = |router: Router<S>, file: &'static File| {
        let head = [
            (CONTENT_TYPE, file.media_type),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            // Files of two releases do not fit together: ask each time.
            (CACHE_CONTROL, "no-cache"),
        ];
        router.route(file.path, get(move || async move { (head, file.text).into_response() }))
    };
    FILES.iter().fold(Router::new(), add)
}
