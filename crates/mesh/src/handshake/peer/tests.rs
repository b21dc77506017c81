//! Two overwatches meet: with one key, with two while they are changed, and with none in common; and an
//! agent that would be one.

use crate::frame::{Challenge, Frame, Proof};
use crate::handshake::{
    AgentHandshake, AgentIdentity, DialStep, OverwatchHandshake, OverwatchStep, ProvenPeer,
};
use crate::peer::Exporter;
use crate::proof::Mac;
use crate::secret::{MeshKeys, TokenSecret, Tokens};

use super::*;

const EAST: KeyHash = KeyHash::from_bytes([0xe0; 32]);
const WEST: KeyHash = KeyHash::from_bytes([0x30; 32]);

fn identity(id: &str, keys: &[u8]) -> OverwatchIdentity {
    OverwatchIdentity {
        overwatch_id: id.parse().unwrap(),
        keys: MeshKeys::new(keys.iter().map(|key| [*key; 32])).unwrap(),
        tokens: Tokens::new(Vec::new()).unwrap(),
    }
}

/// `name` as the other end's TLS sees it.
fn peer(name: &str, key: KeyHash, own_key: KeyHash) -> Peer {
    Peer {
        address: "10.1.1.10:7946".parse().unwrap(),
        name: name.to_owned(),
        key,
        own_key,
        exporter: Exporter::from_bytes([7; 32]),
    }
}

/// East dials west; what west makes of it, and what east pinned.
fn meet(east: &[u8], west: &[u8]) -> Result<(ProvenPeer, KeyHash), HandshakeFault> {
    let (east, west) = (identity("east", east), identity("west", west));
    let mut server = OverwatchHandshake::new(peer("east", EAST, WEST));
    let seen = peer("west", WEST, EAST);
    let (mut client, hello) = PeerHandshake::start(east.overwatch_id.clone(), seen, None)?;
    let step = server.on_frame(hello, &west)?;
    let OverwatchStep::Send(challenge) = step else { panic!("{step:?}") };
    let step = client.on_frame(challenge, &east)?;
    let DialStep::Prove { send, pin } = step else { panic!("{step:?}") };
    match server.on_frame(send, &west)? {
        OverwatchStep::ProvenPeer(proven) => Ok((proven, pin)),
        step => panic!("{step:?}"),
    }
}

#[test]
fn overwatches_meet_with_any_key_in_common() {
    let proven = ProvenPeer { overwatch_id: "east".parse().unwrap(), key: EAST };
    // One key, and every state of its change: added second, made first, the old one dropped.
    for (east, west) in
        [([1].as_slice(), [1].as_slice()), (&[1, 2], &[1]), (&[1, 2], &[2, 1]), (&[2], &[2, 1])]
    {
        assert_eq!(meet(east, west), Ok((proven.clone(), WEST)), "{east:?} {west:?}");
        assert_eq!(meet(west, east), Ok((proven.clone(), WEST)), "{west:?} {east:?}");
    }
    assert_eq!(meet(&[1], &[2]), Err(HandshakeFault::WrongPeerProof));
}

#[test]
fn a_pinned_key_holds() {
    let seen = peer("west", WEST, EAST);
    let started = PeerHandshake::start("east".parse().unwrap(), seen.clone(), Some(EAST));
    let fault = HandshakeFault::OverwatchKeyChanged { pinned: EAST, seen: WEST };
    assert_eq!(started.map(|_| ()), Err(fault));
    assert!(PeerHandshake::start("east".parse().unwrap(), seen, Some(WEST)).is_ok());
}

#[test]
fn nobody_goes_by_another_name_or_answers_with_what_was_said() {
    let west = identity("west", &[1]);
    let mut server = OverwatchHandshake::new(peer("north", EAST, WEST));
    let seen = peer("west", WEST, EAST);
    let (_, hello) = PeerHandshake::start("east".parse().unwrap(), seen, None).unwrap();
    let fault = server.on_frame(hello.clone(), &west).unwrap_err();
    assert!(matches!(fault, HandshakeFault::NameMismatch { .. }), "{fault}");
    // The proof of who was dialled is none of who dials.
    let mut server = OverwatchHandshake::new(peer("east", EAST, WEST));
    let step = server.on_frame(hello, &west).unwrap();
    let OverwatchStep::Send(Frame::Challenge(Challenge { memberships, .. })) = step else {
        panic!("{step:?}")
    };
    let echo = Frame::Proof(Proof { index: 0, mac: memberships[0] });
    assert_eq!(server.on_frame(echo, &west), Err(HandshakeFault::WrongPeerProof));
}

/// An agent that knows the mesh key, and says what an agent can say.
fn agent() -> AgentIdentity {
    AgentIdentity {
        agent_id: "east".parse().unwrap(),
        epoch: 1,
        service: "app".parse().unwrap(),
        region: "eu".parse().unwrap(),
        keys: MeshKeys::new([[1; 32]]).unwrap(),
        tokens: vec![TokenSecret::new("the-token-of-the-app".to_owned())],
    }
}

#[test]
fn an_agents_proofs_are_none_of_an_overwatch() {
    let token = crate::Token {
        service: "app".parse().unwrap(),
        secret: TokenSecret::new("the-token-of-the-app".to_owned()),
        regions: Vec::new(),
        networks: Vec::new(),
    };
    let mut west = identity("west", &[1]);
    west.tokens = Tokens::new(vec![token]).unwrap();
    // It gets a challenge as an agent and answers it in a session begun as an overwatch.
    let seen = peer("west", WEST, EAST);
    let mut as_agent = OverwatchHandshake::new(peer("east", EAST, WEST));
    let (mut client, hello) = AgentHandshake::start(agent(), seen.clone(), None).unwrap();
    let OverwatchStep::Send(challenge) = as_agent.on_frame(hello, &west).unwrap() else { panic!() };
    let DialStep::Prove { send: proof, .. } = client.on_frame(challenge.clone()).unwrap() else {
        panic!()
    };
    let mut as_peer = OverwatchHandshake::new(peer("east", EAST, WEST));
    let start = PeerHandshake::start("east".parse().unwrap(), seen, None);
    let (mut dialler, hello) = start.unwrap();
    as_peer.on_frame(hello, &west).unwrap();
    assert_eq!(as_peer.on_frame(proof, &west), Err(HandshakeFault::WrongPeerProof));
    // Nor does what an overwatch proves to agents convince another overwatch.
    let east = identity("east", &[1]);
    assert_eq!(dialler.on_frame(challenge, &east), Err(HandshakeFault::WrongPeerProof));
}

#[test]
fn frames_out_of_turn_end_it() {
    let east = identity("east", &[1]);
    let start = || PeerHandshake::start("east".parse().unwrap(), peer("west", WEST, EAST), None);
    let proof = || Frame::Proof(Proof { index: 0, mac: Mac::from_bytes([0; 32]) });
    for frame in [Frame::Heartbeat, Frame::Told { has_more: false }, proof()] {
        let (mut client, _) = start().unwrap();
        let fault = client.on_frame(frame, &east).unwrap_err();
        assert!(matches!(fault, HandshakeFault::Unexpected { .. }), "{fault}");
    }
    let west = identity("west", &[1]);
    let mut server = OverwatchHandshake::new(peer("east", EAST, WEST));
    server.on_frame(start().unwrap().1, &west).unwrap();
    let wild = Frame::Proof(Proof { index: 9, mac: Mac::from_bytes([0; 32]) });
    assert_eq!(server.on_frame(wild, &west), Err(HandshakeFault::WrongPeerProof));
}
