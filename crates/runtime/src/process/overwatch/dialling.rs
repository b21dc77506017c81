//! The other overwatches that this one dials: a connection to each address that the node wants, and the
//! keys that they have shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ::overwatch::Event;
use tracing::{info, warn};

use super::{Process, StartError};
use crate::logs::chain;
use crate::mesh::{Client, Connection, FailReason, Pins};

/// The file of pinned keys, beside this overwatch's own key. Not that of an agent on the same machine.
const PINS: &str = "pinned-peers";

/// The connections that this overwatch opens.
pub(super) struct Dialling {
    pins: Pins,
    /// Whom the node wants to be dialled.
    wanted: BTreeSet<String>,
    clients: BTreeMap<String, Client>,
    /// Overwatches that could not be reached the last time: said once, not at every try.
    unreachable: BTreeSet<String>,
}

impl Dialling {
    pub(super) fn new(key_path: &str) -> Result<Self, StartError> {
        let pins = Pins::load(&Path::new(key_path).with_file_name(PINS))?;
        let (wanted, unreachable) = (BTreeSet::new(), BTreeSet::new());
        Ok(Self { pins, wanted, clients: BTreeMap::new(), unreachable })
    }

    /// Another process may have pinned keys meanwhile: they count.
    pub(super) fn read_pins(&mut self, key_path: &str) {
        match Self::new(key_path) {
            Ok(read) => self.pins = read.pins,
            Err(error) => warn!("{}; going by the pins that are known", chain(&error)),
        }
    }

    /// Ends all of them; another process opens its own.
    pub(super) fn end(&mut self) {
        self.clients.clear();
    }
}

impl Process {
    /// Keeps a connection to each of these addresses, and to no others.
    pub(super) fn dial_peers(&mut self, wanted: BTreeSet<String>) {
        self.dialling.wanted = wanted;
        self.dial_again();
    }

    /// Opens what is wanted and not there.
    pub(super) fn dial_again(&mut self) {
        let Dialling { wanted, clients, unreachable, .. } = &mut self.dialling;
        clients.retain(|address, _| wanted.contains(address));
        unreachable.retain(|address| wanted.contains(address));
        for address in wanted.iter() {
            if clients.contains_key(address) {
                continue;
            }
            match self.edges.dial(address) {
                Ok(client) => drop(clients.insert(address.clone(), client)),
                Err(error) => warn!("{}", chain(&error)),
            }
        }
    }

    /// A connection that this overwatch opened stands.
    pub(super) fn on_reached(
        &mut self,
        connection: Connection,
        address: String,
        peer: ::mesh::Peer,
    ) {
        let link = connection.id();
        self.connections.insert(link, connection);
        self.dialling.unreachable.remove(&address);
        let pinned = self.dialling.pins.get(&address);
        self.handle(Event::PeerReached { link, address, peer, pinned });
    }

    /// One did not come about.
    pub(super) fn on_unreachable(&mut self, address: String, reason: &FailReason) {
        if self.dialling.unreachable.insert(address.clone()) {
            warn!("overwatch {address} cannot be reached, trying on: {}", chain(reason));
        }
    }

    /// An overwatch has proven itself for the first time, or again.
    pub(super) fn pin_peer(&mut self, address: &str, key: ::mesh::KeyHash) {
        match self.dialling.pins.set(address, key) {
            Ok(true) => info!("pinned overwatch {address} to key {key}"),
            Ok(false) => {}
            Err(error) => warn!("{}", chain(&error)),
        }
    }
}
