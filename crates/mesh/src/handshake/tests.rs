//! Whole handshakes: honest ones, wrong secrets, impostors, and frames out of turn.

use std::net::{IpAddr, SocketAddr};

use model::AgentId;

use super::*;
use crate::authority::ClaimRefusal;
use crate::frame::{Challenge, Frame, Hello, Proof, Welcome};
use crate::peer::{Exporter, Peer};
use crate::proof::Mac;
use crate::secret::{MeshKeys, Token, TokenSecret, Tokens};

const AGENT_KEY: KeyHash = KeyHash::from_bytes([0xa1; 32]);
const OVERWATCH_KEY: KeyHash = KeyHash::from_bytes([0x0f; 32]);
const TOKEN: &str = "a-token-of-the-demo";

fn secret(text: &str) -> TokenSecret {
    TokenSecret::new(text.to_owned())
}

fn agent() -> AgentIdentity {
    AgentIdentity {
        agent_id: "backend-eu-west".parse().unwrap(),
        epoch: 1_766_138_700_000,
        service: "app.demo.local".parse().unwrap(),
        region: "eu-west".parse().unwrap(),
        keys: MeshKeys::new([[7; 32]]).unwrap(),
        tokens: vec![secret(TOKEN)],
    }
}

fn token(service: &str, text: &str) -> Token {
    Token {
        service: service.parse().unwrap(),
        secret: secret(text),
        regions: Vec::new(),
        networks: Vec::new(),
    }
}

fn overwatch() -> OverwatchIdentity {
    OverwatchIdentity {
        overwatch_id: "overwatch-us-east".parse().unwrap(),
        keys: MeshKeys::new([[7; 32]]).unwrap(),
        tokens: Tokens::new(vec![token("app.demo.local", TOKEN)]).unwrap(),
    }
}

fn hello(region: Option<&str>) -> Hello {
    Hello {
        protocol: PROTOCOL,
        agent_id: agent().agent_id,
        epoch: 1,
        service: agent().service,
        region: region.map(|region| region.parse().unwrap()),
    }
}

/// The overwatch as the agent's TLS sees it.
fn seen_by_agent() -> Peer {
    Peer {
        address: SocketAddr::new(IpAddr::from([10, 1, 1, 10]), 7946),
        name: "overwatch-us-east".to_owned(),
        key: OVERWATCH_KEY,
        own_key: AGENT_KEY,
        exporter: Exporter::from_bytes([0xee; 32]),
    }
}

/// The agent as the overwatch's TLS sees it.
fn seen_by_overwatch() -> Peer {
    Peer {
        address: SocketAddr::new(IpAddr::from([10, 2, 1, 10]), 40_000),
        name: "backend-eu-west".to_owned(),
        key: AGENT_KEY,
        own_key: OVERWATCH_KEY,
        exporter: Exporter::from_bytes([0xee; 32]),
    }
}

/// How far a handshake came: who refused, and why; or what was proven.
#[derive(Debug, PartialEq)]
enum End {
    Agent(HandshakeFault),
    Overwatch(HandshakeFault),
    Proven(ProvenAgent),
}

fn run(agent: AgentIdentity, overwatch: &OverwatchIdentity, peers: (Peer, Peer)) -> End {
    let mut server = OverwatchHandshake::new(peers.1);
    let (mut client, mut frame) = match AgentHandshake::start(agent, peers.0, None) {
        Ok(started) => started,
        Err(fault) => return End::Agent(fault),
    };
    loop {
        frame = match server.on_frame(frame, overwatch) {
            Ok(OverwatchStep::Send(frame)) => frame,
            Ok(OverwatchStep::Proven(agent)) => return End::Proven(agent),
            Ok(OverwatchStep::ProvenPeer(peer)) => panic!("an agent became {peer:?}"),
            Err(fault) => return End::Overwatch(fault),
        };
        frame = match client.on_frame(frame) {
            Ok(DialStep::Prove { send, pin }) => {
                assert_eq!(pin, OVERWATCH_KEY);
                send
            }
            Ok(DialStep::Welcomed { .. }) => panic!("nobody welcomed"),
            Err(fault) => return End::Agent(fault),
        };
    }
}

