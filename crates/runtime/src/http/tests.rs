//! The API against a node that answers from a list, over real sockets.
//!
//! - `refusals`: every endpoint of the table, and every way to be refused by it.

mod refusals;

use std::path::Path;

use overwatch::{HandFault, LatencyPage, LatencyWanted, TokenOrder};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::*;

/// The number of the last change of the node below.
const REVISION: u64 = 7;

/// A node that tells its questions back.
fn node() -> mpsc::Sender<Ask> {
    let (node, mut asked) = mpsc::channel::<Ask>(8);
    tokio::spawn(async move {
        let mut slices = 0;
        while let Some(Ask { question, said, expected, reply }) = asked.recv().await {
            let told = match question {
                _ if expected.is_some_and(|expected| expected != REVISION) => {
                    Told::Changed(REVISION)
                }
                Question::Command(Command::Revoke(id)) if id.as_str() == "nobody" => {
                    Told::Objected(Objection::Unknown)
                }
                Question::Command(Command::Approve { key: None, .. }) => {
                    Told::Objected(Objection::WhichKey)
                }
                Question::Command(Command::Accept(_)) => {
                    let what = format!("{} says so", said.by);
                    Told::Objected(HandFault::Nothing { what }.into())
                }
                Question::Command(Command::Tokens(TokenOrder::Create { name, .. }))
                    if name.as_str() == "forgotten" =>
                {
                    Told::NotKept("the disk is full".to_owned())
                }
                Question::Command(_) => Told::Done,
                Question::Reload => Told::Invalid(vec!["a: wrong".to_owned()]),
                Question::Latency { wanted, rows_max } => Told::Latency(rows(&wanted, rows_max)),
                Question::LatencySearch(search) => {
                    slices += 1;
                    Told::Searched { search, is_done: slices % 3 == 0 }
                }
                Question::Ready => Told::Ready { is_ready: false, document: "{}".to_owned() },
                question => {
                    let text = format!("{question:?}");
                    Told::Document(Document { text, revision: Some(REVISION) })
                }
            };
            let _ = reply.send(told);
        }
    });
    node
}

/// 2,500 networks with a row each: those of a page.
fn rows(wanted: &LatencyWanted, rows_max: usize) -> LatencyPage {
    assert!(rows_max <= 1_000, "the loop is held up");
    let network = |n: u32| format!("10.{}.{}.0/24", n / 250, n % 250);
    let from = wanted.from.map_or(String::new(), |from| from.to_string());
    let first = (0..2_500).find(|n| network(*n) == from).unwrap_or(0);
    let last = 2_500.min(first + u32::try_from(rows_max).unwrap());
    let entry = |n: u32| api::latency::LatencyEntry {
        subnet: network(n),
        domain: "app.demo.local".to_owned(),
        region: "eu-west".to_owned(),
        rtt_ms: 2_500 - n,
        samples: (n % 7).into(),
        last_updated: "2025-12-19T10:05:00Z".to_owned(),
        rtt_us: (2_500 - n) * 1_000,
    };
    let next = (last < 2_500).then(|| network(last).parse().unwrap());
    LatencyPage { entries: (first..last).map(entry).collect(), next }
}

/// What came back.
struct Answered {
    status: u16,
    head: String,
    body: String,
}

impl Answered {
    /// A field of the head, whatever its case.
    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// A request: its first line without the version, fields and body.
#[derive(Clone, Debug, Default)]
struct Asked {
    line: String,
    fields: String,
    body: String,
}

impl Asked {
    fn new(line: &str) -> Self {
        Self { line: line.to_owned(), ..Self::default() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields += &format!("{name}: {value}\r\n");
        self
    }

    fn token(self, name: &str) -> Self {
        self.with("Authorization", &format!("Bearer {}", secret_of(name)))
    }
}

/// Sends one request and gives the answer.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, asked: &Asked) -> Answered {
    let Asked { line, fields, body } = asked;
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{fields}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A body that is refused unread may not be taken to its end.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("{asked:?}: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answered { status: status.parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
}

struct World {
    servers: HttpServers,
    access: Arc<ArcSwap<Access>>,
    counts: Arc<Counts>,
    directory: tempfile::TempDir,
}

fn secret_of(name: &str) -> String {
    format!("the secret of {name}")
}

/// A server that has a token of each role, named like it.
async fn world(allowed: &str) -> World {
    let directory = tempfile::tempdir().unwrap();
    let token = |role: model::Role| Token {
        name: role.as_str().into(),
        role,
        hash: hash_of(secret_of(role.as_str()).as_bytes()),
    };
    let access = Access {
        allowed: vec![allowed.parse().unwrap()],
        trust_proxy_headers: false,
        tokens: model::Role::ALL.map(token).to_vec(),
        sources: vec![SourceToken {
            name: "probe".parse().unwrap(),
            hash: hash_of(secret_of("probe").as_bytes()),
        }],
    };
    let access = Arc::new(ArcSwap::from_pointee(access));
    let counts = Arc::<Counts>::default();
    let servers = start(&directory, Arc::clone(&access), None, &counts).await;
    World { servers, access, counts, directory }
}

async fn start(
    directory: &tempfile::TempDir,
    access: Arc<ArcSwap<Access>>,
    tls: Option<Arc<ArcSwap<ServerConfig>>>,
    counts: &Arc<Counts>,
) -> HttpServers {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let control = private_socket(&directory.path().join("control.sock")).unwrap();
    let control = UnixListener::from_std(control).unwrap();
    let tcp = Some(Listening { listener, access, tls });
    let behind = Behind { node: node(), tail: Tail::default(), counts: Arc::clone(counts) };
    HttpServers::start(tcp, control, &behind)
}

impl World {
    /// Serves anew, with a certificate.
    async fn serve_with(&mut self, tls: Option<Arc<ArcSwap<ServerConfig>>>) {
        let access = Arc::clone(&self.access);
        self.servers = start(&self.directory, access, tls, &self.counts).await;
    }

