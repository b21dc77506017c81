//! The file of a local socket, which nobody else can open at any moment.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

/// A socket file that only this user can open. One left over from a process that died is replaced.
///
/// Whatever the umask, nobody else can connect at any moment: the socket is made in a directory that
/// only this user may enter, and moved to its place once its own mode is right.
///
/// # Errors
///
/// The directory cannot be written to, or the path is too long for a socket.
pub fn private_socket(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
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
    let listener = std::os::unix::net::UnixListener::bind(&beside)?;
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600))?;
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
}