/// Runs a handshake after a change to one of the four things it depends on.
fn check(
    change: impl FnOnce(&mut AgentIdentity, &mut OverwatchIdentity, &mut Peer, &mut Peer),
    expect: Result<(), End>,
) {
    let (mut agent, mut overwatch) = (agent(), overwatch());
    let (mut overwatch_seen, mut agent_seen) = (seen_by_agent(), seen_by_overwatch());
    change(&mut agent, &mut overwatch, &mut overwatch_seen, &mut agent_seen);
    let said = match run(agent, &overwatch, (overwatch_seen, agent_seen)) {
        End::Proven(_) => Ok(()),
        end => Err(end),
    };
    assert_eq!(said, expect);
}

#[test]
fn both_sides_prove_what_they_know() {
    let end = run(agent(), &overwatch(), (seen_by_agent(), seen_by_overwatch()));
    let End::Proven(proven) = end else { panic!("{end:?}") };
    assert_eq!(proven.agent_id, "backend-eu-west".parse::<AgentId>().unwrap());
    assert_eq!((proven.key, proven.epoch), (AGENT_KEY, 1_766_138_700_000));
    let app = "app.demo.local".parse().unwrap();
    let (address, region) = (IpAddr::from([10, 2, 1, 10]), "eu-west".parse().unwrap());
    assert_eq!(proven.authority.check_claim(&app, &region, address, address), Ok(()));
}

#[test]
fn a_wrong_token_is_told_from_a_wrong_key() {
    check(
        |a, _, _, _| a.tokens = vec![secret("another-token-text")],
        Err(End::Agent(HandshakeFault::WrongToken)),
    );
    check(
        |a, _, _, _| a.keys = MeshKeys::new([[8; 32]]).unwrap(),
        Err(End::Agent(HandshakeFault::WrongMeshKey)),
    );
    check(
        |_, o, _, _| o.tokens = Tokens::new(vec![token("web", TOKEN)]).unwrap(),
        Err(End::Overwatch(HandshakeFault::UnknownService("app.demo.local".parse().unwrap()))),
    );
}

#[test]
fn a_man_in_the_middle_can_pass_on_nothing() {
    // He has a session of his own with each side, so each sees another exporter ...
    let other = || Exporter::from_bytes([1; 32]);
    check(|_, _, o, _| o.exporter = other(), Err(End::Agent(HandshakeFault::WrongMeshKey)));
    // ... and his key instead of the other's.
    let his = KeyHash::from_bytes([2; 32]);
    check(|_, _, o, _| o.key = his, Err(End::Agent(HandshakeFault::WrongMeshKey)));
    check(|_, _, _, a| a.key = his, Err(End::Agent(HandshakeFault::WrongMeshKey)));
}

#[test]
fn names_must_be_those_of_the_certificates() {
    let mismatch = |claimed: &str| HandshakeFault::NameMismatch {
        claimed: claimed.to_owned(),
        certificate: "somebody".to_owned(),
    };
    check(
        |_, _, _, a| a.name = "somebody".to_owned(),
        Err(End::Overwatch(mismatch("backend-eu-west"))),
    );
    check(
        |_, _, o, _| o.name = "somebody".to_owned(),
        Err(End::Agent(mismatch("overwatch-us-east"))),
    );
    check(|_, _, _, a| a.name = "Backend-EU-West".to_owned(), Ok(()));
}

#[test]
fn keys_and_tokens_change_without_a_gap() {
    let both_keys = || MeshKeys::new([[9; 32], [7; 32]]).unwrap();
    let both_tokens =
        || vec![token("app.demo.local", "the-new-token-text"), token("app.demo.local", TOKEN)];
    check(|_, o, _, _| o.keys = both_keys(), Ok(()));
    check(|a, _, _, _| a.keys = both_keys(), Ok(()));
    check(|_, o, _, _| o.tokens = Tokens::new(both_tokens()).unwrap(), Ok(()));
    check(|a, _, _, _| a.tokens.insert(0, secret("the-new-token-text")), Ok(()));
    check(
        |a, o, _, _| {
            a.keys = MeshKeys::new([[9; 32]]).unwrap();
            a.tokens = vec![secret("the-new-token-text")];
            o.keys = both_keys();
            o.tokens = Tokens::new(both_tokens()).unwrap();
        },
        Ok(()),
    );
}

