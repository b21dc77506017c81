//! What the node wants done: said to others, watched, published, kept.
//!
//! Each of them stands alone: a fault in one costs no other, since what is not published would be answered
//! for no more, and what is not kept a restart would forget.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use ::overwatch::{Effect, Event, Level, Note};
use dns::NameBuf;
use tracing::{info, warn};

use super::Process;
use crate::panics::survived;
use crate::probe::ProbeTarget;
use crate::random;

/// What follows from all of them together.
#[derive(Default)]
struct After {
    /// Zones that want keys.
    drawn: Vec<NameBuf>,
    /// The addresses that checks come from. Agents learn them before the first one leaves.
    sources: BTreeSet<IpAddr>,
    /// Whether other servers are checked.
    is_watching_changed: bool,
}

impl Process {
    /// Does it; says whether all of it was done.
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) -> bool {
        let (mut after, mut is_whole) = (After::default(), true);
        for effect in effects {
            is_whole &= survived(|| self.carry_out_one(effect, &mut after)).is_some();
        }
        let After { drawn, sources, is_watching_changed } = after;
        for zone in drawn {
            if self.sharing.is_some() {
                is_whole &= survived(|| self.share_keys(zone)).is_some();
                continue;
            }
            let secrets = random::secrets();
            is_whole &= self.handle(Event::Drawn { zone: Box::new(zone), secrets });
        }
        for source in sources {
            is_whole &= self.handle(Event::ProbeSource(source));
        }
        if is_watching_changed && let Err(error) = self.prober.set_targets(self.targets.clone()) {
            warn!("not all backends are checked: {error}");
        }
        is_whole
    }

    fn carry_out_one(&mut self, effect: Effect, after: &mut After) {
        match effect {
            Effect::Send { link, frame } => {
                if let Some(connection) = self.connections.get(&link) {
                    connection.send(frame);
                }
            }
            Effect::Close { link } => {
                if let Some(connection) = self.connections.get(&link) {
                    connection.close();
                }
            }
            Effect::DialPeers(wanted) => self.dial_peers(wanted),
            Effect::PinPeer { address, key } => self.pin_peer(&address, key),
            Effect::Watch { backend, spec } => {
                let address = backend.socket();
                after.sources.extend(source_towards(address));
                self.targets.insert(backend, ProbeTarget { address, spec });
                after.is_watching_changed = true;
            }
            Effect::Unwatch { backend } => {
                self.targets.remove(&backend);
                after.is_watching_changed = true;
            }
            Effect::Publish(view) => self.retired.publish(&self.view, view),
            Effect::Draw { zone } => after.drawn.push(zone),
            Effect::Keep(changes) => self.keeping.keep(changes),
            Effect::Log(note) => log(&note),
        }
    }
}

/// The address this machine would talk to another from. Nothing is sent.
pub(super) fn source_towards(target: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr =
        if target.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(target).ok()?;
    Some(socket.local_addr().ok()?.ip().to_canonical())
}

fn log(note: &Note) {
    match note.level() {
        Level::Info => info!("{note}"),
        Level::Warn => warn!("{note}"),
    }
}
