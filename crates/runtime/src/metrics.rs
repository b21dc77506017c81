//! `GET /metrics` for Prometheus and whoever reads OpenMetrics, and `GET /health`.
//!
//! - [`family`]: what a metric is, and what bounds its labels,
//! - [`families`]: the one table of them,
//! - [`page`]: the numbers of one moment, written,
//! - `accept`: in which of the two formats,
//! - [`mod@reference`]: the table as documentation.
//!
//! Numbers are read where they are counted, at the moment they are asked for; nothing is kept here.
//! Every label is bounded by words of the program or by what an operator configured, so nobody outside can make the page
//! grow.

pub mod family;

pub mod families;

pub mod page;

mod accept;

pub mod reference;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use family::{Configured, DOMAINS_MAX, Family, Kind, NONE, OTHER};
pub use page::{Format, Page};

use crate::http::serve::serve;

/// Where the numbers come from.
pub trait Source: Send + Sync + 'static {
    /// All numbers, as they are now; `None` where the process is going down.
    fn page(&self) -> impl Future<Output = Option<Page>> + Send;
}

/// The server. Dropping it closes it.
#[derive(Debug)]
pub struct MetricsServer {
    local: SocketAddr,
    task: JoinHandle<()>,
}

impl MetricsServer {
    /// Serves the numbers of `source` on a socket that listens.
    ///
    /// # Errors
    ///
    /// The socket has no address.
    pub fn start<S: Source>(listener: TcpListener, source: S) -> std::io::Result<Self> {
        let local = listener.local_addr()?;
        let router = Router::new()
            .route("/metrics", get(metrics::<S>))
            .route("/health", get(async || "OK"))
            .with_state(Arc::new(source));
        Ok(Self { local, task: tokio::spawn(serve(listener, router, None)) })
    }

    /// Where it listens; tells the port where 0 was asked for.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddr {
        self.local
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn metrics<S: Source>(State(source): State<Arc<S>>, headers: HeaderMap) -> Response {
    let Some(page) = source.page().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let accepted = headers.get(ACCEPT).and_then(|header| header.to_str().ok());
    let format = accept::format_of(accepted);
    let head = [(CONTENT_TYPE, format.content_type()), (VARY, "accept")];
    (head, page.write(format)).into_response()
}

#[cfg(test)]
mod tests;
