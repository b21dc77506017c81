//! What belongs to which host: interfaces, hardware addresses, and every IP address.
//!
//! All of it follows from a host's place in the topology, so every process of a lab works it out
//! for itself and none has to be told.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::Subnet;

use crate::sys::netlink::Mac;
use crate::topology::Topology;

/// The interface of a host inside its own namespace.
pub(crate) const HOST_INTERFACE: &str = "eth0";

/// Next hop of every host. Nobody has it: interfaces do not resolve addresses, and the relay looks
/// at the destination alone. One next hop keeps the kernel's neighbour table at one entry.
pub(crate) const GATEWAY_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 255, 254));
/// The same for IPv6.
pub(crate) const GATEWAY_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));

/// The interface in the wan at whose other end host `index` is.
pub(crate) fn wan_interface(index: usize) -> String {
    format!("w{index}")
}

/// The hardware address of host `index`; locally administered ("lab" and the index).
pub(crate) fn host_mac(index: usize) -> Mac {
    let [.., high, low] = index.to_be_bytes();
    [0x02, b'l', b'a', b'b', high, low]
}

/// The hardware address of the wan's end of that cable.
pub(crate) fn wan_mac(index: usize) -> Mac {
    let [.., high, low] = index.to_be_bytes();
    [0x02, b'w', b'a', b'n', high, low]
}

/// Every address of a lab and the host that has it.
pub(crate) struct Directory {
    exact: HashMap<IpAddr, usize>,
    /// Longest prefix first.
    networks: Vec<(Subnet, usize)>,
}

impl Directory {
    pub(crate) fn new(topology: &Topology) -> Self {
        let hosts = || topology.hosts.iter().enumerate();
        let exact = hosts()
            .flat_map(|(index, host)| host.addresses.iter().map(move |address| (*address, index)))
            .collect();
        let mut networks: Vec<(Subnet, usize)> = hosts()
            .flat_map(|(index, host)| host.networks.iter().map(move |network| (*network, index)))
            .collect();
        networks.sort_by_key(|(network, _)| std::cmp::Reverse(network.length()));
        Self { exact, networks }
    }

    /// The host that packets to `address` go to.
    pub(crate) fn find(&self, address: IpAddr) -> Option<usize> {
        let network = || self.networks.iter().find(|(network, _)| network.contains(address));
        self.exact.get(&address).copied().or_else(|| network().map(|(_, index)| *index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::DEMO6;

    #[test]
    fn addresses_are_found_and_networks_come_second() {
        let topology: Topology = DEMO6.parse().unwrap();
        let directory = Directory::new(&topology);
        let host = |address: &str| {
            let index = directory.find(address.parse().unwrap())?;
            Some(topology.hosts[index].name.as_str())
        };
        assert_eq!(host("10.1.1.10"), Some("overwatch"));
        assert_eq!(host("10.1.2.200"), Some("traffic-eastus"));
        assert_eq!(host("fd00:3:2:5::7"), Some("traffic-singapore"));
        assert_eq!(host("10.2.1.11"), Some("backend-eu-west-2"));
        assert_eq!(host("8.8.8.8"), None);
    }
}
