//! A few words on a connection.

use health::{CheckSpec, Dialogue, ErrorText, FailReason};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::text_of;

/// Says what is to be said, and reads until the expected comes, or as far as a greeting may be.
pub(super) async fn hold(mut stream: TcpStream, check: &Dialogue) -> Result<(), FailReason> {
    let broken = |error: std::io::Error| FailReason::Connect(text_of(&error));
    if let Some(send) = &check.send {
        stream.write_all(send.as_bytes()).await.map_err(broken)?;
    }
    let Some(expect) = &check.expect else { return Ok(()) };
    let mut read: Vec<u8> = Vec::with_capacity(256);
    let mut stream = stream.take(CheckSpec::ANSWER_BYTES_MAX as u64);
    while stream.read_buf(&mut read).await.map_err(broken)? > 0 {
        if read.windows(expect.len()).any(|window| window == expect.as_bytes()) {
            return Ok(());
        }
    }
    let start = read.get(..read.len().min(ErrorText::BYTES_MAX)).unwrap_or_default();
    let said = format!("{:?}, expected {expect:?}", String::from_utf8_lossy(start));
    Err(FailReason::Answer(ErrorText::new(&said)))
}