/// An overwatch with a token for each of three regions. That of `eu-west` is being changed.
fn three_sites() -> OverwatchIdentity {
    let site = |region: &str, text: &str| Token {
        regions: vec![region.parse().unwrap()],
        ..token("app.demo.local", text)
    };
    let tokens = vec![
        site("eu-west", TOKEN),
        site("ap-southeast", "token-of-ap-southeast"),
        site("us-east", "token-of-us-east"),
        site("eu-west", "the-new-token-text"),
    ];
    OverwatchIdentity { tokens: Tokens::new(tokens).unwrap(), ..overwatch() }
}

/// How an agent of a region with a token fares with [`three_sites`].
fn check_site(region: &str, text: &str, expect: Result<(), End>) {
    let set = |agent: &mut AgentIdentity, overwatch: &mut OverwatchIdentity| {
        agent.region = region.parse().unwrap();
        agent.tokens = vec![secret(text)];
        *overwatch = three_sites();
    };
    check(|a, o, _, _| set(a, o), expect);
}

#[test]
fn each_site_has_a_token_of_its_own() {
    check_site("ap-southeast", "token-of-ap-southeast", Ok(()));
    check_site("us-east", "token-of-us-east", Ok(()));
    check_site("eu-west", TOKEN, Ok(()));
    check_site("eu-west", "the-new-token-text", Ok(()));
    // Another site's is a wrong one.
    let wrong = || Err(End::Agent(HandshakeFault::WrongToken));
    check_site("eu-west", "token-of-ap-southeast", wrong());
    check_site("ap-southeast", TOKEN, wrong());
    check_site("us-east", "the-new-token-text", wrong());
    let (service, region) = (agent().service, Some("sa-east".parse().unwrap()));
    let unknown = HandshakeFault::UnknownRegion { service, region };
    check_site("sa-east", TOKEN, Err(End::Overwatch(unknown)));
}

#[test]
fn a_stolen_token_speaks_for_its_own_site_alone() {
    let thief = AgentIdentity {
        region: "us-east".parse().unwrap(),
        tokens: vec![secret("token-of-us-east")],
        ..agent()
    };
    let end = run(thief, &three_sites(), (seen_by_agent(), seen_by_overwatch()));
    let End::Proven(proven) = end else { panic!("{end:?}") };
    let claim = |region: &str| {
        let address = IpAddr::from([10, 2, 1, 10]);
        let region = region.parse().unwrap();
        proven.authority.check_claim(&agent().service, &region, address, address)
    };
    assert_eq!(claim("us-east"), Ok(()));
    assert_eq!(claim("eu-west"), Err(ClaimRefusal::Region));
}

#[test]
fn who_names_no_region_is_asked_only_for_tokens_of_any() {
    let challenge = |overwatch: &OverwatchIdentity, region| {
        let mut server = OverwatchHandshake::new(seen_by_overwatch());
        server.on_frame(Frame::Hello(hello(region)), overwatch)
    };
    let proofs = |overwatch: &OverwatchIdentity, region| match challenge(overwatch, region) {
        Ok(OverwatchStep::Send(Frame::Challenge(challenge))) => challenge.proofs.len(),
        other => panic!("{other:?}"),
    };
    let fault = challenge(&three_sites(), None).unwrap_err();
    assert_eq!(fault.reason(), RefusalReason::UnknownRegion);
    let refusal = fault.refusal().unwrap();
    assert_eq!(refusal.detail(), "app.demo.local in a region that was not named");
    assert_eq!(proofs(&overwatch(), None), 1);
    // However many sites there are, a challenge holds two proofs for each mesh key at most.
    assert_eq!(proofs(&three_sites(), Some("eu-west")), 2);
    assert_eq!(proofs(&three_sites(), Some("us-east")), 1);
}

