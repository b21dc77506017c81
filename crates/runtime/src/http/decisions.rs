//! Decisions as they are made, as server-sent events (HTML, 9.2): for eyes, not for counting. What is
//! left out is told with the next one.

use std::time::Duration;

use api::Kind;
use api::decisions::DecisionMade;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use model::Subnet;
use tokio::time::timeout;

use super::Server;
use super::call::Call;
use super::refusal::Refusal;
use super::stream::stream;

/// Events that wait for a slow reader, beside those in the queue of the tail.
const WAITING_MAX: usize = 16;
/// After this much silence something is said, so that proxies keep the connection, and a reader that
/// is gone is found out.
const SILENCE: Duration = Duration::from_secs(15);
/// What is said then: a comment.
const STILL_HERE: &str = ": still here\n\n";

pub(super) fn watch(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let domain: Option<String> = call.query("domain")?;
    let within: Option<Subnet> = call.query("prefix")?;
    let Some(mut watcher) = server.behind.tail.watch(call.origin) else {
        let detail = "as many watch as may at a time: close another one";
        return Err(Refusal::new(Kind::TooManyListeners, detail));
    };
    if let Some(lease) = &call.lease {
        lease.take();
    }
    let (events, body) = stream(WAITING_MAX);
    let is_wanted = move |decision: &DecisionMade| {
        domain.as_ref().is_none_or(|domain| domain.eq_ignore_ascii_case(&decision.domain))
            && within.is_none_or(|within| {
                decision.client.parse().is_ok_and(|client: Subnet| within.covers(client))
            })
    };
    tokio::spawn(async move {
        // Something at once: the reader knows that it is heard.
        let mut event = Bytes::from_static(STILL_HERE.as_bytes());
        while events.send(Ok(event)).await.is_ok() {
            event = match timeout(SILENCE, next(&mut watcher, &is_wanted)).await {
                Ok(Some(event)) => event,
                Ok(None) => return,
                Err(_) => Bytes::from_static(STILL_HERE.as_bytes()),
            };
        }
    });
    Ok(([(CONTENT_TYPE, "text/event-stream")], body).into_response())
}

async fn next(
    watcher: &mut crate::tail::Watcher,
    is_wanted: &impl Fn(&DecisionMade) -> bool,
) -> Option<Bytes> {
    loop {
        let decision = watcher.next().await?;
        if is_wanted(&decision) {
            // Plain data: there is nothing in it that JSON cannot say.
            let data = serde_json::to_string(&*decision).unwrap_or_default();
            return Some(format!("event: decision\ndata: {data}\n\n").into());
        }
    }
}
