//! Checks against real listeners on loopback that say one recorded thing.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;

fn http(host: Option<&str>) -> HttpCheck {
    HttpCheck {
        path: "/health?deep=1".to_owned(),
        host: host.map(ToOwned::to_owned),
        status: "2xx".parse().unwrap(),
    }
}

fn spec(kind: CheckKind) -> CheckSpec {
    CheckSpec {
        kind,
        interval_ms: 60_000,
        timeout_ms: 10_000,
        failure_threshold: 1,
        success_threshold: 1,
    }
}

/// A listener that reads one request head and says `response`; hands out what it read.
async fn server(response: &'static [u8]) -> (SocketAddr, oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hear) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        let _nobody_listens = heard.send(head);
        stream.write_all(response).await.unwrap();
    });
    (address, hear)
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// One HTTP check of a server that says `response`; what failed is compared by its text's start.
async fn check(response: &'static [u8], expect: Result<(), &str>) {
    let (address, _) = server(response).await;
    let spec = spec(CheckKind::Http(http(None)));
    let report = Checker::new().unwrap().check(address, &spec).await;
    assert_eq!(report.source, Some(address.ip()));
    match (report.outcome, expect) {
        (Outcome::Pass { connect }, Ok(())) => assert!(connect.us() < 5_000_000),
        (Outcome::Fail(reason), Err(start)) if reason.to_string().starts_with(start) => {}
        (outcome, _) => panic!("{outcome:?} for {:?}", String::from_utf8_lossy(response)),
    }
}

#[tokio::test]
async fn only_the_status_decides() {
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Ok(())).await;
    check(b"HTTP/1.1 204 No Content\r\n\r\n", Ok(())).await;
    check(b"HTTP/1.0 200 OK\r\n\r\nuntil the end", Ok(())).await;
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\ncut short", Ok(())).await;
    check(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Ok(())).await;
    check(b"HTTP/1.1 503 Service Unavailable\r\n\r\n", Err("status 503")).await;
    check(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", Err("status 302")).await;
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    check(b"", Err("no HTTP response: ")).await;
    check(b"HTTP/1.1 ", Err("no HTTP response: ")).await;
    check(b"SSH-2.0-OpenSSH_9.9\r\n", Err("no HTTP response: ")).await;
    const ENDLESS: &[u8] = &[b'a'; 100_000];
    check(ENDLESS, Err("no HTTP response: ")).await;
}

#[tokio::test]
async fn the_request_names_the_host() {
    for (host, expect) in [(None, None), (Some("app.demo.local:81"), Some("app.demo.local:81"))] {
        let (address, hear) = server(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let spec = spec(CheckKind::Http(http(host)));
        Checker::new().unwrap().check(address, &spec).await;
        let head = hear.await.unwrap();
        assert!(head.starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{head}");
        let expect = expect.map_or_else(|| address.to_string(), ToOwned::to_owned);
        assert!(head.contains(&format!("host: {expect}\r\n")), "{head}");
        assert!(head.contains("connection: close\r\n"), "{head}");
    }
}

#[tokio::test]
async fn a_tcp_check_only_connects() {
    let listener = TcpListener::bind("[::1]:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let checker = Checker::new().unwrap();
    let report = checker.check(address, &spec(CheckKind::Tcp)).await;
    assert!(matches!(report.outcome, Outcome::Pass { .. }), "{report:?}");
    assert_eq!(report.source, Some(address.ip()));
    drop(listener);
    let report = checker.check(address, &spec(CheckKind::Tcp)).await;
    let expect = CheckReport { outcome: Outcome::Fail(FailReason::Refused), source: None };
    assert_eq!(report, expect);
}

#[tokio::test]
async fn the_timeout_holds_for_every_phase() {
    // It listens, and the kernel accepts; but nobody ever says a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let checker = Checker::new().unwrap();
    for (kind, phase) in
        [(CheckKind::Http(http(None)), Phase::Response), (CheckKind::Https(http(None)), Phase::Tls)]
    {
        let spec = CheckSpec { timeout_ms: 100, ..spec(kind) };
        let report = checker.check(address, &spec).await;
        assert_eq!(report.outcome, Outcome::Fail(FailReason::TimedOut(phase)));
        assert_eq!(report.source, Some(address.ip()));
    }
}

/// A TLS server with a certificate of its own making; hands out the name asked for and the head.
async fn tls_server() -> (SocketAddr, oneshot::Receiver<(Option<String>, String)>) {
    let made = rcgen::generate_simple_self_signed(["another.name".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hear) = oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let name = stream.get_ref().1.server_name().map(ToOwned::to_owned);
        let head = read_head(&mut stream).await;
        let _nobody_listens = heard.send((name, head));
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
    });
    (address, hear)
}

#[tokio::test]
async fn tls_takes_any_certificate_and_names_the_host() {
    let checker = Checker::new().unwrap();
    for (host, expect) in [(None, None), (Some("app.demo.local:8443"), Some("app.demo.local"))] {
        let (address, hear) = tls_server().await;
        let report = checker.check(address, &spec(CheckKind::Https(http(host)))).await;
        assert!(matches!(report.outcome, Outcome::Pass { .. }), "{report:?}");
        let (name, head) = hear.await.unwrap();
        assert_eq!(name.as_deref(), expect);
        let host = host.map_or_else(|| address.to_string(), ToOwned::to_owned);
        assert!(head.contains(&format!("host: {host}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn what_is_no_tls_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let report = Checker::new().unwrap().check(address, &spec(CheckKind::Https(http(None)))).await;
    assert!(matches!(report.outcome, Outcome::Fail(FailReason::Tls(_))), "{report:?}");
}

#[test]
fn hosts_are_written_as_http_and_tls_want_them() {
    let field = |target: &str, host, port| host_field(target.parse().unwrap(), &http(host), port);
    assert_eq!(field("10.0.0.1:80", None, 80), "10.0.0.1");
    assert_eq!(field("10.0.0.1:80", None, 443), "10.0.0.1:80");
    assert_eq!(field("[2001:db8::1]:443", None, 443), "[2001:db8::1]");
    assert_eq!(field("[2001:db8::1]:8080", None, 80), "[2001:db8::1]:8080");
    assert_eq!(field("10.0.0.1:80", Some("app:81"), 80), "app:81");
    for (host, expect) in [
        ("app", "app"),
        ("app:443", "app"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("10.0.0.1:443", "10.0.0.1"),
    ] {
        assert_eq!(without_port(host), expect);
    }
}
