//! What a process that gave something up could still reach: tried, by a thread that gives it up for
//! itself alone and ends.
//!
//! Tried and not worked out from owners and modes, since the kernel has more of that: lists of access,
//! other modules. Must never leave anything changed: neither the process nor a file.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::Needs;

/// Files of the first writable directory that are looked at, and how deep: a store, keys and what is
/// learned are some dozens. Beyond it nothing is looked at.
const FILES_MAX: usize = 4_096;
const DEPTH_MAX: usize = 4;

/// One of each of the paths that could not be used.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lacks {
    /// A file or directory that could not be read.
    pub(super) unreadable: Option<PathBuf>,
    /// A directory in which no file could be made.
    pub(super) unwritable: Option<PathBuf>,
}

impl Lacks {
    /// One of both.
    pub(super) fn first(&self) -> Option<&Path> {
        self.unreadable.as_deref().or(self.unwritable.as_deref())
    }
}

/// What is needed and could not be used by a thread that did `give_up`.
///
/// # Errors
///
/// The thread cannot be started, or cannot give it up.
pub(super) fn lacks(
    needs: &Needs,
    give_up: impl FnOnce() -> Result<(), Errno> + Send,
) -> std::io::Result<Lacks> {
    std::thread::scope(|scope| {
        let tried = std::thread::Builder::new().spawn_scoped(scope, || {
            give_up()?;
            Ok(look(needs))
        })?;
        tried.join().unwrap_or_else(|_| Err(std::io::Error::other("what looks at files panicked")))
    })
}

fn look(needs: &Needs) -> Lacks {
    let mut left = FILES_MAX;
    let own = needs.writable.first();
    let unreadable = needs.readable.iter().find(|path| is_denied(path, read(path)));
    let unreadable = unreadable.cloned();
    let unwritable =
        needs.writable.iter().find(|path| is_denied(path, Access::WRITE_OK | Access::EXEC_OK));
    Lacks {
        unreadable: unreadable.or_else(|| own.and_then(|own| below(own, DEPTH_MAX, &mut left))),
        unwritable: unwritable.cloned(),
    }
}

/// The first thing below a directory that could not be read.
fn below(directory: &Path, depth: usize, left: &mut usize) -> Option<PathBuf> {
    for entry in std::fs::read_dir(directory).ok()?.flatten() {
        *left = left.checked_sub(1)?;
        let kind = entry.file_type().ok()?;
        let path = entry.path();
        // The file system's own; always root's, and nobody's to read.
        if path.file_name() == Some(OsStr::new("lost+found")) {
            continue;
        }
        if (kind.is_file() || kind.is_dir()) && is_denied(&path, read(&path)) {
            return Some(path);
        }
        if kind.is_dir()
            && depth > 1
            && let Some(found) = below(&path, depth - 1, left)
        {
            return Some(found);
        }
    }
    None
}

fn read(path: &Path) -> Access {
    if path.is_dir() { Access::READ_OK | Access::EXEC_OK } else { Access::READ_OK }
}

/// Whether it is there, or may be, and cannot be used. What is not there needs no right.
fn is_denied(path: &Path, how: Access) -> bool {
    access(path, how) == Err(Errno::ACCESS)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use rustix::process::{Gid, Uid, geteuid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    use super::*;

    /// `nobody` nearly everywhere; here it is only a number.
    const NOBODY: u32 = 65_534;

    fn as_nobody() -> Result<(), Errno> {
        set_thread_groups(&[])?;
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)
    }

    #[test]
    fn what_another_user_cannot_use_is_found_and_this_one_stays_who_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let mode = |name: &str, mode| {
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("", 0o755);
        for name in ["data", "data/lost+found", "keys"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        for (name, bits) in [("config", 0o644), ("data/store", 0o600), ("keys/key", 0o644)] {
            std::fs::write(at(name), "").unwrap();
            mode(name, bits);
        }
        mode("data/lost+found", 0o700);
        for name in ["data", "data/store"] {
            if chown(at(name), Some(NOBODY), None).is_err() {
                return eprintln!("SKIPPED: this user cannot give files to others");
            }
        }
        let needs = Needs {
            readable: ["config", "keys/key", "not-there-yet"].map(at).to_vec(),
            writable: vec![at("data")],
            ..Needs::default()
        };
        let found = || lacks(&needs, as_nobody).unwrap();
        assert_eq!(found(), Lacks::default());
        let check = |name: &str, bits: u32, good: u32, unreadable: &str| {
            mode(name, bits);
            assert_eq!(found().unreadable, Some(at(unreadable)), "{name} {bits:o}");
            mode(name, good);
        };
        check("config", 0o600, 0o644, "config");
        check("keys", 0o700, 0o755, "keys/key");
        // An older release ran as root here.
        chown(at("data/store"), Some(0), None).unwrap();
        assert_eq!(found().first(), Some(&*at("data/store")));
        let keys = Needs { writable: vec![at("keys")], ..needs.clone() };
        assert_eq!(lacks(&keys, as_nobody).unwrap().unwritable, Some(at("keys")));
        assert!(geteuid().is_root());
    }
}
