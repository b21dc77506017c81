//! A process of its own that confines itself and then tries: the test binary, started anew, since what
//! one thread gives up is gone for all that it starts.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::os::fd::AsFd as _;
use std::process::Command;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{Domain, Socket, Type};

use super::*;

/// Names the directory, in the process that is to be confined.
const INSIDE: &str = "OPENGSLB_TEST_CONFINED_IN";

#[test]
fn what_is_forbidden_fails_and_the_rest_does_not() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [("read", "readable"), ("outside", "secret")] {
        std::fs::create_dir(directory.path().join(name)).unwrap();
        std::fs::write(directory.path().join(name).join("file"), text).unwrap();
    }
    std::fs::create_dir(directory.path().join("write")).unwrap();
    let mut inside = Command::new(std::env::current_exe().unwrap());
    inside.args(["--exact", "confine::tests::inside", "--nocapture"]).env(INSIDE, directory.path());
    let output = inside.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let written = directory.path().join("write/file");
    assert_eq!(std::fs::read_to_string(written).unwrap(), "written");
}

/// The unit of the package lets a process confine itself, and has the same families of sockets.
#[test]
fn the_unit_and_the_process_agree() {
    let unit = include_str!("../../../../deploy/systemd/opengslb.service");
    let line = |name: &str, part: &str| {
        unit.lines().filter_map(|line| line.strip_prefix(name)).any(|line| line.contains(part))
    };
    let calls =
        ["create_ruleset", "add_rule", "restrict_self"].map(|call| format!("landlock_{call}"));
    for call in calls.iter().map(String::as_str).chain(["capset", "seccomp"]) {
        assert!(line("SystemCallFilter=", call), "{call}");
    }
    let families = unit.lines().find_map(|line| line.strip_prefix("RestrictAddressFamilies="));
    let mut families: Vec<&str> = families.unwrap().split(' ').collect();
    families.sort_unstable();
    assert_eq!(families, ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_UNIX"]);
    assert_eq!(calls::FAMILIES.len(), families.len());
    assert!(line("LimitCORE=", "0"));
}

/// Does nothing but in the process that the test above starts.
#[test]
fn inside() {
    let Some(directory) = std::env::var_os(INSIDE).map(PathBuf::from) else { return };
    let at = |name: &str| directory.join(name);
    confine(&Needs {
        readable: vec![at("read/file")],
        writable: vec![at("write")],
        runs_programs: false,
        enlarges_buffers: false,
        hears_all_namespaces: false,
    });
    assert!(in_force().layers().all(|(_, is_in_force)| is_in_force), "{:?}", in_force());

    // Files.
    let kind = |result: std::io::Result<()>| result.map_err(|error| error.kind());
    let read = |name: &str| kind(std::fs::read(at(name)).map(drop));
    assert_eq!(
        [read("read/file"), read("outside/file")],
        [Ok(()), Err(ErrorKind::PermissionDenied)]
    );
    let write = |name: &str| kind(std::fs::write(at(name), "written"));
    assert_eq!(
        ["write/file", "read/file", "outside/new"].map(write),
        [Ok(()), Err(ErrorKind::PermissionDenied), Err(ErrorKind::PermissionDenied)]
    );
    // What is replaced is another file, in the same place.
    std::fs::write(at("write/next"), "written").unwrap();
    std::fs::rename(at("write/next"), at("write/file")).unwrap();
    std::fs::write("/dev/null", "").unwrap();
    assert!(std::fs::read_dir("/root").is_err());
    // Refused before it is looked at: what is executed need not be a file.
    let started = Command::new("/bin/true").status();
    assert_eq!(started.err().and_then(|error| error.raw_os_error()), Some(libc::EPERM));

    // Calls.
    let this = Pid::from_raw(i32::try_from(std::process::id()).unwrap()).unwrap();
    let this = pidfd_open(this, PidfdFlags::empty()).unwrap();
    let taken = pidfd_getfd(this.as_fd(), 0, PidfdGetfdFlags::empty());
    assert_eq!(taken.err(), Some(rustix::io::Errno::PERM));
    let other = Socket::new(Domain::from(libc::AF_VSOCK), Type::STREAM, None);
    assert_eq!(other.err().and_then(|error| error.raw_os_error()), Some(libc::EAFNOSUPPORT));

    // What a process needs all the same.
    assert_eq!(std::thread::spawn(|| 7).join().unwrap(), 7);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert!(("localhost", 1).to_socket_addrs().unwrap().count() > 0);
    assert!(std::thread::available_parallelism().is_ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(tokio::time::sleep(std::time::Duration::from_millis(1))).await.unwrap();
        let hang_up = tokio::signal::unix::SignalKind::hangup();
        assert!(tokio::signal::unix::signal(hang_up).is_ok());
    });
}
