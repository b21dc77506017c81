//! The backends' web server: enough HTTP for a health check and a client.
//!
//! It answers GET of any path with one small text. One thread a connection, a bounded number.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;

use crate::sys::{namespaces, process};

/// More connections at once wait in the kernel's backlog.
const CONNECTIONS_MAX: usize = 2000;
/// A client that says nothing for so long is hung up on.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Longer request heads are refused.
const HEAD_BYTES_MAX: u64 = 16 * 1024;
/// A thread only reads lines and writes one text.
const STACK_BYTES: usize = 64 * 1024;

/// `lab __web`: serves port 80 of both families.
pub(crate) fn run() -> anyhow::Result<()> {
    process::die_with_parent()?;
    process::raise_file_limit()?;
    let name = namespaces::host_name()?;
    let listener = TcpListener::bind("[::]:80").context("listening on port 80")?;
    serve(&listener, Arc::from(format!("hello from {name}\n")))
}

fn serve(listener: &TcpListener, body: Arc<str>) -> anyhow::Result<()> {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // Out of descriptors or a client that is gone already.
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        while open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            std::thread::sleep(Duration::from_millis(5));
        }
        open.fetch_add(1, Ordering::Relaxed);
        let (body, counter) = (Arc::clone(&body), Arc::clone(&open));
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
            // A client that breaks off is no fault of the server.
            let _ = converse(&stream, &body);
            counter.fetch_sub(1, Ordering::Relaxed);
        });
        if thread.is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Answers requests until the client closes or asks to.
fn converse(stream: &TcpStream, body: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(IDLE_MAX))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_head(&mut reader)? {
        let (status, body) =
            if request.get { ("200 OK", body) } else { ("405 Method Not Allowed", "only GET\n") };
        let connection = if request.close { "close" } else { "keep-alive" };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
             Connection: {connection}\r\n\r\n{body}",
            body.len()
        );
        let mut out = stream;
        out.write_all(answer.as_bytes())?;
        if request.close {
            break;
        }
    }
    Ok(())
}

struct Request {
    get: bool,
    close: bool,
}

/// Reads one request's head; `None` where the client has closed.
fn read_head(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut head = reader.take(HEAD_BYTES_MAX);
    let mut line = String::new();
    if head.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut request = Request { get: line.starts_with("GET "), close: line.contains(" HTTP/1.0") };
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            return Ok(Some(request));
        }
        request.close |= header.starts_with("connection:") && header.contains("close");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_end_with_an_empty_line() {
        let head = |text: &str| read_head(&mut text.as_bytes());
        let request = head("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap().unwrap();
        assert!(request.get && !request.close);
        let request = head("PUT / HTTP/1.1\r\nConnection: Close\r\n\r\n").unwrap().unwrap();
        assert!(!request.get && request.close);
        assert!(head("").unwrap().is_none());
        assert!(head("GET / HTTP/1.1\r\n").is_err());
        assert!(head(&"x".repeat(100_000)).is_err());
    }
}
