//! Every contact with the kernel that std has no safe call for.
//!
//! The only modules of the lab with `unsafe`. Each call is wrapped once, takes and gives safe
//! types, and returns the kernel's error as it is. Nothing here knows what a lab is.

pub(crate) mod process;

pub(crate) mod namespaces;

pub(crate) mod caps;

pub(crate) mod netlink;

pub(crate) mod packet;

pub(crate) mod tcp_info;

use std::io;

/// Turns a C result of -1 into the thread's last error.
fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
