//! gRPC's health service: `grpc.health.v1.Health/Check` (the gRPC health checking protocol).
//!
//! One call by HTTP/2. What comes back is at most one small message and the trailers; a server that
//! says more is not heard to the end.

use health::{ErrorText, FailReason, GrpcCheck};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2;
use hyper::header::{CONTENT_TYPE, HeaderMap, TE, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{AGENT, driven_by, text_of};

/// A health answer has seven bytes; more than this is another kind of answer.
const ANSWER_BYTES_MAX: usize = 1_024;
/// Whether it is compressed, and a length, before each message of gRPC.
const PREFIX_BYTES: usize = 5;
/// Header fields of an answer; one that says more fails the check.
const HEADERS_BYTES_MAX: u32 = 16 * 1024;

/// `HealthCheckRequest`.
#[derive(Clone, PartialEq, Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

/// `HealthCheckResponse`.
#[derive(Clone, PartialEq, Message)]
struct HealthCheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `SERVING`.
const SERVING: i32 = 1;

/// Calls, and judges what comes back.
pub(super) async fn ask<S>(
    stream: S,
    (scheme, authority): (&str, &str),
    check: &GrpcCheck,
) -> Result<(), FailReason>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = Request::post(format!("{scheme}://{authority}/grpc.health.v1.Health/Check"))
        .header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers")
        .header(USER_AGENT, AGENT)
        .body(Full::new(message(check)))
        .map_err(|error| no_http(&error))?;
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .max_header_list_size(HEADERS_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| no_http(&error))?;
    let judged = async {
        let response = sender.send_request(request).await.map_err(|error| no_http(&error))?;
        judge(response).await
    };
    driven_by(connection, judged).await
}

/// The request with its prefix.
fn message(check: &GrpcCheck) -> Bytes {
    let request = HealthCheckRequest { service: check.service.clone().unwrap_or_default() };
    let body = request.encode_to_vec();
    // A service's name is bounded far below.
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&[0][..], &length.to_be_bytes(), &body].concat().into()
}

async fn judge(response: Response<Incoming>) -> Result<(), FailReason> {
    let status = response.status();
    if status != hyper::StatusCode::OK {
        return Err(FailReason::Status(status.as_u16()));
    }
    // An answer that is nothing but an error says so in its first header fields.
    check_status(response.headers())?;
    let mut body = response.into_body();
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| no_http(&error))?;
        if let Some(trailers) = frame.trailers_ref() {
            check_status(trailers)?;
        }
        bytes.extend(frame.data_ref().into_iter().flatten());
        if bytes.len() > ANSWER_BYTES_MAX {
            return wrong("more than a health answer");
        }
    }
    match serving_status(&bytes) {
        Some(SERVING) => Ok(()),
        Some(0) => wrong("UNKNOWN"),
        Some(2) => wrong("NOT_SERVING"),
        Some(3) => wrong("SERVICE_UNKNOWN"),
        Some(other) => wrong(&format!("status {other}")),
        None => wrong("no health answer"),
    }
}

/// A `grpc-status` that is not 0, with what is said about it.
fn check_status(headers: &HeaderMap) -> Result<(), FailReason> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("grpc-status") {
        None | Some("0") => Ok(()),
        Some(status) => {
            let said = text("grpc-message").unwrap_or_default();
            wrong(format!("grpc-status {status} {said}").trim_end())
        }
    }
}

/// The status in one message that is not compressed; an absent field is 0.
fn serving_status(bytes: &[u8]) -> Option<i32> {
    let (prefix, message) = bytes.split_at_checked(PREFIX_BYTES)?;
    let (compressed, length) = prefix.split_first()?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let is_whole = *compressed == 0 && usize::try_from(length).ok()? == message.len();
    HealthCheckResponse::decode(message).ok().filter(|_| is_whole).map(|answer| answer.status)
}

fn wrong(text: &str) -> Result<(), FailReason> {
    Err(FailReason::Answer(ErrorText::new(text)))
}

fn no_http(error: &dyn std::error::Error) -> FailReason {
    FailReason::Http(text_of(error))
}

#[cfg(test)]
mod tests;
