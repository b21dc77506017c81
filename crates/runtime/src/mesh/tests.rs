//! Real sessions over loopback, on ports that the system chose.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ::mesh::{
    AgentHandshake, AgentIdentity, DialStep, Exporter, FrameDecoder, FrameError, HandshakeFault,
    Hello, KeyHash, MeshKeys, OverwatchHandshake, OverwatchIdentity, OverwatchStep, Refusal,
    RefusalReason, Token, TokenSecret, Tokens, Welcome, encode,
};
use latency::Position;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::*;

/// Long enough for the slowest machine; what is awaited comes in milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn session_limits() -> SessionLimits {
    SessionLimits {
        handshake_timeout: PATIENCE,
        dead_peer_timeout: Duration::from_secs(5),
        write_timeout: PATIENCE,
        queue_frames: 8,
    }
}

fn server_limits() -> ServerLimits {
    ServerLimits {
        session: session_limits(),
        connections_max: 8,
        unproven_max: 4,
        unproven_per_address_max: 4,
        unproven_per_network_max: 4,
    }
}

fn client_limits() -> ClientLimits {
    ClientLimits {
        session: session_limits(),
        connect_timeout: PATIENCE,
        backoff_min: Duration::from_millis(5),
        backoff_max: Duration::from_millis(20),
    }
}

fn identity(name: &str) -> Identity {
    let directory = tempfile::tempdir().unwrap();
    let files = IdentityFiles {
        certificate: directory.path().join("crt"),
        key: directory.path().join("key"),
    };
    Identity::load_or_create(&files, name).unwrap().0
}

/// One side's events, awaited one after another.
struct Node(mpsc::Receiver<Event>);

impl Node {
    async fn next(&mut self) -> Event {
        timeout(PATIENCE, self.0.recv()).await.expect("an event in time").expect("an event")
    }

    async fn opened(&mut self) -> (Connection, Peer, Origin) {
        match self.next().await {
            Event::Opened { connection, peer, origin } => (connection, peer, origin),
            event => panic!("{event:?}"),
        }
    }

    async fn frame(&mut self) -> Frame {
        match self.next().await {
            Event::Frame { frame, .. } => frame,
            event => panic!("{event:?}"),
        }
    }

    async fn closed(&mut self) -> CloseReason {
        match self.next().await {
            Event::Closed { reason, .. } => reason,
            event => panic!("{event:?}"),
        }
    }

    async fn failed(&mut self) -> FailReason {
        match self.next().await {
            Event::Failed { reason, .. } => reason,
            event => panic!("{event:?}"),
        }
    }
}

async fn overwatch(limits: ServerLimits) -> (Server, Node) {
    overwatch_at(ANY_PORT, limits).await
}

async fn overwatch_at(address: SocketAddr, limits: ServerLimits) -> (Server, Node) {
    let (events, node) = mpsc::channel(4);
    let identity = identity("overwatch-us-east");
    (server::listen(address, &identity, limits, events).await.unwrap(), Node(node))
}

fn agent_of(address: SocketAddr) -> (Client, Node) {
    let (events, node) = mpsc::channel(4);
    let identity = identity("backend-eu-west");
    (client::dial(address.to_string(), &identity, client_limits(), events).unwrap(), Node(node))
}

/// A peer that speaks TLS as a node does and frames as the test wills.
async fn stranger(address: SocketAddr) -> impl AsyncRead + AsyncWrite + Unpin {
    let config = tls::client_config(&identity("stranger")).unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(config).connect(tls::server_name().unwrap(), tcp).await.unwrap()
}

/// All frames that come until the other end closes.
async fn frames_until_end(mut stream: impl AsyncRead + Unpin) -> Vec<Frame> {
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let mut decoder = FrameDecoder::new();
    decoder.push(&bytes);
    std::iter::from_fn(|| decoder.next_frame().unwrap()).collect()
}

fn hello() -> Frame {
    Frame::Hello(Hello {
        protocol: 1,
        agent_id: "backend-eu-west".parse().unwrap(),
        epoch: 1,
        service: "app".parse().unwrap(),
        region: Some("eu-west".parse().unwrap()),
    })
}

fn welcome() -> Frame {
    Frame::Welcome(Welcome { resume: None, exclude: Vec::new(), peers: Vec::new() })
}

