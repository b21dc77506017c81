//! A destroy event: one datagram, one message, one socket that is gone.

use std::collections::BTreeSet;

use model::{Sample, SocketState};

use super::SOCK_DIAG_BY_FAMILY;
use super::inet_diag::{Socket, read_socket};
use super::message::Messages;
use crate::Received;

/// Reads one datagram: its samples go to `samples`, everything is counted in `received`.
pub(crate) fn read_event(
    datagram: &[u8],
    ports: &BTreeSet<u16>,
    samples: &mut Vec<Sample>,
    received: &mut Received,
) {
    for message in Messages::of(datagram) {
        received.events += 1;
        let socket = match message {
            Ok(message) if message.kind == SOCK_DIAG_BY_FAMILY => {
                read_socket(message.payload, SocketState::Closed)
            }
            _ => Err(super::inet_diag::Unreadable),
        };
        match socket {
            Ok(Socket::Connection(sample)) if ports.contains(&sample.local.port()) => {
                received.samples += 1;
                samples.push(sample);
            }
            Ok(_) => received.other_sockets += 1,
            Err(_) => received.unreadable += 1,
        }
    }
}

#[cfg(test)]
mod tests;
