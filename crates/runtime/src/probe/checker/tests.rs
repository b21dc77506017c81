//! Checks against real listeners on loopback that say one recorded thing.

use std::sync::Arc;

use health::{CommandCheck, Dialogue, DnsCheck, HttpCheck, Rcode, Rtype};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::oneshot;

use super::*;

fn http(host: Option<&str>) -> HttpCheck {
    HttpCheck {
        path: "/health?deep=1".to_owned(),
        host: host.map(ToOwned::to_owned),
        server_name: None,
        status: "2xx".parse().unwrap(),
        body: None,
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
async fn a_page_has_to_hold_the_text() {
    let check = async |response: &'static [u8], text: &str, expect: Result<(), &str>| {
        let (address, _) = server(response).await;
        let check = HttpCheck { body: Some(text.to_owned()), ..http(None) };
        let report = Checker::new().unwrap().check(address, &spec(CheckKind::Http(check))).await;
        let judged = match report.outcome {
            Outcome::Pass { .. } => Ok(()),
            Outcome::Fail(reason) => Err(reason.to_string()),
        };
        assert_eq!(judged, expect.map_err(str::to_owned));
    };
    const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nstate: ready\n";
    check(PAGE, "ready", Ok(())).await;
    check(PAGE, "down", Err("wrong answer: the page does not hold \"down\"")).await;
    // In two pieces, and up to the end of the connection.
    const PIECES: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n";
    check(PIECES, "ready", Ok(())).await;
    check(b"HTTP/1.1 503 No\r\n\r\nready", "ready", Err("status 503")).await;
    // A page without an end is read as far as a page may be.
    static LONG: [u8; 200_000] = {
        let mut long = [b'x'; 200_000];
        let head = b"HTTP/1.1 200 OK\r\n\r\n";
        let mut at = 0;
        while at < head.len() {
            long[at] = head[at];
            at += 1;
        }
        long[199_999] = b'!';
        long
    };
    check(&LONG, "!", Err("wrong answer: the page does not hold \"!\"")).await;
}

#[tokio::test]
async fn a_dialogue_says_and_hears() {
    let check = async |check: Dialogue, answer: &'static [u8], expect: Result<(), &str>| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sent = check.send.clone().unwrap_or_default();
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; sent.len()];
            stream.read_exact(&mut heard).await.unwrap();
            assert_eq!(heard, sent.as_bytes());
            stream.write_all(answer).await.unwrap();
        });
        let report =
            Checker::new().unwrap().check(address, &spec(CheckKind::Dialogue(check))).await;
        heard.await.unwrap();
        match (report.outcome, expect) {
            (Outcome::Pass { .. }, Ok(())) => {}
            (Outcome::Fail(reason), Err(expect)) => assert_eq!(reason.to_string(), expect),
            (outcome, _) => panic!("{outcome:?}"),
        }
    };
    let talk = |send: &str, expect: &str| {
        let [send, expect] = [send, expect].map(|text| (!text.is_empty()).then(|| text.to_owned()));
        Dialogue { send, expect }
    };
    check(talk("PING\r\n", "+PONG"), b"+PONG\r\n", Ok(())).await;
    check(talk("", "220 "), b"220 mail.test ESMTP\r\n", Ok(())).await;
    check(talk("PING\r\n", ""), b"", Ok(())).await;
    let wrong = "wrong answer: \"-ERR\\r\\n\", expected \"+PONG\"";
    check(talk("PING\r\n", "+PONG"), b"-ERR\r\n", Err(wrong)).await;
}

#[tokio::test]
async fn dns_is_asked_again_once_and_strangers_are_passed_over() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let check = DnsCheck {
        name: "app.test".to_owned(),
        record_type: Rtype::A,
        rcode: Rcode::NXDOMAIN,
        answer: None,
    };
    let asked = tokio::spawn(async move {
        let mut query = [0; 512];
        let (first, _) = server.recv_from(&mut query).await.unwrap();
        let lost = query[..first].to_vec();
        let (length, from) = server.recv_from(&mut query).await.unwrap();
        assert_ne!(lost[..2], query[..2], "another number");
        let mut answer = query[..length].to_vec();
        answer[2] |= 0x80;
        answer[3] |= 3;
        let mut other = answer.clone();
        other[0] ^= 1;
        other[3] = 0;
        server.send_to(b"nonsense", from).await.unwrap();
        server.send_to(&other, from).await.unwrap();
        server.send_to(&answer, from).await.unwrap();
    });
    let spec = CheckSpec { timeout_ms: 1_000, ..spec(CheckKind::Dns(check)) };
    let report = Checker::new().unwrap().check(address, &spec).await;
    asked.await.unwrap();
    assert!(matches!(report.outcome, Outcome::Pass { .. }), "{report:?}");
    assert_eq!(report.source, Some(address.ip()));
    // The socket is gone: the system says so at once.
    let report = Checker::new().unwrap().check(address, &spec).await;
    assert_eq!(report.outcome, Outcome::Fail(FailReason::Refused));
}

