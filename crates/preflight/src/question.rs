//! What is asked of whom, and its bytes.

use std::net::SocketAddr;

use domain::base::MessageBuilder;
use domain::base::iana::Class;
use domain::base::message_builder::PushError;
use domain::base::opt::ClientSubnet;

use crate::plan::Network;
use crate::{Name, RecordType};

/// One question to one server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Whom.
    pub server: SocketAddr,
    /// By what.
    pub transport: Transport,
    /// What about.
    pub name: Name,
    /// Which records.
    pub kind: RecordType,
    /// Whether the server shall find the answer itself: for resolvers (RD).
    pub recursion_desired: bool,
    /// The asker's OPT record.
    pub edns: Option<Edns>,
}

/// How a question travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// Over a connection.
    Tcp,
}

/// What an OPT record says of the asker (RFC 6891).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edns {
    /// The version; 0 is the only one there is.
    pub version: u8,
    /// The longest datagram it takes, in bytes.
    pub udp_size: u16,
    /// Whether it wants signatures.
    pub dnssec_ok: bool,
    /// The client that it asks for (RFC 7871).
    pub client: Option<Network>,
}

/// What fits every path without fragments (DNS flag day 2020).
pub(crate) const UDP_SIZE: u16 = 1232;

/// What resolvers of former years say.
pub(crate) const LARGE_UDP_SIZE: u16 = 4096;

impl Edns {
    /// As resolvers ask today.
    pub(crate) const PLAIN: Self =
        Self { version: 0, udp_size: UDP_SIZE, dnssec_ok: false, client: None };
}

impl Question {
    /// As a resolver asks an authority.
    pub(crate) fn new(server: SocketAddr, name: &Name, kind: RecordType) -> Self {
        let (transport, edns) = (Transport::Udp, Some(Edns::PLAIN));
        let name = name.clone();
        Self { server, transport, name, kind, recursion_desired: false, edns }
    }

    /// The same by TCP.
    pub(crate) fn by_tcp(self) -> Self {
        Self { transport: Transport::Tcp, ..self }
    }

    /// The same with another OPT record.
    pub(crate) fn with(self, edns: Option<Edns>) -> Self {
        Self { edns, ..self }
    }

    /// Its bytes, without the length that TCP puts before them.
    ///
    /// # Errors
    ///
    /// Never for what this crate asks: a question is far below the limit of a message.
    pub fn to_bytes(&self, id: u16) -> Result<Vec<u8>, PushError> {
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_id(id);
        builder.header_mut().set_rd(self.recursion_desired);
        let mut builder = builder.question();
        builder.push((&self.name, self.kind, Class::IN))?;
        let mut builder = builder.additional();
        if let Some(edns) = self.edns {
            builder.opt(|opt| {
                opt.set_version(edns.version);
                opt.set_udp_payload_size(edns.udp_size);
                opt.set_dnssec_ok(edns.dnssec_ok);
                match edns.client {
                    Some(client) => {
                        opt.push(&ClientSubnet::new(client.length(), 0, client.address()))
                    }
                    None => Ok(()),
                }
            })?;
        }
        Ok(builder.finish())
    }
}
