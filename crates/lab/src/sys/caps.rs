//! Giving up every capability, for good.

#![expect(unsafe_code, reason = "libc calls that std does not wrap")]

use std::io;

use super::checked;

/// `_LINUX_CAPABILITY_VERSION_3` (linux/capability.h): two 32-bit words a set.
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// No capability of any kernel so far has a number this high (two words of 32 bits).
const CAPABILITIES_MAX: libc::c_ulong = 64;

/// `struct __user_cap_header_struct` (linux/capability.h).
#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

/// `struct __user_cap_data_struct` (linux/capability.h).
#[repr(C)]
#[derive(Clone, Copy)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Empties all five sets of this process, so that no program it executes can ever gain a
/// capability, and becomes user and group `user`, where one is given. Irreversible.
pub(crate) fn drop_all(user: Option<u32>) -> io::Result<()> {
    drop_bounding_set()?;
    if let Some(user) = user {
        become_user(user)?;
    }
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong)?;
    let mut header = Header { version: CAPABILITY_VERSION_3, pid: 0 };
    let empty = [Data { effective: 0, permitted: 0, inheritable: 0 }; 2];
    // SAFETY: header and data have the layout of version 3, which takes two data structs; pid 0
    // is the calling thread; the kernel writes only to the header.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, empty.as_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
}

fn drop_bounding_set() -> io::Result<()> {
    for capability in 0..CAPABILITIES_MAX {
        match prctl(libc::PR_CAPBSET_DROP, capability) {
            // The kernel knows no capability of this number: that was the last one.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}

/// Group first: after the user has changed, it could not be.
fn become_user(user: u32) -> io::Result<()> {
    // SAFETY: an empty list needs no pointer.
    checked(unsafe { libc::setgroups(0, std::ptr::null()) })?;
    // SAFETY: takes numbers only.
    checked(unsafe { libc::setresgid(user, user, user) })?;
    // SAFETY: takes numbers only.
    checked(unsafe { libc::setresuid(user, user, user) }).map(drop)
}

fn prctl(option: libc::c_int, argument: libc::c_ulong) -> io::Result<()> {
    let zero: libc::c_ulong = 0;
    // SAFETY: the options used in this file take numbers only; unused arguments are 0.
    checked(unsafe { libc::prctl(option, argument, zero, zero, zero) }).map(drop)
}
