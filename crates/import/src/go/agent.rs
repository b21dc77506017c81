//! What is particular in an agent's file: addresses that are nobody's but its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::note::{Kind, Notes};
use crate::yaml::{Map, Value};

const PATH: &str = "agent.backends[].address";

/// 127.0.0.1 or ::1: the machine itself, for whoever is told.
fn is_itself(ip: IpAddr) -> bool {
    ip == IpAddr::from(Ipv4Addr::LOCALHOST) || ip == IpAddr::from(Ipv6Addr::LOCALHOST)
}

/// Puts each thing where it stands now. `address` takes the place of 127.0.0.1 and ::1.
pub(super) fn move_over(root: &mut Map, address: Option<IpAddr>, notes: &mut Notes) {
    for backend in root.maps("agent.backends") {
        let Some(text) = backend.text("address") else { continue };
        match (text.parse::<IpAddr>(), address) {
            (Ok(ip), Some(address)) if is_itself(ip) => {
                notes.add(Kind::Changed, PATH, format!("{address} stands for {ip}"));
                backend.set("address", Value::text(address.to_string()));
            }
            (Ok(ip), None) if is_itself(ip) => {
                let what = format!(
                    "{ip} is what clients would be told: give `--address` the one that they reach"
                );
                notes.add(Kind::ToDo, PATH, what);
            }
            (Err(_), _) => {
                let what = format!(
                    "{text:?} is no address, and names are not looked up: write the address"
                );
                notes.add(Kind::ToDo, PATH, what);
            }
            (Ok(_), _) => {}
        }
    }
}