/// The outcome of a shell script as a check's command, on a thread that gave its rights up.
fn script(script: &str, timeout_ms: u64) -> Outcome {
    let arguments = vec!["-c".to_owned(), script.to_owned()];
    let command = CommandCheck { program: "/bin/sh".to_owned(), arguments };
    let spec = CheckSpec { timeout_ms, ..spec(CheckKind::Command(command)) };
    // A thread of its own, since what it gives up does not come back.
    let run = move || {
        let checker = Checker::new().unwrap().with(Rights::give_up());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(checker.check("192.0.2.1:443".parse().unwrap(), &spec)).outcome
    };
    std::thread::spawn(run).join().unwrap()
}

#[test]
fn a_command_is_judged_by_how_it_ends() {
    let passes = |text: &str| {
        let outcome = script(text, 20_000);
        assert!(matches!(outcome, Outcome::Pass { .. }), "{text}: {outcome:?}");
    };
    passes("exit 0");
    passes("test \"$CHECK_ADDRESS $CHECK_PORT\" = \"192.0.2.1 443\"");
    // Nothing of ours, nothing to read, and far more to say than is kept.
    passes("test -z \"$HOME$USER$CARGO_MANIFEST_DIR\" && test \"$(pwd)\" = / && ! read -r line");
    passes("head -c 1000000 /dev/zero");
    passes("grep -q '^NoNewPrivs:.1' /proc/self/status");
    let fails = |text: &str, expect: &str| {
        assert_eq!(
            script(text, 20_000),
            Outcome::Fail(FailReason::Command(ErrorText::new(expect)))
        );
    };
    fails("echo the disk is full; echo more; exit 3", "exit status: 3: the disk is full");
    fails("kill -9 $$", "signal: 9 (SIGKILL)");
}

#[test]
fn a_command_that_takes_too_long_is_ended_with_all_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pid");
    let text = format!("sleep 300 & echo $! > {}; wait", file.display());
    let outcome = script(&text, 1_000);
    assert_eq!(outcome, Outcome::Fail(FailReason::TimedOut(Phase::Command)));
    ends(&file);
}

#[test]
fn what_a_command_leaves_in_the_background_is_ended_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pid");
    // With its output to nowhere, and still holding ours.
    for redirected in [">/dev/null 2>&1", ""] {
        let text = format!("sleep 300 {redirected} & echo $! > {}; exit 0", file.display());
        let outcome = script(&text, 20_000);
        assert!(matches!(outcome, Outcome::Pass { .. }), "{outcome:?}");
        ends(&file);
    }
}

/// Waits until the process whose number is in a file is no more.
fn ends(file: &std::path::Path) {
    let pid = std::fs::read_to_string(file).unwrap();
    let status = format!("/proc/{}/stat", pid.trim());
    // Its parent is gone: somebody else reaps it, now or in a moment.
    let is_gone = || {
        let stat = std::fs::read_to_string(&status).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ") || stat.contains(") X ")
    };
    let began = std::time::Instant::now();
    while !is_gone() {
        assert!(began.elapsed() < Duration::from_secs(20), "it still sleeps");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn no_command_is_started_with_all_rights() {
    let command = CommandCheck { program: "/bin/true".to_owned(), arguments: Vec::new() };
    let target = "192.0.2.1:1".parse().unwrap();
    let report = Checker::new().unwrap().check(target, &spec(CheckKind::Command(command))).await;
    let text = ErrorText::new("this process cannot give up its rights");
    assert_eq!(report.outcome, Outcome::Fail(FailReason::Command(text)));
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
    assert_eq!(report, CheckReport::fail(FailReason::Refused));
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
    let mut named = rcgen::CertificateParams::new(["another.name".to_owned()]).unwrap();
    named.not_after = rcgen::date_time_ymd(2031, 2, 3);
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let certificate = named.self_signed(&signing_key).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
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
    for (host, server_name, expect) in [
        (None, None, None),
        (Some("app.demo.local:8443"), None, Some("app.demo.local")),
        (Some("app.demo.local"), Some("sni.demo.local"), Some("sni.demo.local")),
        (None, Some("sni.demo.local"), Some("sni.demo.local")),
    ] {
        let (address, hear) = tls_server().await;
        let check = HttpCheck { server_name: server_name.map(str::to_owned), ..http(host) };
        let report = checker.check(address, &spec(CheckKind::Https(check))).await;
        assert!(matches!(report.outcome, Outcome::Pass { .. }), "{report:?}");
        // 2031-02-03 00:00:00.
        let end = Time::from_unix_ms(1_927_843_200_000);
        assert_eq!(report.certificate_ends, Some(end));
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
    let field = |target: &str, host, port| host_field(target.parse().unwrap(), host, port);
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
