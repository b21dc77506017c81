//! What overwatches say to one another as protobuf twins, both ways.

use model::{Region, Subnet};
use prost::Message;

use super::from_wire::{self, invalid};
use super::to_wire;
use crate::authority::Grant;
use crate::codec::{self, EncodeError, FrameError};
use crate::frame::{self, Frame, FrameKind, GRANTS_MAX, HAVES_MAX, Presence};
use crate::peer::KeyHash;
use crate::wire::{AgentHave, Have, PeerHello, Relayed, Vouched};

/// What an empty list of a grant is written as; no name and no network.
const NONE: &str = "-";

pub(super) fn hello_to_wire(hello: &frame::PeerHello) -> PeerHello {
    PeerHello { protocol: hello.protocol, overwatch_id: hello.overwatch_id.to_string() }
}

pub(super) fn hello_of(hello: &PeerHello) -> Result<frame::PeerHello, FrameError> {
    let wrong = invalid(FrameKind::PeerHello, "overwatch_id");
    let overwatch_id = from_wire::name_of(&hello.overwatch_id, wrong)?;
    Ok(frame::PeerHello { protocol: hello.protocol, overwatch_id })
}

pub(super) fn have_to_wire(have: &frame::Have) -> Result<Have, EncodeError> {
    if have.agents.len() > HAVES_MAX {
        return Err(EncodeError::TooMany("agents"));
    }
    let agent = |have: &frame::AgentHave| AgentHave {
        agent_id: have.agent_id.to_string(),
        position: have.position.map(to_wire::position_of),
        digest: have.digest,
        key: key_to_wire(have.key),
    };
    Ok(Have { agents: have.agents.iter().map(agent).collect(), asks: have.asks })
}

pub(super) fn have_of(have: Have) -> Result<frame::Have, FrameError> {
    if have.agents.len() > HAVES_MAX {
        return Err(invalid(FrameKind::Have, "agents"));
    }
    let agent = |have: AgentHave| {
        let agent_id = from_wire::name_of(&have.agent_id, invalid(FrameKind::Have, "agent_id"))?;
        let key = key_of(&have.key, invalid(FrameKind::Have, "key"))?;
        let position = have.position.map(from_wire::position_of);
        Ok(frame::AgentHave { agent_id, key, position, digest: have.digest })
    };
    let agents = have.agents.into_iter().map(agent).collect::<Result<_, FrameError>>()?;
    Ok(frame::Have { agents, asks: have.asks })
}

pub(super) fn vouched_to_wire(vouched: &frame::Vouched) -> Result<Vouched, EncodeError> {
    if vouched.grants.len() > GRANTS_MAX {
        return Err(EncodeError::TooMany("grants"));
    }
    Ok(Vouched {
        agent_id: vouched.agent_id.to_string(),
        key: vouched.key.as_bytes().to_vec(),
        service: vouched.service.to_string(),
        epoch: vouched.epoch,
        address: to_wire::address_of(vouched.address),
        grants: vouched.grants.iter().map(grant_to_wire).collect(),
        presence: match vouched.presence {
            Presence::Away => 1,
            Presence::There => 2,
            Presence::Gone => 3,
        },
    })
}

pub(super) fn vouched_of(vouched: &Vouched) -> Result<frame::Vouched, FrameError> {
    let wrong = |field| invalid(FrameKind::Vouched, field);
    if vouched.grants.len() > GRANTS_MAX {
        return Err(wrong("grants"));
    }
    let key: [u8; 32] = vouched.key.as_slice().try_into().map_err(|_| wrong("key"))?;
    let grants = vouched.grants.iter().map(|grant| grant_of(grant).ok_or(wrong("grants")));
    Ok(frame::Vouched {
        agent_id: from_wire::name_of(&vouched.agent_id, wrong("agent_id"))?,
        key: KeyHash::from_bytes(key),
        service: from_wire::name_of(&vouched.service, wrong("service"))?,
        epoch: vouched.epoch,
        address: from_wire::address_of(&vouched.address).ok_or(wrong("address"))?,
        grants: grants.collect::<Result<_, _>>()?,
        presence: match vouched.presence {
            2 => Presence::There,
            3 => Presence::Gone,
            // What a newer version may say besides is no sign of life.
            _ => Presence::Away,
        },
    })
}

fn grant_to_wire(grant: &Grant) -> String {
    let list = |words: Vec<String>| match words.is_empty() {
        true => NONE.to_owned(),
        false => words.join(","),
    };
    let regions = list(grant.regions.iter().map(ToString::to_string).collect());
    let networks = list(grant.networks.iter().map(ToString::to_string).collect());
    format!("{} {regions} {networks}", grant.service)
}

fn grant_of(text: &str) -> Option<Grant> {
    let mut words = text.split(' ');
    let (service, regions, networks) = (words.next()?, words.next()?, words.next()?);
    let list = |text: &'_ str| -> Vec<String> {
        let words = text.split(',').filter(|_| text != NONE);
        words.map(ToOwned::to_owned).collect()
    };
    let regions: Result<Vec<Region>, _> = list(regions).iter().map(|name| name.parse()).collect();
    let networks: Result<Vec<Subnet>, _> = list(networks).iter().map(|net| net.parse()).collect();
    let service = service.parse().ok()?;
    let grant = Grant { service, regions: regions.ok()?, networks: networks.ok()? };
    words.next().is_none().then_some(grant)
}

pub(super) fn relayed_to_wire(
    agent_id: &model::AgentId,
    key: Option<KeyHash>,
    said: &Frame,
) -> Result<Relayed, EncodeError> {
    let said = to_wire::envelope(said)?.encode_to_vec();
    Ok(Relayed { agent_id: agent_id.to_string(), said, key: key_to_wire(key) })
}

pub(super) fn relayed_of(relayed: &Relayed) -> Result<Frame, FrameError> {
    let wrong = |field| invalid(FrameKind::Relayed, field);
    let agent_id = from_wire::name_of(&relayed.agent_id, wrong("agent_id"))?;
    let key = key_of(&relayed.key, wrong("key"))?;
    let said = codec::decode_said(&relayed.said)?.ok_or(wrong("said"))?;
    Ok(Frame::Relayed { agent_id, key, said: Box::new(said) })
}

fn key_to_wire(key: Option<KeyHash>) -> Vec<u8> {
    key.map(|key| key.as_bytes().to_vec()).unwrap_or_default()
}

fn key_of(key: &[u8], wrong: FrameError) -> Result<Option<KeyHash>, FrameError> {
    if key.is_empty() {
        return Ok(None);
    }
    key.try_into().map(|key| Some(KeyHash::from_bytes(key))).map_err(|_| wrong)
}
