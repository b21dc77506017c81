//! `GET /metrics` in Prometheus' text format, and `GET /health`.
//!
//! Numbers are read where they are counted, at the moment they are asked for; nothing is kept here.
//! Every label comes from a closed list, so nobody outside can make the page grow.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::http::serve::serve;

/// One number that is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name without `opengslb_`, and for a counter without `_total`.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its values: labels and number. Labels come from closed lists.
    pub values: Vec<(Vec<(&'static str, String)>, u64)>,
}

/// What a number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

impl Metric {
    /// A counter without labels.
    #[must_use]
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: Kind::Counter, values: vec![(Vec::new(), value)] }
    }

    /// A gauge without labels.
    #[must_use]
    pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: Kind::Gauge, values: vec![(Vec::new(), value)] }
    }

    /// A gauge with one label.
    #[must_use]
    pub fn gauges<L: Into<String>>(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> Self {
        Self { kind: Kind::Gauge, ..Self::counters(name, help, label, values) }
    }

    /// A counter with one label.
    #[must_use]
    pub fn counters<L: Into<String>>(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> Self {
        let values = values.into_iter().map(|(of, value)| (vec![(label, of.into())], value));
        Self { name, help, kind: Kind::Counter, values: values.collect() }
    }
}

/// Where the numbers come from.
pub trait Source: Send + Sync + 'static {
    /// All numbers, as they are now.
    fn metrics(&self) -> impl Future<Output = Vec<Metric>> + Send;
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
            .route("/metrics", get(page::<S>))
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

async fn page<S: Source>(State(source): State<Arc<S>>) -> impl IntoResponse {
    let text = write(source.metrics().await);
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}

/// The numbers as a page.
fn write(metrics: Vec<Metric>) -> String {
    let mut registry = Registry::with_prefix("opengslb");
    registry.register_collector(Box::new(Page(metrics)));
    let mut page = String::new();
    // Writing into a text cannot fail.
    let _ = text::encode(&mut page, &registry);
    page
}

/// One page's numbers on their way into the library.
#[derive(Debug)]
struct Page(Vec<Metric>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for metric in &self.0 {
            let kind = match metric.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut of = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
            match &metric.values[..] {
                [(labels, value)] if labels.is_empty() => metric.kind.encode(*value, of)?,
                values => {
                    for (labels, value) in values {
                        metric.kind.encode(*value, of.encode_family(labels)?)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Kind {
    fn encode(self, value: u64, to: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self {
            Self::Counter => ConstCounter::new(value).encode(to),
            // The library's gauges are signed; no number here comes near the end.
            Self::Gauge => ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_prometheus_reads() {
        let page = write(vec![
            Metric::counter("dns_dropped", "Packets that were no query", 3),
            Metric::counters("decisions", "Decisions", "reason", [("geo_fallback", 7)]),
            Metric::gauge("rows", "Rows", 5),
        ]);
        for line in [
            "# TYPE opengslb_dns_dropped counter",
            "opengslb_dns_dropped_total 3",
            r#"opengslb_decisions_total{reason="geo_fallback"} 7"#,
            "opengslb_rows 5",
            "# EOF",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