#[test]
fn authority_is_all_that_the_proven_token_grants_and_no_more() {
    let mut overwatch = overwatch();
    let mut other_token = token("app.demo.local", "the-other-token-text");
    other_token.regions = vec!["ap-southeast".parse().unwrap()];
    let mut web = token("web", TOKEN);
    web.networks = vec!["10.2.0.0/16".parse().unwrap()];
    let tokens = vec![other_token, token("app.demo.local", TOKEN), web, token("db", "third-token")];
    overwatch.tokens = Tokens::new(tokens).unwrap();
    let end = run(agent(), &overwatch, (seen_by_agent(), seen_by_overwatch()));
    let End::Proven(proven) = end else { panic!("{end:?}") };
    let granted: Vec<&str> =
        proven.authority.grants().iter().map(|grant| grant.service.as_str()).collect();
    assert_eq!(granted, ["app.demo.local", "web"]);
}

#[test]
fn a_changed_overwatch_key_is_refused_before_a_word_is_said() {
    let pinned = KeyHash::from_bytes([3; 32]);
    let fault = AgentHandshake::start(agent(), seen_by_agent(), Some(pinned)).unwrap_err();
    assert_eq!(fault, HandshakeFault::OverwatchKeyChanged { pinned, seen: OVERWATCH_KEY });
    assert!(AgentHandshake::start(agent(), seen_by_agent(), Some(OVERWATCH_KEY)).is_ok());
}

#[test]
fn proofs_cannot_be_reflected_or_made_up() {
    let mut server = OverwatchHandshake::new(seen_by_overwatch());
    let (_, hello) = AgentHandshake::start(agent(), seen_by_agent(), None).unwrap();
    let step = server.on_frame(hello, &overwatch()).unwrap();
    let OverwatchStep::Send(Frame::Challenge(challenge)) = step else { panic!("{step:?}") };
    // Somebody who knows neither secret sends the overwatch's own proof back.
    let proof = Proof { index: 0, mac: challenge.proofs[0] };
    let said = server.on_frame(Frame::Proof(proof), &overwatch());
    assert_eq!(said, Err(HandshakeFault::WrongToken));
    // After a fault nothing more is accepted.
    let proof = Proof { index: 9, mac: Mac::from_bytes([0; 32]) };
    let said = server.on_frame(Frame::Proof(proof), &overwatch());
    let awaited = "nothing more";
    assert_eq!(said, Err(HandshakeFault::Unexpected { got: FrameKind::Proof, awaited }));
}

#[test]
fn an_impostor_learns_nothing_and_is_told_so() {
    let (mut client, hello) = AgentHandshake::start(agent(), seen_by_agent(), None).unwrap();
    assert_eq!(hello.kind(), FrameKind::Hello);
    let made_up = vec![Mac::from_bytes([0x55; 32]); 2];
    let challenge = Challenge {
        protocol: PROTOCOL,
        overwatch_id: "overwatch-us-east".parse().unwrap(),
        memberships: made_up.clone(),
        proofs: made_up,
    };
    let fault = client.on_frame(Frame::Challenge(challenge)).unwrap_err();
    assert_eq!(fault.refusal(), Some(RefusalReason::WrongMeshKey.into()));
}

#[test]
fn frames_out_of_turn_end_the_session() {
    let (mut client, _) = AgentHandshake::start(agent(), seen_by_agent(), None).unwrap();
    let welcome = Welcome { resume: None, exclude: Vec::new(), peers: Vec::new() };
    let fault = client.on_frame(Frame::Welcome(welcome)).unwrap_err();
    assert_eq!(fault.to_string(), "a welcome frame came where a challenge was awaited");
    let mut server = OverwatchHandshake::new(seen_by_overwatch());
    let fault = server.on_frame(Frame::Heartbeat, &overwatch()).unwrap_err();
    assert_eq!(fault.to_string(), "a heartbeat frame came where a hello was awaited");
    let mut server = OverwatchHandshake::new(seen_by_overwatch());
    let refusal = Refusal::new(RefusalReason::WrongToken, "");
    let fault = server.on_frame(Frame::Refused(refusal), &overwatch()).unwrap_err();
    assert_eq!((fault.reason(), fault.refusal()), (RefusalReason::WrongToken, None));
}

#[test]
fn another_version_is_refused() {
    let mut server = OverwatchHandshake::new(seen_by_overwatch());
    let hello = Hello { protocol: 2, ..hello(Some("eu-west")) };
    let fault = server.on_frame(Frame::Hello(hello), &overwatch()).unwrap_err();
    assert_eq!(fault, HandshakeFault::Protocol { theirs: 2 });
}
