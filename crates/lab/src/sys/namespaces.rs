//! Making and entering namespaces, mounting inside them, host names.

#![expect(unsafe_code, reason = "libc calls that std does not wrap")]

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::checked;

pub(crate) use libc::{
    CLONE_NEWNET as NET, CLONE_NEWNS as MOUNT, CLONE_NEWPID as PID, CLONE_NEWUSER as USER,
    CLONE_NEWUTS as UTS,
};

/// Gives this process (its children, for [`PID`]) new namespaces of the kinds in `flags`.
pub(crate) fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: takes flags only and changes the calling process alone.
    checked(unsafe { libc::unshare(flags) }).map(drop)
}

/// Enters the namespace of one kind that `path` names, such as `/proc/PID/ns/net`.
pub(crate) fn enter(path: &Path, kind: libc::c_int) -> io::Result<()> {
    enter_file(&File::open(path)?, kind)
}

/// As [`enter`], for a file that is open already.
pub(crate) fn enter_file(namespace: &File, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open for the whole call.
    checked(unsafe { libc::setns(namespace.as_raw_fd(), kind) }).map(drop)
}

/// What [`mount`] does.
pub(crate) enum Mount<'a> {
    /// Makes all mounts private: nothing done later reaches the outside.
    AllPrivate,
    /// Shows a file at a second place.
    Bind { source: &'a Path, target: &'a Path },
    /// A file system in memory.
    Tmpfs { target: &'a Path, options: &'a CStr },
    /// The processes of this process namespace.
    Proc { target: &'a Path },
}

/// Changes the mounts of this mount namespace.
pub(crate) fn mount(mount: &Mount<'_>) -> io::Result<()> {
    let c_path = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from);
    let hidden = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    let (source, target, kind, flags, options) = match mount {
        Mount::AllPrivate => (None, c"/".to_owned(), None, libc::MS_REC | libc::MS_PRIVATE, None),
        Mount::Bind { source, target } => {
            (Some(c_path(source)?), c_path(target)?, None, libc::MS_BIND, None)
        }
        Mount::Tmpfs { target, options } => {
            let flags = libc::MS_NOSUID | libc::MS_NODEV;
            (Some(c"lab".to_owned()), c_path(target)?, Some(c"tmpfs"), flags, Some(*options))
        }
        Mount::Proc { target } => {
            (Some(c"proc".to_owned()), c_path(target)?, Some(c"proc"), hidden, None)
        }
    };
    let pointer = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: every pointer is null, where the kernel allows it, or a C string that lives until
    // the end of this function.
    checked(unsafe {
        libc::mount(
            pointer(source.as_deref()),
            target.as_ptr(),
            pointer(kind),
            flags,
            pointer(options).cast(),
        )
    })
    .map(drop)
}

/// Sets the name of this UTS namespace.
pub(crate) fn set_host_name(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length are those of one live slice.
    checked(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }).map(drop)
}

/// The name of this UTS namespace.
pub(crate) fn host_name() -> io::Result<String> {
    // HOST_NAME_MAX is 64 on Linux; one more for the final zero.
    let mut name = [0u8; 65];
    // SAFETY: pointer and length are those of one live slice.
    checked(unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) })?;
    let text = CStr::from_bytes_until_nul(&name).map_err(io::Error::other)?;
    Ok(text.to_string_lossy().into_owned())
}
