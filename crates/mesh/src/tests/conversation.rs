//! One recorded conversation, byte for byte: the current code must say exactly this and accept
//! exactly this. A difference means that released versions no longer understand one another.
//!
//! `UPDATE_EXPECT=1` writes the recording anew.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::{
    AgentHandshake, AgentHave, AgentIdentity, BackendCondition, BackendOffer, Condition, DialStep,
    Exporter, Frame, FrameDecoder, Grant, Have, KeyHash, Load, MeshKeys, OverwatchHandshake,
    OverwatchIdentity, OverwatchStep, Peer, PeerHandshake, PortLoad, Presence, Refusal,
    RefusalReason, Registration, Token, TokenSecret, Tokens, Vouched, Welcome, encode,
};
use health::{
    CheckKind, CheckSpec, Dialogue, DnsCheck, GrpcCheck, HttpCheck, Rcode, Rtype, Signal, Strain,
};
use latency::{PortReport, Position, RefreshRow, Report, ReportRow};
use model::{BackendKey, Rtt, Time};

/// What agents and overwatches say; as the first release did but for the frames that it does not know,
/// which are the last ones.
const RECORDING: &str = "testdata/conversation.txt";
/// What overwatches say to one another.
const PEERS: &str = "testdata/peers.txt";

/// Who speaks, and what.
type Line = (&'static str, Frame);

fn peer(name: &str, address: &str, key: u8, own_key: u8) -> Peer {
    Peer {
        address: address.parse().unwrap(),
        name: name.to_owned(),
        key: KeyHash::from_bytes([key; 32]),
        own_key: KeyHash::from_bytes([own_key; 32]),
        exporter: Exporter::from_bytes(std::array::from_fn(|n| u8::try_from(n).unwrap())),
    }
}

fn agent() -> AgentIdentity {
    AgentIdentity {
        agent_id: "backend-eu-west".parse().unwrap(),
        epoch: 1_766_138_700_000,
        service: "app.demo.local".parse().unwrap(),
        region: "eu-west".parse().unwrap(),
        keys: MeshKeys::new([[1; 32]]).unwrap(),
        tokens: vec![TokenSecret::new("token-of-the-recorded-talk".to_owned())],
    }
}

fn overwatch() -> OverwatchIdentity {
    let token = |text: &str| Token {
        service: "app.demo.local".parse().unwrap(),
        secret: TokenSecret::new(text.to_owned()),
        regions: Vec::new(),
        networks: Vec::new(),
    };
    OverwatchIdentity {
        overwatch_id: "overwatch-us-east".parse().unwrap(),
        keys: MeshKeys::new([[2; 32], [1; 32]]).unwrap(),
        tokens: Tokens::new(vec![
            token("next-token-of-the-talk"),
            token("token-of-the-recorded-talk"),
        ])
        .unwrap(),
    }
}

/// The four frames of the beginning, made by both state machines.
fn beginning() -> Vec<Line> {
    let mut server =
        OverwatchHandshake::new(peer("backend-eu-west", "10.2.1.10:40000", 0xa1, 0x0f));
    let seen = peer("overwatch-us-east", "10.1.1.10:7946", 0x0f, 0xa1);
    let (mut client, hello) = AgentHandshake::start(agent(), seen, None).unwrap();
    let step = server.on_frame(hello.clone(), &overwatch()).unwrap();
    let OverwatchStep::Send(challenge) = step else { panic!("{step:?}") };
    let step = client.on_frame(challenge.clone()).unwrap();
    let DialStep::Prove { send: proof, .. } = step else { panic!("{step:?}") };
    let step = server.on_frame(proof.clone(), &overwatch()).unwrap();
    assert!(matches!(step, OverwatchStep::Proven(_)), "{step:?}");
    let welcome = Frame::Welcome(Welcome {
        resume: Some(Position { epoch: 1_766_138_700_000, sequence: 41 }),
        exclude: vec![IpAddr::from([10, 1, 1, 10]), "2001:db8::10".parse().unwrap()],
        peers: vec!["10.1.1.11:7946".to_owned(), "[2001:db8::11]:7946".to_owned()],
    });
    let step = client.on_frame(welcome.clone()).unwrap();
    assert!(matches!(step, DialStep::Welcomed { .. }), "{step:?}");
    vec![("agent", hello), ("overwatch", challenge), ("agent", proof), ("overwatch", welcome)]
}

fn registration() -> Registration {
    let check = CheckSpec {
        kind: CheckKind::Http(HttpCheck {
            path: "/health".to_owned(),
            host: Some("app.demo.local".to_owned()),
            server_name: None,
            status: "2xx,304".parse().unwrap(),
            body: None,
        }),
        interval_ms: 30_000,
        timeout_ms: 5_000,
        failure_threshold: 3,
        success_threshold: 2,
    };
    let offer = |socket: &str, check| {
        let socket: SocketAddr = socket.parse().unwrap();
        BackendOffer {
            key: BackendKey {
                service: "app.demo.local".parse().unwrap(),
                address: socket.ip(),
                port: socket.port(),
            },
            listen_port: 8080,
            weight: 100,
            check,
            healthy: true,
        }
    };
    Registration {
        region: "eu-west".parse().unwrap(),
        backends: vec![offer("10.2.1.10:80", Some(check)), offer("[2001:db8:2::10]:80", None)],
        heartbeat_ms: 10_000,
        missed_threshold: 3,
        subnet_ttl_ms: 604_800_000,
    }
}

fn report() -> Report {
    let row = |subnet: &str, rtt_us, samples| ReportRow {
        subnet: subnet.parse().unwrap(),
        rtt_us: Rtt::from_us(rtt_us).unwrap(),
        deviation_us: 1_024,
        min_rtt: Rtt::from_us(rtt_us - 512).unwrap(),
        samples,
        observed_at: Time::from_unix_ms(1_766_138_700_000),
    };
    let refreshed = RefreshRow {
        subnet: "10.9.0.0/22".parse().unwrap(),
        samples: 12,
        observed_at: Time::from_unix_ms(1_766_138_688_000),
    };
    let rows = vec![
        row("10.1.2.0/24", 85_504, 150),
        row("10.3.2.0/24", 167_936, 7),
        row("2001:db8:7::/48", 1_024, 5),
    ];
    let port = PortReport { port: 8080, rows, refreshed: vec![refreshed] };
    Report { after: 41, through: 45, ports: vec![port] }
}

fn load() -> Load {
    let ports = vec![
        PortLoad { port: 443, open: 12_000, closed: 900 },
        PortLoad { port: 8080, open: 0, closed: 0 },
    ];
    Load { period_ms: 15_000, ports }
}

/// What later releases say: every kind of check that the first did not know.
fn later_registration() -> Registration {
    let spec = |kind| CheckSpec {
        kind,
        interval_ms: 10_000,
        timeout_ms: 2_000,
        failure_threshold: 3,
        success_threshold: 2,
    };
    let text = |text: &str| Some(text.to_owned());
    let kinds = [
        CheckKind::Dialogue(Dialogue { send: text("PING\r\n"), expect: text("+PONG") }),
        CheckKind::Https(HttpCheck {
            path: "/".to_owned(),
            host: text("app.demo.local"),
            server_name: text("sni.demo.local"),
            status: "200".parse().unwrap(),
            body: text("ready"),
        }),
        CheckKind::Grpc(GrpcCheck { service: text("demo.App"), host: None, server_name: None }),
        CheckKind::Grpcs(GrpcCheck { service: None, host: text("app"), server_name: text("sni") }),
        CheckKind::Dns(DnsCheck {
            name: "app.demo.local".to_owned(),
            record_type: Rtype::AAAA,
            rcode: Rcode::NXDOMAIN,
            answer: text("2001:db8::1"),
        }),
    ];
    let mut registration = registration();
    let plain = registration.backends.remove(1);
    registration.backends.clear();
    for (port, kind) in (81u16..).zip(kinds) {
        let key = BackendKey { port, ..plain.key.clone() };
        let check = Some(spec(kind));
        registration.backends.push(BackendOffer { key, check, ..plain.clone() });
    }
    registration
}

fn condition() -> Condition {
    let key = |port| BackendKey { port, ..registration().backends[0].key.clone() };
    let strain = Strain { signal: Signal::Cpu, value: 96.5, threshold: 90.0 };
    let backends = vec![
        BackendCondition { key: key(80), share_permille: 700, strain: Some(strain) },
        BackendCondition { key: key(81), share_permille: 0, strain: None },
    ];
    Condition { backends }
}

fn conversation() -> Vec<Line> {
    let epoch = 1_766_138_700_000;
    let refusal = Refusal::new(RefusalReason::AddressNotGranted, "app.demo.local at 10.2.1.12:80");
    let mut lines = beginning();
    lines.extend([
        ("agent", Frame::Registration(registration())),
        ("overwatch", Frame::Refused(refusal)),
        ("agent", Frame::Heartbeat),
        ("agent", Frame::Report { epoch, report: report() }),
        ("overwatch", Frame::Ack(Position { epoch, sequence: 45 })),
        ("agent", Frame::Load(load())),
        ("agent", Frame::Registration(later_registration())),
        ("agent", Frame::Condition(condition())),
        ("agent", Frame::Goodbye),
    ]);
    lines
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn dialler() -> OverwatchIdentity {
    OverwatchIdentity { overwatch_id: "overwatch-eu".parse().unwrap(), ..overwatch() }
}

/// What an overwatch says that another one dialled, and what it is asked.
fn peers() -> Vec<Line> {
    let mut server = OverwatchHandshake::new(peer("overwatch-eu", "10.2.1.1:50000", 0xa1, 0x0f));
    let seen = peer("overwatch-us-east", "10.1.1.10:7946", 0x0f, 0xa1);
    let start = PeerHandshake::start(dialler().overwatch_id, seen, None);
    let (mut client, hello) = start.unwrap();
    let step = server.on_frame(hello.clone(), &overwatch()).unwrap();
    let OverwatchStep::Send(challenge) = step else { panic!("{step:?}") };
    let step = client.on_frame(challenge.clone(), &dialler()).unwrap();
    let DialStep::Prove { send: proof, .. } = step else { panic!("{step:?}") };
    let step = server.on_frame(proof.clone(), &overwatch()).unwrap();
    assert!(matches!(step, OverwatchStep::ProvenPeer(_)), "{step:?}");
    let epoch = 1_766_138_700_000;
    let agent_id: model::AgentId = "backend-eu-west".parse().unwrap();
    let key = Some(KeyHash::from_bytes([0xa1; 32]));
    let has =
        |key, position, digest| AgentHave { agent_id: agent_id.clone(), key, position, digest };
    let position = Some(Position { epoch, sequence: 41 });
    let have = Have {
        agents: vec![has(key, position, 0xfedc_ba98_7654_3210), has(None, None, 0)],
        asks: true,
    };
    let grant = |regions: &[&str], networks: &[&str]| Grant {
        service: "app.demo.local".parse().unwrap(),
        regions: regions.iter().map(|region| region.parse().unwrap()).collect(),
        networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
    };
    let vouched = Vouched {
        agent_id: agent_id.clone(),
        key: KeyHash::from_bytes([0xa1; 32]),
        service: "app.demo.local".parse().unwrap(),
        epoch,
        address: IpAddr::from([10, 2, 1, 10]),
        grants: vec![grant(&["eu-west", "us"], &["10.2.0.0/16", "2001:db8::/32"]), grant(&[], &[])],
        presence: Presence::There,
    };
    let by = |key, said| Frame::Relayed { agent_id: agent_id.clone(), key, said: Box::new(said) };
    let relayed = |said| by(None, said);
    vec![
        ("dialler", hello),
        ("dialled", challenge),
        ("dialler", proof),
        ("dialler", Frame::Have(have)),
        ("dialled", Frame::Vouched(vouched)),
        ("dialled", relayed(Frame::Registration(registration()))),
        ("dialled", relayed(Frame::Condition(condition()))),
        ("dialled", relayed(Frame::Load(load()))),
        ("dialled", relayed(Frame::Report { epoch, report: report() })),
        ("dialled", by(key, Frame::Report { epoch, report: report() })),
        ("dialled", Frame::Told { has_more: true }),
    ]
}

#[test]
fn the_recorded_conversation_is_said_and_understood() {
    check(RECORDING, &conversation());
}

#[test]
fn what_overwatches_say_is_said_and_understood() {
    check(PEERS, &peers());
}

fn check(recording: &str, lines: &[Line]) {
    let said: String = lines
        .iter()
        .map(|(speaker, frame)| {
            let mut bytes = Vec::new();
            encode(frame, &mut bytes).unwrap();
            format!("{speaker} {} {}\n", frame.kind().as_str(), hex(&bytes))
        })
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(recording);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &said).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap();
    assert_eq!(said, recorded, "the bytes on the wire changed; bless with UPDATE_EXPECT=1");
    for (line, (_, frame)) in recorded.lines().zip(lines) {
        let mut decoder = FrameDecoder::new();
        decoder.prove();
        decoder.push(&bytes_of(line.rsplit(' ').next().unwrap()));
        assert_eq!(decoder.next_frame().as_ref(), Ok(&Some(frame.clone())), "{line}");
        assert_eq!(decoder.next_frame(), Ok(None));
    }
}

/// What was recorded of an earlier build of version 1, and is never written anew: its frames are understood
/// and the proofs in it hold. Of what it does not know the fields are left out.
#[test]
fn what_version_1_said_is_understood() {
    let recorded = |name: &str| -> Vec<Frame> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/version-1").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let frame = |line: &str| {
            let mut decoder = FrameDecoder::new();
            decoder.prove();
            decoder.push(&bytes_of(line.rsplit(' ').next().unwrap()));
            decoder.next_frame().unwrap().unwrap_or_else(|| panic!("{line} is skipped"))
        };
        text.lines().map(frame).collect()
    };
    let agent = recorded("agent.txt");
    assert_eq!(agent.len(), conversation().len());
    let mut server =
        OverwatchHandshake::new(peer("backend-eu-west", "10.2.1.10:40000", 0xa1, 0x0f));
    let step = server.on_frame(agent[0].clone(), &overwatch()).unwrap();
    assert!(matches!(step, OverwatchStep::Send(frame) if frame == agent[1]));
    let step = server.on_frame(agent[2].clone(), &overwatch()).unwrap();
    assert!(matches!(step, OverwatchStep::Proven(_)), "{step:?}");
    let peers = recorded("peers.txt");
    let mut server = OverwatchHandshake::new(peer("overwatch-eu", "10.2.1.1:50000", 0xa1, 0x0f));
    let step = server.on_frame(peers[0].clone(), &overwatch()).unwrap();
    assert!(matches!(step, OverwatchStep::Send(frame) if frame == peers[1]));
    let step = server.on_frame(peers[2].clone(), &overwatch()).unwrap();
    assert!(matches!(step, OverwatchStep::ProvenPeer(_)), "{step:?}");
    // Neither said whose rows it wants or tells.
    let keys = peers.iter().filter(|frame| match frame {
        Frame::Have(have) => have.agents.iter().any(|agent| agent.key.is_some()),
        Frame::Relayed { key, .. } => key.is_some(),
        _ => false,
    });
    assert_eq!((peers.len(), keys.count()), (10, 0));
}
