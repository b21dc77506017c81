//! Protobuf twins to frames: every value is checked here, once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use health::{Strain, WHOLE_PERMILLE};
use model::BackendKey;
use model::name::Name;

use crate::codec::FrameError;
use crate::frame::{
    self, BACKENDS_MAX, EXCLUDES_MAX, Frame, FrameKind, HEARTBEAT_MS_MAX, LOAD_PORTS_MAX,
    MISSED_THRESHOLD_MAX, PEERS_MAX, SUBNET_TTL_MS_MAX,
};
use crate::proof::Mac;
use crate::refusal::{Refusal, RefusalReason};
use crate::report;
use crate::wire::{
    BackendOffer, Body, Challenge, Condition, Hello, Load, Position, Proof, Refused, Registration,
    Report, Welcome,
};
use crate::wire::{checks, peers};

/// Most MACs in one list of a challenge: two mesh keys with two tokens each.
const MACS_MAX: usize = 4;

/// The longest peer: a host name (RFC 1035, 2.3.4), a colon, a port.
const PEER_BYTES_MAX: usize = 253 + 1 + 5;

/// The frame of a twin.
///
/// # Errors
///
/// A field that holds what it cannot.
pub(crate) fn frame(body: Body) -> Result<Frame, FrameError> {
    Ok(match body {
        Body::Hello(hello) => Frame::Hello(hello_of(&hello)?),
        Body::Challenge(challenge) => Frame::Challenge(challenge_of(&challenge)?),
        Body::Proof(proof) => Frame::Proof(proof_of(&proof)?),
        Body::Welcome(welcome) => Frame::Welcome(welcome_of(welcome)?),
        Body::Refused(refused) => Frame::Refused(refusal_of(&refused)),
        Body::Registration(registration) => Frame::Registration(registration_of(registration)?),
        Body::Heartbeat(_) => Frame::Heartbeat,
        Body::Report(report) => report_of(&report)?,
        Body::Ack(position) => Frame::Ack(position_of(position)),
        Body::Load(load) => Frame::Load(load_of(&load)?),
        Body::Condition(condition) => Frame::Condition(condition_of(&condition)?),
        Body::Goodbye(_) => Frame::Goodbye,
        Body::PeerHello(hello) => Frame::PeerHello(peers::hello_of(&hello)?),
        Body::Have(have) => Frame::Have(peers::have_of(have)?),
        Body::Vouched(vouched) => Frame::Vouched(peers::vouched_of(&vouched)?),
        Body::Relayed(relayed) => peers::relayed_of(&relayed)?,
        Body::Told(told) => Frame::Told { has_more: told.has_more },
    })
}

pub(super) const fn invalid(frame: FrameKind, field: &'static str) -> FrameError {
    FrameError::Field { frame, field }
}

fn hello_of(hello: &Hello) -> Result<frame::Hello, FrameError> {
    let region = hello.region.as_deref();
    let region = region.map(|region| name_of(region, invalid(FrameKind::Hello, "region")));
    Ok(frame::Hello {
        protocol: hello.protocol,
        agent_id: name_of(&hello.agent_id, invalid(FrameKind::Hello, "agent_id"))?,
        epoch: hello.epoch,
        service: name_of(&hello.service, invalid(FrameKind::Hello, "service"))?,
        region: region.transpose()?,
    })
}

fn challenge_of(challenge: &Challenge) -> Result<frame::Challenge, FrameError> {
    let macs = |macs: &[Vec<u8>], field| -> Result<Vec<Mac>, FrameError> {
        if macs.len() > MACS_MAX {
            return Err(invalid(FrameKind::Challenge, field));
        }
        macs.iter().map(|mac| mac_of(mac).ok_or(invalid(FrameKind::Challenge, field))).collect()
    };
    Ok(frame::Challenge {
        protocol: challenge.protocol,
        overwatch_id: name_of(
            &challenge.overwatch_id,
            invalid(FrameKind::Challenge, "overwatch_id"),
        )?,
        memberships: macs(&challenge.memberships, "memberships")?,
        proofs: macs(&challenge.proofs, "proofs")?,
    })
}

fn proof_of(proof: &Proof) -> Result<frame::Proof, FrameError> {
    let mac = mac_of(&proof.mac).ok_or(invalid(FrameKind::Proof, "mac"))?;
    Ok(frame::Proof { index: proof.index, mac })
}

