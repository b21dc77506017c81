//! What a query will read of a map, told before it is answered: a worker that has many queries asks
//! memory for all of it, and waits once instead of once a query.
//!
//! A guess, and nothing else goes by it: a wrong one costs what it took to make it. Must never decide
//! anything.

use std::net::IpAddr;

use dns::peek_network;

use crate::{View, Worker};

/// The places in memory that an answer to `packet` from `address` will read of the map of client
/// networks: of the domain that was asked for last, since to find out which it is costs more than what
/// is saved.
pub fn foresee(
    view: &View,
    worker: &Worker,
    (packet, address): (&[u8], IpAddr),
) -> impl Iterator<Item = *const u8> {
    let domain = view.domains.get(worker.last_domain());
    let client = || peek_network(packet).map_or(address, |network| network.address());
    domain.map(|domain| domain.map.places(client())).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// A question for `app.demo.local` from a client's /24, or that cut off.
    fn query(length: usize) -> Vec<u8> {
        let mut bytes =
            b"\0\x07\x01\0\0\x01\0\0\0\0\0\x01\x03app\x04demo\x05local\0\0\x01\0\x01".to_vec();
        bytes.extend_from_slice(
            b"\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0\x0a\x09\x01",
        );
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn places_are_those_of_the_client_or_else_of_the_asker() {
        let view = crate::fuzz::view().unwrap();
        let worker = Worker::new(None);
        let address = IpAddr::from([192, 0, 2, 1]);
        let map = &view.domains.first().unwrap().map;
        for (length, client) in [(usize::MAX, Ipv4Addr::new(10, 9, 1, 0).into()), (20, address)] {
            let expect: Vec<_> = map.places(client).collect();
            assert!(!expect.is_empty());
            let query = query(length);
            assert_eq!(foresee(&view, &worker, (&query, address)).collect::<Vec<_>>(), expect);
        }
    }
}