#[tokio::test]
async fn both_sides_talk() {
    let (server, mut overwatch) = overwatch(server_limits()).await;
    let address = server.local_address();
    let (client, mut agent) = agent_of(address);
    let (to_agent, agent_seen, origin) = overwatch.opened().await;
    assert_eq!(origin, Origin::Accepted);
    let (to_overwatch, overwatch_seen, origin) = agent.opened().await;
    assert_eq!(origin, Origin::Dialled { address: client.address().to_owned() });
    assert_ne!(to_agent.id(), to_overwatch.id());

    assert_eq!(agent_seen.name, "backend-eu-west");
    assert_eq!(overwatch_seen.name, "overwatch-us-east");
    assert_eq!(overwatch_seen.address, address);
    assert_eq!(agent_seen.exporter, overwatch_seen.exporter);
    assert_eq!((agent_seen.key, agent_seen.own_key), (overwatch_seen.own_key, overwatch_seen.key));
    assert_ne!(agent_seen.key, agent_seen.own_key);

    to_overwatch.send(hello());
    assert_eq!(overwatch.frame().await, hello());
    to_agent.send(welcome());
    assert_eq!(agent.frame().await, welcome());
    let ack = Frame::Ack(Position { epoch: 1, sequence: 9 });
    to_agent.send(ack.clone());
    assert_eq!(agent.frame().await, ack);
    // What was sent before a close arrives.
    to_overwatch.send(Frame::Heartbeat);
    to_overwatch.send(Frame::Goodbye);
    to_overwatch.close();
    assert_eq!(overwatch.frame().await, Frame::Heartbeat);
    assert_eq!(overwatch.frame().await, Frame::Goodbye);
    assert!(matches!(overwatch.closed().await, CloseReason::Peer));
    assert!(matches!(agent.closed().await, CloseReason::Local));
}

#[tokio::test]
async fn each_session_exports_other_material() {
    let (server, mut overwatch) = overwatch(server_limits()).await;
    let (_client, mut agent) = agent_of(server.local_address());
    let (connection, first, _) = overwatch.opened().await;
    agent.opened().await.0.close();
    drop(connection);
    overwatch.closed().await;
    let (_connection, second, _) = overwatch.opened().await;
    assert_eq!(first.key, second.key);
    assert_ne!(first.exporter, second.exporter);
}

