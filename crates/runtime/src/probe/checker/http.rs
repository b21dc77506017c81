//! A page: one GET, its status, and what it says.
//!
//! Never follows a redirect, and reads no further than it has to.

use health::{CheckSpec, ErrorText, FailReason, HttpCheck};
use http_body_util::{BodyExt as _, Empty};
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{AGENT, driven_by, text_of};

/// A status line and a page of header fields; a response whose head is longer fails the check.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Sends the request and judges the answer.
pub(super) async fn ask<S>(stream: S, host: &str, check: &HttpCheck) -> Result<(), FailReason>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = hyper::Request::get(check.path.as_str())
        .header(HOST, host)
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| no_http(&error))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| no_http(&error))?;
    let judged = async {
        let response = sender.send_request(request).await.map_err(|error| no_http(&error))?;
        judge(response, check).await
    };
    driven_by(connection, judged).await
}

/// The status first; the body only where something is looked for in it.
async fn judge(response: Response<Incoming>, check: &HttpCheck) -> Result<(), FailReason> {
    let status = response.status().as_u16();
    if !check.status.contains(status) {
        return Err(FailReason::Status(status));
    }
    match &check.body {
        // Not read: dropping the connection ends it.
        None => Ok(()),
        Some(text) => find(response.into_body(), text).await,
    }
}

/// Reads until the text is found, or as far as a page may be.
async fn find(mut body: Incoming, text: &str) -> Result<(), FailReason> {
    let mut read: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| no_http(&error))?;
        let Some(bytes) = frame.data_ref() else { continue };
        // What was searched already, but for a beginning of the text at its end.
        let from = read.len().saturating_sub(text.len());
        let room = CheckSpec::BODY_BYTES_MAX - read.len();
        read.extend(bytes.iter().take(room));
        let new = read.get(from..).unwrap_or_default();
        if new.windows(text.len()).any(|window| window == text.as_bytes()) {
            return Ok(());
        }
        if read.len() >= CheckSpec::BODY_BYTES_MAX {
            break;
        }
    }
    let said = format!("the page does not hold {text:?}");
    Err(FailReason::Answer(ErrorText::new(&said)))
}

fn no_http(error: &dyn std::error::Error) -> FailReason {
    FailReason::Http(text_of(error))
}
