//! The file of a local socket, which nobody else can open at any moment.

#[cfg(target_os = "linux")]
use std::fs::File;
use std::fs::Permissions;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

#[cfg(target_os = "linux")]
use socket2::{Domain, SockAddr, Socket, Type};

/// A socket file that only this user can open. One left over from a process that died is replaced.
///
/// Whatever the umask, nobody else can connect at any moment: its mode is right before it is there, and
/// it is moved to its place once it listens.
///
/// # Errors
///
/// The directory cannot be written to, or the path is too long for a socket.
#[cfg(target_os = "linux")]
pub fn private_socket(path: &Path) -> io::Result<UnixListener> {
    /// Operators and successors who wait for their turn: more than ever come at once.
    const WAITING_MAX: i32 = 128;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".n");
    let beside = Path::new(&beside);
    match std::fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A socket's file takes the mode that the socket has, less the umask (net/unix/af_unix.c).
    let socket = File::from(OwnedFd::from(socket));
    socket.set_permissions(Permissions::from_mode(0o600))?;
    let socket = Socket::from(OwnedFd::from(socket));
    socket.bind(&SockAddr::unix(beside)?)?;
    socket.listen(WAITING_MAX)?;
    socket.set_nonblocking(true)?;
    // In one directory: from one to another, the first Landlock (Linux before 5.19) refuses it always.
    std::fs::rename(beside, path)?;
    Ok(OwnedFd::from(socket).into())
}

/// As on Linux; but made in a directory that only this user may enter, since a socket has no mode before
/// it has a file.
///
/// # Errors
///
/// The directory cannot be written to, or the path is too long for a socket.
#[cfg(not(target_os = "linux"))]
pub fn private_socket(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut directory = path.as_os_str().to_owned();
    directory.push(".d");
    let directory = Path::new(&directory);
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::DirBuilder::new().mode(0o700).create(directory)?;
    // A short name: a socket's path has 107 bytes (unix(7)).
    let beside = directory.join("s");
    let listener = UnixListener::bind(&beside)?;
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(&beside, Permissions::from_mode(0o600))?;
    std::fs::rename(&beside, path)?;
    std::fs::remove_dir(directory)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn only_its_owner_gets_at_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        // The second one takes the place of a file that a dead process left.
        for _ in 0..2 {
            let listener = private_socket(&path).unwrap();
            let metadata = std::fs::metadata(&path).unwrap();
            assert_eq!(metadata.mode() & 0o7777, 0o600);
            assert_eq!(metadata.uid(), std::fs::metadata(directory.path()).unwrap().uid());
            UnixStream::connect(&path).unwrap();
            drop(listener);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    /// The first version of Landlock refuses every rename from one directory to another.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_sandbox_of_an_old_kernel_lets_it_be_made() {
        use landlock::{
            ABI, Access as _, AccessFs, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
            RulesetStatus, path_beneath_rules,
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        let confined = || {
            let all = AccessFs::from_all(ABI::V1);
            let rules = Ruleset::default().handle_access(all).unwrap().create().unwrap();
            let rules = rules.add_rules(path_beneath_rules([directory.path()], all)).unwrap();
            if rules.restrict_self().unwrap().ruleset == RulesetStatus::NotEnforced {
                return eprintln!("SKIPPED: this kernel has no Landlock");
            }
            drop(private_socket(&path).unwrap());
            // What it would have met.
            std::fs::create_dir(directory.path().join("d")).unwrap();
            let moved = std::fs::rename(&path, directory.path().join("d/s"));
            assert_eq!(moved.unwrap_err().kind(), io::ErrorKind::CrossesDevices);
        };
        // A thread's own.
        std::thread::scope(|scope| scope.spawn(confined).join()).unwrap();
    }
}
