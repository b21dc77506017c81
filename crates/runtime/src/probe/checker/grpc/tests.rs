//! Calls to a server that answers one recorded thing by HTTP/2.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use health::{CheckKind, CheckSpec, Outcome};
use hyper::body::Frame;
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::super::Checker;
use super::*;

/// What a server answers: the status, then the message, then the trailers.
#[derive(Clone)]
struct Answer {
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static [u8],
    trailers: &'static [(&'static str, &'static str)],
}

const SERVES: Answer = Answer {
    status: 200,
    headers: &[],
    body: b"\0\0\0\0\x02\x08\x01",
    trailers: &[("grpc-status", "0")],
};

/// A body of these frames.
struct Frames(VecDeque<Frame<Bytes>>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (hyper::header::HeaderName::from_static(name), value.parse().unwrap())
    };
    pairs.iter().map(pair).collect()
}

/// A server for one connection; what it was asked, as a line and the body.
async fn server(answer: Answer) -> (SocketAddr, Arc<Mutex<Vec<(String, Vec<u8>)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(move |request: Request<Incoming>| {
            let (answer, heard) = (answer.clone(), Arc::clone(&heard));
            async move {
                let line = format!("{} {}", request.method(), request.uri());
                let body = request.into_body().collect().await.unwrap().to_bytes().to_vec();
                heard.lock().await.push((line, body));
                let data = Frame::data(Bytes::from_static(answer.body));
                let frames = [data, Frame::trailers(headers(answer.trailers))];
                let mut response = Response::new(Frames(frames.into()));
                *response.status_mut() = answer.status.try_into().unwrap();
                response.headers_mut().extend(headers(answer.headers));
                Ok::<_, Infallible>(response)
            }
        });
        let connection = server::Builder::new(TokioExecutor::new());
        // The other end hangs up once it knows.
        let _ = connection.serve_connection(TokioIo::new(stream), service).await;
    });
    (address, asked)
}

async fn check(answer: Answer, expect: Result<(), &str>) {
    let (address, asked) = server(answer).await;
    let grpc = GrpcCheck { service: Some("demo.App".to_owned()), host: None, server_name: None };
    let spec = CheckSpec {
        kind: CheckKind::Grpc(grpc),
        interval_ms: 60_000,
        timeout_ms: 10_000,
        failure_threshold: 1,
        success_threshold: 1,
    };
    let report = Checker::new().unwrap().check(address, &spec).await;
    let judged = match report.outcome {
        Outcome::Pass { .. } => Ok(()),
        Outcome::Fail(reason) => Err(reason.to_string()),
    };
    assert_eq!(judged, expect.map_err(str::to_owned));
    let line = format!("POST http://{address}/grpc.health.v1.Health/Check");
    assert_eq!(*asked.lock().await, [(line, b"\0\0\0\0\x0a\x0a\x08demo.App".to_vec())]);
}

#[tokio::test]
async fn only_serving_passes() {
    check(SERVES, Ok(())).await;
    let not = Answer { body: b"\0\0\0\0\x02\x08\x02", ..SERVES };
    check(not, Err("wrong answer: NOT_SERVING")).await;
    check(Answer { body: b"\0\0\0\0\0", ..SERVES }, Err("wrong answer: UNKNOWN")).await;
    check(Answer { body: b"", ..SERVES }, Err("wrong answer: no health answer")).await;
    let compressed = Answer { body: b"\x01\0\0\0\x02\x08\x01", ..SERVES };
    check(compressed, Err("wrong answer: no health answer")).await;
    check(Answer { status: 404, ..SERVES }, Err("status 404")).await;
    check(Answer { body: &[7; 4_000], ..SERVES }, Err("wrong answer: more than a health answer"))
        .await;
    let unknown = &[("grpc-status", "5"), ("grpc-message", "unknown service")];
    let trailers_only = Answer { headers: unknown, body: b"", ..SERVES };
    check(trailers_only, Err("wrong answer: grpc-status 5 unknown service")).await;
    let late = Answer { trailers: unknown, ..SERVES };
    check(late, Err("wrong answer: grpc-status 5 unknown service")).await;
}
