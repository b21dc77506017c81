//! HTTP as an operator speaks it: over TCP and over the control socket.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A GET over TCP: status and body.
pub(crate) fn get(server: SocketAddr, path: &str) -> (u16, String) {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    exchange(stream, &format!("GET {path}"))
}

/// A document of the API.
#[track_caller]
pub(crate) fn document(server: SocketAddr, path: &str) -> serde_json::Value {
    let (status, body) = get(server, path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// A POST over the control socket: status and body.
pub(crate) fn post(socket: &Path, path: &str) -> (u16, String) {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    exchange(stream, &format!("POST {path}"))
}

fn exchange(mut stream: impl Read + Write, request: &str) -> (u16, String) {
    let head = "HTTP/1.1\r\nHost: opengslb\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(format!("{request} {head}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The numbers at `/metrics`, by name with labels. Every line of the page has to make sense.
#[track_caller]
pub(crate) fn metrics(server: SocketAddr) -> BTreeMap<String, f64> {
    let (status, page) = get(server, "/metrics");
    assert_eq!(status, 200);
    parse(&page)
}

/// Reads Prometheus' text format, and checks that it is that.
#[track_caller]
fn parse(page: &str) -> BTreeMap<String, f64> {
    let (mut kinds, mut numbers) = (BTreeMap::new(), BTreeMap::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (family, kind) = rest.split_once(' ').unwrap();
            assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{line}");
            assert!(kinds.insert(family, kind).is_none(), "twice: {line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.split_once(' ').is_some_and(|(_, text)| !text.is_empty()), "{line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert!(name.starts_with("opengslb_"), "{line}");
        assert!(labels.ends_with('}') && labels.matches('"').count() % 2 == 0, "{line}");
        // A histogram's series are three.
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let family = family.filter(|family| kinds.get(family) == Some(&"histogram"));
        let kind = kinds.get(family.unwrap_or(name));
        let kind = *kind.unwrap_or_else(|| panic!("no TYPE before {line}"));
        assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        assert!(numbers.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{line}");
    }
    assert!(numbers.len() > 5, "{page}");
    numbers
}