#[tokio::test]
async fn who_speaks_no_tls_is_turned_away() {
    let (server, mut overwatch) = overwatch(server_limits()).await;
    let mut plain = TcpStream::connect(server.local_address()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(matches!(overwatch.failed().await, FailReason::Tls(_)));
}

/// A client as programs of the web have it: no certificate of its own.
async fn web_client(address: SocketAddr, version: &'static rustls::SupportedProtocolVersion) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("overwatch").unwrap();
    assert!(TlsConnector::from(Arc::new(config)).connect(name, tcp).await.is_err());
}

#[tokio::test]
async fn tls_1_2_is_turned_away() {
    let (server, mut overwatch) = overwatch(server_limits()).await;
    web_client(server.local_address(), &version::TLS12).await;
    let FailReason::Tls(error) = overwatch.failed().await else { panic!() };
    assert!(error.to_string().contains("Tls12NotOffered"), "{error}");
    web_client(server.local_address(), &version::TLS13).await;
    assert!(matches!(overwatch.failed().await, FailReason::Tls(_)));
}

#[tokio::test]
async fn who_stays_silent_loses_his_place() {
    let handshake_timeout = Duration::from_secs(1);
    let session = SessionLimits { handshake_timeout, ..session_limits() };
    let (server, mut overwatch) = overwatch(ServerLimits { session, ..server_limits() }).await;
    // Silent from the start ...
    let _silent = TcpStream::connect(server.local_address()).await.unwrap();
    assert!(matches!(overwatch.failed().await, FailReason::Timeout));
    // ... and silent over TLS.
    let silent = stranger(server.local_address()).await;
    let (_connection, ..) = overwatch.opened().await;
    let told = frames_until_end(silent).await;
    assert_eq!(told, [Frame::Refused(Refusal::from(RefusalReason::HandshakeTimeout))]);
    let reason = overwatch.closed().await;
    assert_eq!(reason.refusal(), Some(RefusalReason::HandshakeTimeout));
}

#[tokio::test]
async fn a_giant_frame_is_refused_by_its_length() {
    let (server, mut overwatch) = overwatch(server_limits()).await;
    for (is_welcome, length, max) in
        [(false, 5_000_u32, 4_096), (true, 100 << 20, ::mesh::frame::RELAYED_BYTES_MAX)]
    {
        let mut stranger = stranger(server.local_address()).await;
        let (connection, ..) = overwatch.opened().await;
        if is_welcome {
            connection.send(welcome());
            let mut bytes = Vec::new();
            encode(&welcome(), &mut bytes).unwrap();
            stranger.read_exact(&mut bytes).await.unwrap();
        }
        stranger.write_all(&length.to_be_bytes()).await.unwrap();
        stranger.write_all(&[0; 2_000]).await.unwrap();
        let told = frames_until_end(stranger).await;
        assert_eq!(told, [Frame::Refused(Refusal::from(RefusalReason::OversizedFrame))]);
        let CloseReason::Malformed(error) = overwatch.closed().await else { panic!() };
        let bytes = usize::try_from(length).unwrap();
        assert_eq!(error, FrameError::Oversized { bytes, max });
    }
}

#[tokio::test]
async fn strangers_have_few_places_and_a_welcome_frees_one() {
    let limits = ServerLimits { unproven_per_address_max: 1, ..server_limits() };
    let (server, mut overwatch) = overwatch(limits).await;
    let _first = stranger(server.local_address()).await;
    let (connection, ..) = overwatch.opened().await;
    let _turned_away = TcpStream::connect(server.local_address()).await.unwrap();
    assert!(matches!(overwatch.failed().await, FailReason::TooManyUnproven));
    connection.send(welcome());
    let second = stranger(server.local_address()).await;
    let (_connection, ..) = overwatch.opened().await;
    drop(second);
    overwatch.closed().await;
    let _third = stranger(server.local_address()).await;
    overwatch.opened().await;
}

#[tokio::test]
async fn connections_have_a_limit_too() {
    let (server, mut overwatch) =
        overwatch(ServerLimits { connections_max: 1, ..server_limits() }).await;
    let _first = stranger(server.local_address()).await;
    let (connection, ..) = overwatch.opened().await;
    connection.send(welcome());
    let _turned_away = TcpStream::connect(server.local_address()).await.unwrap();
    assert!(matches!(overwatch.failed().await, FailReason::TooManyConnections));
}

#[tokio::test]
async fn an_agent_comes_back_by_itself() {
    let (server, mut overwatch) = overwatch(server_limits()).await;
    let address = server.local_address();
    let (_client, mut agent) = agent_of(address);
    let (_to_agent, ..) = overwatch.opened().await;
    let (_to_overwatch, ..) = agent.opened().await;
    drop(server);
    assert!(matches!(agent.closed().await, CloseReason::Lost(_) | CloseReason::Peer));
    // Nobody there: tried again and again.
    assert!(matches!(agent.failed().await, FailReason::Connect(_)));
    assert!(matches!(agent.failed().await, FailReason::Connect(_)));
    let (_server, mut overwatch) = overwatch_at(address, server_limits()).await;
    let (to_agent, ..) = overwatch.opened().await;
    loop {
        match agent.next().await {
            Event::Failed { .. } => (),
            Event::Opened { .. } => break,
            event => panic!("{event:?}"),
        }
    }
    to_agent.close();
}

#[tokio::test]
async fn a_name_without_an_address_is_no_end() {
    let (events, node) = mpsc::channel(4);
    let identity = identity("backend-eu-west");
    let address = "no port here".to_owned();
    let _client = client::dial(address, &identity, client_limits(), events).unwrap();
    let mut agent = Node(node);
    assert!(matches!(agent.failed().await, FailReason::Resolve(_)));
    assert!(matches!(agent.failed().await, FailReason::Resolve(_)));
}

/// A session that somebody opened.
fn beginning(limits: &SessionLimits) -> connection::Beginning {
    let peer = Peer {
        address: ANY_PORT,
        name: "peer".to_owned(),
        key: KeyHash::from_bytes([1; 32]),
        own_key: KeyHash::from_bytes([2; 32]),
        exporter: Exporter::from_bytes([3; 32]),
    };
    let deadline = Instant::now() + limits.handshake_timeout;
    connection::Beginning { peer, origin: Origin::Accepted, deadline, seat: None }
}

/// A session over a pipe of 64 bytes whose other end never reads or writes: the node sends `frames`
/// as soon as it is open, then waits for its end.
async fn run_unread(limits: SessionLimits, frames: &[Frame]) -> CloseReason {
    let (pipe, _other_end) = tokio::io::duplex(64);
    let (events, node) = mpsc::channel(4);
    let mut node = Node(node);
    let run = async { connection::run(pipe, beginning(&limits), &limits, &events).await };
    let node = async {
        let (connection, ..) = node.opened().await;
        for frame in frames {
            connection.send(frame.clone());
        }
        node.closed().await
    };
    tokio::join!(run, node).1
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut() {
    let reason = run_unread(session_limits(), &vec![hello(); 100]).await;
    assert!(matches!(reason, CloseReason::Backlog));
    let write_timeout = Duration::from_millis(50);
    let limits = SessionLimits { write_timeout, ..session_limits() };
    assert!(matches!(run_unread(limits, &vec![hello(); 4]).await, CloseReason::Backlog));
}

#[tokio::test]
async fn a_welcome_lifts_the_deadline() {
    let limits = SessionLimits {
        handshake_timeout: Duration::from_millis(200),
        write_timeout: Duration::from_millis(600),
        ..session_limits()
    };
    let reason = run_unread(limits.clone(), &[Frame::Heartbeat]).await;
    assert!(matches!(reason, CloseReason::HandshakeTimeout));
    // It ends later, for another reason.
    let reason = run_unread(limits, &[welcome(), hello(), hello()]).await;
    assert!(matches!(reason, CloseReason::Backlog));
}

/// A frame of a quarter of a MiB, with a number in it.
fn long(number: u64) -> Frame {
    let have = |at: u64| ::mesh::AgentHave {
        agent_id: format!("{at}-{}", "a".repeat(240)).parse().unwrap(),
        key: None,
        position: None,
        digest: number,
    };
    Frame::Have(::mesh::Have { agents: (0..1_024).map(have).collect(), asks: false })
}

#[tokio::test]
async fn what_waits_for_the_node_is_bounded_by_its_bytes_and_nothing_is_lost() {
    const FRAMES: u64 = 300;
    let mut bytes = Vec::new();
    encode(&long(0), &mut bytes).unwrap();
    let frame_bytes = bytes.len();
    let (pipe, mut other_end) = tokio::io::duplex(1 << 16);
    let (events, node) = mpsc::channel(4_096);
    let limits = session_limits();
    let run = async { connection::run(pipe, beginning(&limits), &limits, &events).await };
    let say = async {
        let mut bytes = Vec::new();
        for number in 0..FRAMES {
            bytes.clear();
            encode(&long(number), &mut bytes).unwrap();
            other_end.write_all(&bytes).await.unwrap();
        }
        other_end
    };
    let hear = async {
        let mut node = Node(node);
        let (connection, ..) = node.opened().await;
        connection.send(welcome());
        // It takes nothing until no more may wait.
        while connection::WAITING.available_permits() >= frame_bytes {
            tokio::task::yield_now().await;
        }
        let waiting = node.0.len();
        assert!(waiting * frame_bytes <= connection::WAITING_BYTES_MAX, "{waiting} frames");
        assert!(waiting > 50, "{waiting} frames");
        for number in 0..FRAMES {
            let Frame::Have(have) = node.frame().await else { panic!() };
            assert_eq!(have.agents[0].digest, number);
        }
        connection.close();
        node.closed().await
    };
    let (_, reason, _other_end) = tokio::join!(run, hear, say);
    assert!(matches!(reason, CloseReason::Local), "{reason:?}");
}

#[tokio::test]
async fn a_dead_peer_is_noticed_by_the_kernel() {
    let listener = tokio::net::TcpListener::bind(ANY_PORT).await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    connection::tune(&stream, &session_limits()).unwrap();
    let socket = socket2::SockRef::from(&stream);
    assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(5)));
}

