//! Frames to their protobuf twins.

use std::net::IpAddr;

use crate::codec::EncodeError;
use crate::frame::{self, BACKENDS_MAX, EXCLUDES_MAX, Frame, LOAD_PORTS_MAX, PEERS_MAX};
use crate::proof::Mac;
use crate::report;
use crate::wire::{
    BackendCondition, BackendOffer, Body, Challenge, Condition, Empty, Envelope, Hello, Load,
    PortLoad, Position, Proof, Refused, Registration, Told, Welcome,
};
use crate::wire::{checks, peers};

/// The twin of a frame.
///
/// # Errors
///
/// More of something than the other side accepts.
pub(crate) fn envelope(frame: &Frame) -> Result<Envelope, EncodeError> {
    let body = match frame {
        Frame::Hello(hello) => Body::Hello(Hello {
            protocol: hello.protocol,
            agent_id: hello.agent_id.to_string(),
            epoch: hello.epoch,
            service: hello.service.to_string(),
            region: hello.region.as_ref().map(ToString::to_string),
        }),
        Frame::Challenge(challenge) => Body::Challenge(Challenge {
            protocol: challenge.protocol,
            overwatch_id: challenge.overwatch_id.to_string(),
            memberships: macs(&challenge.memberships),
            proofs: macs(&challenge.proofs),
        }),
        Frame::Proof(proof) => {
            Body::Proof(Proof { index: proof.index, mac: proof.mac.as_bytes().to_vec() })
        }
        Frame::Welcome(welcome) => Body::Welcome(welcome_of(welcome)?),
        Frame::Refused(refusal) => Body::Refused(Refused {
            reason: refusal.reason.number(),
            detail: refusal.detail().to_owned(),
        }),
        Frame::Registration(registration) => Body::Registration(registration_of(registration)?),
        Frame::Heartbeat => Body::Heartbeat(Empty {}),
        Frame::Load(load) => Body::Load(load_of(load)?),
        Frame::Condition(condition) => Body::Condition(condition_of(condition)?),
        Frame::Report { epoch, report } => Body::Report(report::encode(*epoch, report)?),
        Frame::Ack(position) => Body::Ack(position_of(*position)),
        Frame::Goodbye => Body::Goodbye(Empty {}),
        Frame::PeerHello(hello) => Body::PeerHello(peers::hello_to_wire(hello)),
        Frame::Have(have) => Body::Have(peers::have_to_wire(have)?),
        Frame::Vouched(vouched) => Body::Vouched(peers::vouched_to_wire(vouched)?),
        Frame::Relayed { agent_id, key, said } => {
            Body::Relayed(peers::relayed_to_wire(agent_id, *key, said)?)
        }
        Frame::Told { has_more } => Body::Told(Told { has_more: *has_more }),
    };
    Ok(Envelope { body: Some(body) })
}

fn macs(macs: &[Mac]) -> Vec<Vec<u8>> {
    macs.iter().map(|mac| mac.as_bytes().to_vec()).collect()
}

pub(super) const fn position_of(position: latency::Position) -> Position {
    Position { epoch: position.epoch, sequence: position.sequence }
}

fn welcome_of(welcome: &frame::Welcome) -> Result<Welcome, EncodeError> {
    if welcome.exclude.len() > EXCLUDES_MAX {
        return Err(EncodeError::TooMany("excluded addresses"));
    }
    if welcome.peers.len() > PEERS_MAX {
        return Err(EncodeError::TooMany("peers"));
    }
    Ok(Welcome {
        resume: welcome.resume.map(position_of),
        exclude: welcome.exclude.iter().copied().map(address_of).collect(),
        peers: welcome.peers.clone(),
    })
}

fn registration_of(registration: &frame::Registration) -> Result<Registration, EncodeError> {
    if registration.backends.len() > BACKENDS_MAX {
        return Err(EncodeError::TooMany("backends"));
    }
    Ok(Registration {
        region: registration.region.to_string(),
        backends: registration.backends.iter().map(offer_of).collect(),
        heartbeat_ms: registration.heartbeat_ms,
        missed_threshold: registration.missed_threshold,
        subnet_ttl_ms: registration.subnet_ttl_ms,
    })
}

fn load_of(load: &frame::Load) -> Result<Load, EncodeError> {
    if load.ports.len() > LOAD_PORTS_MAX {
        return Err(EncodeError::TooMany("ports"));
    }
    let port = |load: &frame::PortLoad| {
        let frame::PortLoad { port, open, closed } = *load;
        PortLoad { port: port.into(), open, closed }
    };
    Ok(Load { period_ms: load.period_ms, ports: load.ports.iter().map(port).collect() })
}

fn condition_of(condition: &frame::Condition) -> Result<Condition, EncodeError> {
    if condition.backends.len() > BACKENDS_MAX {
        return Err(EncodeError::TooMany("backends"));
    }
    let backend = |backend: &frame::BackendCondition| BackendCondition {
        service: backend.key.service.to_string(),
        address: address_of(backend.key.address),
        port: backend.key.port.into(),
        share_permille: backend.share_permille.into(),
        signal: backend.strain.map_or(0, |strain| checks::number_of(strain.signal)),
        value: backend.strain.map_or(0.0, |strain| strain.value),
        threshold: backend.strain.map_or(0.0, |strain| strain.threshold),
    };
    Ok(Condition { backends: condition.backends.iter().map(backend).collect() })
}

fn offer_of(offer: &frame::BackendOffer) -> BackendOffer {
    let (check, later_check) = checks::to_wire(offer.check.as_ref());
    BackendOffer {
        service: offer.key.service.to_string(),
        address: address_of(offer.key.address),
        port: offer.key.port.into(),
        listen_port: offer.listen_port.into(),
        weight: offer.weight,
        check,
        healthy: offer.healthy,
        later_check,
    }
}

pub(super) fn address_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}
