//! The API against a node that answers from a list, over real sockets.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::*;

/// A node that tells its questions back.
fn node() -> mpsc::Sender<Ask> {
    let (node, mut asked) = mpsc::channel::<Ask>(8);
    tokio::spawn(async move {
        while let Some(Ask { question, reply }) = asked.recv().await {
            let told = match question {
                Question::Command(Command::Revoke(id)) if id.as_str() == "nobody" => {
                    Told::Objected(Objection::Unknown)
                }
                Question::Command(Command::Approve { key: None, .. }) => {
                    Told::Objected(Objection::WhichKey)
                }
                Question::Command(_) => Told::Done,
                Question::Reload => Told::Invalid("{}".to_owned()),
                Question::Ready => Told::Ready { is_ready: false, document: "{}".to_owned() },
                question => Told::Document(format!("{question:?}")),
            };
            let _ = reply.send(told);
        }
    });
    node
}

/// Sends one request and gives status and body.
async fn exchange<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    mut stream: S,
    request: &str,
    body: &str,
) -> (u16, String) {
    let head = format!(
        "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, body.to_owned())
}

struct World {
    servers: HttpServers,
    directory: tempfile::TempDir,
}

async fn world(allowed: &str) -> World {
    let directory = tempfile::tempdir().unwrap();
    let access = Access { allowed: vec![allowed.parse().unwrap()], trust_proxy_headers: false };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = Some((listener, Arc::new(ArcSwap::from_pointee(access))));
    let control = private_socket(&directory.path().join("control.sock")).unwrap();
    let servers = HttpServers::start(tcp, UnixListener::from_std(control).unwrap(), node());
    World { servers, directory }
}

impl World {
    async fn tcp(&self, request: &str) -> (u16, String) {
        let stream = TcpStream::connect(self.servers.local_address().unwrap()).await.unwrap();
        exchange(stream, request, "").await
    }

    async fn unix(&self, request: &str, body: &str) -> (u16, String) {
        let path = self.directory.path().join("control.sock");
        exchange(UnixStream::connect(path).await.unwrap(), request, body).await
    }
}

#[tokio::test]
async fn reading_needs_an_allowed_address_but_for_the_monitors_paths() {
    let world = world("192.0.2.0/24").await;
    for path in ["/api/v1/overwatch/latency", "/api/v1/domains", "/nothing"] {
        let (status, body) = world.tcp(&format!("GET {path}")).await;
        assert_eq!(status, 403, "{path}");
        assert!(body.contains("api.allowed_networks"), "{body}");
    }
    assert_eq!(world.tcp("GET /api/v1/live").await, (200, r#"{"alive":true}"#.to_owned()));
    assert_eq!(world.tcp("GET /api/v1/ready").await.0, 503);
    assert_eq!(world.tcp("GET /api/v1/version").await, (200, "Version".to_owned()));
}

#[tokio::test]
async fn every_path_asks_its_own_question_and_refusals_are_documents() {
    let world = world("127.0.0.1/32").await;
    for (request, status, part) in [
        ("GET /api/v1/overwatch/latency", 200, "Latency"),
        ("GET /api/v1/overwatch/backends", 200, "Backends"),
        ("GET /api/v1/overwatch/agents", 200, "Agents"),
        ("GET /api/v1/domains", 200, "Domains"),
        ("GET /api/v1/cluster/status", 200, "expected_agents: None"),
        ("GET /api/v1/cluster/status?expected_agents=3", 200, "expected_agents: Some(3)"),
        ("GET /api/v1/cluster/status?expected_agents=many", 400, "whole number"),
        ("GET /api/v1/else", 404, "nothing at this path"),
        ("POST /api/v1/domains", 405, "other methods"),
        ("POST /api/v1/overwatch/agents/a/revoke", 404, "nothing at this path"),
        ("POST /api/v1/reload", 404, "nothing at this path"),
    ] {
        let (got, body) = world.tcp(request).await;
        assert_eq!(got, status, "{request}: {body}");
        assert!(body.contains(part), "{request}: {body}");
    }
}

#[tokio::test]
async fn an_operator_speaks_through_the_socket_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world("127.0.0.1/32").await;
    let socket = world.directory.path().join("control.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let files = std::fs::read_dir(world.directory.path()).unwrap().count();
    assert_eq!(files, 1, "nothing is left of how it was made");
    let backend = "/api/v1/overwatch/backends/app.demo.local/10.2.1.10/80";
    for (request, body, status) in [
        ("POST /api/v1/overwatch/agents/a/revoke".to_owned(), "", 204),
        ("POST /api/v1/overwatch/agents/nobody/revoke".to_owned(), "", 404),
        ("POST /api/v1/overwatch/agents/a%20b/approve".to_owned(), "", 400),
        ("POST /api/v1/overwatch/agents/a/approve".to_owned(), "", 409),
        ("POST /api/v1/overwatch/agents/a/approve?key=12".to_owned(), "", 400),
        (format!("POST /api/v1/overwatch/agents/a/approve?key={}", "ab".repeat(32)), "", 204),
        (format!("POST {backend}/override"), r#"{"healthy":false}"#, 204),
        (format!("POST {backend}/override"), r#"{"healty":false}"#, 400),
        (format!("DELETE {backend}/override"), "", 204),
        (format!("POST {backend}/drain"), "", 204),
        ("POST /api/v1/overwatch/backends/app/ten/80/drain".to_owned(), "", 400),
        ("POST /api/v1/reload".to_owned(), "", 422),
        ("GET /api/v1/domains".to_owned(), "", 200),
    ] {
        let (got, text) = world.unix(&request, body).await;
        assert_eq!(got, status, "{request}: {text}");
    }
}