fn welcome_of(welcome: Welcome) -> Result<frame::Welcome, FrameError> {
    let Welcome { resume, exclude, peers } = welcome;
    if exclude.len() > EXCLUDES_MAX {
        return Err(invalid(FrameKind::Welcome, "exclude"));
    }
    let is_peer = |peer: &String| {
        peer.len() <= PEER_BYTES_MAX
            && peer.contains(':')
            && peer.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if peers.len() > PEERS_MAX || !peers.iter().all(is_peer) {
        return Err(invalid(FrameKind::Welcome, "peers"));
    }
    let address = |bytes: &Vec<u8>| address_of(bytes).ok_or(invalid(FrameKind::Welcome, "exclude"));
    let exclude = exclude.iter().map(address).collect::<Result<_, _>>()?;
    Ok(frame::Welcome { resume: resume.map(position_of), exclude, peers })
}

fn refusal_of(refused: &Refused) -> Refusal {
    Refusal::new(RefusalReason::from_number(refused.reason), &refused.detail)
}

fn registration_of(registration: Registration) -> Result<frame::Registration, FrameError> {
    let Registration { region, backends, heartbeat_ms, missed_threshold, subnet_ttl_ms } =
        registration;
    let check = |holds: bool, field| match holds {
        true => Ok(()),
        false => Err(invalid(FrameKind::Registration, field)),
    };
    check(backends.len() <= BACKENDS_MAX, "backends")?;
    check((1..=HEARTBEAT_MS_MAX).contains(&heartbeat_ms), "heartbeat_ms")?;
    check((1..=MISSED_THRESHOLD_MAX).contains(&missed_threshold), "missed_threshold")?;
    check((1..=SUBNET_TTL_MS_MAX).contains(&subnet_ttl_ms), "subnet_ttl_ms")?;
    Ok(frame::Registration {
        region: name_of(&region, invalid(FrameKind::Registration, "region"))?,
        backends: backends.into_iter().map(offer_of).collect::<Result<_, _>>()?,
        heartbeat_ms,
        missed_threshold,
        subnet_ttl_ms,
    })
}

fn load_of(load: &Load) -> Result<frame::Load, FrameError> {
    let check = |holds: bool, field| match holds {
        true => Ok(()),
        false => Err(invalid(FrameKind::Load, field)),
    };
    check((1..=HEARTBEAT_MS_MAX).contains(&load.period_ms), "period_ms")?;
    check(load.ports.len() <= LOAD_PORTS_MAX, "ports")?;
    check(load.ports.is_sorted_by(|a, b| a.port < b.port), "ports")?;
    let port = |load: &super::PortLoad| {
        let port = u16::try_from(load.port).ok().filter(|port| *port > 0);
        let port = port.ok_or(invalid(FrameKind::Load, "port"))?;
        Ok(frame::PortLoad { port, open: load.open, closed: load.closed })
    };
    let ports = load.ports.iter().map(port).collect::<Result<_, FrameError>>()?;
    Ok(frame::Load { period_ms: load.period_ms, ports })
}

fn condition_of(condition: &Condition) -> Result<frame::Condition, FrameError> {
    let kind = FrameKind::Condition;
    if condition.backends.len() > BACKENDS_MAX {
        return Err(invalid(kind, "backends"));
    }
    let backend = |backend: &super::BackendCondition| {
        let port = u16::try_from(backend.port).ok().filter(|port| *port > 0);
        let share = u16::try_from(backend.share_permille).ok();
        let share = share.filter(|share| *share < WHOLE_PERMILLE);
        let (value, threshold) = (backend.value, backend.threshold);
        if !value.is_finite() || !threshold.is_finite() {
            return Err(invalid(kind, "value"));
        }
        let signal = checks::signal_of(backend.signal);
        Ok(frame::BackendCondition {
            key: BackendKey {
                service: name_of(&backend.service, invalid(kind, "service"))?,
                address: address_of(&backend.address).ok_or(invalid(kind, "address"))?,
                port: port.ok_or(invalid(kind, "port"))?,
            },
            share_permille: share.ok_or(invalid(kind, "share_permille"))?,
            strain: signal.map(|signal| Strain { signal, value, threshold }),
        })
    };
    let backends = condition.backends.iter().map(backend).collect::<Result<_, _>>()?;
    Ok(frame::Condition { backends })
}

fn offer_of(offer: BackendOffer) -> Result<frame::BackendOffer, FrameError> {
    let address = address_of(&offer.address).ok_or(invalid(FrameKind::Registration, "address"))?;
    let port = |port: u32, field| {
        let port = u16::try_from(port).ok().filter(|port| *port > 0);
        port.ok_or(invalid(FrameKind::Registration, field))
    };
    Ok(frame::BackendOffer {
        key: BackendKey {
            service: name_of(&offer.service, invalid(FrameKind::Registration, "service"))?,
            address,
            port: port(offer.port, "port")?,
        },
        listen_port: port(offer.listen_port, "listen_port")?,
        weight: offer.weight,
        check: checks::from_wire(offer.check, offer.later_check)?,
        healthy: offer.healthy,
    })
}

fn report_of(report: &Report) -> Result<Frame, FrameError> {
    let epoch = report.epoch;
    report::decode(report).map(|report| Frame::Report { epoch, report }).map_err(FrameError::Report)
}

pub(super) const fn position_of(position: Position) -> latency::Position {
    latency::Position { epoch: position.epoch, sequence: position.sequence }
}

pub(super) fn name_of<Kind>(text: &str, invalid: FrameError) -> Result<Name<Kind>, FrameError> {
    text.parse().map_err(|_| invalid)
}

fn mac_of(bytes: &[u8]) -> Option<Mac> {
    bytes.try_into().ok().map(Mac::from_bytes)
}

/// An address of 4 or 16 bytes; a v4-mapped one is folded.
pub(super) fn address_of(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from_octets(octets).into());
    }
    let octets = <[u8; 16]>::try_from(bytes).ok()?;
    Some(IpAddr::from(Ipv6Addr::from_octets(octets)).to_canonical())
}
