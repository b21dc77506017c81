//! As much of an HTTP/1.1 client as the lab needs: GET over plain TCP, GET and PUT over a local socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail};

/// Longer answers are cut off; the largest document asked for here is a learned table.
const BODY_BYTES_MAX: u64 = 64 << 20;
/// Longer heads are refused.
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// An answer.
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The status line and the headers, as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Where a URL leads.
#[derive(Debug, PartialEq)]
pub(crate) struct Url<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) path: &'a str,
}

impl<'a> Url<'a> {
    /// Takes `http://HOST[:PORT][/PATH]`, the scheme optional; an IPv6 host stands in brackets.
    pub(crate) fn parse(text: &'a str) -> anyhow::Result<Self> {
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some((scheme, _)) => bail!("only http is spoken here, not {scheme}"),
            None => text,
        };
        let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().context("the port")?),
            _ => (authority, 80),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            bail!("{text:?} names no host");
        }
        Ok(Self { host, port, path })
    }
}

/// Fetches a page; `timeout` is for each step, not for the whole.
pub(crate) fn get(url: &Url<'_>, timeout: Duration) -> anyhow::Result<Response> {
    let place = format!("{} port {}", url.host, url.port);
    let mut addresses = (url.host, url.port).to_socket_addrs()?;
    let address = addresses.next().with_context(|| format!("{} has no address", url.host))?;
    let stream = TcpStream::connect_timeout(&address, timeout)
        .with_context(|| format!("Failed to connect to {place}"))?;
    stream.set_read_timeout(Some(timeout))?;
    let answer = exchange(&stream, url);
    answer.with_context(|| format!("no full answer from {place}"))
}

/// Asks for a page and reads the answer.
pub(crate) fn exchange<Stream>(stream: &Stream, url: &Url<'_>) -> anyhow::Result<Response>
where
    for<'a> &'a Stream: Read + Write,
{
    send(stream, url, ("GET", ""))
}

/// Sends a JSON document and reads the answer.
pub(crate) fn put<Stream>(stream: &Stream, url: &Url<'_>, json: &str) -> anyhow::Result<Response>
where
    for<'a> &'a Stream: Read + Write,
{
    let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", json.len());
    send(stream, url, ("PUT", &format!("{more}\r\n{json}")))
}

/// `rest`: more headers and a body, where there is one.
fn send<Stream>(
    stream: &Stream,
    url: &Url<'_>,
    (method, rest): (&str, &str),
) -> anyhow::Result<Response>
where
    for<'a> &'a Stream: Read + Write,
{
    let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.into() };
    let rest = if rest.is_empty() { "\r\n" } else { rest };
    let request = format!(
        "{method} {} HTTP/1.1\r\nHost: {host}:{}\r\nUser-Agent: opengslb-lab\r\nAccept: */*\r\n\
         Connection: close\r\n{rest}",
        url.path, url.port
    );
    let mut out = stream;
    out.write_all(request.as_bytes())?;
    read_response(&mut BufReader::new(stream))
}

fn read_response(reader: &mut impl BufRead) -> anyhow::Result<Response> {
    let mut head = String::new();
    let mut lines = reader.by_ref().take(HEAD_BYTES_MAX);
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head)? == 0 {
            bail!("the answer has no complete head");
        }
    }
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.context("the answer has no status")?;
    let header = |name: &str| {
        let mut headers = head.lines().filter_map(|line| line.split_once(':'));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let mut body = Vec::new();
    if header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        read_chunks(reader, &mut body)?;
    } else {
        let length = header("content-length").and_then(|value| value.parse().ok());
        let limit = length.unwrap_or(BODY_BYTES_MAX).min(BODY_BYTES_MAX);
        reader.take(limit).read_to_end(&mut body)?;
        if length.is_some_and(|length| length != body.len() as u64) {
            bail!("the answer ends too early");
        }
    }
    Ok(Response { status, head, body })
}

/// RFC 9112, 7.1.
fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> anyhow::Result<()> {
    loop {
        let mut line = String::new();
        reader.by_ref().take(256).read_line(&mut line)?;
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).context("a chunk without a size")?;
        if size == 0 || body.len() as u64 + size > BODY_BYTES_MAX {
            return Ok(());
        }
        let read = reader.by_ref().take(size).read_to_end(body)?;
        if read as u64 != size {
            bail!("the answer ends too early");
        }
        line.clear();
        reader.by_ref().take(2).read_line(&mut line)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = Url::parse("http://10.1.1.10:8080/api/v1/x?y=1").unwrap();
        assert_eq!(url, Url { host: "10.1.1.10", port: 8080, path: "/api/v1/x?y=1" });
        assert_eq!(Url::parse("a.b").unwrap(), Url { host: "a.b", port: 80, path: "/" });
        let url = Url::parse("http://[fd00::1]/").unwrap();
        assert_eq!((url.host, url.port), ("fd00::1", 80));
        for wrong in ["https://a/", "http:///x", "http://a:b/"] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bodies_end_by_length_by_chunks_or_with_the_connection() {
        let read = |text: &str| read_response(&mut text.as_bytes());
        let body = |text: &str| String::from_utf8(read(text).unwrap().body).unwrap();
        assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"), "ab");
        assert_eq!(body("HTTP/1.1 200 OK\r\n\r\nabc"), "abc");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                       2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n";
        assert_eq!(body(chunked), "abc");
        assert!(read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").is_err());
        assert!(read("HTTP/1.1 200 OK\r\n").is_err());
        assert!(read("\r\n\r\n").is_err());
    }
}