fn agent_identity() -> AgentIdentity {
    AgentIdentity {
        agent_id: "backend-eu-west".parse().unwrap(),
        epoch: 1,
        service: "app".parse().unwrap(),
        region: "eu-west".parse().unwrap(),
        keys: MeshKeys::new([[1; 32]]).unwrap(),
        tokens: vec![TokenSecret::new("a-token-for-the-app".to_owned())],
    }
}

fn overwatch_identity() -> OverwatchIdentity {
    OverwatchIdentity {
        overwatch_id: "overwatch-us-east".parse().unwrap(),
        keys: MeshKeys::new([[1; 32]]).unwrap(),
        tokens: Tokens::new(vec![Token {
            service: "app".parse().unwrap(),
            secret: TokenSecret::new("a-token-for-the-app".to_owned()),
            regions: Vec::new(),
            networks: Vec::new(),
        }])
        .unwrap(),
    }
}

#[tokio::test]
async fn a_handshake_succeeds_over_real_tls() {
    let (server, mut overwatch) = overwatch(server_limits()).await;
    let (_client, mut agent) = agent_of(server.local_address());
    let (to_agent, agent_seen, _) = overwatch.opened().await;
    let (to_overwatch, overwatch_seen, _) = agent.opened().await;
    let mut server_side = OverwatchHandshake::new(agent_seen);
    let (mut agent_side, hello) =
        AgentHandshake::start(agent_identity(), overwatch_seen, None).unwrap();
    to_overwatch.send(hello);
    let said = server_side.on_frame(overwatch.frame().await, &overwatch_identity()).unwrap();
    let OverwatchStep::Send(challenge) = said else { panic!("{said:?}") };
    to_agent.send(challenge);
    let said = agent_side.on_frame(agent.frame().await).unwrap();
    let DialStep::Prove { send, .. } = said else { panic!("{said:?}") };
    to_overwatch.send(send);
    let said = server_side.on_frame(overwatch.frame().await, &overwatch_identity()).unwrap();
    assert!(matches!(said, OverwatchStep::Proven(_)), "{said:?}");
    // A welcome longer than a stranger's frame may be.
    let exclude = (0..1_000).map(|n| Ipv4Addr::from_bits(n).into()).collect();
    to_agent.send(Frame::Welcome(Welcome { resume: None, exclude, peers: Vec::new() }));
    let said = agent_side.on_frame(agent.frame().await).unwrap();
    assert!(matches!(said, DialStep::Welcomed { .. }), "{said:?}");
}