    async fn tcp(&self, asked: &Asked) -> Answered {
        let stream = TcpStream::connect(self.servers.local_address().unwrap()).await.unwrap();
        exchange(stream, asked).await
    }

    async fn unix(&self, asked: &Asked) -> Answered {
        let path = self.directory.path().join("control.sock");
        exchange(UnixStream::connect(path).await.unwrap(), asked).await
    }
}

#[tokio::test]
async fn reading_needs_an_allowed_address_or_a_token_but_for_the_monitors_paths() {
    let world = world("192.0.2.0/24").await;
    for path in ["/api/v1/overwatch/latency", "/api/v1/domains", "/nothing"] {
        let answered = world.tcp(&Asked::new(&format!("GET {path}"))).await;
        assert_eq!(answered.status, 401, "{path}");
        assert!(answered.body.contains("api.allowed_networks"), "{}", answered.body);
        assert_eq!(answered.field("www-authenticate"), Some("Bearer realm=\"opengslb\""));
    }
    let answered = world.tcp(&Asked::new("GET /api/v1/domains").token("read")).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    let answered = world.tcp(&Asked::new("GET /api/v1/live")).await;
    assert_eq!(answered.body, r#"{"alive":true}"#);
    assert_eq!(world.tcp(&Asked::new("GET /api/v1/ready")).await.status, 503);
    assert_eq!(world.tcp(&Asked::new("GET /api/v1/version")).await.body, "Version");
    let contract = world.tcp(&Asked::new("GET /api/v1/openapi.json")).await;
    assert_eq!(contract.body, api::openapi::text());
    let page = world.tcp(&Asked::new("GET /api/docs")).await;
    assert!(page.body.contains("/api/docs.js") && !page.body.contains("//"), "{}", page.body);
    let script = world.tcp(&Asked::new("GET /api/docs.js")).await;
    assert!(script.field("content-type").unwrap().starts_with("text/javascript"));
}

#[tokio::test]
async fn every_path_asks_its_own_question() {
    let world = world("127.0.0.1/32").await;
    let backend = "/api/v1/overwatch/backends/app.demo.local/10.2.1.10/80";
    for (line, body, status, part) in [
        ("GET /api/v1/overwatch/latency?limit=1", "", 200, "10.0.0.0/24"),
        ("HEAD /api/v1/overwatch/latency", "", 200, ""),
        ("GET /api/v1/overwatch/backends", "", 200, "Backends"),
        ("GET /api/v1/overwatch/agents", "", 200, "Agents"),
        ("GET /api/v1/domains", "", 200, "Domains"),
        ("GET /api/v1/cluster/status", "", 200, "expected_agents: None"),
        ("GET /api/v1/cluster/status?expected_agents=3", "", 200, "expected_agents: Some(3)"),
        ("GET /api/v1/cluster/status?expected_agents=many", "", 400, "\\\"many\\\""),
        ("POST /api/v1/overwatch/agents/a/revoke", "", 204, ""),
        ("POST /api/v1/overwatch/agents/nobody/revoke", "", 404, "none of that name"),
        ("POST /api/v1/overwatch/agents/a/approve", "", 409, "which key"),
        ("POST /api/v1/overwatch/agents/a/approve?key=12", "", 400, "64 hexadecimal"),
        ("POST /api/v1/overwatch/agents/a/accept", "", 404, "admin says so"),
        (&format!("POST {backend}/override"), r#"{"healthy":false}"#, 204, ""),
        (&format!("POST {backend}/override"), r#"{"healty":false}"#, 400, "line 1 column 9"),
        (&format!("DELETE {backend}/override"), "", 204, ""),
        (&format!("POST {backend}/drain"), "", 204, ""),
        (&format!("POST {backend}/drain"), "{}", 400, "nothing may be sent"),
        ("PUT /api/v1/routing/regions/eu/drain", r#"{"share":1.5}"#, 400, "from 0"),
        ("PUT /api/v1/routing/pins/a/10.1.2.0%2F24", r#"{"region":"eu"}"#, 204, ""),
        ("POST /api/v1/reload", "", 422, r#"["a: wrong"]"#),
    ] {
        let mut asked = Asked::new(line).token("admin");
        if line.contains("override") || line.starts_with("PUT") {
            asked =
                Asked { body: body.to_owned(), ..asked }.with("Content-Type", "application/json");
        } else {
            asked.body = body.to_owned();
        }
        let answered = world.tcp(&asked).await;
        assert_eq!(answered.status, status, "{line}: {}", answered.body);
        assert!(answered.body.contains(part), "{line}: {}", answered.body);
    }
}

#[tokio::test]
async fn the_control_socket_is_the_hosts_own_and_needs_no_token() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world("127.0.0.1/32").await;
    let socket = world.directory.path().join("control.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let files = std::fs::read_dir(world.directory.path()).unwrap().count();
    assert_eq!(files, 1, "nothing is left of how it was made");
    let answered = world.unix(&Asked::new("POST /api/v1/overwatch/agents/a/accept")).await;
    assert!(
        answered.body.contains("control socket (") && answered.body.contains(") says so"),
        "{}",
        answered.body
    );
    // What is secret is told there, and not where somebody may listen.
    let keys = Asked::new("GET /api/v1/overwatch/dnssec/demo.local/keys").token("admin");
    assert_eq!(world.tcp(&keys).await.status, 403);
    assert_eq!(world.unix(&keys).await.status, 503, "the node above has none");
}

#[tokio::test]
async fn a_change_that_knows_less_than_the_last_one_is_not_made() {
    let world = world("127.0.0.1/32").await;
    let told = world.tcp(&Asked::new("GET /api/v1/routing/pins")).await;
    assert_eq!(told.field("etag"), Some("\"7\""));
    for (tag, status) in
        [("\"7\"", 204), ("*", 204), ("\"6\"", 412), ("\"x\"", 412), ("W/\"7\"", 400), ("7", 400)]
    {
        let asked = Asked::new("DELETE /api/v1/resolvers/weights").token("operate");
        let answered = world.tcp(&asked.with("If-Match", tag)).await;
        assert_eq!(answered.status, status, "{tag}: {}", answered.body);
    }
}

#[tokio::test]
async fn wrong_tokens_are_counted_and_then_not_listened_to() {
    let world = world("127.0.0.1/32").await;
    let refused = |kind: &str| {
        let counters = world.counts.counters();
        counters.refused.iter().find(|(name, _)| *name == kind).unwrap().1
    };
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let answered = world.tcp(&Asked::new("GET /api/v1/domains").token("nobody")).await;
        statuses.push(answered.status);
    }
    assert_eq!(statuses, [vec![401; 10], vec![429; 2]].concat());
    let good = world.tcp(&Asked::new("GET /api/v1/domains").token("admin")).await;
    assert_eq!(good.status, 429);
    assert!(good.field("retry-after").is_some_and(|wait| wait.parse::<u64>().unwrap() <= 61));
    // Who needs no token is not touched by it.
    assert_eq!(world.tcp(&Asked::new("GET /api/v1/domains")).await.status, 200);
    assert_eq!((refused("unauthenticated"), refused("too-many-attempts")), (10, 3));
    assert_eq!(world.counts.counters().answered, 14);
}

#[tokio::test]
async fn a_token_is_told_once_and_is_random() {
    let world = world("127.0.0.1/32").await;
    let body = r#"{"name": "deploy", "role": "operate"}"#;
    let make = Asked { body: body.to_owned(), ..Asked::new("POST /api/v1/tokens") }
        .with("Content-Type", "application/json");
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let answered = world.unix(&make).await;
        assert_eq!(answered.status, 201, "{}", answered.body);
        let made: api::tokens::MadeToken = serde_json::from_str(&answered.body).unwrap();
        assert_eq!((made.name.as_str(), made.role.as_str()), ("deploy", "operate"));
        assert_eq!(made.token.len(), "opengslb_".len() + 64);
        secrets.push(made.token);
    }
    assert_ne!(secrets[0], secrets[1]);
    for (body, part) in [
        (r#"{"name": "a b", "role": "read"}"#, "name: "),
        (r#"{"name": "a", "role": "root"}"#, "role: "),
    ] {
        let answered = world.unix(&Asked { body: body.to_owned(), ..make.clone() }).await;
        assert_eq!(answered.status, 400);
        assert!(answered.body.contains(part), "{}", answered.body);
    }
    let body = r#"{"name": "forgotten", "role": "read"}"#.to_owned();
    let answered = world.unix(&Asked { body, ..make.clone() }).await;
    assert!(answered.body.contains("the disk is full"), "{}", answered.body);
    assert!(!answered.body.contains("opengslb_"), "{}", answered.body);
}

/// A certificate of its own making, its files, and a client that trusts it alone.
fn certificate(directory: &Path) -> (config::ApiTls, tokio_rustls::TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (directory.join("api.crt"), directory.join("api.key"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    (config::ApiTls { cert: path(&cert), key: path(&key) }, Arc::new(client).into())
}

#[tokio::test]
async fn over_tls_secrets_are_told_and_a_renewed_certificate_is_used_at_once() {
    let mut world = world("127.0.0.1/32").await;
    let (files, client) = certificate(world.directory.path());
    let tls = Arc::new(ArcSwap::new(server_config(&files).unwrap()));
    world.serve_with(Some(Arc::clone(&tls))).await;
    let address = world.servers.local_address().unwrap();
    let connect = async |client: &tokio_rustls::TlsConnector| {
        let stream = TcpStream::connect(address).await.unwrap();
        client.connect("localhost".try_into().unwrap(), stream).await
    };
    let keys = Asked::new("GET /api/v1/overwatch/dnssec/demo.local/keys").token("admin");
    let answered = exchange(connect(&client).await.unwrap(), &keys).await;
    assert_eq!(answered.status, 503, "past the gate: the node here has none");

    let (files, renewed) = certificate(world.directory.path());
    tls.store(server_config(&files).unwrap());
    assert!(connect(&client).await.is_err(), "the old one is gone");
    let answered =
        exchange(connect(&renewed).await.unwrap(), &Asked::new("GET /api/v1/live")).await;
    assert_eq!(answered.status, 200);

    // What cannot be used says which file.
    std::fs::write(&files.key, "nothing").unwrap();
    let error = server_config(&files).unwrap_err();
    assert!(error.to_string().contains("api.tls.key"), "{error}");
    std::fs::remove_file(&files.cert).unwrap();
    let error = server_config(&files).unwrap_err();
    assert!(error.to_string().contains("api.tls.cert"), "{error}");
}

#[tokio::test]
async fn the_learned_table_comes_by_pages() {
    let world = world("127.0.0.1/32").await;
    let get = async |query: &str| {
        let answered =
            world.tcp(&Asked::new(&format!("GET /api/v1/overwatch/latency{query}"))).await;
        assert_eq!(answered.status, 200, "{query}: {}", answered.body);
        serde_json::from_str::<api::latency::LatencyTable>(&answered.body).unwrap()
    };
    let whole = get("").await;
    assert_eq!((whole.entries.len(), whole.next), (2_500, None));
    let (mut seen, mut query) = (Vec::new(), "?limit=999".to_owned());
    loop {
        let page = get(&query).await;
        assert!(page.entries.len() <= 999);
        seen.extend(page.entries);
        let Some(next) = page.next else { break };
        query = format!("?limit=999&after={next}");
    }
    assert_eq!(seen, whole.entries);
    // What is found is the node's; it is asked on until its search is at its end.
    for query in ["?limit=3&sort=rtt", "?limit=2&sort=-samples", "?sort=-last_updated"] {
        assert_eq!(
            get(query).await,
            api::latency::LatencyTable { entries: Vec::new(), next: None }
        );
    }
    for (query, part) in [
        ("?limit=0", "from 1 to"),
        ("?limit=10001", "from 1 to"),
        ("?sort=name", "subnet, rtt"),
        ("?sort=rtt&after=10.0.0.0/24,a,b", "only where"),
        ("?after=10.0.0.0/24", "`next`"),
        ("?prefix=10.0.0.1/8", "did you mean"),
    ] {
        let answered =
            world.tcp(&Asked::new(&format!("GET /api/v1/overwatch/latency{query}"))).await;
        assert_eq!(answered.status, 400, "{query}");
        assert!(answered.body.contains(part), "{query}: {}", answered.body);
    }
    let csv = world.tcp(&Asked::new("GET /api/v1/overwatch/latency/export?format=csv")).await;
    assert_eq!(csv.field("content-type"), Some("text/csv"));
    assert_eq!(csv.body.matches("/24,app.demo.local,eu-west,").count(), 2_500);
    let json = world.tcp(&Asked::new("GET /api/v1/overwatch/latency/export")).await;
    assert_eq!(json.field("transfer-encoding"), Some("chunked"));
    assert_eq!(json.body.matches("\"subnet\"").count(), 2_500);
}
