//! Frames cut anywhere, too long, from a newer version, and lies in every field.

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::*;
use crate::frame::{Hello, Registration};

fn hello() -> Frame {
    Frame::Hello(Hello {
        protocol: 1,
        agent_id: "backend-eu-west".parse().unwrap(),
        epoch: 7,
        service: "app.demo.local".parse().unwrap(),
        region: Some("eu-west".parse().unwrap()),
    })
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

fn decode_all(proven: bool, bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
    let mut decoder = FrameDecoder::new();
    if proven {
        decoder.prove();
    }
    decoder.push(bytes);
    std::iter::from_fn(|| decoder.next_frame().transpose()).collect()
}

#[test]
fn frames_come_out_wherever_the_bytes_are_cut() {
    let mut bytes = Vec::new();
    for frame in [hello(), Frame::Heartbeat, Frame::Goodbye] {
        encode(&frame, &mut bytes).unwrap();
    }
    for step in 1..bytes.len() {
        let mut decoder = FrameDecoder::new();
        let mut frames = Vec::new();
        for piece in bytes.chunks(step) {
            decoder.push(piece);
            while let Some(frame) = decoder.next_frame().unwrap() {
                frames.push(frame);
            }
        }
        assert_eq!(frames, [hello(), Frame::Heartbeat, Frame::Goodbye]);
    }
}

#[test]
fn a_long_frame_is_refused_by_its_length_alone() {
    let length = |bytes: u32| bytes.to_be_bytes();
    let oversized = |bytes, max| Err(FrameError::Oversized { bytes, max });
    assert_eq!(decode_all(false, &length(4_097)), oversized(4_097, 4_096));
    assert_eq!(decode_all(false, &length(4_096)), Ok(Vec::new()));
    assert_eq!(decode_all(true, &length(100 << 20)), oversized(100 << 20, RELAYED_BYTES_MAX));
    assert_eq!(decode_all(true, &length(1 << 20)), Ok(Vec::new()));
    assert_eq!(decode_all(true, &length(u32::MAX)), oversized(0xffff_ffff, RELAYED_BYTES_MAX));
}

#[test]
fn what_a_newer_version_adds_is_skipped() {
    // Kind 99, and field 99 in a hello.
    let mut unknown_kind = Vec::new();
    encode_key(99, WireType::LengthDelimited, &mut unknown_kind);
    encode_varint(0, &mut unknown_kind);
    let mut hello_bytes = Vec::new();
    encode(&hello(), &mut hello_bytes).unwrap();
    let mut inner = hello_bytes[6..].to_vec();
    encode_key(99, WireType::Varint, &mut inner);
    encode_varint(5, &mut inner);
    let mut newer_hello = Vec::new();
    encode_key(1, WireType::LengthDelimited, &mut newer_hello);
    encode_varint(inner.len() as u64, &mut newer_hello);
    newer_hello.extend(inner);
    let mut decoder = FrameDecoder::new();
    decoder.push(&[framed(&unknown_kind), framed(&newer_hello)].concat());
    assert_eq!(decoder.next_frame(), Ok(Some(hello())));
    assert_eq!(decoder.skipped(), 1);
}

#[test]
fn a_hello_may_name_no_region() {
    let twin = crate::wire::Hello {
        protocol: 1,
        agent_id: "backend-eu-west".to_owned(),
        epoch: 7,
        service: "app.demo.local".to_owned(),
        region: None,
    };
    let body = crate::wire::Body::Hello(twin.clone());
    let envelope = crate::wire::Envelope { body: Some(body) };
    let frames = decode_all(false, &framed(&envelope.encode_to_vec())).unwrap();
    let [Frame::Hello(Hello { region: None, .. })] = &frames[..] else { panic!("{frames:?}") };
    check_field(
        crate::wire::Body::Hello(crate::wire::Hello { region: Some(String::new()), ..twin }),
        "region in a hello frame is not valid",
    );
}

#[test]
fn a_bomb_of_empty_elements_is_counted_first() {
    let offers = [0x12, 0x00].repeat(9_000);
    let mut body = Vec::new();
    encode_key(6, WireType::LengthDelimited, &mut body);
    encode_varint(offers.len() as u64, &mut body);
    body.extend(&offers);
    assert_eq!(decode_all(true, &framed(&body)), Err(FrameError::TooManyFields));
    assert_eq!(decode_all(true, &framed(&[0x3a, 0].repeat(9_000))), Err(FrameError::TooManyFields));
}

/// A frame of one kind after a change of its twin.
fn check_field(body: crate::wire::Body, expect: &str) {
    let envelope = crate::wire::Envelope { body: Some(body) };
    let error = decode_all(true, &framed(&envelope.encode_to_vec())).unwrap_err();
    assert_eq!(error.to_string(), expect);
}

fn registration() -> crate::wire::Registration {
    crate::wire::Registration {
        region: "eu-west".to_owned(),
        backends: vec![crate::wire::BackendOffer {
            service: "app".to_owned(),
            address: vec![10, 2, 1, 10],
            port: 80,
            listen_port: 80,
            ..Default::default()
        }],
        heartbeat_ms: 10_000,
        missed_threshold: 3,
        subnet_ttl_ms: 1,
    }
}

#[test]
fn every_field_is_checked() {
    type Lie = fn(&mut crate::wire::Registration);
    let lies: [(Lie, &str); 10] = [
        (|r| r.region = "eu west".to_owned(), "region"),
        (|r| r.heartbeat_ms = 0, "heartbeat_ms"),
        (|r| r.heartbeat_ms = u64::MAX, "heartbeat_ms"),
        (|r| r.missed_threshold = 0, "missed_threshold"),
        (|r| r.subnet_ttl_ms = u64::MAX, "subnet_ttl_ms"),
        (|r| r.backends = vec![r.backends[0].clone(); 1_025], "backends"),
        (|r| r.backends[0].service = String::new(), "service"),
        (|r| r.backends[0].address = vec![1; 5], "address"),
        (|r| r.backends[0].port = 65_536, "port"),
        (|r| r.backends[0].check = Some(Default::default()), "check.kind"),
    ];
    for (lie, field) in lies {
        let mut twin = registration();
        lie(&mut twin);
        let expect = format!("{field} in a registration frame is not valid");
        check_field(crate::wire::Body::Registration(twin), &expect);
    }
    check_field(
        crate::wire::Body::Proof(crate::wire::Proof { index: 0, mac: vec![0; 31] }),
        "mac in a proof frame is not valid",
    );
    let peers = vec!["two words:1".to_owned()];
    check_field(
        crate::wire::Body::Welcome(crate::wire::Welcome { peers, ..Default::default() }),
        "peers in a welcome frame is not valid",
    );
    let exclude = vec![vec![1; 4]; 1_025];
    check_field(
        crate::wire::Body::Welcome(crate::wire::Welcome { exclude, ..Default::default() }),
        "exclude in a welcome frame is not valid",
    );
}

#[test]
fn a_load_has_a_time_and_each_port_once() {
    let port = |port| crate::wire::PortLoad { port, open: 1, closed: 1 };
    let check = |period_ms, ports: &[u32], field| {
        let ports = ports.iter().copied().map(port).collect();
        let load = crate::wire::Load { period_ms, ports };
        check_field(
            crate::wire::Body::Load(load),
            &format!("{field} in a load frame is not valid"),
        );
    };
    check(0, &[], "period_ms");
    check(3_600_001, &[], "period_ms");
    check(1, &[80, 80], "ports");
    check(1, &[81, 80], "ports");
    check(1, &[0], "port");
    check(1, &[65_536], "port");
    check(1, &(1..=1_025).collect::<Vec<_>>(), "ports");
}

#[test]
fn a_check_of_a_kind_that_is_not_known_is_no_check() {
    let check = |check: Option<u32>, later: Option<u32>| {
        let mut twin = registration();
        let of = |kind: Option<u32>| {
            kind.map(|kind| crate::wire::CheckSpec {
                kind,
                path: "/".to_owned(),
                status: "200".to_owned(),
                interval_ms: 10_000,
                timeout_ms: 1_000,
                failure_threshold: 1,
                success_threshold: 1,
                ..crate::wire::CheckSpec::default()
            })
        };
        (twin.backends[0].check, twin.backends[0].later_check) = (of(check), of(later));
        let envelope = crate::wire::Envelope { body: Some(crate::wire::Body::Registration(twin)) };
        let frames = decode_all(true, &framed(&envelope.encode_to_vec())).unwrap();
        let [Frame::Registration(Registration { backends, .. })] = &frames[..] else { panic!() };
        backends[0].check.as_ref().map(|check| check.kind.as_str())
    };
    assert_eq!(check(None, Some(4)), Some("grpc"));
    assert_eq!(check(None, Some(99)), None, "of a newer version");
    assert_eq!(check(Some(2), Some(99)), Some("http"));
}

#[test]
fn a_command_never_travels() {
    let mut bytes = Vec::new();
    let mut twin = registration();
    twin.backends.truncate(1);
    let envelope = crate::wire::Envelope { body: Some(crate::wire::Body::Registration(twin)) };
    let frames = decode_all(true, &framed(&envelope.encode_to_vec())).unwrap();
    let [Frame::Registration(registration)] = &frames[..] else { panic!() };
    let mut registration = registration.clone();
    let program = "/usr/bin/check-the-app".to_owned();
    registration.backends[0].check = Some(health::CheckSpec {
        kind: health::CheckKind::Command(health::CommandCheck { program, arguments: Vec::new() }),
        interval_ms: 10_000,
        timeout_ms: 1_000,
        failure_threshold: 1,
        success_threshold: 1,
    });
    encode(&Frame::Registration(registration), &mut bytes).unwrap();
    assert!(!bytes.windows(9).any(|window| window == b"check-the"));
    let frames = decode_all(true, &bytes).unwrap();
    let [Frame::Registration(Registration { backends, .. })] = &frames[..] else { panic!() };
    assert_eq!(backends[0].check, None);
}

#[test]
fn a_condition_names_backends_that_get_less() {
    let check = |change: &dyn Fn(&mut crate::wire::BackendCondition), field| {
        let mut backend = crate::wire::BackendCondition {
            service: "app".to_owned(),
            address: vec![10, 0, 0, 1],
            port: 80,
            share_permille: 999,
            signal: 99,
            value: 1.0,
            threshold: 2.0,
        };
        change(&mut backend);
        let condition = crate::wire::Condition { backends: vec![backend] };
        check_field(
            crate::wire::Body::Condition(condition),
            &format!("{field} in a condition frame is not valid"),
        );
    };
    check(&|backend| backend.share_permille = 1_000, "share_permille");
    check(&|backend| backend.share_permille = 65_536, "share_permille");
    check(&|backend| backend.address = vec![1; 3], "address");
    check(&|backend| backend.port = 0, "port");
    check(&|backend| backend.service = String::new(), "service");
    check(&|backend| backend.value = f64::NAN, "value");
    check(&|backend| backend.threshold = f64::INFINITY, "value");
}

#[test]
fn an_address_mapped_to_ipv6_is_folded() {
    let mut twin = registration();
    twin.backends[0].address = [&[0; 10][..], &[0xff, 0xff, 10, 2, 1, 10]].concat();
    let envelope = crate::wire::Envelope { body: Some(crate::wire::Body::Registration(twin)) };
    let frames = decode_all(true, &framed(&envelope.encode_to_vec())).unwrap();
    let [Frame::Registration(Registration { backends, .. })] = &frames[..] else { panic!() };
    assert_eq!(backends[0].key.to_string(), "app at 10.2.1.10:80");
}

/// A registration frame of exactly so many bytes, as an agent sends it.
fn long_registration(bytes: usize) -> Vec<u8> {
    let mut twin = registration();
    let check = crate::wire::CheckSpec {
        kind: 2,
        interval_ms: 10_000,
        timeout_ms: 1_000,
        failure_threshold: 1,
        success_threshold: 1,
        path: format!("/{}", "x".repeat(900)),
        // It grows when it is written again.
        status: "1xx,3xx,5xx".to_owned(),
        ..Default::default()
    };
    let sample = crate::wire::BackendOffer { check: Some(check), ..twin.backends[0].clone() };
    twin.backends = (1..=u32::try_from(crate::frame::BACKENDS_MAX).unwrap())
        .map(|port| crate::wire::BackendOffer { port, ..sample.clone() })
        .collect();
    let framed_of = |twin: &crate::wire::Registration| {
        let body = crate::wire::Body::Registration(twin.clone());
        framed(&crate::wire::Envelope { body: Some(body) }.encode_to_vec())
    };
    let missing = bytes - (framed_of(&twin).len() - PREFIX_BYTES);
    let (each, rest) = (missing / twin.backends.len(), missing % twin.backends.len());
    for (at, backend) in twin.backends.iter_mut().enumerate() {
        let more = each + usize::from(at < rest);
        backend.check.as_mut().unwrap().path += &"x".repeat(more);
    }
    framed_of(&twin)
}

#[test]
fn whatever_an_agent_can_say_can_be_told_on() {
    use crate::frame::FRAME_BYTES_MAX;
    let said = long_registration(FRAME_BYTES_MAX);
    assert_eq!(said.len(), PREFIX_BYTES + FRAME_BYTES_MAX);
    let mut said = decode_all(true, &said).unwrap();
    let (agent_id, key) = (["a"; 253].concat(), Some(crate::KeyHash::from_bytes([7; 32])));
    let relayed =
        Frame::Relayed { agent_id: agent_id.parse().unwrap(), key, said: Box::new(said.remove(0)) };
    let mut bytes = Vec::new();
    encode(&relayed, &mut bytes).unwrap();
    assert!(bytes.len() > PREFIX_BYTES + FRAME_BYTES_MAX);
    assert_eq!(decode_all(true, &bytes), Ok(vec![relayed]));
    // From an agent itself it is too long.
    let said = long_registration(FRAME_BYTES_MAX + 1);
    let oversized = FrameError::Oversized { bytes: FRAME_BYTES_MAX + 1, max: FRAME_BYTES_MAX };
    assert_eq!(decode_all(true, &said), Err(oversized));
}