#[tokio::test]
async fn a_relay_between_the_two_is_found_out() {
    let (server, mut overwatch) = overwatch(server_limits()).await;
    // He takes both names and passes every frame on, over two sessions of his own.
    let (his_server, mut towards_agent) = overwatch_at(ANY_PORT, server_limits()).await;
    let (_his_client, mut towards_overwatch) = agent_of(server.local_address());
    let (_client, mut agent) = agent_of(his_server.local_address());
    let (to_his_client, his_client_seen, _) = overwatch.opened().await;
    let (to_agent, ..) = towards_agent.opened().await;
    let (to_overwatch, ..) = towards_overwatch.opened().await;
    let (to_his_server, his_server_seen, _) = agent.opened().await;

    let (mut agent_side, hello) =
        AgentHandshake::start(agent_identity(), his_server_seen, None).unwrap();
    to_his_server.send(hello);
    to_overwatch.send(towards_agent.frame().await);
    let mut server_side = OverwatchHandshake::new(his_client_seen);
    let said = server_side.on_frame(overwatch.frame().await, &overwatch_identity()).unwrap();
    let OverwatchStep::Send(challenge) = said else { panic!("{said:?}") };
    to_his_client.send(challenge);
    to_agent.send(towards_overwatch.frame().await);
    let fault = agent_side.on_frame(agent.frame().await).unwrap_err();
    assert_eq!(fault, HandshakeFault::WrongMeshKey);
}

#[tokio::test]
async fn a_client_that_is_dropped_ends_its_session_and_both_nodes_are_told() {
    let (server, mut overwatch) = overwatch(server_limits()).await;
    let (client, mut agent) = agent_of(server.local_address());
    let (_ours, ..) = agent.opened().await;
    let (_theirs, ..) = overwatch.opened().await;
    drop(client);
    assert!(matches!(agent.closed().await, CloseReason::Local));
    assert!(matches!(overwatch.closed().await, CloseReason::Peer));
    let after = timeout(PATIENCE, agent.0.recv()).await.unwrap();
    assert!(after.is_none(), "nobody dials again: {after:?}");
}

#[tokio::test]
async fn a_client_that_is_dropped_while_it_dials_dials_no_more() {
    let (server, overwatch) = overwatch(server_limits()).await;
    let address = server.local_address();
    drop((server, overwatch));
    let (client, mut agent) = agent_of(address);
    agent.failed().await;
    drop(client);
    let all_failed = async { while agent.0.recv().await.is_some() {} };
    timeout(PATIENCE, all_failed).await.unwrap();
}
