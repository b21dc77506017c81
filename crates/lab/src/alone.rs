//! A network of one process's own, for what measures the kernel: no connection of the machine is in it, and
//! every address of a chosen network is its own. Never touches the network of the machine itself.

use std::fs;
use std::io;

use model::Subnet;

use crate::sys::netlink::{Netlink, interface_index};
use crate::sys::{caps, namespaces, process};

/// Connections that may wait to be forgotten (TIME_WAIT) in it: those of a minute, as fast as they can be made,
/// in under a gigabyte of the kernel's memory.
const TIME_WAIT_MAX: &str = "3000000";

/// Moves this process, with what it starts from now on, into a network namespace that has nothing but
/// a loopback interface; all of `network` is there. Then gives up every capability, for good.
///
/// Must be called while the process has one thread. Needs no root where user namespaces do.
///
/// # Errors
///
/// The system forbids user namespaces and this is not root; else what the kernel says.
pub fn enter(network: Subnet) -> io::Result<()> {
    // Asked before: inside, they are nobody until they are mapped.
    let (user, group) = (process::user_id(), process::group_id());
    match namespaces::unshare(namespaces::USER | namespaces::NET) {
        Ok(()) => {
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
            fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
        }
        // Root needs no user namespace.
        Err(error) => namespaces::unshare(namespaces::NET).map_err(|_| error)?,
    }
    let loopback = interface_index("lo")?;
    let mut netlink = Netlink::open()?;
    netlink.set_up(loopback)?;
    netlink.add_local_network(loopback, network)?;
    // Where the system does not let us, connections beyond its own number end without a wait.
    let _ = fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", TIME_WAIT_MAX);
    caps::drop_all(None)
}

/// Lets this process open as many files as the system allows it; how many.
///
/// # Errors
///
/// What the kernel says.
pub fn raise_file_limit() -> io::Result<u64> {
    process::raise_file_limit()
}
